"""Sessions and keys: everybody sees and ends his own, those who manage users or clearances any (R11)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from dms.access import gate, tokens
from dms.access.keyset import Order
from dms.access.reading import Listing
from dms.base.errors import NotFound, State
from dms.base.paging import Page, PageRequest
from dms.models.users import BearerToken, TokenKind
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.sessions import Term, is_current
from dms.stores.work import Work

_KEEPERS = (Duty.USERS_MANAGE, Duty.CLEARANCES_MANAGE)


@dataclass(frozen=True, slots=True)
class Session:
    """A session or key without its secret, of which only a digest is kept."""

    id: UUID
    principal_id: UUID
    kind: TokenKind
    note: str
    created_at: int
    last_used_at: int
    """Written at most once a minute."""
    expires_at: int
    ended_at: int | None
    is_current: bool


def sessions(
    work: Work, request: PageRequest, *, principal_id: UUID | None = None, only_current: bool = False
) -> Page[Session]:
    """List sessions and keys, newest first: one's own, or of any account with the duty."""
    work.performs(Op.SESSION_LIST)
    reading = _shown(work)
    if principal_id is not None:
        reading = reading.where(BearerToken.principal_id == principal_id)
    if only_current:
        reading = reading.where(BearerToken.ended_at.is_(None), BearerToken.expires_at > work.now)
    page = reading.order_by(Order(BearerToken.id, descending=True)).page(request)
    return page.map(lambda row: _session(row, now=work.now))


def nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Session]:
    """Return those of these sessions that the actor may see, by id."""
    return {key: _session(row, now=work.now) for key, row in _shown(work).each(ids).items()}


def current(work: Work) -> Session | None:
    """Return the session or key with which the actor came; a command comes without."""
    session_id = work.actor.session_id
    if session_id is None:
        return None
    return _session(gate.listed(work, BearerToken).one(session_id), now=work.now)


def end(work: Work, session_id: UUID) -> Session:
    """End a session or key from the next operation on; another's needs the duty, else `NotFound`."""
    work.performs(Op.SESSION_END)
    row = gate.vocabulary(work, BearerToken).one(session_id)
    if row.principal_id != work.actor.principal_id and not _keeps(work):
        work.refuses(row.id, action=Duty.USERS_MANAGE, reason="duty", exists=True)
        raise NotFound
    if not tokens.end(work, row.id):
        raise State("the session has ended already", state="ended")
    work.changed(row.id, before=1, after=2, old={}, new={"account": row.principal_id.hex, "ended": True})
    return replace(_session(row, now=work.now), ended_at=work.now, is_current=False)


def _shown(work: Work) -> Listing[BearerToken]:
    reading = gate.listed(work, BearerToken)
    return reading if _keeps(work) else reading.where(BearerToken.principal_id == gate.account_id(work))


def _keeps(work: Work) -> bool:
    return any(gate.has_duty(work, duty) for duty in _KEEPERS)


def _session(row: BearerToken, *, now: int) -> Session:
    term = Term(row.created_at, row.last_used_at, row.idle_s, row.expires_at, row.ended_at)
    return Session(
        id=row.id,
        principal_id=row.principal_id,
        kind=row.kind,
        note=row.note,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        is_current=is_current(term, now=now),
    )
