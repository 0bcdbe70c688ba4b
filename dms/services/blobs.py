"""Stored content as its keeper sees it: what is to be checked, what a check found, what nothing names.

Nothing is repaired here: a damaged Blob stays as it is, and so does its row but for what was found.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from dms.access import gate
from dms.base.ids import new_id
from dms.models.preservation import PreservationEvent, PreservationKind, PreservationOutcome
from dms.models.versions import Blob, VerifyState
from dms.rules.accessevents import Op
from dms.stores import fixity, inspection
from dms.stores import waiting as waits
from dms.stores.blobs import StoredDigest
from dms.stores.fixity import Choice, DueBlob
from dms.stores.work import Work

__all__ = ["Choice", "DueBlob", "Verdict", "count_due", "due", "record", "remove", "unnamed", "waiting"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found of a Blob; `note` is a stable word for what is wrong."""

    blob: DueBlob
    state: VerifyState
    note: str | None = None

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing is wrong."""
        return self.state is VerifyState.SOUND and self.note is None


def due(work: Work, choice: Choice, *, after: DueBlob | None, limit: int) -> Sequence[DueBlob]:
    """Return the Blobs to be checked after this one, the longest unchecked first."""
    work.performs(Op.CONTENT_CHECK)
    return fixity.due(work, choice, after=after, limit=limit)


def count_due(work: Work, choice: Choice) -> tuple[int, int]:
    """Return how many Blobs are to be checked, and how many stored bytes they have."""
    work.performs(Op.CONTENT_CHECK)
    return fixity.count_due(work, choice)


def record(work: Work, verdicts: Sequence[Verdict]) -> Sequence[Verdict]:
    """Keep what checks found: on the Blob, in the history of its Document, and in the event.

    Returns those that are kept: a Blob that was destroyed meanwhile has nothing to be told of.
    """
    work.performs(Op.CONTENT_CHECK)
    rows = gate.vocabulary(work, Blob).many([verdict.blob.blob_id for verdict in verdicts])
    kept = [verdict for verdict in verdicts if verdict.blob.blob_id in rows]
    for verdict in kept:
        row = rows[verdict.blob.blob_id]
        old = {"state": row.verify_state.value}
        row.verified_at, row.verify_state = work.now, verdict.state
        _tell(work, verdict, old)
    unsound = [verdict.blob.blob_id.hex for verdict in kept if not verdict.is_sound]
    work.notes.detail["check"] = {"checked": len(kept), "unsound": unsound}
    return kept


def unnamed(work: Work, digests: Collection[StoredDigest]) -> Sequence[StoredDigest]:
    """Return those of these addresses that neither a Blob nor an upload names."""
    work.performs(Op.CONTENT_SWEEP)
    named = inspection.named_digests(work, digests)
    return [digest for digest in digests if digest not in named]


def shredded(work: Work, digests: Collection[StoredDigest]) -> Sequence[StoredDigest]:
    """Return those of these addresses that no Blob names any more; an upload that was filed may still."""
    work.performs(Op.CONTENT_SWEEP)
    named = inspection.named_digests(work, digests, owners=(Blob,))
    return [digest for digest in digests if digest not in named]


def waiting(work: Work) -> frozenset[str]:
    """Return the names of staged bytes that wait for more of their upload."""
    work.performs(Op.CONTENT_SWEEP)
    return waits.staged_names(work)


def remove(work: Work, things: Collection[str]) -> None:
    """Put on record that stored bytes which nothing names go now; they do after this is durable."""
    work.performs(Op.CONTENT_SWEEP)
    work.notes.detail["removed"] = sorted(things)


def _tell(work: Work, verdict: Verdict, old: dict[str, str]) -> None:
    event = PreservationEvent(
        id=new_id(),
        document_id=verdict.blob.document_id,
        blob_id=verdict.blob.blob_id,
        kind=PreservationKind.FIXITY_CHECK,
        outcome=PreservationOutcome.PASSED if verdict.is_sound else PreservationOutcome.FAILED,
        note=verdict.note,
        at=work.now,
    )
    work.add(event)
    new = {"document": event.document_id.hex, "blob": verdict.blob.blob_id.hex, "state": verdict.state.value}
    work.changed(event.id, before=None, after=1, old=old, new=new)
