"""What a destruction takes out of the database: keys, contents, derived texts, words of the index.

One caller, `services.disposal` (an import contract): whatever these rows held is unreadable from the commit
on, and no other way of the program leads here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, literal, select, update

from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.imports import ImportLine
from dms.models.indexes import IndexTerm
from dms.models.renditions import BlobStep, Rendition
from dms.models.versions import Blob, BlobKey, ContentFile, Version
from dms.rules.disposal import Gone
from dms.stores import fulltext
from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of


def contents(work: Work, document_ids: Collection[UUID]) -> Mapping[UUID, list[Gone]]:
    """Return every content of these Documents, by Version and place in it."""
    found: dict[UUID, list[Gone]] = {key: [] for key in document_ids}
    rows = session_of(work).execute(
        select(Version.document_id, Version.number, ContentFile.sha256, ContentFile.size_bytes)
        .join(ContentFile, ContentFile.version_id == Version.id)
        .where(in_ids(Version.document_id, document_ids))
        .order_by(Version.number, ContentFile.position)
    )
    for document_id, number, sha256, size_bytes in rows:
        found[document_id].append(Gone(number, sha256, size_bytes))
    return found


class Shredded(NamedTuple):
    """What went with the keys."""

    stored: list[str]
    """Digests of stored bytes that nobody can read any more."""
    parts: list[tuple[UUID, int]]
    """Versions and Renditions, each with its last revision."""


def shred(work: Work, document_ids: Collection[UUID]) -> Shredded:
    """Delete the keys of all contents of these Documents, and with them contents, Renditions and words.

    A constant number of statements.
    """
    session = session_of(work)
    session.flush()
    versions = select(Version.id).where(in_ids(Version.document_id, document_ids)).scalar_subquery()
    blobs = select(Blob.id).where(in_ids(Blob.document_id, document_ids)).scalar_subquery()
    stored = select(Blob.stored_digest).where(in_ids(Blob.document_id, document_ids))
    digests = list(session.execute(stored).scalars())
    numbered = select(Version.id, Version.number).where(in_ids(Version.document_id, document_ids))
    derived = select(Rendition.id, literal(1)).where(Rendition.version_id.in_(versions))
    parts = [(row[0], row[1]) for row in session.execute(numbered.union_all(derived))]
    for statement in (
        delete(BlobKey).where(BlobKey.blob_id.in_(blobs)),
        delete(BlobStep).where(BlobStep.blob_id.in_(blobs)),
        delete(Rendition).where(Rendition.version_id.in_(versions)),
        delete(ContentFile).where(ContentFile.version_id.in_(versions)),
        delete(Version).where(in_ids(Version.document_id, document_ids)),
        delete(Blob).where(in_ids(Blob.document_id, document_ids)),
        # The path of a file may say as much as its title.
        update(ImportLine).where(in_ids(ImportLine.document_id, document_ids)).values(path=""),
    ):
        session.execute(statement.execution_options(synchronize_session=False))
    forget(work, document_ids)
    return Shredded(digests, parts)


def forget(work: Work, ids: Collection[UUID]) -> None:
    """Take the words of things out of the index, and the concepts that describe them."""
    fulltext.remove(work, ids)
    gone = delete(IndexTerm).where(in_ids(IndexTerm.subject, ids))
    session_of(work).execute(gone.execution_options(synchronize_session=False))


def emptied(work: Work, aggregation_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return those of these Aggregations in which nothing is left but stubs and what others have."""
    session = session_of(work)
    session.flush()
    filed = select(Document.aggregation_id).where(
        in_ids(Document.aggregation_id, aggregation_ids), Document.state.not_in(_OVER)
    )
    nested = select(Aggregation.parent_id).where(
        in_ids(Aggregation.parent_id, aggregation_ids), Aggregation.state.not_in(_OVER)
    )
    full = set(session.execute(filed.union(nested)).scalars())
    return frozenset(key for key in aggregation_ids if key not in full)


_OVER = ("destroyed", "transferred")
