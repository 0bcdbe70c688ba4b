"""Whether events are what was written: body against leaf hash, columns against body, detail against seal."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Table, func, select

from dms.models import accessevents
from dms.rules import accessevents as rules
from dms.rules import eventseals
from dms.stores.work import Work, session_of

UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError)
"""What reading a body raises that this program did not write."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an event."""

    event_id: UUID
    code: str
    message: str


def count(work: Work) -> int:
    """Count the events."""
    event, _ = tables_of(work)
    return session_of(work).execute(select(func.count()).select_from(event)).scalar_one()


def absent(work: Work, event_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return those of these events that the log does not hold."""
    event, _ = tables_of(work)
    statement = select(event.c.event_id).where(event.c.event_id.in_(event_ids))
    return frozenset(event_ids) - frozenset(session_of(work).execute(statement).scalars())


def unnamed(work: Work, made: Collection[tuple[UUID, int]]) -> frozenset[tuple[UUID, int]]:
    """Return those things that no event of the instant in which they were written says it changed.

    A row and its event are one transaction and bear one instant, so nothing else need be read.
    """
    event, _ = tables_of(work)
    statement = select(event.c.at, event.c.body).where(
        event.c.at.in_({at for _, at in made}), event.c.lasting
    )
    named: set[tuple[str, int]] = set()
    for row in session_of(work).execute(statement):
        with suppress(*UNREADABLE):
            named.update((change[0], row.at) for change in orjson.loads(row.body)["changed"])
    return frozenset((thing, at) for thing, at in made if (thing.hex, at) not in named)


def tables_of(work: Work) -> tuple[Table, Table]:
    """Return the tables of events and of their details of this engine."""
    dialect = session_of(work).get_bind().dialect.name
    return accessevents.event_table(dialect), accessevents.detail_table(dialect)


def fault_of(row: Any) -> Fault | None:  # a row, of a Table or straight from the driver
    """Return what is wrong with an event, read with its `salt` and `detail`."""
    body = bytes(row.body)
    if eventseals.leaf_hash(body) != row.leaf_hash:
        return Fault(row.event_id, "event_body", "the body of the event is not the one that was written")
    try:
        found: dict[str, Any] = orjson.loads(body)
        expected, seal = rules.columns(found), found["detail"]
    except UNREADABLE:
        return Fault(row.event_id, "event_body", "the body of the event is none that this program writes")
    differing = [name for name, value in expected.items() if _plain(getattr(row, name)) != value]
    if differing:
        return Fault(row.event_id, "event_columns", f"`{'`, `'.join(differing)}` differ from the body")
    # Without its row the detail was redacted; the seal in the body stays.
    if row.salt is not None and eventseals.seal_detail(bytes(row.salt), bytes(row.detail)) != seal:
        return Fault(row.event_id, "event_detail", "the detail of the event is not the one that was written")
    return None


def _plain(value: object) -> object:
    return value.hex if isinstance(value, UUID) else value
