"""The events that wait for their place in the tree: a question reads them too, so it is never stale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, FromClause, LargeBinary, Row, func, literal, not_, select, tuple_

from dms.access.log.verify import UNREADABLE
from dms.models import accessevents
from dms.models.accessevents import LogTables
from dms.models.types import Id
from dms.stores.work import Work, session_of

_HEAD = "log_head"


def tables_of(work: Work) -> LogTables:
    """Return the tables of the log of this engine."""
    return accessevents.tables(session_of(work).get_bind().dialect.name)


def head_of(work: Work) -> Row[*tuple[Any, ...]]:
    """Return how far the sequencer had come in this snapshot; asked once in an operation."""
    head = work.memory.get(_HEAD)
    if head is None:
        head = session_of(work).execute(select(tables_of(work).head)).one()
        work.memory[_HEAD] = head
    return head


def waiting(work: Work) -> FromClause:
    """Return the events that have no place in the tree, gathered before anything else is looked at.

    Else SQLite would go through all events in the order of some other index.
    """
    event = tables_of(work).event
    return select(event).where(_waits(work)).cte("waiting").prefix_with("MATERIALIZED")


def placed(work: Work) -> ColumnElement[bool]:
    """Return the condition that an event has its place in the tree."""
    return not_(_waits(work))


def beyond(tables: LogTables, head: Row[*tuple[Any, ...]]) -> ColumnElement[bool]:
    """Return the condition that an event was committed after the last one that the head speaks of."""
    event = tables.event
    if "seq" in event.c:
        later: ColumnElement[bool] = event.c.seq > head.seq
        return later
    place = tuple_(event.c.epoch, event.c.xid, event.c.event_id)
    return place > tuple_(
        literal(head.epoch, event.c.epoch.type),
        literal(head.xid, event.c.xid.type),
        literal(head.event_id, Id()),
    )


def bodies(
    work: Work, *, actor_id: UUID | None = None, holding: bytes | None = None
) -> Iterator[Mapping[str, Any]]:
    """Yield the bodies of the events that wait, as JSON read back; one that cannot be read names nothing.

    They can be narrowed to those of an account, and to those with some bytes.
    """
    event = waiting(work)
    statement = select(event.c.body)
    if actor_id is not None:
        statement = statement.where(event.c.actor_id == actor_id)
    if holding is not None:
        is_sqlite = session_of(work).get_bind().dialect.name == "sqlite"
        place = func.instr if is_sqlite else func.pg_catalog.position
        statement = statement.where(place(event.c.body, literal(holding, LargeBinary())) > 0)
    for raw in session_of(work).execute(statement).scalars():
        try:
            yield orjson.loads(bytes(raw))
        except UNREADABLE:
            continue


def _waits(work: Work) -> ColumnElement[bool]:
    return beyond(tables_of(work), head_of(work))
