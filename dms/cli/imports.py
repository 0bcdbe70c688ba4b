"""`dms import`: take a whole folder in, in a way that can be killed and run again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click
import orjson

from dms.base.clock import monotonic_s, system_clock
from dms.base.errors import ConfigurationError, NotFound
from dms.base.ids import Kind, global_id
from dms.base.settings import Settings
from dms.cli.acting import account_name, acting, as_option
from dms.cli.frame import CANNOT_RUN, INTERRUPTED, REFUSED, json_option, opened
from dms.cli.progress import Progress
from dms.cli.stopping import stoppable
from dms.house import House
from dms.jobs import imports
from dms.jobs.imports import Ground, Report, Wish
from dms.models.imports import RunEnding
from dms.models.schemes import UNASSIGNED
from dms.rules.imports import Duplicates, shown
from dms.services.imports import ImportOrder, Outcome
from dms.services.security import AskedMark
from dms.stores.folders import Folder
from dms.stores.scratch import Scratch

_ENDINGS = {
    RunEnding.COMPLETE: "all read",
    RunEnding.INTERRUPTED: "interrupted",
    RunEnding.FAILED: "ended early",
}


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--into", "reference_code", required=True, metavar="CODE", help="Aggregation to file into.")
@click.option(
    "--security",
    "mark",
    metavar="LEVEL[/COMPARTMENT...]",
    callback=lambda _ctx, _option, typed: None if typed is None else _mark(typed),
    help="Mark of the files; the default is that of the Aggregation.",
)
@click.option(
    "--class",
    "class_code",
    metavar="CODE",
    help=f"Class of the files; the default is that of the Aggregation, or `{UNASSIGNED}`.",
)
@as_option
@click.option(
    "--duplicates",
    type=click.Choice([each.value for each in Duplicates]),
    default=Duplicates.FILE.value,
    show_default=True,
    help="File or skip what the account can see elsewhere with the same content; both report it.",
)
@click.option(
    "--dry-run", "is_dry", is_flag=True, help="Read everything, file nothing, report what would be."
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    folder: Path,
    *,
    reference_code: str,
    mark: AskedMark | None,
    class_code: str | None,
    account: str | None,
    duplicates: str,
    is_dry: bool,
    as_json: bool,
) -> None:
    """File every file below FOLDER as a draft Document with its first Version.

    It can be killed and run again: a path is filed once, and once more as a new Version of its draft
    when its content has changed. Links and whatever is no file are refused, and so is what changes
    while it is read. Ctrl-C ends the import after what is under way.

    The report goes to standard output. Exit code 0: nothing was refused. 1: something was. 3: it could
    not go on, and what was filed stays. 130: interrupted.
    """
    source = shown(os.fsencode(folder.absolute()))
    order = ImportOrder(reference_code, source, mark=mark, class_code=class_code)
    wish = Wish(order, folder, Duplicates(duplicates), is_dry)
    with opened(ctx) as house, Scratch() as scratch:
        _require_outside(house.settings, folder)
        report = _run(house, account, wish, scratch)
        _emit(report, wish, scratch, as_json=as_json)
    if code := _exit_code(report):
        raise click.exceptions.Exit(code)


def _mark(typed: str) -> AskedMark:
    level, *compartments = typed.split("/")
    return AskedMark(level, tuple(compartments))


def _require_outside(settings: Settings, folder: Path) -> None:
    home, root = settings.home.resolve(), folder.resolve()
    if home.is_relative_to(root) or root.is_relative_to(home):
        raise ConfigurationError(f"`{folder}` holds the data folder, or lies in it: choose another")
    if settings.key_path.resolve().is_relative_to(root):
        raise ConfigurationError(f"`{folder}` holds the key file of this installation: choose another")


def _run(house: House, account: str | None, wish: Wish, scratch: Scratch) -> Report:
    actor = acting(house, account)
    told = _Told(wish.root)
    with stoppable() as stopped:
        ground = Ground(
            house.works,
            house.vault,
            actor,
            system_clock,
            tell=told.tell,
            is_stopped=lambda: bool(stopped),
        )
        try:
            return imports.run(ground, wish, scratch=scratch)
        except NotFound as error:
            code, name = wish.order.reference_code, account_name(account)
            raise NotFound(f"there is no Aggregation `{code}` that `{name}` may know of") from error
        finally:
            told.end()


class _Told:
    """Shows how far the import has come; on a terminal the files are counted first, for the bar."""

    def __init__(self, root: Path) -> None:
        self._progress = Progress()
        self._began_s = monotonic_s()
        self._total = None
        if self._progress.is_terminal:
            with Folder(root) as folder:
                self._total = sum(1 for _ in folder.entries())

    def tell(self, files: int, read_bytes: int) -> None:
        """Tell of the files and bytes that were read."""
        seconds = max(monotonic_s() - self._began_s, 0.001)
        note = f"{read_bytes / 1e6:.1f} MB, {files / seconds:.0f} files/s"
        self._progress.tell("import", files, self._total, note=note)

    def end(self) -> None:
        """Leave the last state standing."""
        self._progress.end()


def _exit_code(report: Report) -> int:
    if report.ending is RunEnding.FAILED:
        return CANNOT_RUN
    if report.ending is RunEnding.INTERRUPTED:
        return INTERRUPTED
    return REFUSED if report.outcomes[Outcome.REFUSED] else 0


def _emit(report: Report, wish: Wish, scratch: Scratch, *, as_json: bool) -> None:
    """Print the report piece by piece, since the remarks may be as many as the files."""
    if as_json:
        head = orjson.dumps(_values(report, wish, scratch), option=orjson.OPT_INDENT_2).decode()
        click.echo(head.removesuffix("\n}") + ',\n  "findings": [', nl=False)
        for number, (path, kind, reason) in enumerate(scratch.remarks()):
            line = orjson.dumps({"path": path, "kind": kind, "reason": reason}).decode()
            click.echo(f"{',' if number else ''}\n    {line}", nl=False)
        click.echo("\n  ]\n}")
    else:
        for line in _lines(report, wish, scratch):
            click.echo(line)
    if report.problem is not None:
        click.echo(f"dms: {report.problem}", err=True)


def _values(report: Report, wish: Wish, scratch: Scratch) -> dict[str, str | int | float | None]:
    return {
        "run": None if report.run_id is None else global_id(Kind.IMPORT_RUN, report.run_id),
        "source": wish.order.source,
        "into": wish.order.reference_code,
        "dryRun": wish.is_dry,
        "ending": report.ending.value,
        "problem": report.problem,
        "files": report.outcomes.total(),
        "filed": report.outcomes[Outcome.FILED],
        "newVersions": report.outcomes[Outcome.NEW_VERSION],
        "skipped": report.outcomes[Outcome.SKIPPED],
        "refused": report.outcomes[Outcome.REFUSED],
        "duplicates": report.duplicates,
        "filedBytes": report.filed_bytes,
        "readBytes": report.read_bytes,
        "seconds": round(report.seconds, 3),
        "filesPerSecond": round(report.files_per_s, 1),
        "findingsForgotten": scratch.forgotten,
    }


def _lines(report: Report, wish: Wish, scratch: Scratch) -> Iterator[str]:
    for path, kind, reason in scratch.remarks():
        yield f"{kind}: {path}: {reason}"
    if scratch.forgotten:
        yield f"and {scratch.forgotten} more, for which there was no room to remember them"
    would = "would be " if wish.is_dry else ""
    speed = f"{report.seconds:.1f} s, {report.files_per_s:.0f} files/s"
    yield f"{report.outcomes.total()} files, {_ENDINGS[report.ending]}, {speed}"
    for count, words in (
        (report.outcomes[Outcome.FILED], f"{would}filed"),
        (report.outcomes[Outcome.NEW_VERSION], f"{would}filed as new Versions"),
        (report.outcomes[Outcome.SKIPPED], f"{would}skipped"),
        (report.outcomes[Outcome.REFUSED], f"{would}refused"),
        (report.duplicates, "of these were duplicates"),
        (report.filed_bytes, f"bytes {would}filed"),
        (report.read_bytes, "bytes read"),
    ):
        yield f"{count:>13} {words}"
