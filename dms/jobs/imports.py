"""Runs a bulk import: walks a folder, reads its files in batches, and has each batch judged and filed.

It can be killed at any moment and run again: bytes are published before the rows that name them, and
the line that says what was filed under a path is written with the Document in one transaction.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from dms.base.actor import Actor
from dms.base.clock import Clock, monotonic_s
from dms.base.errors import DmsError
from dms.jobs.filing import Filing, ReadFile, Reading, Rehearsal, Sink
from dms.models.imports import RunEnding
from dms.rules import imports as rules
from dms.rules.imports import Duplicates
from dms.services import imports
from dms.services.documents import MAX_PATH
from dms.services.imports import ImportOrder, Known, Outcome, PassedFile, Result, Target
from dms.stores.blobs import GROUP_BLOBS
from dms.stores.folders import Entry, Folder, OpenFile, Unfit
from dms.stores.scratch import Scratch
from dms.stores.vault import Vault
from dms.stores.work import Works

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ground:
    """What a run works on and with; `tell` hears how many files and bytes were read."""

    works: Works
    vault: Vault
    actor: Actor
    clock: Clock
    tell: Callable[[int, int], None]
    is_stopped: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Wish:
    """What to import and how; a dry run reads everything and files nothing."""

    order: ImportOrder
    root: Path
    duplicates: Duplicates
    is_dry: bool = False


@dataclass(slots=True)
class Report:
    """What a run came to; `problem` says why it ended early, if it failed."""

    run_id: UUID | None = None
    ending: RunEnding = RunEnding.COMPLETE
    problem: str | None = None
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    duplicates: int = 0
    filed_bytes: int = 0
    read_bytes: int = 0
    seconds: float = 0.0

    @property
    def files_per_s(self) -> float:
        """Return how many files were answered for in a second."""
        return self.outcomes.total() / self.seconds if self.seconds else 0.0


def run(ground: Ground, wish: Wish, *, scratch: Scratch) -> Report:
    """Import a folder; the remarks on its files are left in `scratch`.

    Raises what `services.imports.prepare` does, before any file is read. Later failures end the run,
    and the report says so: what was filed until then stays.
    """
    started_s = monotonic_s()
    with Folder(wish.root) as folder:
        importing = _begun(ground, wish, folder, scratch)
        importing.perform()
    importing.report.seconds = monotonic_s() - started_s
    return importing.report


class _Stopped(Exception):
    """Somebody wants the run to end."""


def _begun(ground: Ground, wish: Wish, folder: Folder, scratch: Scratch) -> _Import:
    if wish.is_dry:
        target = ground.works.read(ground.actor, partial(imports.prepare, order=wish.order))
        return _Import(
            ground, wish, folder, target=target, sink=Rehearsal(), scratch=scratch, report=Report()
        )
    run = ground.works.write(ground.actor, partial(imports.start, order=wish.order))
    sink = Filing(ground.works, ground.vault, actor=ground.actor, run=run)
    return _Import(
        ground, wish, folder, target=run.target, sink=sink, scratch=scratch, report=Report(run_id=run.id)
    )


class _Import:
    """One run. Holds one batch of files in memory, without their content."""

    def __init__(
        self,
        ground: Ground,
        wish: Wish,
        folder: Folder,
        *,
        target: Target,
        sink: Sink,
        scratch: Scratch,
        report: Report,
    ) -> None:
        self._ground = ground
        self._wish = wish
        self._folder = folder
        self._target = target
        self._sink = sink
        self._scratch = scratch
        self._waiting: list[ReadFile | PassedFile] = []
        self._files = 0
        self.report = report

    def perform(self) -> None:
        """Read and file everything; whatever ends it early, what was read whole is filed if it can be."""
        self._guard(self._read_all)
        self._guard(self._settle)
        self._guard(lambda: self._sink.finish(self.report.ending))

    def _guard(self, step: Callable[[], None]) -> None:
        try:
            step()
        except _Stopped:
            self.report.ending = RunEnding.INTERRUPTED
        except DmsError as error:
            self._fail(error.message)
        except DBAPIError as error:
            self._fail(f"the database does not answer: {error.orig}")

    def _fail(self, problem: str) -> None:
        self.report.ending = RunEnding.FAILED
        self.report.problem = self.report.problem or problem

    def _read_all(self) -> None:
        for entries in _batches(self._folder.entries(), GROUP_BLOBS):
            known = self._known([entry.path for entry in entries if entry.unfit is None])
            for entry in entries:
                self._check_stopped()
                self._look_at(entry, known.get(entry.path))
                self._files += 1
                self._tell()
                if self._sink.is_full:
                    self._settle()
            self._settle()

    def _known(self, paths: Sequence[bytes]) -> Mapping[bytes, Known]:
        if not self._target.has_lines or not paths:
            return {}
        body = partial(imports.known, target=self._target, paths=paths)
        return self._ground.works.read(self._ground.actor, body)

    def _look_at(self, entry: Entry, known: Known | None) -> None:
        reason = entry.unfit
        if reason is None and len(rules.shown(entry.path)) > MAX_PATH:
            reason = f"the path is longer than {MAX_PATH} characters: import a folder further down"
        try:
            if reason is None:
                self._read(entry.path, known)
        except Unfit as error:
            reason = error.message
        if reason is not None:
            self._waiting.append(PassedFile(entry.path, Outcome.REFUSED, reason))

    def _read(self, path: bytes, known: Known | None) -> None:
        with self._folder.open(path) as file:
            passed = None if known is None else self._compared(path, file, known)
            if passed is not None:
                self._waiting.append(passed)
                return
            dates = rules.dates(file.modified_at, now=self._ground.clock())
            reading = Reading(path, file.size_bytes, self._pieces(file), known)
            self._waiting.append(self._sink.take(reading, dates=dates))

    def _compared(self, path: bytes, file: OpenFile, known: Known) -> PassedFile | None:
        """Tell why a file of a known path is passed over; None if it holds what is new."""
        digest = hashlib.sha256()
        for piece in self._pieces(file):
            digest.update(piece)
        if digest.hexdigest() in known.digests:
            self._scratch.see(digest.hexdigest(), rules.shown(path))
            return PassedFile(path, Outcome.SKIPPED, imports.ALREADY_FILED)
        if known.refusal is not None:
            return PassedFile(path, Outcome.REFUSED, known.refusal, document_id=known.document_id)
        return None

    def _pieces(self, file: OpenFile) -> Iterator[bytes]:
        for piece in file.pieces():
            self._check_stopped()
            self.report.read_bytes += len(piece)
            self._tell()
            yield piece

    def _settle(self) -> None:
        """File what was read, and keep what is said of the rest."""
        waiting, self._waiting = self._waiting, []
        for results in self._sink.settle(self._judged(waiting)):
            self._count(results)

    def _judged(self, waiting: Sequence[ReadFile | PassedFile]) -> list[ReadFile | PassedFile]:
        """Name duplicates, and drop them if that is wished."""
        digests = {each.sha256 for each in waiting if isinstance(each, ReadFile) and each.size_bytes}
        twins: Mapping[str, Sequence[UUID]] = {}
        if digests:
            twins = self._ground.works.read(self._ground.actor, partial(imports.twins, digests=digests))
        return [
            self._judge(each, twins.get(each.sha256, ())) if isinstance(each, ReadFile) else each
            for each in waiting
        ]

    def _judge(self, read: ReadFile, twins: Sequence[UUID]) -> ReadFile | PassedFile:
        same_as = self._same_as(read, twins)
        if same_as is not None and self._wish.duplicates is Duplicates.SKIP:
            self._sink.drop(read)
            return PassedFile(read.path, Outcome.SKIPPED, same_as, is_duplicate=True)
        self._scratch.see(read.sha256, rules.shown(read.path))
        return replace(read, same_as=same_as)

    def _same_as(self, read: ReadFile, twins: Sequence[UUID]) -> str | None:
        """Name what has the same content; nothing is no duplicate of nothing."""
        if not read.size_bytes:
            return None
        first = self._scratch.first_path(read.sha256)
        if first is not None:
            return f"the same content as `{first}` of this folder"
        own = read.known.document_id if read.known else None
        return next((imports.same_as(twin) for twin in twins if twin != own), None)

    def _count(self, results: Sequence[Result]) -> None:
        for result in results:
            self.report.outcomes[result.outcome] += 1
            self.report.duplicates += result.is_duplicate
            self.report.filed_bytes += result.size_bytes
            if result.reason is not None:
                path = rules.shown(result.path)
                self._scratch.remark(path, kind=imports.KINDS[result.outcome].value, reason=result.reason)

    def _check_stopped(self) -> None:
        if self._ground.is_stopped():
            raise _Stopped

    def _tell(self) -> None:
        self._ground.tell(self._files, self.report.read_bytes)


def _batches(entries: Iterable[T], size: int) -> Iterator[list[T]]:
    taken = iter(entries)
    while batch := list(islice(taken, size)):
        yield batch
