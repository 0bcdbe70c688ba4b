"""What every change of a Document or Aggregation does: claim, write, note old and new values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from enum import Enum
from typing import TypeVar
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from dms.access import gate, scopes
from dms.base.canonical import Canonical
from dms.base.errors import Conflict, State
from dms.models.aggregations import Aggregation
from dms.models.documents import Document, PlacementHistory
from dms.rules import codes, states, text
from dms.rules.access import Action
from dms.rules.dates import Dates
from dms.rules.holds import CoveredKind
from dms.services import holding
from dms.stores import facts, fulltext, outcomes
from dms.stores.records import is_a
from dms.stores.work import Work

R = TypeVar("R", Document, Aggregation)

_NEEDED = {
    "update": Action.EDIT,
    "versionAdd": Action.EDIT,
    "declare": Action.EDIT,
    "refile": Action.EDIT,
    "classAssign": Action.EDIT,
    "securitySet": Action.MARK,
    "file": Action.FILE,
    "rearrange": Action.EDIT,
    "close": Action.EDIT,
    "reopen": Action.EDIT,
    "discard": Action.EDIT,
}
"""The action that each transition of a Document or Aggregation needs on it."""

_BY_LISTS = frozenset({"destroy", "transfer"})
"""What no person does to one thing, but an approved list of disposal does."""

_DERIVED = frozenset({"title_key", "code_key", "date_key", "first_day", "last_day"})
"""Columns that follow from others: written with them, not noted beside them."""


_PLACING = frozenset({"aggregation_id", "record_class_id", "security_id"})
"""Columns that decide, with the chain of parents, which access scope a thing is in."""

_HOLDING = frozenset({"aggregation_id", "parent_id", "record_class_id"})
"""Columns that decide which Holds reach a thing from above."""


class Keep(Enum):
    """Says that a field stays as it is; None would empty it."""

    KEEP = "keep"


KEEP = Keep.KEEP


def claim(work: Work, model: type[R], row_id: UUID, *, expected_revision: int, event: str) -> R:
    """Return a row that the actor may now change in this way.

    Refusals come in this order: `NotFound`, `Denied`, `Conflict` for a stale revision, `State`.
    """
    row = gate.visible(work, model, Action.DISCOVER).one(row_id)
    gate.require(work, row, _NEEDED[event])
    if row.revision != expected_revision:
        raise gate.refused(work, stale(row.revision), object_id=row.id, action=event)
    permit(work, row, event)
    return row


def stale(current_revision: int) -> Conflict:
    """Return the error that a thing has moved on since it was read."""
    return Conflict(
        "it was changed since you read it: read it again, then change what you see",
        path=("expectedRevision",),
        current_revision=current_revision,
    )


def permit(work: Work, row: Document | Aggregation, event: str) -> None:
    """Raise `State` unless the state of the row permits the event."""
    permitted = transitions(row)
    if event not in permitted:
        raise refusal(work, row, event, f"a thing in state `{row.state}` does not permit `{event}`")


def refusal(work: Work, row: Document | Aggregation, event: str, message: str) -> State:
    """Note and return the error that what the row is or holds does not permit the event."""
    error = State(message, state=str(row.state), available=transitions(row))
    return gate.refused(work, error, object_id=row.id, action=event)


def transitions(row: Document | Aggregation) -> tuple[str, ...]:
    """Return the events that the state of the row permits to a person, in alphabetical order."""
    return tuple(event for event in _permitted(row) if event not in _BY_LISTS)


def permits_by_list(row: Document | Aggregation, event: str) -> bool:
    """Tell whether the state of the row permits what only an approved list does."""
    return event in _BY_LISTS and event in _permitted(row)


def _permitted(row: Document | Aggregation) -> tuple[str, ...]:
    if is_a(row, Document):
        return states.available(states.DOCUMENT, row.state)
    return states.available(states.AGGREGATION, row.state)


def actions_on(work: Work, rows: Sequence[Document | Aggregation]) -> Mapping[UUID, tuple[Action, ...]]:
    """Return the actions that the actor has on each row, decided per action and scope."""
    decided = {action: gate.may(work, rows, action) for action in Action}
    return {row.id: tuple(action for action in Action if decided[action][row.id].may) for row in rows}


def open_to(row: Document | Aggregation, actions: Collection[Action]) -> tuple[str, ...]:
    """Return the transitions that the state permits to who has these actions."""
    return tuple(event for event in transitions(row) if _NEEDED[event] in actions)


def write(
    work: Work,
    row: Document | Aggregation,
    values: Mapping[str, object],
    *,
    note: Mapping[str, Canonical] | None = None,
) -> None:
    """Set what differs and raise the revision; without any difference nothing is written.

    `note` is recorded beside the new values: a reason, or what changed beyond the row.
    """
    differing = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not differing and not note:
        return
    if _HOLDING.isdisjoint(differing):
        _write(work, row, differing, note=note or {})
        return
    kind = CoveredKind.DOCUMENT if is_a(row, Document) else CoveredKind.AGGREGATION
    with holding.following(work, {row.id: kind}):
        _write(work, row, differing, note=note or {})


def _write(
    work: Work,
    row: Document | Aggregation,
    differing: Mapping[str, object],
    *,
    note: Mapping[str, Canonical],
) -> None:
    old = noted({name: getattr(row, name) for name in differing})
    for name, value in differing.items():
        setattr(row, name, value)
    row.revision += 1
    row.updated_at = work.now
    row.updated_by = work.actor.principal_id
    settle(work)
    if not _PLACING.isdisjoint(differing):
        scopes.follow(work, row)
    fulltext.follow(work, row, differing.keys())
    outcomes.follow(work, row, differing.keys())
    new = {**noted(differing), **note}
    work.changed(row.id, before=row.revision - 1, after=row.revision, old=old, new=new)


def changes(
    row: Document | Aggregation, values: Mapping[str, object]
) -> tuple[dict[str, Canonical], dict[str, Canonical]]:
    """Return what a row says and will say where these values differ, as the access log keeps it."""
    differing = {name: value for name, value in values.items() if getattr(row, name) != value}
    return noted({name: getattr(row, name) for name in differing}), noted(differing)


def enter(work: Work, row: Document | Aggregation, values: Mapping[str, object]) -> None:
    """Add a new row and note the values it begins with."""
    enter_all(work, [(row, values)])


def enter_all(work: Work, made: Sequence[tuple[Document | Aggregation, Mapping[str, object]]]) -> None:
    """Add new rows together and note the values they begin with."""
    scopes.enter(work, [row for row, _ in made])
    for row, _ in made:
        work.add(row)
    settle(work)
    fulltext.enter(work, [row for row, _ in made])
    outcomes.enter(work, [row for row, _ in made])
    for row, values in made:
        given = {name: value for name, value in values.items() if value is not None}
        work.changed(row.id, before=None, after=1, old={}, new=noted(given))


def settle(work: Work) -> None:
    """Send the rows now; `Conflict` if another operation has just taken the reference code."""
    try:
        work.flush()
    except IntegrityError as error:
        if "reference_code" not in str(error.orig):
            raise
        raise _taken() from error


def titled(title: str) -> dict[str, object]:
    """Return a title with its sort key."""
    clean = text.line(title, ("title",))
    return {"title": clean, "title_key": codes.title_key(clean)}


def dated(read: Dates | None) -> dict[str, object]:
    """Return dates of description with the days they cover."""
    if read is None:
        return {"dates": None, "first_day": None, "last_day": None}
    return {"dates": read.expression, "first_day": read.first_day, "last_day": read.last_day}


def coded(work: Work, model: type[Document | Aggregation], code: str | None) -> dict[str, object]:
    """Return a reference code with its sort key; `Conflict` if it is taken, by whatever it may be."""
    if code is None:
        return {"reference_code": None, "code_key": ""}
    clean = text.code(code)
    if facts.is_code_taken(work, model, clean):
        raise _taken()
    return {"reference_code": clean, "code_key": codes.code_key(clean)}


def described(value: str | None, *path: str) -> str | None:
    """Return text of several lines as it is kept; empty text is none."""
    return (text.block(value, path) or None) if value is not None else None


def keep_place(work: Work, row: Document | Aggregation) -> None:
    """Keep where a thing lies, how it is classed and marked, before that changes.

    Where an Aggregation lies is kept as its former parent, when it is rearranged.
    """
    work.add(
        PlacementHistory(
            object_id=row.id,
            aggregation_id=row.aggregation_id if is_a(row, Document) else None,
            class_id=row.record_class_id,
            security_id=row.security_id,
            valid_from=facts.placed_since(work, row.id) or row.created_at,
            valid_until=work.now,
            event_id=work.notes.event_id,
        )
    )


def _taken() -> Conflict:
    # INVARIANT (no oracle beyond need): the message names nothing of the thing that bears the code.
    return Conflict("this reference code cannot be used again: choose another", path=("referenceCode",))


def noted(values: Mapping[str, object]) -> dict[str, Canonical]:
    """Return values as the access log keeps them, without those that follow from others."""
    return {name: _plain(value) for name, value in values.items() if name not in _DERIVED}


def _plain(value: object) -> Canonical:
    match value:
        case Enum():
            return str(value.value)
        case None | bool() | int() | str():
            return value
        case UUID():
            return value.hex
        case date():
            return value.isoformat()
        case _:
            raise TypeError(f"a value of type `{type(value).__name__}` has no place in the access log")
