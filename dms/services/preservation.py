"""What was done to keep contents readable, and how it ended: the history that a Version shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from uuid import UUID

from dms.access import gate
from dms.access.keyset import Order
from dms.access.reading import Listing
from dms.base.paging import Page, PageRequest
from dms.models.documents import Document
from dms.models.preservation import PreservationEvent
from dms.models.versions import ContentFile, FileRole
from dms.rules.access import Action
from dms.services.versions import VersionView
from dms.stores.sets import in_ids
from dms.stores.work import Work

_NOTHING: Page[PreservationEvent] = Page([], [], has_next=False, has_previous=False, total=0)


def of_versions(
    work: Work, views: Iterable[VersionView], request: PageRequest
) -> Mapping[UUID, Page[PreservationEvent]]:
    """Return a page of what was done with the body of each of these Versions, the newest first.

    The operation must have released them. Versions of one Document with the same bytes share their history.
    A later page goes with one Version.
    """
    documents = {view.id: view.document_id for view in views}
    blobs = _bodies(work, documents.keys())
    reading = _of(work, set(documents.values())).where(in_ids(PreservationEvent.blob_id, set(blobs.values())))
    if request.after is not None:
        (blob_id,) = blobs.values()
        pages = {blob_id: reading.page(request)}
    else:
        pages = reading.pages(
            PreservationEvent.blob_id, set(blobs.values()), request=replace(request, want_total=False)
        )
        if request.want_total:
            counts = reading.counts(PreservationEvent.blob_id)
            pages = {key: _counted(page, counts.get(key, 0), request) for key, page in pages.items()}
    return {key: pages.get(blobs.get(key, key), _NOTHING) for key in documents}


def of_documents(
    work: Work, document_ids: Collection[UUID], request: PageRequest
) -> Mapping[UUID, Page[PreservationEvent]]:
    """Return a page of what was done with all contents of each Document, the newest first.

    As `versions.pages`. Contents that are gone, and what was made of contents, are in it too.
    """
    if not document_ids:
        return {}
    reading = _of(work, document_ids)
    if request.after is None:
        return reading.pages(PreservationEvent.document_id, document_ids, request=request)
    (document_id,) = document_ids
    return {document_id: reading.page(request)}


def nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, PreservationEvent]:
    """Return those of these events of whose Documents the actor may read the metadata, by id."""
    named = gate.vocabulary(work, PreservationEvent).many(ids)
    owners = {row.document_id for row in named.values()}
    seen = gate.visible(work, Document, Action.READ_METADATA).each(owners)
    return _of(work, seen).each(ids)


def _of(work: Work, document_ids: Collection[UUID]) -> Listing[PreservationEvent]:
    reading = gate.parts(
        work, PreservationEvent, owner=PreservationEvent.document_id, of=document_ids, noted=True
    )
    return reading.order_by(Order(PreservationEvent.at, descending=True))


def _bodies(work: Work, version_ids: Collection[UUID]) -> Mapping[UUID, UUID]:
    reading = gate.parts(work, ContentFile, owner=ContentFile.version_id, of=version_ids, noted=False)
    rows = reading.where(ContentFile.role == FileRole.BODY).order_by(Order(ContentFile.position)).rows()
    return {row.version_id: row.blob_id for row in reversed(rows)}  # the first one of several


def _counted(page: Page[PreservationEvent], total: int, request: PageRequest) -> Page[PreservationEvent]:
    most = total if request.total_up_to is None else request.total_up_to
    return replace(page, total=min(total, most), total_is_exact=total <= most)
