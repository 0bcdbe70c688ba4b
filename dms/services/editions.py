"""The flow of every edition: drafted, reviewed by a second person, approved by mandate, put in force.

`schemeeditions` and `scheduleeditions` say what their editions hold; who may do which step, and in what
order, is said here once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from dms.access import gate, nodes
from dms.base.canonical import Canonical
from dms.base.clock import utc_day
from dms.base.errors import Conflict, SecondPerson, State
from dms.models.schedules import ScheduleEdition
from dms.models.schemes import SchemeEdition
from dms.rules import states, text
from dms.rules.access import Action, Duty, NodeKind
from dms.rules.states import EditionState
from dms.services import editing
from dms.services.editing import KEEP, Keep
from dms.stores.work import Work

E = TypeVar("E", SchemeEdition, ScheduleEdition)

_APPROVERS = frozenset({"approve", "return"})
"""What needs `APPROVE` on the Repository; all else needs the duty of those who write."""


@dataclass(frozen=True, slots=True)
class Room(Generic[E]):
    """One kind of editions: who writes them, which of them is in force, what an approval is bound to."""

    model: type[E]
    duty: Duty
    in_force: Callable[[Work, E], UUID | None]
    """The edition in force of what an edition words."""
    digest: Callable[[Work, E], str]


@dataclass(frozen=True, slots=True)
class Heading:
    """What an edition says of itself."""

    title: str | Keep = KEEP
    mandate: str | Keep | None = KEEP
    """The law, order or decision by which it is made."""
    effective_on: date | Keep | None = KEEP
    """The first day, in UTC, on which it may be put in force."""


def enter(
    work: Work,
    row: E,
    heading: Heading,
    *,
    copied: Callable[[], Mapping[str, Canonical]],
) -> E:
    """Add a draft with its heading; `copied` fills it from its base and tells what it put there."""
    values = _headed(heading)
    for name, value in values.items():
        setattr(row, name, value)
    work.add(row)
    try:
        work.flush()
    except IntegrityError as error:
        raise Conflict("somebody began an edition at the same moment: begin again") from error
    note = {**editing.noted(values), "number": row.number, **copied()}
    work.changed(row.id, before=None, after=1, old={}, new=note)
    return row


def named(work: Work, room: Room[E], ids: Collection[UUID]) -> Mapping[UUID, E]:
    """Return the editions that an answer names, by id."""
    return gate.vocabulary(work, room.model).many(ids)


def update(work: Work, row: E, heading: Heading) -> None:
    """Change what a claimed draft says of itself."""
    values = {name: value for name, value in _headed(heading).items() if getattr(row, name) != value}
    if values:
        write(work, row, values, edited=True)


def submit(work: Work, room: Room[E], row: E, *, check: Callable[[E], None]) -> None:
    """Put a claimed draft before a second person; `check` raises what its parts forbid."""
    _check_base(work, room, row, event="submit")
    check(row)
    values = {
        "state": EditionState.IN_REVIEW,
        "digest": room.digest(work, row),
        "submitted_at": work.now,
        "submitted_by": work.actor.principal_id,
    }
    write(work, row, values)


def send_back(work: Work, row: E, *, reason: str) -> None:
    """Give a claimed edition back for more work; its approval begins anew."""
    note = text.reason(reason)
    cleared = ("digest", "submitted_at", "submitted_by", "approved_at", "approved_by")
    write(work, row, {"state": EditionState.DRAFT, **dict.fromkeys(cleared)}, note={"reason": note})


def approve(work: Work, room: Room[E], row: E) -> None:
    """Approve a claimed edition that names its mandate, as nobody who wrote or submitted it."""
    if gate.account_id(work).hex in row.editors.split() or row.submitted_by == work.actor.principal_id:
        error = SecondPerson("another person than those who wrote or submitted it must decide this")
        raise gate.refused(work, error, object_id=row.id, action="approve")
    _check_base(work, room, row, event="approve")
    if row.mandate is None:
        message = "it names no mandate: return it, so that the law or decision behind it is named"
        raise refusal(work, room, row, event="approve", message=message)
    values = {
        "state": EditionState.APPROVED,
        "approved_at": work.now,
        "approved_by": work.actor.principal_id,
    }
    write(work, row, values)


def activate(work: Work, room: Room[E], row: E) -> None:
    """Put a claimed edition in force from its effective day on; the former one is superseded."""
    if row.effective_on is not None and utc_day(work.now) < row.effective_on:
        message = f"it takes effect on {row.effective_on.isoformat()}: put it in force on or after that day"
        raise refusal(work, room, row, event="activate", message=message)
    _check_base(work, room, row, event="activate")
    if row.digest != room.digest(work, row):
        message = "it differs from what was approved: tell the administrator"
        raise refusal(work, room, row, event="activate", message=message)
    if row.based_on_id is not None:
        former = gate.vocabulary(work, room.model).one(row.based_on_id)
        write(work, former, {"state": EditionState.SUPERSEDED, "ended_at": work.now})
    values = {
        "state": EditionState.IN_FORCE,
        "activated_at": work.now,
        "activated_by": work.actor.principal_id,
    }
    write(work, row, values)


def withdraw(work: Work, row: E, *, reason: str) -> None:
    """Give up a claimed edition that never was in force."""
    values = {"state": EditionState.WITHDRAWN, "ended_at": work.now}
    write(work, row, values, note={"reason": text.reason(reason)})


def transitions(work: Work, room: Room[E], row: E) -> tuple[str, ...]:
    """Return what the state of an edition permits and the actor's office allows, in alphabetical order."""
    return tuple(event for event in states.available(states.EDITION, row.state) if _may(work, room, event))


def claim(work: Work, room: Room[E], edition_id: UUID, *, expected_revision: int, event: str) -> E:
    """Return an edition that the actor may now change in this way.

    Refusals come in this order: `NotFound`, `Duty` or `Denied`, `Conflict` for a stale revision, `State`.
    """
    row = gate.listed(work, room.model).one(edition_id)
    if event in _APPROVERS:
        require_approver(work)
    else:
        gate.require_duty(work, room.duty)
    if row.revision != expected_revision:
        raise gate.refused(work, editing.stale(row.revision), object_id=row.id, action=event)
    if event not in states.available(states.EDITION, row.state):
        message = f"an edition in state `{row.state}` does not permit `{event}`"
        raise refusal(work, room, row, event=event, message=message)
    return row


def write(
    work: Work,
    row: E,
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
        row.editors = with_editor(work, row.editors)
    row.revision += 1
    work.flush()
    new = {**editing.noted(values), **(note or {})}
    work.changed(row.id, before=row.revision - 1, after=row.revision, old=old, new=new)


def with_editor(work: Work, editors: str) -> str:
    """Return a list of editors with the account that acts."""
    return " ".join(sorted({*editors.split(), gate.account_id(work).hex}))


def refusal(work: Work, room: Room[E], row: E, *, event: str, message: str) -> State:
    """Note and return the error that what an edition is or holds does not permit the event."""
    error = State(message, state=str(row.state), available=transitions(work, room, row))
    return gate.refused(work, error, object_id=row.id, action=event)


def require_approver(work: Work) -> None:
    """Raise unless the actor has `APPROVE` on the Repository."""
    nodes.require(work, _repository(work), action=Action.APPROVE)


def may_approve(work: Work) -> bool:
    """Tell whether the actor has `APPROVE` on the Repository."""
    return nodes.decide(work, _repository(work), action=Action.APPROVE).may


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


def _check_base(work: Work, room: Room[E], row: E, *, event: str) -> None:
    """Refuse an edition that would undo what came in force since it was begun."""
    if row.based_on_id != room.in_force(work, row):
        message = "another edition came in force since it was begun: begin a new one"
        raise refusal(work, room, row, event=event, message=message)


def _may(work: Work, room: Room[E], event: str) -> bool:
    return may_approve(work) if event in _APPROVERS else gate.has_duty(work, room.duty)


def _repository(work: Work) -> nodes.Node:
    return nodes.find(work, NodeKind.REPOSITORY, node_id=gate.standing(work).roof.repository_id)
