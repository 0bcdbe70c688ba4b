"""An inventory taken out as a file: read in parts, summed up, written, and closed before anybody gets it."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO
from uuid import UUID

import orjson

from dms.access.revisions import HOLDS
from dms.base.actor import Actor
from dms.base.clock import Instant
from dms.base.errors import Invalid
from dms.base.ids import Kind, global_id
from dms.base.paging import Position
from dms.jobs import inventoryfiles
from dms.jobs.inventoryfiles import MAX_SHEET_LINES, Format, Head, Record
from dms.models.documents import Document
from dms.services import inventory
from dms.services.inventory import Beginning, Exported, Holdings, Line, Tally
from dms.stores.records import is_a
from dms.stores.work import Works

Tell = Callable[[str, int, int | None], None]
"""Takes a step, how much of it is done, and how much there is."""


_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be exported, and for whom by name; no code stands for the whole Repository."""

    reference_code: str | None
    format: Format
    account: str


def export(works: Works, actor: Actor, wish: Wish, *, target: BinaryIO, tell: Tell) -> Exported:
    """Write an inventory into a seekable file that nobody else can read yet.

    Each part of it and its end are access events: hand the file out only after this returns. Raises
    `NotFound` if there is no such Aggregation that the actor may read, `Invalid` for a sheet too long.
    """
    made_at = works.clock()
    beginning = works.read(actor, lambda work: inventory.begin(work, reference_code=wish.reference_code))
    of = None if beginning.of is None else beginning.of.id
    with tempfile.TemporaryFile() as spool:
        collected = _Collected(spool)
        for lines in _parts(works, actor, of):
            collected.take(lines)
            tell("inventory", collected.count, beginning.lines)
        _check_length(wish.format, collected.count)
        holdings = works.read(actor, lambda work: inventory.sum_up(work, of=of, tallies=collected.tallies))
        head = _head(beginning, wish, made_at=made_at, holdings=holdings)
        inventoryfiles.write(wish.format, target, head=head, records=collected.records())
        exported = _exported(target, wish.format, lines=collected.count, marking=head.marking)
    works.read(actor, lambda work: inventory.finish(work, exported, of=of))
    return exported


class _Collected:
    """The lines so far: as JSON in a file without a name, and summed up."""

    def __init__(self, spool: BinaryIO) -> None:
        self._spool = spool
        self.count = 0
        self.tallies: list[Tally] = []

    def take(self, lines: list[Line]) -> None:
        """Keep some lines."""
        for line in lines:
            kind = Kind.DOCUMENT if is_a(line.row, Document) else Kind.AGGREGATION
            record = inventoryfiles.record_of(line, shown_id=global_id(kind, line.row.id))
            self._spool.write(orjson.dumps(record) + b"\n")
        self.count += len(lines)
        self.tallies = inventory.merged([*self.tallies, *map(inventory.tally_of, lines)])

    def records(self) -> Iterator[Record]:
        """Yield the lines again, from the first."""
        self._spool.seek(0)
        for line in self._spool:
            yield orjson.loads(line)


def _parts(works: Works, actor: Actor, of: UUID | None) -> Iterator[list[Line]]:
    after: Position | None = None
    while True:
        part = works.read(actor, partial(inventory.part, of=of, after=after), locks=(HOLDS,))
        yield list(part.lines)
        if part.beyond is None:
            return
        after = part.beyond


def _check_length(format: Format, lines: int) -> None:
    if format is Format.XLSX and lines > MAX_SHEET_LINES:
        raise Invalid(
            f"an xlsx sheet holds at most {MAX_SHEET_LINES} lines, not {lines}: choose csv or json",
            path=("format",),
        )


def _head(beginning: Beginning, wish: Wish, *, made_at: Instant, holdings: Holdings) -> Head:
    row = beginning.of
    return Head(
        aggregation_id=None if row is None else global_id(Kind.AGGREGATION, row.id),
        reference_code=None if row is None else row.reference_code,
        title=None if row is None else row.title,
        account=wish.account,
        made_at=made_at,
        holdings=holdings,
    )


def _exported(target: BinaryIO, format: Format, *, lines: int, marking: str | None) -> Exported:
    target.flush()
    size = target.seek(0, io.SEEK_END)
    target.seek(0)
    digest = hashlib.sha256()
    while chunk := target.read(_CHUNK):
        digest.update(chunk)
    return Exported(format.value, digest.hexdigest(), size, lines, marking)
