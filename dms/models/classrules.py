"""Ordered rules that give new Documents their class."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Id, UtcTime


class ClassRule(Base):
    """What must fit of a Document for it to get a class, unless somebody says which."""

    __tablename__ = "class_rule"
    __table_args__ = (Index("ix_class_rule_position", "position", "id"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    position: Mapped[int]
    """The lower ones are asked first; no two are alike but for a moment."""
    title: Mapped[str]
    record_class_id: Mapped[UUID] = mapped_column(Id, ForeignKey("record_class.id"))
    conditions: Mapped[str]
    """As canonical JSON."""
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[int] = mapped_column(UtcTime)
    created_by: Mapped[UUID | None] = mapped_column(Id)
    updated_at: Mapped[int] = mapped_column(UtcTime)
    updated_by: Mapped[UUID | None] = mapped_column(Id)
