"""Proposed changes of who may what, which wait for a second person."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Digest, Id, UtcTime, closed


class ProposalState(StrEnum):
    """How far a proposal has come; one that nobody decided expires by itself."""

    PROPOSED = "proposed"
    APPLIED = "applied"
    REJECTED = "rejected"
    EXPIRED = "expired"


class AccessProposal(Base):
    """A set of changes with what an approval of it is bound to."""

    __tablename__ = "access_proposal"
    __table_args__ = (
        Index("ix_access_proposal_state", "state", "proposed_at"),
        CheckConstraint("(state = 'proposed') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("(state = 'applied') = (applied_revision IS NOT NULL)", name="applied"),
        CheckConstraint("state <> 'expired'", name="expires_by_itself"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    changes: Mapped[str]
    """Canonical JSON (`rules.accesschanges`)."""
    reason: Mapped[str]
    digest: Mapped[str] = mapped_column(Digest)
    """Binds the approval to changes and reason."""
    basis_sha256: Mapped[str] = mapped_column(Digest)
    """Binds it to whom the changes reached, and what differed for them, when they were proposed."""
    base_revision: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[ProposalState] = mapped_column(closed(ProposalState, name="state"))
    proposed_by: Mapped[UUID] = mapped_column(Id)
    proposed_at: Mapped[int] = mapped_column(UtcTime)
    editors: Mapped[str] = mapped_column(default="")
    """Sorted hexadecimal ids of whoever changed it, separated by spaces."""
    expires_at: Mapped[int] = mapped_column(UtcTime)
    decided_by: Mapped[UUID | None] = mapped_column(Id)
    decided_at: Mapped[int | None] = mapped_column(UtcTime)
    decision_note: Mapped[str | None]
    applied_revision: Mapped[int | None] = mapped_column(BigInteger)
