"""Index terms: concepts that describe Documents and Aggregations (F17); one shows as its thing does."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from dms.access import gate
from dms.access.attached import Attached
from dms.access.keyset import Order
from dms.base.errors import Conflict, Invalid
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.aggregations import Aggregation
from dms.models.concepts import Concept
from dms.models.documents import Document
from dms.models.indexes import IndexTerm
from dms.models.search import SubjectKind
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.rules.states import ConceptState
from dms.services import editing
from dms.stores import thesauri as facts
from dms.stores.sets import in_ids
from dms.stores.work import Work

_ENDED = {"transferred", "destroyed"}


def listed(
    work: Work, request: PageRequest, *, subject: UUID | None = None, concept_id: UUID | None = None
) -> Page[IndexTerm]:
    """List the terms of a thing, or the things that a concept describes, as far as they may be read.

    What was described by a concept that was merged into this one is among them.
    """
    work.performs(Op.INDEXTERM_LIST)
    reading = _terms(work)
    if subject is not None:
        reading = reading.where(IndexTerm.subject == subject)
    if concept_id is not None:
        meant = {concept_id, *facts.merged_into(work, concept_id)}
        reading = reading.where(in_ids(IndexTerm.concept_id, meant))
    return reading.order_by(Order(IndexTerm.id)).page(request)


def each(work: Work, ids: Collection[UUID]) -> Mapping[UUID, IndexTerm]:
    """Return the terms with these ids whose things may be read."""
    return _terms(work).each(ids)


def add(work: Work, subject: UUID, concept_id: UUID, *, kind: SubjectKind) -> IndexTerm:
    """Describe a thing by an approved concept (`EDIT`); a declared Document too."""
    work.performs(Op.INDEXTERM_ADD)
    row = _claim(work, subject, kind)
    concept = gate.vocabulary(work, Concept).many([concept_id]).get(concept_id)
    if concept is None or concept.state is not ConceptState.APPROVED:
        raise Invalid("is no approved concept: choose one of `concepts`", path=("conceptId",))
    term = IndexTerm(id=new_id(), subject=row.id, concept_id=concept.id, added_at=work.now)
    term.kind, term.added_by = kind, work.actor.principal_id
    work.add(term)
    label = concept.label
    try:
        work.flush()
    except IntegrityError as error:
        message = f"it is described by `{label}` already"
        raise Conflict(message, path=("conceptId",)) from error
    editing.write(work, row, {}, note={"indexed": concept_id.hex, "label": label})
    return term


def remove(work: Work, term_id: UUID) -> IndexTerm:
    """Take a term from its thing (`EDIT`); the history of the thing keeps that it was there."""
    work.performs(Op.INDEXTERM_REMOVE)
    term = _terms(work).one(term_id)
    row = _claim(work, term.subject, term.kind)
    concept = gate.vocabulary(work, Concept).one(term.concept_id)
    work.remove(term)
    work.flush()
    editing.write(work, row, {}, note={"unindexed": concept.id.hex, "label": concept.label})
    return term


def _terms(work: Work) -> Attached[IndexTerm]:
    return gate.attached(work, IndexTerm, owner=IndexTerm.subject, action=Action.READ_METADATA)


def _claim(work: Work, subject: UUID, kind: SubjectKind) -> Document | Aggregation:
    row: Document | Aggregation
    if kind is SubjectKind.DOCUMENT:
        row = gate.visible(work, Document, Action.DISCOVER).one(subject)
    else:
        row = gate.visible(work, Aggregation, Action.DISCOVER).one(subject)
    gate.require(work, row, Action.EDIT)
    if row.state in _ENDED:
        raise editing.refusal(work, row, "index", f"a thing in state `{row.state}` is described no more")
    return row
