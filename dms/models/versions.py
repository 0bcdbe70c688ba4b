"""Versions of Documents, their files, the stored Blobs and uploads that wait for a name."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Digest, Id, UtcTime, closed


class FileRole(StrEnum):
    """What a file is within its Version."""

    BODY = "body"
    ATTACHMENT = "attachment"
    METADATA = "metadata"


class VerifyState(StrEnum):
    """Outcome of the last fixity check of a Blob."""

    UNVERIFIED = "unverified"
    SOUND = "sound"
    DAMAGED = "damaged"
    MISSING = "missing"


class UploadState(StrEnum):
    """Life of an upload."""

    RECEIVED = "received"
    USED = "used"


class Version(Base):
    """One numbered, immutable content of a Document."""

    __tablename__ = "version"
    __table_args__ = (UniqueConstraint("document_id", "number"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    document_id: Mapped[UUID] = mapped_column(Id, ForeignKey("document.id"))
    number: Mapped[int]
    note: Mapped[str | None]
    created_at: Mapped[int] = mapped_column(UtcTime)
    created_by: Mapped[UUID | None] = mapped_column(Id)


class Blob(Base):
    """The stored, always encrypted form of one sequence of bytes of one Document."""

    __tablename__ = "blob"
    __table_args__ = (
        UniqueConstraint("document_id", "plain_sha256"),
        Index("ix_blob_stored_digest", "stored_digest"),
        Index("ix_blob_plain_sha256", "plain_sha256"),
        Index("ix_blob_verified_at", "verified_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    document_id: Mapped[UUID] = mapped_column(Id, ForeignKey("document.id"))
    store: Mapped[str]
    stored_digest: Mapped[str] = mapped_column(Digest)
    stored_bytes: Mapped[int] = mapped_column(BigInteger)
    plain_sha256: Mapped[str] = mapped_column(Digest)
    plain_bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[int] = mapped_column(UtcTime)
    verified_at: Mapped[int | None] = mapped_column(UtcTime)
    verify_state: Mapped[VerifyState] = mapped_column(closed(VerifyState, name="verify_state"))


class BlobKey(Base):
    """The wrapped key of a Blob; deleting the row destroys the bytes for good."""

    __tablename__ = "blob_key"

    blob_id: Mapped[UUID] = mapped_column(Id, ForeignKey("blob.id"), primary_key=True)
    kek: Mapped[str]
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)


class ContentFile(Base):
    """A named file of a Version."""

    __tablename__ = "content_file"
    __table_args__ = (UniqueConstraint("version_id", "position"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    version_id: Mapped[UUID] = mapped_column(Id, ForeignKey("version.id"))
    position: Mapped[int]
    role: Mapped[FileRole] = mapped_column(closed(FileRole, name="role"))
    name: Mapped[str]
    media_type: Mapped[str]
    declared_media_type: Mapped[str | None]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Digest)
    blob_id: Mapped[UUID] = mapped_column(Id, ForeignKey("blob.id"), index=True)


class PartialUpload(Base):
    """An upload that comes in parts, while some are missing; then an `Upload` of its id takes its place."""

    __tablename__ = "partial_upload"
    __table_args__ = (Index("ix_partial_upload_owner", "owner_id"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"))
    declared_media_type: Mapped[str | None]
    told: Mapped[str | None]
    """What the sender said of it, as he wrote it."""
    length_bytes: Mapped[int] = mapped_column(BigInteger)
    plain_bytes: Mapped[int] = mapped_column(BigInteger)
    staging: Mapped[str | None]
    """Name of the staged bytes; None until the first have come."""
    blob_id: Mapped[UUID] = mapped_column(Id)
    kek: Mapped[str]
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    tail: Mapped[bytes] = mapped_column(LargeBinary)
    """Content that does not fill a segment yet, sealed."""
    created_at: Mapped[int] = mapped_column(UtcTime)
    expires_at: Mapped[int] = mapped_column(UtcTime)


class Upload(Base):
    """Received bytes that no Document names yet; belongs to its maker and expires."""

    __tablename__ = "upload"
    __table_args__ = (Index("ix_upload_owner", "owner_id", "state"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(Id, ForeignKey("principal.id"))
    state: Mapped[UploadState] = mapped_column(closed(UploadState, name="state"))
    declared_media_type: Mapped[str | None]
    media_type: Mapped[str]
    blob_id: Mapped[UUID] = mapped_column(Id)
    store: Mapped[str]
    stored_digest: Mapped[str] = mapped_column(Digest)
    stored_bytes: Mapped[int] = mapped_column(BigInteger)
    plain_sha256: Mapped[str] = mapped_column(Digest)
    plain_bytes: Mapped[int] = mapped_column(BigInteger)
    kek: Mapped[str]
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[int] = mapped_column(UtcTime)
    expires_at: Mapped[int] = mapped_column(UtcTime)
