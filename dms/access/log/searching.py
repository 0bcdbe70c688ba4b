"""Finding events in the order of their instants, in slices, with a place where the next page goes on.

What only a body tells is found by reading bodies: SQL looks for the bytes, then the fields themselves decide.
An object is found by its postings, and in the events that wait for theirs. Whichever way, a search gives up
after half of the time that is left; an event is never skipped.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, FromClause, Row, Select, func, literal, select, tuple_

from dms.access.log import tail
from dms.access.log.eventfilters import EventFilter, body_conditions, column_conditions, fits
from dms.access.log.verify import UNREADABLE
from dms.base.clock import monotonic_s
from dms.base.paging import Position
from dms.models.accessevents import LogTables
from dms.models.types import Id, UtcTime
from dms.rules import accessevents as rules
from dms.rules.accessevents import Body
from dms.stores.work import Work, session_of

SLICE = 2_000
"""Events whose bodies one statement looks through."""

POSTED = 500
"""Postings that the first slice reads; each further one four times as many, since all are looked at anew."""

_FIRST, _LAST = UUID(int=0), UUID(int=2**128 - 1)

Found = tuple[list[Row[Any]], Position | None]
"""Rows in order, and how far a search came if it gave up before it had as many as were asked for."""


@dataclass(frozen=True, slots=True)
class Way:
    """Which events, and whether from the newest to the oldest."""

    wanted: EventFilter
    downward: bool


def find(work: Work, way: Way, count: int, *, after: Position | None) -> Found:
    """Return up to `count` events beyond a place."""
    until = half_time(work)
    found = [leg.find(count, after=after, until=until) for leg in _legs(work, way)]
    reached = _nearest([place for _, place in found if place is not None], way)
    rows = sorted(itertools.chain.from_iterable(rows for rows, _ in found), key=place_of)
    if way.downward:
        rows.reverse()
    if reached is not None:
        rows = [row for row in rows if not _is_beyond(place_of(row), _key(reached), way)]
    return rows[:count], None if len(rows) >= count else reached


def count(work: Work, way: Way) -> tuple[int, bool]:
    """Return how many there are, and whether it came to the end of them."""
    work.notes.aggregates += 1
    until = half_time(work)
    counted = [leg.count(until=until) for leg in _legs(work, way)]
    return sum(total for total, _ in counted), all(is_exact for _, is_exact in counted)


def half_time(work: Work) -> float:
    """Return the instant (monotonic) at which half of the time that is left is used up."""
    now = monotonic_s()
    return now + (work.deadline_s - now) / 2


def place_of(row: Row[Any]) -> tuple[int, UUID]:  # a row of a Table has no type of its own
    """Return where an event stands in the order of instants."""
    return row.at, row.event_id


def read(body: bytes) -> Body | None:
    """Read a body; None for one that this program did not write."""
    try:
        return rules.read(orjson.loads(body))
    except UNREADABLE:
        return None


class _Leg(Protocol):
    """One of the ways on which events are found."""

    def find(self, count: int, *, after: Position | None, until: float) -> Found:
        """Return up to `count` events beyond a place."""

    def count(self, *, until: float) -> tuple[int, bool]:
        """Return how many there are, and whether it came to the end of them."""


def _legs(work: Work, way: Way) -> list[_Leg]:
    if way.wanted.object_id is None:
        return [_Scan(work, way)]
    return [_Posted(work, way), _Scan(work, way, tail.waits(work))]


class _Scan:
    """Goes through the events that columns allow, and looks into their bodies if it must."""

    def __init__(self, work: Work, way: Way, *conditions: ColumnElement[bool]) -> None:
        self._work = work
        self._way = way
        self._event = tail.tables_of(work).event
        self._wanted = way.wanted
        self._columns = [*conditions, *column_conditions(self._event, way.wanted)]
        self._bodies = self._conditions(way.wanted)

    def find(self, count: int, *, after: Position | None, until: float) -> Found:
        """Return up to `count` events beyond a place."""
        found: list[Row[Any]] = []
        for size in itertools.count():
            bound = self._bound(after, slices=size)
            room = count - len(found)
            rows = self._rows(after=after, bound=bound, limit=room)
            found.extend(row for row in rows if self._is_meant(bytes(row.body)))
            if len(rows) == room:
                bound = Position(rows[-1].at, rows[-1].event_id)
            if bound is None or len(found) == count:
                break
            after = bound
            if monotonic_s() > until:
                return found, after
        return found, None

    def count(self, *, until: float) -> tuple[int, bool]:
        """Return how many there are, and whether it came to the end of them."""
        if not self._bodies:
            return session_of(self._work).execute(self._counted()).scalar_one(), True
        total, after = 0, None
        for size in itertools.count():
            if monotonic_s() > until:
                return total, False
            bound = self._bound(after, slices=size)
            columns = select(self._event.c.body).select_from(self._source)
            statement = self._within(columns, after=after, bound=bound)
            rows = session_of(self._work).execute(statement.where(*self._bodies))
            total += sum(self._is_meant(bytes(row.body)) for row in rows)
            if bound is None:
                break
            after = bound
        return total, True

    def _conditions(self, wanted: EventFilter) -> list[ColumnElement[bool]]:
        is_sqlite = session_of(self._work).get_bind().dialect.name == "sqlite"
        return body_conditions(self._event, wanted, is_sqlite=is_sqlite)

    def _counted(self) -> Select[Any]:
        return select(func.count()).select_from(self._event).where(*self._columns)

    def _bound(self, after: Position | None, *, slices: int) -> Position | None:  # noqa: ARG002  all alike
        """Return the last place of the next slice; None if one statement goes to the end."""
        if not self._bodies:
            return None
        at, event_id = self._event.c.at, self._event.c.event_id
        statement = self._ordered(self._within(select(at, event_id), after=after, bound=None))
        row = session_of(self._work).execute(statement.offset(SLICE - 1).limit(1)).one_or_none()
        return None if row is None else Position(row.at, row.event_id)

    def _rows(self, *, after: Position | None, bound: Position | None, limit: int) -> Sequence[Row[Any]]:
        detail = tail.tables_of(self._work).detail
        columns = select(self._event, detail.c.salt, detail.c.detail)
        joined = columns.join_from(
            self._source, detail, detail.c.event_id == self._event.c.event_id, isouter=True
        )
        statement = self._within(joined, after=after, bound=bound).where(*self._bodies)
        return session_of(self._work).execute(self._ordered(statement).limit(limit)).all()

    @property
    def _source(self) -> FromClause:
        return self._event

    def _within(
        self, statement: Select[Any], *, after: Position | None, bound: Position | None
    ) -> Select[Any]:
        statement = statement.where(*self._columns)
        place = tuple_(self._event.c.at, self._event.c.event_id)
        if after is not None:
            beyond = _literal(after)
            statement = statement.where(place < beyond if self._way.downward else place > beyond)
        if bound is not None:
            last = _literal(bound)
            statement = statement.where(place >= last if self._way.downward else place <= last)
        return statement

    def _ordered(self, statement: Select[Any]) -> Select[Any]:
        keys = (self._event.c.at, self._event.c.event_id)
        return statement.order_by(*(key.desc() if self._way.downward else key.asc() for key in keys))

    def _is_meant(self, body: bytes) -> bool:
        """Let the fields decide; a body that cannot be read stays, since nobody knows what it named."""
        if not self._bodies:
            return True
        found = read(body)
        return found is None or fits(found, self._wanted)


class _Posted(_Scan):
    """Goes through the postings of an object, and from them to its events."""

    def __init__(self, work: Work, way: Way) -> None:
        # The posting tells what the body was when it got its place: whoever changed it since hides nothing.
        told = replace(way.wanted, object_id=None, disclosure=None)
        super().__init__(work, Way(told, way.downward))
        self._asked = way.wanted

    def _counted(self) -> Select[Any]:
        if self._asked.outcome is None and self._asked.selection is None:
            return select(func.count()).select_from(self._tables.seen).where(*self._postings)
        return select(func.count()).select_from(self._source).where(*self._postings, *self._columns)

    def _bound(self, after: Position | None, *, slices: int) -> Position | None:
        """Return the last place of the next slice: that of a posting, with all that share its instant."""
        at = self._tables.seen.c.at
        statement = select(at).where(*self._postings)
        if after is not None:
            statement = statement.where(at <= after.value if self._way.downward else at >= after.value)
        ordered = statement.order_by(at.desc() if self._way.downward else at.asc())
        size = POSTED * 4 ** min(slices, 6)
        last = session_of(self._work).execute(ordered.offset(size).limit(1)).scalar_one_or_none()
        return None if last is None else Position(last, _FIRST if self._way.downward else _LAST)

    def _within(
        self, statement: Select[Any], *, after: Position | None, bound: Position | None
    ) -> Select[Any]:
        """Bound the postings too: the planner must not take all of them to their events."""
        at = self._tables.seen.c.at
        conditions = list(self._postings)
        for place, is_first in ((after, not self._way.downward), (bound, self._way.downward)):
            if place is not None:
                conditions.append(at >= place.value if is_first else at <= place.value)
        return super()._within(statement, after=after, bound=bound).where(*conditions)

    @property
    def _source(self) -> FromClause:
        tables = self._tables
        leaf = tables.seen.join(tables.leaf, tables.leaf.c.leaf_index == tables.seen.c.leaf_index)
        return leaf.join(tables.event, tables.event_of_leaf)

    @property
    def _tables(self) -> LogTables:
        return tail.tables_of(self._work)

    @cached_property
    def _postings(self) -> list[ColumnElement[bool]]:
        seen, wanted = self._tables.seen, self._asked
        return [
            seen.c.object_id == wanted.object_id,
            *([] if wanted.actor_id is None else [seen.c.actor_id == wanted.actor_id]),
            *([] if wanted.disclosure is None else [seen.c.disclosure >= wanted.disclosure.value]),
            *([] if wanted.since is None else [seen.c.at >= wanted.since]),
            *([] if wanted.until is None else [seen.c.at < wanted.until]),
        ]


def _nearest(places: Sequence[Position], way: Way) -> Position | None:
    if not places:
        return None
    return max(places, key=_key) if way.downward else min(places, key=_key)


def _is_beyond(place: tuple[int, UUID], bound: tuple[int, UUID], way: Way) -> bool:
    return place < bound if way.downward else place > bound


def _key(place: Position) -> tuple[int, UUID]:
    return int(place.value or 0), place.id


def _literal(place: Position) -> ColumnElement[Any]:  # a pair of values
    return tuple_(literal(place.value, UtcTime()), literal(place.id, Id()))
