"""`dms log hold`: events of the access log that no pruning removes."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import click

from dms.base.clock import from_datetime, to_iso
from dms.cli.acting import acting, as_option
from dms.cli.frame import emit, json_option, opened, operator
from dms.cli.logprune import ID, reason_option
from dms.house import House
from dms.models.logretention import LogHold
from dms.services import logretention, users
from dms.services.logretention import NewHold

_day = click.DateTime(["%Y-%m-%d"])


@click.group()
def hold() -> None:
    """Keep events of the access log from pruning; needs the duty `log.prune`."""


@hold.command()
@click.option("--since", type=_day, required=True, metavar="YYYY-MM-DD", help="The first day (UTC).")
@click.option("--until", type=_day, metavar="YYYY-MM-DD", help="The first day after it; without it, no end.")
@click.option("--object", "object_id", type=ID, metavar="ID", help="Only events that name this thing.")
@click.option("--actor", "actor_name", metavar="NAME", help="Only events of this account.")
@reason_option
@as_option
@json_option
@click.pass_context
def place(
    ctx: click.Context,
    *,
    since: datetime,
    until: datetime | None,
    object_id: UUID | None,
    actor_name: str | None,
    reason: str,
    account: str | None,
    as_json: bool,
) -> None:
    """Place a hold on the events of a period."""
    with opened(ctx) as house:
        actor = acting(house, account)
        wanted = NewHold(
            since=from_datetime(since.replace(tzinfo=UTC)),
            until=None if until is None else from_datetime(until.replace(tzinfo=UTC)),
            object_id=object_id,
            actor_id=None if actor_name is None else _account(house, actor_name),
        )
        row = house.works.write(actor, partial(logretention.place_hold, hold=wanted, reason=reason))
    emit(_values(row), as_json=as_json, lines=[_line(row)])


@hold.command()
@click.argument("hold_id", metavar="ID", type=ID)
@reason_option
@as_option
@json_option
@click.pass_context
def lift(ctx: click.Context, *, hold_id: UUID, reason: str, account: str | None, as_json: bool) -> None:
    """Lift a hold: the next pruning takes what it kept."""
    with opened(ctx) as house:
        body = partial(logretention.lift_hold, hold_id=hold_id, reason=reason)
        row = house.works.write(acting(house, account), body)
    emit(_values(row), as_json=as_json, lines=[_line(row)])


@hold.command("list")
@as_option
@json_option
@click.pass_context
def list_(ctx: click.Context, *, account: str | None, as_json: bool) -> None:
    """List all holds, lifted ones too."""
    with opened(ctx) as house:
        rows = house.works.read(acting(house, account), logretention.holds)
    emit(
        {"holds": [_values(row) for row in rows]},
        as_json=as_json,
        lines=[_line(row) for row in rows] or ["none"],
    )


def _account(house: House, name: str) -> UUID:
    return house.works.read(operator(), partial(users.user, name=name)).id


def _line(row: LogHold) -> str:
    end = "open" if row.until is None else to_iso(row.until)[:10]
    of = "".join(
        f", {word} {key}" for word, key in (("object", row.object_id), ("actor", row.actor_id)) if key
    )
    return f"{row.id} {_state(row)}: {to_iso(row.since)[:10]} to {end}{of}: {row.reason}"


def _values(row: LogHold) -> dict[str, Any]:  # JSON values
    return {
        "id": str(row.id),
        "state": _state(row),
        "since": to_iso(row.since),
        "until": None if row.until is None else to_iso(row.until),
        "object": None if row.object_id is None else str(row.object_id),
        "actor": None if row.actor_id is None else str(row.actor_id),
        "reason": row.reason,
    }


def _state(row: LogHold) -> str:
    return "stands" if row.lifted_at is None else "lifted"
