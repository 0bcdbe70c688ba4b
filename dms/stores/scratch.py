"""What one run of a command remembers outside the memory of the process, and forgets with its end.

A nameless SQLite file of the system's temporary folder, which exists only where memory does not suffice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from typing import Self

_TABLES = """
    CREATE TABLE seen (digest BLOB PRIMARY KEY, path TEXT) WITHOUT ROWID;
    CREATE TABLE remark (id INTEGER PRIMARY KEY, path TEXT, kind TEXT, reason TEXT);
"""


class Scratch:
    """First paths of contents, and remarks on paths in their order.

    Where no room is left it forgets instead of failing: what is remembered is a convenience.
    """

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.executescript(_TABLES)
        self.forgotten = 0
        """Remarks that found no room."""

    def see(self, digest: str, path: str) -> None:
        """Remember the path of a content unless it has one."""
        with suppress(sqlite3.Error):
            self._file.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (bytes.fromhex(digest), path))

    def first_path(self, digest: str) -> str | None:
        """Return the first path of a content."""
        row = self._file.execute(
            "SELECT path FROM seen WHERE digest = ?", (bytes.fromhex(digest),)
        ).fetchone()
        return None if row is None else row[0]

    def remark(self, path: str, *, kind: str, reason: str) -> None:
        """Remember a remark on a path."""
        try:
            self._file.execute(
                "INSERT INTO remark (path, kind, reason) VALUES (?, ?, ?)", (path, kind, reason)
            )
        except sqlite3.Error:
            self.forgotten += 1

    def remarks(self) -> Iterator[tuple[str, str, str]]:
        """Yield path, kind and reason of each remark, in the order in which they came."""
        yield from self._file.execute("SELECT path, kind, reason FROM remark ORDER BY id")

    def close(self) -> None:
        """Forget everything."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
