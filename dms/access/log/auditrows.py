"""The rows that a verification looks at, straight from the driver, and whether an event is what was written.

Hundreds of thousands a second go by here: so plain tuples, ids as their 16 bytes on both databases, and a
first look that compares as little as it can. Whatever it doubts is judged by `verify.fault_of`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Select, bindparam, exists, func, literal, null, select, tuple_
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.dialects.sqlite import pysqlite

from dms.access.log.verify import UNREADABLE, Fault, fault_of
from dms.models import accessevents
from dms.models.accessevents import LogTables
from dms.models.types import Id
from dms.rules.accessevents import Outcome
from dms.stores import upkeep
from dms.stores.engine import Database

Raw: TypeAlias = tuple[Any, ...]  # what the driver gives: numbers, texts, bytes, None

INDEX, LEAF, NAMED, EVENT_ID, AT = range(5)
OP, WRITER, NUMBER, OWN_HASH, BODY, SALT, DETAIL = 7, 12, 13, 14, 15, 16, 17

_COPIED = ("event_id", "at", "lasting", "actor_id", "op", "outcome", "reason", "object_id")
_COLUMNS = (*_COPIED, "n_objects", "writer", "n", "leaf_hash", "body")
_COMMITTED = Outcome.COMMITTED.value
_NESTED_LOOPS = ("enable_hashjoin", "enable_mergejoin", "enable_seqscan")
"""PostgreSQL's other ways would read the whole log for each slice."""


@dataclass(frozen=True, slots=True)
class Statements:
    """What is read, compiled once, with the values it takes by their places."""

    leaves: str
    """From an index up to another."""
    event: str
    """One event, wherever it lies: a leaf names the partition too, and may name the wrong one."""
    waiting: str
    """Events beyond the place that the sequencer has come to, without a leaf."""
    passed_over: str
    """The same up to that place: nobody may have put one there later."""
    before: str
    """How many events there are up to that place."""


@dataclass(slots=True)
class Reader:
    """Reads slices, each on a snapshot of its own, past SQLAlchemy's rows."""

    database: Database

    def leaves(self, first: int, end: int) -> Sequence[Raw]:
        """Return the leaves of a range with their events and details."""
        return self._all(statements(self.database.dialect).leaves, (first, end))

    def event(self, event_id: UUID) -> Raw | None:
        """Return an event by its id alone."""
        found = self._all(
            statements(self.database.dialect).event,
            (event_id.bytes if self.database.is_sqlite else event_id,),
        )
        return found[0] if found else None

    def waiting(self, place: Sequence[Any]) -> Iterator[Raw]:  # Any: numbers, and an id
        """Yield the events that have no leaf and lie beyond a place of the sequencer, in no order."""
        yield from self._streamed(statements(self.database.dialect).waiting, place)

    def passed_over(self, place: Sequence[Any], *, expected: int) -> Iterator[Raw]:
        """Yield the events before a place of the sequencer that have no leaf, if not as many as expected."""
        found = statements(self.database.dialect)
        if self._all(found.before, place)[0][0] != expected:
            yield from self._streamed(found.passed_over, place)

    def _all(self, statement: str, values: Sequence[Any]) -> Sequence[Raw]:
        with self._cursor() as cursor:
            cursor.execute(statement, tuple(values))
            found: Sequence[Raw] = cursor.fetchall()
            return found

    def _streamed(self, statement: str, values: Sequence[Any]) -> Iterator[Raw]:
        with self._cursor() as cursor:
            cursor.execute(statement, tuple(values))
            while rows := cursor.fetchmany(1_000):
                yield from rows

    @contextmanager
    def _cursor(self) -> Iterator[Any]:  # the driver's own
        with closing(self.database.engine.raw_connection()) as connection:
            if self.database.is_sqlite:
                yield connection.cursor()
                return
            driver: Any = connection.driver_connection  # psycopg's, which knows binary rows
            with driver.cursor(binary=True) as cursor:
                for way in _NESTED_LOOPS:
                    cursor.execute(f"SET LOCAL {way} = off")
                yield cursor


def doubtful(rows: Sequence[Raw]) -> list[int]:
    """Return the positions of the events that are not at first sight what was written."""
    sha256, loads = hashlib.sha256, orjson.loads
    found = []
    for position, row in enumerate(rows):
        body = row[BODY]
        try:
            fields = loads(body)
            is_whole = (
                sha256(b"\x00" + body).digest() == row[OWN_HASH]
                and row[EVENT_ID:OWN_HASH] == copied(fields)
                and (row[SALT] is None or sha256(row[SALT] + row[DETAIL]).hexdigest() == fields["detail"])
                and fields["parts"] == 1
            )
        except UNREADABLE:
            is_whole = False
        if not is_whole:
            found.append(position)
    return found


def copied(found: Mapping[str, Any]) -> Raw:  # Any: JSON read back
    """Return what the columns of an event copy from its body, as a driver gives them.

    The same as `rules.accessevents.columns` tells of a body in canonical order; of another one it may
    differ, so that it is looked at again.
    """
    changed, actor = found["changed"], found["actor"]
    count = len(changed)
    first = changed[0][0] if changed else None
    for by_mark in found["released"].values():
        for lines in by_mark.values():
            count += len(lines)
            if first is None and lines:
                first = lines[0][0]
    if first is None and found["refused"]:
        first = next((refusal[0] for refusal in found["refused"] if refusal[0]), None)
    unhex = bytes.fromhex
    return (
        unhex(found["id"]),
        found["at"],
        found["outcome"] == _COMMITTED,
        actor and unhex(actor),
        found["op"],
        found["outcome"],
        found["reason"],
        first and unhex(first),
        count,
        unhex(found["writer"]),
        found["n"],
    )


def judged(row: Raw) -> Fault | None:
    """Return what is wrong with an event, if anything is."""
    return fault_of(_Stored(row))


class _Stored:
    """A raw row by the names of its columns, as `fault_of` takes it."""

    def __init__(self, row: Raw) -> None:
        for name, value in zip((*_COLUMNS, "salt", "detail"), row[EVENT_ID:], strict=True):
            is_id = name in {"event_id", "actor_id", "object_id", "writer"} and value is not None
            setattr(self, name, UUID(bytes=bytes(value)) if is_id else value)
        self.leaf_hash = bytes(row[OWN_HASH]).hex()


@dataclass(frozen=True, slots=True)
class Placed:
    """An event with its exact bytes, and its place in the tree: -1 for none yet."""

    event_id: UUID
    index: int
    body: bytes


def placed(database: Database, event_id: UUID) -> Placed | None:
    """Return an event with its place; None if there is no such event."""
    tables = accessevents.tables(database.dialect)
    leaf, event = tables.leaf, tables.event
    statement = (
        select(leaf.c.leaf_index, event.c.body)
        .select_from(event.outerjoin(leaf, leaf.c.event_id == event.c.event_id))
        .where(event.c.event_id == event_id)
    )
    with upkeep.reading(database) as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    return Placed(event_id, -1 if row.leaf_index is None else row.leaf_index, bytes(row.body))


def place_of(head: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return how far the sequencer has come, as the statements take it."""
    if "seq" in head:
        return (head["seq"],)
    return (head["epoch"], head["xid"], head["event_id"])


def statements(dialect: str) -> Statements:
    """Return the statements for an engine."""
    return _STATEMENTS[dialect]


def _compiled(dialect: str) -> Statements:
    tables = accessevents.tables(dialect)
    event, leaf = tables.event, tables.leaf
    beyond, before = _sides(tables)
    placed = exists().where(leaf.c.event_id == event.c.event_id)
    alone = _of_event(tables, null(), null(), null()).select_from(_with_detail(tables))
    return Statements(
        leaves=_text(dialect, _leaves(tables)),
        event=_text(dialect, alone.where(event.c.event_id == literal(None, Id()))),
        waiting=_text(dialect, alone.where(beyond, ~placed)),
        passed_over=_text(dialect, alone.where(before, ~placed)),
        before=_text(dialect, select(func.count()).select_from(event).where(before)),
    )


def _leaves(tables: LogTables) -> Select[Any]:
    leaf, event, detail = tables.leaf, tables.event, tables.detail
    joined = leaf.outerjoin(event, tables.event_of_leaf).outerjoin(
        detail, detail.c.event_id == event.c.event_id
    )
    within = (leaf.c.leaf_index >= bindparam("first"), leaf.c.leaf_index < bindparam("end"))
    shown = _of_event(tables, leaf.c.leaf_index, leaf.c.leaf_hash, _bytes_of(leaf.c.event_id))
    return shown.select_from(joined).where(*within).order_by(leaf.c.leaf_index)


def _of_event(tables: LogTables, *before: ColumnElement[Any]) -> Select[Any]:
    event, detail = tables.event, tables.detail
    columns = [_bytes_of(event.c[name]) for name in _COLUMNS]
    return select(*before, *columns, detail.c.salt, detail.c.detail)


def _with_detail(tables: LogTables) -> Any:  # a join
    event, detail = tables.event, tables.detail
    return event.outerjoin(detail, detail.c.event_id == event.c.event_id)


def _bytes_of(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return an id as its 16 bytes: PostgreSQL's driver would make an object of each."""
    is_native = isinstance(column.type, Id) and column.table.metadata is accessevents.metadata_of(
        "postgresql"
    )
    return func.uuid_send(column) if is_native else column


def _sides(tables: LogTables) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return what lies beyond the place of the sequencer, and what up to it."""
    event = tables.event
    if "seq" in event.c:
        return event.c.seq > bindparam("seq"), event.c.seq <= bindparam("seq")
    own = tuple_(event.c.epoch, event.c.xid, event.c.event_id)
    names = ("epoch", "xid", "event_id")
    place = tuple_(*(literal(None, event.c[name].type) for name in names))
    return own > place, own <= place


def _text(dialect: str, statement: Select[Any]) -> str:
    engine = pysqlite.dialect() if dialect == "sqlite" else psycopg.dialect(paramstyle="format")  # type: ignore[no-untyped-call]  # it has no types
    return str(statement.compile(dialect=engine))


_STATEMENTS = {dialect: _compiled(dialect) for dialect in ("sqlite", "postgresql")}
