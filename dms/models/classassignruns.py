"""Orders to class many things, carried out by a job in slices, with what became of each thing."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.search import SubjectKind
from dms.models.types import Base, Id, UtcTime, closed
from dms.rules.classassignruns import Chosen, LineOutcome, RunState


class ClassAssignRun(Base):
    """That somebody wants many things to have a class; its counts tell what he could see then.

    INVARIANT (once): each slice writes what it changes, its lines and this row in one transaction, so a slice
    that was begun anew, or by two workers, counts once.
    """

    __tablename__ = "class_assign_run"
    __table_args__ = (
        Index("ix_class_assign_run_asked_by", "asked_by", "id"),
        CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="ended"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    kind: Mapped[SubjectKind] = mapped_column(closed(SubjectKind, name="kind"))
    chosen: Mapped[Chosen] = mapped_column(closed(Chosen, name="chosen"))
    chosen_id: Mapped[UUID | None] = mapped_column(Id)
    """The list, class or Aggregation by which they are chosen; none where each is named."""
    record_class_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("record_class.id"))
    """None where rules say which."""
    reason: Mapped[str]
    state: Mapped[RunState] = mapped_column(closed(RunState, name="state"))
    problem: Mapped[str | None]
    """Why it could not go on."""
    reached: Mapped[UUID | None] = mapped_column(Id)
    """The last thing that was looked at, where they are not named."""
    total: Mapped[int | None]
    """How many things there are for who asked; unknown until the first slice."""
    changed: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    gone: Mapped[int] = mapped_column(default=0)
    asked_by: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"))
    asked_at: Mapped[int] = mapped_column(UtcTime)
    ended_at: Mapped[int | None] = mapped_column(UtcTime)
    revision: Mapped[int] = mapped_column(default=1)


class ClassAssignLine(Base):
    """One thing of an order; without an outcome it still waits.

    Its own id is derived from both, so no thing has two lines, and none tells of others between them.
    """

    __tablename__ = "class_assign_line"
    __table_args__ = (
        UniqueConstraint("run_id", "position"),
        Index("ix_class_assign_line_object", "object_id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    run_id: Mapped[UUID] = mapped_column(Id, ForeignKey("class_assign_run.id"))
    position: Mapped[int]
    """1, 2, 3 and so on. Never shown: a number that is missing would tell of a line that is hidden."""
    object_id: Mapped[UUID] = mapped_column(Id)
    outcome: Mapped[LineOutcome | None] = mapped_column(closed(LineOutcome, name="outcome"))
    refusal: Mapped[str | None]
    """Why it was refused, for people."""
    former_class_id: Mapped[UUID | None] = mapped_column(Id)
    class_id: Mapped[UUID | None] = mapped_column(Id)
    """The class that it was given."""
