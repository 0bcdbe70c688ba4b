"""What only the check of an installation compares: rows against rows, in slices; ids and values.

Like `stores.facts` these readings bypass the access gate: their callers are `services.integrity` and
`services.blobs`, which show no title and no content.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from dms.models.accesslists import AccessEntry, PolicyRevision
from dms.models.accessproposals import AccessProposal
from dms.models.accessreviews import AccessReview
from dms.models.aggregations import Aggregation, ParentHistory, Repository
from dms.models.documents import Document, PlacementHistory
from dms.models.imports import ImportRun
from dms.models.renditions import Rendition
from dms.models.security import Clearance, SecurityChange
from dms.models.types import Base, Id
from dms.models.users import Principal, PrincipalKind, PrincipalLink, PrincipalStatusHistory
from dms.models.versions import Blob, BlobKey, ContentFile, Upload, UploadState, Version
from dms.stores import sealedblobs
from dms.stores.blobs import StoredDigest
from dms.stores.vault import SealedBlob
from dms.stores.work import Work, session_of

Owner: TypeAlias = type[Blob] | type[Upload]

_FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Named:
    """Stored bytes and the row that names them; `blob` is None where the row of its key is gone."""

    row_id: UUID
    stored_digest: StoredDigest
    stored_bytes: int
    blob: SealedBlob | None


@dataclass(frozen=True, slots=True)
class Numbering:
    """When a Document was made, and what its Versions say of their numbers."""

    document_id: UUID
    made_at: int
    current: int | None
    count: int
    newest: int | None


def repositories(work: Work) -> int:
    """Count the Repositories."""
    return session_of(work).execute(select(func.count()).select_from(Repository)).scalar_one()


def totals(work: Work) -> Mapping[str, int]:
    """Count what there is to go through, by the part of the check."""
    waiting = and_(Upload.state == UploadState.RECEIVED, Upload.expires_at > work.now)
    counted = {
        "contents": select(func.count()).select_from(Blob),
        "uploads": select(func.count()).select_from(Upload).where(waiting),
        "documents": select(func.count()).select_from(Document),
        "changes": select(func.count()).select_from(PolicyRevision),
    }
    session = session_of(work)
    return {name: session.execute(statement).scalar_one() for name, statement in counted.items()}


def blobs(work: Work, *, after: UUID | None, limit: int) -> Sequence[Named]:
    """Return the next Blobs in the order of their ids."""
    statement = (
        select(Blob, BlobKey)
        .outerjoin(BlobKey, BlobKey.blob_id == Blob.id)
        .where(Blob.id > (after or _FIRST))
        .order_by(Blob.id)
        .limit(limit)
    )
    return [_named_blob(blob, key) for blob, key in session_of(work).execute(statement)]


def uploads(work: Work, *, after: UUID | None, limit: int) -> Sequence[Named]:
    """Return the next uploads that wait to be filed, in the order of their ids."""
    statement = (
        select(Upload)
        .where(
            Upload.id > (after or _FIRST),
            Upload.state == UploadState.RECEIVED,
            Upload.expires_at > work.now,
        )
        .order_by(Upload.id)
        .limit(limit)
    )
    rows = session_of(work).execute(statement).scalars()
    return [_named(upload, sealedblobs.of_upload(upload)) for upload in rows]


def named_digests(
    work: Work, digests: Collection[str], *, owners: tuple[Owner, ...] = (Blob, Upload)
) -> frozenset[str]:
    """Return those of these stored digests that a Blob or an upload names."""
    session = session_of(work)
    return frozenset(
        digest
        for owner in owners
        for digest in session.execute(
            select(owner.stored_digest).where(owner.stored_digest.in_(digests))
        ).scalars()
    )


def files_unlike_their_blob(work: Work, blob_ids: Collection[UUID]) -> Sequence[UUID]:
    """Return the ContentFiles of these Blobs with another digest, size or Document than their Blob."""
    statement = (
        select(ContentFile.id)
        .join(Blob, Blob.id == ContentFile.blob_id)
        .join(Version, Version.id == ContentFile.version_id)
        .where(
            Blob.id.in_(blob_ids),
            or_(
                ContentFile.sha256 != Blob.plain_sha256,
                ContentFile.size_bytes != Blob.plain_bytes,
                Version.document_id != Blob.document_id,
            ),
        )
    )
    return session_of(work).execute(statement).scalars().all()


def blobs_without_file(work: Work, blob_ids: Collection[UUID]) -> Sequence[UUID]:
    """Return those of these Blobs that no ContentFile and no Rendition names."""
    named = select(ContentFile.id).where(ContentFile.blob_id == Blob.id).exists()
    made = select(Rendition.id).where(Rendition.blob_id == Blob.id).exists()
    statement = select(Blob.id).where(Blob.id.in_(blob_ids), ~named, ~made)
    return session_of(work).execute(statement).scalars().all()


def numberings(work: Work, *, after: UUID | None, limit: int) -> Sequence[Numbering]:
    """Return what the Versions of the next Documents say of their numbers, in the order of the ids."""
    page = select(Document.id, Document.created_at, Document.current_version)
    chosen = page.where(Document.id > (after or _FIRST)).order_by(Document.id).limit(limit).subquery()
    statement = (
        select(*chosen.c, func.count(Version.id), func.max(Version.number))
        .outerjoin(Version, Version.document_id == chosen.c.id)
        .group_by(*chosen.c)
        .order_by(chosen.c.id)
    )
    rows = session_of(work).execute(statement)
    return [Numbering(row[0], row[1], row[2], row[3], row[4]) for row in rows]


def versions_made(work: Work, document_ids: Collection[UUID]) -> Mapping[UUID, int]:
    """Return when each Version of these Documents was made."""
    statement = select(Version.id, Version.created_at).where(Version.document_id.in_(document_ids))
    return {row[0]: row[1] for row in session_of(work).execute(statement)}


def versions_without_file(work: Work, document_ids: Collection[UUID]) -> Sequence[UUID]:
    """Return the Versions of these Documents without any ContentFile."""
    filled = select(ContentFile.id).where(ContentFile.version_id == Version.id).exists()
    statement = select(Version.id).where(Version.document_id.in_(document_ids), ~filled)
    return session_of(work).execute(statement).scalars().all()


def revisions(work: Work, *, after: int, limit: int) -> Sequence[tuple[int, UUID | None]]:
    """Return the next policy revisions with the ids of their events."""
    statement = (
        select(PolicyRevision.id, PolicyRevision.event_id)
        .where(PolicyRevision.id > after)
        .order_by(PolicyRevision.id)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in session_of(work).execute(statement)]


def lines_without_revision(work: Work) -> Sequence[tuple[str, UUID]]:
    """Return the entries, clearances and links that name a policy revision which does not exist."""
    began, ended = aliased(PolicyRevision), aliased(PolicyRevision)
    found: list[tuple[str, UUID]] = []
    for model in (AccessEntry, Clearance, PrincipalLink):
        statement = (
            select(model.id)
            .outerjoin(began, began.id == model.revision_from)
            .outerjoin(ended, ended.id == model.revision_to)
            .where(or_(began.id.is_(None), and_(model.revision_to.is_not(None), ended.id.is_(None))))
        )
        found += [(model.__tablename__, row) for row in session_of(work).execute(statement).scalars()]
    return found


@dataclass(frozen=True, slots=True)
class Line:
    """An entry, clearance, link, or change of a mark, and the instants in which it was given and ended."""

    line_id: UUID
    names: UUID
    """What the events of these instants say they changed: the line itself, or what bears the mark."""
    given_at: int
    ended_at: int | None

    @property
    def instants(self) -> Sequence[tuple[UUID, int]]:
        """Return what has to be named when."""
        ended = [] if self.ended_at is None else [(self.names, self.ended_at)]
        return [(self.names, self.given_at), *ended]


MADE: Mapping[str, Select[Any, Any]] = {
    "aggregation": select(Aggregation.id, Aggregation.created_at),
    # Roles and `everyone` came with the founding, whose event names the Repository for them.
    "principal": select(Principal.id, Principal.created_at).where(
        Principal.kind.in_((PrincipalKind.USER, PrincipalKind.GROUP, PrincipalKind.SERVICE))
    ),
    "upload": select(Upload.id, Upload.created_at),
    "import_run": select(ImportRun.id, ImportRun.started_at),
    "access_proposal": select(AccessProposal.id, AccessProposal.proposed_at),
    "access_review": select(AccessReview.id, AccessReview.started_at),
}
"""What somebody makes beside Documents and Versions: its id, and when that was."""

_OF_POLICY: Mapping[str, Any] = {  # mapped classes with these columns in common
    model.__tablename__: model for model in (AccessEntry, Clearance, PrincipalLink)
}

LINES = (*_OF_POLICY, SecurityChange.__tablename__)
"""What decides who may what: lines of the policy, and changes of marks."""


def made(work: Work, kind: str, *, after: UUID | None, limit: int) -> Mapping[UUID, int]:
    """Return the next things of a kind, in the order of their ids, and the instants they were made in."""
    statement = MADE[kind]
    row_id = statement.selected_columns[0]
    rows = session_of(work).execute(statement.where(row_id > (after or _FIRST)).order_by(row_id).limit(limit))
    return {row[0]: row[1] for row in rows}


def lines(work: Work, kind: str, *, after: UUID | None, limit: int) -> Sequence[Line]:
    """Return the next lines of a kind, in the order of their ids; those whose policy revisions exist."""
    model = _OF_POLICY.get(kind)
    statement = _changes_of_marks() if model is None else _lines_of(model)
    row_id = SecurityChange.id if model is None else model.id
    chosen = statement.where(row_id > (after or _FIRST)).order_by(row_id).limit(limit)
    return [Line(*row) for row in session_of(work).execute(chosen)]


def _lines_of(model: Any) -> Select[Any, Any, Any, Any]:  # one of `_OF_POLICY`
    began, ended = aliased(PolicyRevision), aliased(PolicyRevision)
    return (
        select(model.id, model.id, began.at, ended.at)
        .join(began, began.id == model.revision_from)
        .outerjoin(ended, ended.id == model.revision_to)
    )


def _changes_of_marks() -> Select[Any, Any, Any, Any]:
    row = SecurityChange
    return select(row.id, row.object_id, row.proposed_at, row.decided_at)


def existing(work: Work, ids: Collection[UUID]) -> frozenset[UUID]:
    """Return those of these ids that any table has."""
    session = session_of(work)
    found: set[UUID] = set()
    for column in _IDS:
        if missing := [thing for thing in ids if thing not in found]:
            found.update(session.execute(select(column).where(column.in_(missing))).scalars())
    return frozenset(found)


def history_events(work: Work) -> Mapping[UUID, str]:
    """Return the events that kept places, marks, parents and statuses name, each with the table's name."""
    found: dict[UUID, str] = {}
    for model in (PlacementHistory, ParentHistory, PrincipalStatusHistory):
        events = session_of(work).execute(select(model.event_id).distinct()).scalars()
        found |= dict.fromkeys(events, model.__tablename__)
    return found


def _named_blob(row: Blob, key: BlobKey | None) -> Named:
    return _named(row, None if key is None else sealedblobs.of_blob(row, key))


def _named(row: Blob | Upload, sealed: SealedBlob | None) -> Named:
    return Named(row.id, StoredDigest(row.stored_digest), row.stored_bytes, sealed)


_IDS = [
    table.c["id"]
    for table in Base.metadata.sorted_tables
    if "id" in table.c and isinstance(table.c["id"].type, Id)
]
