"""Whether a tree passes through all checkpoints that were signed: each root, at its size, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import orjson

from dms.access.log import keys
from dms.access.log.findings import Audit, Findings
from dms.access.log.tilestore import Signed, TileFolder
from dms.base.clock import to_iso
from dms.rules import checkpoints, signednotes, tree
from dms.rules.checkpoints import Checkpoint
from dms.rules.signednotes import Note, VerifierKey
from dms.rules.tiles import WIDTH
from dms.rules.tree import Frontier

_ENOUGH = 2
"""Checkpoints beyond the end that tell more than one does."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A checkpoint whose signature was verified, and how a message names it."""

    checkpoint: Checkpoint
    name: str
    may_lead: bool = False
    """It may be on its way to be published, and so be one ahead of what is."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose signatures are believed."""

    known: Sequence[VerifierKey]
    """Keys of the log: one of them has to have signed."""
    witnesses: Sequence[VerifierKey] = ()
    cosigned: dict[str, int] = field(default_factory=dict)
    """The size of the largest checkpoint that each of the witnesses cosigned, by its key's text."""

    def verified(self, note: str, findings: Findings, *, name: str) -> Stated | None:
        """Return a checkpoint if a known key has signed it; otherwise there is one more finding, and None."""
        try:
            read = signednotes.read(note)
            checkpoint = checkpoints.read(read.text)
        except (ValueError, TypeError) as error:
            findings.changed("checkpoint_unreadable", f"{name}: {error}")
            return None
        if any(keys.is_signed(read, key) for key in self.known):
            self._note_witnesses(read, checkpoint.size)
            return Stated(checkpoint, name)
        message = f"{name} is signed by none of the keys that are known"
        findings.changed("checkpoint_unsigned", message, at=checkpoint.size)
        return None

    def judge(self, findings: Findings) -> None:
        """Tell of witnesses that have seen nothing of it."""
        for witness in self.witnesses:
            if str(witness) not in self.cosigned:
                message = f"no checkpoint bears a signature of the witness `{witness.name}`"
                findings.incomplete("witness_missing", message)

    def _note_witnesses(self, note: Note, size: int) -> None:
        for witness in self.witnesses:
            if keys.is_signed(note, witness):
                self.cosigned[str(witness)] = max(size, self.cosigned.get(str(witness), 0))


class Continuity:
    """Grows a tree over leaves and holds it against checkpoints as it comes to their sizes."""

    def __init__(self, stated: Iterator[Stated], findings: Findings) -> None:
        self.frontier = Frontier()
        self.broken_at: int | None = None
        """The size of the first checkpoint that has another root."""
        self._compared = 0
        self._last_size = 0  # of the largest that agrees
        self._stated = stated
        self._next = next(stated, None)
        self._findings = findings
        self._compare()

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append the hashes of the next leaves."""
        start = 0
        while (ahead := self._next) is not None:
            wanted = ahead.checkpoint.size - self.frontier.size
            if wanted > len(leaves) - start:
                break
            self.frontier = _extended(self.frontier, leaves[start : start + wanted])
            start += wanted
            self._compare()
        if start < len(leaves):
            self.frontier = _extended(self.frontier, leaves[start:])

    def extend_tile(self, leaves: Sequence[bytes], subtree: bytes) -> None:
        """Append a whole tile, whose hash is known, where a tile begins."""
        ahead = self._next
        if ahead is not None and ahead.checkpoint.size <= self.frontier.size + WIDTH:
            self.extend(leaves)
        else:
            self.frontier = _with_subtree(self.frontier, subtree)

    def finish(self, reached: Callable[[], int]) -> None:
        """Tell of checkpoints beyond what is there by now: the end was cut, or an older copy restored."""
        beyond: list[Stated] = []
        by_now = -1
        while (ahead := self._next) is not None and len(beyond) < _ENOUGH:
            self._next = next(self._stated, None)
            if ahead.checkpoint.size > by_now:
                by_now = reached()
            if ahead.checkpoint.size > by_now:
                beyond.append(ahead)
        if not beyond or (len(beyond) == 1 and beyond[0].may_lead):
            return
        size, known = beyond[0].checkpoint.size, self.frontier.size
        message = f"{beyond[0].name} speaks of {size:,} events, but only {known:,} are there"
        self._findings.changed("log_cut", message, at=known)

    def tell(self, audit: Audit) -> None:
        """Write down how far it came."""
        audit.size, audit.root = self.frontier.size, self.frontier.root
        audit.checkpoints, audit.signed_size = self._compared, self._last_size

    def _compare(self) -> None:
        while (found := self._next) is not None and found.checkpoint.size <= self.frontier.size:
            self._next = next(self._stated, None)
            self._compared += 1
            size = found.checkpoint.size
            if size < self.frontier.size:
                message = f"{found.name} speaks of {size:,} events after one of {self.frontier.size:,}"
                self._findings.changed("checkpoint_backwards", message, at=size)
            elif found.checkpoint.root == self.frontier.root:
                self._last_size = size
            else:
                self._tell_difference(found)

    def _tell_difference(self, found: Stated) -> None:
        """Say of a root that it is another one; once it is, all later ones are too."""
        if self.broken_at is not None:
            return
        self.broken_at = found.checkpoint.size
        last = max(self._last_size, self.broken_at - 1)
        where = f"something from leaf {self._last_size:,} to {last:,} is not what was signed"
        self._findings.changed("checkpoint_differs", f"{found.name}: {where}", at=last)


def history(
    folder: TileFolder, trust: Trust, findings: Findings, *, may_lead: bool = False
) -> Iterator[Stated]:
    """Yield the checkpoints of a folder in their order; those that no known key has signed are findings."""
    signed = folder.history()
    while True:
        try:
            entry = next(signed, None)
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            findings.changed("history_unreadable", f"a line of the history of checkpoints is none: {error}")
            return
        if entry is None:
            return
        stated = trust.verified(entry.note, findings, name=_named(entry))
        if stated is not None:
            yield replace(stated, may_lead=may_lead)


def merged(stated: Iterator[Stated], besides: Sequence[Stated]) -> Iterator[Stated]:
    """Put checkpoints from elsewhere among those of a history, by their sizes."""
    waiting = sorted(besides, key=lambda each: each.checkpoint.size)
    for each in stated:
        while waiting and waiting[0].checkpoint.size <= each.checkpoint.size:
            yield waiting.pop(0)
        yield each
    yield from waiting


def _extended(frontier: Frontier, leaves: Sequence[bytes]) -> Frontier:
    """Append leaves, where it can by perfect subtrees at once: that saves a third of the time."""
    start = min(-frontier.size % WIDTH, len(leaves))
    found = frontier.extended(leaves[:start]) if start else frontier
    while len(leaves) - start >= WIDTH:
        found = _with_subtree(found, tree.joined_pairs(leaves[start : start + WIDTH]))
        start += WIDTH
    return found.extended(leaves[start:]) if start < len(leaves) else found


def _with_subtree(frontier: Frontier, subtree: bytes) -> Frontier:
    """Append a perfect subtree as wide as a tile; the size has to be a multiple of that."""
    hashes, rest = list(frontier.hashes), frontier.size // WIDTH
    while rest & 1:
        subtree = tree.node_hash(hashes.pop(), subtree)
        rest >>= 1
    return Frontier(frontier.size + WIDTH, (*hashes, subtree))


def _named(signed: Signed) -> str:
    try:
        return f"the checkpoint of {to_iso(signed.at)}"
    except (TypeError, ValueError, OverflowError):
        return f"the checkpoint of `{signed.at}`"
