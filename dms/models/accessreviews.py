"""Access reviews: a list as it stood, and the signature under each of its lines (F36)."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Id, UtcTime, closed
from dms.rules.access import NodeKind


class ReviewState(StrEnum):
    """A review is open until each of its lines is decided."""

    OPEN = "open"
    CLOSED = "closed"


class LineState(StrEnum):
    """What was decided about a line; a decided one never changes."""

    OPEN = "open"
    KEPT = "kept"
    REVOKED = "revoked"


class AccessReview(Base):
    """A review of the access list of a node, frozen when it began."""

    __tablename__ = "access_review"
    __table_args__ = (
        Index("ix_access_review_node", "node_id", "id"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    node_kind: Mapped[NodeKind] = mapped_column(closed(NodeKind, name="node_kind"))
    node_id: Mapped[UUID] = mapped_column(Id)
    includes_below: Mapped[bool]
    reason: Mapped[str]
    state: Mapped[ReviewState] = mapped_column(closed(ReviewState, name="state"))
    started_by: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"))
    started_at: Mapped[int] = mapped_column(UtcTime)
    closed_by: Mapped[UUID | None] = mapped_column(Id, ForeignKey("principal.id"))
    closed_at: Mapped[int | None] = mapped_column(UtcTime)


class AccessReviewLine(Base):
    """An entry that a review asks about, with the signature of who decided."""

    __tablename__ = "access_review_line"
    __table_args__ = (
        UniqueConstraint("review_id", "entry_id"),
        Index("ix_access_review_line_entry", "entry_id"),
        CheckConstraint(
            "(state = 'open') = (decided_at IS NULL) AND (state = 'open') = (decided_by IS NULL)"
            " AND (state = 'open') = (note IS NULL)",
            name="signature",
        ),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    review_id: Mapped[UUID] = mapped_column(Id, ForeignKey("access_review.id"))
    entry_id: Mapped[UUID] = mapped_column(Id, ForeignKey("access_entry.id"))
    node_id: Mapped[UUID] = mapped_column(Id)
    """The node of the entry, which decides who sees the line."""
    state: Mapped[LineState] = mapped_column(closed(LineState, name="state"))
    decided_by: Mapped[UUID | None] = mapped_column(Id, ForeignKey("principal.id"))
    decided_at: Mapped[int | None] = mapped_column(UtcTime)
    note: Mapped[str | None]
