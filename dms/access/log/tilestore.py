"""The folder of the log: tiles, entry bundles and checkpoints as static files.

Each file is written aside, made durable, and renamed, so that whoever reads sees a whole one or none. The
checkpoint comes last: what it speaks of is there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dms.base.errors import NotFound
from dms.rules import tiles
from dms.rules.tiles import Tile

CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class TileFolder:
    """A folder with the files of one log."""

    root: Path

    def hashes(self, tile: Tile) -> list[bytes]:
        """Read a tile, or the wider one that has replaced it; `ValueError` if it is damaged."""
        return tiles.unpacked(self._read(tile.path, tile), tile)

    def bodies(self, tile: Tile) -> list[bytes]:
        """Read an entry bundle, or the wider one that has replaced it; `ValueError` if it is damaged."""
        return tiles.unbundled(self._read(tile.bundle_path, tile), tile)

    def write_hashes(self, tile: Tile, hashes: Sequence[bytes]) -> None:
        """Write a tile."""
        self.write(tile.path, tiles.packed(hashes))

    def write_bodies(self, tile: Tile, bodies: Sequence[bytes]) -> None:
        """Write an entry bundle."""
        self.write(tile.bundle_path, tiles.bundled(bodies))

    def checkpoint(self) -> str | None:
        """Return the last checkpoint, a signed note; None before the first."""
        try:
            return (self.root / CHECKPOINT).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def checkpoints(self) -> Iterator[tuple[str, str]]:
        """Yield all checkpoints with their names, the oldest first."""
        for file in sorted((self.root / "checkpoints").glob("[0-9]*")):
            yield file.name, file.read_text(encoding="utf-8")

    def write(self, path: str, content: bytes) -> None:
        """Write a file aside, make it durable, and put it in its place."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{target.name}.{os.getpid()}")
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _read(self, path: str, tile: Tile) -> bytes:
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"the log has no file `{path}` for {tile}") from None
