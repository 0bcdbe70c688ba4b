"""Nodes that entries may name: made ready before a first entry, and let go when none names them any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from uuid import UUID

from dms.access import accessnodes, nodes
from dms.base.actor import Actor
from dms.models.scopes import NodeState
from dms.rules.access import Action, NodeKind
from dms.rules.accessevents import Op
from dms.stores.work import Work, Works

PIECE = 500
"""So many things move in one transaction: on SQLite every recorded answer waits for it."""

AHEAD = 20_000
"""So many are looked for at a time."""


def prepare(work: Work, kind: NodeKind, *, node_id: UUID) -> NodeState:
    """Let a node become one that entries may name, and that may be rearranged; needs `MANAGE_ACCESS`.

    Up to 5,000 things below it is ready at once. With more the server moves them piece by piece; nothing
    that anybody may do changes meanwhile. How many are left is not told: some may be hidden.
    """
    work.performs(Op.ACCESS_NODE_PREPARE)
    node = nodes.find(work, kind, node_id=node_id)
    nodes.require(work, node, action=Action.MANAGE_ACCESS)
    state = accessnodes.prepare(work, node.kind, node.id)
    work.notes.detail["state"] = state.value
    return state


def state(work: Work, kind: NodeKind, *, node_id: UUID) -> NodeState | None:
    """Tell whether an entry may name a node now; None before it was prepared. Needs `MANAGE_ACCESS`."""
    work.performs(Op.ACCESS_NODE_READ)
    node = nodes.find(work, kind, node_id=node_id)
    nodes.require(work, node, action=Action.MANAGE_ACCESS)
    if kind is NodeKind.DOCUMENT:
        return NodeState.READY
    return accessnodes.state(work, node.id)


def fill(works: Works, actor: Actor, *, is_stopped: Callable[[], bool]) -> int:
    """Move what lies below nodes that are being prepared, a transaction for each piece; returns the pieces.

    It may be stopped between two pieces and goes on where it was, whoever calls it next.
    """
    pieces = 0
    for node_id in works.read(actor, _filling):
        for piece in _pieces(works, actor, node_id):
            if is_stopped():
                return pieces
            works.write(actor, partial(_move, node_id=node_id, ids=piece))
            pieces += 1
        works.write(actor, partial(_finish, node_id=node_id))
    return pieces


def sweep(works: Works, actor: Actor, *, is_stopped: Callable[[], bool]) -> int:
    """Let go of nodes that no entry has named for thirty days; returns how many."""
    merged = 0
    for node_id in works.read(actor, _idle):
        if is_stopped():
            break
        locks = (accessnodes.RESTRUCTURES,)
        merged += works.write(actor, partial(_merge, node_id=node_id), locks=locks)
    return merged


def _pieces(works: Works, actor: Actor, node_id: UUID) -> Iterator[Sequence[UUID]]:
    """Yield the ids of what waits; looking for them reads all that lies below, so it is done ahead."""
    while ids := works.read(actor, partial(_waiting, node_id=node_id)):
        for start in range(0, len(ids), PIECE):
            yield ids[start : start + PIECE]


def _filling(work: Work) -> tuple[UUID, ...]:
    work.performs(Op.ACCESS_NODE_READ)
    return tuple(accessnodes.filling(work))


def _waiting(work: Work, *, node_id: UUID) -> Sequence[UUID]:
    work.performs(Op.ACCESS_NODE_READ)
    return accessnodes.waiting(work, node_id, limit=AHEAD)


def _idle(work: Work) -> tuple[UUID, ...]:
    work.performs(Op.ACCESS_NODE_READ)
    return tuple(accessnodes.idle(work))


def _move(work: Work, *, node_id: UUID, ids: Sequence[UUID]) -> None:
    work.performs(Op.ACCESS_NODE_PREPARE)
    accessnodes.move(work, node_id, ids)
    work.notes.detail["moved"] = len(ids)


def _finish(work: Work, *, node_id: UUID) -> None:
    work.performs(Op.ACCESS_NODE_PREPARE)
    work.notes.detail["state"] = accessnodes.fill(work, node_id).value


def _merge(work: Work, *, node_id: UUID) -> bool:
    work.performs(Op.ACCESS_NODE_MERGE)
    return accessnodes.merge(work, node_id)
