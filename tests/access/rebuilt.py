"""Access nodes, closure, scopes and counters, rebuilt from the trees and compared with what is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation, Repository
from dms.models.documents import Document
from dms.models.schemes import ClassificationScheme, RecordClass
from dms.models.scopes import AccessNode, AccessNodeClosure, AccessScope, AccessScopeChange, NodeState


@dataclass
class Rebuilt:
    """What ought to be stored, by the rows of one snapshot."""

    session: Session

    def __post_init__(self):
        self.aggregations, self.classes, self.documents = (
            self.rows(model) for model in (Aggregation, RecordClass, Document)
        )
        (repository,), (scheme,) = self.rows(Repository), self.rows(ClassificationScheme)
        self.roofs = {repository.id, scheme.id}
        self.above = {row.id: row.parent_id or repository.id for row in self.aggregations}
        self.above |= {row.id: row.parent_id or scheme.id for row in self.classes}
        self.scheme_id, self.repository_id = scheme.id, repository.id
        self.nodes = {row.node_id: row for row in self.rows(AccessNode)}
        self.scopes = {row.id: row for row in self.rows(AccessScope)}

    def rows(self, model):
        return self.session.execute(select(model.__table__)).all()

    def climb(self, node: UUID) -> Iterator[UUID]:
        """The node and all above it, its roof last."""
        while True:
            yield node
            if node in self.roofs:
                return
            node = self.above[node]

    def nearest(self, node: UUID) -> int:
        return next(self.nodes[each].id for each in self.climb(node) if each in self.nodes)

    def places(self, node: UUID) -> list[int]:
        """The nearest access node, and while it is being filled those that it takes over from, too."""
        found = []
        for each in self.climb(node):
            if each in self.nodes:
                found.append(self.nodes[each].id)
                if self.nodes[each].state is NodeState.READY:
                    break
        return found


def differences(session: Session) -> list[str]:
    """Say where what is stored differs from what the trees say; empty when all is well."""
    made = Rebuilt(session)
    return [*_nodes(made), *_closure(made), *_scopes(made), *_counters(made), *_entries(made)]


def _nodes(made: Rebuilt) -> Iterator[str]:
    for row in (*made.aggregations, *made.classes):
        if row.access_node_id != made.nearest(row.id):
            yield f"{row.id}: nearest access node {row.access_node_id}, not {made.nearest(row.id)}"


def _closure(made: Rebuilt) -> Iterator[str]:
    expected = {
        (node.id, made.nodes[each].id)
        for node in made.nodes.values()
        for each in made.climb(node.node_id)
        if each in made.nodes
    }
    stored = {(row.node, row.ancestor) for row in made.rows(AccessNodeClosure)}
    yield from (f"closure lacks {pair}" for pair in expected - stored)
    yield from (f"closure has {pair}" for pair in stored - expected)


def _scopes(made: Rebuilt) -> Iterator[str]:
    for row in made.documents:
        yield from _scope(made, row, made.places(row.aggregation_id))
    for row in made.aggregations:
        yield from _scope(made, row, made.places(row.id))


def _scope(made: Rebuilt, row, places: list[int]) -> Iterator[str]:
    scope = made.scopes[row.scope_id]
    class_places = made.places(row.record_class_id or made.scheme_id)
    if scope.aggregation_node not in places or scope.class_node not in class_places:
        yield f"{row.id}: scope at {scope.aggregation_node}, {scope.class_node}, not {places}, {class_places}"
    if scope.security_id != row.security_id:
        yield f"{row.id}: scope of mark {scope.security_id}, not {row.security_id}"


def _counters(made: Rebuilt) -> Iterator[str]:
    documents = Counter(row.scope_id for row in made.documents)
    aggregations = Counter(row.scope_id for row in made.aggregations)
    folded: Counter[int] = Counter()
    for scope in made.scopes.values():
        documents[scope.id] -= scope.n_documents
        aggregations[scope.id] -= scope.n_aggregations
        folded[scope.aggregation_node] += scope.n_documents
        folded[scope.class_node] += scope.n_documents
    for change in made.rows(AccessScopeChange):
        documents[change.scope_id] -= change.documents
        aggregations[change.scope_id] -= change.aggregations
    yield from (f"scope {key} counts {-n} Documents too many" for key, n in documents.items() if n)
    yield from (f"scope {key} counts {-n} Aggregations too many" for key, n in aggregations.items() if n)
    for node in made.nodes.values():
        if node.n_documents != folded[node.id]:
            yield f"node {node.id} counts {node.n_documents} Documents, its scopes {folded[node.id]}"


def _entries(made: Rebuilt) -> Iterator[str]:
    open_ = {row.node_id for row in made.rows(AccessEntry) if row.revision_to is None}
    ready = {node_id for node_id, node in made.nodes.items() if node.state is NodeState.READY}
    owned = {row.id: row.has_own_entries for row in made.documents}
    yield from (f"an entry names {node}, which is not ready" for node in open_ - ready - owned.keys())
    for key, has_own_entries in owned.items():
        if has_own_entries != (key in open_):
            yield f"{key}: has_own_entries is {has_own_entries}"
