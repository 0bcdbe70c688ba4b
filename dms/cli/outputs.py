"""Files that a command makes: nobody else can read them, and none is there before all of it is."""

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


@contextlib.contextmanager
def target_of(output: Path | None) -> Iterator[BinaryIO]:
    """Lend a file that nobody else can read, and hand it out when all went well; None: standard output."""
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
