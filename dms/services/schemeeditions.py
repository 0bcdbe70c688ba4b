"""Editions of the classification scheme: drafted, reviewed by a second person, put in force (F11, F15)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from uuid import UUID

from dms.access import gate
from dms.access.keyset import Order
from dms.base.canonical import Canonical
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.retention import Target
from dms.models.schemes import ClassEntry, SchemeEdition
from dms.rules import schemes as rules
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.schemes import Comparison, Wording
from dms.rules.states import EditionState
from dms.services import classplaces, editions
from dms.services.editions import Heading, Room
from dms.stores import editions as store
from dms.stores import outcomes
from dms.stores.outcomes import Marked
from dms.stores.work import Work


def listed(work: Work, request: PageRequest, *, state: EditionState | None = None) -> Page[SchemeEdition]:
    """List the editions of the scheme, the newest first; they are open to every user."""
    work.performs(Op.SCHEME_LIST)
    reading = gate.listed(work, SchemeEdition)
    if state is not None:
        reading = reading.where(SchemeEdition.state == state)
    return reading.order_by(Order(SchemeEdition.number, descending=True)).page(request)


def edition(work: Work, edition_id: UUID) -> SchemeEdition:
    """Return an edition, or raise `NotFound`."""
    work.performs(Op.SCHEME_LIST)
    return gate.listed(work, SchemeEdition).one(edition_id)


def named(work: Work, ids: Collection[UUID]) -> Mapping[UUID, SchemeEdition]:
    """Return the editions that an answer names, by id."""
    return editions.named(work, ROOM, ids)


def each(work: Work, ids: Collection[UUID]) -> Mapping[UUID, SchemeEdition]:
    """Return the editions with these ids that there are."""
    return gate.listed(work, SchemeEdition).each(ids)


def create(work: Work, heading: Heading) -> SchemeEdition:
    """Begin a draft with all open classes of the edition in force, worded as they are."""
    work.performs(Op.SCHEMEEDITION_CREATE)
    gate.require_duty(work, Duty.SCHEMES_MANAGE)
    scheme_id = gate.standing(work).roof.scheme_id
    base = store.in_force(work, scheme_id)
    row = SchemeEdition(
        id=new_id(),
        scheme_id=scheme_id,
        number=store.next_number(work, scheme_id),
        based_on_id=base,
        state=EditionState.DRAFT,
        title="",
        editors=gate.account_id(work).hex,
        revision=1,
        created_at=work.now,
        created_by=work.actor.principal_id,
    )

    def copied() -> Mapping[str, Canonical]:
        return {"classes": 0 if base is None else store.copied(work, base, to=row.id)}

    return editions.enter(work, row, heading, copied=copied)


def update(work: Work, edition_id: UUID, heading: Heading, *, expected_revision: int) -> SchemeEdition:
    """Change what a draft says of itself."""
    work.performs(Op.SCHEMEEDITION_UPDATE)
    row = claim(work, edition_id, expected_revision=expected_revision, event="update")
    editions.update(work, row, heading)
    return row


def submit(work: Work, edition_id: UUID, *, expected_revision: int) -> SchemeEdition:
    """Put a draft before a second person; it must be consistent, and based on what is in force."""
    work.performs(Op.SCHEMEEDITION_SUBMIT)
    row = claim(work, edition_id, expected_revision=expected_revision, event="submit")
    editions.submit(work, ROOM, row, check=partial(_check_classes, work))
    return row


def send_back(work: Work, edition_id: UUID, *, expected_revision: int, reason: str) -> SchemeEdition:
    """Give an edition back for more work (`APPROVE` on the Repository); its approval begins anew."""
    work.performs(Op.SCHEMEEDITION_RETURN)
    row = claim(work, edition_id, expected_revision=expected_revision, event="return")
    editions.send_back(work, row, reason=reason)
    return row


def approve(work: Work, edition_id: UUID, *, expected_revision: int) -> SchemeEdition:
    """Approve an edition that names its mandate, as nobody who wrote or submitted it.

    It needs `APPROVE` on the Repository.
    """
    work.performs(Op.SCHEMEEDITION_APPROVE)
    row = claim(work, edition_id, expected_revision=expected_revision, event="approve")
    editions.approve(work, ROOM, row)
    return row


def activate(work: Work, edition_id: UUID, *, expected_revision: int) -> SchemeEdition:
    """Put an approved edition in force from its effective day on; the former one is superseded.

    Codes, titles and places of all classes change at once, and with the places who may see what.
    """
    work.performs(Op.SCHEMEEDITION_ACTIVATE)
    row = claim(work, edition_id, expected_revision=expected_revision, event="activate")
    former = () if row.based_on_id is None else store.wordings(work, row.based_on_id)
    editions.activate(work, ROOM, row)
    classplaces.put_in_force(work, store.wordings(work, row.id))
    moved = rules.placed_otherwise(former, store.wordings(work, row.id))
    outcomes.mark(work, [Marked(Target.CLASS, each) for each in moved])
    return row


def withdraw(work: Work, edition_id: UUID, *, expected_revision: int, reason: str) -> SchemeEdition:
    """Give up an edition that never was in force, with the classes that are new in it."""
    work.performs(Op.SCHEMEEDITION_WITHDRAW)
    row = claim(work, edition_id, expected_revision=expected_revision, event="withdraw")
    editions.withdraw(work, row, reason=reason)
    store.give_up_classes(work, row.id)
    return row


def compare(work: Work, before_id: UUID, after_id: UUID) -> tuple[Comparison, ...]:
    """Return the classes that differ between two editions, by code."""
    work.performs(Op.SCHEME_LIST)
    for edition_id in (before_id, after_id):
        gate.listed(work, SchemeEdition).one(edition_id)
    return rules.compare(_shown_wordings(work, before_id), _shown_wordings(work, after_id))


def transitions(work: Work, row: SchemeEdition) -> tuple[str, ...]:
    """Return what the state of an edition permits and the actor's office allows, in alphabetical order."""
    return editions.transitions(work, ROOM, row)


def claim(work: Work, edition_id: UUID, *, expected_revision: int, event: str) -> SchemeEdition:
    """Return an edition that the actor may now change in this way.

    Refusals come in this order: `NotFound`, `Duty` or `Denied`, `Conflict` for a stale revision, `State`.
    """
    return editions.claim(work, ROOM, edition_id, expected_revision=expected_revision, event=event)


def _shown_wordings(work: Work, edition_id: UUID) -> Iterator[Wording]:
    """Read what the classes say in an edition, for an answer: `stores.editions` is for rules alone."""
    for row in gate.vocabulary(work, ClassEntry).where(ClassEntry.edition_id == edition_id).rows():
        yield Wording(*(getattr(row, name) for name in Wording._fields))


def _digest(work: Work, row: SchemeEdition) -> str:
    effective_on = None if row.effective_on is None else row.effective_on.isoformat()
    return rules.edition_digest(
        store.wordings(work, row.id),
        store.successors(work, row.id),
        heading=(row.number, row.title, row.mandate, effective_on),
    )


def _check_classes(work: Work, row: SchemeEdition) -> None:
    """Refuse an edition with open classes below closed ones, or with forwardings to closed ones."""
    wordings = store.wordings(work, row.id)
    orphans = rules.orphans(wordings)
    if orphans:
        codes = ", ".join(f"`{orphan.code}`" for orphan in orphans[:5])
        message = f"{codes} lie below a closed class: move or close them first"
        raise editions.refusal(work, ROOM, row, event="submit", message=message)
    closed = {each.class_id: each.code for each in wordings if each.is_closed}
    for each in store.successors(work, row.id):
        if each.target_id in closed:
            source, target = closed[each.class_id], closed[each.target_id]
            message = f"`{source}` goes on in `{target}`, which is closed too: begin the edition anew"
            raise editions.refusal(work, ROOM, row, event="submit", message=message)


ROOM = Room(
    SchemeEdition,
    duty=Duty.SCHEMES_MANAGE,
    in_force=lambda work, row: store.in_force(work, row.scheme_id),
    digest=_digest,
)
