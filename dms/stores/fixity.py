"""Which stored content is to be checked next, whoever may read it: ids, digests and keys, no titles.

Like `stores.facts` these readings bypass the access gate: their one caller is `services.blobs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from dms.base.clock import Instant
from dms.models.versions import Blob, BlobKey, VerifyState
from dms.stores import sealedblobs
from dms.stores.blobs import StoredDigest
from dms.stores.vault import SealedBlob
from dms.stores.work import Work, session_of

_FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class DueBlob:
    """A Blob that is to be checked; `sealed` is None where its key is gone."""

    blob_id: UUID
    document_id: UUID
    stored_digest: StoredDigest
    stored_bytes: int
    verified_at: Instant | None
    sealed: SealedBlob | None


@dataclass(frozen=True, slots=True)
class Choice:
    """Which content is to be checked: what was not since an instant, or only what was found unsound."""

    before: Instant
    is_unsound_only: bool = False


def due(work: Work, choice: Choice, *, after: DueBlob | None, limit: int) -> Sequence[DueBlob]:
    """Return the Blobs that were never checked, then the others, the longest unchecked first."""
    found = [] if after and after.verified_at else _unchecked(work, choice, after, limit)
    return [*found, *_checked(work, choice, after, limit - len(found))] if len(found) < limit else found


def count_due(work: Work, choice: Choice) -> tuple[int, int]:
    """Return how many Blobs are to be checked, and how many stored bytes they have."""
    counted = select(func.count(), func.coalesce(func.sum(Blob.stored_bytes), 0)).where(
        or_(Blob.verified_at.is_(None), Blob.verified_at <= choice.before), *_kinds(choice)
    )
    row = session_of(work).execute(counted).one()
    return int(row[0]), int(row[1])


def _unchecked(work: Work, choice: Choice, after: DueBlob | None, limit: int) -> list[DueBlob]:
    start = after.blob_id if after else _FIRST
    chosen = _choosing(choice).where(Blob.verified_at.is_(None), Blob.id > start)
    return _read(work, chosen.order_by(Blob.id).limit(limit))


def _checked(work: Work, choice: Choice, after: DueBlob | None, limit: int) -> list[DueBlob]:
    chosen = _choosing(choice).where(Blob.verified_at <= choice.before)
    if after and after.verified_at:
        same = and_(Blob.verified_at == after.verified_at, Blob.id > after.blob_id)
        chosen = chosen.where(or_(Blob.verified_at > after.verified_at, same))
    return _read(work, chosen.order_by(Blob.verified_at, Blob.id).limit(limit))


def _choosing(choice: Choice) -> Select[Blob, BlobKey]:
    return select(Blob, BlobKey).outerjoin(BlobKey, BlobKey.blob_id == Blob.id).where(*_kinds(choice))


def _kinds(choice: Choice) -> list[ColumnElement[bool]]:
    if not choice.is_unsound_only:
        return []
    return [Blob.verify_state.in_([VerifyState.DAMAGED, VerifyState.MISSING])]


def _read(work: Work, statement: Select[Blob, BlobKey]) -> list[DueBlob]:
    return [_due(blob, key) for blob, key in session_of(work).execute(statement)]


def _due(blob: Blob, key: BlobKey | None) -> DueBlob:
    verified_at = None if blob.verified_at is None else Instant(blob.verified_at)
    digest = StoredDigest(blob.stored_digest)
    sealed = None if key is None else sealedblobs.of_blob(blob, key)
    return DueBlob(blob.id, blob.document_id, digest, blob.stored_bytes, verified_at, sealed)
