"""Editions of the classification scheme: drafted, reviewed by a second person, put in force (F11, F15)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from dms.access import gate, nodes
from dms.access.keyset import Order
from dms.base.canonical import Canonical
from dms.base.clock import utc_day
from dms.base.errors import Conflict, SecondPerson, State
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.schemes import ClassEntry, SchemeEdition
from dms.rules import schemes as rules
from dms.rules import states, text
from dms.rules.access import Action, Duty, NodeKind
from dms.rules.accessevents import Op
from dms.rules.schemes import Comparison, Wording
from dms.rules.states import EditionState
from dms.services import classplaces, editing
from dms.services.editing import KEEP, Keep
from dms.stores import editions
from dms.stores.work import Work

_NEEDED: Mapping[str, Duty | Action] = {
    "update": Duty.SCHEMES_MANAGE,
    "submit": Duty.SCHEMES_MANAGE,
    "withdraw": Duty.SCHEMES_MANAGE,
    "activate": Duty.SCHEMES_MANAGE,
    "return": Action.APPROVE,
    "approve": Action.APPROVE,
}
"""What each transition needs: a duty, or an action on the Repository."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What an edition says of itself."""

    title: str | Keep = KEEP
    mandate: str | Keep | None = KEEP
    """The law, order or decision by which it is made."""
    effective_on: date | Keep | None = KEEP
    """The first day, in UTC, on which it may be put in force."""


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
    return gate.vocabulary(work, SchemeEdition).many(ids)


def each(work: Work, ids: Collection[UUID]) -> Mapping[UUID, SchemeEdition]:
    """Return the editions with these ids that there are."""
    return gate.listed(work, SchemeEdition).each(ids)


def create(work: Work, heading: Heading) -> SchemeEdition:
    """Begin a draft with all open classes of the edition in force, worded as they are."""
    work.performs(Op.SCHEMEEDITION_CREATE)
    gate.require_duty(work, Duty.SCHEMES_MANAGE)
    scheme_id = gate.standing(work).roof.scheme_id
    base = editions.in_force(work, scheme_id)
    row = SchemeEdition(
        id=new_id(),
        scheme_id=scheme_id,
        number=editions.next_number(work, scheme_id),
        based_on_id=base,
        state=EditionState.DRAFT,
        title="",
        editors=gate.account_id(work).hex,
        revision=1,
        created_at=work.now,
        created_by=work.actor.principal_id,
    )
    values = _headed(heading)
    for name, value in values.items():
        setattr(row, name, value)
    work.add(row)
    try:
        work.flush()
    except IntegrityError as error:
        raise Conflict("somebody began an edition at the same moment: begin again") from error
    classes = 0 if base is None else editions.copied(work, base, to=row.id)
    note = editing.noted(values) | {"number": row.number, "classes": classes}
    work.changed(row.id, before=None, after=1, old={}, new=note)
    return row


def update(work: Work, edition_id: UUID, heading: Heading, *, expected_revision: int) -> SchemeEdition:
    """Change what a draft says of itself."""
    work.performs(Op.SCHEMEEDITION_UPDATE)
    row = claim(work, edition_id, expected_revision=expected_revision, event="update")
    values = {name: value for name, value in _headed(heading).items() if getattr(row, name) != value}
    if values:
        write(work, row, values, edited=True)
    return row


def submit(work: Work, edition_id: UUID, *, expected_revision: int) -> SchemeEdition:
    """Put a draft before a second person; it must be consistent, and based on what is in force."""
    work.performs(Op.SCHEMEEDITION_SUBMIT)
    row = claim(work, edition_id, expected_revision=expected_revision, event="submit")
    _check_base(work, row, event="submit")
    _check_classes(work, row)
    digest = _digest(work, row)
    values = {
        "state": EditionState.IN_REVIEW,
        "digest": digest,
        "submitted_at": work.now,
        "submitted_by": work.actor.principal_id,
    }
    write(work, row, values)
    return row


def send_back(work: Work, edition_id: UUID, *, expected_revision: int, reason: str) -> SchemeEdition:
    """Give an edition back for more work (`APPROVE` on the Repository); its approval begins anew."""
    work.performs(Op.SCHEMEEDITION_RETURN)
    row = claim(work, edition_id, expected_revision=expected_revision, event="return")
    note = text.reason(reason)
    cleared = ("digest", "submitted_at", "submitted_by", "approved_at", "approved_by")
    write(work, row, {"state": EditionState.DRAFT, **dict.fromkeys(cleared)}, note={"reason": note})
    return row


def approve(work: Work, edition_id: UUID, *, expected_revision: int) -> SchemeEdition:
    """Approve an edition that names its mandate, as nobody who wrote or submitted it.

    It needs `APPROVE` on the Repository.
    """
    work.performs(Op.SCHEMEEDITION_APPROVE)
    row = claim(work, edition_id, expected_revision=expected_revision, event="approve")
    if gate.account_id(work).hex in row.editors.split() or row.submitted_by == work.actor.principal_id:
        error = SecondPerson("another person than those who wrote or submitted it must decide this")
        raise gate.refused(work, error, object_id=row.id, action="approve")
    _check_base(work, row, event="approve")
    if row.mandate is None:
        message = "it names no mandate: return it, so that the law or decision behind it is named"
        raise _refusal(work, row, "approve", message)
    values = {
        "state": EditionState.APPROVED,
        "approved_at": work.now,
        "approved_by": work.actor.principal_id,
    }
    write(work, row, values)
    return row


def activate(work: Work, edition_id: UUID, *, expected_revision: int) -> SchemeEdition:
    """Put an approved edition in force from its effective day on; the former one is superseded.

    Codes, titles and places of all classes change at once, and with the places who may see what.
    """
    work.performs(Op.SCHEMEEDITION_ACTIVATE)
    row = claim(work, edition_id, expected_revision=expected_revision, event="activate")
    if row.effective_on is not None and utc_day(work.now) < row.effective_on:
        message = f"it takes effect on {row.effective_on.isoformat()}: put it in force on or after that day"
        raise _refusal(work, row, "activate", message)
    _check_base(work, row, event="activate")
    if row.digest != _digest(work, row):
        raise _refusal(work, row, "activate", "it differs from what was approved: tell the administrator")
    if row.based_on_id is not None:
        former = gate.vocabulary(work, SchemeEdition).one(row.based_on_id)
        write(work, former, {"state": EditionState.SUPERSEDED, "ended_at": work.now})
    values = {
        "state": EditionState.IN_FORCE,
        "activated_at": work.now,
        "activated_by": work.actor.principal_id,
    }
    write(work, row, values)
    classplaces.put_in_force(work, editions.wordings(work, row.id))
    return row


def withdraw(work: Work, edition_id: UUID, *, expected_revision: int, reason: str) -> SchemeEdition:
    """Give up an edition that never was in force."""
    work.performs(Op.SCHEMEEDITION_WITHDRAW)
    row = claim(work, edition_id, expected_revision=expected_revision, event="withdraw")
    values = {"state": EditionState.WITHDRAWN, "ended_at": work.now}
    write(work, row, values, note={"reason": text.reason(reason)})
    return row


def compare(work: Work, before_id: UUID, after_id: UUID) -> tuple[Comparison, ...]:
    """Return the classes that differ between two editions, by code."""
    work.performs(Op.SCHEME_LIST)
    for edition_id in (before_id, after_id):
        gate.listed(work, SchemeEdition).one(edition_id)
    return rules.compare(_shown_wordings(work, before_id), _shown_wordings(work, after_id))


def transitions(work: Work, row: SchemeEdition) -> tuple[str, ...]:
    """Return what the state of an edition permits and the actor's office allows, in alphabetical order."""
    return tuple(event for event in states.available(states.EDITION, row.state) if _may(work, _NEEDED[event]))


def claim(work: Work, edition_id: UUID, *, expected_revision: int, event: str) -> SchemeEdition:
    """Return an edition that the actor may now change in this way.

    Refusals come in this order: `NotFound`, `Duty` or `Denied`, `Conflict` for a stale revision, `State`.
    """
    row = gate.listed(work, SchemeEdition).one(edition_id)
    _require(work, _NEEDED[event])
    if row.revision != expected_revision:
        raise gate.refused(work, editing.stale(row.revision), object_id=row.id, action=event)
    if event not in states.available(states.EDITION, row.state):
        raise _refusal(work, row, event, f"an edition in state `{row.state}` does not permit `{event}`")
    return row


def write(
    work: Work,
    row: SchemeEdition,
    values: Mapping[str, object],
    *,
    note: Mapping[str, Canonical] | None = None,
    edited: bool = False,
) -> None:
    """Set values, raise the revision and note it all; who `edited` it can no longer approve it."""
    old = editing.noted({name: getattr(row, name) for name in values})
    for name, value in values.items():
        setattr(row, name, value)
    if edited:
        row.editors = " ".join(sorted({*row.editors.split(), gate.account_id(work).hex}))
    row.revision += 1
    work.flush()
    new = {**editing.noted(values), **(note or {})}
    work.changed(row.id, before=row.revision - 1, after=row.revision, old=old, new=new)


def _headed(heading: Heading) -> dict[str, object]:
    values: dict[str, object] = {}
    if heading.title is not KEEP:
        values["title"] = text.line(heading.title, ("title",))
    if heading.mandate is not KEEP:
        given = None if heading.mandate is None else text.block(heading.mandate, ("mandate",))
        values["mandate"] = given or None
    if heading.effective_on is not KEEP:
        values["effective_on"] = heading.effective_on
    return values


def _shown_wordings(work: Work, edition_id: UUID) -> Iterator[Wording]:
    """Read what the classes say in an edition, for an answer: `stores.editions` is for rules alone."""
    for row in gate.vocabulary(work, ClassEntry).where(ClassEntry.edition_id == edition_id).rows():
        yield Wording(*(getattr(row, name) for name in Wording._fields))


def _digest(work: Work, row: SchemeEdition) -> str:
    effective_on = None if row.effective_on is None else row.effective_on.isoformat()
    return rules.edition_digest(
        editions.wordings(work, row.id),
        editions.successors(work, row.id),
        heading=(row.number, row.title, row.mandate, effective_on),
    )


def _check_classes(work: Work, row: SchemeEdition) -> None:
    """Refuse an edition with open classes below closed ones, or with forwardings to closed ones."""
    wordings = editions.wordings(work, row.id)
    orphans = rules.orphans(wordings)
    if orphans:
        codes = ", ".join(f"`{orphan.code}`" for orphan in orphans[:5])
        raise _refusal(work, row, "submit", f"{codes} lie below a closed class: move or close them first")
    closed = {each.class_id: each.code for each in wordings if each.is_closed}
    for each in editions.successors(work, row.id):
        if each.target_id in closed:
            source, target = closed[each.class_id], closed[each.target_id]
            message = f"`{source}` goes on in `{target}`, which is closed too: begin the edition anew"
            raise _refusal(work, row, "submit", message)


def _check_base(work: Work, row: SchemeEdition, *, event: str) -> None:
    """Refuse an edition that would undo what came in force since it was begun."""
    if row.based_on_id != editions.in_force(work, row.scheme_id):
        message = "another edition came in force since it was begun: begin a new one"
        raise _refusal(work, row, event, message)


def _refusal(work: Work, row: SchemeEdition, event: str, message: str) -> State:
    error = State(message, state=str(row.state), available=transitions(work, row))
    return gate.refused(work, error, object_id=row.id, action=event)


def _require(work: Work, needed: Duty | Action) -> None:
    if isinstance(needed, Duty):
        gate.require_duty(work, needed)
    else:
        nodes.require(work, _repository(work), action=needed)


def _may(work: Work, needed: Duty | Action) -> bool:
    if isinstance(needed, Duty):
        return gate.has_duty(work, needed)
    return nodes.decide(work, _repository(work), action=needed).may


def _repository(work: Work) -> nodes.Node:
    return nodes.find(work, NodeKind.REPOSITORY, node_id=gate.standing(work).roof.repository_id)
