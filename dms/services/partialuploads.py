"""Uploads that come in parts, until they are whole: then they are uploads like all others.

Each belongs to its maker; whoever else names one, or one that has expired, learns that it is not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from dms.access import gate
from dms.base.clock import SECOND
from dms.base.errors import Conflict, NotFound
from dms.models.versions import PartialUpload, Upload, UploadState
from dms.rules.accessevents import Op
from dms.services import uploads
from dms.services.uploads import Allowance, Content
from dms.stores import wraps
from dms.stores.blobs import StoredDigest
from dms.stores.vault import Paused
from dms.stores.work import Work


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an upload has come, whole or not."""

    row_id: UUID
    offset: int
    length_bytes: int
    expires_at: int
    told: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part goes on: how much had come when it began, and the staged bytes that held it."""

    upload_id: UUID
    offset: int
    staging: str | None


def start(
    work: Work,
    upload_id: UUID,
    *,
    length_bytes: int,
    told: str | None,
    media_type: str | None,
    allowance: Allowance,
) -> Standing:
    """Begin an upload of so many bytes, which count against the quota from now on."""
    work.performs(Op.UPLOAD_START)
    owner_id = uploads.account_of(work)
    uploads.check_quota(work, owner_id, size_bytes=length_bytes, allowance=allowance)
    row = PartialUpload(
        id=uploads.row_id(owner_id, upload_id),
        owner_id=owner_id,
        declared_media_type=media_type,
        told=told,
        length_bytes=length_bytes,
        plain_bytes=0,
        staging=None,
        blob_id=upload_id,
        kek="",
        wrapped=b"",
        tail=b"",
        created_at=work.now,
        expires_at=work.now + allowance.expiry_s * SECOND,
    )
    work.add(row)
    work.changed(row.id, before=None, after=1, old={}, new={"chosen": upload_id.hex, "length": length_bytes})
    return standing_of(row)


def find(work: Work, upload_id: UUID) -> Standing:
    """Return how far one's upload has come, or raise `NotFound`."""
    work.performs(Op.UPLOAD_READ)
    part, whole = _both(work, upload_id)
    if whole is not None:
        return Standing(whole.id, whole.plain_bytes, whole.plain_bytes, whole.expires_at, None)
    return standing_of(_there(part))


def find_partial(work: Work, upload_id: UUID, *, offset: int) -> PartialUpload:
    """Return one's unfinished upload for its next part; `Conflict` unless that begins where it ends."""
    work.performs(Op.UPLOAD_APPEND)
    part, whole = _both(work, upload_id)
    found = whole or _there(part)
    if found.plain_bytes != offset:
        raise Conflict(
            f"the upload has {found.plain_bytes} bytes, and the part begins at {offset}: ask for its offset",
            path=("upload", "offset"),
        )
    if part is None:
        raise Conflict("the upload is whole already", path=("upload", "offset"))
    return part


def advance(work: Work, part: Place, *, paused: Paused) -> Standing:
    """Keep what came of an upload; `Conflict` if it went on elsewhere meanwhile."""
    work.performs(Op.UPLOAD_APPEND)
    row = _unchanged(work, part)
    row.plain_bytes, row.staging, row.tail = paused.plain_bytes, paused.staging, paused.tail
    row.blob_id, row.kek, row.wrapped = paused.blob_id, paused.kek, paused.wrapped
    wraps.require_living(work, {paused.kek})
    work.notes.detail["upload"] = {"id": row.id.hex, "offset": paused.plain_bytes}
    return standing_of(row)


def complete(work: Work, part: Place, *, content: Content, allowance: Allowance) -> Standing:
    """Make an upload of one that is whole now; its bytes are published before."""
    row = _unchanged(work, part)
    work.remove(row)
    work.flush()
    whole = uploads.receive(work, part.upload_id, content, allowance=allowance)
    return Standing(whole.id, whole.plain_bytes, whole.plain_bytes, whole.expires_at, None)


def cancel(work: Work, upload_id: UUID) -> tuple[StoredDigest | None, str | None]:
    """Give one's upload up; return the address or the staged bytes that nothing names any more."""
    work.performs(Op.UPLOAD_CANCEL)
    part, whole = _both(work, upload_id)
    row = whole or _there(part)
    if whole is not None and whole.state is UploadState.USED:
        raise Conflict("a Document names this upload already", path=("upload", "id"))
    work.remove(row)
    work.changed(row.id, before=1, after=None, old={}, new={})
    return (StoredDigest(whole.stored_digest) if whole else None, part.staging if part else None)


def standing_of(row: PartialUpload) -> Standing:
    """Return how far an unfinished upload has come."""
    return Standing(row.id, row.plain_bytes, row.length_bytes, row.expires_at, row.told)


def _unchanged(work: Work, part: Place) -> PartialUpload:
    found, _ = _both(work, part.upload_id)
    row = _there(found)
    if (row.plain_bytes, row.staging) != (part.offset, part.staging):
        raise Conflict("somebody else sent a part meanwhile: ask for the offset", path=("upload", "offset"))
    return row


def _both(work: Work, upload_id: UUID) -> tuple[PartialUpload | None, Upload | None]:
    """Return one's upload as long as it counts: unfinished, or whole."""
    kept = uploads.row_id(uploads.account_of(work), upload_id)
    part = gate.vocabulary(work, PartialUpload).many([kept]).get(kept)
    whole = gate.vocabulary(work, Upload).many([kept]).get(kept)
    return (
        part if part is not None and part.expires_at > work.now else None,
        whole if whole is not None and whole.expires_at > work.now else None,
    )


def _there(row: PartialUpload | None) -> PartialUpload:
    if row is None:
        raise NotFound("there is no such upload of yours, or it has expired: begin a new one")
    return row
