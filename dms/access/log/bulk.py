"""Many rows at once as each engine's driver takes them best, past SQLAlchemy's conversions.

SQLite runs one statement again and again; PostgreSQL takes whole columns as arrays, in one statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Table

from dms.models.types import Digest, Id

Row = tuple[Any, ...]  # as many kinds as columns


def insert(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert rows of these columns; ids and digests as hexadecimal text."""
    if not rows:
        return
    is_sqlite = connection.dialect.name == "sqlite"
    columns = [
        _converted(table.c[name], values, is_sqlite=is_sqlite)
        for name, values in zip(names, zip(*rows, strict=True), strict=True)
    ]
    listed = ", ".join(names)
    if is_sqlite:
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table.name} ({listed}) VALUES ({marks})"  # noqa: S608  names of ours
        connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))
        return
    kinds = [table.c[name].type.compile(connection.dialect) for name in names]
    arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
    statement = f"INSERT INTO {table.name} ({listed}) SELECT * FROM unnest({arrays})"  # noqa: S608  the same
    connection.exec_driver_sql(statement, tuple(map(list, columns)))


def _converted(column: Column[Any], values: Iterable[Any], *, is_sqlite: bool) -> Iterable[Any]:
    if isinstance(column.type, Digest) or (is_sqlite and isinstance(column.type, Id)):
        return map(bytes.fromhex, values)
    return values
