"""How long the access log is kept: its rule, holds, prunings by two people, and redactions."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Digest, Id, UtcTime, closed


class PruningState(StrEnum):
    """How far a pruning has come; only an approved one removes anything."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    DONE = "done"


class LogRule(Base):
    """How many months events that are not lasting are kept; the newest row counts, none ever changes."""

    __tablename__ = "log_rule"
    __table_args__ = (CheckConstraint("kept_months > 0", name="kept"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    kept_months: Mapped[int]
    reason: Mapped[str]
    set_by: Mapped[UUID] = mapped_column(Id)
    set_at: Mapped[int] = mapped_column(UtcTime)


class LogHold(Base):
    """Keeps the events of a period from pruning: all of them, or those of an actor or naming an object."""

    __tablename__ = "log_hold"
    __table_args__ = (
        CheckConstraint("until IS NULL OR since < until", name="period"),
        CheckConstraint(
            "(lifted_at IS NULL) = (lifted_by IS NULL) AND (lifted_at IS NULL) = (lift_reason IS NULL)",
            name="lifted",
        ),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    since: Mapped[int] = mapped_column(UtcTime)
    until: Mapped[int | None] = mapped_column(UtcTime)
    """The period is half-open; None has no end."""
    object_id: Mapped[UUID | None] = mapped_column(Id)
    actor_id: Mapped[UUID | None] = mapped_column(Id)
    reason: Mapped[str]
    placed_by: Mapped[UUID] = mapped_column(Id)
    placed_at: Mapped[int] = mapped_column(UtcTime)
    lifted_by: Mapped[UUID | None] = mapped_column(Id)
    lifted_at: Mapped[int | None] = mapped_column(UtcTime)
    lift_reason: Mapped[str | None]


class LogPruning(Base):
    """A pruning that one person proposed and another approved, with what an approval is bound to."""

    __tablename__ = "log_pruning"
    __table_args__ = (
        Index("ix_log_pruning_state", "state", "proposed_at"),
        CheckConstraint("(state = 'proposed') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("(state = 'proposed') = (decided_by IS NULL)", name="decider"),
        CheckConstraint("state NOT IN ('approved', 'done') OR decided_by <> proposed_by", name="two_people"),
        CheckConstraint("(state = 'done') = (finished_at IS NOT NULL)", name="finished"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    until: Mapped[int] = mapped_column(UtcTime)
    """The beginning of a month: what is older and not lasting goes."""
    kept_months: Mapped[int]
    end_index: Mapped[int] = mapped_column(BigInteger)
    """The first leaf beyond what goes: from then on the least index of the log."""
    n_events: Mapped[int] = mapped_column(BigInteger)
    n_held: Mapped[int] = mapped_column(BigInteger)
    signed_size: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[str] = mapped_column(Digest)
    """Of the signed checkpoint that covers it."""
    reason: Mapped[str]
    state: Mapped[PruningState] = mapped_column(closed(PruningState, name="state"))
    proposed_by: Mapped[UUID] = mapped_column(Id)
    proposed_at: Mapped[int] = mapped_column(UtcTime)
    decided_by: Mapped[UUID | None] = mapped_column(Id)
    decided_at: Mapped[int | None] = mapped_column(UtcTime)
    finished_at: Mapped[int | None] = mapped_column(UtcTime)


class LogRedaction(Base):
    """The order to remove the detail of an event; its digest stays in the body."""

    __tablename__ = "log_redaction"

    event_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    reason: Mapped[str]
    ordered_by: Mapped[UUID] = mapped_column(Id)
    ordered_at: Mapped[int] = mapped_column(UtcTime)
