"""`dms accesslist`: access lists as files."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import click

from dms.access.revisions import HOLDS, LOCK
from dms.base.actor import Actor
from dms.base.errors import Invalid, NotFound
from dms.base.ids import Kind, global_id
from dms.base.paging import Position
from dms.cli import accessreview
from dms.cli.acting import account_name, acting, as_option
from dms.cli.frame import REFUSED, emit, json_option, opened
from dms.cli.outputs import target_of
from dms.cli.progress import Progress
from dms.house import House
from dms.rules import accesssheets as rules
from dms.rules.accesssheets import Change, Column
from dms.rules.periods import Validity
from dms.rules.sheets import safe_cell
from dms.services import accessexports, accesssheets
from dms.services.accessexports import Exported, Wish
from dms.services.accesssheets import Report, Told

MAX_BYTES = 4 * rules.MAX_CHARS


@click.group()
def command() -> None:
    """Take access lists out, and bring changes of them in."""


command.add_command(accessreview.command)


@command.command("export")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--of", "code", metavar="CODE", help="Only of the Aggregation, Document or class, and below.")
@click.option("--id", "shown_id", metavar="ID", help="The same for any node, by its id.")
@click.option(
    "--validity",
    type=click.Choice([each.value for each in Validity]),
    help="Only entries that stand so now; all if left out.",
)
@as_option
@json_option
@click.pass_context
def export(
    ctx: click.Context,
    file: Path,
    *,
    code: str | None,
    shown_id: str | None,
    validity: str | None,
    account: str | None,
    as_json: bool,
) -> None:
    """Write access entries into the new FILE (`-`: standard output), as far as the account may know them.

    Without a node it needs the duty `access.review`, with one `MANAGE_ACCESS` there is enough. The digest of
    the file is in the access log before anybody gets it.
    """
    output = None if str(file) == "-" else file
    if output is None and as_json:
        raise click.UsageError("`--json` and the file would both go to standard output: name a file")
    if code and shown_id:
        raise click.UsageError("give `--of` or `--id`, not both")
    stands = None if validity is None else Validity(validity)
    with opened(ctx) as house, target_of(output) as target:
        actor = acting(house, account)
        wish = _wish(house, actor, code=code, shown_id=shown_id, stands=stands, name=account_name(account))
        exported = _export(house, actor, wish, target)
    summary = {"file": str(file), "lines": exported.lines, "bytes": exported.size_bytes}
    if as_json:
        emit({**summary, "sha256": exported.sha256}, as_json=True, lines=[])
    click.echo(f"{output or 'written'}: {exported.lines} lines, SHA-256 {exported.sha256}", err=True)


@command.command("import")
@click.argument("file", type=click.File("rb"))
@as_option
@click.option("--dry-run", "is_dry", is_flag=True, help="Write nothing, report what would be.")
@json_option
@click.pass_context
def import_(ctx: click.Context, file: BinaryIO, *, account: str | None, is_dry: bool, as_json: bool) -> None:
    """Grant and revoke what FILE (`-`: standard input) says: all of it, or nothing.

    The report, line by line, goes to standard output. Exit code 0: all was or would be done. 1: something is
    refused, and nothing was done.
    """
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise Invalid(f"the file has more than {MAX_BYTES} bytes: split it into several")
    text = rules.decoded(content)
    progress = Progress()
    with opened(ctx) as house:
        actor = acting(house, account)
        tell = partial(progress.tell, "lines")
        load = partial(accesssheets.load, content=text, is_dry=is_dry, tell=tell)
        try:
            report = house.works.write(actor, load, locks=(LOCK,))
        finally:
            progress.end()
    emit(_values(report), as_json=as_json, lines=list(_lines(report)))
    if report.refused:
        raise click.exceptions.Exit(REFUSED)


def _wish(
    house: House,
    actor: Actor,
    *,
    code: str | None,
    shown_id: str | None,
    stands: Validity | None,
    name: str,
) -> Wish:
    if code is None and shown_id is None:
        return Wish(None, stands)
    try:
        node = house.works.read(actor, partial(accessexports.node_of, code=code, shown_id=shown_id))
    except NotFound as error:
        raise NotFound(f"there is no node `{code or shown_id}` that `{name}` may know of") from error
    return Wish(node, stands)


def _export(house: House, actor: Actor, wish: Wish, target: BinaryIO) -> Exported:
    progress = Progress()
    total = house.works.read(actor, partial(accessexports.count, wish=wish))
    digest, size, lines = hashlib.sha256(), 0, 0
    try:
        for records in _parts(house, actor, wish):
            written = _csv(records, with_head=not size)
            target.write(written)
            digest.update(written)
            size += len(written)
            lines += len(records)
            progress.tell("entries", lines, total)
    finally:
        progress.end()
    exported = Exported(digest.hexdigest(), size, lines)
    house.works.read(actor, partial(accessexports.finish, exported=exported))
    return exported


def _parts(house: House, actor: Actor, wish: Wish) -> Iterator[list[accessexports.Record]]:
    after: Position | None = None
    while True:
        body = partial(accessexports.part, wish=wish, after=after)
        part = house.works.read(actor, body, locks=(HOLDS,))
        yield list(part.records)
        if part.beyond is None:
            return
        after = part.beyond


def _csv(records: list[accessexports.Record], *, with_head: bool) -> bytes:
    text = io.StringIO(newline="")
    sheet = csv.writer(text)
    if with_head:
        sheet.writerow(list(Column))
    sheet.writerows([safe_cell(record[column]) for column in Column] for record in records)
    return text.getvalue().encode()


def _values(report: Report) -> dict[str, Any]:  # JSON values
    return {
        "dryRun": report.is_dry,
        "written": report.is_written,
        **{f"{change.value}s": report.count(change) for change in Change},
        "refused": report.refused,
        "lines": [_line(told) for told in report.lines],
    }


def _line(told: Told) -> dict[str, Any]:  # JSON values
    return {
        "line": told.line,
        "change": told.change,
        "entryId": None if told.entry_id is None else global_id(Kind.ACCESS_ENTRY, told.entry_id),
        "problems": [
            {
                "code": problem.error.code,
                "column": problem.column,
                "message": problem.error.message,
                "remedy": problem.remedy,
            }
            for problem in told.problems
        ],
    }


def _lines(report: Report) -> Iterator[str]:
    for told in report.lines:
        for problem in told.problems:
            error = problem.error
            column = f"{problem.column}: " if problem.column else ""
            yield f"line {told.line}: {column}{error.message} [{error.code}]: {problem.remedy}"
        if not told.problems:
            yield f"line {told.line}: {told.change}"
    done = "done" if report.is_written else "nothing was written"
    counts = ", ".join(f"{report.count(change)} {change.value}" for change in Change)
    yield f"{counts}, {report.refused} refused: {done}"
