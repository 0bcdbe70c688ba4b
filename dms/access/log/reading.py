"""Reading the access log for those who hold the duty: one event, and lists by filter."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, select

from dms.access.log import searching
from dms.access.log.eventfilters import EventFilter
from dms.access.log.searching import Way
from dms.access.log.verify import Fault, fault_of, tables_of
from dms.base.errors import NotFound
from dms.base.paging import Page, PageRequest, Position
from dms.rules.accessevents import Body
from dms.stores.work import Work, session_of

_alarm = logging.getLogger("dms.alarm")


@dataclass(frozen=True, slots=True)
class Logged:
    """One event, or one part of it, as it stands in the log."""

    event_id: UUID
    at: int
    body: Body | None
    """None if it cannot be read any more."""
    leaf_hash: str
    detail: Mapping[str, Any] | None  # JSON
    """None once it was redacted, and for an event with a fault."""
    fault: Fault | None
    """What the event shows of tampering or damage."""

    @property
    def actor_id(self) -> UUID | None:
        """Return who acted, if the body tells."""
        return None if self.body is None else self.body.head.actor_id


def one(work: Work, event_id: UUID) -> Logged:
    """Return one event, or raise `NotFound`."""
    event, detail = tables_of(work)
    statement = select(event, detail.c.salt, detail.c.detail).join_from(
        event, detail, detail.c.event_id == event.c.event_id, isouter=True
    )
    row = session_of(work).execute(statement.where(event.c.event_id == event_id)).one_or_none()
    if row is None:
        raise NotFound
    return _logged(row)


def raw(work: Work, event_id: UUID) -> tuple[bytes, str] | None:
    """Return the body of an event byte for byte, and the hash that was written with it."""
    event, _ = tables_of(work)
    statement = select(event.c.body, event.c.leaf_hash).where(event.c.event_id == event_id)
    row = session_of(work).execute(statement).one_or_none()
    return None if row is None else (bytes(row.body), row.leaf_hash)


def page(work: Work, wanted: EventFilter, request: PageRequest, *, descending: bool) -> Page[Logged]:
    """Return one page by instant, newest or oldest first."""
    way = Way(wanted, downward=descending != request.backward)
    rows, reached = searching.find(work, way, request.size + 1, after=request.after)
    shown = [_logged(row) for row in rows[: request.size]]
    if request.backward:
        shown.reverse()
    more, beyond = len(rows) > request.size or reached is not None, request.after is not None
    found = Page(
        rows=shown,
        positions=[Position(event.at, event.event_id) for event in shown],
        has_next=beyond if request.backward else more,
        has_previous=more if request.backward else beyond,
        reached=reached,
    )
    if not request.want_total:
        return found
    total, is_exact = searching.count(work, way)
    return replace(found, total=total, total_is_exact=is_exact)


def _logged(row: Row[Any]) -> Logged:  # a row of a Table has no type of its own
    fault = fault_of(row)
    if fault is not None:
        _alarm.error("event_damaged", extra={"event": row.event_id.hex, "fault": fault.code})
    return Logged(
        event_id=row.event_id,
        at=row.at,
        body=searching.read(bytes(row.body)),
        leaf_hash=row.leaf_hash,
        detail=None if row.detail is None or fault is not None else orjson.loads(row.detail),
        fault=fault,
    )
