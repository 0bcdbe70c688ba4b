"""Inventories: what an Aggregation or the whole Repository holds, of what the actor may read.

An inventory shows metadata only, so `READ_METADATA` is enough, for its export too: it takes out no
content, and each of its lines could be read one by one. The events of an export name every line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import InstrumentedAttribute

from dms.access import gate, marks, shelf
from dms.access.shelf import Shelf
from dms.base.canonical import Canonical
from dms.base.paging import MAX_PAGE, Page, PageRequest, Position
from dms.models.aggregations import Aggregation, ArrangementLevel
from dms.models.documents import Document, Medium
from dms.rules import text
from dms.rules.access import Action
from dms.rules.accessevents import MAX_OBJECTS, Op
from dms.rules.security import Mark, join
from dms.rules.states import AggregationState, DocumentState
from dms.services import security
from dms.services.security import Classification
from dms.stores.records import is_a
from dms.stores.work import Work

S = TypeVar("S", bound=StrEnum)
T = TypeVar("T")

PART = MAX_OBJECTS - 2 * MAX_PAGE
"""Objects after which a part of an export ends: one page more is a line and its Aggregation, each."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Things below an Aggregation that are alike in kind, state and mark."""

    kind: ArrangementLevel | Medium
    state: AggregationState | DocumentState
    mark: Mark
    number: int
    first_day: date | None
    last_day: date | None
    content_bytes: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """What lies below an Aggregation, counted; each list in a fixed order, without zeros."""

    aggregations: int
    documents: int
    levels: Sequence[tuple[ArrangementLevel, int]]
    media: Sequence[tuple[Medium, int]]
    aggregation_states: Sequence[tuple[AggregationState, int]]
    document_states: Sequence[tuple[DocumentState, int]]
    classifications: Sequence[tuple[Classification, int]]
    """Aggregations and Documents together, lowest level first."""
    highest: Classification | None
    """The lowest one that dominates all that is shown; None if that is nothing."""
    first_day: date | None
    last_day: date | None
    content_bytes: int
    """All files of all Versions."""


@dataclass(frozen=True, slots=True)
class Line:
    """One Aggregation or Document of an inventory."""

    row: Aggregation | Document
    home_code: str | None
    """Reference code of the Aggregation that it lies in, if the actor may know of that."""
    mark: Mark
    marking: str
    content_bytes: int | None
    """None for an Aggregation."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What an export is of (None: the whole Repository), and how many lines it will have."""

    of: Aggregation | None
    lines: int


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines of an export, and where the next part begins: None after the last."""

    lines: Sequence[Line]
    beyond: Position | None


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished export, before anybody gets it."""

    format: str
    sha256: str
    size_bytes: int
    lines: int
    marking: str | None


def root(work: Work, *, row_id: UUID | None = None, reference_code: str | None = None) -> Aggregation | None:
    """Return the Aggregation whose inventory is asked for, or raise `NotFound`.

    None, where neither is given, stands for the whole Repository.
    """
    reading = gate.visible(work, Aggregation, Action.READ_METADATA)
    if row_id is not None:
        return reading.one(row_id)
    if reference_code is not None:
        return reading.first(Aggregation.reference_code == text.sought(reference_code, limit=text.MAX_CODE))
    gate.standing(work)
    return None


def holdings(work: Work, of: Aggregation | None) -> Holdings:
    """Count what lies below: one statement for Aggregations and one for Documents, whatever their number."""
    work.performs(Op.INVENTORY_READ)
    _note_root(work, of)
    return _holdings(work, of, [*_aggregations(work, of), *_documents(work, of)])


def lines(work: Work, of: Aggregation | None, request: PageRequest) -> Page[Line]:
    """List what lies below, by reference code; a Document without one follows its Aggregation."""
    work.performs(Op.INVENTORY_READ)
    _note_root(work, of)
    page = _lines(work, of, request)
    if not request.want_total:
        return page
    return replace(page, total=_count(work, of))


def begin(work: Work, *, reference_code: str | None) -> Beginning:
    """Find what an export is of, or raise `NotFound`, and count its lines."""
    work.performs(Op.INVENTORY_EXPORT)
    of = root(work, reference_code=reference_code)
    _note_root(work, of)
    return Beginning(of, _count(work, of))


def part(work: Work, *, of: UUID | None, after: Position | None) -> Part:
    """Return the next lines of an export, as many as one event names."""
    work.performs(Op.INVENTORY_EXPORT)
    holder = root(work, row_id=of)
    _note_root(work, holder)
    found: list[Line] = []
    while True:
        page = _lines(work, holder, PageRequest(MAX_PAGE, after=after))
        found.extend(page.rows)
        if not page.has_next:
            return Part(found, None)
        after = page.positions[-1]
        if len(work.notes.released) > PART:
            return Part(found, after)


def sum_up(work: Work, *, of: UUID | None, tallies: Sequence[Tally]) -> Holdings:
    """Describe what the lines of an export came to, so that the file agrees with itself."""
    work.performs(Op.INVENTORY_EXPORT)
    holder = root(work, row_id=of)
    _note_root(work, holder)
    return _holdings(work, holder, tallies)


def finish(work: Work, exported: Exported, *, of: UUID | None) -> None:
    """Close an export: the event that binds its bytes, without which nobody may get them."""
    work.performs(Op.INVENTORY_EXPORT)
    _note_root(work, root(work, row_id=of))
    work.notes.bytes_sent = exported.size_bytes
    work.notes.detail["exported"] = {
        "format": exported.format,
        "sha256": exported.sha256,
        "bytes": exported.size_bytes,
        "lines": exported.lines,
        "marking": exported.marking,
    }


def tally_of(line: Line) -> Tally:
    """Return a line as a count of one."""
    row = line.row
    kind = row.medium if is_a(row, Document) else row.level
    return Tally(kind, row.state, line.mark, 1, row.first_day, row.last_day, line.content_bytes or 0)


def merged(tallies: Iterable[Tally]) -> list[Tally]:
    """Add up the tallies of what is alike."""
    found: dict[tuple[object, object, Mark], Tally] = {}
    for tally in tallies:
        key = (tally.kind, tally.state, tally.mark)
        found[key] = tally if key not in found else _added(found[key], tally)
    return list(found.values())


def _added(one: Tally, other: Tally) -> Tally:
    firsts = [day for day in (one.first_day, other.first_day) if day is not None]
    lasts = [day for day in (one.last_day, other.last_day) if day is not None]
    return replace(
        one,
        number=one.number + other.number,
        first_day=min(firsts, default=None),
        last_day=max(lasts, default=None),
        content_bytes=one.content_bytes + other.content_bytes,
    )


def _holdings(work: Work, of: Aggregation | None, tallies: Sequence[Tally]) -> Holdings:
    aggregations = [tally for tally in tallies if isinstance(tally.kind, ArrangementLevel)]
    documents = [tally for tally in tallies if isinstance(tally.kind, Medium)]
    marked = _summed(tallies, lambda tally: tally.mark)
    own = [] if of is None else [marks.mark_of(work, of.security_id)]
    highest = join([*marked, *own])
    shown = security.describe(work, {*marked, *([] if highest is None else [highest])})
    return Holdings(
        aggregations=sum(tally.number for tally in aggregations),
        documents=sum(tally.number for tally in documents),
        levels=_listed(ArrangementLevel, _summed(aggregations, lambda tally: tally.kind)),
        media=_listed(Medium, _summed(documents, lambda tally: tally.kind)),
        aggregation_states=_listed(AggregationState, _summed(aggregations, lambda tally: tally.state)),
        document_states=_listed(DocumentState, _summed(documents, lambda tally: tally.state)),
        classifications=[
            (shown[mark], marked[mark])
            for mark in sorted(marked, key=lambda mark: (mark.rank, shown[mark].marking))
        ],
        highest=None if highest is None else shown[highest],
        first_day=min((tally.first_day for tally in tallies if tally.first_day), default=None),
        last_day=max((tally.last_day for tally in tallies if tally.last_day), default=None),
        content_bytes=sum(tally.content_bytes for tally in documents),
    )


def _lines(work: Work, of: Aggregation | None, request: PageRequest) -> Page[Line]:
    reading = Shelf(work, Action.READ_METADATA, below=None if of is None else of.id)
    found = reading.page(request)
    shown = iter(_shown(work, found.rows))
    return found.map(lambda _: next(shown))


def _note_root(work: Work, of: Aggregation | None) -> None:
    asked: list[Canonical] = work.notes.detail.setdefault("inventory_of", [])
    if (named := "repository" if of is None else of.id.hex) not in asked:
        asked.append(named)


def _count(work: Work, of: Aggregation | None) -> int:
    aggregations = gate.visible(work, Aggregation, Action.READ_METADATA).where(*_below(Aggregation, of))
    documents = gate.visible(work, Document, Action.READ_METADATA).where(*_below(Document, of))
    return aggregations.count() + documents.count()


def _aggregations(work: Work, of: Aggregation | None) -> list[Tally]:
    reading = gate.visible(work, Aggregation, Action.READ_METADATA)
    days = (func.min(Aggregation.first_day), func.max(Aggregation.last_day))
    rows = reading.where(*_below(Aggregation, of)).measured(
        _expressions(Aggregation.level, Aggregation.state, Aggregation.security_id),
        (func.count(), *days),
    )
    return [_tally(work, *row, content_bytes=0) for row in rows]


def _documents(work: Work, of: Aggregation | None) -> list[Tally]:
    reading = gate.visible(work, Document, Action.READ_METADATA)
    days = (func.min(Document.first_day), func.max(Document.last_day))
    rows = reading.where(*_below(Document, of)).measured(
        _expressions(Document.medium, Document.state, Document.security_id),
        (func.count(), *days, shelf.content_bytes()),
    )
    return [_tally(work, *row[:-1], content_bytes=int(row[-1])) for row in rows]


def _expressions(*columns: InstrumentedAttribute[Any]) -> list[ColumnElement[Any]]:  # of any type
    return [column.expression for column in columns]


def _below(model: type[Aggregation | Document], of: Aggregation | None) -> list[ColumnElement[bool]]:
    return [] if of is None else [shelf.below(model, of.id)]


def _tally(work: Work, kind: Any, state: Any, security_id: int, *counted: Any, content_bytes: int) -> Tally:
    # Any: a row of a measure has no type of its own
    number, first_day, last_day = counted
    mark = marks.mark_of(work, security_id)
    return Tally(kind, state, mark, number, first_day, last_day, content_bytes)


def _summed(tallies: Iterable[Tally], by: Callable[[Tally], T]) -> Mapping[T, int]:
    found: Counter[T] = Counter()
    for tally in tallies:
        found[by(tally)] += tally.number
    return found


def _listed(kinds: type[S], found: Mapping[Any, int]) -> list[tuple[S, int]]:
    return [(kind, found[kind]) for kind in kinds if found.get(kind)]


def _shown(work: Work, rows: Sequence[Aggregation | Document]) -> list[Line]:
    homes = gate.visible(work, Aggregation, Action.DISCOVER).many(
        {home for row in rows if (home := _home(row)) is not None}
    )
    documents = [row.id for row in rows if is_a(row, Document)]
    sizes = _sizes(work, documents)
    known = {row.security_id: marks.mark_of(work, row.security_id) for row in rows}
    described = security.describe(work, set(known.values()))
    return [
        Line(
            row=row,
            home_code=homes[home].reference_code if (home := _home(row)) in homes else None,
            mark=known[row.security_id],
            marking=described[known[row.security_id]].marking,
            content_bytes=sizes.get(row.id, 0) if is_a(row, Document) else None,
        )
        for row in rows
    ]


def _home(row: Aggregation | Document) -> UUID | None:
    return row.aggregation_id if is_a(row, Document) else row.parent_id


def _sizes(work: Work, documents: Sequence[UUID]) -> Mapping[UUID, int]:
    if not documents:
        return {}
    reading = gate.visible(work, Document, Action.READ_METADATA).where(Document.id.in_(documents))
    return {
        row[0]: int(row[1]) for row in reading.measured(_expressions(Document.id), (shelf.content_bytes(),))
    }
