"""Aggregations as far as the actor may see them: one, lists, and what lies above and below."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from dms.access import gate, marks
from dms.access.keyset import Order
from dms.access.reading import Visible
from dms.base.paging import Page, PageRequest
from dms.models.aggregations import Aggregation, ArrangementLevel
from dms.models.documents import Document
from dms.models.schemes import RecordClass
from dms.rules import codes, text
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.rules.filters import EVERYTHING, Filter, Leaf, Operator, checked, fields, leaves
from dms.services import editing, schemes, security
from dms.services.security import AskedMark, Classification
from dms.stores import conditions, facts, records
from dms.stores.conditions import Meaning
from dms.stores.records import Beside, Extent
from dms.stores.work import Work

OPEN_FIELDS = frozenset({"parent", "level", "referenceCode", "securityLevel"})
"""What whoever may discover an Aggregation knows of it, so that filtering by it tells nothing more."""


SPARE = frozenset(
    {
        "repository_id",
        "code_key",
        "title",
        "title_key",
        "dates",
        "first_day",
        "last_day",
        "scope_and_content",
        "office",
        "created_by",
        "updated_at",
        "updated_by",
    }
)
"""Columns on which no decision rests: they are read only where an answer shows them."""

HOME = Beside(Aggregation, Aggregation.id == Document.aggregation_id)
"""Where a Document lies."""


class AggregationOrder(StrEnum):
    """By what a list of Aggregations is sorted."""

    REFERENCE_CODE = "reference_code"
    TITLE = "title"


_ORDERS = {
    AggregationOrder.REFERENCE_CODE: (Aggregation.code_key, Action.DISCOVER),
    AggregationOrder.TITLE: (Aggregation.title_key, Action.READ_METADATA),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an answer shows of Aggregations beyond what is open; nothing else is read."""

    metadata: bool = False
    left_out: frozenset[str] = frozenset()
    """Columns of `SPARE` that the answer does not show."""
    classification: bool = False
    record_class: bool = False
    transitions: bool = False
    actions: bool = False


class AggregationView(NamedTuple):
    """An Aggregation as far as the actor may see it."""

    id: UUID
    revision: int
    created_at: int
    level: ArrangementLevel
    other_level: str | None
    reference_code: str
    generated: bool
    parent_id: UUID | None
    """Not to be shown: the parent may be hidden."""
    described: Aggregation | None
    """The whole row, if the actor may read its metadata and the answer wants it."""
    record_class: RecordClass | None
    classification: Classification | None
    transitions: tuple[str, ...]
    actions: tuple[Action, ...]


def find(work: Work, row_id: UUID, *, wanted: Wanted) -> AggregationView:
    """Return one Aggregation by id, or raise `NotFound`."""
    work.performs(Op.AGGREGATION_READ)
    row = _visible(work, wanted).one(row_id)
    return _shown(work, [row], wanted=wanted)[row.id]


def find_by_code(work: Work, code: str, *, wanted: Wanted) -> AggregationView:
    """Return one Aggregation by its reference code, or raise `NotFound`."""
    work.performs(Op.AGGREGATION_READ)
    row = _visible(work, wanted).first(Aggregation.reference_code == text.sought(code, limit=text.MAX_CODE))
    return _shown(work, [row], wanted=wanted)[row.id]


def page(
    work: Work,
    request: PageRequest,
    *,
    found: Filter = EVERYTHING,
    order: AggregationOrder = AggregationOrder.REFERENCE_CODE,
    descending: bool = False,
    wanted: Wanted,
) -> Page[AggregationView]:
    """List Aggregations; what is filtered or sorted by decides which action a row must give."""
    work.performs(Op.AGGREGATION_LIST)
    reading = _reading(work, checked(found), order=order, descending=descending)
    rows = reading.taking(_extent(wanted)).page(request)
    views = _shown(work, rows.rows, wanted=wanted)
    return rows.map(lambda row: views[row.id])


def children(
    work: Work,
    parent_ids: Collection[UUID],
    request: PageRequest,
    *,
    order: AggregationOrder = AggregationOrder.REFERENCE_CODE,
    descending: bool = False,
    wanted: Wanted,
) -> Mapping[UUID, Page[AggregationView]]:
    """Return a page of what lies directly below each of these; a later page goes with one parent."""
    reading = _reading(work, EVERYTHING, order=order, descending=descending).taking(_extent(wanted))
    if request.after is None:
        pages = reading.pages(Aggregation.parent_id, parent_ids, request=request)
    else:
        (parent_id,) = parent_ids
        pages = {parent_id: reading.where(Aggregation.parent_id == parent_id).page(request)}
    rows = [row for page in pages.values() for row in page.rows]
    views = _shown(work, rows, wanted=wanted)
    return {key: page.map(lambda row: views[row.id]) for key, page in pages.items()}


def nodes(work: Work, ids: Collection[UUID], *, wanted: Wanted) -> Mapping[UUID, AggregationView]:
    """Return those of these Aggregations that were asked for which the actor may know of, by id."""
    rows = _visible(work, wanted).each(ids)
    return _shown(work, list(rows.values()), wanted=wanted)


def many(work: Work, ids: Collection[UUID], *, wanted: Wanted) -> Mapping[UUID, AggregationView]:
    """Return those of these Aggregations that the actor may know of, by id."""
    rows = _visible(work, wanted).many(set(ids))
    return _shown(work, list(rows.values()), wanted=wanted)


def homes(work: Work, documents: Sequence[Document], *, wanted: Wanted) -> Mapping[UUID, AggregationView]:
    """Return where Documents lie, as far as the actor may know of it, by id."""
    if not all(records.has_beside(row, HOME) for row in documents):
        return many(work, {row.aggregation_id for row in documents}, wanted=wanted)
    near = {row.aggregation_id: records.beside_of(row, HOME) for row in documents}
    rows = _visible(work, wanted).among(list(near.values()))
    return _shown(work, list(rows.values()), wanted=wanted)


def above(work: Work, ids: Collection[UUID], *, wanted: Wanted) -> Mapping[UUID, Sequence[AggregationView]]:
    """Return what lies above each of these, the topmost first, as far as the actor may know of it."""
    lines = facts.lines_above(work, ids)
    views = many(work, {node for line in lines.values() for node in line}, wanted=wanted)
    return {key: [views[node] for node in line if node in views] for key, line in lines.items()}


def document_counts(work: Work, ids: Collection[UUID], *, below: bool) -> Mapping[UUID, int]:
    """Return the exact number of Documents that the actor may know of in each, or anywhere below it."""
    reading = gate.visible(work, Document, Action.DISCOVER)
    if not below:
        return reading.where(Document.aggregation_id.in_(ids)).counts(Document.aggregation_id)
    tree = conditions.tree(ids)
    return reading.where(Document.aggregation_id == tree.c.node).counts(tree.c.start)


def _extent(wanted: Wanted) -> Extent:
    return Extent(wanted.left_out)


def _visible(work: Work, wanted: Wanted) -> Visible[Aggregation]:
    return gate.visible(work, Aggregation, Action.DISCOVER).taking(_extent(wanted))


def _shown(work: Work, rows: Sequence[Aggregation], *, wanted: Wanted) -> Mapping[UUID, AggregationView]:
    """Shape rows on which the actor has `DISCOVER`, by id; the rest of each shows with `READ_METADATA`."""
    needs_reading = wanted.metadata or wanted.record_class or wanted.transitions
    readable = gate.discloses(work, rows, Action.READ_METADATA) if needs_reading else frozenset()
    classes = _classes(work, rows, readable) if wanted.record_class else {}
    classified: Mapping[int, Classification] = {}
    if wanted.classification:
        classified = security.classifications(work, {row.security_id for row in rows})
    actions = editing.actions_on(work, rows) if wanted.actions or wanted.transitions else {}
    return {
        row.id: AggregationView(
            id=row.id,
            revision=row.revision,
            created_at=row.created_at,
            level=row.level,
            other_level=row.other_level,
            reference_code=row.reference_code,
            generated=row.generated,
            parent_id=row.parent_id,
            described=row if row.id in readable else None,
            record_class=classes.get(row.id),
            classification=classified.get(row.security_id),
            transitions=editing.open_to(row, actions[row.id]) if wanted.transitions else (),
            actions=actions.get(row.id, ()),
        )
        for row in rows
    }


def level_meaning(work: Work, column: InstrumentedAttribute[int]) -> Meaning:
    """Return the meaning of the field `securityLevel`: levels by code, compared by rank."""

    def meaning(leaf: Leaf) -> ColumnElement[bool]:
        ranks = [
            security.resolve_mark(work, AskedMark(str(code)), path=("filter",)).rank for code in leaf.values
        ]
        return column.in_(
            [key for key, mark in marks.all_marks(work).items() if _compares(mark.rank, leaf.operator, ranks)]
        )

    return meaning


def known_in(work: Work, found: Filter, *, field: str) -> frozenset[UUID]:
    """Return the Aggregations that a filter names in a field, without those the actor may not know of."""
    named = {value for leaf in leaves(found) if leaf.field == field for value in leaf.values}
    return gate.discoverable(work, Aggregation, {value for value in named if isinstance(value, UUID)})


def _compares(rank: int, operator: Operator, ranks: Sequence[int]) -> bool:
    match operator:
        case Operator.GTE:
            return rank >= ranks[0]
        case Operator.LTE:
            return rank <= ranks[0]
        case _:
            return rank in ranks


def _classes(
    work: Work, rows: Sequence[Aggregation], readable: Collection[UUID]
) -> Mapping[UUID, RecordClass]:
    asked = {row.id: row.record_class_id for row in rows if row.id in readable and row.record_class_id}
    named = schemes.named(work, set(asked.values()))
    return {row_id: named[class_id] for row_id, class_id in asked.items()}


def _reading(work: Work, found: Filter, *, order: AggregationOrder, descending: bool) -> Visible[Aggregation]:
    column, action = _ORDERS[order]
    if fields(found) - OPEN_FIELDS:
        action = Action.READ_METADATA
    reading = gate.visible(work, Aggregation, action).order_by(Order(column, descending=descending))
    if found == EVERYTHING:
        return reading  # without a condition its total is known from counters
    return reading.where(conditions.condition(found, _meanings(work, found)))


def _meanings(work: Work, found: Filter) -> Mapping[str, Meaning]:
    """Return what the fields mean; an Aggregation that the actor may not know of keeps nothing."""
    known = known_in(work, found, field="parent")
    below = conditions.on(Aggregation.parent_id)

    def parent(leaf: Leaf) -> ColumnElement[bool]:
        if leaf.operator is Operator.BELOW:
            return conditions.below(Aggregation.parent_id, known.intersection(leaf.values))
        if leaf.operator is Operator.IS_NULL:
            return below(leaf)
        return Aggregation.parent_id.in_(known.intersection(leaf.values))

    return {
        "parent": parent,
        "level": conditions.on(Aggregation.level),
        "state": conditions.on(Aggregation.state),
        "referenceCode": conditions.text_key(Aggregation.code_key, codes.code_key),
        "title": conditions.text_key(Aggregation.title_key, codes.fold),
        "recordClass": conditions.on(Aggregation.record_class_id),
        "securityLevel": level_meaning(work, Aggregation.security_id),
    }
