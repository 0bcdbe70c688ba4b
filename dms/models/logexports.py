"""Exports of the access log that run as jobs, and what became of each."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Digest, Id, UtcTime, closed
from dms.rules.logexports import ExportFormat


class ExportState(StrEnum):
    """How far an export has come."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class LogExport(Base):
    """An export: what was asked for, how far it came, and the digest of what it became."""

    __tablename__ = "log_export"
    __table_args__ = (
        Index("ix_log_export_state", "state", "id"),
        Index("ix_log_export_requested_by", "requested_by", "id"),
        CheckConstraint("(state IN ('done', 'expired')) = (sha256 IS NOT NULL)", name="digest"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    requested_by: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"))
    requested_at: Mapped[int] = mapped_column(UtcTime)
    format: Mapped[ExportFormat] = mapped_column(closed(ExportFormat, name="format"))
    selection: Mapped[str]
    """The filter as canonical JSON."""
    with_objects: Mapped[bool]
    with_details: Mapped[bool]
    state: Mapped[ExportState] = mapped_column(closed(ExportState, name="state"))
    lease_until: Mapped[int | None] = mapped_column(UtcTime)
    """Until when one process writes it; later another one goes on."""
    checkpoint: Mapped[str | None]
    """The signed note that covers it; like the four that follow fixed when the writing begins."""
    first_index: Mapped[int | None] = mapped_column(BigInteger)
    end_index: Mapped[int | None] = mapped_column(BigInteger)
    newer: Mapped[int | None] = mapped_column(BigInteger)
    has_paths: Mapped[bool | None]
    next_index: Mapped[int | None] = mapped_column(BigInteger)
    """The leaf where the next slice begins; what lies before it is in the first `spool_bytes`."""
    spool_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    events: Mapped[int] = mapped_column(BigInteger, default=0)
    finished_at: Mapped[int | None] = mapped_column(UtcTime)
    sha256: Mapped[str | None] = mapped_column(Digest)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    pruned: Mapped[int | None] = mapped_column(BigInteger)
    gaps: Mapped[str | None]
    """Missing numbers of writers as JSON: lists of writer, first number, how many."""
    problem: Mapped[str | None]
    revision: Mapped[int] = mapped_column(default=1)
