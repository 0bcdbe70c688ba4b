"""Jobs: work that is done later, by whichever process takes it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Id, UtcTime, closed
from dms.rules.jobs import JobState

OPEN = text("state IN ('queued', 'running')")
"""Spelled out, so that the database knows its partial indexes by it."""


class Job(Base):
    """A job, queued in the transaction of its cause; a process holds it by a lease while it works on it."""

    __tablename__ = "job"
    __table_args__ = (
        Index("uq_job_dedupe_key", "dedupe_key", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),
        Index("ix_job_open", "priority", "run_at", "id", sqlite_where=OPEN, postgresql_where=OPEN),
        Index("ix_job_state", "state", "ended_at"),
        Index("ix_job_asked_by", "asked_by", "id"),
        CheckConstraint("(lease_until IS NULL) = (leased_by IS NULL)", name="lease"),
        CheckConstraint("(state IN ('queued', 'running')) = (ended_at IS NULL)", name="ended"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    kind: Mapped[str]
    """A `JobKind`; without a CHECK, so that a new kind needs no migration."""
    payload: Mapped[str]
    """What the job is about, as canonical JSON: ids and numbers only, never what an access list protects."""
    dedupe_key: Mapped[str | None]
    """At most one open job bears it."""
    priority: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[JobState] = mapped_column(closed(JobState, name="state"))
    run_at: Mapped[int] = mapped_column(UtcTime)
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[int | None] = mapped_column(UtcTime)
    leased_by: Mapped[UUID | None] = mapped_column(Id)
    """The worker that holds it, until `lease_until`; later another one takes it."""
    asked_again: Mapped[bool] = mapped_column(default=False)
    """Whether its cause came up once more while it ran, so that it runs once more."""
    progress_done: Mapped[int | None] = mapped_column(BigInteger)
    progress_total: Mapped[int | None] = mapped_column(BigInteger)
    error_code: Mapped[str | None]
    error: Mapped[str | None]
    asked_by: Mapped[UUID | None] = mapped_column(Id, ForeignKey("principal.id"))
    """Whose operation caused it; none if the system did."""
    created_at: Mapped[int] = mapped_column(UtcTime)
    started_at: Mapped[int | None] = mapped_column(UtcTime)
    ended_at: Mapped[int | None] = mapped_column(UtcTime)
    revision: Mapped[int] = mapped_column(default=1)
