"""Who saw an object, and what somebody saw: exact, and never stale.

Postings tell of the events that have their place in the tree; the events that wait are read themselves. Lists
are in the order of the first sight within the period, which later events do not change: a page that was read
stays as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Row, Table, func, select

from dms.access.log import derived, searching, tail
from dms.access.log.verify import UNREADABLE
from dms.base import paging
from dms.base.clock import monotonic_s
from dms.base.ids import from_hex
from dms.base.paging import Page, PageRequest, Position
from dms.rules.accessevents import Disclosure
from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of

SLICE = 32
"""Events of somebody that the first statement reads; each further one reads twice as many."""

_WIDEST = 1_024

_LAST = UUID(int=2**128 - 1)
_FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Asked:
    """How much must have been shown, and in which half-open period."""

    least: Disclosure = Disclosure.EXISTENCE
    since: int | None = None
    until: int | None = None

    def holds(self, at: int) -> bool:
        """Tell whether an instant lies in the period."""
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Sight:
    """How somebody saw an object: `key` is who, or what."""

    key: UUID
    first_at: int
    last_at: int
    count: int
    """How many events tell of it."""
    disclosure: Disclosure
    """The widest."""

    @property
    def position(self) -> Position:
        """Return its place in a list."""
        return Position(self.first_at, self.key)


def who_saw(work: Work, object_id: UUID, asked: Asked, request: PageRequest) -> Page[Sight]:
    """List who saw an object, whoever was first comes first; `NOBODY` stands for who had no account.

    Cost grows with the number of people who ever saw it, and with how often those on the page did.
    """
    seen = tail.tables_of(work).seen
    waiting = _waiting_of_object(work, object_id, asked)
    firsts = _firsts(work, object_id, asked)
    for actor_id, sight in waiting.items():
        firsts[actor_id] = min(sight.first_at, firsts.get(actor_id, sight.first_at))
    ordered = sorted((at, actor_id) for actor_id, at in firsts.items())
    after = None if request.after is None else _bound(request.after)
    start, end = paging.cut(ordered, request, after=after)
    chosen = ordered[start:end]
    known = _sights(
        work, seen.c.actor_id, seen.c.object_id == object_id, {key for _, key in chosen}, asked=asked
    )
    rows = [_joined(known.get(key), waiting.get(key)) for _, key in chosen]
    return Page(
        rows,
        [row.position for row in rows],
        has_next=end < len(ordered),
        has_previous=start > 0,
        total=len(ordered) if request.want_total else None,
    )


def what_saw(work: Work, actor_id: UUID, asked: Asked, request: PageRequest) -> Page[Sight]:
    """List what somebody saw, what was seen first comes first.

    It gives up after half of the time that is left: then the page is short and says in `reached` where the
    next one begins; a total may then be less than there is.
    """
    hunt = _Hunt(work, actor_id, asked, request)
    rows, reached = hunt.find()
    shown = sorted(rows, key=_place)
    shown = shown[-request.size :] if request.backward else shown[: request.size]
    more, beyond = len(rows) > request.size or reached is not None, request.after is not None
    page = Page(
        shown,
        [row.position for row in shown],
        has_next=beyond if request.backward else more,
        has_previous=more if request.backward else beyond,
        reached=reached,
    )
    if not request.want_total:
        return page
    total, is_exact = hunt.count()
    return replace(page, total=total, total_is_exact=is_exact)


def ops_of_object(
    work: Work, object_id: UUID, actor_ids: Collection[UUID], *, asked: Asked
) -> Mapping[UUID, frozenset[str]]:
    """Return by which operations people saw an object."""
    seen = tail.tables_of(work).seen
    found = _ops(work, seen.c.actor_id, seen.c.object_id == object_id, actor_ids, asked=asked)
    for body in tail.bodies(work, holding=_named(object_id)):
        actor_id = derived.actor_of(body)
        if actor_id in actor_ids and object_id.hex in _shown(body, asked):
            found.setdefault(actor_id, set()).add(body["op"])
    return {key: frozenset(ops) for key, ops in found.items()}


def ops_of_actor(
    work: Work, actor_id: UUID, object_ids: Collection[UUID], *, asked: Asked
) -> Mapping[UUID, frozenset[str]]:
    """Return by which operations somebody saw objects."""
    seen = tail.tables_of(work).seen
    found = _ops(work, seen.c.object_id, seen.c.actor_id == actor_id, object_ids, asked=asked)
    for body in tail.bodies(work, actor_id=actor_id):
        for object_id in map(UUID, _shown(body, asked)):
            if object_id in object_ids:
                found.setdefault(object_id, set()).add(body["op"])
    return {key: frozenset(ops) for key, ops in found.items()}


class _Hunt:
    """Goes through the events of somebody, and tells of each object when its first sight is met."""

    def __init__(self, work: Work, actor_id: UUID, asked: Asked, request: PageRequest) -> None:
        self._work = work
        self._actor_id = actor_id
        self._asked = asked
        self._request = request
        self._until = searching.half_time(work)
        self._waiting = _waiting_of_actor(work, actor_id, asked)

    def find(self) -> tuple[list[Sight], Position | None]:
        """Return one more than a page holds, and how far it came if it gave up before."""
        found: list[Sight] = []
        known: dict[UUID, Sight] = {}
        after, backward = self._request.after, self._request.backward
        start, width = None if after is None else int(after.value or 0), SLICE
        while len(found) <= self._request.size:
            end, bodies = self._window(start, width=width, backward=backward)
            named = {from_hex(each) for body in bodies for each in _shown(body, self._asked)}
            known.update((sight.key, sight) for sight in self._sights(named - known.keys()))
            met = [known[key] for key in named if self._is_within(known[key], start, end)]
            found += [sight for sight in met if self._is_beyond(sight, after)]
            if end is None:
                break
            start, width = end - 1 if backward else end + 1, min(2 * width, _WIDEST)
            if monotonic_s() > self._until and len(found) <= self._request.size:
                return found, Position(end, _FIRST if backward else _LAST)
        found.sort(key=_place, reverse=backward)
        return found[: self._request.size + 1], None

    def count(self) -> tuple[int, bool]:
        """Return how many objects there are, and whether it came to the end of them."""
        self._work.notes.aggregates += 1
        found: set[str] = set()
        start, until = None, searching.half_time(self._work)
        while monotonic_s() <= until:
            end, bodies = self._window(start, width=_WIDEST, backward=False)
            found.update(each for body in bodies for each in _shown(body, self._asked))
            if end is None:
                return len(found), True
            start = end + 1
        return len(found), False

    def _window(
        self, start: int | None, *, width: int, backward: bool
    ) -> tuple[int | None, list[Mapping[str, Any]]]:
        """Return the next events, and the instant up to which they reach with it; None for all the rest."""
        event = tail.tables_of(self._work).event
        at = event.c.at
        conditions = [event.c.actor_id == self._actor_id, *_period(at, self._asked)]
        if start is not None:
            conditions.append(at <= start if backward else at >= start)
        ordered = select(at).where(*conditions).order_by(at.desc() if backward else at.asc())
        end = session_of(self._work).execute(ordered.offset(width).limit(1)).scalar_one_or_none()
        if end is not None:
            conditions.append(at >= end if backward else at <= end)
        raws = session_of(self._work).execute(select(event.c.body).where(*conditions)).scalars()
        return end, list(_read(raws))

    def _sights(self, object_ids: Collection[UUID]) -> list[Sight]:
        seen = tail.tables_of(self._work).seen
        known = _sights(
            self._work,
            seen.c.object_id,
            seen.c.actor_id == self._actor_id,
            object_ids,
            asked=self._asked,
        )
        named = known.keys() | (self._waiting.keys() & set(object_ids))
        return [_joined(known.get(key), self._waiting.get(key)) for key in named]

    def _is_within(self, sight: Sight, start: int | None, end: int | None) -> bool:
        low, high = (end, start) if self._request.backward else (start, end)
        return (low is None or sight.first_at >= low) and (high is None or sight.first_at <= high)

    def _is_beyond(self, sight: Sight, after: Position | None) -> bool:
        if after is None:
            return True
        bound = _bound(after)
        return _place(sight) < bound if self._request.backward else _place(sight) > bound


def _firsts(work: Work, object_id: UUID, asked: Asked) -> dict[UUID, int]:
    """Return who saw an object, and when first: from person to person in the index, whatever lies between."""
    seen = tail.tables_of(work).seen
    next_one = select(seen.c.actor_id).where(seen.c.object_id == object_id)
    first = next_one.order_by(seen.c.actor_id).limit(1).scalar_subquery()
    people = select(first.label("actor_id")).cte("people", recursive=True)
    following = next_one.where(seen.c.actor_id > people.c.actor_id).order_by(seen.c.actor_id).limit(1)
    people = people.union_all(select(following.scalar_subquery()).where(people.c.actor_id.is_not(None)))
    own = select(seen.c.at).where(
        seen.c.object_id == object_id, seen.c.actor_id == people.c.actor_id, *_meant(seen, asked)
    )
    first_at = own.order_by(seen.c.at).limit(1).correlate(people).scalar_subquery()
    statement = select(people.c.actor_id, first_at.label("first_at")).where(people.c.actor_id.is_not(None))
    rows = session_of(work).execute(statement)
    return {row.actor_id: row.first_at for row in rows if row.first_at is not None}


def _sights(
    work: Work, key: ColumnElement[UUID], of: ColumnElement[bool], ids: Collection[UUID], *, asked: Asked
) -> dict[UUID, Sight]:
    """Return what the postings tell of some people or objects."""
    if not ids:
        return {}
    seen = tail.tables_of(work).seen
    statement = (
        select(
            key.label("key"),
            func.min(seen.c.at).label("first_at"),
            func.max(seen.c.at).label("last_at"),
            func.count().label("number"),
            func.max(seen.c.disclosure).label("disclosure"),
        )
        .where(of, in_ids(key, ids), *_meant(seen, asked))
        .group_by(key)
    )
    return {row.key: _sight(row) for row in session_of(work).execute(statement)}


def _sight(row: Row[Any]) -> Sight:  # a row of a Table has no type of its own
    return Sight(row.key, row.first_at, row.last_at, row.number, Disclosure(row.disclosure))


def _ops(
    work: Work, key: ColumnElement[UUID], of: ColumnElement[bool], ids: Collection[UUID], *, asked: Asked
) -> dict[UUID, set[str]]:
    tables = tail.tables_of(work)
    seen, leaf, event = tables.seen, tables.leaf, tables.event
    statement = (
        select(key.label("key"), event.c.op)
        .select_from(
            seen.join(leaf, leaf.c.leaf_index == seen.c.leaf_index).join(event, tables.event_of_leaf)
        )
        .where(of, in_ids(key, ids), *_meant(seen, asked))
        .distinct()
    )
    found: dict[UUID, set[str]] = {}
    for row in session_of(work).execute(statement):
        found.setdefault(row.key, set()).add(row.op)
    return found


def _meant(seen: Table, asked: Asked) -> list[ColumnElement[bool]]:
    return [seen.c.disclosure >= asked.least.value, *_period(seen.c.at, asked)]


def _period(at: ColumnElement[int], asked: Asked) -> list[ColumnElement[bool]]:
    return [
        *([] if asked.since is None else [at >= asked.since]),
        *([] if asked.until is None else [at < asked.until]),
    ]


def _waiting_of_object(work: Work, object_id: UUID, asked: Asked) -> dict[UUID, Sight]:
    """Return who saw an object by events that have no postings yet."""
    found: dict[UUID, Sight] = {}
    for body in tail.bodies(work, holding=_named(object_id)):
        disclosure = _shown(body, asked).get(object_id.hex)
        if disclosure is not None:
            _add(found, derived.actor_of(body), at=body["at"], disclosure=disclosure)
    return found


def _waiting_of_actor(work: Work, actor_id: UUID, asked: Asked) -> dict[UUID, Sight]:
    """Return what somebody saw by events that have no postings yet."""
    found: dict[UUID, Sight] = {}
    for body in tail.bodies(work, actor_id=actor_id):
        for object_id, disclosure in _shown(body, asked).items():
            _add(found, from_hex(object_id), at=body["at"], disclosure=disclosure)
    return found


def _add(found: dict[UUID, Sight], key: UUID, *, at: int, disclosure: int) -> None:
    found[key] = _joined(found.get(key), Sight(key, at, at, 1, Disclosure(disclosure)))


def _joined(one: Sight | None, other: Sight | None) -> Sight:
    """Put together what two sources tell of one key; at least one of them tells something."""
    known = [each for each in (one, other) if each is not None]
    return Sight(
        known[0].key,
        min(each.first_at for each in known),
        max(each.last_at for each in known),
        sum(each.count for each in known),
        max(each.disclosure for each in known),
    )


def _shown(body: Mapping[str, Any], asked: Asked) -> dict[str, int]:  # Any: JSON read back
    """Return what a body shows as far as was asked for; nothing for one of another time."""
    if not asked.holds(body["at"]):
        return {}
    return {key: each for key, each in derived.disclosed(body).items() if each >= asked.least.value}


def _named(object_id: UUID) -> bytes:
    return b'["%s",' % object_id.hex.encode()


def _read(raws: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    for raw in raws:
        try:
            yield orjson.loads(bytes(raw))
        except UNREADABLE:
            continue


def _place(sight: Sight) -> tuple[int, UUID]:
    return sight.first_at, sight.key


def _bound(position: Position) -> tuple[int, UUID]:
    return int(position.value or 0), position.id
