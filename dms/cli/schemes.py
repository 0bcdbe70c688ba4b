"""`dms scheme`: the classification scheme taken in from files, and written out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

import click

from dms.access.scopes import PLACES
from dms.base.actor import Actor
from dms.base.errors import Invalid
from dms.cli.acting import acting, as_option
from dms.cli.frame import REFUSED, emit, json_option, opened
from dms.cli.outputs import target_of
from dms.house import House
from dms.rules import schemeconcepts, schemefiles, skosreading
from dms.rules.schemefiles import MAX_BYTES, REMARKS_ONLY, ClassRow, Rows
from dms.rules.skosvalues import Format
from dms.services import schemeimports
from dms.services.schemeimports import AT_ONCE, Tally

Reading: TypeAlias = Callable[[bytes, Collection[str]], Rows]


def _skos(kind: Format, source: bytes, known: Collection[str]) -> Rows:
    return schemeconcepts.rows(skosreading.read(source, kind), known=known)


_READINGS: Mapping[str, Reading] = {
    "csv": schemefiles.read_csv,
    "json": schemefiles.read_json,
    "turtle": partial(_skos, Format.TURTLE),
    "xml": partial(_skos, Format.XML),
}
_ENDINGS = {".csv": "csv", ".json": "json", ".ttl": "turtle", ".rdf": "xml", ".xml": "xml"}
_WRITINGS = {"csv": schemefiles.write_csv, "json": schemefiles.write_json}


@click.group()
def command() -> None:
    """Take classes into a draft of the classification scheme, or export an edition."""


@command.command("import")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "kind", type=click.Choice([*_READINGS]), help="The default is that of its name.")
@click.option(
    "--edition", "number", type=int, metavar="N", help="Draft that takes them; the newest if left out."
)
@click.option(
    "--title", default="Imported edition", help="Title of the draft that is begun if there is none."
)
@as_option
@click.option("--dry-run", "is_dry", is_flag=True, help="Change nothing, report what would be.")
@json_option
@click.pass_context
def import_scheme(
    ctx: click.Context,
    file: Path,
    *,
    kind: str | None,
    number: int | None,
    title: str,
    account: str | None,
    is_dry: bool,
    as_json: bool,
) -> None:
    """Take the classes of FILE into a draft of the scheme: CSV, JSON, or SKOS in Turtle or RDF/XML.

    Columns or keys: code, title, parent (its code), scope_note, includes, excludes, primary_office. What is
    in doubt is left out and reported: doubled codes, circles, missing parents. The same file again changes
    nothing. Exit code 0: every line was taken. 1: there are findings.
    """
    reading = _READINGS[kind or _kind_of(file)]
    if file.stat().st_size > MAX_BYTES:
        raise Invalid(f"the file is larger than {MAX_BYTES // 1024**2} MiB", path=("file",))
    with opened(ctx) as house:
        run = _Run(house, acting(house, account), is_dry)
        tally = run.take(file.read_bytes(), reading, number=number, title=title)
    counts = Counter(each.remark.value for each in tally.findings)
    values = {
        "added": tally.added,
        "changed": tally.changed,
        "unchanged": tally.unchanged,
        "dryRun": is_dry,
        "findings": [each._asdict() for each in tally.findings],
    }
    lines = [f"line {each.line}: {each.remark}: `{each.code}` {each.message}" for each in tally.findings]
    would = " (dry run)" if is_dry else ""
    lines.append(f"{tally.added} added, {tally.changed} changed, {tally.unchanged} as they were{would}")
    lines += [f"{count} {name}" for name, count in sorted(counts.items())]
    emit(values, as_json=as_json, lines=lines)
    if any(each.remark not in REMARKS_ONLY for each in tally.findings):
        raise click.exceptions.Exit(REFUSED)


@command.command("export")
@click.option("--format", "kind", type=click.Choice([*_WRITINGS]), default="csv", show_default=True)
@click.option("--edition", "number", type=int, metavar="N", help="Which; the default is the one in force.")
@click.option("--output", type=click.Path(path_type=Path), help="The file; the default is standard output.")
@as_option
@click.pass_context
def export_scheme(
    ctx: click.Context, *, kind: str, number: int | None, output: Path | None, account: str | None
) -> None:
    """Write the open classes of an edition, from the top down; `dms scheme import` reads them back."""
    with opened(ctx) as house:
        actor = acting(house, account)
        _, wordings = house.works.read(actor, partial(schemeimports.exported, number=number))
    written = _WRITINGS[kind](wordings)
    # INVARIANT (strict out): what would not be read back as it stands does not leave.
    back = _READINGS[kind](written, ())
    if any(each.remark not in REMARKS_ONLY for each in back.findings):
        raise Invalid("the edition cannot be written so that it is read back: tell the administrator")
    with target_of(output) as target:
        target.write(written)


def _kind_of(file: Path) -> str:
    kind = _ENDINGS.get(file.suffix.lower())
    if kind is None:
        raise click.UsageError(f"say in which format `{file.name}` is: give `--format`")
    return kind


@dataclass(frozen=True, slots=True)
class _Run:
    """One file on its way into a draft."""

    house: House
    actor: Actor
    is_dry: bool

    def take(self, source: bytes, reading: Reading, *, number: int | None, title: str) -> Tally:
        """Take in all that can be taken, slice by slice."""
        works, actor = self.house.works, self.actor
        edition = works.read(actor, partial(schemeimports.target, number=number))
        if edition is None and not self.is_dry:
            edition = works.write(actor, partial(schemeimports.begin, title=title))
        key = None if edition is None else edition.id
        known: Collection[str] = ()
        if key is not None:
            known = works.read(actor, partial(schemeimports.known, edition_id=key))
        rows = reading(source, known)
        tally = Tally(findings=list(rows.findings))
        # A dry run is one slice: classes of an earlier one would be missing from the next.
        size = max(len(rows.classes), 1) if self.is_dry else AT_ONCE
        for start in range(0, len(rows.classes), size):
            tally.count(self._put(key, rows.classes[start : start + size]))
        return tally

    def _put(self, key: UUID | None, part: Sequence[ClassRow]) -> Tally:
        put = partial(schemeimports.put, edition_id=key, rows=part, is_dry=self.is_dry)
        works = self.house.works
        return works.read(self.actor, put) if self.is_dry else works.write(self.actor, put, locks=(PLACES,))
