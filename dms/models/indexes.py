"""What leads to things: index terms that describe them, and the relative index to the classes."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.search import SubjectKind
from dms.models.types import Base, Id, SortKey, UtcTime, closed
from dms.rules.relativeindex import IndexEntryKind


class IndexTerm(Base):
    """That a concept describes a Document or an Aggregation; shown as far as the thing is."""

    __tablename__ = "index_term"
    __table_args__ = (
        UniqueConstraint("subject", "concept_id"),
        Index("ix_index_term_concept", "concept_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    subject: Mapped[UUID] = mapped_column(Id)
    kind: Mapped[SubjectKind] = mapped_column(closed(SubjectKind, name="kind"))
    concept_id: Mapped[UUID] = mapped_column(Id, ForeignKey("concept.id"))
    added_at: Mapped[int] = mapped_column(UtcTime)
    added_by: Mapped[UUID | None] = mapped_column(Id)


class RelativeIndexEntry(Base):
    """An everyday term that leads to a class, or to another term."""

    __tablename__ = "relative_index_entry"
    __table_args__ = (
        Index("ix_relative_index_entry_order", "term_key", "id"),
        Index("ix_relative_index_entry_class", "class_id"),
        CheckConstraint("(kind = 'entry') = (class_id IS NOT NULL)", name="leads"),
        CheckConstraint("(class_id IS NULL) = (target IS NOT NULL)", name="target"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    term: Mapped[str]
    term_key: Mapped[str] = mapped_column(SortKey)
    """Term and qualifier as search folds them."""
    qualifier: Mapped[str]
    """Tells it from the same word in another sense; empty for none."""
    kind: Mapped[IndexEntryKind] = mapped_column(closed(IndexEntryKind, name="kind"))
    class_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("record_class.id"))
    target: Mapped[str | None]
    created_at: Mapped[int] = mapped_column(UtcTime)
    created_by: Mapped[UUID | None] = mapped_column(Id)
