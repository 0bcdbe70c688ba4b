"""`dms inventory`: take out what an Aggregation holds as a file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dms.base.errors import NotFound
from dms.cli.acting import account_name, acting, as_option
from dms.cli.frame import opened
from dms.cli.outputs import target_of
from dms.cli.progress import Progress
from dms.jobs import inventory
from dms.jobs.inventory import Wish
from dms.jobs.inventoryfiles import Format
from dms.services.inventory import Exported


@click.command()
@click.option(
    "--of",
    "reference_code",
    metavar="CODE",
    help="Reference code of an Aggregation; the whole Repository if left out.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice([each.value for each in Format]),
    default=Format.CSV.value,
    show_default=True,
    help="What kind of file.",
)
@as_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="File to make, readable by you alone; standard output if left out.",
)
@click.pass_context
def command(
    ctx: click.Context, *, reference_code: str | None, kind: str, account: str | None, output: Path | None
) -> None:
    """Write what an Aggregation holds, with all below it, as the account may read it (READ_METADATA).

    Every line is recorded in the access log, and so is the digest of the file before it appears. The
    file carries the highest marking inside: handle it accordingly.
    """
    if output is None and kind == Format.XLSX and sys.stdout.isatty():
        raise click.UsageError("an xlsx file is nothing for a terminal: give `--output FILE`")
    progress = Progress()
    with opened(ctx) as house, target_of(output) as target:
        actor = acting(house, account)
        wish = Wish(reference_code, Format(kind), account_name(account))
        try:
            exported = inventory.export(house.works, actor, wish, target=target, tell=progress.tell)
        except NotFound as error:
            raise NotFound(
                f"there is no Aggregation `{reference_code}` that `{wish.account}` may read"
            ) from error
        finally:
            progress.end()
    click.echo(_told(exported, output), err=True)


def _told(exported: Exported, output: Path | None) -> str:
    marking = exported.marking or "no marking"
    return f"{output or 'written'}: {exported.lines} lines, {marking}, SHA-256 {exported.sha256}"
