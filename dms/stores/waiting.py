"""What rules must know of uploads that wait to be filed, whoever asks: amounts and names, never a row.

Like `stores.facts` these readings bypass the access gate on purpose.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select

from dms.models.versions import PartialUpload, Upload, UploadState
from dms.stores.work import Work, session_of


def unfiled_bytes(work: Work, owner_id: UUID) -> int:
    """Return how many bytes of content an account's unfiled uploads hold, or will when they are whole."""
    whole = select(func.coalesce(func.sum(Upload.plain_bytes), 0)).where(
        Upload.owner_id == owner_id, Upload.state == UploadState.RECEIVED, Upload.expires_at > work.now
    )
    partial = select(func.coalesce(func.sum(PartialUpload.length_bytes), 0)).where(
        PartialUpload.owner_id == owner_id, PartialUpload.expires_at > work.now
    )
    return sum(int(session_of(work).execute(each).scalar_one()) for each in (whole, partial))


def unfiled_count(work: Work, owner_id: UUID, *, limit: int) -> int:
    """Count an account's unfiled uploads, whole or not, each up to the limit."""
    whole = select(Upload.id).where(
        Upload.owner_id == owner_id, Upload.state == UploadState.RECEIVED, Upload.expires_at > work.now
    )
    partial = select(PartialUpload.id).where(
        PartialUpload.owner_id == owner_id, PartialUpload.expires_at > work.now
    )
    counted = [select(func.count()).select_from(each.limit(limit).subquery()) for each in (whole, partial)]
    return sum(session_of(work).execute(each).scalar_one() for each in counted)


def staged_names(work: Work) -> frozenset[str]:
    """Return the names of staged bytes that wait for more."""
    statement = select(PartialUpload.staging).where(PartialUpload.staging.is_not(None))
    return frozenset(name for name in session_of(work).execute(statement).scalars() if name)


def expired_uploads(work: Work) -> int:
    """Count the uploads, whole or not, that have had their time."""
    models = (Upload, PartialUpload)
    counted = [select(func.count()).select_from(m).where(m.expires_at <= work.now) for m in models]
    return sum(session_of(work).execute(each).scalar_one() for each in counted)
