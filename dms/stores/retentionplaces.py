"""Where things lie and how they are classed: whatever rules can be bound to above many things at once.

Source: the records design, section 2, `RetentionAssignment`; decision 0034.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import CTE, Select, select

from dms.models.aggregations import Aggregation
from dms.models.documents import Document, Medium
from dms.models.schemes import RecordClass
from dms.rules.duerules import Origin
from dms.rules.states import AggregationState, DocumentState
from dms.stores.sets import in_ids
from dms.stores.work import Work, fetch


class Place(NamedTuple):
    """What there is of one Document or Aggregation."""

    id: UUID
    parent_id: UUID | None
    class_id: UUID | None
    office: str | None
    medium: Medium | None
    is_dated: bool
    first_day: date | None
    last_day: date | None
    created_at: int


@dataclass(slots=True)
class Places:
    """Documents that were asked for, and Aggregations with all above them."""

    documents: Mapping[UUID, Place]
    aggregations: Mapping[UUID, Place]
    asked: tuple[UUID, ...]

    def node(self, thing: UUID) -> Place:
        """Return the row of a thing."""
        return self.documents.get(thing) or self.aggregations[thing]

    def above(self, thing: UUID) -> list[Place]:
        """Return the thing and what it lies in, the nearest first."""
        node: Place | None = self.node(thing)
        line: list[Place] = []
        while node is not None and node not in line:
            line.append(node)
            node = None if node.parent_id is None else self.aggregations.get(node.parent_id)
        return line

    def class_of(self, thing: UUID) -> UUID | None:
        """Return the class whose rules bear on a thing: its own, or that of the nearest one above."""
        if thing in self.documents:
            return self.documents[thing].class_id
        return next((node.class_id for node in self.above(thing) if node.class_id is not None), None)

    def classes(self) -> set[UUID]:
        """Return the classes of all things that were asked for."""
        return {found for thing in self.asked if (found := self.class_of(thing)) is not None}

    def places(self, thing: UUID, parents: Mapping[UUID, UUID | None]) -> tuple[tuple[Origin, UUID], ...]:
        """Return the thing and all above it, the nearest first, then its class and those above that."""
        origins = [(Origin.AGGREGATION, node.id) for node in self.above(thing)]
        origins[0] = (Origin.THING, thing)
        class_id, classes = self.class_of(thing), list[UUID]()
        while class_id is not None and class_id not in classes:
            classes.append(class_id)
            class_id = parents.get(class_id)
        return (*origins, *((Origin.RECORD_CLASS, each) for each in classes))


def places_of(work: Work, ids: Collection[UUID]) -> Places:
    """Read things with all that they lie in; what is neither, or is destroyed, is not among the asked."""
    documents = {row.id: _document(row) for row in fetch(work, _DOCUMENTS, {"ids": ids})}
    starts = {node.parent_id for node in documents.values()} | (set(ids) - documents.keys())
    rows = fetch(work, _ABOVE, {"ids": {each for each in starts if each is not None}})
    aggregations = {row.id: _aggregation(row) for row in rows}
    gone = {row.id for row in rows if row.state is AggregationState.DESTROYED}
    living = documents.keys() | (aggregations.keys() - gone)
    asked = tuple(thing for thing in dict.fromkeys(ids) if thing in living)
    return Places(documents, aggregations, asked)


def _document(row: Any) -> Place:  # a row of `_DOCUMENTS`
    return Place(
        row.id,
        row.aggregation_id,
        row.record_class_id,
        None,
        row.medium,
        row.dates is not None,
        row.first_day,
        row.last_day,
        row.created_at,
    )


def _aggregation(row: Any) -> Place:  # a row of `_ABOVE`
    return Place(
        row.id,
        row.parent_id,
        row.record_class_id,
        row.office,
        None,
        row.dates is not None,
        row.first_day,
        row.last_day,
        row.created_at,
    )


_DOCUMENTS = select(
    Document.id,
    Document.aggregation_id,
    Document.record_class_id,
    Document.medium,
    Document.dates,
    Document.first_day,
    Document.last_day,
    Document.created_at,
).where(in_ids(Document.id, "ids"), Document.state != DocumentState.DESTROYED)


def _upward() -> Select[Any]:
    columns = (
        Aggregation.id,
        Aggregation.parent_id,
        Aggregation.record_class_id,
        Aggregation.office,
        Aggregation.dates,
        Aggregation.first_day,
        Aggregation.last_day,
        Aggregation.created_at,
        Aggregation.state,
    )
    up = select(*columns).where(in_ids(Aggregation.id, "ids")).cte("up", recursive=True)
    up = up.union(select(*columns).where(Aggregation.id == up.c.parent_id))
    return select(up)


_ABOVE = _upward()


def _class_lines() -> Select[Any]:
    up: CTE = (
        select(RecordClass.id, RecordClass.parent_id)
        .where(in_ids(RecordClass.id, "ids"))
        .cte("class_up", recursive=True)
    )
    up = up.union(select(RecordClass.id, RecordClass.parent_id).where(RecordClass.id == up.c.parent_id))
    return select(up)


_CLASSES = _class_lines()


def classes_above(
    work: Work, ids: Collection[UUID], moved: Mapping[UUID, UUID | None]
) -> dict[UUID, UUID | None]:
    """Return the parents of these classes and of all above them."""
    if not ids:
        return {}
    # What a preview moves may come to lie below classes that it does not name.
    asked = {*ids, *(each for each in moved.values() if each is not None)}
    parents = {row[0]: row[1] for row in fetch(work, _CLASSES, {"ids": asked})}
    return {**parents, **moved}
