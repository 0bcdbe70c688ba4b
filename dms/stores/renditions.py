"""What the system must know to read contents and keep what it made of them, whoever asked for it.

Like `stores.facts` these readings bypass the access gate; they return ids and values, never a row to show.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select

from dms.models.documents import Document
from dms.models.jobs import Job
from dms.models.renditions import BlobStep, Rendition
from dms.models.versions import Blob, BlobKey, ContentFile, FileRole, VerifyState, Version
from dms.rules.jobs import ENDED_BADLY
from dms.rules.renditions import READER, Recognition, RenditionKind, Step, StepReason
from dms.stores import facts
from dms.stores.sets import in_ids
from dms.stores.vault import SealedBlob, Vault
from dms.stores.work import Work, session_of

_NOT_YET = (StepReason.WAITING, StepReason.UNAVAILABLE)
_UNSOUND = (VerifyState.DAMAGED, VerifyState.MISSING)


@dataclass(frozen=True, slots=True)
class Source:
    """The content of a Version, and what was read out of it already by the readers of today."""

    version_id: UUID
    number: int
    document_id: UUID
    revision: int
    security_id: int
    class_id: UUID
    name: str
    media_type: str
    blob: SealedBlob
    steps: frozenset[Step]


@dataclass(frozen=True, slots=True)
class Made:
    """A Rendition that is there, and where its bytes are."""

    kind: RenditionKind
    blob_id: UUID
    media_type: str
    size_bytes: int
    sha256: str
    is_cut: bool
    recognition: Recognition | None = None
    """How it was read, if by OCR."""


def source(work: Work, version_id: UUID) -> Source | None:
    """Return the content of a Version; None once there is none."""
    statement = (
        select(Version, Document, ContentFile)
        .join(Document, Document.id == Version.document_id)
        .join(ContentFile, ContentFile.version_id == Version.id)
        .where(Version.id == version_id, ContentFile.role == FileRole.BODY)
        .order_by(ContentFile.position)
        .limit(1)
    )
    found = session_of(work).execute(statement).one_or_none()
    sealed = None if found is None else facts.sealed_blob(work, found[2].blob_id)
    if found is None or sealed is None:
        return None
    version, document, body = found
    done = select(BlobStep.step).where(BlobStep.blob_id == body.blob_id, BlobStep.reader >= READER)
    return Source(
        version_id=version.id,
        number=version.number,
        document_id=document.id,
        revision=document.revision,
        security_id=document.security_id,
        class_id=document.record_class_id,
        name=body.name,
        media_type=body.media_type,
        blob=sealed[0],
        steps=frozenset(session_of(work).execute(done).scalars()),
    )


def made_of(work: Work, blob_id: UUID) -> Sequence[Made]:
    """Return what was made of this content for some Version of its Document, each kind once."""
    statement = (
        select(Rendition)
        .join(ContentFile, ContentFile.version_id == Rendition.version_id)
        .where(ContentFile.blob_id == blob_id, ContentFile.role == FileRole.BODY)
        .order_by(Rendition.created_at)
    )
    rows = session_of(work).execute(statement).scalars()
    found = {
        row.kind: Made(
            row.kind,
            row.blob_id,
            row.media_type,
            row.size_bytes,
            row.sha256,
            row.is_cut,
            _recognition(row),
        )
        for row in rows
    }
    return list(found.values())


def versions_of(work: Work, blob_id: UUID) -> Sequence[UUID]:
    """Return the Versions whose content this is."""
    statement = select(ContentFile.version_id).where(
        ContentFile.blob_id == blob_id, ContentFile.role == FileRole.BODY
    )
    return session_of(work).execute(statement.order_by(ContentFile.version_id)).scalars().all()


def forget_steps(work: Work, blob_id: UUID, *, steps: Collection[Step] = tuple(Step)) -> None:
    """Drop what was found of a Blob before."""
    session_of(work).execute(delete(BlobStep).where(BlobStep.blob_id == blob_id, BlobStep.step.in_(steps)))


def forget(
    work: Work, version_id: UUID, *, kinds: Collection[RenditionKind] = tuple(RenditionKind)
) -> Sequence[UUID]:
    """Drop the Renditions of a Version, before newer ones take their places; return their Blobs."""
    gone = delete(Rendition).where(Rendition.version_id == version_id, Rendition.kind.in_(kinds))
    return session_of(work).execute(gone.returning(Rendition.blob_id)).scalars().all()


def shred_unnamed(work: Work, blob_ids: Collection[UUID]) -> Sequence[UUID]:
    """Delete those of these Blobs that no file and no Rendition names any more, keys first; return them.

    Their stored bytes are noise from then on, and go with the sweep.
    """
    session = session_of(work)
    session.flush()
    named = (
        exists().where(ContentFile.blob_id == Blob.id),
        exists().where(Rendition.blob_id == Blob.id),
    )
    unnamed = select(Blob.id).where(in_ids(Blob.id, set(blob_ids)), ~or_(*named))
    gone = session.execute(unnamed).scalars().all()
    for model, key in ((BlobKey, BlobKey.blob_id), (BlobStep, BlobStep.blob_id), (Blob, Blob.id)):
        if gone:
            session.execute(delete(model).where(in_ids(key, set(gone))))
    return gone


def awaits_ocr(work: Work, blob_id: UUID) -> bool:
    """Tell whether a content has pages that OCR is to read, and has not."""
    waiting = exists().where(BlobStep.blob_id == blob_id, _waits())
    return bool(session_of(work).execute(select(waiting)).scalar_one())


def unrecognised(work: Work, *, before: UUID | None, limit: int) -> Sequence[UUID]:
    """Return Versions (older than one) whose content waits for OCR, like `unread`."""
    statement = (
        select(ContentFile.version_id)
        .join(Blob, Blob.id == ContentFile.blob_id)
        .join(BlobKey, BlobKey.blob_id == Blob.id)
        .join(BlobStep, BlobStep.blob_id == Blob.id)
        .where(ContentFile.role == FileRole.BODY, Blob.verify_state.not_in(_UNSOUND), _waits())
        .order_by(ContentFile.version_id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(ContentFile.version_id < before)
    return session_of(work).execute(statement).scalars().all()


def _waits() -> ColumnElement[bool]:
    return and_(BlobStep.step == Step.OCR, BlobStep.reason.in_(_NOT_YET))


def _recognition(row: Rendition) -> Recognition | None:
    if row.ocr_program is None or row.ocr_languages is None or row.ocr_pages is None:
        return None
    return Recognition(row.ocr_program, row.ocr_languages, row.ocr_pages)


def unread(work: Work, *, before: UUID | None, limit: int) -> Sequence[UUID]:
    """Return Versions (older than one) whose content the readers of today have not read, the newest first.

    Content that is gone or damaged is left out: it would be tried in vain before all that is older.
    """
    read = exists().where(
        BlobStep.blob_id == ContentFile.blob_id, BlobStep.step == Step.TEXT, BlobStep.reader >= READER
    )
    statement = (
        select(ContentFile.version_id)
        .join(Blob, Blob.id == ContentFile.blob_id)
        .join(BlobKey, BlobKey.blob_id == Blob.id)
        .where(ContentFile.role == FileRole.BODY, Blob.verify_state.not_in(_UNSOUND), ~read)
        .order_by(ContentFile.version_id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(ContentFile.version_id < before)
    return session_of(work).execute(statement).scalars().all()


def given_up(work: Work, keys: Collection[str | None], *, since: int) -> frozenset[str]:
    """Return those of these keys of jobs under which one ended badly since an instant."""
    wanted = (Job.dedupe_key.in_(keys), Job.state.in_(ENDED_BADLY), Job.ended_at >= since)
    found = session_of(work).execute(select(Job.dedupe_key).where(*wanted)).scalars()
    return frozenset(key for key in found if key)


def text_blob(work: Work, version_id: UUID) -> SealedBlob | None:
    """Return the way to the text of a Version; None if there is none."""
    statement = select(Rendition.blob_id).where(
        Rendition.version_id == version_id, Rendition.kind == RenditionKind.TEXT
    )
    blob_id = session_of(work).execute(statement).scalar_one_or_none()
    sealed = None if blob_id is None else facts.sealed_blob(work, blob_id)
    return None if sealed is None else sealed[0]


def read_text(vault: Vault, blob: SealedBlob) -> str:
    """Return the text that a Rendition of kind `text` holds: UTF-8, a form feed between pages."""
    return b"".join(vault.read(blob, start=0, length=blob.plain_bytes)).decode("utf-8")
