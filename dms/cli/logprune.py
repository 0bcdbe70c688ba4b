"""`dms log prune` and `dms log keep`: old events go by a rule; one person proposes it, another approves."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

import click

from dms.access.log import pruning
from dms.base.actor import Actor
from dms.base.clock import to_iso
from dms.base.ids import parse_global_id
from dms.cli.acting import acting, as_option
from dms.cli.frame import emit, json_option, opened
from dms.cli.progress import Progress
from dms.house import House
from dms.models.logretention import LogPruning
from dms.rules import logretention as rules
from dms.services import logretention

reason_option = click.option("--reason", required=True, help="Why; it stands in the access log.")


class IdType(click.ParamType):  # type: ignore[type-arg]  # generic only in newer releases of click
    """An id as the API or another command shows it."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> UUID:
        """Read a UUID, or an id of the API."""
        if isinstance(value, UUID):
            return value
        if (parsed := parse_global_id(str(value))) is not None:
            return parsed[1]
        try:
            return UUID(str(value))
        except ValueError:
            self.fail(f"`{value}` is no id", param, ctx)


ID = IdType()


@click.group()
def prune() -> None:
    """Remove readings, refusals and log-ins that are older than the rule keeps.

    One person proposes, another approves; both need the duty `log.prune`. Changes stay as long as the log,
    held events until their hold is lifted, and the tree over all of it for ever.
    """


@prune.command()
@click.option("--until", "month", metavar="YYYY-MM", help="The first month that stays; else the rule's.")
@reason_option
@as_option
@json_option
@click.pass_context
def propose(
    ctx: click.Context, *, month: str | None, reason: str, account: str | None, as_json: bool
) -> None:
    """Propose to another custodian what may go; removes nothing."""
    until = None if month is None else rules.month(month)
    with opened(ctx) as house:
        body = partial(logretention.propose, until=until, reason=reason)
        row = house.works.write(acting(house, account), body)
    _show(row, as_json=as_json)


@prune.command()
@click.argument("pruning_id", metavar="ID", type=ID)
@as_option
@json_option
@click.pass_context
def approve(ctx: click.Context, *, pruning_id: UUID, account: str | None, as_json: bool) -> None:
    """Approve what another custodian proposed, and remove it.

    If it breaks off, `finish` goes on with it.
    """
    with opened(ctx) as house:
        actor = acting(house, account)
        house.works.write(actor, partial(logretention.approve, pruning_id=pruning_id))
        row = _carry_out(house, actor, pruning_id)
    _show(row, as_json=as_json)


@prune.command()
@click.argument("pruning_id", metavar="ID", type=ID)
@as_option
@json_option
@click.pass_context
def finish(ctx: click.Context, *, pruning_id: UUID, account: str | None, as_json: bool) -> None:
    """Go on with an approved pruning that broke off."""
    with opened(ctx) as house:
        row = _carry_out(house, acting(house, account), pruning_id)
    _show(row, as_json=as_json)


@prune.command()
@click.argument("pruning_id", metavar="ID", type=ID)
@reason_option
@as_option
@json_option
@click.pass_context
def reject(ctx: click.Context, *, pruning_id: UUID, reason: str, account: str | None, as_json: bool) -> None:
    """Turn down what is proposed; its proposer takes it back so."""
    with opened(ctx) as house:
        body = partial(logretention.reject, pruning_id=pruning_id, reason=reason)
        row = house.works.write(acting(house, account), body)
    _show(row, as_json=as_json)


@prune.command("list")
@as_option
@json_option
@click.pass_context
def list_(ctx: click.Context, *, account: str | None, as_json: bool) -> None:
    """List prunings, whatever became of them."""
    with opened(ctx) as house:
        rows = house.works.read(acting(house, account), logretention.prunings)
    emit(
        {"prunings": [_values(row) for row in rows]},
        as_json=as_json,
        lines=[_line(row) for row in rows] or ["none"],
    )


@click.command()
@click.option("--months", type=int, help="From now on keep them so long.")
@click.option("--reason", help="Why; it stands in the access log.")
@as_option
@json_option
@click.pass_context
def keep(
    ctx: click.Context, *, months: int | None, reason: str | None, account: str | None, as_json: bool
) -> None:
    """Show, or with --months set, how long readings, refusals and log-ins are kept."""
    if months is not None and not reason:
        raise click.UsageError("`--months` needs a `--reason`")
    with opened(ctx) as house:
        actor = acting(house, account)
        if months is not None:
            house.works.write(actor, partial(logretention.set_rule, months=months, reason=reason or ""))
        kept = house.works.read(actor, logretention.rule)
    emit({"keptMonths": kept}, as_json=as_json, lines=[f"kept for {kept} months"])


def _carry_out(house: House, actor: Actor, pruning_id: UUID) -> LogPruning:
    order = house.works.read(actor, partial(logretention.approved, pruning_id=pruning_id))
    progress = Progress()
    try:
        removed = pruning.carry_out(
            house.database, house.log_place, order, tell=lambda count: progress.tell("removed", count, None)
        )
    finally:
        progress.end()
    return house.works.write(actor, partial(logretention.finish, pruning_id=pruning_id, removed=removed))


def _show(row: LogPruning, *, as_json: bool) -> None:
    lines = [_line(row)]
    if row.state == "proposed":
        lines.append(f"another custodian: dms log prune approve {row.id} --as NAME")
    emit(_values(row), as_json=as_json, lines=lines)


def _line(row: LogPruning) -> str:
    return (
        f"{row.id} {row.state}: {row.n_events:,} events before {rules.shown_month(row.until)},"
        f" {row.n_held:,} held, kept for {row.kept_months} months,"
        f" proven by {row.root} of {row.signed_size:,}"
    )


def _values(row: LogPruning) -> dict[str, Any]:  # JSON values
    return {
        "id": str(row.id),
        "state": row.state.value,
        "until": to_iso(row.until),
        "keptMonths": row.kept_months,
        "events": row.n_events,
        "held": row.n_held,
        "endIndex": row.end_index,
        "signedSize": row.signed_size,
        "root": row.root,
        "reason": row.reason,
    }
