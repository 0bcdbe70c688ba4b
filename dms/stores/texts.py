"""Texts of the newest Versions of Documents, as the index of search has them, and as parts of them are shown.

Like `stores.facts` these readings bypass the access gate: who shows a part of a text has asked it before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, or_, select

from dms.models.documents import Document
from dms.models.renditions import Rendition
from dms.models.search import SearchEntry
from dms.models.versions import Blob, BlobKey, Version
from dms.rules.renditions import RenditionKind
from dms.stores import sealedblobs
from dms.stores.blobs import BlobDamaged, BlobMissing
from dms.stores.crypto import KeyUnavailable
from dms.stores.sets import in_ids
from dms.stores.vault import Vault
from dms.stores.work import Work, session_of

VAULT = "vault"
"""Key of the equipment of works under which the vault lies."""

SHOWN_BYTES = 120_000
"""Of longer texts no more is read to show a part."""


@dataclass(frozen=True, slots=True)
class Text:
    """The beginning of an indexed text, with its language."""

    text: str
    language: str


def indexed(work: Work, document_ids: Collection[UUID]) -> Mapping[UUID, Text]:
    """Return the beginnings of the texts by which these Documents are found, if they can be read."""
    vault: Vault | None = work.memory.get(VAULT)
    if vault is None or not document_ids:
        return {}
    statement = (
        _newest()
        .with_only_columns(SearchEntry.subject, SearchEntry.language, Blob, BlobKey)
        .join(Blob, Blob.id == Rendition.blob_id)
        .join(BlobKey, BlobKey.blob_id == Blob.id)
        .where(in_ids(Document.id, document_ids), SearchEntry.text_version == Version.number)
    )
    found = {}
    for document_id, language, blob, key in session_of(work).execute(statement):
        beginning = _beginning(vault, blob, key)
        if beginning is not None:
            found[document_id] = Text(beginning, language or "")
    return found


def unindexed(work: Work, *, limit: int, before: UUID | None = None) -> Sequence[UUID]:
    """Return newest Versions whose text is there and by which nothing is found yet, the newest first.

    With `before` only those that are older than that one.
    """
    waiting = or_(SearchEntry.text_version.is_(None), SearchEntry.text_version != Version.number)
    statement = _newest().where(waiting).order_by(Version.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(Version.id < before)
    return session_of(work).execute(statement).scalars().all()


def _newest() -> Select[UUID]:
    return (
        select(Version.id)
        .join(Document, Document.id == Version.document_id)
        .join(SearchEntry, SearchEntry.subject == Document.id)
        .join(Rendition, Rendition.version_id == Version.id)
        .where(Version.number == Document.current_version, Rendition.kind == RenditionKind.TEXT)
    )


def _beginning(vault: Vault, blob: Blob, key: BlobKey) -> str | None:
    sealed = sealedblobs.of_blob(blob, key)
    length = min(blob.plain_bytes, SHOWN_BYTES)
    try:
        return b"".join(vault.read(sealed, start=0, length=length)).decode(errors="ignore")
    except (BlobMissing, BlobDamaged, KeyUnavailable):
        return None  # the hit stands without a part; scrubbing tells what is wrong
