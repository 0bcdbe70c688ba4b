"""`dms log export`: take events of the access log out as a file that proves itself, or as a view."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from dms.access.log.eventfilters import EventFilter
from dms.base.clock import Instant, from_iso
from dms.base.errors import NotFound
from dms.base.ids import parse_global_id
from dms.cli.acting import acting, as_option
from dms.cli.frame import emit, json_option, opened, operator
from dms.cli.outputs import target_of
from dms.cli.progress import Progress
from dms.house import House
from dms.jobs import logexports
from dms.jobs.logexports import Ground
from dms.rules.accessevents import Op, Outcome
from dms.rules.logexports import ExportFormat
from dms.services import users
from dms.services.logexports import Asked, Exported

_FILTERS = (
    click.option("--since", metavar="INSTANT", help="Those at this instant or later (ISO 8601 with offset)."),
    click.option("--until", metavar="INSTANT", help="Those before this instant."),
    click.option("--actor", metavar="NAME", help="Those of this account."),
    click.option("--object", "thing", metavar="ID", help="Those that name this object."),
    click.option(
        "--op", type=click.Choice([op.value for op in Op]), metavar="OP", help="Those that did this."
    ),
    click.option(
        "--outcome", type=click.Choice([each.value for each in Outcome]), help="Those that ended so."
    ),
    click.option("--reason", help="Those refused or failed for this reason."),
    click.option("--refusals-only", is_flag=True, help="Only those in which something was refused."),
)


def _filtered(command: Any) -> Any:  # what click decorates
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "kind",
    type=click.Choice([each.value for each in ExportFormat]),
    default=ExportFormat.JSONL.value,
    show_default=True,
    help="jsonl proves itself; csv and ocsf are views.",
)
@_filtered
@click.option("--objects", is_flag=True, help="CSV: a row for each object instead of each event.")
@click.option("--no-details", is_flag=True, help="JSON Lines: leave out what may be removed by law.")
@as_option
@json_option
@click.pass_context
def export(
    ctx: click.Context,
    /,
    *,
    file: Path,
    kind: str,
    objects: bool,
    no_details: bool,
    account: str | None,
    as_json: bool,
    **narrowing: Any,  # by the names of the options above
) -> None:
    """Write events of the access log to FILE, which must not exist yet; `-` is standard output.

    Needs the duty `log.export`. Only what the newest checkpoint covers is written; the command says how much
    was newer. The export is recorded in the access log, with its digest, before the file appears.
    """
    progress = Progress()
    output = None if str(file) == "-" else file
    with opened(ctx) as house, target_of(output) as target:
        actor = acting(house, account)
        wanted = _wanted(house, **narrowing)
        asked = Asked(ExportFormat(kind), wanted, with_objects=objects, with_details=not no_details)
        ground = Ground(house.works, house.log_place, actor)
        try:
            exported = logexports.export(ground, asked, target=target, tell=progress.tell)
        finally:
            progress.end()
    if output is None:
        click.echo("\n".join(_lines(exported, file)), err=True)
    else:
        emit(_told(exported, file), as_json=as_json, lines=_lines(exported, file))


def _wanted(
    house: House,
    *,
    since: str | None,
    until: str | None,
    actor: str | None,
    thing: str | None,
    op: str | None,
    outcome: str | None,
    reason: str | None,
    refusals_only: bool,
) -> EventFilter:
    return EventFilter(
        actor_id=None if actor is None else _account(house, actor),
        object_id=None if thing is None else _object(thing),
        op=None if op is None else Op(op),
        outcome=None if outcome is None else Outcome(outcome),
        reason=reason,
        since=_instant("--since", since),
        until=_instant("--until", until),
        refusals_only=refusals_only,
    )


def _account(house: House, name: str) -> UUID:
    try:
        return house.works.read(operator(), partial(users.user, name=name)).id
    except NotFound as error:
        raise NotFound(f"there is no account `{name}`: see `dms user list`") from error


def _object(text: str) -> UUID:
    parsed = parse_global_id(text)
    if parsed is not None:
        return parsed[1]
    try:
        return UUID(hex=text)
    except ValueError as error:
        raise click.UsageError(f"`{text}` is no id: give one of the API, or 32 hexadecimal digits") from error


def _instant(option: str, text: str | None) -> Instant | None:
    try:
        return None if text is None else from_iso(text)
    except ValueError as error:
        example = "such as 2031-05-04T10:00:00Z"
        raise click.UsageError(f"`{option} {text}` is no instant with its offset, {example}") from error


def _told(exported: Exported, file: Path) -> dict[str, Any]:
    statement = exported.statement
    return {
        "file": str(file),
        "events": exported.events,
        "bytes": exported.size_bytes,
        "sha256": exported.sha256,
        "origin": statement.origin,
        "size": statement.size,
        "first": statement.first,
        "last": statement.last,
        "newer": statement.newer,
        "pruned": statement.pruned,
        "gaps": [
            {"writer": gap.writer.hex, "first": gap.first, "count": gap.count} for gap in statement.gaps
        ],
    }


def _lines(exported: Exported, file: Path) -> list[str]:
    statement = exported.statement
    found = [
        f"{file}: {exported.events:,} events, SHA-256 {exported.sha256}",
        f"looked through: leaves {statement.first:,} to {statement.last:,}",
        f"covered by the checkpoint of {statement.size:,} events of {statement.origin}",
    ]
    if statement.newer:
        found.append(f"left out: {statement.newer:,} newer, which no checkpoint covers yet")
    if statement.pruned:
        found.append(f"gone: {statement.pruned:,} events in between were pruned")
    missing = sum(gap.count for gap in statement.gaps)
    if missing:
        found.append(f"missing: {missing:,} numbers of writers; `dms log verify` says which")
    return found
