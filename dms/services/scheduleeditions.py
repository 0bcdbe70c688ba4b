"""Editions of retention schedules: drafted, reviewed by a second person, put in force (F45, F49)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from uuid import UUID

from dms.access import gate
from dms.access.keyset import Order
from dms.base.canonical import Canonical
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.schedules import RetentionSchedule, RuleEntry, ScheduleEdition
from dms.rules import ruleentries as rules
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.ruleentries import RuleComparison, Wording
from dms.rules.states import EditionState
from dms.services import editions, retention, schedules
from dms.services.editions import Heading, Room
from dms.stores import ruleentries as store
from dms.stores.work import Work


def listed(
    work: Work, request: PageRequest, *, schedule_id: UUID | None = None, state: EditionState | None = None
) -> Page[ScheduleEdition]:
    """List the editions of all schedules or of one, the last begun first; they are open to every user."""
    work.performs(Op.SCHEDULE_LIST)
    reading = gate.listed(work, ScheduleEdition)
    if schedule_id is not None:
        reading = reading.where(ScheduleEdition.schedule_id == schedule_id)
    if state is not None:
        reading = reading.where(ScheduleEdition.state == state)
    return reading.order_by(Order(ScheduleEdition.created_at, descending=True)).page(request)


def edition(work: Work, edition_id: UUID) -> ScheduleEdition:
    """Return an edition, or raise `NotFound`."""
    work.performs(Op.SCHEDULE_LIST)
    return gate.listed(work, ScheduleEdition).one(edition_id)


def named(work: Work, ids: Collection[UUID]) -> Mapping[UUID, ScheduleEdition]:
    """Return the editions that an answer names, by id."""
    return editions.named(work, ROOM, ids)


def each(work: Work, ids: Collection[UUID]) -> Mapping[UUID, ScheduleEdition]:
    """Return the editions with these ids that there are."""
    return gate.listed(work, ScheduleEdition).each(ids)


def create(work: Work, schedule_id: UUID, heading: Heading) -> ScheduleEdition:
    """Begin a draft with all rules of the edition in force, worded and read as they are."""
    work.performs(Op.SCHEDULEEDITION_CREATE)
    schedule = gate.listed(work, RetentionSchedule).one(schedule_id)
    gate.require_duty(work, Duty.SCHEDULES_MANAGE)
    return begin(work, schedule, heading)


def begin(work: Work, schedule: RetentionSchedule, heading: Heading) -> ScheduleEdition:
    """Begin a draft of a schedule for whoever may."""
    base = store.in_force(work, schedule.id)
    row = ScheduleEdition(
        id=new_id(),
        schedule_id=schedule.id,
        number=store.next_number(work, schedule.id),
        based_on_id=base,
        state=EditionState.DRAFT,
        title=schedule.title,
        editors=gate.account_id(work).hex,
        revision=1,
        created_at=work.now,
        created_by=work.actor.principal_id,
    )

    def copied() -> Mapping[str, Canonical]:
        rules_copied = 0 if base is None else store.copied(work, base, to=row.id)
        return {"schedule": schedule.id.hex, "rules": rules_copied}

    return editions.enter(work, row, heading, copied=copied)


def update(work: Work, edition_id: UUID, heading: Heading, *, expected_revision: int) -> ScheduleEdition:
    """Change what a draft says of itself."""
    work.performs(Op.SCHEDULEEDITION_UPDATE)
    row = claim(work, edition_id, expected_revision=expected_revision, event="update")
    editions.update(work, row, heading)
    return row


def submit(work: Work, edition_id: UUID, *, expected_revision: int) -> ScheduleEdition:
    """Put a draft with at least one rule before a second person."""
    work.performs(Op.SCHEDULEEDITION_SUBMIT)
    row = claim(work, edition_id, expected_revision=expected_revision, event="submit")

    def check(draft: ScheduleEdition) -> None:
        if not store.has_rules(work, draft.id):
            message = "it has no rule: add or import some first"
            raise editions.refusal(work, ROOM, draft, event="submit", message=message)

    editions.submit(work, ROOM, row, check=check)
    return row


def send_back(work: Work, edition_id: UUID, *, expected_revision: int, reason: str) -> ScheduleEdition:
    """Give an edition back for more work (`APPROVE` on the Repository); its approval begins anew."""
    work.performs(Op.SCHEDULEEDITION_RETURN)
    row = claim(work, edition_id, expected_revision=expected_revision, event="return")
    editions.send_back(work, row, reason=reason)
    return row


def approve(work: Work, edition_id: UUID, *, expected_revision: int) -> ScheduleEdition:
    """Approve an edition that names its mandate, as nobody who wrote, imported or submitted it.

    It needs `APPROVE` on the Repository.
    """
    work.performs(Op.SCHEDULEEDITION_APPROVE)
    row = claim(work, edition_id, expected_revision=expected_revision, event="approve")
    editions.approve(work, ROOM, row)
    return row


def activate(work: Work, edition_id: UUID, *, expected_revision: int) -> ScheduleEdition:
    """Put an approved edition in force from its effective day on; the former one is superseded.

    What rests on rules that say something else from now on is computed anew.
    """
    work.performs(Op.SCHEDULEEDITION_ACTIVATE)
    row = claim(work, edition_id, expected_revision=expected_revision, event="activate")
    editions.activate(work, ROOM, row)
    retention.rules_changed(work, store.differing(work, row.based_on_id, now=row.id))
    return row


def withdraw(work: Work, edition_id: UUID, *, expected_revision: int, reason: str) -> ScheduleEdition:
    """Give up an edition that never was in force."""
    work.performs(Op.SCHEDULEEDITION_WITHDRAW)
    row = claim(work, edition_id, expected_revision=expected_revision, event="withdraw")
    editions.withdraw(work, row, reason=reason)
    return row


def compare(work: Work, before_id: UUID, after_id: UUID) -> tuple[RuleComparison, ...]:
    """Return the rules that differ between two editions, by code."""
    work.performs(Op.SCHEDULE_LIST)
    for edition_id in (before_id, after_id):
        gate.listed(work, ScheduleEdition).one(edition_id)
    return rules.compare(_shown_wordings(work, before_id), _shown_wordings(work, after_id))


def transitions(work: Work, row: ScheduleEdition) -> tuple[str, ...]:
    """Return what the state of an edition permits and the actor's office allows, in alphabetical order."""
    return editions.transitions(work, ROOM, row)


def claim(work: Work, edition_id: UUID, *, expected_revision: int, event: str) -> ScheduleEdition:
    """Return an edition that the actor may now change in this way.

    Refusals come in this order: `NotFound`, `Duty` or `Denied`, `Conflict` for a stale revision, `State`.
    """
    return editions.claim(work, ROOM, edition_id, expected_revision=expected_revision, event=event)


def newest_draft(work: Work, schedule_code: str) -> ScheduleEdition | None:
    """Return the draft of a schedule that was begun last; None if there is none."""
    schedule = schedules.find(work, schedule_code)
    reading = gate.vocabulary(work, ScheduleEdition).where(
        ScheduleEdition.schedule_id == schedule.id, ScheduleEdition.state == EditionState.DRAFT
    )
    rows = reading.order_by(Order(ScheduleEdition.number, descending=True)).rows(1)
    return rows[0] if rows else None


def _shown_wordings(work: Work, edition_id: UUID) -> Iterator[Wording]:
    """Read what the rules say in an edition, for an answer: the store's reading is for rules alone."""
    for row in gate.vocabulary(work, RuleEntry).where(RuleEntry.edition_id == edition_id).rows():
        yield Wording(*(getattr(row, name) for name in Wording._fields))


def _digest(work: Work, row: ScheduleEdition) -> str:
    effective_on = None if row.effective_on is None else row.effective_on.isoformat()
    heading = (row.schedule_id.hex, row.number, row.title, row.mandate, effective_on)
    return rules.edition_digest(store.said(work, row.id), heading=heading)


ROOM = Room(
    ScheduleEdition,
    duty=Duty.SCHEDULES_MANAGE,
    in_force=lambda work, row: store.in_force(work, row.schedule_id),
    digest=_digest,
)
