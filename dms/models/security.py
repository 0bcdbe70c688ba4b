"""Security levels, compartments, interned classifications, clearances and changes of marks."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Digest, Id, LevelRank, UtcTime, closed
from dms.rules.states import ChangeState


class CompartmentStatus(StrEnum):
    """A retired compartment stays on what it marks, but marks nothing new."""

    ACTIVE = "active"
    RETIRED = "retired"


class MarkedKind(StrEnum):
    """What bears a SecurityClassification."""

    DOCUMENT = "document"
    AGGREGATION = "aggregation"


class SecurityLevel(Base):
    """A rank with its names; 100, 200, .. so that there is room between."""

    __tablename__ = "security_level"
    __table_args__ = (UniqueConstraint("rank"), UniqueConstraint("code"))

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    rank: Mapped[int] = mapped_column(LevelRank)
    code: Mapped[str]
    name: Mapped[str]
    marking: Mapped[str]
    revision: Mapped[int] = mapped_column(default=1)


class Compartment(Base):
    """A need-to-know group; all of a mark's compartments must be in the clearance."""

    __tablename__ = "compartment"
    __table_args__ = (UniqueConstraint("code"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    status: Mapped[CompartmentStatus] = mapped_column(closed(CompartmentStatus, name="status"))
    revision: Mapped[int] = mapped_column(default=1)


class SecurityClassification(Base):
    """An interned pair of level and compartments. Rows never change; the id stays inside."""

    __tablename__ = "security_classification"
    __table_args__ = (UniqueConstraint("level_rank", "compartments"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    level_rank: Mapped[int] = mapped_column(LevelRank, ForeignKey("security_level.rank"))
    compartments: Mapped[str]
    """Sorted hexadecimal ids of the compartments, separated by spaces."""


class Clearance(Base):
    """What a user may see at most, for a half-open period; append-only."""

    __tablename__ = "clearance"
    __table_args__ = (
        Index(
            "uq_clearance_open",
            "user_id",
            "valid_from",
            unique=True,
            sqlite_where=text("revision_to IS NULL"),
            postgresql_where=text("revision_to IS NULL"),
        ),
        Index("ix_clearance_history", "user_id", "revision_from"),
        Index(
            "ix_clearance_begins",
            "valid_from",
            sqlite_where=text("revision_to IS NULL"),
            postgresql_where=text("revision_to IS NULL"),
        ),
        Index(
            "ix_clearance_ends",
            "valid_until",
            sqlite_where=text("revision_to IS NULL"),
            postgresql_where=text("revision_to IS NULL"),
        ),
        CheckConstraint("valid_until IS NULL OR valid_from < valid_until", name="period"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"))
    level_rank: Mapped[int] = mapped_column(LevelRank, ForeignKey("security_level.rank"))
    compartments: Mapped[str]
    valid_from: Mapped[int] = mapped_column(UtcTime)
    valid_until: Mapped[int | None] = mapped_column(UtcTime)
    reason: Mapped[str]
    granted_by: Mapped[UUID | None] = mapped_column(Id)
    revision_from: Mapped[int]
    revision_to: Mapped[int | None]


class SecurityChange(Base):
    """One change of a mark: a raise is in effect at once, a lowering waits for a second person.

    All rows of an object together are the history of its marks (F23, F25).
    """

    __tablename__ = "security_change"
    __table_args__ = (
        Index("ix_security_change_object", "object_id", "proposed_at"),
        Index("ix_security_change_state", "state", "proposed_at"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    object_kind: Mapped[MarkedKind] = mapped_column(closed(MarkedKind, name="object_kind"))
    object_id: Mapped[UUID] = mapped_column(Id)
    from_id: Mapped[int | None] = mapped_column(ForeignKey("security_classification.id"))
    to_id: Mapped[int] = mapped_column(ForeignKey("security_classification.id"))
    reason: Mapped[str]
    state: Mapped[ChangeState] = mapped_column(closed(ChangeState, name="state"))
    proposed_by: Mapped[UUID | None] = mapped_column(Id)
    proposed_at: Mapped[int] = mapped_column(UtcTime)
    expires_at: Mapped[int | None] = mapped_column(UtcTime)
    decided_by: Mapped[UUID | None] = mapped_column(Id)
    decided_at: Mapped[int | None] = mapped_column(UtcTime)
    decision_note: Mapped[str | None]
    digest: Mapped[str] = mapped_column(Digest)
    """Binds the approval to object, revision and both marks."""
