"""The inserts of an event and its detail as each engine's driver takes them, compiled once.

Through SQLAlchemy's own execution the same statements cost two to three times as much, in the path of
every answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Table, bindparam, insert
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import Insert

from dms.access.log.events import EventRow
from dms.models import accessevents
from dms.models.types import Digest, Id

_GIVEN_BY_THE_DATABASE = frozenset({"seq", "epoch", "xid"})

Convert = Callable[[Any], Any]  # from the neutral value of a row to the driver's


@dataclass(frozen=True, slots=True)
class Inserts:
    """Statements with the names and conversions of their values, in the order of their marks."""

    statements: tuple[tuple[str, tuple[tuple[str, Convert], ...]], ...]

    def run(self, execute: Callable[[str, tuple[Any, ...]], Any], rows: Iterable[EventRow]) -> None:
        """Insert the rows, one after the other, through a function that executes a statement."""
        for row in rows:
            values = row.values
            for text, marks in self.statements:
                execute(text, tuple(convert(values[name]) for name, convert in marks))


@cache
def inserts_of(dialect: str) -> Inserts:
    """Return the inserts for an engine: on PostgreSQL one statement, so one way to the server."""
    event, detail = accessevents.event_table(dialect), accessevents.detail_table(dialect)
    if dialect == "sqlite":
        engine = pysqlite.dialect()
        return Inserts((_compiled(_insert(event), engine), _compiled(_insert(detail), engine)))
    both = _insert(detail).add_cte(_insert(event).cte("event"))
    positional = psycopg.dialect(paramstyle="format")  # type: ignore[no-untyped-call]  # it has no types
    return Inserts((_compiled(both, positional),))


def _insert(table: Table) -> Insert:
    given = [column for column in table.columns if column.name not in _GIVEN_BY_THE_DATABASE]
    return insert(table).values({c.name: bindparam(f"value_{c.name}", type_=c.type) for c in given})


def _compiled(statement: Insert, engine: Dialect) -> tuple[str, tuple[tuple[str, Convert], ...]]:
    compiled = statement.compile(dialect=engine)
    ids_are_bytes = engine.name == "sqlite"
    marks = []
    for bound in compiled.positiontup or ():
        kind = compiled.binds[bound].type
        is_bytes = isinstance(kind, Digest) or (isinstance(kind, Id) and ids_are_bytes)
        marks.append((bound.removeprefix("value_"), _from_hex if is_bytes else _as_it_is))
    return str(compiled), tuple(marks)


def _from_hex(value: str | None) -> bytes | None:
    return None if value is None else bytes.fromhex(value)


def _as_it_is(value: Any) -> Any:  # whatever the column takes
    return value
