"""`dms schedule`: retention schedules taken in from files, and written out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click

from dms.base.clock import monotonic_s
from dms.base.ids import Kind, global_id
from dms.cli.acting import acting, as_option
from dms.cli.frame import CANNOT_RUN, INTERRUPTED, REFUSED, emit, json_option, opened
from dms.cli.outputs import target_of
from dms.cli.progress import Progress
from dms.cli.stopping import stoppable
from dms.house import House
from dms.jobs import scheduleimports
from dms.jobs.scheduleimports import Ground, Report
from dms.jobs.schedulesources import FileSource, FolderSource
from dms.models.imports import RunEnding
from dms.rules.imports import shown
from dms.rules.schedulesheets import SheetFormat
from dms.services import scheduleexports
from dms.services.scheduleimports import RowOutcome

_ENDINGS = {
    RunEnding.COMPLETE: "all read",
    RunEnding.INTERRUPTED: "interrupted: run it again to go on",
    RunEnding.FAILED: "ended early",
}


@click.group()
def command() -> None:
    """Retention schedules: import rows of them into a draft, export an edition."""


@command.command("import")
@click.argument("source", metavar="FILE|FOLDER", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--schedule", "code", required=True, metavar="CODE", help="Schedule whose draft takes the rows."
)
@click.option("--title", help="Make the schedule, with this title, if there is none of this code.")
@as_option
@click.option(
    "--dry-run", "is_dry", is_flag=True, help="Read everything, enter nothing, report what would be."
)
@json_option
@click.pass_context
def import_schedule(
    ctx: click.Context,
    source: Path,
    *,
    code: str,
    title: str | None,
    account: str | None,
    is_dry: bool,
    as_json: bool,
) -> None:
    """Take the rules of FILE, or of all .json and .csv files below FOLDER, into a draft of a schedule.

    Every row becomes a rule of the draft, which is begun if there is none, with its whole text; what is
    not wholly understood needs review. Rows that can't be read are reported, and stop nothing. The same
    row again changes nothing. It can be killed and run again: it goes on where it was. Ctrl-C ends it
    after what is under way.

    The report goes to standard output. Exit code 0: every row was read. 1: some were refused. 3: it could
    not go on, and what was taken stays. 130: interrupted.
    """
    with opened(ctx) as house:
        report = _run(house, account, source, code=code, title=title, is_dry=is_dry)
    lines = list(_lines(report, is_dry=is_dry))
    emit(_values(report, source, code=code, is_dry=is_dry), as_json=as_json, lines=lines)
    if report.problem is not None:
        click.echo(f"dms: {report.problem}", err=True)
    if exit_code := _exit_code(report):
        raise click.exceptions.Exit(exit_code)


@command.command("export")
@click.option("--schedule", "code", required=True, metavar="CODE", help="Schedule to write out.")
@click.option("--edition", type=int, help="Its number; the one in force if left out, else the newest.")
@click.option(
    "--format",
    "kind",
    type=click.Choice([each.value for each in SheetFormat]),
    default=SheetFormat.JSON.value,
    show_default=True,
    help="What kind of file.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="File to make, readable by you alone; standard output if left out.",
)
@as_option
@click.pass_context
def export_schedule(
    ctx: click.Context,
    *,
    code: str,
    edition: int | None,
    kind: str,
    output: Path | None,
    account: str | None,
) -> None:
    """Write an edition of a schedule, each rule with its whole text; an import gives the same rules."""
    with opened(ctx) as house, target_of(output) as target:
        body = partial(scheduleexports.export, code=code, number=edition, kind=SheetFormat(kind))
        made = house.works.read(acting(house, account), body)
        target.write(made.data)
    digest = hashlib.sha256(made.data).hexdigest()
    told = f"edition {made.number}, {made.state}, {made.rules} rules, SHA-256 {digest}"
    click.echo(f"{output or 'written'}: {told}", err=True)


def _run(
    house: House, account: str | None, path: Path, *, code: str, title: str | None, is_dry: bool
) -> Report:
    actor = acting(house, account)
    source = FolderSource(path) if path.is_dir() else FileSource(path)
    name = shown(os.fsencode(path.absolute()))
    wish = scheduleimports.order(source, code=code, name=name, title=title)
    progress, begun_s = Progress(), monotonic_s()

    def tell(rows: int) -> None:
        seconds = max(monotonic_s() - begun_s, 0.001)
        progress.tell("schedule import", rows, None, note=f"{rows / seconds:.0f} rows/s")

    with stoppable() as stopped:
        ground = Ground(house.works, actor, tell, lambda: bool(stopped))
        try:
            return (scheduleimports.judge if is_dry else scheduleimports.run)(ground, wish, source)
        finally:
            progress.end()


def _exit_code(report: Report) -> int:
    if report.ending is RunEnding.FAILED:
        return CANNOT_RUN
    if report.ending is RunEnding.INTERRUPTED:
        return INTERRUPTED
    return REFUSED if report.outcomes[RowOutcome.REFUSED] else 0


def _values(report: Report, path: Path, *, code: str, is_dry: bool) -> dict[str, object]:
    run_id, edition_id = report.run_id, report.edition_id
    return {
        "run": None if run_id is None else global_id(Kind.SCHEDULE_IMPORT, run_id),
        "edition": None if edition_id is None else global_id(Kind.SCHEDULE_EDITION, edition_id),
        "schedule": code,
        "source": shown(os.fsencode(path.absolute())),
        "dryRun": is_dry,
        "ending": report.ending.value,
        "problem": report.problem,
        "rows": report.rows,
        **{outcome.value: report.outcomes[outcome] for outcome in RowOutcome},
        "parsed": report.tally.parsed,
        "needsReview": report.tally.needs_review,
        "wentOnBehind": report.went_on_behind,
        "seconds": round(report.seconds, 3),
        "rowsPerSecond": round(report.rows / max(report.seconds, 0.001), 1),
        "findings": [
            {
                "file": each.place.file,
                "row": each.place.row,
                "code": each.code.value,
                "severity": each.severity.value,
                "message": each.message,
                "raw": each.raw,
            }
            for each in report.remarks
        ],
        "findingsForgotten": report.remarks_forgotten,
    }


def _lines(report: Report, *, is_dry: bool) -> Iterator[str]:
    for each in report.remarks:
        yield f"{each.severity}: {each.place}: {each.message}"
    if report.remarks_forgotten:
        yield f"and {report.remarks_forgotten} more, which `scheduleImport` shows"
    speed = f"{report.seconds:.1f} s, {report.rows / max(report.seconds, 0.001):.0f} rows/s"
    yield f"{report.rows} rows, {_ENDINGS[report.ending]}, {speed}"
    if report.went_on_behind:
        yield f"{report.went_on_behind:>13} of them taken before, by an import that was broken off"
    would = "would be " if is_dry else ""
    for outcome, words in (
        (RowOutcome.ADDED, f"{would}added"),
        (RowOutcome.CHANGED, f"{would}changed"),
        (RowOutcome.UNCHANGED, "unchanged"),
        (RowOutcome.DUPLICATES, "stand twice and ask for the same"),
        (RowOutcome.REFUSED, "refused"),
    ):
        yield f"{report.outcomes[outcome]:>13} {words}"
    yield from _shares(report)


def _shares(report: Report) -> Iterator[str]:
    read = report.tally.parsed + report.tally.needs_review
    whole = max(read + report.outcomes[RowOutcome.REFUSED], 1)
    for count, words in (
        (report.tally.parsed, "wholly understood"),
        (report.tally.needs_review, "need review"),
        (report.outcomes[RowOutcome.REFUSED], "can't be read"),
    ):
        yield f"{count / whole:>13.1%} {words} ({count})"
