"""Rules that raise alerts about the access log, what they raised, and what they remember."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Id, UtcTime, closed
from dms.rules.alertterms import AlertKind
from dms.rules.logalerts import Known


class LogAlert(Base):
    """A saved rule; a removed one raises no more, and what it raised stays."""

    __tablename__ = "log_alert"
    __table_args__ = (
        CheckConstraint("(removed_at IS NULL) = (removed_by IS NULL)", name="removed"),
        Index("ix_log_alert_removed", "removed_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    name: Mapped[str]
    kind: Mapped[AlertKind] = mapped_column(closed(AlertKind, name="kind"))
    terms: Mapped[str]
    """The numbers of the rule as canonical JSON."""
    since_index: Mapped[int] = mapped_column(BigInteger)
    """The leaf from which on it looks: what was there before is only remembered."""
    created_by: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"))
    created_at: Mapped[int] = mapped_column(UtcTime)
    removed_by: Mapped[UUID | None] = mapped_column(Id, ForeignKey("principal.id"))
    removed_at: Mapped[int | None] = mapped_column(UtcTime)
    revision: Mapped[int] = mapped_column(default=1)


class LogAlertHit(Base):
    """An alert: of one subject a rule raises one only. It waits until somebody has reviewed it."""

    __tablename__ = "log_alert_hit"
    __table_args__ = (
        UniqueConstraint("alert_id", "subject"),
        Index("ix_log_alert_hit_reviewed", "reviewed_at", "id"),
        CheckConstraint(
            "(reviewed_at IS NULL) = (reviewed_by IS NULL) AND (reviewed_at IS NULL) = (note IS NULL)",
            name="review",
        ),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    alert_id: Mapped[UUID] = mapped_column(Id, ForeignKey("log_alert.id"))
    alert_revision: Mapped[int]
    subject: Mapped[str]
    actor_id: Mapped[UUID | None] = mapped_column(Id)
    first_at: Mapped[int] = mapped_column(UtcTime)
    last_at: Mapped[int] = mapped_column(UtcTime)
    found_at: Mapped[int] = mapped_column(UtcTime)
    message: Mapped[str]
    figures: Mapped[str]
    """What made it, as canonical JSON."""
    events: Mapped[str]
    """The ids of the events that made it, as canonical JSON."""
    reviewed_by: Mapped[UUID | None] = mapped_column(Id, ForeignKey("principal.id"))
    reviewed_at: Mapped[int | None] = mapped_column(UtcTime)
    note: Mapped[str | None]


class LogAlertPosition(Base):
    """One row: the leaf at which the rules go on."""

    __tablename__ = "log_alert_position"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    next_index: Mapped[int] = mapped_column(BigInteger)


class LogAlertHour(Base):
    """How many objects an account was shown in an hour."""

    __tablename__ = "log_alert_hour"
    __table_args__ = (Index("ix_log_alert_hour_hour", "hour"),)

    actor_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n_objects: Mapped[int] = mapped_column(BigInteger)


class LogAlertKnown(Base):
    """What an account met, marks and classes, or that it was disabled; and which sessions ended."""

    __tablename__ = "log_alert_known"

    actor_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    kind: Mapped[Known] = mapped_column(closed(Known, name="kind"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(UtcTime)


class LogAlertRefusal(Base):
    """A refusal of the last day."""

    __tablename__ = "log_alert_refusal"
    __table_args__ = (Index("ix_log_alert_refusal_actor", "actor_id", "at"),)

    leaf_index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    actor_id: Mapped[UUID] = mapped_column(Id)
    at: Mapped[int] = mapped_column(UtcTime)
    event_id: Mapped[UUID] = mapped_column(Id)
