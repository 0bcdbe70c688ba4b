"""The Repository and the arrangement tree (ISAD(G))."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Id, SortKey, UtcTime, closed
from dms.rules.states import AggregationState


class ArrangementLevel(StrEnum):
    """Levels of description of ISAD(G) 3.1.4, as EAD names them."""

    FONDS = "fonds"
    SUBFONDS = "subfonds"
    RECORDGRP = "recordgrp"
    SUBGRP = "subgrp"
    COLLECTION = "collection"
    SERIES = "series"
    SUBSERIES = "subseries"
    FILE = "file"
    CLASS = "class"
    OTHER = "other"


class Repository(Base):
    """The institution in custody: the node above the whole arrangement tree."""

    __tablename__ = "repository"

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    name: Mapped[str]
    created_at: Mapped[int] = mapped_column(UtcTime)


class Aggregation(Base):
    """A node of the arrangement tree."""

    __tablename__ = "aggregation"
    __table_args__ = (
        UniqueConstraint("repository_id", "reference_code"),
        Index("ix_aggregation_parent_code", "parent_id", "code_key", "id"),
        Index("ix_aggregation_code_key", "code_key", "id"),
        Index("ix_aggregation_title_key", "title_key", "id"),
        Index("ix_aggregation_access_node", "access_node_id", "id"),
        Index("ix_aggregation_scope", "scope_id", "code_key", "id"),
        CheckConstraint("parent_id IS NULL OR parent_id <> id", name="not_itself"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    repository_id: Mapped[UUID] = mapped_column(Id, ForeignKey("repository.id"))
    parent_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("aggregation.id"))
    level: Mapped[ArrangementLevel] = mapped_column(closed(ArrangementLevel, name="level"))
    other_level: Mapped[str | None]
    reference_code: Mapped[str]
    code_key: Mapped[str] = mapped_column(SortKey)
    generated: Mapped[bool]
    """The code was made by the server, not given by an archivist."""
    title: Mapped[str]
    title_key: Mapped[str] = mapped_column(SortKey)
    dates: Mapped[str | None]
    """EDTF expression of the dates of description."""
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    scope_and_content: Mapped[str | None]
    record_class_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("record_class.id"))
    office: Mapped[str | None]
    """The unit that keeps it; None where that of the nearest one above does."""
    security_id: Mapped[int] = mapped_column(ForeignKey("security_classification.id"))
    access_node_id: Mapped[int] = mapped_column(ForeignKey("access_node.id"))
    """The nearest access node at or above it."""
    scope_id: Mapped[int] = mapped_column(ForeignKey("access_scope.id"))
    state: Mapped[AggregationState] = mapped_column(closed(AggregationState, name="state"))
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[int] = mapped_column(UtcTime)
    created_by: Mapped[UUID | None] = mapped_column(Id)
    updated_at: Mapped[int] = mapped_column(UtcTime)
    updated_by: Mapped[UUID | None] = mapped_column(Id)


class ParentHistory(Base):
    """Where a node stood before it was rearranged; nothing is written at its creation."""

    __tablename__ = "parent_history"
    __table_args__ = (Index("ix_parent_history_node", "node_id", "valid_from"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    node_id: Mapped[UUID] = mapped_column(Id)
    parent_id: Mapped[UUID | None] = mapped_column(Id)
    valid_from: Mapped[int] = mapped_column(UtcTime)
    valid_until: Mapped[int] = mapped_column(UtcTime)
    event_id: Mapped[UUID] = mapped_column(Id)
