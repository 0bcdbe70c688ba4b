"""References between Documents, Aggregations and what is cited from outside; none is ever deleted."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Id, UtcTime, closed
from dms.rules.crossreferences import CrossReferenceKind


class CrossReference(Base):
    """A reference from one thing to another, or to an outside citation."""

    __tablename__ = "cross_reference"
    __table_args__ = (
        Index("ix_cross_reference_source", "source_id", "id"),
        Index("ix_cross_reference_target", "target_id", "id"),
        CheckConstraint("(target_id IS NULL) <> (citation IS NULL)", name="one_target"),
        CheckConstraint("target_id IS NULL OR target_id <> source_id", name="not_itself"),
        CheckConstraint("(removed_at IS NULL) = (removal_reason IS NULL)", name="removed"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    kind: Mapped[CrossReferenceKind] = mapped_column(closed(CrossReferenceKind, name="kind"))
    source_id: Mapped[UUID] = mapped_column(Id)
    target_id: Mapped[UUID | None] = mapped_column(Id)
    """A Document or Aggregation; None for a citation."""
    citation: Mapped[str | None]
    reason: Mapped[str]
    added_at: Mapped[int] = mapped_column(UtcTime)
    added_by: Mapped[UUID | None] = mapped_column(Id)
    removed_at: Mapped[int | None] = mapped_column(UtcTime)
    removed_by: Mapped[UUID | None] = mapped_column(Id)
    removal_reason: Mapped[str | None]
