"""Finding events in the order of their instants, in slices, with a place where the next page goes on.

What only a body tells is found by reading bodies: SQL looks for the bytes, then the fields themselves decide.
An object is found by its postings, and in the events that wait for theirs. Whichever way, a search gives up
after half of the time that is left; an event is never skipped.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, FromClause, Row, Select, func, literal, select, tuple_

from dms.access.log import tail
from dms.access.log.derived import ANY_CLASS
from dms.access.log.eventfilters import EventFilter, body_conditions, column_conditions, fits
from dms.access.log.verify import UNREADABLE
from dms.base.clock import DAY, monotonic_s
from dms.base.paging import Position
from dms.models.types import Id, UtcTime
from dms.rules import accessevents as rules
from dms.rules.accessevents import Body
from dms.stores.work import Work, session_of

SLICE = 2_000
"""Events whose bodies one statement looks through."""

POSTED = 100
"""Postings that are looked up at once, and that the first slice reads; each further one reads four times
as many, since the database looks at all of an object for each."""

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
    if way.wanted.object_id is not None:
        return [_Posted(work, way), _Scan(work, way, tail.waiting(work))]
    if way.wanted.ops:
        return [_ByDay(work, way), _Scan(work, way, tail.waiting(work))]
    return [_Scan(work, way, tail.tables_of(work).event)]


class _Scan:
    """Goes through the events that columns allow, and looks into their bodies if it must."""

    def __init__(self, work: Work, way: Way, event: FromClause) -> None:
        self._work = work
        self._way = way
        self._event = event
        self._wanted = way.wanted
        self._columns = column_conditions(event, way.wanted)
        self._bodies = _body_conditions(work, event, way.wanted)

    def find(self, count: int, *, after: Position | None, until: float) -> Found:
        """Return up to `count` events beyond a place."""
        return self._found(count, after, until=until)

    def _found(self, count: int, after: Position | None, *, until: float) -> Found:
        found: list[Row[Any]] = []
        while True:
            bound = self._bound(after)
            room = count - len(found)
            rows = self._rows(after=after, bound=bound, limit=room)
            found.extend(row for row in rows if self._is_meant(row))
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
        return self._counted(until=until)

    def _counted(self, *, until: float) -> tuple[int, bool]:
        if not self._bodies:
            statement = select(func.count()).select_from(self._event).where(*self._columns)
            return session_of(self._work).execute(statement).scalar_one(), True
        total, after = 0, None
        while monotonic_s() <= until:
            bound = self._bound(after)
            statement = self._within(select(self._event.c.body), after=after, bound=bound)
            rows = session_of(self._work).execute(statement.where(*self._bodies))
            total += sum(self._is_meant(row) for row in rows)
            if bound is None:
                return total, True
            after = bound
        return total, False

    def _bound(self, after: Position | None) -> Position | None:
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
            self._event, detail, detail.c.event_id == self._event.c.event_id, isouter=True
        )
        statement = self._within(joined, after=after, bound=bound).where(*self._bodies)
        return session_of(self._work).execute(self._ordered(statement).limit(limit)).all()

    def _is_meant(self, row: Row[Any]) -> bool:
        return not self._bodies or _is_meant(bytes(row.body), self._wanted)

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


class _ByDay(_Scan):
    """Goes through the days on which somebody did what is looked for: the roll-ups know them."""

    def __init__(self, work: Work, way: Way) -> None:
        super().__init__(work, way, tail.tables_of(work).event)
        self._always = [tail.placed(work), *self._columns]

    def find(self, count: int, *, after: Position | None, until: float) -> Found:
        """Return up to `count` events beyond a place."""
        found: list[Row[Any]] = []
        for day in self._days(self._first_day(after)):
            rows, reached = self._found(count - len(found), after, until=until)
            found += rows
            if len(found) == count:
                break
            if reached is not None or monotonic_s() > until:
                end = Position(day * DAY, _FIRST) if self._way.downward else Position((day + 1) * DAY, _FIRST)
                return found, reached or end
        return found, None

    def count(self, *, until: float) -> tuple[int, bool]:
        """Return how many there are, and whether it came to the end of them."""
        total = 0
        for _ in self._days(None):
            number, is_exact = self._counted(until=until)
            total += number
            if not is_exact:
                return total, False
        return total, True

    def _days(self, start: int | None) -> Iterator[int]:
        """Yield the days in the order of the search; what is read next is of that day only."""
        day = self._next(start)
        while day is not None:
            at = self._event.c.at
            self._columns = [*self._always, at >= day * DAY, at < (day + 1) * DAY]
            yield day
            day = self._next(day - 1 if self._way.downward else day + 1)

    def _first_day(self, after: Position | None) -> int | None:
        if after is None:
            return None
        at, event_id = _key(after)
        # Nothing lies before the first place of an instant.
        return (at - 1 if self._way.downward and event_id == _FIRST else at) // DAY

    def _next(self, start: int | None) -> int | None:
        daily, wanted, down = tail.tables_of(self._work).daily, self._way.wanted, self._way.downward
        conditions = [
            daily.c.class_id == ANY_CLASS,
            daily.c.op.in_(sorted(op.value for op in wanted.ops[0])),
            *([] if wanted.actor_id is None else [daily.c.actor_id == wanted.actor_id]),
            *([] if wanted.since is None else [daily.c.day >= wanted.since // DAY]),
            *([] if wanted.until is None else [daily.c.day <= wanted.until // DAY]),
            *([] if start is None else [daily.c.day <= start if down else daily.c.day >= start]),
        ]
        ordered = select(daily.c.day).where(*conditions)
        ordered = ordered.order_by(daily.c.day.desc() if down else daily.c.day.asc()).limit(1)
        day: int | None = session_of(self._work).execute(ordered).scalar_one_or_none()
        return day


class _Posted:
    """Goes through the postings of an object, and from them to its events, some at a time.

    In two steps: in one, the planner would rather take all events of the time.
    """

    def __init__(self, work: Work, way: Way) -> None:
        self._work = work
        self._way = way
        self._tables = tail.tables_of(work)
        # The posting tells what the body was when it got its place: whoever changed it since hides nothing.
        self._told = replace(way.wanted, object_id=None, disclosure=None)
        self._columns = column_conditions(self._tables.event, self._told)
        self._bodies = _body_conditions(work, self._tables.event, self._told)

    def find(self, count: int, *, after: Position | None, until: float) -> Found:
        """Return up to `count` events beyond a place."""
        found: list[Row[Any]] = []
        for last, rows in self._chunks(after):
            found += [
                row for row in rows if after is None or _is_beyond(place_of(row), _key(after), self._way)
            ]
            if len(found) >= count:
                break
            if last is not None and monotonic_s() > until:
                return found, Position(last, _FIRST if self._way.downward else _LAST)
        found.sort(key=place_of, reverse=self._way.downward)
        return found[:count], None

    def count(self, *, until: float) -> tuple[int, bool]:
        """Return how many there are, and whether it came to the end of them."""
        if not self._bodies and self._told.outcome is None and self._told.selection is None:
            statement = select(func.count()).select_from(self._tables.seen).where(*self._postings)
            return session_of(self._work).execute(statement).scalar_one(), True
        total = 0
        for _, rows in self._chunks(None):
            total += len(rows)
            if monotonic_s() > until:
                return total, False
        return total, True

    def _chunks(self, after: Position | None) -> Iterator[tuple[int | None, list[Row[Any]]]]:
        """Yield the events that are meant, and how far they reach; the last ones reach to the end."""
        start, size = None if after is None else int(after.value or 0), POSTED
        while True:
            places, end = self._places(start, size)
            chunks = list(_chunked(places))
            for chunk in chunks:
                is_last = end is None and chunk is chunks[-1]
                yield None if is_last else chunk[-1][0], self._events([index for _, index in chunk])
            if end is None:
                return
            start, size = end - 1 if self._way.downward else end + 1, size * 4

    def _places(self, start: int | None, size: int) -> tuple[list[tuple[int, int]], int | None]:
        """Return the next postings (instant and leaf), and the instant that they end with; None for all."""
        seen, down = self._tables.seen, self._way.downward
        statement = select(seen.c.at, seen.c.leaf_index).where(*self._postings)
        if start is not None:
            statement = statement.where(seen.c.at <= start if down else seen.c.at >= start)
        ordered = statement.order_by(seen.c.at.desc() if down else seen.c.at.asc())
        rows = [(row.at, row.leaf_index) for row in session_of(self._work).execute(ordered.limit(size + 1))]
        if len(rows) <= size:
            return rows, None
        end = rows[-1][0]  # all that share this instant go with it
        same = session_of(self._work).execute(statement.where(seen.c.at == end))
        return [place for place in rows if place[0] != end] + [(row.at, row.leaf_index) for row in same], end

    def _events(self, indices: Sequence[int]) -> list[Row[Any]]:
        tables = self._tables
        event, detail = tables.event, tables.detail
        statement = (
            select(event, detail.c.salt, detail.c.detail)
            .select_from(tables.leaf)
            .join(event, tables.event_of_leaf)
            .join(detail, detail.c.event_id == event.c.event_id, isouter=True)
            .where(tables.leaf.c.leaf_index.in_(indices), *self._columns, *self._bodies)
        )
        rows = session_of(self._work).execute(statement).all()
        return [row for row in rows if not self._bodies or _is_meant(bytes(row.body), self._told)]

    @cached_property
    def _postings(self) -> list[ColumnElement[bool]]:
        seen, wanted = self._tables.seen, self._way.wanted
        return [
            seen.c.object_id == wanted.object_id,
            *([] if wanted.actor_id is None else [seen.c.actor_id == wanted.actor_id]),
            *([] if wanted.disclosure is None else [seen.c.disclosure >= wanted.disclosure.value]),
            *([] if wanted.since is None else [seen.c.at >= wanted.since]),
            *([] if wanted.until is None else [seen.c.at < wanted.until]),
        ]


def _chunked(places: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Cut postings into as many as are looked up at once; those of one instant stay together."""
    chunk: list[tuple[int, int]] = []
    for _, same in itertools.groupby(places, key=lambda place: place[0]):
        chunk += same
        if len(chunk) >= POSTED:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _body_conditions(work: Work, event: FromClause, wanted: EventFilter) -> list[ColumnElement[bool]]:
    is_sqlite = session_of(work).get_bind().dialect.name == "sqlite"
    return body_conditions(event, wanted, is_sqlite=is_sqlite)


def _is_meant(body: bytes, wanted: EventFilter) -> bool:
    """Let the fields decide; a body that cannot be read stays, since nobody knows what it named."""
    found = read(body)
    return found is None or fits(found, wanted)


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
