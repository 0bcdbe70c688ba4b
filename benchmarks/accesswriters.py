"""Rows in bulk: by `executemany` on SQLite, by COPY on PostgreSQL, with the indexes built afterwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, TypeAlias
from uuid import UUID

import psycopg
from psycopg import sql

Row: TypeAlias = tuple[Any, ...]


class Writer(Protocol):
    """Sends rows in bulk to one database."""

    def write(self, table: str, columns: str, rows: Iterable[Row]) -> None:
        """Append rows to a table; the columns are separated by spaces."""

    def one(self, statement: str) -> Row:
        """Return the one row that a statement finds."""

    def finish(self) -> None:
        """Make what was written lasting, with indexes and what the planner wants to know."""


class SqliteWriter:
    """Writes without waiting for the disk: a build that fails is thrown away."""

    def __init__(self, path: Path, table: str) -> None:
        sqlite3.register_adapter(UUID, lambda value: value.bytes)
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("synchronous = OFF", "cache_size = -400000"):
            self._connection.execute(f"PRAGMA {pragma}")
        found = self._connection.execute(
            "SELECT name, sql FROM sqlite_master"
            " WHERE type = 'index' AND sql IS NOT NULL AND tbl_name LIKE ?",
            [table],
        )
        self._indexes = dict(found.fetchall())
        self._connection.execute("BEGIN IMMEDIATE")
        for name in self._indexes:
            self._connection.execute(f"DROP INDEX {name}")

    def write(self, table: str, columns: str, rows: Iterable[Row]) -> None:
        """Insert them one by one, in the one transaction."""
        names = columns.split()
        places = ", ".join("?" * len(names))
        self._connection.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", rows)  # noqa: S608

    def one(self, statement: str) -> Row:
        """Return the row; ids come as bytes."""
        found: Row = self._connection.execute(statement).fetchone()
        return found

    def finish(self) -> None:
        """Build the indexes from sorted rows."""
        for statement in self._indexes.values():
            self._connection.execute(statement)
        self._connection.execute("COMMIT")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()


class PostgresWriter:
    """Writes by COPY, without checking foreign keys row by row."""

    def __init__(self, url: str, table: str) -> None:
        self._connection = psycopg.connect(url)
        self._connection.execute("SET session_replication_role = replica")
        self._connection.execute("SET maintenance_work_mem = '256MB'")
        found = self._connection.execute(
            "SELECT i.indexname, i.indexdef FROM pg_indexes i WHERE i.schemaname = 'public'"
            " AND i.tablename LIKE %s AND i.indexname NOT IN (SELECT conname FROM pg_constraint)",
            [table],
        )
        self._indexes = dict(found.fetchall())
        for name in self._indexes:
            self._connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))

    def write(self, table: str, columns: str, rows: Iterable[Row]) -> None:
        """Copy them."""
        names = sql.SQL(", ").join(map(sql.Identifier, columns.split()))
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
        with self._connection.cursor().copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def one(self, statement: str) -> Row:
        """Return the row."""
        found = self._connection.execute(statement).fetchone()
        assert found
        return found

    def finish(self) -> None:
        """Build the indexes, bring the sequences up to the rows, and tell the planner."""
        for statement in self._indexes.values():
            self._connection.execute(statement)
        for table in ("access_node", "access_scope", "security_classification"):
            self._connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"  # noqa: S608
            )
        self._connection.commit()
        self._connection.autocommit = True
        self._connection.execute("VACUUM ANALYZE")
        self._connection.close()
