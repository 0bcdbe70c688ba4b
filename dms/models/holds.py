"""Holds with what they cover and whom they were told to, and the row that keeps them and disposal apart."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Id, UtcTime, closed
from dms.rules.holds import CoverBasis, CoveredKind
from dms.rules.states import HoldState


class Hold(Base):
    """An order that forbids every loss of what it covers until two persons lift it."""

    __tablename__ = "hold"
    __table_args__ = (
        UniqueConstraint("repository_id", "number"),
        Index("ix_hold_review", "state", "review_on", "id"),
        CheckConstraint("(state = 'lifted') = (lifted_at IS NOT NULL)", name="lifted"),
        CheckConstraint("state = 'active' OR lift_proposed_at IS NOT NULL", name="proposed"),
        CheckConstraint("lifted_by IS NULL OR lifted_by <> lift_proposed_by", name="four_eyes"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    repository_id: Mapped[UUID] = mapped_column(Id, ForeignKey("repository.id"))
    number: Mapped[int]
    """1, 2, 3 and so on, without gaps."""
    matter: Mapped[str]
    """The case, audit or request that it is for."""
    mandate: Mapped[str]
    """The law, order or agreement by which it stands."""
    reason: Mapped[str]
    review_on: Mapped[date | None]
    """The day by which somebody looks whether it is still needed."""
    state: Mapped[HoldState] = mapped_column(closed(HoldState, name="state"))
    editors: Mapped[str]
    """Sorted hexadecimal ids of whoever placed it or named what it covers, separated by spaces."""
    revision: Mapped[int] = mapped_column(default=1)
    placed_at: Mapped[int] = mapped_column(UtcTime)
    placed_by: Mapped[UUID | None] = mapped_column(Id)
    lift_reason: Mapped[str | None]
    lift_proposed_at: Mapped[int | None] = mapped_column(UtcTime)
    lift_proposed_by: Mapped[UUID | None] = mapped_column(Id)
    lifted_at: Mapped[int | None] = mapped_column(UtcTime)
    lifted_by: Mapped[UUID | None] = mapped_column(Id)


class HoldLine(Base):
    """That a Hold covers a thing, with whatever hangs below it; lines are only ever added."""

    __tablename__ = "hold_line"
    __table_args__ = (
        UniqueConstraint("hold_id", "target_id"),
        Index("ix_hold_line_target", "target_id", "hold_id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    """Derived from both ends: lines made together would else tell of each other."""
    hold_id: Mapped[UUID] = mapped_column(Id, ForeignKey("hold.id"))
    kind: Mapped[CoveredKind] = mapped_column(closed(CoveredKind, name="kind"))
    target_id: Mapped[UUID] = mapped_column(Id)
    basis: Mapped[CoverBasis] = mapped_column(closed(CoverBasis, name="basis"))
    added_at: Mapped[int] = mapped_column(UtcTime)
    added_by: Mapped[UUID | None] = mapped_column(Id)


class HoldNotice(Base):
    """That a person who keeps records was told of a Hold, and has acknowledged it."""

    __tablename__ = "hold_notice"
    __table_args__ = (
        Index("ix_hold_notice_hold", "hold_id", "id"),
        Index("ix_hold_notice_custodian", "custodian_id", "hold_id"),
        CheckConstraint("(custodian_id IS NULL) <> (custodian_name IS NULL)", name="one_custodian"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    hold_id: Mapped[UUID] = mapped_column(Id, ForeignKey("hold.id"))
    custodian_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("principal.id"))
    custodian_name: Mapped[str | None]
    """Of somebody without an account."""
    note: Mapped[str | None]
    """How the person was told, or how the acknowledgement came."""
    told_at: Mapped[int] = mapped_column(UtcTime)
    told_by: Mapped[UUID | None] = mapped_column(Id)
    acknowledged_at: Mapped[int | None] = mapped_column(UtcTime)
    acknowledged_by: Mapped[UUID | None] = mapped_column(Id)


class DisposalGuard(Base):
    """The row on which Holds and disposal meet (`records.md` section 3 rule 2).

    INVARIANT (hold-or-destroy): what may bring things under a Hold raises the turn, and what rests on which
    Holds stand locks the row, each before it reads or writes anything else of them.
    """

    __tablename__ = "disposal_guard"

    repository_id: Mapped[UUID] = mapped_column(Id, ForeignKey("repository.id"), primary_key=True)
    turn: Mapped[int]
