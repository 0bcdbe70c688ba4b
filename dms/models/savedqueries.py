"""Searches that people saved for themselves."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Id, UtcTime, closed
from dms.rules.searchlimits import HitOrder


class SavedQuery(Base):
    """A search of an account; it is never changed, and what it finds is found anew each time."""

    __tablename__ = "saved_query"
    __table_args__ = (UniqueConstraint("owner_id", "name"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"))
    name: Mapped[str]
    query: Mapped[str]
    """As it was typed; empty if conditions alone are searched for."""
    conditions: Mapped[str]
    """As canonical JSON."""
    hit_order: Mapped[HitOrder] = mapped_column(closed(HitOrder, name="hit_order"))
    saved_at: Mapped[int] = mapped_column(UtcTime)
