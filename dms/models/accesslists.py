"""Access entries and the revisions of the policy (`access.md` section 3)."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Digest, Id, UtcTime, closed
from dms.rules.access import Action, Effect, NodeKind

_OPEN = text("revision_to IS NULL")


class EntryKind(StrEnum):
    """How an entry came about."""

    ORDINARY = "ordinary"
    DELEGATED = "delegated"
    EMERGENCY = "emergency"
    OPENING = "opening"


class AccessEntry(Base):
    """One line of an access list. Append-only: revoking sets `revision_to` once."""

    __tablename__ = "access_entry"
    __table_args__ = (
        Index(
            "ix_access_entry_principal",
            "principal_id",
            "node_kind",
            "node_id",
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index(
            "ix_access_entry_node",
            "node_id",
            "principal_id",
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_access_entry_history", "node_id", "revision_from"),
        Index("ix_access_entry_begins", "valid_from", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_access_entry_ends", "valid_until", sqlite_where=_OPEN, postgresql_where=_OPEN),
        CheckConstraint("valid_until IS NULL OR valid_from < valid_until", name="period"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    principal_id: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"))
    node_kind: Mapped[NodeKind] = mapped_column(closed(NodeKind, name="node_kind"))
    node_id: Mapped[UUID] = mapped_column(Id)
    action: Mapped[Action] = mapped_column(closed(Action, name="action"))
    effect: Mapped[Effect] = mapped_column(closed(Effect, name="effect"))
    valid_from: Mapped[int] = mapped_column(UtcTime)
    valid_until: Mapped[int | None] = mapped_column(UtcTime)
    reason: Mapped[str]
    granted_by: Mapped[UUID | None] = mapped_column(Id)
    granted_at: Mapped[int] = mapped_column(UtcTime)
    kind: Mapped[EntryKind] = mapped_column(closed(EntryKind, name="kind"))
    revoked_by: Mapped[UUID | None] = mapped_column(Id)
    revoked_at: Mapped[int | None] = mapped_column(UtcTime)
    revoke_reason: Mapped[str | None]
    revision_from: Mapped[int]
    revision_to: Mapped[int | None]
    proposal_id: Mapped[UUID | None] = mapped_column(Id)
    """The proposal by which two people wrote it; None for one that one person wrote."""


class PolicyRevision(Base):
    """One change of what anybody may do; the number orders them all."""

    __tablename__ = "policy_revision"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(UtcTime)
    actor_id: Mapped[UUID | None] = mapped_column(Id)
    kind: Mapped[str]
    note: Mapped[str]
    event_id: Mapped[UUID | None] = mapped_column(Id)


class PolicyHead(Base):
    """The one row with the current revision and the digest of the policy files in force."""

    __tablename__ = "policy_head"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    revision: Mapped[int] = mapped_column(BigInteger)
    files_sha256: Mapped[str] = mapped_column(Digest)
