"""Retention: rules bound to things, the facts that start periods, and what follows for each thing."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Digest, Id, SortKey, UtcTime, closed
from dms.rules.duesteps import RetentionState
from dms.rules.retention import LifecyclePhase, RetentionAction, TrackMedium


class Target(StrEnum):
    """What a rule can be bound to, and of what a change can be told."""

    DOCUMENT = "document"
    AGGREGATION = "aggregation"
    CLASS = "class"
    EVERYTHING = "everything"


class BindingKind(StrEnum):
    """How a rule is bound: beside those that come from above, or in their place."""

    MANUAL = "manual"
    OVERRIDE = "override"


class LineState(StrEnum):
    """Whether a line counts, or waits for a second person."""

    PROPOSED = "proposed"
    IN_EFFECT = "in_effect"
    REJECTED = "rejected"


class RetentionCalendar(Base):
    """How the Repository counts days; the one row."""

    __tablename__ = "retention_calendar"
    __table_args__ = (
        CheckConstraint("id = 1", name="one"),
        CheckConstraint("fiscal_month BETWEEN 1 AND 12 AND fiscal_day BETWEEN 1 AND 31", name="fiscal_year"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    fiscal_month: Mapped[int] = mapped_column(default=1)
    fiscal_day: Mapped[int] = mapped_column(default=1)
    """The fiscal year begins on this day."""
    zone: Mapped[str] = mapped_column(default="UTC")
    """Name in the time zone database: its civil days count."""
    changes: Mapped[int] = mapped_column(default=0)
    """Raised with every change of what outcomes rest on, but for the things' own rows.

    INVARIANT (outcome-fence): whoever computes in order to write or to act shares a lock on this row, so on
    PostgreSQL an operation that began before such a change fails and is run again with it in view.
    """


class RetentionAssignment(Base):
    """A line of the appended history of a thing or class: a rule was bound to it, or no longer is.

    Of a line only the decision of a second person is written later.
    """

    __tablename__ = "retention_assignment"
    __table_args__ = (
        Index("ix_retention_assignment_target", "target_id", "id"),
        Index("ix_retention_assignment_rule", "rule_id", "id"),
        Index("ix_retention_assignment_ends", "ends_id"),
        CheckConstraint(
            "(state = 'proposed') = (effective_at IS NULL AND rejected_at IS NULL)", name="state"
        ),
        CheckConstraint("target_kind <> 'everything'", name="target"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    target_kind: Mapped[Target] = mapped_column(closed(Target, name="target_kind"))
    target_id: Mapped[UUID] = mapped_column(Id)
    rule_id: Mapped[UUID] = mapped_column(Id, ForeignKey("retention_rule.id"))
    kind: Mapped[BindingKind] = mapped_column(closed(BindingKind, name="kind"))
    ends_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("retention_assignment.id"))
    """The line that this one ends."""
    state: Mapped[LineState] = mapped_column(closed(LineState, name="line_state"))
    reason: Mapped[str]
    shortens: Mapped[bool]
    """It let something go sooner when it was recorded, so that a second person decides."""
    created_at: Mapped[int] = mapped_column(UtcTime)
    created_by: Mapped[UUID | None] = mapped_column(Id)
    decided_by: Mapped[UUID | None] = mapped_column(Id)
    decision: Mapped[str | None]
    """Why the second person decided so."""
    effective_at: Mapped[int | None] = mapped_column(UtcTime)
    rejected_at: Mapped[int | None] = mapped_column(UtcTime)


class TriggerEvent(Base):
    """A line of the appended history of a thing: a trigger happened, or what was recorded of it fell."""

    __tablename__ = "trigger_event"
    __table_args__ = (
        Index("ix_trigger_event_target", "target_id", "id"),
        CheckConstraint("first_day IS NULL OR last_day IS NULL OR first_day <= last_day", name="days"),
        CheckConstraint("target_kind IN ('document', 'aggregation')", name="target"),
        CheckConstraint("NOT is_revocation OR (first_day IS NULL AND last_day IS NULL)", name="revocation"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    target_kind: Mapped[Target] = mapped_column(closed(Target, name="target_kind"))
    target_id: Mapped[UUID] = mapped_column(Id)
    trigger: Mapped[str]
    """A `Trigger`, or `custom:<code>`."""
    dates: Mapped[str | None]
    """EDTF expression, as it was recorded."""
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    is_revocation: Mapped[bool] = mapped_column(default=False)
    """All that was recorded of the trigger before has fallen."""
    evidence_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("document.id"))
    note: Mapped[str | None]
    recorded_at: Mapped[int] = mapped_column(UtcTime)
    recorded_by: Mapped[UUID | None] = mapped_column(Id)


class RetentionAct(Base):
    """An action of retention that was carried out on a thing: what it waited for is over."""

    __tablename__ = "retention_act"
    __table_args__ = (
        Index("ix_retention_act_target", "target_id", "id"),
        CheckConstraint("target_kind IN ('document', 'aggregation')", name="target"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    target_kind: Mapped[Target] = mapped_column(closed(Target, name="target_kind"))
    target_id: Mapped[UUID] = mapped_column(Id)
    action: Mapped[RetentionAction] = mapped_column(closed(RetentionAction, name="action"))
    medium: Mapped[TrackMedium] = mapped_column(closed(TrackMedium, name="medium"))
    done_on: Mapped[date]
    note: Mapped[str | None]
    recorded_at: Mapped[int] = mapped_column(UtcTime)
    recorded_by: Mapped[UUID | None] = mapped_column(Id)


class RetentionOutcome(Base):
    """What follows for one Document or Aggregation, as it was last computed: for lists, never to act upon.

    INVARIANT (as-from-nothing): it equals what is computed from nothing, unless a `RetentionChange` that
    covers the thing is open, or its `turns_on` has come.
    """

    __tablename__ = "retention_outcome"
    __table_args__ = (
        Index("ix_retention_outcome_due", "due_key", "id"),
        Index("ix_retention_outcome_state", "state", "due_key", "id"),
        Index("ix_retention_outcome_class", "class_id", "id"),
        Index("ix_retention_outcome_rule", "rule_id", "due_key", "id"),
        Index("ix_retention_outcome_turns", "turns_on", "id"),
        Index(
            "ix_retention_outcome_conflict",
            "id",
            sqlite_where=text("is_conflict"),
            postgresql_where=text("is_conflict"),
        ),
        CheckConstraint("kind IN ('document', 'aggregation')", name="target"),
        CheckConstraint("(due_on IS NULL) = (due_key = '')", name="due_key"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    """That of the thing."""
    kind: Mapped[Target] = mapped_column(closed(Target, name="target_kind"))
    state: Mapped[RetentionState] = mapped_column(closed(RetentionState, name="state"))
    """Never `due`: `running` has a day, and whether it has come is a question of today."""
    due_on: Mapped[date | None]
    due_key: Mapped[str] = mapped_column(SortKey)
    """The day as text, so that having none has a place in the order too."""
    waits_for: Mapped[str]
    """Names of triggers, separated by spaces."""
    reason: Mapped[str | None]
    """Why it is undetermined."""
    phase: Mapped[int | None]
    lifecycle_phase: Mapped[LifecyclePhase | None] = mapped_column(
        closed(LifecyclePhase, name="lifecycle_phase")
    )
    action: Mapped[RetentionAction | None] = mapped_column(closed(RetentionAction, name="action"))
    detail: Mapped[str]
    rule_id: Mapped[UUID | None] = mapped_column(Id)
    class_id: Mapped[UUID | None] = mapped_column(Id)
    """The class whose rules bear on it: its own, or that of the nearest Aggregation above."""
    latest_on: Mapped[date | None]
    turns_on: Mapped[date | None]
    is_conflict: Mapped[bool]
    digest: Mapped[str] = mapped_column(Digest)
    """Of what it rests on, without the day on which it was computed."""
    computed_at: Mapped[int] = mapped_column(UtcTime)


class RetentionChange(Base):
    """That the outcomes of many things are to be computed anew, and how far that has come; gone when done."""

    __tablename__ = "retention_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    target_kind: Mapped[Target] = mapped_column(closed(Target, name="target_kind"))
    target_id: Mapped[UUID | None] = mapped_column(Id)
    """An Aggregation with all in it, a class without those below it; null for everything."""
    part: Mapped[int] = mapped_column(default=0)
    """Which of its parts is being gone through."""
    cursor: Mapped[UUID | None] = mapped_column(Id)
    """The last thing of the part that was computed."""
    made_at: Mapped[int] = mapped_column(UtcTime)
