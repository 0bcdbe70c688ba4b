"""Many rows at once as each engine's driver takes them best, past SQLAlchemy's conversions.

SQLite runs one statement again and again; PostgreSQL takes all of it as one stream of text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.types import TypeEngine

from dms.models.types import Digest, Id

Row = tuple[Any, ...]  # as many kinds as columns


def insert(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert rows of these columns: numbers, truths, and ids and digests as hexadecimal text."""
    if not rows:
        return
    listed = ", ".join(names)
    kinds = [table.c[name].type for name in names]
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table.name} ({listed}) VALUES ({marks})"  # noqa: S608  names of ours
        columns = [_bytes(kind, values) for kind, values in zip(kinds, zip(*rows, strict=True), strict=True)]
        connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))
        return
    line = "\t".join("\\\\x%s" if isinstance(kind, Digest) else "%s" for kind in kinds) + "\n"
    driver: Any = connection.connection.driver_connection  # psycopg's, which has no type here
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({listed}) FROM STDIN") as copy:
        copy.write("".join(line % row for row in rows))


def _bytes(kind: TypeEngine[Any], values: Iterable[Any]) -> Iterable[Any]:
    return map(bytes.fromhex, values) if isinstance(kind, Digest | Id) else values
