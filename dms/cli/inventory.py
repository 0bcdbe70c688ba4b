"""`dms inventory`: take out what an Aggregation holds as a file."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click

from dms.base.errors import NotFound
from dms.cli.acting import account_name, acting, as_option
from dms.cli.frame import opened
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
    with opened(ctx) as house, _target(output) as target:
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


@contextlib.contextmanager
def _target(output: Path | None) -> Iterator[BinaryIO]:
    """Lend a file that nobody else can read, and hand it out when all went well."""
    if output is None:
        with tempfile.TemporaryFile() as hidden:
            yield hidden
            hidden.seek(0)
            shutil.copyfileobj(hidden, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        return
    if output.exists():
        raise click.UsageError(f"`{output}` is there already: choose another name, or remove it")
    try:
        number, name = tempfile.mkstemp(prefix=f".{output.name}.", dir=output.parent)
    except OSError as error:
        raise click.UsageError(f"`{output}` cannot be made: {error.strerror}") from error
    try:
        with os.fdopen(number, "w+b") as part:
            yield part
            part.flush()
            os.fsync(part.fileno())
        _publish(Path(name), output)
    finally:
        Path(name).unlink(missing_ok=True)


def _publish(part: Path, output: Path) -> None:
    try:
        output.hardlink_to(part)  # unlike a rename it overwrites nothing
    except FileExistsError as error:
        raise click.UsageError(f"`{output}` is there already: choose another name, or remove it") from error


def _told(exported: Exported, output: Path | None) -> str:
    marking = exported.marking or "no marking"
    return f"{output or 'written'}: {exported.lines} lines, {marking}, SHA-256 {exported.sha256}"
