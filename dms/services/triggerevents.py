"""Facts that start periods, recorded by people with their evidence, and revoked by a later line (F46)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from dms.access import gate
from dms.access.attached import Attached
from dms.access.keyset import Order
from dms.base.canonical import Canonical
from dms.base.errors import Invalid, NotFound
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.retention import Target, TriggerEvent
from dms.rules import dates, retention, text
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.rules.retention import Trigger
from dms.stores import outcomes, retentionfacts
from dms.stores.outcomes import Marked
from dms.stores.work import Work

_OWN: Mapping[str, str] = {
    Trigger.CLOSED: "closing is recorded by closing the Aggregation: close or reopen it",
    Trigger.REGISTERED: "registration is recorded when a thing is registered",
}
"""What the house records itself, and nobody else."""


@dataclass(frozen=True, slots=True)
class NewTriggerEvent:
    """A fact to record of a Document or Aggregation."""

    kind: Target
    target_id: UUID
    trigger: str
    dates: str
    evidence_id: UUID | None = None
    note: str | None = None


def record(work: Work, new: NewTriggerEvent) -> TriggerEvent:
    """Record that a trigger happened to a thing (`EDIT`), today or before; what counts is computed anew.

    Of an Aggregation it counts for all in it of which the same trigger is not recorded nearer. A day that is
    known roughly counts as its last possible one, which is today for what can still be meant to come.
    """
    work.performs(Op.TRIGGEREVENT_RECORD)
    row = _target(work, new.kind, new.target_id)
    trigger = retention.trigger(new.trigger)
    if trigger in _OWN:
        raise Invalid(_OWN[trigger], path=("trigger",))
    read = dates.parse(new.dates)
    last_day = _last_day(read, today=retentionfacts.calendar(work).today)
    event = _event(work, new.kind, row, trigger=trigger)
    event.dates, event.first_day, event.last_day = read.expression, read.first_day, last_day
    event.evidence_id = _evidence(work, new.evidence_id)
    event.note = None if new.note is None else text.block(new.note, ("note",)) or None
    _keep(work, row, event)
    return event


def revoke(work: Work, event_id: UUID, *, reason: str) -> TriggerEvent:
    """Record that what is recorded of a trigger of a thing did not happen, by a later line (`EDIT`)."""
    work.performs(Op.TRIGGEREVENT_REVOKE)
    found = _shown(work).one(event_id)
    row = _target(work, found.target_kind, found.target_id)
    note = text.reason(reason)
    if found.trigger in _OWN:
        raise Invalid(_OWN[found.trigger], path=("id",))
    if found.is_revocation:
        raise Invalid("it is a revocation: record what did happen instead", path=("id",))
    event = _event(work, found.target_kind, row, trigger=found.trigger)
    event.is_revocation, event.note = True, note
    _keep(work, row, event)
    return event


def listed(work: Work, request: PageRequest, *, target_id: UUID | None) -> Page[TriggerEvent]:
    """List what is recorded of things whose metadata the actor may read, the newest first."""
    work.performs(Op.TRIGGEREVENT_LIST)
    reading = _shown(work)
    if target_id is not None:
        reading = reading.where(TriggerEvent.target_id == target_id)
    return reading.order_by(Order(TriggerEvent.id, descending=True)).page(request)


def each(work: Work, ids: Collection[UUID]) -> Mapping[UUID, TriggerEvent]:
    """Return those of these lines that are of things whose metadata the actor may read, by id."""
    return _shown(work).each(ids)


def evidence(work: Work, rows: Collection[TriggerEvent]) -> frozenset[UUID]:
    """Return the ids of those Documents named as evidence that the actor may know of."""
    return gate.discoverable(work, Document, {row.evidence_id for row in rows if row.evidence_id is not None})


def _shown(work: Work) -> Attached[TriggerEvent]:
    return gate.attached(work, TriggerEvent, owner=TriggerEvent.target_id, action=Action.READ_METADATA)


def _target(work: Work, kind: Target, target_id: UUID) -> Document | Aggregation:
    row: Document | Aggregation
    if kind is Target.DOCUMENT:
        row = gate.visible(work, Document, Action.DISCOVER).one(target_id)
    else:
        row = gate.visible(work, Aggregation, Action.DISCOVER).one(target_id)
    gate.require(work, row, Action.EDIT)
    return row


def _last_day(read: dates.Dates, *, today: date) -> date:
    if read.last_day is None:
        raise Invalid("it has no end yet: record it when it has happened", path=("dates",))
    begins = read.first_day or read.last_day
    if begins > today or (read.last_day > today and "/" in read.expression):
        message = f"`{read.expression}` lies in the future: record it when it has happened"
        raise Invalid(message, path=("dates",))
    return min(read.last_day, today)


def _evidence(work: Work, document_id: UUID | None) -> UUID | None:
    if document_id is None:
        return None
    try:
        return gate.visible(work, Document, Action.READ_METADATA).one(document_id).id
    except NotFound as error:
        message = "there is no such Document: name one that you may read"
        raise Invalid(message, path=("evidenceId",)) from error


def _event(work: Work, kind: Target, row: Document | Aggregation, *, trigger: str) -> TriggerEvent:
    return TriggerEvent(
        id=new_id(),
        target_kind=kind,
        target_id=row.id,
        trigger=trigger,
        is_revocation=False,
        recorded_at=work.now,
        recorded_by=gate.account_id(work),
    )


def _keep(work: Work, row: Document | Aggregation, event: TriggerEvent) -> None:
    work.add(event)
    work.flush()
    said: dict[str, Canonical] = {
        "trigger": event.trigger,
        "event": event.id.hex,
        "dates": event.dates,
        "revoked": event.is_revocation,
        "evidence": None if event.evidence_id is None else event.evidence_id.hex,
        "note": event.note,
    }
    work.changed(row.id, before=row.revision, after=row.revision, old={}, new=said)
    outcomes.mark(work, [Marked(event.target_kind, row.id)])
