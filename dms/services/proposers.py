"""Whether those who proposed or edited changes of who may what could still make them themselves.

Two people stand behind what is approved: a proposer who has been disabled, or has lost what the changes
need, stands behind nothing any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never
from uuid import UUID

from dms.access import gate, marks, nodes
from dms.access.nodes import Node
from dms.access.standing import of_principal
from dms.base.errors import SecondPerson
from dms.models.users import EVERYONE_ID, Principal
from dms.rules import security as rules
from dms.rules.access import Action, Duty, Effect, bears
from dms.rules.accesschanges import (
    Change,
    ClearanceGrant,
    ClearanceRevoke,
    EntryGrant,
    EntryRevoke,
    LinkEnd,
    LinkMake,
    MarkSet,
)
from dms.rules.accessevents import Op
from dms.services import accesslists, security
from dms.services.security import AskedMark
from dms.stores import facts
from dms.stores.work import Work

_REMEDY = "reject it, and propose anew what is still needed"


def require_active(work: Work, people: Iterable[UUID], *, proposal_id: UUID, op: Op) -> None:
    """Raise `SecondPerson` if the account of one of these people counts no more."""
    for person in sorted(people):
        if of_principal(work, person).disabled:
            why = "proposed or edited it, and the account has been disabled"
            raise _refused(work, person, why, proposal_id=proposal_id, op=op)


def require_able(work: Work, people: Iterable[UUID], change: Change, *, proposal_id: UUID, op: Op) -> None:
    """Raise `SecondPerson` unless each of these people could make the change himself now.

    The actor must be able to discover what the change names, else `NotFound`.
    """
    for person in sorted(people):
        if not _is_able(work, person, change):
            why = "proposed or edited it, and may not make this change any more"
            raise _refused(work, person, why, proposal_id=proposal_id, op=op)


def _refused(work: Work, person: UUID, why: str, *, proposal_id: UUID, op: Op) -> SecondPerson:
    name = gate.vocabulary(work, Principal).one(person).name
    return gate.refused(work, SecondPerson(f"`{name}` {why}: {_REMEDY}"), object_id=proposal_id, action=op)


def _is_able(work: Work, person: UUID, change: Change) -> bool:
    match change:
        case EntryGrant():
            node = nodes.find(work, change.node_kind, node_id=change.node_id)
            gives = (change.action, change.effect)
            return _manages(work, person, node, names=change.principal_id, power=gives)
        case EntryRevoke():
            row, node = accesslists.discovered(work, change.entry_id)
            takes_much = row.effect is Effect.DENY or bears(row.action, row.effect, Action.MANAGE_ACCESS)
            power = (row.action, row.effect) if takes_much else None
            return _manages(work, person, node, names=row.principal_id, power=power)
        case LinkMake() | LinkEnd() | ClearanceGrant() | ClearanceRevoke():
            return _is_officer(work, person)
        case MarkSet():
            return _may_mark(work, person, change)
        case _:
            assert_never(change)


def _manages(
    work: Work, person: UUID, node: Node, *, names: UUID, power: tuple[Action, Effect] | None
) -> bool:
    """Tell whether somebody may write or end such an entry: as `accesslists` judges the actor."""
    if not nodes.decide_for(work, person, node, action=Action.MANAGE_ACCESS).may:
        return False
    if _is_officer(work, person):
        return True
    if names == EVERYONE_ID or names in facts.principals_above(work, person):
        return False
    if power is None:
        return True
    action, effect = power
    gives_list = bears(action, effect, Action.MANAGE_ACCESS)
    return not gives_list and nodes.decide_for(work, person, node, action=action).may


def _may_mark(work: Work, person: UUID, change: MarkSet) -> bool:
    node = nodes.find(work, change.object_kind, node_id=change.object_id)
    new = security.resolve_mark(work, AskedMark(change.level, change.compartments))
    old = nodes.UNMARKED if node.row is None else marks.mark_of(work, node.row.security_id)
    action = Action.MARK if rules.is_raise(old, new) else Action.DOWNGRADE
    reaches = rules.dominates(of_principal(work, person).subject.clearance, new)
    return reaches and nodes.decide_for(work, person, node, action=action).may


def _is_officer(work: Work, person: UUID) -> bool:
    return Duty.CLEARANCES_MANAGE in of_principal(work, person).duties
