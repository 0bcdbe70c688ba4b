"""Results of searches that people froze as lists, such as the answers to research requests."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.search import SubjectKind
from dms.models.types import Base, Id, UtcTime, closed
from dms.rules.searchlimits import HitOrder


class SearchList(Base):
    """What an account found once, and what it had searched for; only the words about it ever change."""

    __tablename__ = "search_list"
    __table_args__ = (Index("ix_search_list_owner", "owner_id", "id"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"))
    title: Mapped[str]
    requester: Mapped[str | None]
    """Who asked, in the owner's words."""
    note: Mapped[str | None]
    query: Mapped[str]
    """As it was typed; empty if conditions alone were searched for."""
    conditions: Mapped[str]
    """As canonical JSON."""
    hit_order: Mapped[HitOrder] = mapped_column(closed(HitOrder, name="hit_order"))
    frozen_at: Mapped[int] = mapped_column(UtcTime)
    revision: Mapped[int] = mapped_column(default=1)


class SearchListLine(Base):
    """A thing that was found, by its id alone: whatever becomes of it, no word of it stays here.

    Its own id is derived from both, since ids that follow each other would tell of lines between them.
    """

    __tablename__ = "search_list_line"
    __table_args__ = (UniqueConstraint("list_id", "position"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    list_id: Mapped[UUID] = mapped_column(Id, ForeignKey("search_list.id"))
    position: Mapped[int]
    """1, 2, 3 and so on. Never shown: a number that is missing would tell of a line that is hidden."""
    subject: Mapped[UUID] = mapped_column(Id)
    kind: Mapped[SubjectKind] = mapped_column(closed(SubjectKind, name="kind"))
    found_revision: Mapped[int]
    found_version: Mapped[int | None]
    """Number of the newest Version when it was found."""
