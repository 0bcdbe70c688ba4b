"""Where the files of a schedule come from: a folder, one file of this machine, or an upload."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from dms.rules.imports import shown
from dms.rules.schedulerows import MAX_BYTES
from dms.rules.sourcereadings import is_source
from dms.stores.folders import Folder, Unfit

_TOO_LARGE = f"the file is larger than {MAX_BYTES // 1024 // 1024} MB: import it in parts"


class SourceFile(NamedTuple):
    """A file of a source by its name; without bytes, the reason why it can't be read."""

    name: str
    data: bytes
    refusal: str | None = None


class Source(Protocol):
    """Files in an order that does not change while they do not."""

    def files(self) -> Iterator[SourceFile]:
        """Yield each file of a schedule."""


@dataclass(frozen=True, slots=True)
class FolderSource:
    """All files below a folder whose names end in `.json` or `.csv`, but for `repository.json`."""

    root: Path

    def files(self) -> Iterator[SourceFile]:
        """Yield them in the order of the bytes of their paths' parts."""
        with Folder(self.root) as folder:
            for entry in folder.entries():
                name = shown(entry.path)
                if entry.unfit is not None:
                    yield SourceFile(name, b"", entry.unfit)
                elif is_source(name):
                    yield _opened(folder, entry.path, name)


@dataclass(frozen=True, slots=True)
class FileSource:
    """One file of this machine, whatever its name."""

    path: Path

    def files(self) -> Iterator[SourceFile]:
        """Yield it."""
        name = os.fsencode(self.path.name)
        with Folder(self.path.absolute().parent) as folder:
            yield _opened(folder, name, shown(name))


@dataclass(frozen=True, slots=True)
class SentSource:
    """Bytes that somebody sent, with the name they gave them."""

    name: str
    data: bytes

    def files(self) -> Iterator[SourceFile]:
        """Yield them."""
        yield SourceFile(self.name, self.data)


def digest(source: Source) -> str:
    """Return SHA-256 (hex) of the names and contents of all files, or of why they can't be read."""
    whole = hashlib.sha256()
    for file in source.files():
        for part in (file.name.encode(), file.data, (file.refusal or "").encode()):
            whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


def _opened(folder: Folder, path: bytes, name: str) -> SourceFile:
    try:
        with folder.open(path) as file:
            if file.size_bytes > MAX_BYTES:
                return SourceFile(name, b"", _TOO_LARGE)
            return SourceFile(name, b"".join(file.pieces()))
    except Unfit as error:
        return SourceFile(name, b"", error.message)
