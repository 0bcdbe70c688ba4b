"""Verify the log as a whole: what the tables hold against the tree that was signed.

It recomputes each leaf from the stored bytes, compares the searchable columns with the body, the detail
with its seal, the root with each checkpoint at hand, and counts the numbers of the writers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, Select, exists, select

from dms.access.log import keys
from dms.access.log.tilestore import TileFolder
from dms.access.log.verify import UNREADABLE, fault_of
from dms.models import accessevents
from dms.models.accessevents import LogTables
from dms.rules import checkpoints, logwriters, signednotes, tree
from dms.rules.accessevents import Op
from dms.rules.checkpoints import Checkpoint
from dms.rules.logwriters import Numbers
from dms.rules.signednotes import VerifierKey
from dms.rules.tree import Frontier
from dms.stores import upkeep
from dms.stores.engine import Database

SLICE = 5_000

Tell = Callable[[int, int], None]
"""Takes how many leaves were looked at, and how many there are."""


class Verdict(IntEnum):
    """How a verification ends; the exit code of the command."""

    SOUND = 0
    CHANGED = 1
    INCOMPLETE = 2
    UNREADABLE = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be, by the leaf where it shows."""

    code: str
    message: str
    verdict: Verdict
    leaf_index: int | None = None
    event_id: UUID | None = None


@dataclass(slots=True)
class Audit:
    """What was looked at, and what was found."""

    size: int = 0
    root: bytes = tree.EMPTY_ROOT
    checkpoints: int = 0
    waiting: int = 0
    """Events that have no place yet."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """Return the gravest of all findings: a change before what is merely missing."""
        found = {finding.verdict for finding in self.findings}
        order = (Verdict.UNREADABLE, Verdict.CHANGED, Verdict.INCOMPLETE)
        return next((each for each in order if each in found), Verdict.SOUND)


def verify(database: Database, signed: Sequence[Checkpoint], *, tell: Tell) -> Audit:
    """Verify the log of a database against checkpoints whose signatures were verified."""
    tables = accessevents.tables(database.dialect)
    with upkeep.reading(database) as connection:
        head = connection.execute(select(tables.head)).one()
    search = _Search(database, tables, sorted(signed, key=lambda each: each.size), head.minimum_index)
    for done in search.leaves(head.size):
        tell(done, head.size)
    search.compare_head(head)
    search.count_waiting()
    search.count_writers()
    return search.audit


def read_checkpoints(
    folder: TileFolder, known: Sequence[VerifierKey]
) -> tuple[list[Checkpoint], list[Finding]]:
    """Read the checkpoints of a folder; those that no known key has signed are findings."""
    found: list[Checkpoint] = []
    wrong: list[Finding] = []
    for name, text in folder.checkpoints():
        try:
            note = signednotes.read(text)
            checkpoint = checkpoints.read(note.text)
        except ValueError as error:
            wrong.append(Finding("checkpoint_unreadable", f"`{name}`: {error}", Verdict.CHANGED))
            continue
        if any(keys.is_signed(note, key) for key in known):
            found.append(checkpoint)
        else:
            message = f"`{name}` is signed by none of the keys that are known"
            wrong.append(Finding("checkpoint_unsigned", message, Verdict.CHANGED))
    return found, wrong


class _Search:
    """Goes through the leaves in their order, and keeps what it needs to judge the whole."""

    def __init__(
        self, database: Database, tables: LogTables, signed: Sequence[Checkpoint], minimum_index: int
    ) -> None:
        self.audit = Audit()
        self._database = database
        self._tables = tables
        self._signed = list(signed)
        self._minimum = minimum_index
        self._frontier = Frontier()
        self._writers: dict[UUID, Numbers] = {}

    def leaves(self, size: int) -> Iterator[int]:
        """Look at all leaves, slice by slice; yields how far it came."""
        self._compare_checkpoints()
        while self._frontier.size < size:
            with upkeep.reading(self._database) as connection:
                rows = connection.execute(self._statement()).all()
            if not rows:
                self._find("leaf_missing", "the log ends before its head says", at=self._frontier.size)
                return
            for row in rows:
                if row.leaf_index != self._frontier.size:
                    self._find("leaf_missing", "there is no such leaf", at=self._frontier.size)
                    return
                self._look_at(row)
            yield self._frontier.size

    def compare_head(self, head: Row[*tuple[Any, ...]]) -> None:
        """Compare the right edge that the sequencer goes on from."""
        self.audit.size, self.audit.root = self._frontier.size, self._frontier.root
        if self._frontier.size == head.size and b"".join(self._frontier.hashes) != bytes(head.frontier):
            self._find("head_differs", "the sequencer's tree is not that of the leaves", at=head.size)
        for ahead in self._signed:
            message = f"a checkpoint speaks of {ahead.size:,} events, the log holds {self._frontier.size:,}"
            self._find("log_cut", message, at=self._frontier.size)

    def count_waiting(self) -> None:
        """Note the events that have no place yet: their numbers are no gaps."""
        event, leaf = self._tables.event, self._tables.leaf
        placed = exists().where(leaf.c.event_id == event.c.event_id)
        with upkeep.reading(self._database) as connection:
            rows = connection.execute(select(event.c.writer, event.c.n).where(~placed)).all()
        self.audit.waiting = len(rows)
        logwriters.noted(self._writers, [(row.writer, row.n) for row in rows])

    def count_writers(self) -> None:
        """Judge the numbers of the writers."""
        for writer, numbers in self._writers.items():
            if numbers.twice:
                self._find(
                    "writer_number_twice", f"writer {writer.hex} used a number {numbers.twice} times again"
                )
            if missing := numbers.missing:
                stopped = numbers.said_last is not None
                self.audit.findings.append(
                    Finding(
                        "writer_gap",
                        f"writer {writer.hex} lacks number {missing[0]} and {len(missing) - 1} more",
                        Verdict.CHANGED if stopped else Verdict.INCOMPLETE,
                    )
                )

    def _look_at(self, row: Row[*tuple[Any, ...]]) -> None:
        index = self._frontier.size
        self._frontier = self._frontier.extended([bytes.fromhex(row.leaf)])
        if row.event_id is None:
            if index >= self._minimum:
                self._find("event_missing", "the event of this leaf is gone", at=index, event_id=row.named)
        else:
            if row.leaf_hash != row.leaf:
                self._find("leaf_differs", "the leaf is not that of its event", at=index, event_id=row.named)
            if fault := fault_of(row):
                self._find(fault.code, fault.message, at=index, event_id=fault.event_id)
            self._note(row)
        self._compare_checkpoints()

    def _note(self, row: Row[*tuple[Any, ...]]) -> None:
        logwriters.noted(self._writers, [(row.writer, row.n)])
        if row.op == Op.SYSTEM_STOP and row.detail is not None:
            try:
                said = orjson.loads(row.detail)
                self._writers.setdefault(UUID(hex=said["writer"]), Numbers()).said_last = said["last"]
            except UNREADABLE:
                return  # `fault_of` has told

    def _compare_checkpoints(self) -> None:
        while self._signed and self._signed[0].size == self._frontier.size:
            checkpoint = self._signed.pop(0)
            self.audit.checkpoints += 1
            if checkpoint.root != self._frontier.root:
                message = f"the tree of {checkpoint.size:,} events is not the one that was signed"
                self._find("checkpoint_differs", message, at=checkpoint.size)

    def _statement(self) -> Select[Any]:
        leaf, event, detail = self._tables.leaf, self._tables.event, self._tables.detail
        return (
            select(
                leaf.c.leaf_index,
                leaf.c.leaf_hash.label("leaf"),
                leaf.c.event_id.label("named"),
                *event.c,
                detail.c.salt,
                detail.c.detail,
            )
            .outerjoin(event, event.c.event_id == leaf.c.event_id)
            .outerjoin(detail, detail.c.event_id == leaf.c.event_id)
            .where(leaf.c.leaf_index >= self._frontier.size)
            .order_by(leaf.c.leaf_index)
            .limit(SLICE)
        )

    def _find(self, code: str, message: str, *, at: int | None = None, event_id: UUID | None = None) -> None:
        self.audit.findings.append(Finding(code, message, Verdict.CHANGED, at, event_id))
