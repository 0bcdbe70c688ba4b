"""What is signed of the log and what not yet: checkpoints, the proof of an event, and how far it all is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, select

from dms.access.log import keys, proofs, searching, shards, tail, tilestore
from dms.access.log.shards import LogPlace
from dms.access.log.tilestore import TileFolder
from dms.base.clock import Instant, monotonic_s
from dms.base.errors import NotFound, Unavailable
from dms.base.paging import Page, PageRequest, Position
from dms.rules import checkpoints, signednotes
from dms.rules.checkpoints import Checkpoint, EventProof
from dms.rules.signednotes import KeyKind, Note, Signature, VerifierKey
from dms.stores.work import Work, session_of

_Place = tuple[int, str]
"""A shard, and day and number of a line of its history."""


class Standing(StrEnum):
    """How far an event has come on its way into the signed log."""

    NOT_SEQUENCED = "not_sequenced"
    NOT_SIGNED = "not_signed"
    PROVED = "proved"


@dataclass(frozen=True, slots=True)
class SignatureShown:
    """A signature under a checkpoint."""

    name: str
    key_id: str
    is_own: bool
    """A key of this log has made it, which was verified."""
    cosigned_at_s: int | None
    """When a witness says that it saw the checkpoint, in seconds UTC."""


@dataclass(frozen=True, slots=True)
class CheckpointShown:
    """A checkpoint with its signatures; `signed_at` is by the signer's clock, None if nobody kept it."""

    checkpoint: Checkpoint
    signed_at: Instant | None
    note: str
    signatures: Sequence[SignatureShown]


@dataclass(frozen=True, slots=True)
class Proved:
    """How an event stands; what it has not come to yet is None."""

    standing: Standing
    leaf_index: int | None = None
    proof: EventProof | None = None
    checkpoint: CheckpointShown | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of the log has its place and a signature, and how old the oldest without one is."""

    sequenced: int
    waiting: int
    checkpoint: CheckpointShown | None
    lag_us: int


def prove(work: Work, event_id: UUID) -> Proved:
    """Return the proof of an event against the newest checkpoint, as far as it is covered yet.

    `Unavailable` if the files of the log cannot be read.
    """
    leaf = tail.tables_of(work).leaf
    found = session_of(work).execute(select(leaf.c.leaf_index).where(leaf.c.event_id == event_id))
    index: int | None = found.scalar_one_or_none()
    if index is None:
        return Proved(Standing.NOT_SEQUENCED)
    folder, latest = _newest(work)
    if folder is None or latest is None or index >= latest.checkpoint.size:
        return Proved(Standing.NOT_SIGNED, index)
    try:
        path = proofs.inclusion(folder, index, size=latest.checkpoint.size)
    except (NotFound, ValueError) as error:
        raise Unavailable("files of the access log are missing or damaged: run `dms log verify`") from error
    return Proved(Standing.PROVED, index, EventProof(index, path, latest.note), latest)


def progress(work: Work) -> Progress:
    """Tell how far sequencer and signer have come in this snapshot."""
    tables = tail.tables_of(work)
    size: int = tail.head_of(work).size
    event, leaf, waits = tables.event, tables.leaf, tail.waiting(work)
    counted = select(func.count(), func.min(waits.c.at)).select_from(waits)
    waiting, oldest = session_of(work).execute(counted).one()
    _, latest = _newest(work)
    signed = 0 if latest is None else latest.checkpoint.size
    if signed < size:
        unsigned = select(event.c.at).join(leaf, tables.event_of_leaf).where(leaf.c.leaf_index == signed)
        oldest = session_of(work).execute(unsigned).scalar_one_or_none() or oldest
    return Progress(size, waiting, latest, 0 if oldest is None else max(0, work.now - oldest))


def page(work: Work, request: PageRequest) -> Page[CheckpointShown]:
    """List the checkpoints, newest first, of the newest shard before those of an older one.

    Only the files of the days on the page are read; for a total all of them, as far as there is time.
    """
    place = _place(work)
    known = place.known_keys()
    bound = None if request.after is None else (request.after.id.int, str(request.after.value))
    found = [
        (at, line) for at, line in _lines(work, place, bound, upward=request.backward, count=request.size + 1)
    ]
    rows = found[: request.size]
    if request.backward:
        rows.reverse()
    more, beyond = len(found) > request.size, request.after is not None
    shown = Page(
        [_read(line, known) for _, line in rows],
        [Position(spot, UUID(int=shard)) for (shard, spot), _ in rows],
        has_next=beyond if request.backward else more,
        has_previous=more if request.backward else beyond,
    )
    if not request.want_total:
        return shown
    total, is_exact = _count(work, place)
    return replace(shown, total=total, total_is_exact=is_exact)


def _lines(
    work: Work, place: LogPlace, bound: _Place | None, *, upward: bool, count: int
) -> Iterator[tuple[_Place, bytes]]:
    """Yield up to so many lines of the history beyond a place, with the place of each."""
    step = 1 if upward else -1
    for shard, day in _days(place)[::step]:
        if bound is not None and _is_passed((shard, day), bound, upward=upward):
            continue
        work.check_deadline()
        lines = list(enumerate(place.shard(shard).lines(day)))
        for number, line in lines[::step]:
            at = (shard, f"{day} {number:09}")
            if bound is None or (at > bound if upward else at < bound):
                yield at, line
                count -= 1
            if not count:
                return


def _days(place: LogPlace) -> list[tuple[int, str]]:
    return [(shard, day) for shard in place.shards() for day in place.shard(shard).days()]


def _is_passed(day: tuple[int, str], bound: _Place, *, upward: bool) -> bool:
    """Tell whether all lines of a day lie on this side of a place."""
    own = (bound[0], bound[1].partition(" ")[0])
    return day < own if upward else day > own


def _count(work: Work, place: LogPlace) -> tuple[int, bool]:
    work.notes.aggregates += 1
    total, until = 0, searching.half_time(work)
    for shard, day in _days(place):
        if monotonic_s() > until:
            return total, False
        total += len(place.shard(shard).lines(day))
    return total, True


def _place(work: Work) -> LogPlace:
    place: LogPlace = work.memory[shards.PLACE]
    return place


def _newest(work: Work) -> tuple[TileFolder | None, CheckpointShown | None]:
    """Return the newest shard and its checkpoint; nothing of a log that was not begun yet."""
    place = _place(work)
    if not place.shards():
        return None, None
    folder = place.shard()
    text = folder.checkpoint()
    if text is None:
        return folder, None
    last = next(folder.history(newest_first=True), None)
    at = last.at if last is not None and last.note == text else None
    return folder, _shown(text, at, place.known_keys())


def _read(line: bytes, known: Sequence[VerifierKey]) -> CheckpointShown:
    signed = tilestore.read_line(line)
    return _shown(signed.note, signed.at, known)


def _shown(text: str, at: Instant | None, known: Sequence[VerifierKey]) -> CheckpointShown:
    note = signednotes.read(text)
    signatures = [_signature(note, each, known) for each in note.signatures]
    return CheckpointShown(checkpoints.read(note.text), at, text, signatures)


def _signature(note: Note, signature: Signature, known: Sequence[VerifierKey]) -> SignatureShown:
    alone = Note(note.text, (signature,))
    return SignatureShown(
        signature.name,
        signature.key_id.hex(),
        is_own=any(key.kind is KeyKind.ED25519 and keys.is_signed(alone, key) for key in known),
        cosigned_at_s=_cosigned_at(signature),
    )


def _cosigned_at(signature: Signature) -> int | None:
    """Return the instant in a cosignature, which is longer than a signature by it."""
    if len(signature.signature) != checkpoints.COSIGNATURE_BYTES:
        return None
    return checkpoints.read_cosignature(signature.signature)[0]
