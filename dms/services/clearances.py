"""Clearances: what an account may see at most, for a period (F21)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from dms.access import gate, marks, revisions
from dms.access.keyset import Order
from dms.access.reading import Listing
from dms.base.canonical import Canonical
from dms.base.clock import to_iso
from dms.base.errors import Conflict, Invalid, SecondPerson, State
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.security import Clearance
from dms.models.users import Principal, PrincipalKind
from dms.rules import periods, text
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.periods import Validity
from dms.rules.security import Mark
from dms.services import consents, security, validity
from dms.services.consents import Consent
from dms.services.security import AskedMark
from dms.stores import facts
from dms.stores.work import Work

_READERS = (Duty.CLEARANCES_MANAGE, Duty.ACCESS_REVIEW, Duty.POLICY_READ)
"""Whoever holds one of these sees everybody's clearances; all others see their own."""


def clearances(
    work: Work, request: PageRequest, *, user_id: UUID | None = None, stands: Validity | None = None
) -> Page[Clearance]:
    """List clearances, newest first: everybody's for officers and auditors, one's own for all others."""
    work.performs(Op.CLEARANCE_LIST)
    reading = _shown(work)
    if user_id is not None:
        reading = reading.where(Clearance.user_id == user_id)
    if stands is not None:
        reading = reading.where(validity.stands(Clearance, stands, now=work.now))
    return reading.order_by(Order(Clearance.id, descending=True)).page(request)


def grant(
    work: Work,
    *,
    user_id: UUID,
    asked: AskedMark,
    valid_from: int | None,
    valid_until: int | None,
    reason: str,
    consent: Consent | None = None,
) -> Clearance:
    """Give an account a clearance from now or `valid_from`, until `valid_until` or for good.

    The officer need not hold it himself; nobody grants his own, and a high one needs the consent of two.
    `Conflict` if the account holds another at any instant of the period: revoke that one first.
    """
    work.performs(Op.CLEARANCE_GRANT)
    gate.require_duty(work, Duty.CLEARANCES_MANAGE)
    account = holder(work, user_id)
    _require_other(work, account.id)
    mark = security.resolve_mark(work, asked, path=())
    rank = consents.limit(work)
    if consent is None and mark.rank > rank:
        what = f"a clearance above level {rank}"
        raise consents.lacking(work, what, object_id=account.id, action=Duty.CLEARANCES_MANAGE)
    period = periods.checked(work.now if valid_from is None else valid_from, valid_until)
    note = text.reason(reason)
    if periods.first_overlapping(period, facts.clearance_periods(work, account.id)):
        raise Conflict("the account holds a clearance in this period: revoke that one first")
    row = Clearance(
        id=new_id(),
        user_id=account.id,
        level_rank=mark.rank,
        compartments=marks.encode(mark.compartments),
        valid_from=period.since,
        valid_until=period.until,
        reason=note,
        granted_by=work.actor.principal_id,
        revision_from=revisions.advance(work, kind="clearance", note=note),
    )
    work.add(row)
    work.changed(row.id, before=None, after=row.revision_from, old={}, new=_values(work, row))
    return row


def holder(work: Work, user_id: UUID) -> Principal:
    """Return an account that can hold clearances; `Invalid` for a group, role or everyone."""
    account = gate.listed(work, Principal).one(user_id)
    if account.kind not in {PrincipalKind.USER, PrincipalKind.SERVICE}:
        raise Invalid("only people and service accounts hold clearances", path=("user_id",))
    return account


def revoke(work: Work, *, clearance_id: UUID, reason: str) -> Clearance:
    """End a clearance now, for good; the next operation of its holder is decided without it."""
    work.performs(Op.CLEARANCE_REVOKE)
    gate.require_duty(work, Duty.CLEARANCES_MANAGE)
    row = gate.listed(work, Clearance).one(clearance_id)
    _require_other(work, row.user_id)
    note = text.reason(reason)
    if row.revision_to is not None:
        raise State("the clearance is revoked already", state=Validity.REVOKED)
    row.revision_to = revisions.advance(work, kind="clearance", note=note)
    work.changed(
        row.id,
        before=row.revision_from,
        after=row.revision_to,
        old=_values(work, row),
        new={"revoked": note},
    )
    return row


def nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Clearance]:
    """Return those of these clearances that the actor may see, by id."""
    return _shown(work).each(ids)


def mark_of(row: Clearance) -> Mark:
    """Return the mark that a clearance reaches."""
    return Mark(row.level_rank, marks.decode(row.compartments))


def _shown(work: Work) -> Listing[Clearance]:
    reading = gate.listed(work, Clearance)
    if any(gate.has_duty(work, duty) for duty in _READERS):
        return reading
    return reading.where(Clearance.user_id == work.actor.principal_id)


def _require_other(work: Work, user_id: UUID) -> None:
    if user_id == work.actor.principal_id:
        error = SecondPerson("nobody changes his own clearance: ask another officer")
        raise gate.refused(work, error, object_id=user_id, action=Duty.CLEARANCES_MANAGE)


def _values(work: Work, row: Clearance) -> dict[str, Canonical]:
    return {
        "user": row.user_id.hex,
        **security.written(work, mark_of(row)),
        "from": to_iso(row.valid_from),
        "until": None if row.valid_until is None else to_iso(row.valid_until),
        "reason": row.reason,
    }
