"""A file that only takes up room: given up when the disk is full, so that the stop itself can be recorded."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

RESERVE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reserve:
    """The file; it lies beside the embedded database, on the same disk."""

    path: Path
    size_bytes: int = RESERVE_BYTES

    def make(self) -> bool:
        """Take up the room, if several times as much is left; tells whether it is there now."""
        if self.path.exists():
            return True
        disk = os.statvfs(self.path.parent)
        if disk.f_bavail * disk.f_frsize < 4 * self.size_bytes:
            return False
        aside = self.path.with_name(f".{self.path.name}")
        try:
            with aside.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self.size_bytes)
        except OSError:
            aside.unlink(missing_ok=True)
            return False
        aside.replace(self.path)
        return True

    def give_up(self) -> None:
        """Let go of the room."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
