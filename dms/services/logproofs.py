"""Proofs and checkpoints of the access log, for auditors."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from dms.access.log import reading, signed
from dms.access.log.signed import CheckpointShown, Progress, Proved
from dms.base.errors import NotFound
from dms.base.paging import Page, PageRequest
from dms.rules.accessevents import Op
from dms.services import auditing
from dms.stores.work import Work


@dataclass(frozen=True, slots=True)
class EventProved:
    """An event as it is hashed, and how it stands in the signed log."""

    event_id: UUID
    body: bytes
    leaf_hash: str
    proved: Proved


def prove(work: Work, event_id: UUID) -> EventProved:
    """Return the proof of an event, or how far it has come to one; needs the duty `log.read`.

    `NotFound` if there is no such event, `Unavailable` if the files of the log cannot be read.
    """
    auditing.begin(work, Op.LOG_PROVE)
    found = reading.raw(work, event_id)
    auditing.note(work, {"proof": event_id.hex}, shown=int(found is not None))
    if found is None:
        work.refuses(event_id, action=Op.LOG_PROVE, reason="absent", exists=False)
        raise NotFound
    body, leaf_hash = found
    return EventProved(event_id, body, leaf_hash, signed.prove(work, event_id))


def checkpoints(work: Work, request: PageRequest) -> Page[CheckpointShown]:
    """List what was signed, newest first; needs the duty `log.read`."""
    auditing.begin(work)
    page = signed.page(work, request)
    auditing.note(work, {"checkpoints": True}, shown=len(page.rows))
    return page


def progress(work: Work) -> Progress:
    """Tell how much of the log has its place and a signature; needs the duty `log.read`."""
    auditing.begin(work)
    auditing.note(work, {"progress": True}, shown=0)
    return signed.progress(work)
