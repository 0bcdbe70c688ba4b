"""Custodians of what a Hold covers: told of it, and that they have acknowledged it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from dms.access import gate
from dms.access.keyset import Order
from dms.access.reading import Listing
from dms.base.errors import Conflict, Denied, Invalid, NotFound
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.holds import Hold, HoldNotice
from dms.models.users import PrincipalKind
from dms.rules import text
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.rules.states import HoldState
from dms.services import editing, holds, principals
from dms.stores.work import Work


@dataclass(frozen=True, slots=True)
class Custodian:
    """Who keeps records that a Hold covers: an account, or the name of somebody without one."""

    user_id: UUID | None = None
    name: str | None = None


def notify(
    work: Work, hold_id: UUID, custodian: Custodian, *, note: str | None, expected_revision: int
) -> Hold:
    """Note that a custodian was told of a Hold; an account sees the Hold from then on."""
    work.performs(Op.HOLD_NOTIFY)
    row = holds.claim(work, hold_id, expected_revision=expected_revision, event="notify")
    if (custodian.user_id is None) == (custodian.name is None):
        raise Invalid("name an account, or somebody who has none", path=("custodianId",))
    if custodian.user_id is not None and not principals.is_kind(
        work, custodian.user_id, kind=PrincipalKind.USER
    ):
        raise NotFound(path=("custodianId",))
    named = None if custodian.name is None else text.line(custodian.name, ("custodianName",))
    notice = HoldNotice(
        id=new_id(),
        hold_id=row.id,
        custodian_id=custodian.user_id,
        custodian_name=named,
        note=editing.described(note, "note"),
        told_at=work.now,
        told_by=work.actor.principal_id,
    )
    work.add(notice)
    told = {"notice": notice.id.hex, "custodian": named or (custodian.user_id or notice.id).hex}
    holds.write(work, row, {}, note=told)
    return row


def acknowledge(work: Work, notice_id: UUID) -> Hold:
    """Acknowledge a notice as the custodian, or for one without an account as somebody who keeps Holds."""
    work.performs(Op.HOLD_ACKNOWLEDGE)
    notice = _shown(work).one(notice_id)
    row = holds.find(work, notice.hold_id)
    if notice.custodian_id is not None and notice.custodian_id != gate.account_id(work):
        raise gate.refused(
            work,
            Denied("only who was told can acknowledge this", action=Action.HOLD),
            object_id=row.id,
            action="acknowledge",
        )
    if row.state is not HoldState.ACTIVE:
        raise holds.refusal(work, row, event="acknowledge", message="the hold is lifted")
    if notice.acknowledged_at is not None:
        raise Conflict("it is acknowledged already")
    notice.acknowledged_at = work.now
    notice.acknowledged_by = work.actor.principal_id
    holds.write(work, row, {}, note={"acknowledged": notice.id.hex})
    return row


def pages(work: Work, hold_ids: Collection[UUID], request: PageRequest) -> Mapping[UUID, Page[HoldNotice]]:
    """Return a page of the notices of each Hold that this operation has shown, the oldest first.

    Who does not keep Holds sees only what he himself was told. A later page goes with one Hold.
    """
    reading = _shown(work).order_by(Order(HoldNotice.id))
    if request.after is None:
        return reading.pages(HoldNotice.hold_id, hold_ids, request=request)
    (key,) = hold_ids
    return {key: reading.where(HoldNotice.hold_id == key).page(request)}


def each(work: Work, ids: Collection[UUID]) -> Mapping[UUID, HoldNotice]:
    """Return those of these notices that the actor may know of, by id."""
    return _shown(work).each(ids)


def _shown(work: Work) -> Listing[HoldNotice]:
    reading = gate.listed(work, HoldNotice)
    if holds.knows_all(work):
        return reading
    return reading.where(HoldNotice.custodian_id == gate.account_id(work))
