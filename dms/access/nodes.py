"""Decisions about nodes of every kind: what an access entry can name.

Documents and Aggregations show to whom their lists show them; the Repository, the scheme and its
classes are open to every user and bear no mark, so the mandatory rule asks for a clearance only.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import assert_never
from uuid import UUID

from sqlalchemy import select, union

from dms.access import scopes, slices
from dms.access.reading import Listing, Visible, note_lines
from dms.access.scopes import Row
from dms.access.slices import Place
from dms.access.standing import Standing, is_live, of_actor, of_principal, policy_of
from dms.base.errors import Denied
from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation, Repository
from dms.models.documents import Document
from dms.models.schemes import ClassificationScheme, RecordClass
from dms.models.users import EVERYONE_ID, Principal, PrincipalKind, PrincipalLink, PrincipalStatus
from dms.rules import access as rules
from dms.rules.access import Action, Decision, Effect, NodeKind, Target
from dms.rules.security import Mark
from dms.stores.work import Work, session_of

UNMARKED = Mark(0)
"""What the Repository, the scheme and classes bear: any clearance dominates it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node that the actor may know of."""

    kind: NodeKind
    id: UUID
    place: Place
    row: Row | None
    """The Document or Aggregation itself."""


def find(work: Work, kind: NodeKind, *, node_id: UUID) -> Node:
    """Return a node, or raise `NotFound`: the same for absent and hidden."""
    match kind:
        case NodeKind.DOCUMENT:
            return _marked(work, kind, Visible(work, Document, Action.DISCOVER).one(node_id))
        case NodeKind.AGGREGATION:
            return _marked(work, kind, Visible(work, Aggregation, Action.DISCOVER).one(node_id))
        case NodeKind.REPOSITORY:
            Listing(work, Repository, noted=False).one(node_id)
            return Node(kind, node_id, Place(node_id, None, None, UNMARKED), None)
        case NodeKind.CLASS:
            return _class(work, node_id)
        case _:
            assert_never(kind)


def anew(work: Work, node: Node) -> Node:
    """Return a node as it hangs after this operation made entries name it, or its Document."""
    if node.row is not None:
        return _marked(work, node.kind, node.row)
    class_id = node.id if node.kind is NodeKind.CLASS else None
    return Node(node.kind, node.id, Place(node.id, *scopes.place(work, None, class_id), UNMARKED), None)


def planned(
    work: Work,
    kind: NodeKind,
    object_id: UUID,
    *,
    aggregation_id: UUID | None,
    class_id: UUID | None,
    mark: Mark,
) -> Node:
    """Return a thing as it will hang in both trees, below or as this Aggregation: it is not there yet."""
    place = Place(object_id, *scopes.place(work, aggregation_id, class_id), mark)
    return Node(kind, object_id, place, None)


def decide(work: Work, node: Node, *, action: Action) -> Decision:
    """Decide an action of the actor on a node; notes nothing."""
    return _decide(work, of_actor(work), node, action)


def decide_for(work: Work, principal_id: UUID, node: Node, *, action: Action) -> Decision:
    """Decide for another principal, as it would be decided for itself now."""
    return _decide(work, of_principal(work, principal_id), node, action)


def require(work: Work, node: Node, *, action: Action) -> None:
    """Raise `Denied` unless the actor may; the node itself is one it may know of."""
    decision = decide(work, node, action=action)
    if not decision.may:
        work.refuses(node.id, action=action, reason=decision.reason, exists=True)
        raise Denied(f"the access list does not give you `{action}` here", action=action)
    note_lines(work, [decision])


def has_manager(work: Work, node: Node, *, at: int) -> bool:
    """Tell whether anybody will hold `MANAGE_ACCESS` on a node at an instant, as lines stand now."""
    if _manages(work, of_actor(work), node, at=at):
        return True
    candidates = _accounts_below(work, _named_managers(work, node, at=at))
    return any(_manages(work, of_principal(work, account), node, at=at) for account in candidates)


def _marked(work: Work, kind: NodeKind, row: Row) -> Node:
    return Node(kind, row.id, slices.place_of(work, row), row)


def _class(work: Work, node_id: UUID) -> Node:
    if Listing(work, ClassificationScheme, noted=False).many([node_id]):
        return Node(NodeKind.CLASS, node_id, Place(node_id, None, None, UNMARKED), None)
    row = Listing(work, RecordClass, noted=False).one(node_id)
    return Node(NodeKind.CLASS, node_id, Place(node_id, None, row.access_node_id, UNMARKED), None)


def _decide(work: Work, standing: Standing, node: Node, action: Action) -> Decision:
    loaded = slices.slices_of(work, standing)
    return slices.decide(work, loaded, [node.place], action=action)[node.id]


def _manages(work: Work, standing: Standing, node: Node, *, at: int) -> bool:
    loaded = slices.slices_of(work, standing)
    slices.load(work, loaded, [node.place])
    nodes = slices.chain_of(work, loaded, node.place)
    lines = slices.lines_on(loaded, nodes)
    target = Target(nodes, node.place.security or UNMARKED)
    return (
        not standing.disabled
        and rules.decide(
            standing.subject, target, action=Action.MANAGE_ACCESS, lines=lines, now=max(at, work.now)
        ).may
    )


def _named_managers(work: Work, node: Node, *, at: int) -> frozenset[UUID]:
    """Return the principals whom an allow of `MANAGE_ACCESS` names: by entry, or by their role."""
    loaded = slices.slices_of(work, of_actor(work))
    slices.load(work, loaded, [node.place])
    chain = slices.chain_of(work, loaded, node.place)
    entries = select(AccessEntry.principal_id).where(
        AccessEntry.node_id.in_(chain),
        AccessEntry.action == Action.MANAGE_ACCESS,
        AccessEntry.effect == Effect.ALLOW,
        AccessEntry.revision_to.is_(None),
        is_live(AccessEntry.valid_from, AccessEntry.valid_until, at),
    )
    roles = policy_of(work).files.roles.values()
    managing = [role.name for role in roles if Action.MANAGE_ACCESS in role.actions]
    by_role = select(Principal.id).where(Principal.kind == PrincipalKind.ROLE, Principal.name.in_(managing))
    return frozenset(session_of(work).execute(union(entries, by_role)).scalars())


def _accounts_below(work: Work, principals: AbstractSet[UUID]) -> list[UUID]:
    """Return the active accounts that are one of the principals or reach one over live links."""
    down = select(Principal.id).where(Principal.id.in_(principals)).cte("down", recursive=True)
    down = down.union(
        select(PrincipalLink.member_id)
        .join(down, PrincipalLink.group_id == down.c.id)
        .where(
            PrincipalLink.revision_to.is_(None),
            is_live(PrincipalLink.valid_from, PrincipalLink.valid_until, work.now),
        )
    )
    accounts = select(Principal.id).where(
        Principal.kind.in_([PrincipalKind.USER, PrincipalKind.SERVICE]),
        Principal.status == PrincipalStatus.ACTIVE,
    )
    if EVERYONE_ID not in principals:
        accounts = accounts.where(Principal.id.in_(select(down.c.id)))
    return list(session_of(work).execute(accounts).scalars())
