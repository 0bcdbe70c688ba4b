"""Proposals of changes of who may what, as they are read: who sees which, and what of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import assert_never
from uuid import UUID

from sqlalchemy import ColumnElement, false

from dms.access import gate, marks
from dms.access.keyset import Order
from dms.access.reading import Listing
from dms.base.paging import Page, PageRequest
from dms.models.accesslists import AccessEntry
from dms.models.accessproposals import AccessProposal, ProposalState
from dms.models.security import Clearance
from dms.rules import accesschanges as rules
from dms.rules.access import Action, Duty, Effect, NodeKind
from dms.rules.accesschanges import (
    Change,
    ChangeKind,
    ClearanceGrant,
    ClearanceRevoke,
    EntryGrant,
    EntryRevoke,
    LinkEnd,
    LinkMake,
    MarkSet,
)
from dms.rules.accessevents import Op
from dms.services import accesslists, memberships
from dms.stores import facts
from dms.stores.work import Work

_READERS = (Duty.CLEARANCES_MANAGE, Duty.ACCESS_REVIEW, Duty.POLICY_READ)
"""Whoever holds one of these sees all proposals; all others see their own."""


@dataclass(frozen=True, slots=True)
class Said:
    """A change of a proposal as it is shown; of one about a thing that is hidden, only its kind."""

    kind: ChangeKind
    is_withheld: bool = False
    principal_id: UUID | None = None
    group_id: UUID | None = None
    node: tuple[NodeKind, UUID] | None = None
    action: Action | None = None
    effect: Effect | None = None
    level: str | None = None
    compartments: tuple[str, ...] = ()
    valid_from: int | None = None
    valid_until: int | None = None


def proposals(
    work: Work, request: PageRequest, *, state: ProposalState | None = None
) -> Page[AccessProposal]:
    """List proposals, newest first: all for officers and auditors, one's own for all others."""
    work.performs(Op.ACCESSCHANGE_LIST)
    found = reading(work)
    if state is not None:
        found = found.where(*_in_state(state, now=work.now))
    return found.order_by(Order(AccessProposal.id, descending=True)).page(request)


def waiting(work: Work, request: PageRequest) -> Page[AccessProposal]:
    """List the proposals of others that the actor may decide, newest first; none for who is no officer."""
    work.performs(Op.ACCESSCHANGE_LIST)
    account = gate.account_id(work)
    found = gate.listed(work, AccessProposal).where(*_in_state(ProposalState.PROPOSED, now=work.now))
    found = found.where(
        AccessProposal.proposed_by != account, ~AccessProposal.editors.contains(account.hex, autoescape=True)
    )
    if not (gate.has_duty(work, Duty.CLEARANCES_MANAGE) or stands_in(work)):
        found = found.where(false())
    return found.order_by(Order(AccessProposal.id, descending=True)).page(request)


def nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, AccessProposal]:
    """Return those of these proposals that the actor may see, by id."""
    return reading(work).each(ids)


def state_of(work: Work, row: AccessProposal) -> ProposalState:
    """Return the state of a proposal now: one that nobody decided expires by itself."""
    is_over = row.state is ProposalState.PROPOSED and row.expires_at <= work.now
    return ProposalState.EXPIRED if is_over else row.state


def changes_of(row: AccessProposal) -> tuple[Change, ...]:
    """Return what a proposal says."""
    return rules.read(json.loads(row.changes))


def said(work: Work, row: AccessProposal) -> tuple[Said, ...]:
    """Return the changes of a proposal; those about things that the actor may not know of are withheld."""
    changes = changes_of(row)
    entries = gate.vocabulary(work, AccessEntry).many(
        {each.entry_id for each in changes if isinstance(each, EntryRevoke)}
    )
    held = gate.vocabulary(work, Clearance).many(
        {each.clearance_id for each in changes if isinstance(each, ClearanceRevoke)}
    )
    told = [_said(change, entries, held) for change in changes]
    known = accesslists.known_nodes(work, {each.node[1] for each in told if each.node is not None})
    open_nodes = {facts.repository_id(work), facts.scheme_id(work)}
    return tuple(
        each
        if each.node is None or each.node[1] in known | open_nodes or each.node[0] is NodeKind.CLASS
        else Said(each.kind, is_withheld=True)
        for each in told
    )


def _said(change: Change, entries: Mapping[UUID, AccessEntry], held: Mapping[UUID, Clearance]) -> Said:
    kind = rules.kind_of(change)
    match change:
        case EntryGrant():
            return Said(
                kind,
                principal_id=change.principal_id,
                node=(change.node_kind, change.node_id),
                action=change.action,
                effect=change.effect,
                valid_from=change.valid_from,
                valid_until=change.valid_until,
            )
        case EntryRevoke():
            row = entries[change.entry_id]
            return Said(
                kind,
                principal_id=row.principal_id,
                node=(row.node_kind, row.node_id),
                action=row.action,
                effect=row.effect,
                valid_from=row.valid_from,
                valid_until=row.valid_until,
            )
        case LinkMake():
            return Said(
                kind,
                principal_id=change.member_id,
                group_id=change.group_id,
                valid_from=change.valid_from,
                valid_until=change.valid_until,
            )
        case LinkEnd():
            return Said(kind, principal_id=change.member_id, group_id=change.group_id)
        case ClearanceGrant():
            return Said(
                kind,
                principal_id=change.user_id,
                level=change.level,
                compartments=change.compartments,
                valid_from=change.valid_from,
                valid_until=change.valid_until,
            )
        case ClearanceRevoke():
            return Said(kind, principal_id=held[change.clearance_id].user_id)
        case MarkSet():
            return Said(
                kind,
                node=(change.object_kind, change.object_id),
                level=change.level,
                compartments=change.compartments,
            )
        case _:
            assert_never(change)


def editors_of(row: AccessProposal) -> frozenset[UUID]:
    """Return who changed a proposal after it was made."""
    return marks.decode(row.editors)


def reading(work: Work) -> Listing[AccessProposal]:
    """Start a reading of the proposals that the actor may see."""
    found = gate.listed(work, AccessProposal)
    if any(gate.has_duty(work, duty) for duty in _READERS) or stands_in(work):
        return found
    return found.where(AccessProposal.proposed_by == work.actor.principal_id)


def stands_in(work: Work) -> bool:
    """Tell whether the actor is an administrator who stands in while a second officer is missing."""
    if not gate.has_duty(work, Duty.USERS_MANAGE):
        return False
    return len(memberships.holders(work, Duty.CLEARANCES_MANAGE)) == 1


def _in_state(state: ProposalState, *, now: int) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of the proposals that are in a state now; equal to `state_of` for each."""
    if state is ProposalState.PROPOSED:
        return AccessProposal.state == state, AccessProposal.expires_at > now
    if state is ProposalState.EXPIRED:
        return AccessProposal.state == ProposalState.PROPOSED, AccessProposal.expires_at <= now
    return (AccessProposal.state == state,)
