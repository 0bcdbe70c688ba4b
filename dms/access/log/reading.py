"""Reading the access log for those who hold the duty: one event, and lists by filter.

What only a body tells, such as any of its objects, is found by reading bodies: SQL looks for the bytes,
then the fields themselves decide. Such a search goes in slices and gives up after half of the time
that is left, with a place where the next page goes on; an event is never skipped.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Row,
    Select,
    Table,
    func,
    literal,
    not_,
    or_,
    select,
    tuple_,
)

from dms.access.log.verify import UNREADABLE, Fault, fault_of, tables_of
from dms.base.canonical import Canonical, canonical_bytes
from dms.base.clock import monotonic_s
from dms.base.errors import NotFound
from dms.base.paging import Page, PageRequest, Position
from dms.models.types import Id, UtcTime
from dms.rules import accessevents as rules
from dms.rules.accessevents import Body, Op, Outcome
from dms.stores.work import Work, session_of

SLICE = 2_000
"""Events whose bodies one statement looks through."""

_NO_REFUSAL = b'"refused":[]'

_alarm = logging.getLogger("dms.alarm")


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted; what is None or False does not narrow."""

    actor_id: UUID | None = None
    object_id: UUID | None = None
    """An object that the event names as released, changed or refused."""
    op: Op | None = None
    """What the operation did, first or also."""
    outcome: Outcome | None = None
    reason: str | None = None
    """The reason of the whole event or of one of its refusals."""
    since: int | None = None
    until: int | None = None
    """The instants bound a half-open period."""
    refusals_only: bool = False
    """Operations in which anything was refused, even beside what was released."""

    def values(self) -> dict[str, Canonical]:
        """Return what narrows, as an event of the reading keeps it."""
        found: dict[str, Canonical] = {
            "actor": None if self.actor_id is None else self.actor_id.hex,
            "object": None if self.object_id is None else self.object_id.hex,
            "op": self.op,
            "outcome": self.outcome,
            "reason": self.reason,
            "since": self.since,
            "until": self.until,
            "refusals_only": self.refusals_only or None,
        }
        return {name: value for name, value in found.items() if value is not None}


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
    event, _ = tables_of(work)
    row = session_of(work).execute(_statement(work).where(event.c.event_id == event_id)).one_or_none()
    if row is None:
        raise NotFound
    return _logged(row)


def page(work: Work, wanted: EventFilter, request: PageRequest, *, descending: bool) -> Page[Logged]:
    """Return one page by instant, newest or oldest first."""
    search = _Search(work, wanted, downward=descending != request.backward)
    rows, reached = search.find(request.size + 1, after=request.after)
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
    total, is_exact = search.count()
    return replace(found, total=total, total_is_exact=is_exact)


class _Search:
    """Goes through the events that a filter's columns allow, and looks into their bodies if it must."""

    def __init__(self, work: Work, wanted: EventFilter, *, downward: bool) -> None:
        self._work = work
        self._wanted = wanted
        self._downward = downward
        self._event, _ = tables_of(work)
        self._columns = column_conditions(self._event, wanted)
        is_sqlite = session_of(work).get_bind().dialect.name == "sqlite"
        self._body = body_conditions(self._event, wanted, is_sqlite=is_sqlite)

    def find(self, count: int, *, after: Position | None) -> tuple[list[Row[Any]], Position | None]:
        """Return up to `count` rows, and how far it came if it gave up before they were found."""
        found: list[Row[Any]] = []
        until = self._half_time()
        while len(found) < count:
            bound = self._bound(after)
            room = count - len(found)
            rows = self._rows(after=after, bound=bound, limit=room)
            found.extend(row for row in rows if self._is_meant(bytes(row.body)))
            if len(rows) == room:
                bound = Position(rows[-1].at, rows[-1].event_id)
            if bound is None:
                return found, None
            after = bound
            if monotonic_s() > until and len(found) < count:
                return found, after
        return found, None

    def count(self) -> tuple[int, bool]:
        """Return how many there are, and whether it came to the end of them."""
        self._work.notes.aggregates += 1
        if not self._body:
            statement = select(func.count()).select_from(self._event).where(*self._columns)
            return session_of(self._work).execute(statement).scalar_one(), True
        total, after = 0, None
        until = self._half_time()
        while monotonic_s() <= until:
            bound = self._bound(after)
            statement = self._within(select(self._event.c.body), after=after, bound=bound).where(*self._body)
            rows = session_of(self._work).execute(statement)
            total += sum(self._is_meant(bytes(row.body)) for row in rows)
            if bound is None:
                return total, True
            after = bound
        return total, False

    def _half_time(self) -> float:
        now = monotonic_s()
        return now + (self._work.deadline_s - now) / 2

    def _bound(self, after: Position | None) -> Position | None:
        """Return the last place of the next slice; None if one statement goes to the end."""
        if not self._body:
            return None
        at, event_id = self._event.c.at, self._event.c.event_id
        statement = self._within(select(at, event_id), after=after, bound=None)
        row = (
            session_of(self._work).execute(self._ordered(statement).offset(SLICE - 1).limit(1)).one_or_none()
        )
        return None if row is None else Position(row.at, row.event_id)

    def _rows(self, *, after: Position | None, bound: Position | None, limit: int) -> Sequence[Row[Any]]:
        statement = self._within(_statement(self._work), after=after, bound=bound).where(*self._body)
        return session_of(self._work).execute(self._ordered(statement).limit(limit)).all()

    def _within(
        self, statement: Select[Any], *, after: Position | None, bound: Position | None
    ) -> Select[Any]:
        statement = statement.where(*self._columns)
        place = tuple_(self._event.c.at, self._event.c.event_id)
        if after is not None:
            beyond = _literal(after)
            statement = statement.where(place < beyond if self._downward else place > beyond)
        if bound is not None:
            last = _literal(bound)
            statement = statement.where(place >= last if self._downward else place <= last)
        return statement

    def _ordered(self, statement: Select[Any]) -> Select[Any]:
        keys = (self._event.c.at, self._event.c.event_id)
        return statement.order_by(*(key.desc() if self._downward else key.asc() for key in keys))

    def _is_meant(self, body: bytes) -> bool:
        """Let the fields decide; a body that cannot be read stays, since nobody knows what it named."""
        if not self._body:
            return True
        read = _read(body)
        return read is None or fits(read, self._wanted)


def _statement(work: Work) -> Select[Any]:
    event, detail = tables_of(work)
    return select(event, detail.c.salt, detail.c.detail).join_from(
        event, detail, detail.c.event_id == event.c.event_id, isouter=True
    )


def column_conditions(event: Table, wanted: EventFilter) -> list[ColumnElement[bool]]:
    """Return what the columns tell of a filter."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.actor_id is not None:
        conditions.append(event.c.actor_id == wanted.actor_id)
    if wanted.outcome is not None:
        conditions.append(event.c.outcome == wanted.outcome.value)
    if wanted.since is not None:
        conditions.append(event.c.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(event.c.at < wanted.until)
    return conditions


def body_conditions(event: Table, wanted: EventFilter, *, is_sqlite: bool) -> list[ColumnElement[bool]]:
    """Return what SQL can tell of a body: never less than `fits` lets through."""

    def holds(part: bytes) -> ColumnElement[bool]:
        place = func.instr if is_sqlite else func.pg_catalog.position
        return place(event.c.body, literal(part, LargeBinary())) > 0

    conditions: list[ColumnElement[bool]] = []
    if wanted.object_id is not None:
        conditions.append(holds(b'["%s",' % wanted.object_id.hex.encode()))
    if wanted.op is not None:
        conditions.append(or_(event.c.op == wanted.op.value, holds(canonical_bytes(wanted.op.value))))
    if wanted.reason is not None:
        conditions.append(or_(event.c.reason == wanted.reason, holds(canonical_bytes(wanted.reason))))
    if wanted.refusals_only:
        conditions.append(not_(holds(_NO_REFUSAL)))
    return conditions


def fits(body: Body, wanted: EventFilter) -> bool:
    """Tell whether a body is what `body_conditions` looks for."""
    head, share = body.head, body.share
    reasons = {head.reason, *(refusal.reason for refusal in share.refused)}
    named = {
        *(change.object_id for change in share.changed),
        *(refusal.object_id for refusal in share.refused),
        *(release.object_id for release in share.released),
    }
    return (
        (wanted.object_id is None or wanted.object_id in named)
        and (wanted.op is None or wanted.op in head.ops)
        and (wanted.reason is None or wanted.reason in reasons)
        and (not wanted.refusals_only or (bool(share.refused) and head.outcome is not Outcome.OVER_CLAIMED))
    )


def _literal(place: Position) -> ColumnElement[Any]:  # a pair of values
    return tuple_(literal(place.value, UtcTime()), literal(place.id, Id()))


def _logged(row: Row[Any]) -> Logged:  # a row of a Table has no type of its own
    fault = fault_of(row)
    if fault is not None:
        _alarm.error("event_damaged", extra={"event": row.event_id.hex, "fault": fault.code})
    return Logged(
        event_id=row.event_id,
        at=row.at,
        body=_read(row.body),
        leaf_hash=row.leaf_hash,
        detail=None if row.detail is None or fault is not None else orjson.loads(row.detail),
        fault=fault,
    )


def _read(body: bytes) -> Body | None:
    try:
        return rules.read(orjson.loads(body))
    except UNREADABLE:
        return None
