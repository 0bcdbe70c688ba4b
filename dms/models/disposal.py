"""Disposal: lists of things that may go, their approvals, what became of each line, and the certificates."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.search import SubjectKind
from dms.models.types import Base, Digest, Id, UtcTime, closed
from dms.rules.disposal import DisposalAction, ItemOutcome, Obstacle
from dms.rules.states import BatchState


class DisposalBatch(Base):
    """A list of things that go together: proposed by one, approved by others, started by a person."""

    __tablename__ = "disposal_batch"
    __table_args__ = (
        UniqueConstraint("number"),
        Index("ix_disposal_batch_state", "state", "number"),
        CheckConstraint("(action = 'review_again') = (review_on IS NOT NULL)", name="review"),
        CheckConstraint("quorum >= 1 AND waiting_days >= 0", name="terms"),
        CheckConstraint("state IN ('draft', 'cancelled') OR digest IS NOT NULL", name="digest"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    number: Mapped[int]
    """1, 2, 3 and so on, without gaps."""
    action: Mapped[DisposalAction] = mapped_column(closed(DisposalAction, name="action"))
    title: Mapped[str]
    authority: Mapped[str]
    """The law, schedule or decision by which it is done."""
    criteria: Mapped[str | None]
    """By what the things were judged, where their rules ask for a review or a sample."""
    keeps_title: Mapped[bool]
    """Whether the stubs keep their titles."""
    quorum: Mapped[int]
    """How many must approve."""
    waiting_days: Mapped[int]
    """Days between the last approval and the execution."""
    review_on: Mapped[date | None]
    """The day of the next review, of a list that puts it off."""
    seed: Mapped[str]
    """What a random sample is drawn by: 64 hexadecimal characters, drawn when the list was begun."""
    state: Mapped[BatchState] = mapped_column(closed(BatchState, name="state"))
    digest: Mapped[str | None] = mapped_column(Digest)
    """Of the list as it was proposed; each approval is bound to it."""
    n_items: Mapped[int] = mapped_column(default=0)
    editors: Mapped[str] = mapped_column(default="")
    """Sorted hexadecimal ids of whoever changed it since it was made, separated by spaces."""
    revision: Mapped[int]
    created_at: Mapped[int] = mapped_column(UtcTime)
    created_by: Mapped[UUID] = mapped_column(Id)
    proposed_at: Mapped[int | None] = mapped_column(UtcTime)
    proposed_by: Mapped[UUID | None] = mapped_column(Id)
    approved_at: Mapped[int | None] = mapped_column(UtcTime)
    """When the last approval came that was asked for."""
    started_at: Mapped[int | None] = mapped_column(UtcTime)
    started_by: Mapped[UUID | None] = mapped_column(Id)
    ended_at: Mapped[int | None] = mapped_column(UtcTime)
    """When it was executed or cancelled."""


class DisposalItem(Base):
    """A thing on a list. What is known of it here are ids, numbers and the rule that allows it, no words."""

    __tablename__ = "disposal_item"
    __table_args__ = (
        UniqueConstraint("batch_id", "position"),
        UniqueConstraint("batch_id", "subject"),
        Index("ix_disposal_item_subject", "subject"),
        Index("ix_disposal_item_outcome", "batch_id", "outcome", "position"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    batch_id: Mapped[UUID] = mapped_column(Id, ForeignKey("disposal_batch.id"))
    position: Mapped[int]
    """1, 2, 3 and so on; what lies in a thing comes before it."""
    subject: Mapped[UUID] = mapped_column(Id)
    kind: Mapped[SubjectKind] = mapped_column(closed(SubjectKind, name="kind"))
    found_revision: Mapped[int]
    """Revision of the thing as it was put on the list, and so as it was approved."""
    rule: Mapped[str]
    """Citation of the rule that allows it; empty without one."""
    due_on: Mapped[date | None]
    outcome: Mapped[ItemOutcome] = mapped_column(closed(ItemOutcome, name="outcome"))
    obstacle: Mapped[Obstacle | None] = mapped_column(closed(Obstacle, name="obstacle"))
    """Why it did not go."""
    contents: Mapped[str | None]
    """Of a thing that is gone, as canonical JSON: of each Version number, digest and size."""
    done_at: Mapped[int | None] = mapped_column(UtcTime)
    event_id: Mapped[UUID | None] = mapped_column(Id)
    """The access event of the operation in which it went."""


class DisposalApproval(Base):
    """That a person approved a list, as it was then; a return makes it count no more."""

    __tablename__ = "disposal_approval"
    __table_args__ = (Index("ix_disposal_approval_batch", "batch_id", "at"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    batch_id: Mapped[UUID] = mapped_column(Id, ForeignKey("disposal_batch.id"))
    digest: Mapped[str] = mapped_column(Digest)
    """Of the list that was approved."""
    proposed_at: Mapped[int] = mapped_column(UtcTime)
    """Which proposal of the list it answers: after a return the same list is proposed anew."""
    approved_by: Mapped[UUID] = mapped_column(Id)
    note: Mapped[str | None]
    at: Mapped[int] = mapped_column(UtcTime)


class DisposalCertificate(Base):
    """The proof of what was done with a list; never changed."""

    __tablename__ = "disposal_certificate"
    __table_args__ = (UniqueConstraint("number"), UniqueConstraint("batch_id"))

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    batch_id: Mapped[UUID] = mapped_column(Id, ForeignKey("disposal_batch.id"))
    number: Mapped[int]
    """1, 2, 3 and so on, without gaps."""
    body: Mapped[str]
    """Canonical JSON (`rules.certificates`)."""
    sha256: Mapped[str] = mapped_column(Digest)
    """Of the body; it stands in the access log too."""
    issued_at: Mapped[int] = mapped_column(UtcTime)
