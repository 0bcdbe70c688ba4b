"""Documents as far as the actor may see them: one, and lists by filter and order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement

from dms.access import gate
from dms.access.keyset import Order
from dms.access.reading import Visible
from dms.base.paging import Page, PageRequest
from dms.models.documents import Document
from dms.models.schemes import RecordClass
from dms.rules import codes, text
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.rules.filters import EVERYTHING, Filter, Leaf, Operator, checked, fields
from dms.services import aggregationviews, editing, schemes, security, versions
from dms.services.aggregationviews import AggregationView
from dms.services.security import Classification
from dms.services.versions import VersionView
from dms.stores import conditions
from dms.stores.conditions import Meaning
from dms.stores.records import Beside, Extent
from dms.stores.work import Work

OPEN_FIELDS = frozenset({"referenceCode", "aggregation", "securityLevel", "createdAt"})
"""What whoever may discover a Document knows of it, so that filtering by it tells nothing more.

The instant of registration is one of them because the id tells it too.
"""


SPARE = frozenset(
    {
        "repository_id",
        "title",
        "title_key",
        "code_key",
        "dates",
        "first_day",
        "last_day",
        "date_key",
        "authors",
        "addressees",
        "description",
        "classed_by",
        "class_rule_id",
        "source_system",
        "original_name",
        "declared_at",
        "declared_by",
        "created_by",
        "updated_at",
        "updated_by",
    }
)
"""Columns on which no decision rests: they are read only where an answer shows them."""


_CLASS = Beside(RecordClass, RecordClass.id == Document.record_class_id)

_KEPT_EXTENTS = 512
"""Of what clients make up to be shown, no more is kept."""


class DocumentOrder(StrEnum):
    """By what a list of Documents is sorted."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    TITLE = "title"
    REFERENCE_CODE = "reference_code"
    DATE = "date"


_ORDERS = {
    DocumentOrder.CREATED_AT: (Document.created_at, Action.DISCOVER),
    DocumentOrder.UPDATED_AT: (Document.updated_at, Action.READ_METADATA),
    DocumentOrder.TITLE: (Document.title_key, Action.READ_METADATA),
    DocumentOrder.REFERENCE_CODE: (Document.code_key, Action.DISCOVER),
    DocumentOrder.DATE: (Document.date_key, Action.READ_METADATA),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an answer shows of Documents beyond what is open; nothing else is read."""

    metadata: bool = False
    left_out: frozenset[str] = frozenset()
    """Columns of `SPARE` that the answer does not show."""
    classification: bool = False
    record_class: bool = False
    current_version: bool = False
    aggregation: aggregationviews.Wanted | None = None
    transitions: bool = False
    actions: bool = False


class DocumentView(NamedTuple):
    """A Document as far as the actor may see it."""

    id: UUID
    revision: int
    created_at: int
    reference_code: str | None
    described: Document | None
    """The whole row, if the actor may read its metadata and the answer wants it."""
    record_class: RecordClass | None
    current_version: VersionView | None
    aggregation: AggregationView | None
    """None also if the actor may not know of it."""
    classification: Classification | None
    transitions: tuple[str, ...]
    actions: tuple[Action, ...]


def find(work: Work, row_id: UUID, *, wanted: Wanted) -> DocumentView:
    """Return one Document by id, or raise `NotFound`."""
    work.performs(Op.DOCUMENT_READ)
    row = gate.visible(work, Document, Action.DISCOVER).taking(_extent(wanted)).one(row_id)
    return _shown(work, [row], wanted=wanted)[row.id]


def find_by_code(work: Work, code: str, *, wanted: Wanted) -> DocumentView:
    """Return one Document by its reference code, or raise `NotFound`."""
    work.performs(Op.DOCUMENT_READ)
    reading = gate.visible(work, Document, Action.DISCOVER).taking(_extent(wanted))
    row = reading.first(Document.reference_code == text.sought(code, limit=text.MAX_CODE))
    return _shown(work, [row], wanted=wanted)[row.id]


def nodes(work: Work, ids: Collection[UUID], *, wanted: Wanted) -> Mapping[UUID, DocumentView]:
    """Return those of these Documents that were asked for which the actor may know of, by id."""
    rows = gate.visible(work, Document, Action.DISCOVER).taking(_extent(wanted)).each(ids)
    return _shown(work, list(rows.values()), wanted=wanted)


def many(work: Work, ids: Collection[UUID], *, wanted: Wanted) -> Mapping[UUID, DocumentView]:
    """Return those of these Documents that the actor may know of, by id."""
    rows = gate.visible(work, Document, Action.DISCOVER).taking(_extent(wanted)).many(set(ids))
    return _shown(work, list(rows.values()), wanted=wanted)


def page(
    work: Work,
    request: PageRequest,
    *,
    found: Filter = EVERYTHING,
    order: DocumentOrder = DocumentOrder.CREATED_AT,
    descending: bool = False,
    wanted: Wanted,
) -> Page[DocumentView]:
    """List Documents; what is filtered or sorted by decides which action a row must give."""
    work.performs(Op.DOCUMENT_LIST)
    reading = _reading(work, checked(found), order=order, descending=descending)
    rows = reading.taking(_extent(wanted)).page(request)
    views = _shown(work, rows.rows, wanted=wanted)
    return rows.map(lambda row: views[row.id])


@lru_cache(_KEPT_EXTENTS)
def _extent(wanted: Wanted) -> Extent:
    """Return how much of Documents, and what beside them, an answer needs."""
    beside: tuple[tuple[Beside, frozenset[str]], ...] = ()
    if wanted.aggregation is not None:
        beside = ((aggregationviews.HOME, wanted.aggregation.left_out),)
    if wanted.record_class:
        beside += ((_CLASS, frozenset()),)
    if wanted.current_version:
        beside += versions.BESIDE
    return Extent(wanted.left_out, beside)


def _shown(work: Work, rows: Sequence[Document], *, wanted: Wanted) -> Mapping[UUID, DocumentView]:
    """Shape rows on which the actor has `DISCOVER`, by id; the rest of each shows with `READ_METADATA`."""
    needs_reading = wanted.metadata or wanted.record_class or wanted.current_version or wanted.transitions
    readable = gate.discloses(work, rows, Action.READ_METADATA) if needs_reading else frozenset()
    described = [row for row in rows if row.id in readable]
    classes: Mapping[UUID, RecordClass] = {}
    if wanted.record_class:
        classes = schemes.classes_of(work, described, beside=_CLASS)
    current = versions.current(work, described) if wanted.current_version else {}
    homes: Mapping[UUID, AggregationView] = {}
    if wanted.aggregation is not None:
        homes = aggregationviews.homes(work, rows, wanted=wanted.aggregation)
    classified: Mapping[int, Classification] = {}
    if wanted.classification:
        classified = security.classifications(work, {row.security_id for row in rows})
    actions = editing.actions_on(work, rows) if wanted.actions or wanted.transitions else {}
    return {
        row.id: DocumentView(
            id=row.id,
            revision=row.revision,
            created_at=row.created_at,
            reference_code=row.reference_code,
            described=row if row.id in readable else None,
            record_class=classes.get(row.record_class_id) if row.id in readable else None,
            current_version=current.get(row.id),
            aggregation=homes.get(row.aggregation_id),
            classification=classified.get(row.security_id),
            transitions=editing.open_to(row, actions[row.id]) if wanted.transitions else (),
            actions=actions.get(row.id, ()),
        )
        for row in rows
    }


def _reading(work: Work, found: Filter, *, order: DocumentOrder, descending: bool) -> Visible[Document]:
    column, action = _ORDERS[order]
    if fields(found) - OPEN_FIELDS:
        action = Action.READ_METADATA
    reading = gate.visible(work, Document, action).order_by(Order(column, descending=descending))
    if found == EVERYTHING:
        return reading  # without a condition its total is known from counters
    return reading.where(conditions.condition(found, _meanings(work, found)))


def _meanings(work: Work, found: Filter) -> Mapping[str, Meaning]:
    """Return what the fields mean; an Aggregation that the actor may not know of keeps nothing."""
    known = aggregationviews.known_in(work, found, field="aggregation")

    def aggregation(leaf: Leaf) -> ColumnElement[bool]:
        kept = known.intersection(leaf.values)
        if leaf.operator is Operator.BELOW:
            return conditions.below(Document.aggregation_id, kept)
        return Document.aggregation_id.in_(kept)

    return {
        "aggregation": aggregation,
        "referenceCode": conditions.text_key(Document.code_key, codes.code_key),
        "securityLevel": aggregationviews.level_meaning(work, Document.security_id),
        "createdAt": conditions.on(Document.created_at),
        "updatedAt": conditions.on(Document.updated_at),
        "title": conditions.text_key(Document.title_key, codes.fold),
        "date": conditions.text_key(Document.date_key, str),
        "recordClass": conditions.on(Document.record_class_id),
        "state": conditions.on(Document.state),
        "medium": conditions.on(Document.medium),
        "mediaType": conditions.current_media_type,
    }
