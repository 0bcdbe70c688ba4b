"""Holds: placed for a matter, reviewed, and lifted by two persons (F55, F56).

Who has `HOLD` or `APPROVE` on the Repository knows of all of them, a custodian of those that he was told of.
Everybody else learns at most that one stands on a thing: see `holding`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from dms.access import gate, nodes
from dms.access.keyset import Order
from dms.access.reading import Listing
from dms.base.canonical import Canonical
from dms.base.clock import utc_day
from dms.base.errors import Invalid, SecondPerson, State
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.holds import Hold
from dms.rules import states, text
from dms.rules.access import Action, NodeKind
from dms.rules.accessevents import Op
from dms.rules.holds import CoveredKind
from dms.rules.states import HoldState
from dms.services import editing, holdcoverage
from dms.services.holdcoverage import Cover
from dms.stores import conditions, holds
from dms.stores.sets import in_ids
from dms.stores.work import Work

_NEEDED = {
    "cover": Action.HOLD,
    "notify": Action.HOLD,
    "review": Action.HOLD,
    "proposeLift": Action.HOLD,
    "rejectLift": Action.APPROVE,
    "lift": Action.APPROVE,
}
"""The action on the Repository that each transition needs; custodians acknowledge what they were told."""

_OFFICE = "standing:holds"
"""What of these an actor has: kept by an operation until its policy changes (`revisions.RESTS_ON_POLICY`)."""

_PROPOSAL = ("lift_reason", "lift_proposed_at", "lift_proposed_by")


@dataclass(frozen=True, slots=True)
class Placing:
    """What a Hold says of itself."""

    matter: str
    mandate: str
    reason: str
    review_on: date | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which Holds a list takes; whatever is None does not narrow it."""

    state: HoldState | None = None
    review_by: date | None = None
    """Active ones whose review is due on or before this day."""
    node: tuple[CoveredKind, UUID] | None = None
    """Those that stand on this thing."""


def listed(work: Work, request: PageRequest, chosen: Chosen) -> Page[Hold]:
    """List Holds that the actor may know of, the newest first; with a node it takes `HOLD` on that."""
    work.performs(Op.HOLD_LIST)
    reading = _known(work) if chosen.node is None else _on(work, chosen.node)
    if chosen.state is not None:
        reading = reading.where(Hold.state == chosen.state)
    if chosen.review_by is not None:
        reading = reading.where(Hold.state == HoldState.ACTIVE, Hold.review_on <= chosen.review_by)
    return reading.order_by(Order(Hold.id, descending=True)).page(request)


def find(work: Work, hold_id: UUID) -> Hold:
    """Return a Hold that the actor may know of, or raise `NotFound`."""
    work.performs(Op.HOLD_LIST)
    return _known(work).one(hold_id)


def each(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Hold]:
    """Return those of these Holds that the actor may know of, by id."""
    return _known(work).each(ids)


def place(work: Work, placing: Placing, cover: Cover) -> Hold:
    """Place a Hold on things; needs `HOLD` on the Repository and on each of them."""
    work.performs(Op.HOLD_PLACE)
    nodes.require(work, _repository(work), action=Action.HOLD)
    holdcoverage.check(cover)
    said = _said(work, placing)
    holds.turn(work)
    row = Hold(
        id=new_id(),
        repository_id=gate.standing(work).roof.repository_id,
        number=holds.next_number(work),
        state=HoldState.ACTIVE,
        editors=gate.account_id(work).hex,
        revision=1,
        placed_at=work.now,
        placed_by=work.actor.principal_id,
        **said,
    )
    work.add(row)
    work.flush()
    lines = holdcoverage.add(work, row, cover)
    note = editing.noted(said) | {"number": row.number, **_covered(cover, lines)}
    work.changed(row.id, before=None, after=1, old={}, new=note)
    return row


def cover_more(work: Work, hold_id: UUID, cover: Cover, *, expected_revision: int) -> Hold:
    """Let a Hold cover more things; a proposal to lift it falls, since it spoke of less."""
    work.performs(Op.HOLD_COVER)
    row = claim(work, hold_id, expected_revision=expected_revision, event="cover")
    holdcoverage.check(cover)
    holds.turn(work)
    lines = holdcoverage.add(work, row, cover)
    if not lines:
        raise Invalid("all of this has a line of its own already", path=("nodeIds",))
    row.editors = " ".join(sorted({*row.editors.split(), gate.account_id(work).hex}))
    write(work, row, dict.fromkeys(_PROPOSAL), note=_covered(cover, lines))
    return row


def review(work: Work, hold_id: UUID, *, review_on: date | None, reason: str, expected_revision: int) -> Hold:
    """Note that a Hold was looked at and is needed further, and when it is looked at next."""
    work.performs(Op.HOLD_REVIEW)
    row = claim(work, hold_id, expected_revision=expected_revision, event="review")
    note: dict[str, Canonical] = {"reason": text.reason(reason)}
    write(work, row, {"review_on": _future(work, review_on)}, note=note)
    return row


def propose_lift(work: Work, hold_id: UUID, *, reason: str, expected_revision: int) -> Hold:
    """Propose to lift a Hold; another person decides."""
    work.performs(Op.HOLD_LIFT_PROPOSE)
    row = claim(work, hold_id, expected_revision=expected_revision, event="proposeLift")
    if row.lift_proposed_at is not None:
        raise refusal(work, row, event="proposeLift", message="its lifting is proposed already")
    gate.account_id(work)
    values = {
        "lift_reason": text.reason(reason),
        "lift_proposed_at": work.now,
        "lift_proposed_by": work.actor.principal_id,
    }
    write(work, row, values)
    return row


def reject_lift(work: Work, hold_id: UUID, *, reason: str, expected_revision: int) -> Hold:
    """Turn a proposal to lift a Hold down (`APPROVE` on the Repository), or take back one's own."""
    work.performs(Op.HOLD_LIFT_REJECT)
    row = _known(work).one(hold_id)
    is_own = row.lift_proposed_by == gate.account_id(work)
    claimed = "proposeLift" if is_own else "rejectLift"
    _claim(work, row, expected_revision=expected_revision, event=claimed)
    _require_proposed(work, row, event="rejectLift")
    write(work, row, dict.fromkeys(_PROPOSAL), note={"reason": text.reason(reason)})
    return row


def lift(work: Work, hold_id: UUID, *, expected_revision: int) -> Hold:
    """Lift a Hold as proposed, as nobody who placed it, widened it or proposed that.

    It needs `APPROVE` on the Repository. What it covered stays noted.
    """
    work.performs(Op.HOLD_LIFT)
    row = claim(work, hold_id, expected_revision=expected_revision, event="lift")
    _require_proposed(work, row, event="lift")
    account = gate.account_id(work)
    if account == row.lift_proposed_by or account.hex in row.editors.split():
        message = "another person than those who placed it, widened it or proposed this must decide it"
        raise gate.refused(work, SecondPerson(message), object_id=row.id, action="lift")
    values = {"state": HoldState.LIFTED, "lifted_at": work.now, "lifted_by": account}
    write(work, row, values)
    return row


def transitions(work: Work, row: Hold) -> tuple[str, ...]:
    """Return what the state of a Hold permits and the actor's office allows, in alphabetical order."""
    closed = {"lift", "rejectLift"} if row.lift_proposed_at is None else {"proposeLift"}
    permitted = [
        event
        for event in states.available(states.HOLD, row.state)
        if event in _NEEDED and event not in closed
    ]
    allowed = {action: _may(work, action) for action in {_NEEDED[event] for event in permitted}}
    return tuple(event for event in permitted if allowed[_NEEDED[event]])


def knows_all(work: Work) -> bool:
    """Tell whether the actor may know of every Hold, with all who were told of it."""
    return _may(work, Action.HOLD) or _may(work, Action.APPROVE)


def claim(work: Work, hold_id: UUID, *, expected_revision: int, event: str) -> Hold:
    """Return a Hold that the actor may now change in this way.

    Refusals come in this order: `NotFound`, `Denied`, `Conflict` for a stale revision, `State`.
    """
    row = _known(work).one(hold_id)
    _claim(work, row, expected_revision=expected_revision, event=event)
    return row


def write(
    work: Work, row: Hold, values: Mapping[str, object], *, note: Mapping[str, Canonical] | None = None
) -> None:
    """Set values, raise the revision and note it all."""
    old = editing.noted({name: getattr(row, name) for name in values})
    for name, value in values.items():
        setattr(row, name, value)
    row.revision += 1
    work.flush()
    new = {**editing.noted(values), **(note or {})}
    work.changed(row.id, before=row.revision - 1, after=row.revision, old=old, new=new)


def refusal(work: Work, row: Hold, *, event: str, message: str) -> State:
    """Note and return the error that the state of a Hold does not permit the event."""
    error = State(message, state=str(row.state), available=transitions(work, row))
    return gate.refused(work, error, object_id=row.id, action=event)


def _claim(work: Work, row: Hold, *, expected_revision: int, event: str) -> None:
    nodes.require(work, _repository(work), action=_NEEDED[event])
    if row.revision != expected_revision:
        raise gate.refused(work, editing.stale(row.revision), object_id=row.id, action=event)
    if event not in states.available(states.HOLD, row.state):
        raise refusal(
            work, row, event=event, message=f"a hold in state `{row.state}` does not permit `{event}`"
        )


def _require_proposed(work: Work, row: Hold, *, event: str) -> None:
    if row.lift_proposed_at is None:
        raise refusal(work, row, event=event, message="nobody has proposed to lift it: propose that first")


def _known(work: Work) -> Listing[Hold]:
    reading = gate.listed(work, Hold)
    if knows_all(work):
        return reading
    return reading.where(conditions.is_told_of_hold(gate.account_id(work)))


def _on(work: Work, node: tuple[CoveredKind, UUID]) -> Listing[Hold]:
    kind, key = node
    if kind is CoveredKind.CLASS:
        nodes.require(work, nodes.find(work, NodeKind.CLASS, node_id=key), action=Action.HOLD)
    else:
        _require_hold(work, kind, key)
    return gate.listed(work, Hold).where(in_ids(Hold.id, holds.standing(work, [key]).get(key, ())))


def _require_hold(work: Work, kind: CoveredKind, key: UUID) -> None:
    if kind is CoveredKind.DOCUMENT:
        gate.visible(work, Document, Action.HOLD).one(key)
    else:
        gate.visible(work, Aggregation, Action.HOLD).one(key)


def _said(work: Work, placing: Placing) -> dict[str, object]:
    mandate = text.block(placing.mandate, ("mandate",))
    if not mandate:
        raise Invalid("name the law, order or agreement by which it stands", path=("mandate",))
    return {
        "matter": text.line(placing.matter, ("matter",)),
        "mandate": mandate,
        "reason": text.reason(placing.reason),
        "review_on": _future(work, placing.review_on),
    }


def _future(work: Work, review_on: date | None) -> date | None:
    if review_on is not None and review_on < utc_day(work.now):
        raise Invalid("the day of its review is past: choose one to come", path=("reviewOn",))
    return review_on


def _covered(cover: Cover, lines: int) -> dict[str, Canonical]:
    listed_ = None if cover.search_list_id is None else cover.search_list_id.hex
    return {"lines": lines, "nodes": sorted(key.hex for key in cover.named), "list": listed_}


def _may(work: Work, action: Action) -> bool:
    kept: frozenset[Action] | None = work.memory.get(_OFFICE)
    if kept is None:
        node = _repository(work)
        kept = frozenset(each for each in set(_NEEDED.values()) if nodes.decide(work, node, action=each).may)
        work.memory[_OFFICE] = kept
    return action in kept


def _repository(work: Work) -> nodes.Node:
    return nodes.find(work, NodeKind.REPOSITORY, node_id=gate.standing(work).roof.repository_id)
