"""The folder of a shard: tiles, entry bundles and checkpoints as static files (C2SP tlog-tiles).

Each file is written aside, made durable, and renamed, so that whoever reads sees a whole one or none. The
checkpoint comes last: what it speaks of is there. Beside it stands the history of all that were signed,
a file of JSON Lines for each day (UTC).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import orjson

from dms.base.clock import Instant, utc_day
from dms.base.errors import NotFound
from dms.rules import tiles
from dms.rules.tiles import WIDTH, Tile

CHECKPOINT = "checkpoint"
COSIGNED = "cosigned"
"""The newest checkpoint under which as many witnesses have signed as must: the last one of all is newer."""
HISTORY = "checkpoints"
STAMPS = "stamps"


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint as it was signed: the instant by the signer's clock, and the note."""

    at: Instant
    note: str


@dataclass(frozen=True, slots=True)
class TileFolder:
    """A folder with the files of one shard."""

    root: Path

    def hashes(self, tile: Tile) -> list[bytes]:
        """Read a tile, or the wider one that has replaced it; `ValueError` if it is damaged."""
        return tiles.unpacked(self._read(tile.path, tile.whole.path), tile)

    def bodies(self, tile: Tile) -> list[bytes]:
        """Read an entry bundle, or the wider one that has replaced it; `ValueError` if it is damaged."""
        return tiles.unbundled(self._read(tile.bundle_path, tile.whole.bundle_path), tile)

    def write_hashes(self, tile: Tile, hashes: Sequence[bytes]) -> None:
        """Write a tile; a full one replaces those that led to it."""
        self._replace(tile, tile.path, tiles.packed(hashes))

    def write_bodies(self, tile: Tile, bodies: Sequence[bytes]) -> None:
        """Write an entry bundle; a full one replaces those that led to it."""
        self._replace(tile, tile.bundle_path, tiles.bundled(bodies))

    def checkpoint(self) -> str | None:
        """Return the last checkpoint, a signed note; None before the first."""
        try:
            return (self.root / CHECKPOINT).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def publish(self, note: str, *, at: Instant) -> None:
        """Make a checkpoint the last one; the history knows it before anybody can see it."""
        self._append(Signed(at, note))
        put(self.root / CHECKPOINT, note.encode())

    def publish_cosigned(self, note: str) -> None:
        """Make a checkpoint the last one that enough witnesses have cosigned."""
        put(self.root / COSIGNED, note.encode())

    def history(self, *, newest_first: bool = False) -> Iterator[Signed]:
        """Yield all checkpoints that were signed; one that a crash cut short was seen by nobody."""
        for day in self.days()[:: -1 if newest_first else 1]:
            lines = self.lines(day)
            for line in reversed(lines) if newest_first else lines:
                yield read_line(line)

    def days(self) -> Sequence[str]:
        """Return the days (UTC) on which checkpoints were signed, the oldest first."""
        return sorted(file.stem for file in (self.root / HISTORY).glob("*.jsonl"))

    def lines(self, day: str) -> Sequence[bytes]:
        """Return the checkpoints of a day as they were written, the oldest first; see `read_line`."""
        return (self.root / HISTORY / f"{day}.jsonl").read_bytes().split(b"\n")[:-1]

    def _append(self, signed: Signed) -> None:
        target = self.root / HISTORY / f"{utc_day(signed.at)}.jsonl"
        target.parent.mkdir(parents=True, exist_ok=True)
        line = orjson.dumps({"at": signed.at, "checkpoint": signed.note}, option=orjson.OPT_APPEND_NEWLINE)
        with target.open("a+b") as file:
            _cut_torn_line(file)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(target.parent)

    def _replace(self, tile: Tile, path: str, content: bytes) -> None:
        target = self.root / path
        put(target, content)
        if tile.width == WIDTH:
            shutil.rmtree(target.with_name(f"{target.name}.p"), ignore_errors=True)

    def _read(self, path: str, whole: str) -> bytes:
        for name in (path, whole):
            try:
                return (self.root / name).read_bytes()
            except FileNotFoundError:
                continue
        raise NotFound(f"the log has no file `{path}`")


def read_line(line: bytes) -> Signed:
    """Read a line of the history."""
    found = orjson.loads(line)
    return Signed(found["at"], found["checkpoint"])


def put(target: Path, content: bytes) -> None:
    """Write a file aside, make it durable, and put it in its place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(target)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _cut_torn_line(file: BinaryIO) -> None:
    """Drop what a crash left of a line."""
    end = file.seek(0, os.SEEK_END)
    if not end:
        return
    file.seek(end - 1)
    if file.read(1) != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
