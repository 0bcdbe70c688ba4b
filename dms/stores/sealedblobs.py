"""Sealed Blobs and the rows that hold them: the one place where either becomes the other."""

from __future__ import annotations

from uuid import UUID

from dms.base.clock import Instant
from dms.models.versions import Blob, BlobKey, Upload, VerifyState
from dms.stores.blobs import StoredDigest
from dms.stores.vault import SealedBlob


def of_blob(row: Blob, key: BlobKey) -> SealedBlob:
    """Return the way to the bytes of a Blob that still has its key."""
    return _of(row, row.id, key)


def of_upload(row: Upload) -> SealedBlob:
    """Return the way to the bytes of an upload, which holds its key itself."""
    return _of(row, row.blob_id, row)


def blob_row(sealed: SealedBlob, *, document_id: UUID, store: str, now: Instant) -> Blob:
    """Return the row of what was sealed for a Document; its key's row follows once this is there."""
    return Blob(
        id=sealed.blob_id,
        document_id=document_id,
        store=store,
        stored_digest=sealed.stored_digest,
        stored_bytes=sealed.stored_bytes,
        plain_sha256=sealed.plain_sha256,
        plain_bytes=sealed.plain_bytes,
        created_at=now,
        verify_state=VerifyState.UNVERIFIED,
    )


def key_row(sealed: SealedBlob) -> BlobKey:
    """Return the row of the key of what was sealed."""
    return BlobKey(blob_id=sealed.blob_id, kek=sealed.kek, wrapped=sealed.wrapped)


def _of(row: Blob | Upload, blob_id: UUID, key: BlobKey | Upload) -> SealedBlob:
    return SealedBlob(
        blob_id=blob_id,
        stored_digest=StoredDigest(row.stored_digest),
        stored_bytes=row.stored_bytes,
        plain_sha256=row.plain_sha256,
        plain_bytes=row.plain_bytes,
        kek=key.kek,
        wrapped=key.wrapped,
    )
