"""Bulk imports: runs, what was filed under which path, and what was found wanting."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Digest, Id, UtcTime, closed


class FindingKind(StrEnum):
    """What an import says of a file that was not simply filed."""

    DUPLICATE = "duplicate"
    SKIPPED = "skipped"
    REFUSED = "refused"


class RunEnding(StrEnum):
    """How an import ended that was not killed."""

    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class ImportRun(Base):
    """One walk over a folder; killed runs have neither `finished_at` nor `ending`."""

    __tablename__ = "import_run"

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    aggregation_id: Mapped[UUID] = mapped_column(Id, ForeignKey("aggregation.id"))
    source: Mapped[str]
    started_at: Mapped[int] = mapped_column(UtcTime)
    started_by: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"))
    finished_at: Mapped[int | None] = mapped_column(UtcTime)
    ending: Mapped[RunEnding | None] = mapped_column(closed(RunEnding, name="ending"))
    filed: Mapped[int] = mapped_column(default=0)
    new_versions: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    duplicates: Mapped[int] = mapped_column(default=0)
    """Files with content that was there already; they count as filed or skipped too."""
    filed_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    revision: Mapped[int] = mapped_column(default=1)


class ImportLine(Base):
    """A file that was filed: path and digest under a target name it once and for all."""

    __tablename__ = "import_line"
    __table_args__ = (
        UniqueConstraint("aggregation_id", "path_sha256", "plain_sha256", "twin"),
        Index("ix_import_line_run", "run_id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    run_id: Mapped[UUID] = mapped_column(Id, ForeignKey("import_run.id"))
    aggregation_id: Mapped[UUID] = mapped_column(Id, ForeignKey("aggregation.id"))
    path: Mapped[str]
    path_sha256: Mapped[str] = mapped_column(Digest)
    plain_sha256: Mapped[str] = mapped_column(Digest)
    twin: Mapped[int] = mapped_column(default=0)
    """How many lines said the same of Documents that were hidden from the account that filed this one."""
    document_id: Mapped[UUID] = mapped_column(Id, ForeignKey("document.id"))


class ImportFinding(Base):
    """One remark on one file of a run."""

    __tablename__ = "import_finding"
    __table_args__ = (Index("ix_import_finding_run", "run_id", "id"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    run_id: Mapped[UUID] = mapped_column(Id, ForeignKey("import_run.id"))
    path: Mapped[str]
    kind: Mapped[FindingKind] = mapped_column(closed(FindingKind, name="kind"))
    reason: Mapped[str]
