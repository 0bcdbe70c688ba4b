"""Principals, the links between them, accounts and what authenticates them."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Digest, Id, UtcTime, closed

EVERYONE_ID = UUID("00000000-0000-7000-8000-000000000001")
"""The one principal that every actor has."""


class PrincipalKind(StrEnum):
    """What an access entry can name as the one who may."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"
    SERVICE = "service"
    EVERYONE = "everyone"


class PrincipalStatus(StrEnum):
    """Whether a principal counts at all."""

    ACTIVE = "active"
    DISABLED = "disabled"


class TokenKind(StrEnum):
    """Where a bearer token comes from."""

    SESSION = "session"
    KEY = "key"


class Principal(Base):
    """A user, service account, group, role, or everyone. A name is text, never an identity."""

    __tablename__ = "principal"
    __table_args__ = (UniqueConstraint("kind", "name"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    kind: Mapped[PrincipalKind] = mapped_column(closed(PrincipalKind, name="kind"))
    name: Mapped[str]
    display_name: Mapped[str]
    status: Mapped[PrincipalStatus] = mapped_column(closed(PrincipalStatus, name="status"))
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[int] = mapped_column(UtcTime)
    created_by: Mapped[UUID | None] = mapped_column(Id)


class PrincipalLink(Base):
    """Membership in a group or assignment of a role, for a half-open period; append-only."""

    __tablename__ = "principal_link"
    __table_args__ = (
        Index(
            "uq_principal_link_open",
            "member_id",
            "group_id",
            unique=True,
            sqlite_where=text("revision_to IS NULL"),
            postgresql_where=text("revision_to IS NULL"),
        ),
        Index(
            "ix_principal_link_group",
            "group_id",
            "member_id",
            sqlite_where=text("revision_to IS NULL"),
            postgresql_where=text("revision_to IS NULL"),
        ),
        Index("ix_principal_link_member_history", "member_id", "revision_from"),
        Index("ix_principal_link_group_history", "group_id", "revision_from"),
        Index(
            "ix_principal_link_begins",
            "valid_from",
            sqlite_where=text("revision_to IS NULL"),
            postgresql_where=text("revision_to IS NULL"),
        ),
        Index(
            "ix_principal_link_ends",
            "valid_until",
            sqlite_where=text("revision_to IS NULL"),
            postgresql_where=text("revision_to IS NULL"),
        ),
        CheckConstraint("member_id <> group_id", name="not_itself"),
        CheckConstraint("valid_until IS NULL OR valid_from < valid_until", name="period"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    member_id: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"))
    group_id: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"))
    valid_from: Mapped[int] = mapped_column(UtcTime)
    valid_until: Mapped[int | None] = mapped_column(UtcTime)
    reason: Mapped[str]
    granted_by: Mapped[UUID | None] = mapped_column(Id)
    revision_from: Mapped[int]
    revision_to: Mapped[int | None]


class PrincipalStatusHistory(Base):
    """Whether a principal counted before that changed; nothing is written when it is made."""

    __tablename__ = "principal_status_history"
    __table_args__ = (Index("ix_principal_status_history_principal", "principal_id", "valid_from"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    principal_id: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"))
    status: Mapped[PrincipalStatus] = mapped_column(closed(PrincipalStatus, name="status"))
    valid_from: Mapped[int] = mapped_column(UtcTime)
    valid_until: Mapped[int] = mapped_column(UtcTime)
    event_id: Mapped[UUID] = mapped_column(Id)


class Account(Base):
    """What a person logs in with."""

    __tablename__ = "account"

    principal_id: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"), primary_key=True)
    password_hash: Mapped[str | None]
    password_changed_at: Mapped[int | None] = mapped_column(UtcTime)


class BearerToken(Base):
    """A session or a key. Only the SHA-256 of the token is kept."""

    __tablename__ = "bearer_token"
    __table_args__ = (
        UniqueConstraint("token_sha256"),
        Index("ix_bearer_token_principal_id", "principal_id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    principal_id: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"))
    kind: Mapped[TokenKind] = mapped_column(closed(TokenKind, name="kind"))
    token_sha256: Mapped[str] = mapped_column(Digest)
    note: Mapped[str]
    created_at: Mapped[int] = mapped_column(UtcTime)
    last_used_at: Mapped[int] = mapped_column(UtcTime)
    idle_s: Mapped[int]
    expires_at: Mapped[int] = mapped_column(UtcTime)
    ended_at: Mapped[int | None] = mapped_column(UtcTime)


class OneTimeCode(Base):
    """A code that lets its holder choose a password once; only its SHA-256 is kept."""

    __tablename__ = "one_time_code"
    __table_args__ = (UniqueConstraint("code_sha256"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    principal_id: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"))
    code_sha256: Mapped[str] = mapped_column(Digest)
    created_at: Mapped[int] = mapped_column(UtcTime)
    expires_at: Mapped[int] = mapped_column(UtcTime)
    used_at: Mapped[int | None] = mapped_column(UtcTime)


class LoginThrottle(Base):
    """A token bucket of log-in attempts, shared by processes and kept over a restart."""

    __tablename__ = "login_throttle"

    key_sha256: Mapped[str] = mapped_column(Digest, primary_key=True)
    failures: Mapped[int]
    free_at: Mapped[int] = mapped_column(UtcTime)
    touched_at: Mapped[int] = mapped_column(UtcTime)
