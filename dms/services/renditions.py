"""Renditions: what the system makes of contents by itself, and what became of each try.

They have no access rule of their own: whoever may read the metadata of a Document sees that they are there,
and whoever may read its content may read them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from dms.access import gate
from dms.access.keyset import Order as Sorted
from dms.base.actor import ActorKind
from dms.base.canonical import Canonical
from dms.base.clock import DAY
from dms.base.errors import Forbidden, NotFound
from dms.base.ids import new_id
from dms.models.preservation import PreservationEvent, PreservationKind, PreservationOutcome
from dms.models.renditions import BlobStep, Rendition
from dms.models.versions import ContentFile, FileRole
from dms.rules.accessevents import Disclosure, Op
from dms.rules.jobs import JobKind, Priority
from dms.rules.renditions import (
    READER,
    Recognition,
    RenditionKind,
    Step,
    StepOutcome,
    StepReason,
)
from dms.services import versions
from dms.services.versions import ContentRef
from dms.stores import facts, jobs, renditions, sealedblobs, wraps
from dms.stores.jobs import Order as JobOrder
from dms.stores.renditions import Made, Source
from dms.stores.sets import in_ids
from dms.stores.vault import SealedBlob
from dms.stores.work import Work

CAUGHT_UP_AT_ONCE = 1_000

RESTS = 7 * DAY
"""How long content rests whose reading was given up, unless somebody asks for another try of the job."""

_KIND_OF = {
    Step.IDENTIFY: PreservationKind.FORMAT_IDENTIFICATION,
    Step.TEXT: PreservationKind.TEXT_EXTRACTION,
    Step.THUMBNAIL: PreservationKind.RENDERING,
    Step.OCR: PreservationKind.TEXT_EXTRACTION,
}
_MADE_BY = {
    Step.TEXT: RenditionKind.TEXT,
    Step.THUMBNAIL: RenditionKind.THUMBNAIL,
    Step.OCR: RenditionKind.TEXT,
}


class Finding(Protocol):
    """Finds Versions for which something is to be made, the newest first."""

    def __call__(self, work: Work, *, before: UUID | None, limit: int) -> Sequence[UUID]:
        """Return the newest, or those that are older than one."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a step of reading a content ended; `made` holds its bytes, sealed, where it gave any."""

    step: Step
    outcome: StepOutcome
    reason: StepReason | None = None
    facts: Mapping[str, Any] | None = None  # JSON values
    made: SealedBlob | None = None
    media_type: str = ""
    recognition: Recognition | None = None
    """How it was read, if by OCR."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the system knows of the content of a Version: its format, and how each step ended."""

    steps: Sequence[BlobStep]

    @property
    def format(self) -> BlobStep | None:
        """Return the step that told the format, if it did."""
        return next((row for row in self.steps if row.step is Step.IDENTIFY and row.format_id), None)


def source(work: Work, version_id: UUID) -> Source | None:
    """Return the content of a Version for the system to read, which is put on record; None if it is gone."""
    work.performs(Op.CONTENT_READ)
    _require_system(work)
    found = renditions.source(work, version_id)
    if found is not None:
        for key, revision in ((found.document_id, found.revision), (found.version_id, found.number)):
            work.releases(
                key,
                revision=revision,
                disclosure=Disclosure.CONTENT,
                security_id=found.security_id,
                class_id=found.class_id,
            )
    return found


def keep(work: Work, of: Source, results: Sequence[Result], *, store: str, has_ocr: bool) -> None:
    """Keep what was read out of a content: Renditions, the outcome of each step, and both as history.

    A Version whose content was read for another one before gets the same Renditions. `store` names where
    they were sealed; with `has_ocr` what waits for OCR is queued. For the system.
    """
    work.performs(Op.RENDITION_MAKE)
    _require_system(work)
    if renditions.source(work, of.version_id) is None:
        return  # destroyed meanwhile: what was sealed is an orphan, and nobody has its key
    known = {made.kind: made for made in renditions.made_of(work, of.blob.blob_id)}
    if results:
        renditions.forget_steps(work, of.blob.blob_id)
        known = {}
    former = renditions.forget(work, of.version_id)
    for result in results:
        _keep_step(work, of, result)
        if result.made is not None:
            known[_MADE_BY[result.step]] = _keep_bytes(work, of, result, store=store)
    work.flush()
    for made in known.values():
        _keep_rendition(work, of.version_id, made)
    _shred(work, former)
    if RenditionKind.TEXT in known:
        jobs.queue(work, [indexing(of.version_id, priority=Priority.NORMAL)])
    if has_ocr and any(result.reason is StepReason.WAITING for result in results):
        jobs.queue(work, [_recognising(of.version_id)])


def scan(work: Work, version_id: UUID) -> Source | None:
    """Return the content of a Version if it waits for OCR, like `source`. For the system."""
    found = source(work, version_id)
    return found if found is not None and renditions.awaits_ocr(work, found.blob.blob_id) else None


def keep_recognised(work: Work, of: Source, result: Result, *, store: str) -> None:
    """Keep what OCR found in a content, as the text of all Versions that hold it. For the system."""
    work.performs(Op.RENDITION_MAKE)
    _require_system(work)
    if renditions.source(work, of.version_id) is None:
        return
    renditions.forget_steps(work, of.blob.blob_id, steps=[Step.OCR])
    _keep_step(work, of, result)
    if result.made is None:
        return
    made = _keep_bytes(work, of, result, store=store)
    work.flush()
    former: set[UUID] = set()
    for version_id in renditions.versions_of(work, of.blob.blob_id):
        former.update(renditions.forget(work, version_id, kinds=[RenditionKind.TEXT]))
        _keep_rendition(work, version_id, made)
        work.flush()
        jobs.queue(work, [indexing(version_id, priority=Priority.NORMAL)])
    _shred(work, former)


def indexing(version_id: UUID, *, priority: int) -> JobOrder:
    """Return the job that lets a Document be found by the text of a Version."""
    payload = {"version": version_id.hex}
    return JobOrder(JobKind.SEARCH_INDEX, payload, f"{JobKind.SEARCH_INDEX}:{version_id.hex}", priority)


def _recognising(version_id: UUID) -> JobOrder:
    payload = {"version": version_id.hex}
    return JobOrder(JobKind.CONTENT_OCR, payload, f"{JobKind.CONTENT_OCR}:{version_id.hex}", Priority.LEAST)


def catch_up(work: Work, *, has_ocr: bool) -> int:
    """Queue the reading of contents that today's readers have not read; returns how many.

    With `has_ocr` also what waits for OCR. For the system.
    """
    work.performs(Op.RENDITION_MAKE)
    _require_system(work)
    orders = _missing(work, renditions.unread, partial(versions.reading, priority=Priority.LEAST))
    if has_ocr:
        orders += _missing(work, renditions.unrecognised, _recognising)
    jobs.queue(work, orders)
    return len(orders)


def _missing(work: Work, find: Finding, order: Callable[[UUID], JobOrder]) -> list[JobOrder]:
    """Return the jobs for what is found, without those that were given up not long ago."""
    wanted: list[JobOrder] = []
    some = find(work, before=None, limit=CAUGHT_UP_AT_ONCE)
    while some and len(wanted) < CAUGHT_UP_AT_ONCE:
        orders = [order(version_id) for version_id in some]
        given_up = renditions.given_up(work, [each.dedupe_key for each in orders], since=work.now - RESTS)
        wanted += [each for each in orders if each.dedupe_key not in given_up]
        some = find(work, before=some[-1], limit=CAUGHT_UP_AT_ONCE)
    return wanted


def text_of(work: Work, version_id: UUID) -> SealedBlob | None:
    """Return the way to the text of a Version for the system, which is put on record; None without any.

    `stores.renditions.read_text` opens it.
    """
    found = source(work, version_id)
    return None if found is None else renditions.text_blob(work, version_id)


def of_versions(work: Work, version_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Rendition]]:
    """Return the Renditions of each of these Versions, which this operation must have released."""
    reading = gate.parts(work, Rendition, owner=Rendition.version_id, of=version_ids, noted=True)
    found: dict[UUID, list[Rendition]] = {key: [] for key in version_ids}
    for row in reading.order_by(Sorted(Rendition.id)).rows():
        found[row.version_id].append(row)
    return found


def nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Rendition]:
    """Return those of these Renditions of whose Documents the actor may read the metadata, by id."""
    named = gate.vocabulary(work, Rendition).many(ids)
    seen = versions.nodes(work, {row.version_id for row in named.values()})
    return gate.parts(work, Rendition, owner=Rendition.version_id, of=seen, noted=True).each(ids)


def readings(work: Work, version_ids: Collection[UUID]) -> Mapping[UUID, Reading]:
    """Return what is known of the contents of these Versions, which this operation must have released."""
    bodies = gate.parts(work, ContentFile, owner=ContentFile.version_id, of=version_ids, noted=False)
    rows = bodies.where(ContentFile.role == FileRole.BODY).order_by(Sorted(ContentFile.position)).rows()
    blobs = {row.version_id: row.blob_id for row in reversed(rows)}
    steps = gate.vocabulary(work, BlobStep).where(in_ids(BlobStep.blob_id, set(blobs.values()))).rows()
    by_blob: dict[UUID, list[BlobStep]] = {}
    for step in sorted(steps, key=lambda row: row.step):
        by_blob.setdefault(step.blob_id, []).append(step)
    return {key: Reading(by_blob.get(blob_id, [])) for key, blob_id in blobs.items()}


def content(work: Work, rendition_id: UUID) -> ContentRef:
    """Return the way to the bytes of a Rendition, or raise `NotFound`; needs `READ_CONTENT`."""
    row = gate.vocabulary(work, Rendition).many([rendition_id]).get(rendition_id)
    found = versions.content(work, versions.ABSENT if row is None else row.version_id)
    sealed = None if row is None else facts.sealed_blob(work, row.blob_id)
    if row is None or sealed is None:
        raise NotFound
    return versions.as_rendition(found, row, sealed)


def _shred(work: Work, former: Collection[UUID]) -> None:
    """Shred what Renditions held that have been replaced, unless something else names it."""
    for blob_id in renditions.shred_unnamed(work, former):
        work.changed(blob_id, before=1, after=None, old={}, new={})


def _require_system(work: Work) -> None:
    if work.actor.kind is not ActorKind.SYSTEM:
        raise Forbidden("only the system reads contents for itself")


def _keep_step(work: Work, of: Source, result: Result) -> None:
    told = dict(result.facts or {})
    row = BlobStep(
        id=new_id(),
        blob_id=of.blob.blob_id,
        step=result.step,
        reader=READER,
        outcome=result.outcome,
        reason=result.reason,
        format_id=told.get("format"),
        format_name=told.get("name"),
        format_basis=told.get("basis"),
        at=work.now,
    )
    work.add(row)
    if result.reason is StepReason.WAITING:
        return  # nothing was done yet
    is_refused = result.outcome is StepOutcome.REFUSED
    event = PreservationEvent(
        id=new_id(),
        document_id=of.document_id,
        blob_id=of.blob.blob_id,
        kind=_KIND_OF[result.step],
        outcome=PreservationOutcome.FAILED if is_refused else PreservationOutcome.PASSED,
        note=_note(result, told),
        at=work.now,
    )
    work.add(event)
    new: dict[str, Canonical] = {
        "document": of.document_id.hex,
        "version": of.version_id.hex,
        "step": result.step.value,
        "outcome": result.outcome.value,
        "note": event.note,
    }
    work.changed(event.id, before=None, after=1, old={}, new=new)


def _note(result: Result, told: Mapping[str, Any]) -> str:
    word = result.reason or told.get("format") or result.outcome
    if result.recognition is not None:
        seen = result.recognition
        word = f"{seen.pages} pages by {seen.program}, {seen.languages}"
    return f"{word} (reader {READER})"


def _keep_bytes(work: Work, of: Source, result: Result, *, store: str) -> Made:
    blob = result.made
    assert blob is not None  # noqa: S101  the caller has looked
    known = facts.blob_id(work, document_id=of.document_id, plain_sha256=blob.plain_sha256)
    if known is None:
        work.add(sealedblobs.blob_row(blob, document_id=of.document_id, store=store, now=work.now))
        wraps.require_living(work, {blob.kek})
        work.add(sealedblobs.key_row(blob))
    cut = bool((result.facts or {}).get("cut"))
    return Made(
        _MADE_BY[result.step],
        known or blob.blob_id,
        result.media_type,
        blob.plain_bytes,
        blob.plain_sha256,
        cut,
        result.recognition,
    )


def _keep_rendition(work: Work, version_id: UUID, made: Made) -> None:
    ocr = made.recognition
    row = Rendition(
        id=new_id(),
        version_id=version_id,
        kind=made.kind,
        blob_id=made.blob_id,
        media_type=made.media_type,
        size_bytes=made.size_bytes,
        sha256=made.sha256,
        is_cut=made.is_cut,
        ocr_program=None if ocr is None else ocr.program,
        ocr_languages=None if ocr is None else ocr.languages,
        ocr_pages=None if ocr is None else ocr.pages,
        created_at=work.now,
    )
    work.add(row)
    new = {"version": version_id.hex, "kind": made.kind.value, "sha256": made.sha256}
    work.changed(row.id, before=None, after=1, old={}, new=new)
