"""What an export takes out of the log: the events that the newest checkpoint covers, slice by slice.

Nothing here decides who may: `services.logexports` does, and each slice is an event of its own. What is
counted around the slices runs in short transactions, however large the log is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, literal, select, tuple_

from dms.access.log import eventfilters, keys, proofs, searching, tail
from dms.access.log.eventfilters import EventFilter
from dms.access.log.shards import LogPlace
from dms.access.log.tilestore import TileFolder
from dms.access.log.verify import fault_of
from dms.base.clock import monotonic_s
from dms.base.errors import Unavailable
from dms.models import accessevents
from dms.models.accessevents import LogTables
from dms.models.types import Id, UtcTime
from dms.rules import logexports, signednotes, tiles, tree
from dms.rules.checkpoints import Checkpoint
from dms.rules.logexports import Gap, Statement
from dms.rules.tiles import Tile
from dms.rules.tree import Node, Range
from dms.stores import upkeep
from dms.stores.engine import Database
from dms.stores.work import Work, session_of

WINDOW = 5_000
"""Leaves that one statement looks through."""

COUNTED = 20_000
"""Rows that one statement counts."""

MARGIN = 5_000
"""Leaves beside a range in which numbers of writers are looked for: threads become durable out of turn."""

Tell = Callable[[str, int, int | None], None]
"""Takes a step, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Covered:
    """The newest checkpoint, with the note that bears its signatures."""

    checkpoint: Checkpoint
    note: str


@dataclass(frozen=True, slots=True)
class Exhibit:
    """An event with its leaf; `sealed` are salt and detail as they are stored."""

    index: int
    event_id: UUID
    body: bytes
    leaf_hash: str
    fault: str | None
    sealed: tuple[bytes, bytes] | None


@dataclass(frozen=True, slots=True)
class Slice:
    """Some events in their order, and the leaf where the next slice begins."""

    exhibits: Sequence[Exhibit]
    beyond: int


def covered(place: LogPlace) -> Covered:
    """Return the newest checkpoint; `Unavailable` if there is none, or no key of the log has signed it."""
    checkpoint, text = proofs.latest(place.shard())
    note = signednotes.read(text)
    if not any(keys.is_signed(note, key) for key in place.known_keys()):
        raise Unavailable("the last checkpoint bears no known signature: see `dms log verify`")
    return Covered(checkpoint, text)


def span(database: Database, wanted: EventFilter, *, size: int) -> Range:
    """Return the leaves, of those below a size, between the first and the last event of a period."""
    if wanted.since is None and wanted.until is None:
        return Range(0, size)
    first, end = size, 0
    for low, high in _extremes(database, wanted):
        first, end = min(first, low), max(end, high + 1)
    return Range(first, min(end, size)) if first < size else Range(size, size)


def is_unpruned(database: Database) -> bool:
    """Tell whether no event was ever removed by rule."""
    head = accessevents.tables(database.dialect).head
    with upkeep.reading_log(database) as connection:
        return not connection.execute(select(head.c.minimum_index)).scalar_one()


def newer(database: Database, wanted: EventFilter, *, size: int) -> int:
    """Count what a filter means beyond a size, or without any place yet, as far as SQL can tell."""
    tables = accessevents.tables(database.dialect)
    event, leaf, head = tables.event, tables.leaf, tables.head
    placed = select(func.count()).select_from(leaf.join(event, tables.event_of_leaf))
    meant = _conditions(tables, wanted, is_sqlite=database.is_sqlite)
    with upkeep.reading_log(database) as connection:
        count: int = connection.execute(placed.where(leaf.c.leaf_index >= size, *meant)).scalar_one()
        reached = connection.execute(select(head)).one()
        waiting = select(func.count()).select_from(event).where(tail.beyond(tables, reached), *meant)
        return count + int(connection.execute(waiting).scalar_one())


def part(work: Work, wanted: EventFilter, *, within: Range, limit: int) -> Slice:
    """Return the next events that a filter means; gives up after half of the time that is left."""
    session = session_of(work)
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    tables = accessevents.tables(session.get_bind().dialect.name)
    statement = _exhibits(tables).where(*_conditions(tables, wanted, is_sqlite=is_sqlite))
    is_searched = bool(eventfilters.body_conditions(tables.event, wanted, is_sqlite=is_sqlite))
    found: list[Exhibit] = []
    now = monotonic_s()
    until, at = now + (work.deadline_s - now) / 2, within.first
    leaf_index = tables.leaf.c.leaf_index
    while at < within.end and monotonic_s() < until:
        end, room = min(at + WINDOW, within.end), limit - len(found)
        bounded = statement.where(leaf_index >= at, leaf_index < end).limit(room)
        rows = session.execute(bounded).all()
        meant = [row for row in rows if not is_searched or _is_meant(bytes(row.body), wanted)]
        found.extend(map(_exhibit, meant))
        if len(rows) == room:
            return Slice(found, rows[-1].leaf_index + 1)
        at = end
    return Slice(found, at)


def lacks(database: Database, within: Range, *, tell: Tell) -> tuple[int, Sequence[Gap]]:
    """Return how many leaves of a range have lost their event, and which numbers of writers are missing."""
    runs: dict[UUID, list[tuple[int, int]]] = {}
    inside: dict[UUID, list[tuple[int, int]]] = {}
    lost = 0
    margins = Range(max(0, within.first - MARGIN), within.end + MARGIN)
    for first, end, rows in _numbers(database, margins):
        lost += sum(1 for row in rows if row.writer is None and within.first <= row.leaf_index < within.end)
        for target, span_ in ((runs, margins), (inside, within)):
            for writer, numbers in _by_writer(rows, span_).items():
                target[writer] = logexports.merged(target.get(writer, []), numbers)
        tell("completeness", min(end, within.end) - min(first, within.first), within.end - within.first)
    for writer, numbers in _waiting_numbers(database).items():
        runs[writer] = logexports.merged(runs.get(writer, []), numbers)
    found = [
        Gap(writer, first, count)
        for writer, own in inside.items()
        for first, count in logexports.holes(runs[writer], low=own[0][0], high=own[-1][1])
    ]
    return lost, found


class Paths:
    """Leads from leaves to the root of a size; neighbours share nearly all of their way."""

    def __init__(self, folder: TileFolder, size: int) -> None:
        self._size = size
        self._hashes: Callable[[Tile], list[bytes]] = lru_cache(64)(folder.hashes)
        self._node: Callable[[Node], bytes] = lru_cache(65_536)(self._read)

    def to(self, index: int) -> list[bytes]:
        """Return the hashes that prove a leaf, the lowest first."""
        return [
            tree.joined([self._node(node) for node in tree.nodes(beside)])
            for beside in tree.inclusion_path(index, self._size)
        ]

    def _read(self, node: Node) -> bytes:
        leaves = Range(node.number << node.level, (node.number + 1) << node.level)
        return tiles.subtree_hash(leaves, size=self._size, read=self._hashes)


def statement_of(found: Covered, within: Range, *, newer: int, lost: int, gaps: Sequence[Gap]) -> Statement:
    """Say how complete an export is."""
    return Statement(
        origin=found.checkpoint.origin,
        checkpoint=found.note,
        size=found.checkpoint.size,
        first=within.first,
        last=within.end - 1,
        newer=newer,
        pruned=lost,
        gaps=gaps,
    )


def _extremes(database: Database, wanted: EventFilter) -> Iterator[tuple[int, int]]:
    """Yield the smallest and the largest leaf of the events of a period, some events at a time."""
    tables = accessevents.tables(database.dialect)
    event, leaf = tables.event, tables.leaf
    period = eventfilters.column_conditions(event, EventFilter(since=wanted.since, until=wanted.until))
    place = tuple_(event.c.at, event.c.event_id)
    ordered = select(event.c.at, event.c.event_id).where(*period).order_by(event.c.at, event.c.event_id)
    after: ColumnElement[bool] | None = None
    while True:
        some = (ordered if after is None else ordered.where(after)).limit(COUNTED).subquery()
        bounds = select(func.min(leaf.c.leaf_index), func.max(leaf.c.leaf_index)).join(
            some, some.c.event_id == leaf.c.event_id
        )
        last = select(some.c.at, some.c.event_id).order_by(some.c.at.desc(), some.c.event_id.desc()).limit(1)
        with upkeep.reading_log(database) as connection:
            low, high = connection.execute(bounds).one()
            row = connection.execute(last).one_or_none()
        if row is None:
            return
        if low is not None:
            yield low, high
        after = place > tuple_(literal(row.at, UtcTime()), literal(row.event_id, Id()))


def _conditions(tables: LogTables, wanted: EventFilter, *, is_sqlite: bool) -> list[ColumnElement[bool]]:
    return [
        *eventfilters.column_conditions(tables.event, wanted),
        *eventfilters.body_conditions(tables.event, wanted, is_sqlite=is_sqlite),
    ]


def _exhibits(tables: LogTables) -> Select[Any]:
    leaf, event, detail = tables.leaf, tables.event, tables.detail
    return (
        select(leaf.c.leaf_index, leaf.c.leaf_hash.label("leaf"), *event.c, detail.c.salt, detail.c.detail)
        .join(event, tables.event_of_leaf)
        .outerjoin(detail, detail.c.event_id == leaf.c.event_id)
        .order_by(leaf.c.leaf_index)
    )


def _exhibit(row: Row[Any]) -> Exhibit:  # a row of Tables has no type of its own
    fault = fault_of(row)
    code = fault.code if fault is not None else None
    if row.leaf != row.leaf_hash:
        code = "leaf_differs"
    sealed = None if row.salt is None else (bytes(row.salt), bytes(row.detail))
    return Exhibit(row.leaf_index, row.event_id, bytes(row.body), row.leaf, code, sealed)


def _is_meant(body: bytes, wanted: EventFilter) -> bool:
    """Let the fields decide; what cannot be read stays, since nobody knows what it named."""
    found = searching.read(body)
    return found is None or eventfilters.fits(found, wanted)


def _numbers(database: Database, within: Range) -> Iterator[tuple[int, int, Sequence[Row[Any, Any, Any]]]]:
    """Yield the numbers of writers of a range of leaves, some leaves at a time."""
    tables = accessevents.tables(database.dialect)
    leaf, event = tables.leaf, tables.event
    statement = select(leaf.c.leaf_index, event.c.writer, event.c.n).outerjoin(event, tables.event_of_leaf)
    for first in range(within.first, within.end, COUNTED):
        end = min(first + COUNTED, within.end)
        bounded = statement.where(leaf.c.leaf_index >= first, leaf.c.leaf_index < end)
        with upkeep.reading_log(database) as connection:
            rows = connection.execute(bounded).all()
        yield first, end, rows


def _waiting_numbers(database: Database) -> Mapping[UUID, list[int]]:
    tables = accessevents.tables(database.dialect)
    with upkeep.reading_log(database) as connection:
        head = connection.execute(select(tables.head)).one()
        statement = select(tables.event.c.writer, tables.event.c.n).where(tail.beyond(tables, head))
        found: dict[UUID, list[int]] = {}
        for row in connection.execute(statement):
            found.setdefault(row.writer, []).append(row.n)
        return found


def _by_writer(rows: Sequence[Row[Any, Any, Any]], within: Range) -> Mapping[UUID, list[int]]:
    found: dict[UUID, list[int]] = {}
    for row in rows:
        if row.writer is not None and within.first <= row.leaf_index < within.end:
            found.setdefault(row.writer, []).append(row.n)
    return found
