"""`dms accesslist review`: the over-permission report, over however long an access log."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import click
import orjson

from dms.access.log.uses import Uses
from dms.base.actor import Actor
from dms.base.clock import to_iso
from dms.base.ids import Kind, global_id
from dms.base.paging import MAX_PAGE, PageRequest, Position
from dms.cli.acting import acting, as_option
from dms.cli.frame import json_option, opened
from dms.cli.progress import Progress
from dms.house import House
from dms.models.users import PrincipalKind
from dms.rules.accessfindings import FindingKind
from dms.rules.accesssheets import Column, NodeWord
from dms.rules.sheets import safe_cell
from dms.services import accessexports, accessfindings, principals
from dms.services.accessfindings import Asked, Finding
from dms.stores.work import Work

_KINDS = {
    PrincipalKind.USER: Kind.USER,
    PrincipalKind.GROUP: Kind.GROUP,
    PrincipalKind.ROLE: Kind.ROLE,
    PrincipalKind.SERVICE: Kind.SERVICE,
    PrincipalKind.EVERYONE: Kind.EVERYONE,
}
_ENTRY = (
    Column.NODE_KIND,
    Column.NODE_CODE,
    Column.NODE_ID,
    Column.ACTION,
    Column.EFFECT,
    Column.VALID_FROM,
    Column.VALID_UNTIL,
    Column.REASON,
)


@dataclass(frozen=True, slots=True)
class _Part:
    """Some findings as they are printed, and where the next ones begin: None after the last."""

    lines: list[dict[str, str]]
    beyond: Position | None


@click.command("review")
@click.option(
    "--unused-days",
    type=click.IntRange(1, 3650),
    default=90,
    show_default=True,
    help="After how many days without use a line counts as unused.",
)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([each.value for each in FindingKind]),
    help="Only findings of this kind; can be given several times.",
)
@as_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    unused_days: int,
    kinds: tuple[str, ...],
    account: str | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Report what of access lists and clearances nobody needs; needs the duty `access.review`.

    Lines unused for so many days, idle beside wider ones, expired, or on everything; clearances above what
    was opened in a year; people whom very many lines name; marks and lines scattered so widely that lists
    get slow. Of lines, clearances and people only what the account may know of is looked at.
    Exit code 0, whether anything is found or not.
    """
    if as_json and as_csv:
        raise click.UsageError("give `--json` or `--csv`, not both")
    asked = Asked(frozenset(map(FindingKind, kinds)) or frozenset(FindingKind), unused_days)
    with opened(ctx) as house:
        found = _found(house, acting(house, account), asked)
        if as_json:
            _print_json(found)
        elif as_csv:
            _print_csv(found)
        else:
            _print_lines(found)


def _found(house: House, actor: Actor, asked: Asked) -> Iterator[dict[str, str]]:
    known = house.works.read(actor, partial(accessfindings.begin, asked=asked))
    progress = Progress()
    while asked.reads_log:
        known = house.works.read(actor, partial(accessfindings.read_log, known=known))
        progress.tell("events", known.events, None)
        if known.reached is None:
            break
    after: Position | None = None
    count = 0
    while True:
        part = house.works.read(actor, partial(_part, asked=asked, known=known, after=after))
        yield from part.lines
        count += len(part.lines)
        progress.tell("findings", count, None)
        if part.beyond is None:
            progress.end()
            return
        after = part.beyond


def _part(work: Work, *, asked: Asked, known: Uses, after: Position | None) -> _Part:
    page = accessfindings.findings(work, PageRequest(MAX_PAGE, after=after), asked=asked, known=known)
    entries = {each.id: each for row in page.rows for each in (row.entry, row.by) if each is not None}
    records = accessexports.records(work, entries.values())
    names = principals.named(work, {each for row in page.rows if (each := _holder(row)) is not None})
    shown = {key: (row.kind.value, row.name, global_id(_KINDS[row.kind], key)) for key, row in names.items()}
    lines = [_line(row, records=records, names=shown) for row in page.rows]
    return _Part(lines, (page.reached or page.positions[-1]) if page.has_next else None)


def _line(
    row: Finding,
    *,
    records: Mapping[UUID, accessexports.Record],
    names: Mapping[UUID, tuple[str, str, str]],
) -> dict[str, str]:
    entry: accessexports.Record = {} if row.entry is None else records[row.entry.id]
    holder = _holder(row)
    kind, name, shown_id = ("", "", "") if holder is None else names[holder]
    about = entry.get(Column.ENTRY_ID, "")
    if row.clearance is not None:
        about = global_id(Kind.CLEARANCE, row.clearance.id)
    elif row.kind is FindingKind.MANY_SCOPES:
        about = global_id(Kind.REPOSITORY, row.id)
        entry = {Column.NODE_KIND: NodeWord.REPOSITORY.value, Column.NODE_ID: about}
    return {
        "kind": row.kind.value,
        "id": about or shown_id,
        "principal_kind": entry.get(Column.PRINCIPAL_KIND, kind),
        "principal": entry.get(Column.PRINCIPAL, name),
        **{column.value: entry.get(column, "") for column in _ENTRY},
        "shadowed_by": "" if row.by is None else records[row.by.id][Column.ENTRY_ID],
        "since": "" if row.since is None else to_iso(row.since),
        "why": row.why,
        "remedy": row.remedy,
    }


def _holder(row: Finding) -> UUID | None:
    """Return whom a finding is about that is not about an entry."""
    return row.principal_id if row.clearance is None else row.clearance.user_id


def _print_json(found: Iterator[dict[str, str]]) -> None:
    click.echo('{"findings": [', nl=False)
    for number, line in enumerate(found):
        text = orjson.dumps({key: value or None for key, value in line.items()}).decode()
        click.echo(f"{',' if number else ''}\n  {text}", nl=False)
    click.echo("\n]}")


def _print_csv(found: Iterator[dict[str, str]]) -> None:
    has_head = False
    for line in found:
        text = io.StringIO(newline="")
        sheet = csv.writer(text)
        if not has_head:
            sheet.writerow(line)
            has_head = True
        sheet.writerow([safe_cell(cell) for cell in line.values()])
        click.echo(text.getvalue(), nl=False)


def _print_lines(found: Iterator[dict[str, str]]) -> None:
    count = 0
    for line in found:
        node = line["node_code"] or line["node_kind"]
        what = f" {line['effect']} {line['action']} on {node}" if line["action"] else ""
        who = f"{line['principal_kind']} {line['principal']}" if line["principal"] else "the whole Repository"
        click.echo(f"{line['kind']}: {who}{what} ({line['id']})")
        click.echo(f"    {line['why']}: {line['remedy']}")
        count += 1
    click.echo(f"{count} findings" if count else "nothing found")
