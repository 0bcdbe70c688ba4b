"""What SQL may not do to the embedded database through a connection of the server or a command.

SQLite asks while it compiles a statement, so a statement that is kept costs nothing more. Triggers refuse
what this cannot see, such as the row that INSERT OR REPLACE would overwrite; both are needed. It guards
against SQL, not against whoever runs Python in the process or owns the file.
"""

from __future__ import annotations

import sqlite3
from typing import Final

_KEPT: Final = ("access_event", "access_leaf")
"""Beginnings of the names of tables from which nothing is taken and in which nothing is changed."""

_OWN: Final = "sqlite_"
"""Beginning of the names of tables that SQLite itself writes, such as the last number of an event."""

_SCHEMA: Final = "sqlite_master"
"""Asked for when a table-valued function is found; without `writable_schema` no statement changes it."""

_READS: Final = frozenset(
    {
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_TRANSACTION,
        sqlite3.SQLITE_SAVEPOINT,
    }
)

_HARMLESS: Final = frozenset(
    {
        "cache_size",
        "defer_foreign_keys",
        "foreign_key_check",
        "foreign_key_list",
        "index_info",
        "index_list",
        "index_xinfo",
        "integrity_check",
        "quick_check",
        "table_info",
        "table_list",
        "table_xinfo",
        "wal_checkpoint",
    }
)
"""Pragmas that tell something or leave the rules as they are, whatever value they are given."""

_DOING: Final = frozenset({"incremental_vacuum", "optimize", "shrink_memory"})
"""Pragmas that do something without a value."""


def install(connection: sqlite3.Connection) -> None:
    """Guard a connection from here on; its own pragmas must be set already."""
    connection.set_authorizer(judge)


def judge(action: int, first: str | None, second: str | None, _schema: str | None, _inner: str | None) -> int:
    """Tell SQLite whether a part of a statement may be compiled.

    Everything that is not named here is refused: making, changing and dropping tables, triggers, views and
    indexes, temporary ones too (a temporary table or trigger of the right name would swallow events),
    ATTACH, VACUUM and extensions.
    """
    if action in _READS or _is_let(action, first or "", second):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _is_let(action: int, first: str, second: str | None) -> bool:
    match action:
        case sqlite3.SQLITE_INSERT:
            return not first.startswith(_OWN)
        case sqlite3.SQLITE_UPDATE if first == _SCHEMA:
            return True
        case sqlite3.SQLITE_UPDATE | sqlite3.SQLITE_DELETE:
            return not first.startswith((_OWN, *_KEPT))
        case sqlite3.SQLITE_FUNCTION:
            return second != "load_extension"
        case sqlite3.SQLITE_PRAGMA:
            return first not in _DOING if second is None else first in _HARMLESS
    return False
