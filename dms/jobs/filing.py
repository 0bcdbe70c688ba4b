"""What becomes of the files that an import reads: they are filed in groups, or, in a dry run, only judged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, islice
from typing import Protocol

from dms.base.actor import Actor
from dms.base.clock import monotonic_s
from dms.base.ids import new_id
from dms.models.imports import RunEnding
from dms.rules import imports as rules
from dms.services import imports
from dms.services.imports import FoundFile, Known, Outcome, PassedFile, Result, Run
from dms.services.uploads import Content
from dms.stores import formats
from dms.stores.vault import SealedGroup, SealedWriter, Vault
from dms.stores.work import Works

FIRST_SIZE = 16 * rules.FILED_WEIGHT
"""Size of the first transaction of a run; how long it takes decides about the next one."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as it is handed over to be read: where it lies, what is known, and its content."""

    path: bytes
    size_bytes: int
    pieces: Iterable[bytes]
    known: Known | None


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read to its end; `same_as` names a duplicate."""

    path: bytes
    sha256: str
    size_bytes: int
    dates: str | None
    known: Known | None
    content: Content | None = None
    writer: SealedWriter | None = field(default=None, repr=False)
    same_as: str | None = None


class Sink(Protocol):
    """Takes files one by one; `settle` ends a batch of them."""

    @property
    def is_full(self) -> bool:
        """Tell whether it is time to settle."""

    def take(self, reading: Reading, *, dates: str | None) -> ReadFile:
        """Read a file; what its pieces raise leaves nothing of it behind."""

    def drop(self, read: ReadFile) -> None:
        """Forget a file that was taken."""

    def settle(self, files: Sequence[ReadFile | PassedFile]) -> Iterator[Sequence[Result]]:
        """Make it so, and yield what became of the files as it becomes durable."""

    def finish(self, ending: RunEnding) -> None:
        """End the run."""


class Rehearsal:
    """Files nothing, and says what would become of each file."""

    is_full = False

    def take(self, reading: Reading, *, dates: str | None) -> ReadFile:
        """Digest the file."""
        digest, size_bytes = hashlib.sha256(), 0
        for piece in reading.pieces:
            digest.update(piece)
            size_bytes += len(piece)
        return ReadFile(reading.path, digest.hexdigest(), size_bytes, dates, reading.known)

    def drop(self, read: ReadFile) -> None:
        """Do nothing: nothing was kept."""

    def settle(self, files: Sequence[ReadFile | PassedFile]) -> Iterator[Sequence[Result]]:
        """Yield what would become of the files."""
        yield [_expected(each) for each in files]

    def finish(self, ending: RunEnding) -> None:
        """Do nothing: no run was begun."""


class Filing:
    """Seals files on their way into the vault, publishes them in groups, and files those in short steps."""

    def __init__(self, works: Works, vault: Vault, *, actor: Actor, run: Run) -> None:
        self._works = works
        self._vault = vault
        self._actor = actor
        self._run = run
        self._group: SealedGroup | None = None
        self._size = FIRST_SIZE

    @property
    def is_full(self) -> bool:
        """Tell whether the group is full."""
        return self._group is not None and self._group.is_full

    def take(self, reading: Reading, *, dates: str | None) -> ReadFile:
        """Seal the file into the group."""
        if self._group is None:
            self._group = self._vault.group()
        head = tail = b""
        with self._group.writer(new_id(), expected_bytes=reading.size_bytes) as writer:
            for piece in reading.pieces:
                writer.write(piece)
                head += piece[: formats.HEAD_BYTES - len(head)]
                tail = (tail + piece[-formats.TAIL_BYTES :])[-formats.TAIL_BYTES :]
            blob = writer.finish()
        media_type = formats.identify(head, tail=tail, name=rules.file_name(reading.path))
        content = Content(blob, self._vault.store.name, media_type, None)
        return ReadFile(
            reading.path, blob.plain_sha256, blob.plain_bytes, dates, reading.known, content, writer
        )

    def drop(self, read: ReadFile) -> None:
        """Take the file out of the group."""
        if read.writer is not None:
            read.writer.abort()

    def settle(self, files: Sequence[ReadFile | PassedFile]) -> Iterator[Sequence[Result]]:
        """Publish the group, then file it in short transactions; after an error the rest is not filed."""
        group, self._group = self._group, None
        if group is not None:
            with group:  # without files in hand it holds what nobody will name any more
                if any(isinstance(each, ReadFile) for each in files):
                    group.publish()
        waiting = [_found(each) for each in files]
        while waiting:
            count = self._next_count(waiting)
            started_s = monotonic_s()
            yield self._file(waiting[:count])
            self._size = rules.next_size(self._size, took_s=monotonic_s() - started_s)
            del waiting[:count]

    def finish(self, ending: RunEnding) -> None:
        """End the run, durably."""
        self._works.write(self._actor, partial(imports.finish, run=self._run, ending=ending))

    def _file(self, files: Sequence[FoundFile | PassedFile]) -> Sequence[Result]:
        body = partial(imports.file, run=self._run, files=files)
        return self._works.write(self._actor, body, locks=imports.LOCKS)

    def _next_count(self, waiting: Sequence[FoundFile | PassedFile]) -> int:
        weights = accumulate(rules.FILED_WEIGHT if isinstance(each, FoundFile) else 1 for each in waiting)
        return 1 + sum(1 for weight in islice(weights, len(waiting) - 1) if weight < self._size)


def _found(each: ReadFile | PassedFile) -> FoundFile | PassedFile:
    if isinstance(each, PassedFile):
        return each
    if each.content is None:
        raise ValueError("a file that was only rehearsed cannot be filed")
    return FoundFile(each.path, each.content, each.dates, each.same_as)


def _expected(each: ReadFile | PassedFile) -> Result:
    if isinstance(each, PassedFile):
        return Result(each.path, each.outcome, each.reason, is_duplicate=each.is_duplicate)
    outcome = Outcome.FILED if each.known is None else Outcome.NEW_VERSION
    is_duplicate = each.same_as is not None
    return Result(each.path, outcome, each.same_as, is_duplicate=is_duplicate, size_bytes=each.size_bytes)
