"""Versions: the numbered, immutable contents of a Document, and the way to their bytes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_

from dms.access import gate, marks
from dms.access.keyset import Order
from dms.base.errors import NotFound
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.documents import Document
from dms.models.renditions import Rendition
from dms.models.versions import ContentFile, FileRole, Version
from dms.rules import text
from dms.rules.access import Action
from dms.rules.accessevents import Disclosure, Op
from dms.rules.jobs import JobKind, Priority
from dms.services import editing, uploads
from dms.services.uploads import Content
from dms.stores import conditions, facts, fulltext, jobs, records, sealedblobs, wraps
from dms.stores.fulltext import NewestVersion
from dms.stores.jobs import Order as JobOrder
from dms.stores.records import Beside
from dms.stores.vault import SealedBlob
from dms.stores.work import Work

ABSENT = UUID(int=0)

FIRST = 1
"""Number of the first Version."""


_IS_BODY_FILE = ContentFile.role == FileRole.BODY
_IS_BODY = and_(ContentFile.version_id == Version.id, _IS_BODY_FILE)

_NEWEST = Beside(
    Version, and_(Version.document_id == Document.id, Version.number == Document.current_version)
)
_BODY_OF_NEWEST = Beside(ContentFile, and_(_IS_BODY, conditions.is_first_body()))
_UNUSED = frozenset({"id", "version_id", "position", "role", "blob_id"})
BESIDE = ((_NEWEST, frozenset[str]()), (_BODY_OF_NEWEST, _UNUSED))
"""What `current` shows, to be read beside Documents."""


@dataclass(frozen=True, slots=True)
class NamedUpload:
    """An upload of one's own, with the name its content gets; `sha256` must match if it is given."""

    upload_id: UUID
    file_name: str
    sha256: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class NamedContent:
    """Sealed bytes with the name they get; for who received them himself, such as an import."""

    content: Content
    file_name: str
    note: str | None = None


class VersionView(NamedTuple):
    """A Version with its body, of a Document whose metadata the actor may read."""

    id: UUID
    document_id: UUID
    number: int
    note: str | None
    created_at: int
    created_by: UUID | None
    file_name: str
    media_type: str
    declared_media_type: str | None
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ContentRef:
    """The bytes of a Version that the actor may read, and how a download names them."""

    version: VersionView
    blob: SealedBlob
    store: str
    security_id: int
    level_rank: int


def add(work: Work, document_id: UUID, *, expected_revision: int, upload: NamedUpload) -> UUID:
    """Make one's upload the next Version of a draft; needs `EDIT`. The upload is used up by it."""
    work.performs(Op.VERSION_ADD)
    document = editing.claim(
        work, Document, document_id, expected_revision=expected_revision, event="versionAdd"
    )
    version = attach(work, document, received(work, upload))
    number = {"current_version": version.number}
    editing.write(work, document, number, note={"version": version.id.hex})
    return version.id


def received(work: Work, upload: NamedUpload) -> NamedContent:
    """Take the bytes of one's upload for a Version."""
    content = uploads.take(work, upload.upload_id, sha256=upload.sha256)
    return NamedContent(content, upload.file_name, upload.note)


def attach(work: Work, document: Document, named: NamedContent) -> Version:
    """Write the rows of the next Version of a Document; the caller has judged and notes the Document."""
    number = (document.current_version or 0) + 1
    sha256 = named.content.blob.plain_sha256
    known = facts.blob_id(work, document_id=document.id, plain_sha256=sha256)
    (version,) = _attach_all(work, [_Attached(document, named, number, known)])
    return version


def attach_first(work: Work, contents: Sequence[tuple[Document, NamedContent]]) -> None:
    """Write the rows of the first Versions of new Documents, with as many statements as for one."""
    _attach_all(work, [_Attached(document, named, FIRST, None) for document, named in contents])


def find(work: Work, version_id: UUID) -> VersionView:
    """Return one Version, or raise `NotFound`; the Document must give `READ_METADATA`."""
    work.performs(Op.VERSION_READ)
    return _of_visible(work, version_id, action=Action.READ_METADATA)[0]


def find_by_number(work: Work, document_id: UUID, number: int) -> VersionView:
    """Return the Version of a Document with this number, or raise `NotFound`; needs `READ_METADATA`."""
    work.performs(Op.VERSION_READ)
    gate.visible(work, Document, Action.READ_METADATA).one(document_id)
    reading = gate.parts(work, Version, owner=Version.document_id, of=[document_id], noted=True)
    rows = reading.where(Version.number == number).rows(1)
    if not rows:
        raise NotFound
    return _views(work, rows)[rows[0].id]


def nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, VersionView]:
    """Return those of these Versions of whose Documents the actor may read the metadata, by id."""
    owners = facts.documents_of_versions(work, ids)
    for absent in set(ids) - owners.keys():
        work.refuses(absent, action=Action.READ_METADATA, reason="absent", exists=False)
    documents = gate.visible(work, Document, Action.READ_METADATA).each(set(owners.values()))
    reading = gate.parts(work, Version, owner=Version.document_id, of=documents, noted=True)
    shown = [key for key, document_id in owners.items() if document_id in documents]
    return _views(work, list(reading.many(shown).values()))


def content(work: Work, version_id: UUID) -> ContentRef:
    """Return the way to the bytes of a Version, or raise `NotFound`; needs `READ_CONTENT`.

    The event names Document and Version as released with their content, before the first byte.
    """
    work.performs(Op.CONTENT_DOWNLOAD)
    view, document = _of_visible(work, version_id, action=Action.READ_CONTENT)
    work.releases(
        view.id,
        revision=view.number,
        disclosure=Disclosure.CONTENT,
        security_id=document.security_id,
        class_id=document.record_class_id,
    )
    sealed = facts.sealed_blob(work, _bodies(work, [view.id])[view.id].blob_id)
    if sealed is None:
        raise NotFound
    rank = marks.mark_of(work, document.security_id).rank
    return ContentRef(view, *sealed, security_id=document.security_id, level_rank=rank)


def as_rendition(ref: ContentRef, row: Rendition, sealed: tuple[SealedBlob, str]) -> ContentRef:
    """Return the way to the bytes of a Rendition of a Version whose content was released."""
    shown = ref.version._replace(
        file_name=f"{ref.version.file_name}.{row.media_type.rpartition('/')[2].replace('plain', 'txt')}",
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
    )
    return ContentRef(shown, *sealed, security_id=ref.security_id, level_rank=ref.level_rank)


def reading(version_id: UUID, *, priority: int) -> JobOrder:
    """Return the job that reads the content of a Version: its format, its text, its thumbnail."""
    payload = {"version": version_id.hex}
    return JobOrder(JobKind.CONTENT_READ, payload, f"{JobKind.CONTENT_READ}:{version_id.hex}", priority)


def ask_again(work: Work, document_id: UUID) -> None:
    """Decide once more on the content of a Document that is on its way out; `NotFound` stops it."""
    work.performs(Op.CONTENT_DOWNLOAD)
    gate.visible(work, Document, Action.READ_CONTENT).one(document_id)


def pages(
    work: Work, document_ids: Collection[UUID], request: PageRequest
) -> Mapping[UUID, Page[VersionView]]:
    """Return a page of the Versions of each Document, by number; a later page goes with one Document.

    Documents whose metadata this operation has not released raise `NotFound`.
    """
    if not document_ids:
        return {}
    reading = gate.parts(work, Version, owner=Version.document_id, of=document_ids, noted=True)
    reading = reading.order_by(Order(Version.number))
    if request.after is None:
        found = reading.pages(Version.document_id, document_ids, request=request)
    else:
        (document_id,) = document_ids
        found = {document_id: reading.page(request)}
    views = _views(work, [row for page in found.values() for row in page.rows])
    return {key: page.map(lambda row: views[row.id]) for key, page in found.items()}


def page(work: Work, document_id: UUID, request: PageRequest) -> Page[VersionView]:
    """List the Versions of one Document, by number, or raise `NotFound`; needs `READ_METADATA`."""
    work.performs(Op.VERSION_LIST)
    gate.visible(work, Document, Action.READ_METADATA).one(document_id)
    return pages(work, [document_id], request)[document_id]


def current(work: Work, documents: Iterable[Document]) -> Mapping[UUID, VersionView]:
    """Return the newest Version of each Document that has one, by the Document's id."""
    having = {row.id: row for row in documents if row.current_version is not None}
    if not having:
        return {}
    reading = gate.parts(work, Version, owner=Version.document_id, of=having, noted=True)
    if all(records.has_beside(row, _NEWEST) for row in having.values()):
        reading.given([records.beside_of(row, _NEWEST) for row in having.values()])
        return {
            key: _view(records.beside_of(row, _NEWEST), records.beside_of(row, _BODY_OF_NEWEST))
            for key, row in having.items()
        }
    newest = reading.where(conditions.is_newest_version())
    found = newest.pairs(ContentFile, on=_IS_BODY, order=ContentFile.position.expression)
    return {row.document_id: _view(row, body) for row, body in reversed(found)}  # the first of several


def _of_visible(work: Work, version_id: UUID, *, action: Action) -> tuple[VersionView, Document]:
    # An absent Version asks for an absent Document, so that absence takes the way of a refusal.
    document_id = facts.documents_of_versions(work, [version_id]).get(version_id, ABSENT)
    document = gate.visible(work, Document, action).one(document_id)
    row = gate.parts(work, Version, owner=Version.document_id, of=[document_id], noted=True).one(version_id)
    return _views(work, [row])[row.id], document


def _views(work: Work, rows: Sequence[Version]) -> dict[UUID, VersionView]:
    bodies = _bodies(work, [row.id for row in rows])
    return {row.id: _view(row, bodies[row.id]) for row in rows}


def _view(row: Version, body: ContentFile) -> VersionView:
    return VersionView(
        id=row.id,
        document_id=row.document_id,
        number=row.number,
        note=row.note,
        created_at=row.created_at,
        created_by=row.created_by,
        file_name=body.name,
        media_type=body.media_type,
        declared_media_type=body.declared_media_type,
        size_bytes=body.size_bytes,
        sha256=body.sha256,
    )


def _bodies(work: Work, version_ids: Collection[UUID]) -> Mapping[UUID, ContentFile]:
    if not version_ids:
        return {}
    reading = gate.parts(work, ContentFile, owner=ContentFile.version_id, of=version_ids, noted=False)
    rows = reading.where(_IS_BODY_FILE).order_by(Order(ContentFile.position)).rows()
    return {row.version_id: row for row in reversed(rows)}  # the first one of several


@dataclass(frozen=True, slots=True)
class _Attached:
    """Content that becomes a Version; `known_blob` is the Blob of the Document that holds it already."""

    document: Document
    named: NamedContent
    number: int
    known_blob: UUID | None


def _attach_all(work: Work, attached: Sequence[_Attached]) -> list[Version]:
    made = [_version(work, each) for each in attached]
    for each, version in zip(attached, made, strict=True):
        work.add(version)
        if each.known_blob is None:
            content = each.named.content
            work.add(
                sealedblobs.blob_row(
                    content.blob, document_id=each.document.id, store=content.store, now=work.now
                )
            )
    # This sends what the next rows refer to.
    wraps.require_living(work, {each.named.content.blob.kek for each in attached})
    for each, version in zip(attached, made, strict=True):
        work.add(_body(each, version))
        if each.known_blob is None:
            work.add(sealedblobs.key_row(each.named.content.blob))
    work.flush()
    fulltext.renew(
        work,
        [NewestVersion(each.document.id, each.number, each.named.content.media_type) for each in attached],
    )
    jobs.queue(work, [reading(version.id, priority=Priority.NORMAL) for version in made])
    for each, version in zip(attached, made, strict=True):
        blob = each.named.content.blob
        work.changed(
            version.id,
            before=None,
            after=version.number,
            old={},
            new={"document": each.document.id.hex, "sha256": blob.plain_sha256, "bytes": blob.plain_bytes},
        )
    return made


def _version(work: Work, each: _Attached) -> Version:
    return Version(
        id=new_id(),
        document_id=each.document.id,
        number=each.number,
        note=editing.described(each.named.note, "upload", "note"),
        created_at=work.now,
        created_by=work.actor.principal_id,
    )


def _body(each: _Attached, version: Version) -> ContentFile:
    content = each.named.content
    return ContentFile(
        id=new_id(),
        version_id=version.id,
        position=1,
        role=FileRole.BODY,
        name=text.file_name(each.named.file_name, ("upload", "fileName")),
        media_type=content.media_type,
        declared_media_type=content.declared_media_type,
        size_bytes=content.blob.plain_bytes,
        sha256=content.blob.plain_sha256,
        blob_id=each.known_blob or content.blob.blob_id,
    )
