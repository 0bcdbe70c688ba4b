"""Nodes, closures, scopes and counters recomputed from nothing, and compared with what is kept.

The reference for everything that `scopes` and `accessnodes` maintain: it walks the trees and counts rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from dms.access import scopes
from dms.access.scopes import Triple
from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.schemes import RecordClass
from dms.models.scopes import AccessNode, AccessNodeClosure, AccessScope, AccessScopeChange, NodeState
from dms.rules.access import NodeKind
from dms.stores.work import Work, session_of

Tree: TypeAlias = type[Aggregation | RecordClass]

_FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Fault:
    """A kept value that differs from what the rows say: a stable code, what it speaks of, and how."""

    code: str
    subject: str
    message: str


def nodes(work: Work) -> tuple[int, list[Fault]]:
    """Compare the nearest node of each place, and the closure, with the trees; returns how many places."""
    session = session_of(work)
    known = {node.node_id: node for node in session.execute(select(AccessNode)).scalars()}
    pairs: dict[int, set[int]] = {node.id: set() for node in known.values()}
    for node, ancestor in session.execute(select(AccessNodeClosure.node, AccessNodeClosure.ancestor)):
        pairs.setdefault(node, set()).add(ancestor)
    roof = scopes.roof(work)
    wanted = {roof.repository_node: {roof.repository_node}, roof.scheme_node: {roof.scheme_node}}
    examined, found = 0, list[Fault]()
    trees: Sequence[tuple[Tree, int]] = (
        (Aggregation, roof.repository_node),
        (RecordClass, roof.scheme_node),
    )
    for tree, top in trees:
        rows = session.execute(select(tree.id, tree.parent_id, tree.access_node_id)).all()
        parents = {row[0]: row[1] for row in rows}
        for row_id, _, kept in rows:
            line = [known[at].id for at in _line(parents, row_id) if at in known] + [top]
            if kept != line[0]:
                found.append(
                    Fault("access_node_nearest", f"{tree.__tablename__}:{row_id}", "it names another node")
                )
            if row_id in known:
                wanted[known[row_id].id] = set(line)
        examined += len(rows)
    for number in pairs.keys() | wanted.keys():
        if pairs.get(number) != wanted.get(number):
            found.append(
                Fault("access_node_closure", f"access_node:{number}", "its chain differs from the tree")
            )
    return examined, [*found, *_unnamed(work, known)]


def places(work: Work, *, after: UUID | None, limit: int) -> tuple[UUID | None, int, list[Fault]]:
    """Compare the scopes of the next Documents with their places; returns the last id and how many."""
    session = session_of(work)
    statement = (
        select(Document.id, Document.has_own_entries)
        .add_columns(Aggregation.access_node_id, RecordClass.access_node_id, Document.security_id)
        .add_columns(AccessScope.aggregation_node, AccessScope.class_node, AccessScope.security_id)
        .join(Aggregation, Aggregation.id == Document.aggregation_id)
        .join(RecordClass, RecordClass.id == Document.record_class_id)
        .join(AccessScope, AccessScope.id == Document.scope_id)
        .where(Document.id > (after or _FIRST))
        .order_by(Document.id)
        .limit(limit)
    )
    rows = session.execute(statement).all()
    if not rows:
        return None, 0, []
    stand_ins = _stand_ins(work)
    named = select(AccessEntry.node_id).where(
        AccessEntry.node_kind == NodeKind.DOCUMENT,
        AccessEntry.revision_to.is_(None),
        AccessEntry.node_id.between(rows[0][0], rows[-1][0]),
    )
    own = frozenset(session.execute(named.distinct()).scalars())
    found = []
    for row in rows:
        if not _agrees(Triple(*row[2:5]), Triple(*row[5:8]), stand_ins):
            found.append(Fault("scope_misplaced", f"document:{row[0]}", "its scope is that of another place"))
        if row[1] != (row[0] in own):
            found.append(Fault("own_entries", f"document:{row[0]}", "it does not know of its own entries"))
    return rows[-1][0], len(rows), found


def counters(work: Work) -> tuple[int, list[Fault]]:
    """Compare the counters of all scopes, and those of Aggregations' scopes, with the rows."""
    kept: dict[int, Counter[str]] = {}
    session = session_of(work)
    numbers = (AccessScope.id, AccessScope.n_documents, AccessScope.n_aggregations)
    for scope_id, documents, aggregations in session.execute(select(*numbers)):
        kept[scope_id] = Counter(documents=documents, aggregations=aggregations)
    changes = (AccessScopeChange.scope_id, AccessScopeChange.documents, AccessScopeChange.aggregations)
    for scope_id, documents, aggregations in session.execute(select(*changes)):
        kept[scope_id].update(documents=documents, aggregations=aggregations)
    real = {
        "documents": _counted(work, Document.scope_id),
        "aggregations": _counted(work, Aggregation.scope_id),
    }
    found = [
        Fault(
            "scope_counter",
            f"access_scope:{scope_id}",
            f"it counts {numbers[kind]} {kind}, there are {count}",
        )
        for scope_id, numbers in kept.items()
        for kind, counted in real.items()
        if numbers[kind] != (count := counted.get(scope_id, 0))
    ]
    return len(kept), [*found, *_misplaced_aggregations(work)]


def _misplaced_aggregations(work: Work) -> Iterator[Fault]:
    top = scopes.roof(work).scheme_node
    statement = (
        select(Aggregation.id, Aggregation.access_node_id)
        .add_columns(func.coalesce(RecordClass.access_node_id, top), Aggregation.security_id)
        .add_columns(AccessScope.aggregation_node, AccessScope.class_node, AccessScope.security_id)
        .outerjoin(RecordClass, RecordClass.id == Aggregation.record_class_id)
        .join(AccessScope, AccessScope.id == Aggregation.scope_id)
        .where(
            or_(
                AccessScope.aggregation_node != Aggregation.access_node_id,
                AccessScope.class_node != func.coalesce(RecordClass.access_node_id, top),
                AccessScope.security_id != Aggregation.security_id,
            )
        )
    )
    stand_ins = _stand_ins(work)
    for row in session_of(work).execute(statement):
        if not _agrees(Triple(*row[1:4]), Triple(*row[4:7]), stand_ins):
            yield Fault("scope_misplaced", f"aggregation:{row[0]}", "its scope is that of another place")


def _unnamed(work: Work, known: Mapping[UUID, AccessNode]) -> Iterator[Fault]:
    """Find open entries on nodes that no entry may name."""
    entries = select(AccessEntry.id, AccessEntry.node_id).where(
        AccessEntry.revision_to.is_(None), AccessEntry.node_kind != NodeKind.DOCUMENT
    )
    for entry_id, node_id in session_of(work).execute(entries):
        if node_id not in known or known[node_id].state is not NodeState.READY:
            yield Fault(
                "entry_without_node", f"access_entry:{entry_id}", "it names no access node that is ready"
            )


def _agrees(place: Triple, scope: Triple, stand_ins: Mapping[int, frozenset[int]]) -> bool:
    """Tell whether a scope is that of a place, or of a stand-in of it."""
    return place.security_id == scope.security_id and all(
        wanted == kept or kept in stand_ins.get(wanted, ())
        for wanted, kept in zip(place[:2], scope[:2], strict=True)
    )


def _stand_ins(work: Work) -> Mapping[int, frozenset[int]]:
    """Return, for each node that is being filled, the nodes whose scopes things there may still have.

    These are the nodes above it, up to the first that is ready.
    """
    above = aliased(AccessNodeClosure)
    depth = select(func.count()).where(above.node == AccessNode.id).scalar_subquery()
    filling = select(AccessNode.id).where(AccessNode.state == NodeState.FILLING)
    chains = (
        select(AccessNodeClosure.node, AccessNode.id, AccessNode.state)
        .join(AccessNode, AccessNode.id == AccessNodeClosure.ancestor)
        .where(AccessNodeClosure.node.in_(filling), AccessNodeClosure.ancestor != AccessNodeClosure.node)
        .order_by(AccessNodeClosure.node, depth.desc())
    )
    found: dict[int, set[int]] = {}
    ended = set[int]()
    for node, ancestor, state in session_of(work).execute(chains):
        if node not in ended:
            found.setdefault(node, set()).add(ancestor)
        if state is NodeState.READY:
            ended.add(node)
    return {node: frozenset(ancestors) for node, ancestors in found.items()}


def _counted(work: Work, column: InstrumentedAttribute[int]) -> Mapping[int, int]:
    rows = session_of(work).execute(select(column, func.count()).group_by(column))
    return {row[0]: row[1] for row in rows}


def _line(parents: Mapping[UUID, UUID | None], start: UUID) -> Iterator[UUID]:
    """Yield a node and all above it, the nearest first; a circle ends where it began."""
    seen: set[UUID] = set()
    at: UUID | None = start
    while at is not None and at not in seen:
        yield at
        seen.add(at)
        at = parents.get(at)
