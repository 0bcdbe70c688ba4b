"""Cross-references: typed, told from both ends, absent for whoever may not read one of these."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, or_

from dms.access import gate
from dms.access.attached import Attached
from dms.access.keyset import Order
from dms.access.slices import NOBODY
from dms.base.clock import utc_day
from dms.base.errors import Conflict, Invalid, State
from dms.base.ids import new_id
from dms.base.paging import MAX_PAGE, Page, PageRequest
from dms.models.aggregations import Aggregation
from dms.models.crossreferences import CrossReference
from dms.models.documents import Document
from dms.models.security import MarkedKind
from dms.rules import crossreferences as rules
from dms.rules import text
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.rules.crossreferences import ACYCLIC, INVERSES, CrossReferenceKind, SheetLine
from dms.rules.states import AggregationState, DocumentState
from dms.services import editing
from dms.stores import crossreferencelines
from dms.stores.work import Work

LOCK = crossreferencelines.LOCK
"""Table that a mutation locks first on PostgreSQL when it adds a reference."""

MAX_SHEET = MAX_PAGE
"""References on a sheet."""

_OVER = frozenset({DocumentState.DESTROYED, AggregationState.DESTROYED})


@dataclass(frozen=True, slots=True)
class End:
    """A Document or Aggregation by its id."""

    kind: MarkedKind
    id: UUID


@dataclass(frozen=True, slots=True)
class NewReference:
    """What a reference says; its target is a thing, or something cited from outside."""

    source: End
    kind: CrossReferenceKind
    reason: str
    target: End | None = None
    citation: str | None = None


def add(work: Work, new: NewReference) -> CrossReference:
    """Add a reference; needs `EDIT` on its source and `READ_METADATA` on its target.

    `Invalid` if it led to its own source; no such message names what lies between.
    """
    work.performs(Op.CROSSREFERENCE_ADD)
    work.needs_lock(LOCK)
    source = _claimed(work, new.source, event="crossReferenceAdd")
    target_id, citation = _target(work, new)
    reason = text.reason(new.reason)
    _check(work, new.kind, source.id, target_id=target_id, citation=citation)
    row = CrossReference(
        id=new_id(),
        kind=new.kind,
        source_id=source.id,
        target_id=target_id,
        citation=citation,
        reason=reason,
        added_at=work.now,
        added_by=work.actor.principal_id,
    )
    work.add(row)
    work.flush()
    names = ("kind", "source_id", "target_id", "citation", "reason")
    noted = editing.noted({name: getattr(row, name) for name in names})
    work.changed(row.id, before=None, after=1, old={}, new=noted)
    return row


def remove(work: Work, reference_id: UUID, *, reason: str) -> CrossReference:
    """End a reference, with a reason; needs `EDIT` on its source. It stays in the history."""
    work.performs(Op.CROSSREFERENCE_REMOVE)
    row = _reading(work).one(reference_id)
    _claimed(work, End(_kind_of(work, row.source_id), row.source_id), event="crossReferenceRemove")
    note = text.reason(reason)
    if row.removed_at is not None:
        error = State("it was removed before: add it anew if it holds again", state="removed")
        raise gate.refused(work, error, object_id=row.id, action="crossReferenceRemove")
    row.removed_at, row.removed_by, row.removal_reason = work.now, work.actor.principal_id, note
    work.flush()
    work.changed(row.id, before=1, after=2, old={}, new={"removal_reason": note})
    return row


def listed(
    work: Work,
    request: PageRequest,
    *,
    thing_id: UUID | None = None,
    kind: CrossReferenceKind | None = None,
    with_removed: bool = False,
) -> Page[CrossReference]:
    """List references both ends of which the actor may read, as they were added."""
    work.performs(Op.CROSSREFERENCE_LIST)
    reading = _reading(work).order_by(Order(CrossReference.id))
    if thing_id is not None:
        reading = reading.where(_touches(thing_id))
    if kind is not None:
        reading = reading.where(CrossReference.kind == kind)
    if not with_removed:
        reading = reading.where(CrossReference.removed_at.is_(None))
    return reading.page(request)


def each(work: Work, ids: Collection[UUID]) -> Mapping[UUID, CrossReference]:
    """Return those of these references both ends of which the actor may read, by id."""
    return _reading(work).each(ids)


def ends(work: Work, rows: Collection[CrossReference]) -> Mapping[UUID, Document | Aggregation]:
    """Return the things at the ends of references, as far as the actor may read them, by id."""
    ids = {NOBODY, *(row.source_id for row in rows), *(row.target_id for row in rows if row.target_id)}
    documents = gate.visible(work, Document, Action.READ_METADATA).many(ids)
    return {**documents, **gate.visible(work, Aggregation, Action.READ_METADATA).many(ids)}


def sheet(work: Work, end: End) -> str:
    """Return the references of a thing as text to print; needs `READ_METADATA` on it."""
    work.performs(Op.CROSSREFERENCE_LIST)
    thing = _thing(work, end)
    reading = _reading(work).where(_touches(thing.id), CrossReference.removed_at.is_(None))
    page = reading.order_by(Order(CrossReference.id)).page(PageRequest(MAX_SHEET))
    known = ends(work, page.rows)
    lines = [_line(row, thing.id, known) for row in page.rows]
    code = thing.reference_code or ""
    return rules.sheet(code, thing.title, lines=lines, printed_on=utc_day(work.now), is_cut=page.has_next)


def _line(row: CrossReference, here: UUID, known: Mapping[UUID, Document | Aggregation]) -> SheetLine:
    word = row.kind.value if row.source_id == here else INVERSES[row.kind].value
    added_on = utc_day(row.added_at)
    there = row.target_id if row.source_id == here else row.source_id
    if there is None:
        return SheetLine(word, "", row.citation or "", row.reason, added_on)
    other = known[there]
    return SheetLine(word, other.reference_code or "", other.title, row.reason, added_on)


def _reading(work: Work) -> Attached[CrossReference]:
    return gate.attached(
        work,
        CrossReference,
        owner=CrossReference.source_id,
        others=(CrossReference.target_id,),
        action=Action.READ_METADATA,
    )


def _touches(thing_id: UUID) -> ColumnElement[bool]:
    return or_(CrossReference.source_id == thing_id, CrossReference.target_id == thing_id)


def _thing(work: Work, end: End) -> Document | Aggregation:
    if end.kind is MarkedKind.DOCUMENT:
        return gate.visible(work, Document, Action.READ_METADATA).one(end.id)
    return gate.visible(work, Aggregation, Action.READ_METADATA).one(end.id)


def _claimed(work: Work, end: End, *, event: str) -> Document | Aggregation:
    """Return the source of a reference, on which the actor has `EDIT`; a stub takes none."""
    row = _thing(work, end)
    gate.require(work, row, Action.EDIT)
    if row.state in _OVER:
        raise editing.refusal(work, row, event, "only a stub is left of it: it refers to nothing any more")
    return row


def _kind_of(work: Work, thing_id: UUID) -> MarkedKind:
    found = gate.discoverable(work, Document, [thing_id])
    return MarkedKind.DOCUMENT if found else MarkedKind.AGGREGATION


def _target(work: Work, new: NewReference) -> tuple[UUID | None, str | None]:
    if new.target is None and new.citation is not None:
        return None, text.line(new.citation, ("citation",))
    if new.target is None or new.citation is not None:
        raise Invalid("name either a thing or a citation from outside", path=("targetId",))
    if new.target.id == new.source.id:
        raise Invalid("a thing does not refer to itself: choose another", path=("targetId",))
    return _thing(work, new.target).id, None


def _check(
    work: Work, kind: CrossReferenceKind, source_id: UUID, *, target_id: UUID | None, citation: str | None
) -> None:
    if crossreferencelines.is_there(work, kind, source_id, target_id=target_id, citation=citation):
        raise Conflict("this reference stands already", path=("targetId",))
    # INVARIANT (no circle): whole, hidden references too; the message names nothing of what lies between.
    if (
        kind in ACYCLIC
        and target_id
        and crossreferencelines.leads(work, kind, start=target_id, goal=source_id)
    ):
        raise Invalid(
            f"`{kind}` would lead back to where it begins: look at the references of the other one",
            path=("targetId",),
        )
