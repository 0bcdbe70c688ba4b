"""What the access log tells of use: which lines decided last and when, and which marks somebody opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, literal, select, tuple_

from dms.access.log.verify import UNREADABLE, tables_of
from dms.base.clock import monotonic_s
from dms.base.paging import Position
from dms.models.types import Id, UtcTime
from dms.rules.accessevents import Disclosure, Outcome
from dms.stores.work import Work, session_of

SLICE = 2_000
"""Events that one statement reads."""

_COUNTED = (Outcome.RELEASED.value, Outcome.COMMITTED.value)
_OPENED = tuple(each.name.lower() for each in Disclosure if each >= Disclosure.METADATA)


@dataclass(slots=True)
class Uses:
    """What the events of a time tell; grows as more of them are read, the newest first."""

    since: int
    lines: dict[str, int] = field(default_factory=dict)
    """The last instant at which a line decided; entries by their hexadecimal id."""
    opened: dict[UUID, set[int]] = field(default_factory=dict)
    """The ids of the marks of what an account was shown: metadata, or more."""
    events: int = 0
    """How many were read."""
    reached: Position | None = None
    """Where the reading goes on; None once all is read."""


def read(work: Work, known: Uses) -> Uses:
    """Read on towards `since` until all is read or half of the time that is left is used up."""
    now = monotonic_s()
    until = now + (work.deadline_s - now) / 2
    while True:
        rows = _rows(work, known)
        for row in rows:
            _note(known, row)
        known.events += len(rows)
        if len(rows) < SLICE:
            known.reached = None
            return known
        known.reached = Position(rows[-1].at, rows[-1].event_id)
        if monotonic_s() > until:
            return known


def _rows(work: Work, known: Uses) -> Sequence[Row[Any, Any, Any, Any]]:  # a Table has no types
    event, _ = tables_of(work)
    statement = select(event.c.event_id, event.c.at, event.c.actor_id, event.c.body).where(
        event.c.at >= known.since, event.c.outcome.in_(_COUNTED)
    )
    if known.reached is not None:
        beyond = tuple_(literal(known.reached.value, UtcTime()), literal(known.reached.id, Id()))
        statement = statement.where(tuple_(event.c.at, event.c.event_id) < beyond)
    statement = statement.order_by(event.c.at.desc(), event.c.event_id.desc()).limit(SLICE)
    return session_of(work).execute(statement).all()


def _note(known: Uses, row: Row[Any, Any, Any, Any]) -> None:  # the same
    """Take over what an event tells; one that cannot be read tells nothing."""
    try:
        body: Mapping[str, Any] = orjson.loads(row.body)
        entries, released = body["policy"]["entries"], body["released"]
        marks = {int(mark) for name in _OPENED for mark in released.get(name, ()) if mark != "-"}
    except UNREADABLE:
        return
    for line in entries:
        known.lines.setdefault(line, row.at)
    if marks and row.actor_id is not None:
        known.opened.setdefault(row.actor_id, set()).update(marks)
