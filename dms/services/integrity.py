"""Whether an installation agrees with itself: rows with stored bytes, with each other, with the access log.

Nothing is repaired. Every slice is a short reading of its own, so a check may run beside a server; bytes
are looked at between the readings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias
from uuid import UUID

from dms.access import recount, revisions
from dms.access.log import audit, offline, prevention, proofs, shards, verify
from dms.access.log import findings as logged
from dms.access.log.continuity import Trust
from dms.access.log.findings import Audit, Verdict
from dms.access.log.offline import FolderGround
from dms.access.standing import policy_of
from dms.base.clock import DAY, HOUR, MINUTE
from dms.base.errors import Unavailable
from dms.services import traces
from dms.services.inspections import (
    SLICE,
    Finding,
    Ground,
    Part,
    Report,
    Slice,
    Weight,
    chunks,
    fault,
    slices,
)
from dms.stores import inspection, outcomes, reindexing, waiting
from dms.stores.blobs import BlobDamaged, BlobMissing
from dms.stores.crypto import KeyUnavailable, WrappedKey
from dms.stores.inspection import Named, Numbering
from dms.stores.work import Work

__all__ = ["Finding", "Ground", "Part", "Report", "Weight", "examine", "examine_records"]

PLACES_AT_ONCE = 10_000
"""Documents whose scopes are compared in one reading."""

THREADS = 32
"""How many numbers of a writer that was killed may be missing, whoever it was."""

Step: TypeAlias = Callable[[Ground], Iterator[Slice]]


def examine(ground: Ground) -> Report:
    """Look at everything; costs the reading of all stored bytes, and with `is_deep` their opening."""
    steps: dict[str, Step] = {
        "foundation": _foundation,
        "contents": _contents,
        "uploads": _uploads,
        "store": _store,
        "documents": _documents,
        **_TRACES,
        "access": _access,
        "search": _search,
        "retention": _retention,
        "log": _log,
    }
    report = _report(ground, steps)

    def conclude(work: Work) -> None:
        counts = {weight.value: report.count(weight) for weight in Weight}
        work.notes.detail["check"] = {**counts, "deep": ground.is_deep}

    ground.read(conclude)
    return report


def examine_records(ground: Ground) -> Report:
    """Look only at whether rows and events name each other."""
    return _report(ground, {"documents": _documents, **_TRACES})


def _report(ground: Ground, steps: Mapping[str, Step]) -> Report:
    totals = ground.read(_totals)
    return Report(tuple(_part(ground, name, step(ground), totals.get(name)) for name, step in steps.items()))


def _totals(work: Work) -> Mapping[str, int]:
    return {**inspection.totals(work), "log": verify.count(work)}


def _part(ground: Ground, name: str, step: Iterator[Slice], total: int | None) -> Part:
    examined, found = 0, list[Finding]()
    for count, findings in step:
        examined += count
        found += findings
        ground.tell(name, examined, total)
    return Part(name, examined, tuple(found))


def _foundation(ground: Ground) -> Iterator[Slice]:
    def body(work: Work) -> tuple[int, bool]:
        in_force = revisions.head(work)[1] == policy_of(work).files.sha256
        return inspection.repositories(work), in_force

    count, in_force = ground.read(body)
    found = []
    if count != 1:
        message = f"there are {count} Repositories instead of one"
        found.append(Finding("repository_count", "repository", message))
    if not in_force:
        message = "the policy files differ from the ones in force: run `dms policy apply`"
        found.append(Finding("policy_not_in_force", "policy", message))
    if more := prevention.excess(ground.works.database):
        message = f"this database role could {more[0]} and {len(more) - 1} things more: see `dms log roles`"
        found.append(Finding("log_role_may_more", "accessLog", message, Weight.NOTE))
    if not _is_anchored(ground):
        message = "nobody outside has seen its checkpoints: name a witness or a time stamp authority"
        found.append(Finding("log_unwitnessed", "accessLog", message, Weight.NOTE))
    yield 2, found


def _is_anchored(ground: Ground) -> bool:
    try:
        return proofs.is_anchored(ground.works.equipment[shards.PLACE].shard())
    except (Unavailable, ValueError, OSError):
        return False  # what is wrong with its files, the part `log` tells


def _contents(ground: Ground) -> Iterator[Slice]:
    def body(work: Work, after: UUID | None) -> tuple[Sequence[Named], list[Finding]]:
        rows = inspection.blobs(work, after=after, limit=SLICE)
        ids = [row.row_id for row in rows]
        unlike = inspection.files_unlike_their_blob(work, ids)
        unused = inspection.blobs_without_file(work, ids)
        return rows, [
            *(fault("file_unlike_blob", "file", i, "its digest, size or Document differ") for i in unlike),
            *(fault("blob_unused", "blob", i, "no file of a Version names it") for i in unused),
        ]

    for rows, found in slices(ground, body, lambda row: row.row_id):
        yield 0, found
        yield from _stored(ground, rows, kind="blob")


def _uploads(ground: Ground) -> Iterator[Slice]:
    def body(work: Work, after: UUID | None) -> tuple[Sequence[Named], None]:
        return inspection.uploads(work, after=after, limit=SLICE), None

    for rows, _ in slices(ground, body, lambda row: row.row_id):
        yield from _stored(ground, rows, kind="upload")


def _stored(ground: Ground, rows: Iterable[Named], *, kind: str) -> Iterator[Slice]:
    """Look at the stored bytes that rows name: one finding for each row at most."""
    for row in rows:
        try:
            _open(ground, row)
        except BlobMissing:
            yield 1, [fault("content_missing", kind, row.row_id, "its stored bytes are gone: restore them")]
        except BlobDamaged:
            message = "its stored bytes are not the ones that were put there: restore them"
            yield 1, [fault("content_damaged", kind, row.row_id, message)]
        except KeyUnavailable as error:
            yield 1, [fault("content_key", kind, row.row_id, error.message)]
        else:
            yield 1, []


def _open(ground: Ground, row: Named) -> None:
    """Raise what is wrong with the stored bytes of a row, or with their key."""
    vault = ground.vault
    if vault.store.head(row.stored_digest).stored_bytes != row.stored_bytes:
        raise BlobDamaged(row.stored_digest)
    vault.verify_stored(row.stored_digest)
    if row.blob is None:
        raise KeyUnavailable("its key is gone: nobody can read this content any more")
    vault.keys.unwrap(WrappedKey(row.blob.kek, row.blob.wrapped))
    if ground.is_deep:
        vault.verify(row.blob)


def _store(ground: Ground) -> Iterator[Slice]:
    """Look for bytes that nothing names: a crash may leave some, and they do no harm."""
    now = ground.works.clock()
    for blobs in chunks(ground.vault.store.list()):
        digests = [blob.digest for blob in blobs]
        named = ground.read(inspection.named_digests, digests)
        yield (
            len(blobs),
            [
                _note("content_unnamed", f"bytes:{blob.digest}", blob.stored_bytes, now - blob.written_at)
                for blob in blobs
                if blob.digest not in named
            ],
        )
    kept = ground.read(waiting.staged_names)
    for left in ground.vault.store.list_staged():
        if left.name in kept:
            continue
        yield 1, [_note("staged_leftover", f"staged:{left.name}", left.stored_bytes, now - left.written_at)]


def _documents(ground: Ground) -> Iterator[Slice]:
    def body(work: Work, after: UUID | None) -> tuple[Sequence[Numbering], list[Finding]]:
        rows = inspection.numberings(work, after=after, limit=SLICE)
        ids = [row.document_id for row in rows]
        empty = inspection.versions_without_file(work, ids)
        made = {row.document_id: row.made_at for row in rows}
        return rows, [
            *(fault("version_empty", "version", i, "it has no file") for i in empty),
            *traces.unrecorded(work, "document", made),
            *traces.unrecorded(work, "version", inspection.versions_made(work, ids)),
        ]

    for rows, found in slices(ground, body, lambda row: row.document_id):
        yield len(rows), [*found, *(finding for row in rows for finding in _misnumbered(row))]


def _access(ground: Ground) -> Iterator[Slice]:
    """Recount access nodes, closures, scopes and counters from nothing."""
    for step in (recount.nodes, recount.counters):
        examined, faults = ground.read(step)
        yield examined, [_recounted(fault) for fault in faults]
    after: UUID | None = None
    while True:
        after, examined, faults = ground.read(recount.places, after=after, limit=PLACES_AT_ONCE)
        if after is None:
            return
        yield examined, [_recounted(fault) for fault in faults]


def _search(ground: Ground) -> Iterator[Slice]:
    """Look for things that a search would show by another rule than a list."""
    message = "a search would show it by another rule than a list: run `dms search rebuild --all`"
    found = ground.read(reindexing.disagreeing, limit=SLICE)
    yield ground.read(reindexing.entries), [fault("search_scope", "thing", each, message) for each in found]


def _retention(ground: Ground) -> Iterator[Slice]:
    """Compute what follows for things from nothing, and compare it with what is kept."""
    message = "another outcome follows for it than is kept: run `dms jobs work`, or report it"
    if not ground.read(outcomes.is_current):
        waiting_ = "outcomes are computed anew after a change: check again when the jobs are done"
        yield 0, [Finding("retention_waiting", "retention", waiting_, Weight.NOTE)]
        return

    def body(work: Work, after: UUID | None) -> tuple[Sequence[UUID], Sequence[UUID]]:
        return outcomes.examined(work, after=after, limit=SLICE)

    for rows, wrong in slices(ground, body, lambda row: row):
        yield len(rows), [fault("retention_outcome", "thing", each, message) for each in wrong]


def _recounted(fault: recount.Fault) -> Finding:
    return Finding(fault.code, fault.subject, fault.message)


def _misnumbered(row: Numbering) -> Iterator[Finding]:
    if row.newest != row.current:
        message = f"it names Version {row.current} as its newest, which is {row.newest}"
        yield fault("current_version", "document", row.document_id, message)
    if row.count != (row.newest or 0):
        message = f"it has {row.count} Versions, but the newest has the number {row.newest}"
        yield fault("version_gap", "document", row.document_id, message)


def _log(ground: Ground) -> Iterator[Slice]:
    """Verify the access log as `dms log verify` does."""
    place = ground.read(lambda work: work.memory[shards.PLACE])
    folder = place.shard() if place.shards() else None
    trust, works = Trust(place.known_keys()), ground.works

    def tell(_step: str, done: int, total: int | None) -> None:
        ground.tell("log", done, total)

    found = audit.verify(audit.Ground(works.database, folder, trust, works.clock(), THREADS, tell))
    yield found.events, _audited(found)
    if folder is not None:
        yield 0, _audited(offline.verify_folder(FolderGround(folder, trust, THREADS, tell)))


def _audited(found: Audit) -> list[Finding]:
    return [_audit_finding(each) for each in found.findings.kept if each.verdict is not Verdict.SOUND]


def _audit_finding(found: logged.Finding) -> Finding:
    weight = Weight.NOTE if found.verdict is Verdict.INCOMPLETE else Weight.FAULT
    subject = f"leaf:{found.leaf_index}" if found.event_id is None else f"event:{found.event_id}"
    known = found.event_id is not None or found.leaf_index is not None
    return Finding(found.code, subject if known else "log", found.message, weight)


def _note(code: str, subject: str, size_bytes: int, age: int) -> Finding:
    message = f"{size_bytes} bytes that nothing names, {_aged(age)} old; they do no harm"
    return Finding(code, subject, message, Weight.NOTE)


def _aged(age: int) -> str:
    for unit, name in ((DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes")):
        if age >= unit:
            return f"{age // unit} {name}"
    return "less than a minute"


_TRACES: Mapping[str, Step] = {
    "things": traces.things,
    "changes": traces.changes,
    "lines": traces.lines,
    "events": traces.events,
}
