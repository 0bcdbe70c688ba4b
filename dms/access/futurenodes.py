"""Nodes that are no access nodes yet but would become some, and what lies below them.

No scope tells what lies below such a node. Documents below are told apart by the nearest one in either tree
(`Near`) beside their scope; its chain joined to the scope's holds every node above them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import CTE, Select, func, literal, not_, select
from sqlalchemy.orm import aliased

from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.schemes import RecordClass
from dms.models.scopes import AccessNode, NodeState
from dms.rules.access import NodeKind
from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of


class Near(NamedTuple):
    """The nearest future node above a Document in either tree; None for none."""

    aggregation: UUID | None = None
    record_class: UUID | None = None


NOWHERE = Near()
"""Below no future node."""


class Placed(NamedTuple):
    """A Document with its scope and its nearest future nodes."""

    id: UUID
    scope_id: int
    near: Near


@dataclass(frozen=True, slots=True)
class FutureNodes:
    """The nodes of a set of changes that no entry may name yet, with those of them above each."""

    aggregations: frozenset[UUID] = frozenset()
    classes: frozenset[UUID] = frozenset()
    above: Mapping[UUID, frozenset[UUID]] | None = None

    def chain(self, near: Near) -> frozenset[UUID]:
        """Return the future nodes at and above a place."""
        if self.above is None or near == NOWHERE:
            return frozenset()
        return frozenset().union(*(self.above[node] for node in near if node is not None))

    @property
    def are_none(self) -> bool:
        """Tell whether every node that is named is an access node that is ready."""
        return not self.aggregations and not self.classes


def among(work: Work, named: Mapping[UUID, NodeKind]) -> FutureNodes:
    """Return which of these nodes are future ones; Documents, Repository and scheme never are."""
    asked = {node for node, kind in named.items() if kind in {NodeKind.AGGREGATION, NodeKind.CLASS}}
    ready = select(AccessNode.node_id).where(
        in_ids(AccessNode.node_id, asked), AccessNode.state == NodeState.READY
    )
    future = asked - set(session_of(work).execute(ready).scalars())
    if not future:
        return FutureNodes()
    aggregations = frozenset(node for node in future if named[node] is NodeKind.AGGREGATION)
    classes = frozenset(future - aggregations)
    above = {
        **_above(work, Aggregation, aggregations),
        **_above(work, RecordClass, classes),
    }
    return FutureNodes(aggregations, classes, above)


def splits(work: Work, nodes: FutureNodes) -> Mapping[tuple[int, Near], int]:
    """Count the Documents below future nodes by scope and nearest nodes; cost: all that lies below."""
    counts: dict[tuple[int, Near], int] = {}
    if nodes.are_none:
        return counts
    for statement in _below(nodes, Document.scope_id):
        inner = statement.subquery()
        columns = (inner.c.scope_id, inner.c.aggregation, inner.c.record_class)
        for row in session_of(work).execute(select(*columns, func.count()).group_by(*columns)):
            counts[row[0], Near(row[1], row[2])] = row[3]
    return counts


def placed(work: Work, nodes: FutureNodes, ids: Collection[UUID]) -> list[Placed]:
    """Return those of these Documents that there are, with scope and nearest future nodes."""
    if not ids:
        return []
    session = session_of(work)
    plain = select(Document.id, Document.scope_id).where(in_ids(Document.id, ids))
    found = {row[0]: Placed(row[0], row[1], NOWHERE) for row in session.execute(plain)}
    if not nodes.are_none:
        for statement in _below(nodes, Document.id, Document.scope_id):
            for row in session.execute(statement.where(in_ids(Document.id, found))):
                found[row[0]] = Placed(row[0], row[1], Near(row[2], row[3]))
    return list(found.values())


def placed_aggregations(work: Work, nodes: FutureNodes, ids: Collection[UUID]) -> list[Placed]:
    """Return those of these Aggregations that there are, with scope and nearest future nodes."""
    if not ids:
        return []
    session = session_of(work)
    parts = (Aggregation.id, Aggregation.scope_id, Aggregation.record_class_id)
    rows = session.execute(select(*parts).where(in_ids(Aggregation.id, ids))).all()
    filed = _nearest(work, _down(Aggregation, nodes.aggregations), [row[0] for row in rows])
    classed = _nearest(work, _down(RecordClass, nodes.classes), [row[2] for row in rows if row[2]])
    return [
        Placed(row[0], row[1], Near(filed.get(row[0]), classed.get(row[2]) if row[2] else None))
        for row in rows
    ]


def some(
    work: Work, nodes: FutureNodes, *, scope_id: int, near: Near, but: Collection[UUID], limit: int
) -> list[UUID]:
    """Return some Documents of a scope that lie there, but for these."""
    session = session_of(work)
    wanted = (Document.scope_id == scope_id, not_(in_ids(Document.id, but)))
    statements = _below(nodes, Document.id)
    if near == NOWHERE:
        inside = (Document.id.not_in(select(each.subquery().c.id)) for each in statements)
        outside = select(Document.id).where(*wanted, *inside)
        return list(session.execute(outside.limit(limit)).scalars())
    found: list[UUID] = []
    for statement in statements:
        inner = statement.where(*wanted).subquery()
        here = select(inner.c.id).where(
            inner.c.aggregation.is_not_distinct_from(near.aggregation),
            inner.c.record_class.is_not_distinct_from(near.record_class),
        )
        found += session.execute(here.limit(limit - len(found))).scalars()
    return found


def _below(nodes: FutureNodes, *columns: Any) -> list[Select[Any]]:  # columns of any type
    """Select the Documents below: in the Aggregations first, then those of classes alone."""
    filed = _down(Aggregation, nodes.aggregations)
    classed = _down(RecordClass, nodes.classes)
    nowhere = literal(None, Document.id.type)
    if classed is None and filed is not None:
        return [
            select(*columns, filed.c.near.label("aggregation"), nowhere.label("record_class")).join(
                filed, filed.c.id == Document.aggregation_id
            )
        ]
    if filed is None and classed is not None:
        return [
            select(*columns, nowhere.label("aggregation"), classed.c.near.label("record_class")).join(
                classed, classed.c.id == Document.record_class_id
            )
        ]
    if filed is None or classed is None:
        return []
    both = select(*columns, filed.c.near.label("aggregation"), classed.c.near.label("record_class"))
    return [
        both.join(filed, filed.c.id == Document.aggregation_id).outerjoin(
            classed, classed.c.id == Document.record_class_id
        ),
        both.join(classed, classed.c.id == Document.record_class_id)
        .outerjoin(filed, filed.c.id == Document.aggregation_id)
        .where(filed.c.id.is_(None)),
    ]


def _down(tree: type[Aggregation | RecordClass], tops: frozenset[UUID]) -> CTE | None:
    """Return everything at or below these nodes, each with the nearest of them."""
    if not tops:
        return None
    down = select(tree.id.label("id"), tree.id.label("near")).where(in_ids(tree.id, tops)).cte(recursive=True)
    child = aliased(tree)
    further = (
        select(child.id, down.c.near)
        .join(down, child.parent_id == down.c.id)
        .where(not_(in_ids(child.id, tops)))
    )
    return down.union_all(further)


def _nearest(work: Work, down: CTE | None, ids: Collection[UUID]) -> Mapping[UUID, UUID]:
    if down is None:
        return {}
    statement = select(down.c.id, down.c.near).where(in_ids(down.c.id, ids))
    return {row[0]: row[1] for row in session_of(work).execute(statement)}


def _above(
    work: Work, tree: type[Aggregation | RecordClass], tops: frozenset[UUID]
) -> dict[UUID, frozenset[UUID]]:
    """Return of each of these nodes those of them at and above it."""
    if not tops:
        return {}
    start = aliased(tree)
    up = (
        select(start.id.label("start"), start.id.label("id"), start.parent_id.label("parent_id"))
        .where(in_ids(start.id, tops))
        .cte(recursive=True)
    )
    up = up.union(select(up.c.start, tree.id, tree.parent_id).join(up, tree.id == up.c.parent_id))
    found: dict[UUID, set[UUID]] = {node: {node} for node in tops}
    for node, other in session_of(work).execute(select(up.c.start, up.c.id)):
        if other in tops:
            found[node].add(other)
    return {node: frozenset(above) for node, above in found.items()}
