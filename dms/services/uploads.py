"""Uploads: bytes received over HTTP that wait to be named in a Document; each belongs to its maker.

The sender chooses the id of an upload. It counts for his account only: two accounts that choose the
same one have two uploads, so no answer tells anything of the other's, and nobody can take an id away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from dms.access import gate
from dms.base.canonical import Canonical
from dms.base.clock import SECOND
from dms.base.errors import Conflict, Invalid, Limit, Unauthenticated
from dms.base.ids import derived_id
from dms.base.settings import Settings
from dms.models.versions import PartialUpload, Upload, UploadState
from dms.rules.accessevents import Op
from dms.stores import sealedblobs, waiting, wraps
from dms.stores.blobs import StoredDigest
from dms.stores.vault import SealedBlob
from dms.stores.work import Work

SWEPT_AT_ONCE = 200


class OverQuota(Limit):
    """The unfiled uploads of an account would hold more than they may."""

    status: ClassVar[int] = 413


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one account may keep unfiled, and for how long; all of it is set."""

    quota_bytes: int
    quota_count: int
    expiry_s: int


@dataclass(frozen=True, slots=True)
class Content:
    """Sealed bytes on their way into a Document; the media types are ours and the sender's."""

    blob: SealedBlob
    store: str
    media_type: str
    declared_media_type: str | None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Uploads that had expired: how many, and the addresses and staged bytes that nothing names any more."""

    count: int
    digests: tuple[StoredDigest, ...]
    staged: tuple[str, ...]


def allowance_of(settings: Settings) -> Allowance:
    """Return what the settings allow."""
    return Allowance(settings.upload_quota_bytes, settings.upload_quota_count, settings.upload_expiry_s)


def admit(work: Work, upload_id: UUID, *, size_bytes: int, allowance: Allowance) -> Upload | None:
    """Judge an upload before its bytes: return the one that this id finished already, or None to go on.

    Raises `OverQuota`, and `Conflict` for the id of an upload that has expired.
    """
    work.performs(Op.UPLOAD_START)
    owner_id = account_of(work)
    earlier = _earlier(work, row_id(owner_id, upload_id))
    if earlier is None:
        check_quota(work, owner_id, size_bytes=size_bytes, allowance=allowance)
    return earlier


def receive(work: Work, upload_id: UUID, content: Content, *, allowance: Allowance) -> Upload:
    """Keep received bytes under the id that the sender chose; the same bytes again are no second upload.

    The bytes are published before. If they do not become the upload (it was there already, or this
    fails), they are an orphan for the sweep, or for the caller to remove.
    """
    work.performs(Op.UPLOAD_FINISH)
    owner_id = account_of(work)
    own_id = row_id(owner_id, upload_id)
    earlier = _earlier(work, own_id)
    if earlier is not None:
        return _repeated(earlier, content)
    blob = content.blob
    check_quota(work, owner_id, size_bytes=blob.plain_bytes, allowance=allowance)
    row = Upload(
        id=own_id,
        owner_id=owner_id,
        state=UploadState.RECEIVED,
        declared_media_type=content.declared_media_type,
        media_type=content.media_type,
        blob_id=blob.blob_id,
        store=content.store,
        stored_digest=blob.stored_digest,
        stored_bytes=blob.stored_bytes,
        plain_sha256=blob.plain_sha256,
        plain_bytes=blob.plain_bytes,
        kek=blob.kek,
        wrapped=blob.wrapped,
        created_at=work.now,
        expires_at=work.now + allowance.expiry_s * SECOND,
    )
    work.add(row)
    _settle(work)
    wraps.require_living(work, {blob.kek})
    new: dict[str, Canonical] = {
        "chosen": upload_id.hex,
        "sha256": blob.plain_sha256,
        "bytes": blob.plain_bytes,
    }
    work.changed(own_id, before=None, after=1, old={}, new=new)
    return row


def take(work: Work, upload_id: UUID, *, sha256: str | None) -> Content:
    """Take the bytes of one's own upload, once, to name them in a Document.

    Raises `Invalid` for an upload that is absent, foreign, used up or expired, and for another digest.
    """
    owner_id = account_of(work)
    reading = gate.vocabulary(work, Upload).where(
        Upload.owner_id == owner_id, Upload.state == UploadState.RECEIVED, Upload.expires_at > work.now
    )
    own_id = row_id(owner_id, upload_id)
    row = reading.many([own_id]).get(own_id)
    if row is None:
        raise Invalid(
            "there is no such upload of yours waiting: send the bytes to `/uploads` under a new id",
            path=("upload", "id"),
        )
    if sha256 is not None and sha256 != row.plain_sha256:
        raise Invalid(
            f"the bytes that arrived have the digest `{row.plain_sha256}`: send them again",
            path=("upload", "digest"),
        )
    content = Content(sealedblobs.of_upload(row), row.store, row.media_type, row.declared_media_type)
    # INVARIANT (one-key): only `blob_key` holds the key of a filed Blob, so deleting that row shreds it.
    row.state, row.kek, row.wrapped = UploadState.USED, "", b""
    return content


def sweep(work: Work) -> Forgotten:
    """Forget uploads that have expired; return the addresses whose bytes nothing names any more.

    A slice of them: call again until none is left. The bytes go after the commit.
    """
    work.performs(Op.UPLOAD_EXPIRE)
    expired = gate.vocabulary(work, Upload).where(Upload.expires_at <= work.now).rows(limit=SWEPT_AT_ONCE)
    parts = gate.vocabulary(work, PartialUpload).where(PartialUpload.expires_at <= work.now)
    late = parts.rows(limit=SWEPT_AT_ONCE)
    for row in expired:
        work.remove(row)
        work.changed(row.id, before=1, after=None, old={"state": row.state.value}, new={})
    for part in late:
        work.remove(part)
        work.changed(part.id, before=1, after=None, old={"state": "receiving"}, new={})
    unfiled = [row for row in expired if row.state is UploadState.RECEIVED]
    return Forgotten(
        len(expired) + len(late),
        tuple(StoredDigest(row.stored_digest) for row in unfiled),
        tuple(row.staging for row in late if row.staging),
    )


def count_expired(work: Work) -> int:
    """Count the uploads that `sweep` would forget."""
    work.performs(Op.UPLOAD_EXPIRE)
    return waiting.expired_uploads(work)


def row_id(owner_id: UUID, upload_id: UUID) -> UUID:
    """Return the id under which an account's upload is kept and recorded.

    Made of both, so that a chosen id never stands for something else in the access log.
    """
    return derived_id(owner_id, upload_id)


def account_of(work: Work) -> UUID:
    """Return the account that uploads; `Unauthenticated` without one."""
    account_id = gate.standing(work).account_id
    if account_id is None:
        raise Unauthenticated("log in first")
    return account_id


def _earlier(work: Work, own_id: UUID) -> Upload | None:
    if gate.vocabulary(work, PartialUpload).many([own_id]):
        raise Conflict("the upload under this id comes in parts: send the next one", path=("upload", "id"))
    row = gate.vocabulary(work, Upload).many([own_id]).get(own_id)
    if row is not None and row.expires_at <= work.now:
        raise Conflict("the upload under this id has expired: make a new one", path=("upload", "id"))
    return row


def _settle(work: Work) -> None:
    try:
        work.flush()
    except IntegrityError as error:  # two sent bytes under one id at the same time
        raise Conflict("this id is in use: send the bytes again", path=("upload", "id")) from error


def _repeated(row: Upload, content: Content) -> Upload:
    if row.plain_sha256 != content.blob.plain_sha256:
        raise Conflict("other bytes were sent under this id before: make a new one", path=("upload", "id"))
    return row


def check_quota(work: Work, owner_id: UUID, *, size_bytes: int, allowance: Allowance) -> None:
    """Raise `OverQuota` if one upload of so many bytes more is more than an account may keep unfiled."""
    if waiting.unfiled_count(work, owner_id, limit=allowance.quota_count) >= allowance.quota_count:
        raise OverQuota(
            f"you may have {allowance.quota_count} uploads that no Document names yet: "
            "file or cancel some of them first, or wait until they expire"
        )
    if waiting.unfiled_bytes(work, owner_id) + size_bytes > allowance.quota_bytes:
        raise OverQuota(
            f"your uploads that no Document names yet may hold {allowance.quota_bytes} bytes: "
            "file some of them first, or wait until they expire"
        )
