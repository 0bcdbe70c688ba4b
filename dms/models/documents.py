"""Documents: the unit that is registered, found, classed and protected."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Id, SortKey, UtcTime, closed
from dms.rules.classrules import ClassedBy
from dms.rules.states import DocumentState


class Medium(StrEnum):
    """What a Document consists of."""

    DIGITAL = "digital"
    PHYSICAL = "physical"
    HYBRID = "hybrid"


class Document(Base):
    """Metadata of one Document; its bytes lie in Versions."""

    __tablename__ = "document"
    __table_args__ = (
        UniqueConstraint("repository_id", "reference_code"),
        Index("ix_document_aggregation", "aggregation_id", "created_at", "id"),
        Index("ix_document_created_at", "created_at", "id"),
        Index("ix_document_updated_at", "updated_at", "id"),
        Index("ix_document_title_key", "title_key", "id"),
        Index("ix_document_code_key", "code_key", "id"),
        Index("ix_document_date_key", "date_key", "id"),
        Index("ix_document_class", "record_class_id", "id"),
        Index("ix_document_state", "state", "id"),
        Index("ix_document_medium", "medium", "id"),
        Index("ix_document_security", "security_id", "id"),
        Index("ix_document_scope", "scope_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    repository_id: Mapped[UUID] = mapped_column(Id, ForeignKey("repository.id"))
    aggregation_id: Mapped[UUID] = mapped_column(Id, ForeignKey("aggregation.id"))
    record_class_id: Mapped[UUID] = mapped_column(Id, ForeignKey("record_class.id"))
    security_id: Mapped[int] = mapped_column(ForeignKey("security_classification.id"))
    scope_id: Mapped[int] = mapped_column(ForeignKey("access_scope.id"))
    has_own_entries: Mapped[bool] = mapped_column(default=False)
    """Some open access entry names this Document, so that its scope alone does not decide."""
    title: Mapped[str]
    title_key: Mapped[str] = mapped_column(SortKey)
    reference_code: Mapped[str | None]
    code_key: Mapped[str] = mapped_column(SortKey)
    """Sort key of the reference code; empty without one."""
    dates: Mapped[str | None]
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    date_key: Mapped[str] = mapped_column(SortKey)
    """First day as text, so that an unknown date has a place in the order too; empty without one."""
    authors: Mapped[str | None]
    addressees: Mapped[str | None]
    description: Mapped[str | None]
    medium: Mapped[Medium] = mapped_column(closed(Medium, name="medium"))
    state: Mapped[DocumentState] = mapped_column(closed(DocumentState, name="state"))
    classed_by: Mapped[ClassedBy | None] = mapped_column(closed(ClassedBy, name="classed_by"))
    """How it came by its class; unknown of those that are older than the question."""
    class_rule_id: Mapped[UUID | None] = mapped_column(Id)
    """The rule by which it was classed, be it gone by now."""
    source_system: Mapped[str | None]
    original_name: Mapped[str | None]
    """Name, with the relative path where a bulk import kept one, at the source."""
    current_version: Mapped[int | None]
    """Number of the newest Version; null while there is none."""
    declared_at: Mapped[int | None] = mapped_column(UtcTime)
    declared_by: Mapped[UUID | None] = mapped_column(Id)
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[int] = mapped_column(UtcTime)
    created_by: Mapped[UUID | None] = mapped_column(Id)
    updated_at: Mapped[int] = mapped_column(UtcTime)
    updated_by: Mapped[UUID | None] = mapped_column(Id)


class PlacementHistory(Base):
    """Where an object lay and how it was marked before a change; nothing at registration."""

    __tablename__ = "placement_history"
    __table_args__ = (Index("ix_placement_history_object", "object_id", "valid_from"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    object_id: Mapped[UUID] = mapped_column(Id)
    aggregation_id: Mapped[UUID | None] = mapped_column(Id)
    class_id: Mapped[UUID | None] = mapped_column(Id)
    security_id: Mapped[int]
    valid_from: Mapped[int] = mapped_column(UtcTime)
    valid_until: Mapped[int] = mapped_column(UtcTime)
    event_id: Mapped[UUID] = mapped_column(Id)
