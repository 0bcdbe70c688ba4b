"""`dms thesaurus`: read a thesaurus in from SKOS, and write it as SKOS."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import orjson

from dms.base.errors import Invalid
from dms.cli.acting import acting, as_option
from dms.cli.frame import REFUSED, json_option, opened
from dms.cli.outputs import target_of
from dms.cli.progress import Progress
from dms.jobs import thesauri
from dms.jobs.thesauri import Report, Wish
from dms.rules.skosvalues import MAX_SOURCE_BYTES, Format
from dms.services.thesaurusimports import Outcome

_XML = {".rdf", ".xml", ".owl"}
_OUTCOMES = {
    Outcome.ADDED: "added",
    Outcome.CHANGED: "changed, and wait for approval again",
    Outcome.UNCHANGED: "said what they say already",
    Outcome.LEFT: "were given up here, and left so",
}

format_option = click.option(
    "--format",
    "kind",
    type=click.Choice([each.value for each in Format]),
    help="How the file is written; the default is that of its name, else turtle.",
)


@click.group()
def command() -> None:
    """Read thesauri in from SKOS, and write them as SKOS."""


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--into", "code", required=True, metavar="CODE", help="The thesaurus; made if there is none.")
@click.option("--title", help="Name of a new thesaurus; the default is what the file says.")
@click.option("--language", default="", help="In which a new thesaurus shows its concepts, such as `en`.")
@click.option("--scheme", metavar="IRI", help="Which concept scheme of the file, if it has several.")
@format_option
@as_option
@click.option(
    "--dry-run", "is_dry", is_flag=True, help="Read everything, keep nothing, report what would be."
)
@json_option
@click.pass_context
def read_in(
    ctx: click.Context,
    file: Path,
    *,
    code: str,
    title: str | None,
    language: str,
    scheme: str | None,
    kind: str | None,
    account: str | None,
    is_dry: bool,
    as_json: bool,
) -> None:
    """Read the concepts of FILE (Turtle or RDF/XML) into a thesaurus, where they wait for approval.

    What has no place here is kept and written again; what contradicts a rule of SKOS is kept aside and
    reported. It can be killed and run again, and the same file again changes nothing.

    The report goes to standard output. Exit code 0: nothing was remarkable. 1: there are findings.
    """
    wish = Wish(
        source=_bytes(file),
        kind=_kind(file, kind),
        code=code,
        title=title,
        language=language,
        scheme=scheme,
        is_dry=is_dry,
    )
    progress = Progress()
    with opened(ctx) as house:
        try:
            report = thesauri.read_in(
                house.works,
                acting(house, account),
                wish,
                tell=lambda done, total: progress.tell("concepts", done, total),
            )
        finally:
            progress.end()
    if as_json:
        click.echo(orjson.dumps(_values(report, wish), option=orjson.OPT_INDENT_2))
    else:
        for line in _lines(report, wish):
            click.echo(line)
    if report.findings:
        raise click.exceptions.Exit(REFUSED)


@command.command("export")
@click.argument("code")
@format_option
@as_option
@click.option("--approved-only", is_flag=True, help="Leave out what waits for approval.")
@click.option(
    "--as-found", is_flag=True, help="Write what contradicts SKOS too, as its source said it, unchecked."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="File to make, readable by you alone; standard output if left out.",
)
@click.pass_context
def write_out(
    ctx: click.Context,
    code: str,
    *,
    kind: str | None,
    account: str | None,
    approved_only: bool,
    as_found: bool,
    output: Path | None,
) -> None:
    """Write the thesaurus CODE as SKOS; nothing is written that contradicts a rule of it.

    Exit code 0: written. 1: it contradicts SKOS, and nothing is written.
    """
    with opened(ctx) as house, target_of(output) as target:
        written = thesauri.write_out(
            house.works,
            acting(house, account),
            code,
            kind=_kind(output, kind),
            approved_only=approved_only,
            with_aside=as_found,
        )
        target.write(written)
    digest = hashlib.sha256(written).hexdigest()
    click.echo(f"{output or 'written'}: {len(written)} bytes, SHA-256 {digest}", err=True)


def _bytes(file: Path) -> bytes:
    with file.open("rb") as opened_file:
        found = opened_file.read(MAX_SOURCE_BYTES + 1)
    if len(found) > MAX_SOURCE_BYTES:
        raise Invalid(f"the file is larger than {MAX_SOURCE_BYTES} bytes: split it", path=("file",))
    return found


def _kind(file: Path | None, asked: str | None) -> Format:
    if asked is not None:
        return Format(asked)
    return Format.XML if file is not None and file.suffix.lower() in _XML else Format.TURTLE


def _values(report: Report, wish: Wish) -> dict[str, Any]:  # of JSON
    return {
        "thesaurus": wish.code,
        "scheme": report.uri,
        "dryRun": wish.is_dry,
        "sameAsBefore": report.is_known,
        "triples": report.triples,
        "concepts": report.outcomes.total(),
        **{outcome.value: report.outcomes[outcome] for outcome in Outcome},
        "links": report.links,
        "relinked": report.relinked,
        "findings": [
            {"code": each.remark.value, "subject": each.subject, "raw": each.raw} for each in report.findings
        ],
    }


def _lines(report: Report, wish: Wish) -> Iterator[str]:
    if report.is_known:
        yield f"this file was read into `{wish.code}` before: nothing is to be done"
        return
    for each in report.findings:
        yield f"{each.remark.value}: {each.subject}: {each.raw}"
    would = "would be " if wish.is_dry else ""
    counts = f"{report.outcomes.total()} concepts of {report.triples} statements"
    yield f"{counts}, {len(report.findings)} findings"
    for outcome, words in _OUTCOMES.items():
        is_done = outcome in {Outcome.ADDED, Outcome.CHANGED}
        yield f"{report.outcomes[outcome]:>9} {would if is_done else ''}{words}"
    yield f"{report.links:>9} links between them"
