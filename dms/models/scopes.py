"""Access nodes and access scopes: what a list needs to be filtered without walking any tree.

An access node is a node that bears, bore or may bear entries; of both trees only the closure over access
nodes is stored. A scope stands for all objects with the same nearest access node in either tree and the
same mark: all of them are decided alike, but for Documents with entries of their own (`access.md`, 3, 4).
"""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Id, closed
from dms.rules.access import NodeKind


class NodeState(StrEnum):
    """While a node is being filled, objects below it are still moving to their new scopes."""

    FILLING = "filling"
    READY = "ready"


class AccessNode(Base):
    """A node of either tree that an entry may name; the Repository and the scheme always are."""

    __tablename__ = "access_node"
    __table_args__ = (UniqueConstraint("node_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    node_id: Mapped[UUID] = mapped_column(Id)
    kind: Mapped[NodeKind] = mapped_column(closed(NodeKind, name="kind"))
    state: Mapped[NodeState] = mapped_column(closed(NodeState, name="state"))
    since_revision: Mapped[int]
    n_documents: Mapped[int] = mapped_column(default=0)
    """Documents whose nearest access node it is, as of the last fold; it only steers how a list is read."""


class AccessNodeClosure(Base):
    """Which access nodes stand at or above an access node, itself included; both trees."""

    __tablename__ = "access_node_closure"
    __table_args__ = (
        Index("ix_access_node_closure_ancestor", "ancestor", "node"),
        {"sqlite_with_rowid": False},
    )

    node: Mapped[int] = mapped_column(ForeignKey("access_node.id"), primary_key=True, autoincrement=False)
    ancestor: Mapped[int] = mapped_column(ForeignKey("access_node.id"), primary_key=True, autoincrement=False)


class AccessScope(Base):
    """An interned place in both trees with a mark; what it says never changes, only its counters.

    INVARIANT (scope-numbers): no number is used twice, so what one says may be kept for good.
    """

    __tablename__ = "access_scope"
    __table_args__ = (
        UniqueConstraint("aggregation_node", "class_node", "security_id"),
        Index("ix_access_scope_class", "class_node", "aggregation_node", "security_id"),
        CheckConstraint("n_documents >= 0 AND n_aggregations >= 0", name="counters"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    aggregation_node: Mapped[int] = mapped_column(ForeignKey("access_node.id"))
    class_node: Mapped[int] = mapped_column(ForeignKey("access_node.id"))
    security_id: Mapped[int] = mapped_column(ForeignKey("security_classification.id"))
    n_documents: Mapped[int] = mapped_column(default=0)
    n_aggregations: Mapped[int] = mapped_column(default=0)


class ScopeFold(Base):
    """The one row that tells how often changes were folded: between two folds no counter changes."""

    __tablename__ = "access_scope_fold"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    generation: Mapped[int]


class AccessScopeChange(Base):
    """What an operation added to the counters of a scope and nobody has folded into them yet."""

    __tablename__ = "access_scope_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    scope_id: Mapped[int] = mapped_column(ForeignKey("access_scope.id"))
    documents: Mapped[int]
    aggregations: Mapped[int]
