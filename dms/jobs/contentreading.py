"""The job that reads a content once it is there: its format, its text, its thumbnail.

All of it happens in a process apart, within limits, so hostile content costs no more than those. How each
step ended is kept, and a refusal is an answer as well. What is kept is keyed by content, step and reader, so
a second time finds it done.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from functools import partial
from uuid import UUID

from dms.base.ids import new_id
from dms.jobs.holding import BrokenOff, Ground, Held, InVain
from dms.models.versions import VerifyState
from dms.rules.pronom import WINDOW
from dms.rules.renditions import READ, Step, StepOutcome, StepReason
from dms.services import blobs, renditions
from dms.services.blobs import DueBlob, Verdict
from dms.services.renditions import Result
from dms.stores.blobs import BlobDamaged, BlobMissing
from dms.stores.extraction.asking import Interrupted, Read, in_memory
from dms.stores.renditions import Source
from dms.stores.vault import SealedBlob, Vault

_alarm = logging.getLogger("dms.alarm")

MAX_BYTES = 256 << 20
"""The largest content that is held in memory; of larger ones only the format is told."""

UNREADABLE = "the content is not readable: run `dms check --deep`"


def read(ground: Ground, held: Held) -> None:
    """Read the content of a Version, unless that was done."""
    version_id = UUID(hex=held.taken.payload["version"])
    source = held.works.read(held.actor, partial(renditions.source, version_id=version_id))
    if source is None:
        return
    results: list[Result] = []
    if not source.steps >= set(READ):
        try:
            results = _results(ground.vault, held, source)
        except (BlobMissing, BlobDamaged) as error:
            tell_unsound(held, source, error)
            raise InVain(error.code, UNREADABLE) from error
    store, has_ocr = ground.vault.store.name, ground.settings.ocr
    held.finish(partial(renditions.keep, of=source, results=results, store=store, has_ocr=has_ocr))


def tell_unsound(held: Held, source: Source, error: BlobMissing | BlobDamaged) -> None:
    """Keep what a scrub would have found: it is told of, and not read again until it is sound."""
    blob = source.blob
    due = DueBlob(
        blob.blob_id, source.document_id, blob.stored_digest, blob.stored_bytes, verified_at=None, sealed=blob
    )
    state = VerifyState.MISSING if isinstance(error, BlobMissing) else VerifyState.DAMAGED
    verdict = Verdict(due, state, f"content_{state}")
    held.works.write(held.actor, partial(blobs.record, verdicts=[verdict]))
    _alarm.critical(verdict.note, extra={"blob": blob.blob_id.hex, "document": source.document_id.hex})


def _results(vault: Vault, held: Held, source: Source) -> list[Result]:
    is_whole = source.blob.plain_bytes <= MAX_BYTES
    with in_memory(_pieces(vault, source, is_whole=is_whole)) as content:
        found = [_read(held, step, content, source) for step in READ if is_whole or step is Step.IDENTIFY]
    if not is_whole:
        refused = [Step.TEXT, Step.THUMBNAIL]
        found += [Read(step, StepOutcome.REFUSED, StepReason.TOO_LARGE) for step in refused]
    if any(each.facts.get("silent") for each in found):
        found.append(Read(Step.OCR, StepOutcome.NOTHING, StepReason.WAITING))
    return [_sealed(vault, source, each) for each in found]


def _pieces(vault: Vault, source: Source, *, is_whole: bool) -> Iterator[bytes]:
    size = source.blob.plain_bytes
    if is_whole:
        yield from vault.read(source.blob, start=0, length=size)
        return
    yield from vault.read(source.blob, start=0, length=WINDOW)
    yield from vault.read(source.blob, start=size - WINDOW, length=WINDOW)


def _read(held: Held, step: Step, content: int, source: Source) -> Read:
    try:
        return held.readers.read(
            step,
            content,
            media_type=source.media_type,
            name=source.name,
            is_stopped=lambda: held.is_over,
        )
    except Interrupted as error:
        held.check()
        raise BrokenOff from error


def _sealed(vault: Vault, source: Source, found: Read) -> Result:
    made = None
    if found.body:
        # A plain text is its own text: it is not kept twice.
        is_same = hashlib.sha256(found.body).hexdigest() == source.blob.plain_sha256
        made = source.blob if is_same else seal(vault, found.body)
    return Result(found.step, found.outcome, found.reason, found.facts, made, found.media_type or "")


def seal(vault: Vault, body: bytes) -> SealedBlob:
    """Seal what was made of a content."""
    with vault.writer(new_id(), expected_bytes=len(body)) as writer:
        writer.write(body)
        return writer.finish()
