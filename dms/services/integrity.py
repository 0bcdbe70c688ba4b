"""Whether an installation agrees with itself: rows with stored bytes, with each other, with the access log.

Nothing is repaired. Every slice is a short reading of its own, so a check may run beside a server; bytes
are looked at between the readings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Concatenate, ParamSpec, TypeAlias, TypeVar
from uuid import UUID

from dms.access import recount, revisions
from dms.access.log import verify
from dms.access.standing import policy_of
from dms.base.actor import Actor
from dms.base.clock import DAY, HOUR, MINUTE
from dms.rules.accessevents import Op
from dms.stores import inspection
from dms.stores.blobs import BlobDamaged, BlobMissing
from dms.stores.crypto import KeyUnavailable, WrappedKey
from dms.stores.inspection import Named, Numbering
from dms.stores.vault import Vault
from dms.stores.work import Work, Works

SLICE = 500
PLACES_AT_ONCE = 10_000
"""Documents whose scopes are compared in one reading."""

T = TypeVar("T")
U = TypeVar("U")
P = ParamSpec("P")


class Weight(StrEnum):
    """Whether something is wrong, or merely worth knowing."""

    FAULT = "fault"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found: a stable code, what it speaks of, and what to know of it."""

    code: str
    subject: str
    message: str
    weight: Weight = Weight.FAULT


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the check: how many things it looked at, and what it found."""

    name: str
    examined: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The whole check."""

    parts: tuple[Part, ...]

    def count(self, weight: Weight) -> int:
        """Count the findings of a weight."""
        return sum(finding.weight is weight for part in self.parts for finding in part.findings)

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing is wrong; notes are no fault."""
        return self.count(Weight.FAULT) == 0


@dataclass(frozen=True, slots=True)
class Ground:
    """What is checked, for whom, and how thoroughly.

    With `is_deep` all content is opened and its digest compared too. `tell` learns of progress: the
    name of the part, how much of it was examined, and of how much where that is known.
    """

    works: Works
    vault: Vault
    actor: Actor
    is_deep: bool
    tell: Callable[[str, int, int | None], None]

    def read(self, body: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Read a slice."""

        def noted(work: Work) -> T:
            work.performs(Op.SYSTEM_CHECK)
            return body(work, *args, **kwargs)

        return self.works.read(self.actor, noted)


Slice: TypeAlias = tuple[int, Sequence[Finding]]
"""How many things were examined, and what was found about them."""


def examine(ground: Ground) -> Report:
    """Look at everything; costs the reading of all stored bytes, and with `is_deep` their opening."""
    steps: Mapping[str, Callable[[Ground], Iterator[Slice]]] = {
        "foundation": _foundation,
        "contents": _contents,
        "uploads": _uploads,
        "store": _store,
        "documents": _documents,
        "changes": _changes,
        "access": _access,
        "log": _log,
    }
    totals = ground.read(_totals)
    report = Report(
        tuple(_part(ground, name, step(ground), totals.get(name)) for name, step in steps.items())
    )

    def conclude(work: Work) -> None:
        counts = {weight.value: report.count(weight) for weight in Weight}
        work.notes.detail["check"] = {**counts, "deep": ground.is_deep}

    ground.read(conclude)
    return report


def _totals(work: Work) -> Mapping[str, int]:
    return {**inspection.totals(work), "log": verify.count(work)}


def _part(ground: Ground, name: str, slices: Iterator[Slice], total: int | None) -> Part:
    examined, found = 0, list[Finding]()
    for count, findings in slices:
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
    yield 2, found


def _contents(ground: Ground) -> Iterator[Slice]:
    def body(work: Work, after: UUID | None) -> tuple[Sequence[Named], list[Finding]]:
        rows = inspection.blobs(work, after=after, limit=SLICE)
        ids = [row.row_id for row in rows]
        unlike = inspection.files_unlike_their_blob(work, ids)
        unused = inspection.blobs_without_file(work, ids)
        return rows, [
            *(_fault("file_unlike_blob", "file", i, "its digest, size or Document differ") for i in unlike),
            *(_fault("blob_unused", "blob", i, "no file of a Version names it") for i in unused),
        ]

    for rows, found in _slices(ground, body, lambda row: row.row_id):
        yield 0, found
        yield from _stored(ground, rows, kind="blob")


def _uploads(ground: Ground) -> Iterator[Slice]:
    def body(work: Work, after: UUID | None) -> tuple[Sequence[Named], None]:
        return inspection.uploads(work, after=after, limit=SLICE), None

    for rows, _ in _slices(ground, body, lambda row: row.row_id):
        yield from _stored(ground, rows, kind="upload")


def _stored(ground: Ground, rows: Iterable[Named], *, kind: str) -> Iterator[Slice]:
    """Look at the stored bytes that rows name: one finding for each row at most."""
    for row in rows:
        try:
            _open(ground, row)
        except BlobMissing:
            yield 1, [_fault("content_missing", kind, row.row_id, "its stored bytes are gone: restore them")]
        except BlobDamaged:
            message = "its stored bytes are not the ones that were put there: restore them"
            yield 1, [_fault("content_damaged", kind, row.row_id, message)]
        except KeyUnavailable as error:
            yield 1, [_fault("content_key", kind, row.row_id, error.message)]
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
    for blobs in _chunks(ground.vault.store.list()):
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
    for left in ground.vault.store.list_staged():
        yield 1, [_note("staged_leftover", f"staged:{left.name}", left.stored_bytes, now - left.written_at)]


def _documents(ground: Ground) -> Iterator[Slice]:
    def body(work: Work, after: UUID | None) -> tuple[Sequence[Numbering], list[Finding]]:
        rows = inspection.numberings(work, after=after, limit=SLICE)
        ids = [row.document_id for row in rows]
        empty = inspection.versions_without_file(work, ids)
        made = {row.document_id: row.made_at for row in rows}
        return rows, [
            *(_fault("version_empty", "version", i, "it has no file") for i in empty),
            *_unrecorded(work, "document", made),
            *_unrecorded(work, "version", inspection.versions_made(work, ids)),
        ]

    for rows, found in _slices(ground, body, lambda row: row.document_id):
        yield len(rows), [*found, *(finding for row in rows for finding in _misnumbered(row))]


def _unrecorded(work: Work, kind: str, made: Mapping[UUID, int]) -> Iterator[Finding]:
    for some in _chunks(iter(made.items())):
        for thing in verify.unnamed(work, dict(some)):
            yield _fault("made_without_event", kind, thing, "no event of the log says who made it")


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


def _recounted(fault: recount.Fault) -> Finding:
    return Finding(fault.code, fault.subject, fault.message)


def _misnumbered(row: Numbering) -> Iterator[Finding]:
    if row.newest != row.current:
        message = f"it names Version {row.current} as its newest, which is {row.newest}"
        yield _fault("current_version", "document", row.document_id, message)
    if row.count != (row.newest or 0):
        message = f"it has {row.count} Versions, but the newest has the number {row.newest}"
        yield _fault("version_gap", "document", row.document_id, message)


def _changes(ground: Ground) -> Iterator[Slice]:
    """Look for the event of each change that names one."""
    last = 0
    while rows := ground.read(inspection.revisions, after=last, limit=SLICE):
        found = [*_gaps(rows, after=last), *_revisions_without_event(ground, rows)]
        last = rows[-1][0]
        yield len(rows), found
    head = ground.read(revisions.head)[0]
    if head > last:
        yield 0, [Finding("revision_gap", f"revision:{head}", "the newest policy revisions are missing")]
    lines = ground.read(inspection.lines_without_revision)
    yield 0, [_fault("line_without_revision", kind, i, "it names no policy revision") for kind, i in lines]
    named = ground.read(inspection.history_events)
    for ids in _chunks(iter(named)):
        absent = ground.read(verify.absent, ids)
        yield (
            len(ids),
            [_fault("change_without_event", named[i], i, "the log holds no such event") for i in absent],
        )


def _gaps(rows: Sequence[tuple[int, UUID | None]], *, after: int) -> Iterator[Finding]:
    for number, _ in rows:
        if number != after + 1:
            yield Finding(
                "revision_gap", f"revision:{number}", f"the policy revisions after {after} are missing"
            )
        after = number


def _revisions_without_event(ground: Ground, rows: Sequence[tuple[int, UUID | None]]) -> Iterator[Finding]:
    ids = {event_id for _, event_id in rows if event_id is not None}
    absent = ground.read(verify.absent, ids)
    for number, event_id in rows:
        if event_id is None or event_id in absent:
            yield Finding(
                "revision_without_event", f"revision:{number}", "the log holds no event of this change"
            )


def _log(ground: Ground) -> Iterator[Slice]:
    last: UUID | None = None
    while True:
        seen = ground.read(verify.verify, after=last, limit=SLICE)
        last = seen.last
        yield (
            seen.count,
            [_fault(fault.code, "event", fault.event_id, fault.message) for fault in seen.faults],
        )
        # Every reading leaves an event itself: without this the check would follow its own track.
        if seen.count < SLICE:
            return


def _slices(
    ground: Ground,
    body: Callable[[Work, UUID | None], tuple[Sequence[T], U]],
    key: Callable[[T], UUID],
) -> Iterator[tuple[Sequence[T], U]]:
    """Read slice after slice, each in a reading of its own, until one is empty."""
    after: UUID | None = None
    while True:
        rows, beside = ground.read(body, after)
        if not rows:
            return
        yield rows, beside
        after = key(rows[-1])


def _chunks(things: Iterator[T]) -> Iterator[list[T]]:
    while chunk := list(islice(things, SLICE)):
        yield chunk


def _fault(code: str, kind: str, row_id: UUID, message: str) -> Finding:
    return Finding(code, f"{kind}:{row_id}", message)


def _note(code: str, subject: str, size_bytes: int, age: int) -> Finding:
    message = f"{size_bytes} bytes that nothing names, {_aged(age)} old; they do no harm"
    return Finding(code, subject, message, Weight.NOTE)


def _aged(age: int) -> str:
    for unit, name in ((DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes")):
        if age >= unit:
            return f"{age // unit} {name}"
    return "less than a minute"
