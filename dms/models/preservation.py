"""What was done to keep a Document readable: PREMIS events, only ever added to."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Id, UtcTime, closed


class PreservationKind(StrEnum):
    """What was done, in the words of PREMIS."""

    FIXITY_CHECK = "fixity_check"
    FORMAT_IDENTIFICATION = "format_identification"
    TEXT_EXTRACTION = "text_extraction"
    RENDERING = "rendering"
    DELETION = "deletion"


class PreservationOutcome(StrEnum):
    """How it ended."""

    PASSED = "passed"
    FAILED = "failed"


class PreservationEvent(Base):
    """One thing done to a Blob of a Document. It outlives the Blob, so it refers to none."""

    __tablename__ = "preservation_event"
    __table_args__ = (Index("ix_preservation_event_document", "document_id", "at"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    document_id: Mapped[UUID] = mapped_column(Id, ForeignKey("document.id"))
    blob_id: Mapped[UUID | None] = mapped_column(Id)
    kind: Mapped[PreservationKind] = mapped_column(closed(PreservationKind, name="kind"))
    outcome: Mapped[PreservationOutcome] = mapped_column(closed(PreservationOutcome, name="outcome"))
    note: Mapped[str | None]
    """A stable word for what was found or done, with the version of the tool where that counts."""
    at: Mapped[int] = mapped_column(UtcTime)
