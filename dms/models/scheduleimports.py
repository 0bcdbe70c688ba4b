"""Imports of retention schedules: runs with their counts, and what was found wanting."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.imports import RunEnding
from dms.models.types import Base, Digest, Id, UtcTime, closed
from dms.rules.scheduledoubles import RowFinding, Severity


class ScheduleImport(Base):
    """One reading of a source into a draft; what has no `finished_at` goes on with the same source.

    INVARIANT (counts): `rows` is the sum of added, changed, unchanged, duplicates and refused, after every
    slice; the next slice begins behind as many rows.
    """

    __tablename__ = "schedule_import"
    __table_args__ = (
        Index("ix_schedule_import_source", "schedule_id", "source_digest"),
        Index("ix_schedule_import_order", "started_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    schedule_id: Mapped[UUID] = mapped_column(Id, ForeignKey("retention_schedule.id"))
    edition_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("schedule_edition.id"))
    """The draft that took the rows; none while nothing had to be written."""
    source: Mapped[str]
    source_digest: Mapped[str] = mapped_column(Digest)
    """Of the names and bytes of all files: the same source goes on where it was interrupted."""
    started_at: Mapped[int] = mapped_column(UtcTime)
    started_by: Mapped[UUID | None] = mapped_column(Id)
    finished_at: Mapped[int | None] = mapped_column(UtcTime)
    ending: Mapped[RunEnding | None] = mapped_column(closed(RunEnding, name="ending"))
    rows: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    duplicates: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    parsed: Mapped[int] = mapped_column(default=0)
    """Of the rows that were read, those whose rule was wholly understood."""
    needs_review: Mapped[int] = mapped_column(default=0)
    revision: Mapped[int] = mapped_column(default=1)


class ScheduleImportFinding(Base):
    """One remark on one row, or on a file as a whole."""

    __tablename__ = "schedule_import_finding"
    __table_args__ = (Index("ix_schedule_import_finding_run", "run_id", "id"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    run_id: Mapped[UUID] = mapped_column(Id, ForeignKey("schedule_import.id"))
    file: Mapped[str]
    row: Mapped[int]
    """From 1; 0 is the file as a whole."""
    code: Mapped[RowFinding] = mapped_column(closed(RowFinding, name="code"))
    severity: Mapped[Severity] = mapped_column(closed(Severity, name="severity"))
    message: Mapped[str]
    raw: Mapped[str]
    """Of a duplicate, the whole row, which nothing else keeps; of others its beginning."""
