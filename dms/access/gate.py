"""The one gate: nothing is read or done without passing here, and nothing passes unnoted.

`visible` starts every reading of things with an access list, `listed` of things that are open or
stand behind a duty, `parts` of things that are decided through the Document they belong to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute

from dms.access import reading, slices
from dms.access.attached import Attached
from dms.access.hits import Hits
from dms.access.hitselects import Sought
from dms.access.reading import Listing, Visible
from dms.access.scopes import Row
from dms.access.standing import Standing, of_actor, of_principal
from dms.base.errors import Denied, DmsError, Duty, NotFound, Unauthenticated
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.rules import access as rules
from dms.rules.access import Action, Decision
from dms.rules.accessevents import Disclosure
from dms.rules.searchlimits import HitOrder
from dms.stores.sets import in_ids
from dms.stores.work import Work

M = TypeVar("M", bound=DeclarativeBase)
R = TypeVar("R", Document, Aggregation)
E = TypeVar("E", bound=DmsError)


def standing(work: Work) -> Standing:
    """Return who acts: principals, clearance, roles, duties; nobody acts without an account."""
    found = of_actor(work)
    if found.disabled:
        raise Unauthenticated("log in first")
    return found


def has_duty(work: Work, duty: rules.Duty) -> bool:
    """Tell whether the actor holds a duty."""
    return duty in standing(work).duties


def require_duty(work: Work, duty: rules.Duty) -> None:
    """Raise `errors.Duty` unless the actor holds the duty."""
    if not has_duty(work, duty):
        work.refuses(None, action=duty, reason="duty", exists=True)
        raise Duty(f"this needs the duty `{duty}`", duty=duty)


def account_id(work: Work) -> UUID:
    """Return the account that acts; the system and strangers have none."""
    found = standing(work).account_id
    if found is None:
        raise Unauthenticated("this needs an account: log in, or act for one")
    return found


def visible(work: Work, model: type[R], action: Action) -> Visible[R]:
    """Start a reading of Documents or Aggregations on which the actor has the action."""
    return Visible(work, model, action)


def listed(work: Work, model: type[M]) -> Listing[M]:
    """Start a reading of things without access lists: open to every user, or behind a duty."""
    standing(work)  # a disabled account, or a policy not in force, reads nothing
    return Listing(work, model)


def vocabulary(work: Work, model: type[M]) -> Listing[M]:
    """Start a reading of open words that only name something in an answer, such as security levels.

    They are not what was asked for, so the event does not list them.
    """
    standing(work)
    return Listing(work, model, noted=False)


def hits(
    work: Work,
    sought: Sought,
    *,
    conditions: Sequence[ColumnElement[bool]] = (),
    order: HitOrder = HitOrder.RELEVANCE,
    of_content: bool = False,
) -> Hits:
    """Start a search; what is found must give `READ_METADATA`, by words of its text `READ_CONTENT`."""
    standing(work)
    return Hits(work, sought, tuple(conditions), order, of_content)


def attached(
    work: Work,
    model: type[M],
    *,
    owner: InstrumentedAttribute[UUID],
    action: Action,
    open_nodes: frozenset[UUID] = frozenset(),
    others: tuple[InstrumentedAttribute[UUID | None], ...] = (),
) -> Attached[M]:
    """Start a reading of rows that each name an object; they show if the actor has the action on it.

    `open_nodes` are objects without an access list of their own that the caller has judged already. A row
    that names `others` too shows only with the action on all of them.
    """
    return Attached(work, model, owner, action, open_nodes, others=others)


def parts(
    work: Work, model: type[M], *, owner: InstrumentedAttribute[UUID], of: Collection[UUID], noted: bool
) -> Listing[M]:
    """Start a reading of what belongs to things whose metadata this operation has released.

    `noted` when the answer shows the rows as things with ids of their own, such as Versions.
    """
    released = work.notes.released
    if any(key not in released or released[key].disclosure < Disclosure.METADATA for key in of):
        raise NotFound
    return Listing(work, model, conditions=(in_ids(owner, of),), noted=noted)


def discoverable(work: Work, model: type[R], ids: Collection[UUID]) -> frozenset[UUID]:
    """Return those of these ids that the actor may know of: for filters that name things.

    The answer shows none of them, so nothing counts as released.
    """
    if not ids:
        return frozenset()
    rows = reading.rows_of(work, model, ids)
    loaded = slices.slices_of(work, standing(work))
    decisions = slices.decide_asked(work, loaded, rows, action=Action.DISCOVER, n_asked=len(set(ids)))
    return frozenset(row.id for row in rows if decisions[row.id].may)


def may(work: Work, rows: Collection[Row], action: Action) -> Mapping[UUID, Decision]:
    """Decide an action on rows in hand, by id; notes nothing as released."""
    loaded = slices.slices_of(work, standing(work))
    places = slices.places_of(work, rows)
    return slices.decide(work, loaded, places, action=action)


def discloses(work: Work, rows: Sequence[Row], action: Action) -> frozenset[UUID]:
    """Return the ids of rows on which the actor has the action; they count as released by it."""
    places, loaded = slices.places_of(work, rows), slices.slices_of(work, standing(work))
    decisions = slices.decide_each(work, loaded, places, action=action)
    shown = [row for row, decision in zip(rows, decisions, strict=True) if decision.may]
    reading.release(work, shown, action=action)
    reading.note_lines(work, [decision for decision in decisions if decision.may])
    return frozenset(row.id for row in shown)


def refused(work: Work, error: E, *, object_id: UUID | None, action: str) -> E:
    """Note that a rule beside the access list refuses something visible; return the error to raise."""
    work.refuses(object_id, action=action, reason=error.code.lower(), exists=True)
    return error


def require(work: Work, row: Row, action: Action) -> None:
    """Raise unless the actor may: `NotFound` for what it may not discover, else `Denied`."""
    decision = may(work, [row], action)[row.id]
    if decision.may:
        reading.note_lines(work, [decision])
        return
    work.refuses(row.id, action=action, reason=decision.reason, exists=True)
    if may(work, [row], Action.DISCOVER)[row.id].may:
        raise Denied(f"the access list does not give you `{action}` here", action=action)
    raise NotFound


def decide_for(work: Work, principal_id: UUID, row: Row, *, action: Action) -> Decision:
    """Decide for another principal, as it would be decided for itself now."""
    loaded = slices.slices_of(work, of_principal(work, principal_id))
    place = slices.place_of(work, row)
    return slices.decide(work, loaded, [place], action=action)[row.id]
