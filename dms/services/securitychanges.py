"""Changes of marks: raising acts at once, lowering waits for a second person (F23, F24, F25)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeAlias, assert_never
from uuid import UUID

from sqlalchemy import ColumnElement

from dms.access import gate, marks, scopes
from dms.access.attached import Attached
from dms.access.keyset import Order
from dms.base.canonical import Canonical
from dms.base.clock import Instant, to_iso
from dms.base.errors import Conflict, Invalid, SecondPerson, State
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.security import MarkedKind, SecurityChange
from dms.rules import security as rules
from dms.rules import text
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.rules.security import Mark
from dms.rules.states import ChangeState
from dms.services import editing, security
from dms.services.consents import Consent
from dms.services.security import AskedMark
from dms.stores.records import is_a
from dms.stores.work import Work

Marked: TypeAlias = Document | Aggregation


def set_mark(
    work: Work,
    *,
    kind: MarkedKind,
    object_id: UUID,
    asked: AskedMark,
    reason: str,
    expected_revision: int,
) -> SecurityChange:
    """Raise a mark at once (`MARK`), or propose to lower it (`DOWNGRADE`) for seven days.

    Whatever drops a level or a compartment is a lowering, also if it adds another.
    """
    work.performs(Op.SECURITY_SET)
    row, old, new = considered(
        work, kind=kind, object_id=object_id, asked=asked, expected_revision=expected_revision
    )
    raises = rules.is_raise(old, new)
    note = text.reason(reason)
    change = _change(work, row, old_id=row.security_id, mark_id=marks.intern(work, new), reason=note)
    work.add(change)
    if raises:
        _settle(work, change, state=ChangeState.IN_EFFECT, note=None)
        _apply(work, row, change)
    else:
        _propose(work, row, change)
    return change


def set_by_two(
    work: Work,
    *,
    kind: MarkedKind,
    object_id: UUID,
    asked: AskedMark,
    reason: str,
    expected_revision: int,
    consent: Consent,
) -> SecurityChange:
    """Give a thing the mark that was proposed, up or down: the proposer may, and so may the actor.

    A lowering needs `DOWNGRADE` of who proposes it and `APPROVE` of who approves it.
    """
    work.performs(Op.SECURITY_SET)
    row, _, new = considered(
        work,
        kind=kind,
        object_id=object_id,
        asked=asked,
        expected_revision=expected_revision,
        lowers_by=Action.DOWNGRADE if consent.is_trial else Action.APPROVE,
    )
    change = _change(
        work, row, old_id=row.security_id, mark_id=marks.intern(work, new), reason=text.reason(reason)
    )
    change.proposed_by = consent.proposed_by
    work.add(change)
    _settle(work, change, state=ChangeState.IN_EFFECT, note=None)
    _apply(work, row, change)
    return change


def considered(
    work: Work,
    *,
    kind: MarkedKind,
    object_id: UUID,
    asked: AskedMark,
    expected_revision: int,
    lowers_by: Action = Action.DOWNGRADE,
) -> tuple[Marked, Mark, Mark]:
    """Return a thing with its mark and the one asked for, if the actor may raise or lower it so."""
    row = _discover(work, kind, object_id)
    old = marks.mark_of(work, row.security_id)
    new = security.resolve_mark(work, asked)
    gate.require(work, row, Action.MARK if rules.is_raise(old, new) else lowers_by)
    security.check_new(work, new, borne=old.compartments, object_id=row.id)
    _expect(row, expected_revision)
    editing.permit(work, row, "securitySet")
    if new == old:
        raise Invalid("the thing bears this mark already", path=("security_classification",))
    return row, old, new


def approve(work: Work, *, change_id: UUID, note: str | None) -> SecurityChange:
    """Put a proposed lowering into effect, as another person than its proposer (`APPROVE`).

    Raises `Conflict` if the object was changed since the proposal, `State` if it is decided or expired.
    """
    work.performs(Op.SECURITY_APPROVE)
    change, row = _open_proposal(work, change_id)
    old, new = marks.mark_of(work, row.security_id), marks.mark_of(work, change.to_id)
    remark = None if note is None else text.block(note, ("note",), limit=text.MAX_REASON)
    if rules.change_digest(row.id, revision=row.revision, old=old, new=new) != change.digest:
        raise Conflict(
            "the thing was changed since the proposal: reject it and propose again",
            current_revision=row.revision,
        )
    security.check_new(work, new, borne=old.compartments, object_id=row.id)
    editing.permit(work, row, "securitySet")
    _settle(work, change, state=ChangeState.IN_EFFECT, note=remark)
    _apply(work, row, change)
    return change


def reject(work: Work, *, change_id: UUID, note: str) -> SecurityChange:
    """Turn a proposed lowering down, as another person than its proposer (`APPROVE`)."""
    work.performs(Op.SECURITY_REJECT)
    change, row = _open_proposal(work, change_id)
    _settle(work, change, state=ChangeState.REJECTED, note=text.reason(note, ("note",)))
    work.changed(
        row.id,
        before=row.revision,
        after=row.revision,
        old={"proposal": ChangeState.PROPOSED.value},
        new={"proposal": ChangeState.REJECTED.value, "change": change.id.hex, "note": change.decision_note},
    )
    return change


def changes(
    work: Work,
    request: PageRequest,
    *,
    object_id: UUID | None = None,
    state: ChangeState | None = None,
) -> Page[SecurityChange]:
    """List changes of marks, newest first, of things whose metadata the actor may read (F25)."""
    work.performs(Op.SECURITY_LIST)
    reading = _shown(work)
    if object_id is not None:
        reading = reading.where(SecurityChange.object_id == object_id)
    if state is not None:
        reading = reading.where(*_in_state(state, now=work.now))
    return reading.order_by(Order(SecurityChange.id, descending=True)).page(request)


def waiting(work: Work, request: PageRequest) -> Page[SecurityChange]:
    """List the lowerings that others proposed and the actor may decide (`APPROVE`), newest first."""
    work.performs(Op.SECURITY_LIST)
    reading = gate.attached(work, SecurityChange, owner=SecurityChange.object_id, action=Action.APPROVE)
    reading = reading.where(
        *_in_state(ChangeState.PROPOSED, now=work.now), SecurityChange.proposed_by != gate.account_id(work)
    )
    return reading.order_by(Order(SecurityChange.id, descending=True)).page(request)


def nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, SecurityChange]:
    """Return those of these changes that are of things whose metadata the actor may read, by id."""
    return _shown(work).each(ids)


def state_of(work: Work, change: SecurityChange) -> ChangeState:
    """Return the state of a change now: a proposal expires by itself."""
    is_over = change.expires_at is not None and change.expires_at <= work.now
    return ChangeState.EXPIRED if change.state is ChangeState.PROPOSED and is_over else change.state


def first_mark(work: Work, row: Marked) -> None:
    """Begin the history of marks of a new thing; whoever registers it has checked the mark."""
    change = _change(work, row, old_id=None, mark_id=row.security_id, reason="first mark")
    _settle(work, change, state=ChangeState.IN_EFFECT, note=None)
    work.add(change)


def _shown(work: Work) -> Attached[SecurityChange]:
    return gate.attached(work, SecurityChange, owner=SecurityChange.object_id, action=Action.READ_METADATA)


def _discover(work: Work, kind: MarkedKind, object_id: UUID) -> Marked:
    match kind:
        case MarkedKind.DOCUMENT:
            return gate.visible(work, Document, Action.DISCOVER).one(object_id)
        case MarkedKind.AGGREGATION:
            return gate.visible(work, Aggregation, Action.DISCOVER).one(object_id)
        case _:
            assert_never(kind)


def _in_state(state: ChangeState, *, now: int) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of the changes that are in a state now; equal to `state_of` for each."""
    match state:
        case ChangeState.PROPOSED:
            return SecurityChange.state == state, SecurityChange.expires_at > now
        case ChangeState.EXPIRED:
            return SecurityChange.state == ChangeState.PROPOSED, SecurityChange.expires_at <= now
        case ChangeState.IN_EFFECT | ChangeState.REJECTED:
            return (SecurityChange.state == state,)
        case _:
            assert_never(state)


def _open_proposal(work: Work, change_id: UUID) -> tuple[SecurityChange, Marked]:
    change = _shown(work).one(change_id)
    row = _discover(work, change.object_kind, change.object_id)
    gate.require(work, row, Action.APPROVE)
    if change.proposed_by == work.actor.principal_id:
        error = SecondPerson("another person than its proposer must decide this")
        raise gate.refused(work, error, object_id=row.id, action=Action.APPROVE)
    state = state_of(work, change)
    if state is not ChangeState.PROPOSED:
        raise State(f"the proposal is in state `{state}`: it can no longer be decided", state=state)
    return change, row


def _change(work: Work, row: Marked, *, old_id: int | None, mark_id: int, reason: str) -> SecurityChange:
    old = None if old_id is None else marks.mark_of(work, old_id)
    return SecurityChange(
        id=new_id(),
        object_kind=MarkedKind.DOCUMENT if is_a(row, Document) else MarkedKind.AGGREGATION,
        object_id=row.id,
        from_id=old_id,
        to_id=mark_id,
        reason=reason,
        state=ChangeState.PROPOSED,
        proposed_by=work.actor.principal_id,
        proposed_at=work.now,
        digest=rules.change_digest(row.id, revision=row.revision, old=old, new=marks.mark_of(work, mark_id)),
    )


def _propose(work: Work, row: Marked, change: SecurityChange) -> None:
    change.expires_at = Instant(work.now + rules.PROPOSAL_LASTS)
    proposal: dict[str, Canonical] = {
        **security.written(work, marks.mark_of(work, change.to_id)),
        "change": change.id.hex,
        "reason": change.reason,
        "expires": to_iso(change.expires_at),
    }
    work.changed(
        row.id,
        before=row.revision,
        after=row.revision,
        old=security.written(work, marks.mark_of(work, row.security_id)),
        new={"proposal": proposal},
    )


def _settle(work: Work, change: SecurityChange, *, state: ChangeState, note: str | None) -> None:
    change.state = state
    change.decided_by = work.actor.principal_id
    change.decided_at = work.now
    change.decision_note = note


def _apply(work: Work, row: Marked, change: SecurityChange) -> None:
    editing.keep_place(work, row)
    old = security.written(work, marks.mark_of(work, row.security_id))
    new = security.written(work, marks.mark_of(work, change.to_id))
    row.security_id = change.to_id
    scopes.follow(work, row)
    row.revision += 1
    row.updated_at = work.now
    row.updated_by = work.actor.principal_id
    work.changed(
        row.id,
        before=row.revision - 1,
        after=row.revision,
        old=old,
        new={**new, "change": change.id.hex, "reason": change.reason},
    )


def _expect(row: Marked, revision: int) -> None:
    if row.revision != revision:
        raise Conflict("somebody changed it since you read it", current_revision=row.revision)
