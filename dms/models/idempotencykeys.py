"""Keys that callers gave to what they made, so that a request sent twice makes it once."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Digest, Id, UtcTime


class IdempotencyKey(Base):
    """A key of an account: what it was used for, and what came of it."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_used_at", "used_at"),)

    principal_id: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"), primary_key=True)
    key_sha256: Mapped[str] = mapped_column(Digest, primary_key=True)
    """A caller may write anything into a key, so the key itself is not kept."""
    mutation: Mapped[str]
    body_sha256: Mapped[str] = mapped_column(Digest)
    thing_id: Mapped[UUID | None] = mapped_column(Id)
    """What was made; none only inside of the transaction that makes it."""
    used_at: Mapped[int] = mapped_column(UtcTime)
