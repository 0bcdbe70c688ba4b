"""Registers and their entries; triggers of both databases keep entries and corrections as written."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Id, SortKey, UtcTime, closed
from dms.rules.registers import Direction, Numbering


class Register(Base):
    """A numbered log book, part of an Aggregation: who may see and enter what follows from that."""

    __tablename__ = "register"
    __table_args__ = (
        UniqueConstraint("repository_id", "code"),
        Index("ix_register_aggregation", "aggregation_id"),
        Index("ix_register_code_key", "code_key", "id"),
        CheckConstraint("last_serial >= last_number", name="numbers"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    repository_id: Mapped[UUID] = mapped_column(Id, ForeignKey("repository.id"))
    aggregation_id: Mapped[UUID] = mapped_column(Id, ForeignKey("aggregation.id"))
    code: Mapped[str]
    code_key: Mapped[str] = mapped_column(SortKey)
    title: Mapped[str]
    direction: Mapped[Direction | None] = mapped_column(closed(Direction, name="direction"))
    """None: entries of all directions, each of which says its own."""
    numbering: Mapped[Numbering] = mapped_column(closed(Numbering, name="numbering"))
    pattern: Mapped[str]
    last_serial: Mapped[int] = mapped_column(BigInteger)
    last_year: Mapped[int]
    last_number: Mapped[int] = mapped_column(BigInteger)
    """Of the last entry; all three are 0 before the first."""
    created_at: Mapped[int] = mapped_column(UtcTime)
    created_by: Mapped[UUID | None] = mapped_column(Id)


class RegisterEntry(Base):
    """A line of a register; it is never changed."""

    __tablename__ = "register_entry"
    __table_args__ = (
        UniqueConstraint("register_id", "serial"),
        UniqueConstraint("register_id", "year", "number"),
        UniqueConstraint("register_id", "code"),
        Index("ix_register_entry_document", "document_id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    register_id: Mapped[UUID] = mapped_column(Id, ForeignKey("register.id"))
    aggregation_id: Mapped[UUID] = mapped_column(Id, ForeignKey("aggregation.id"))
    """That of the register, which never changes."""
    serial: Mapped[int] = mapped_column(BigInteger)
    """How many entries the register had with this one."""
    year: Mapped[int]
    """The year that the number counts in; 0 where numbers run on."""
    number: Mapped[int] = mapped_column(BigInteger)
    code: Mapped[str]
    """The number as people write it."""
    direction: Mapped[Direction] = mapped_column(closed(Direction, name="direction"))
    day: Mapped[date]
    sender: Mapped[str | None]
    addressee: Mapped[str | None]
    subject: Mapped[str]
    document_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("document.id"))
    entered_at: Mapped[int] = mapped_column(UtcTime)
    entered_by: Mapped[UUID | None] = mapped_column(Id)


class RegisterCorrection(Base):
    """A line added to an entry: what it should say, or that it is void; what is None it leaves as it was."""

    __tablename__ = "register_correction"
    __table_args__ = (
        UniqueConstraint("entry_id", "number"),
        Index("ix_register_correction_document", "document_id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(Id, ForeignKey("register_entry.id"))
    number: Mapped[int]
    is_void: Mapped[bool]
    """The entry counts no more; its number stays taken."""
    day: Mapped[date | None]
    sender: Mapped[str | None]
    addressee: Mapped[str | None]
    subject: Mapped[str | None]
    document_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("document.id"))
    reason: Mapped[str]
    made_at: Mapped[int] = mapped_column(UtcTime)
    made_by: Mapped[UUID | None] = mapped_column(Id)
