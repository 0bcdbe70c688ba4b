"""Access nodes: nodes that an entry may name, the closure over them, and how a node becomes one.

Becoming an access node changes no decision: its chain holds the old one, and no line names it yet. So what
lies below may move to its new scopes in pieces, and only then an entry may name it (`access.md` section 4).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from dms.access import revisions, scopes
from dms.access.scopes import Row, Triple
from dms.base.clock import DAY
from dms.models.accesslists import AccessEntry, PolicyRevision
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.schemes import RecordClass
from dms.models.scopes import AccessNode, AccessNodeClosure, AccessScope, NodeState
from dms.rules.access import NodeKind
from dms.stores import fulltext
from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of

RESTRUCTURES = "access_node"
"""Lock of an operation that changes chains: nobody places an object meanwhile."""

AT_ONCE = 5_000
"""So many objects move to their new scopes in one transaction."""

KEPT_FOR = 30 * DAY
"""So long a node without entries stays an access node: lists are often changed back."""

_MODELS: tuple[type[Row], ...] = (Document, Aggregation)

UNREADY = f"more than {AT_ONCE:,} things lie below: prepare it first with `accessNodePrepare`"
"""What is told whoever would name, or move, a node before it is ready."""

Tree: TypeAlias = type[Aggregation | RecordClass]


def prepare(work: Work, kind: NodeKind, node_id: UUID) -> NodeState:
    """Make a node one that an entry may name, at once if no more than `AT_ONCE` objects lie below.

    With more it begins to: `fill` moves them piece by piece. A Document needs nothing.
    """
    if kind is NodeKind.DOCUMENT:
        return NodeState.READY
    node = _node(work, node_id)
    if node is None:
        work.needs_lock(RESTRUCTURES)
        node = _begin(work, kind, node_id)
        if _left(work, node, limit=AT_ONCE + 1) <= AT_ONCE:
            fill(work, node_id)
    return node.state


def found(work: Work, *, repository_id: UUID, scheme_id: UUID) -> None:
    """Make access nodes of the roofs of both trees, when the Repository is founded."""
    session = session_of(work)
    for kind, node_id in ((NodeKind.REPOSITORY, repository_id), (NodeKind.CLASS, scheme_id)):
        state = NodeState.READY
        node = AccessNode(node_id=node_id, kind=kind, state=state, since_revision=0, n_documents=0)
        session.add(node)
        session.flush()
        _close(work, [(node.id, node.id)])


def state(work: Work, node_id: UUID) -> NodeState | None:
    """Tell whether an entry may name a node; None for one that is no access node."""
    node = _node(work, node_id)
    return None if node is None else node.state


def filling(work: Work) -> Sequence[UUID]:
    """Return the nodes below which objects have still to move, the oldest first."""
    statement = select(AccessNode.node_id).where(AccessNode.state == NodeState.FILLING)
    return session_of(work).execute(statement.order_by(AccessNode.id)).scalars().all()


def waiting(work: Work, node_id: UUID, *, limit: int) -> Sequence[UUID]:
    """Return the ids of up to so many objects below a node that have still to move; looks at all below."""
    node = _filled(work, node_id)
    found: list[UUID] = []
    for model in _MODELS:
        rows = session_of(work).execute(_waiting(node, model).limit(limit - len(found)))
        found += [row[0] for row in rows]
    return found


def move(work: Work, node_id: UUID, ids: Collection[UUID]) -> None:
    """Move those of these objects that still wait to their new scopes."""
    work.needs_lock(scopes.PLACES)
    node = _filled(work, node_id)
    session = session_of(work)
    below, waited_for = (
        frozenset(session.execute(numbers).scalars()) for numbers in (_below(node), _waited_for(node))
    )
    held = 3 if node.kind is NodeKind.CLASS else 2
    for model in _MODELS:
        # As one statement PostgreSQL looks at all that lies below for each piece.
        placed = session.execute(_placed(node, model).where(in_ids(model.id, ids)))
        rows = [row for row in placed if row[5] in waited_for and row[held] not in below]
        _shift(work, rows, model, kind=node.kind, target=node.id)
    _forget_rows(work)


def fill(work: Work, node_id: UUID, *, limit: int | None = None) -> NodeState:
    """Move up to `limit` objects, or `AT_ONCE`, below a node to their new scopes; ready when none is left."""
    move(work, node_id, waiting(work, node_id, limit=limit or AT_ONCE))
    node = _filled(work, node_id)
    if node.state is NodeState.FILLING and not _left(work, node, limit=1):
        node.state = NodeState.READY
        session_of(work).flush()
    return node.state


def rearranged(work: Work, row: Aggregation | RecordClass) -> None:
    """Hang the closure of an access node, whose parent has just changed, below its new parent."""
    work.needs_lock(RESTRUCTURES)
    session = session_of(work)
    session.flush()
    top = session.execute(select(AccessNode.id).where(AccessNode.node_id == row.id)).scalar_one()
    is_class = isinstance(row, RecordClass)
    place = scopes.place(work, None if is_class else row.parent_id, row.parent_id if is_class else None)
    parent = place[1] if is_class else place[0]
    below = select(AccessNodeClosure.node).where(AccessNodeClosure.ancestor == top)
    above = select(AccessNodeClosure.ancestor).where(AccessNodeClosure.node == parent)
    nodes = session.execute(below).scalars().all()
    own = aliased(AccessNodeClosure)
    kept = select(own.node).where(own.ancestor == top)
    session.execute(
        delete(AccessNodeClosure)
        .where(AccessNodeClosure.node.in_(nodes), AccessNodeClosure.ancestor.not_in(kept))
        .execution_options(synchronize_session=False)
    )
    ancestors = session.execute(above).scalars().all()
    _close(work, [(node, ancestor) for node in nodes for ancestor in ancestors])
    what = "a class" if is_class else "an Aggregation"
    revisions.advance(work, kind="rearrange", note=f"{what} was rearranged")


def idle(work: Work) -> Sequence[UUID]:
    """Return the access nodes that no entry has named for `KEPT_FOR`; the roofs always stay."""
    named = exists().where(AccessEntry.node_id == AccessNode.node_id, AccessEntry.revision_to.is_(None))
    lately = exists().where(
        AccessEntry.node_id == AccessNode.node_id, AccessEntry.revoked_at > work.now - KEPT_FOR
    )
    made = select(PolicyRevision.at).where(PolicyRevision.id == AccessNode.since_revision).scalar_subquery()
    statement = select(AccessNode.node_id).where(
        AccessNode.state == NodeState.READY,
        AccessNode.since_revision > 0,
        made <= work.now - KEPT_FOR,
        not_(named),
        not_(lately),
    )
    return session_of(work).execute(statement.order_by(AccessNode.id)).scalars().all()


def merge(work: Work, node_id: UUID) -> bool:
    """Let an access node be an ordinary node again, which changes no decision since no entry names it.

    False, and nothing is done, if more than `AT_ONCE` objects would move, or an entry names it after all.
    """
    work.needs_lock(RESTRUCTURES)
    node = _node(work, node_id)
    if node is None or node_id not in idle(work):
        return False
    held = AccessScope.class_node if node.kind is NodeKind.CLASS else AccessScope.aggregation_node
    number = node.id
    if sum(len(_held(work, held == number, model)) for model in _MODELS) > AT_ONCE:
        return False
    above = _nearest_above(work, number)
    tree: Tree = RecordClass if node.kind is NodeKind.CLASS else Aggregation
    revisions.advance(work, kind="node", note="a node is an access node no more")
    session = session_of(work)
    session.execute(
        update(tree)
        .where(tree.access_node_id == number)
        .values(access_node_id=above)
        .execution_options(synchronize_session=False)
    )
    for model in _MODELS:
        _shift(work, _held(work, held == number, model), model, kind=node.kind, target=above)
    scopes.fold_now(work)
    for gone in (
        delete(AccessNodeClosure).where(
            or_(AccessNodeClosure.node == number, AccessNodeClosure.ancestor == number)
        ),
        delete(AccessScope).where(held == number),
        delete(AccessNode).where(AccessNode.id == number),
    ):
        session.execute(gone.execution_options(synchronize_session=False))
    session.expunge(node)
    _forget_rows(work)
    return True


def _nearest_above(work: Work, number: int) -> int:
    """Return the lowest of the access nodes above one: the one with most nodes above it."""
    depth = aliased(AccessNodeClosure)
    statement = (
        select(AccessNodeClosure.ancestor)
        .join(depth, depth.node == AccessNodeClosure.ancestor)
        .where(AccessNodeClosure.node == number, AccessNodeClosure.ancestor != number)
        .group_by(AccessNodeClosure.ancestor)
        .order_by(func.count().desc())
    )
    return session_of(work).execute(statement.limit(1)).scalar_one()


def _held(work: Work, test: ColumnElement[bool], model: type[Row]) -> Sequence[Any]:
    """Return (id, scope, its three parts) of the rows whose scope is at a node, one more than may move."""
    parts = (AccessScope.aggregation_node, AccessScope.class_node, AccessScope.security_id)
    columns: list[Any] = [model.id, model.scope_id, *parts]
    held = select(*columns).join(AccessScope, AccessScope.id == model.scope_id).where(test)
    return session_of(work).execute(held.limit(AT_ONCE + 1)).all()


def _node(work: Work, node_id: UUID) -> AccessNode | None:
    statement = select(AccessNode).where(AccessNode.node_id == node_id)
    return session_of(work).execute(statement).scalar_one_or_none()


def _filled(work: Work, node_id: UUID) -> AccessNode:
    node = _node(work, node_id)
    if node is None:
        raise LookupError("only an access node is filled")
    return node


def _begin(work: Work, kind: NodeKind, node_id: UUID) -> AccessNode:
    """Write the node, its closure, and the nearest node of what stands below it in its tree."""
    tree: Tree = Aggregation if kind is NodeKind.AGGREGATION else RecordClass
    session = session_of(work)
    session.flush()
    nearest = session.execute(select(tree.access_node_id).where(tree.id == node_id)).scalar_one()
    node = AccessNode(
        node_id=node_id,
        kind=kind,
        state=NodeState.FILLING,
        since_revision=revisions.advance(work, kind="node", note="a node became an access node"),
        n_documents=0,
    )
    session.add(node)
    session.flush()
    above = select(AccessNodeClosure.ancestor).where(AccessNodeClosure.node == nearest)
    ancestors = session.execute(above).scalars().all()
    down = _down(tree, node_id)
    inner = select(AccessNode.id).join(down, down.c.id == AccessNode.node_id).where(AccessNode.id != node.id)
    nodes_below = session.execute(inner).scalars().all()
    pairs = [(node.id, ancestor) for ancestor in (*ancestors, node.id)]
    _close(work, [*pairs, *((below, node.id) for below in nodes_below)])
    session.execute(
        update(tree)
        .where(tree.access_node_id == nearest, tree.id.in_(select(_down(tree, node_id).c.id)))
        .values(access_node_id=node.id)
        .execution_options(synchronize_session=False)
    )
    _forget_rows(work)
    return node


def _down(tree: Tree, node_id: UUID) -> CTE:
    """Return the ids of everything at or below a node."""
    down = select(literal(node_id, tree.id.type).label("id")).cte(recursive=True)
    child = aliased(tree)
    return down.union(select(child.id).join(down, child.parent_id == down.c.id))


def _close(work: Work, pairs: Sequence[tuple[int, int]]) -> None:
    rows = [{"node": node, "ancestor": ancestor} for node, ancestor in pairs]
    session_of(work).execute(insert(AccessNodeClosure), rows)


def _waiting(node: AccessNode, model: type[Row]) -> Select[Any]:
    """Return (id, scope, its three parts) of the rows below a node whose scope is not.

    INVARIANT (ready-reaches): what still waits for a node being filled below it counts too, or a line on a
    ready node would not reach it.
    """
    is_class = node.kind is NodeKind.CLASS
    held: InstrumentedAttribute[int] = AccessScope.class_node if is_class else AccessScope.aggregation_node
    return _placed(node, model).where(_nearest(node).in_(_waited_for(node)), held.not_in(_below(node)))


def _placed(node: AccessNode, model: type[Row]) -> Select[Any]:
    """Return (id, scope, its three parts, nearest node in the tree of this one) of rows."""
    parts = (AccessScope.aggregation_node, AccessScope.class_node, AccessScope.security_id)
    columns: list[Any] = [model.id, model.scope_id, *parts, _nearest(node)]
    found: Select[Any] = (
        select(*columns).select_from(model).join(AccessScope, AccessScope.id == model.scope_id)
    )
    if node.kind is NodeKind.CLASS:
        return found.join(RecordClass, RecordClass.id == model.record_class_id)
    if model is Document:
        return found.join(Aggregation, Aggregation.id == Document.aggregation_id)
    return found


def _nearest(node: AccessNode) -> InstrumentedAttribute[int]:
    return RecordClass.access_node_id if node.kind is NodeKind.CLASS else Aggregation.access_node_id


def _below(node: AccessNode) -> Select[int]:
    return select(AccessNodeClosure.node).where(AccessNodeClosure.ancestor == node.id)


def _waited_for(node: AccessNode) -> Select[int]:
    return (
        _below(node)
        .join(AccessNode, AccessNode.id == AccessNodeClosure.node)
        .where(or_(AccessNode.id == node.id, AccessNode.state == NodeState.FILLING))
    )


def _left(work: Work, node: AccessNode, *, limit: int) -> int:
    left = 0
    for model in _MODELS:
        waiting = _waiting(node, model).limit(limit).subquery()
        left += session_of(work).execute(select(func.count()).select_from(waiting)).scalar_one()
    return left


def _shift(work: Work, rows: Sequence[Any], model: type[Row], *, kind: NodeKind, target: int) -> None:
    """Move rows, each (id, scope, its three parts), to the scopes of another node, and count them there."""
    if not rows:
        return
    is_class = kind is NodeKind.CLASS
    wanted = {
        row[1]: Triple(row[2], target, row[4]) if is_class else Triple(target, row[3], row[4]) for row in rows
    }
    numbers = scopes.intern(work, wanted.values())
    moved: dict[int, list[UUID]] = {}
    for row in rows:
        moved.setdefault(numbers[wanted[row[1]]], []).append(row[0])
    move = update(model).where(in_ids(model.id, "moved")).values(scope_id=bindparam("scope"))
    for scope_id, ids in moved.items():  # by scope: a statement for each row would take ten times as long
        session_of(work).connection().execute(move, {"moved": ids, "scope": scope_id})
        fulltext.move(session_of(work).connection(), ids, scope_id=scope_id)
    counted: Counter[tuple[int, type[Row]]] = Counter()
    for row in rows:
        counted[row[1], model] -= 1
        counted[numbers[wanted[row[1]]], model] += 1
    scopes.count(work, counted)


def _forget_rows(work: Work) -> None:
    """Let rows in hand be read anew where statements have changed them underneath."""
    session = session_of(work)
    session.flush()
    for row in session.identity_map.values():
        match row:
            case Aggregation():
                session.expire(row, ["access_node_id", "scope_id"])
            case Document():
                session.expire(row, ["scope_id"])
            case RecordClass():
                session.expire(row, ["access_node_id"])
