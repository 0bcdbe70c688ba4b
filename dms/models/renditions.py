"""What is made of contents by itself: Renditions of Versions, and how each step of reading a Blob ended."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Digest, Id, UtcTime, closed
from dms.rules.renditions import RenditionKind, Step, StepOutcome


class Rendition(Base):
    """Content derived from a Version; whoever may read the Version's content may read it, nobody else."""

    __tablename__ = "rendition"
    __table_args__ = (
        UniqueConstraint("version_id", "kind"),
        CheckConstraint(
            "(ocr_program IS NULL) = (ocr_languages IS NULL) AND (ocr_program IS NULL) = (ocr_pages IS NULL)",
            name="ocr",
        ),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    version_id: Mapped[UUID] = mapped_column(Id, ForeignKey("version.id"))
    kind: Mapped[RenditionKind] = mapped_column(closed(RenditionKind, name="kind"))
    blob_id: Mapped[UUID] = mapped_column(Id, ForeignKey("blob.id"), index=True)
    media_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Digest)
    is_cut: Mapped[bool]
    """Whether there was more than a Rendition holds."""
    ocr_program: Mapped[str | None]
    """Of a text that was read by OCR: the program with its version, its languages, and of how many pages."""
    ocr_languages: Mapped[str | None]
    ocr_pages: Mapped[int | None]
    created_at: Mapped[int] = mapped_column(UtcTime)


class BlobStep(Base):
    """How a step of reading a Blob ended; a newer reader does it again."""

    __tablename__ = "blob_step"
    __table_args__ = (UniqueConstraint("blob_id", "step"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    blob_id: Mapped[UUID] = mapped_column(Id, ForeignKey("blob.id"))
    step: Mapped[Step] = mapped_column(closed(Step, name="step"))
    reader: Mapped[int]
    """Version of our readers."""
    outcome: Mapped[StepOutcome] = mapped_column(closed(StepOutcome, name="outcome"))
    reason: Mapped[str | None]
    """A `StepReason`; without a CHECK, so that a new one needs no migration."""
    format_id: Mapped[str | None]
    """Of the step that identifies: the identifier of PRONOM, its name, and by what it was told."""
    format_name: Mapped[str | None]
    format_basis: Mapped[str | None]
    at: Mapped[int] = mapped_column(UtcTime)
