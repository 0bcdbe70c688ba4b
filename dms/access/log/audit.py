"""Verify the log of a live database: what its tables hold, against each other and against what was signed.

Each leaf is recomputed from the stored bytes, the searchable columns are compared with the body, the detail
with its seal, the tree with every checkpoint at hand and with the tiles, and the numbers of the writers are
counted. It reads slice after slice, so it may run beside a server.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import func, select

from dms.access.log import auditrows, continuity
from dms.access.log.auditrows import (
    AT,
    BODY,
    EVENT_ID,
    INDEX,
    LEAF,
    NAMED,
    NUMBER,
    OP,
    OWN_HASH,
    WRITER,
    Raw,
    Reader,
)
from dms.access.log.continuity import Continuity, Stated, Trust
from dms.access.log.findings import Audit, Findings, Tell
from dms.access.log.ledger import Ledger
from dms.access.log.tilestore import TileFolder
from dms.access.log.verify import UNREADABLE
from dms.base.clock import SECOND, Instant, to_iso
from dms.base.errors import NotFound
from dms.models import accessevents
from dms.rules import checkpoints, signednotes, tiles
from dms.rules.tiles import WIDTH
from dms.stores import upkeep
from dms.stores.engine import Database

SLICE = 8 * WIDTH
PATIENCE = 60 * SECOND
"""An event that has had no place for so long wants one who looks: the sequencer takes seconds."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What is verified, and what it is held against."""

    database: Database
    folder: TileFolder | None
    """The newest shard, if there is one."""
    trust: Trust
    now: Instant
    threads: int
    """How many numbers of a writer that was killed may be missing."""
    tell: Tell
    besides: Sequence[Stated] = ()
    """Checkpoints from elsewhere that the log must continue."""


def verify(ground: Ground) -> Audit:
    """Verify the log of a database; costs about the reading of its events."""
    head = _head(ground.database)
    search = _Search(ground, head)
    search.look_at_leaves()
    search.compare_head()
    search.look_at_waiting()
    search.ledger.judge(search.audit.findings, threads=ground.threads)
    ground.trust.judge(search.audit.findings)
    return search.audit


def _head(database: Database) -> Mapping[str, Any]:  # Any: the columns of the row
    """Return the sequencer's row, and whether there are leaves beyond it."""
    tables = accessevents.tables(database.dialect)
    last = select(func.max(tables.leaf.c.leaf_index)).scalar_subquery()
    with upkeep.reading(database) as connection:
        row = connection.execute(select(tables.head, last.label("last_leaf"))).one()
    return row._asdict()


class _Search:
    """Goes through the leaves in their order, and keeps what it needs to judge the whole."""

    def __init__(self, ground: Ground, head: Mapping[str, Any]) -> None:
        self.audit = Audit()
        self.ledger = Ledger(begins_at=head["minimum_index"])
        self._ground = ground
        self._head = head
        self._reader = Reader(ground.database)
        self._placed = 0
        """Leaves whose event is there."""
        stated: Iterator[Stated] = iter(())
        if ground.folder is not None:
            stated = continuity.history(ground.folder, ground.trust, self.audit.findings)
        self._continuity = Continuity(continuity.merged(stated, ground.besides), self.audit.findings)
        self._tiles = _Beside(ground.folder)

    def look_at_leaves(self) -> None:
        """Look at all leaves, slice by slice."""
        size, first = self._head["size"], 0
        while first < size:
            end = min(first + SLICE, size)
            rows = _dense(self._reader.leaves(first, end), first)
            self._look_at(rows, first)
            if len(rows) < end - first:
                message = f"there is no such leaf, though the sequencer has placed {size:,}"
                self.audit.findings.changed("leaf_missing", message, at=first + len(rows))
                break
            first = end
            self._ground.tell("events", first, size)
        self._continuity.finish(lambda: _head(self._ground.database)["size"])

    def compare_head(self) -> None:
        """Compare the right edge that the sequencer goes on from, and what lies beyond it."""
        audit, head, frontier = self.audit, self._head, self._continuity.frontier
        self._continuity.tell(audit)
        if frontier.size == head["size"] and b"".join(frontier.hashes) != bytes(head["frontier"]):
            message = "the tree that the sequencer goes on from is not that of the leaves"
            audit.findings.changed("head_differs", message, at=head["size"])
        if head["last_leaf"] is not None and head["last_leaf"] >= head["size"]:
            message = f"there are leaves beyond the {head['size']:,} that the sequencer has placed"
            audit.findings.changed("leaf_beyond_head", message, at=head["size"])
        self._tiles.judge(audit.findings, is_broken=self._continuity.broken_at is not None)

    def look_at_waiting(self) -> None:
        """Look at events without a place: those that wait for it, and those that were put before it."""
        place, oldest = auditrows.place_of(self._head), self._ground.now
        for row in self._reader.waiting(place):
            self.audit.waiting += 1
            self._look_at_event(row)
            self._note(row)
            oldest = min(oldest, row[AT])
        if oldest < self._ground.now - PATIENCE:
            message = f"{self.audit.waiting:,} events wait for their place since {to_iso(oldest)}: "
            message += "nothing proves them until a server, or `dms log run`, has placed them"
            self.audit.findings.incomplete("event_waiting", message)
        for row in self._reader.passed_over(place, expected=self._placed):
            message = "the sequencer never gave it a place: it was put there later, or its leaf is gone"
            self.audit.findings.changed("event_unplaced", message, event_id=_id(row[EVENT_ID]))

    def _look_at(self, rows: Sequence[Raw], first: int) -> None:
        """Look at a slice: the leaves at once, and one by one only those events that are doubtful."""
        leaves: list[bytes] = [row[LEAF] for row in rows]
        present = [row for row in rows if row[BODY] is not None]
        if len(present) < len(rows):
            self._tell_missing([row for row in rows if row[BODY] is None])
        for position in auditrows.doubtful(present):
            self._look_at_event(present[position])
        self._note_all(present)
        self._tiles.compare(rows, leaves, first)
        self._continuity.extend(leaves)

    def _note_all(self, present: Sequence[Raw]) -> None:
        self._placed += len(present)
        self.audit.events += len(present)
        if [row[LEAF] for row in present] != [row[OWN_HASH] for row in present]:
            for row in present:
                if row[LEAF] != row[OWN_HASH]:
                    message = "the leaf is not that of its event"
                    event_id = _id(row[NAMED])
                    self.audit.findings.changed("leaf_differs", message, at=row[INDEX], event_id=event_id)
        begins_at = self.ledger.begins_at
        if begins_at and present and present[0][INDEX] < begins_at:
            present = [row for row in present if row[INDEX] >= begins_at]
        self.ledger.note_all((row[WRITER], row[NUMBER], row[AT], row[OP]) for row in present)

    def _look_at_event(self, row: Raw) -> None:
        """Judge an event whole, and note it if it is one of several parts."""
        index = row[INDEX]
        fault = auditrows.judged(row)
        if fault is not None:
            self.audit.findings.changed(fault.code, fault.message, at=index, event_id=fault.event_id)
        try:
            fields = orjson.loads(row[BODY])
            if fields["parts"] != 1:
                self.ledger.note_part(fields, index=index)
        except UNREADABLE:
            return  # `judged` has told

    def _note(self, row: Raw) -> None:
        self.audit.events += 1
        self.ledger.note(row[WRITER], row[NUMBER], at=row[AT], op=row[OP])

    def _tell_missing(self, rows: Sequence[Raw]) -> None:
        """Tell of leaves without an event; below the minimum index they were pruned, perhaps meanwhile."""
        lowest = self.ledger.begins_at
        if any(row[INDEX] >= lowest for row in rows):
            lowest = max(lowest, _head(self._ground.database)["minimum_index"])
        for row in rows:
            event_id = _id(row[NAMED])
            if moved := self._reader.event(event_id):
                self._placed += 1
                self._look_at_moved(row, moved)
            elif row[INDEX] >= lowest:
                message = "the event of this leaf is gone"
                self.audit.findings.changed("event_missing", message, at=row[INDEX], event_id=event_id)

    def _look_at_moved(self, leaf: Raw, event: Raw) -> None:
        """Judge an event that does not lie in the partition that its leaf names."""
        fault = auditrows.judged(event)
        code = "leaf_differs" if fault is None else fault.code
        message = "its leaf names another month" if fault is None else fault.message
        self.audit.findings.changed(code, message, at=leaf[INDEX], event_id=_id(leaf[NAMED]))
        self._note(event)


class _Beside:
    """The tiles beside the leaves: they tell which leaf it is that was changed."""

    def __init__(self, folder: TileFolder | None) -> None:
        self._folder = folder
        self._size = 0 if folder is None else _signed_size(folder)
        self._unlike: tuple[int, UUID] | None = None

    def compare(self, rows: Sequence[Raw], leaves: Sequence[bytes], first: int) -> None:
        """Compare a slice of leaves with the tiles of it, until the first that differ."""
        if self._folder is None or self._unlike is not None:
            return
        for start in range(0, min(len(leaves), self._size - first), WIDTH):
            end = min(start + WIDTH, len(leaves), self._size - first)
            try:
                tile = tiles.at(0, (first + start) // WIDTH, size=self._size)
                written = self._folder.hashes(tile)[: end - start]
            except (NotFound, ValueError, OSError):
                continue  # the files are verified by themselves
            if written != leaves[start:end]:
                at = next(at for at, each in enumerate(written) if each != leaves[start + at])
                self._unlike = (first + start + at, _id(rows[start + at][NAMED]))
                return

    def judge(self, findings: Findings, *, is_broken: bool) -> None:
        """Tell of the first leaf that differs, unless it is the tile that was changed."""
        if self._unlike is None or not is_broken:
            return
        index, event_id = self._unlike
        message = "another event stands here than the one that was signed"
        findings.changed("leaf_replaced", message, at=index, event_id=event_id)


def _dense(rows: Sequence[Raw], first: int) -> Sequence[Raw]:
    """Return the leaves up to the first that is missing."""
    if not rows or rows[-1][INDEX] == first + len(rows) - 1:
        return rows
    return [row for index, row in enumerate(rows, start=first) if row[INDEX] == index]


def _signed_size(folder: TileFolder) -> int:
    try:
        text = folder.checkpoint()
        return 0 if text is None else checkpoints.read(signednotes.read(text).text).size
    except (ValueError, OSError):
        return 0


def _id(raw: bytes) -> UUID:
    return UUID(bytes=bytes(raw))
