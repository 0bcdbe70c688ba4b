"""The signer: hashes the sequenced events again, writes them as tiles, and signs how many there are.

It believes neither the leaf hashes of the database nor its tree: it reads bodies in their order, extends
the tree that it wrote itself, and signs only what continues its last checkpoint. So it is the first witness.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, select

from dms.access.log import keys, proofs
from dms.access.log.keys import Signer
from dms.access.log.tilestore import TileFolder
from dms.base.clock import Clock, system_clock
from dms.base.errors import NotFound, Unavailable
from dms.models import accessevents
from dms.rules import checkpoints, signednotes, tiles, tree
from dms.rules.checkpoints import Checkpoint
from dms.rules.signednotes import Note
from dms.rules.tiles import WIDTH, Tile
from dms.rules.tree import EMPTY_ROOT
from dms.stores import upkeep
from dms.stores.engine import Database

BATCH = 5_000
"""So many events are read and written before a checkpoint is signed."""

_alarm = logging.getLogger("dms.alarm")


class LogForked(Unavailable):
    """The log does not continue what was signed: something was changed, cut, or restored."""


def sign(
    database: Database,
    folder: TileFolder,
    signers: Sequence[Signer],
    *,
    limit: int = BATCH,
    clock: Clock = system_clock,
) -> int:
    """Write and sign what was sequenced since the last checkpoint, up to `limit` events; returns how many.

    `LogForked`, and nothing is signed, if the log does not continue the last checkpoint.
    """
    last = last_signed(folder, signers)
    rows = _next_leaves(database, last.size, limit)
    _check_continued(database, folder, last)
    if not rows:
        return 0
    lowest = _least_index(database)
    growth = _Growth(folder, last.size, lowest)
    for index, row in enumerate(rows, start=last.size):
        growth.append(*_checked(row, index, lowest=lowest))
    growth.finish()
    size = last.size + len(rows)
    _publish(folder, Checkpoint(last.origin, size, proofs.root(folder, size=size)), signers, clock)
    return len(rows)


def begin(folder: TileFolder, signers: Sequence[Signer], *, clock: Clock = system_clock) -> None:
    """Sign that the log is empty, before the first event; a folder with a checkpoint is kept as it is."""
    if folder.checkpoint() is None:
        _publish(folder, Checkpoint(signers[0].name, 0, EMPTY_ROOT), signers, clock)


def last_signed(folder: TileFolder, signers: Sequence[Signer]) -> Checkpoint:
    """Return the last checkpoint, if one of these keys signed it."""
    text = folder.checkpoint()
    if text is None:
        raise Unavailable("the log has no checkpoint yet: run `dms log init`")
    note = signednotes.read(text)
    if not any(keys.is_signed(note, signer.verifier) for signer in signers):
        raise _forked("none of the keys has signed the last checkpoint", 0)
    return checkpoints.read(note.text)


@dataclass(slots=True)
class _Growth:
    """The right edge of the tiles, while events are appended."""

    folder: TileFolder
    size: int
    lowest: int
    """The first leaf whose event cannot have been pruned."""
    edges: list[list[bytes]] = field(default_factory=list)
    """Of each level, the hashes of the tile that is not full yet."""
    bodies: list[bytes | None] = field(default_factory=list)
    """Of the entry bundle that is not full yet; None for pruned events, with which it is not written."""
    grown: set[int] = field(default_factory=set)
    """Levels with something to write at the end."""

    def __post_init__(self) -> None:
        level, count = 0, self.size
        while count:
            width = count % WIDTH
            edge = self.folder.hashes(Tile(level, count // WIDTH, width)) if width else []
            self.edges.append(edge)
            level, count = level + 1, count // WIDTH
        if self.size % WIDTH:
            self.bodies = self._edge_of_bodies()

    def append(self, leaf: bytes, body: bytes | None) -> None:
        """Append an event; full tiles are written at once."""
        self.bodies.append(body)
        self.size += 1
        if len(self.bodies) == WIDTH:
            self._write_bodies(self.size // WIDTH - 1)
            self.bodies = []
        self._append(0, leaf)

    def finish(self) -> None:
        """Write the tiles that are not full."""
        self._write_bodies(self.size // WIDTH)
        for level in sorted(self.grown):
            if edge := self.edges[level]:
                self.folder.write_hashes(Tile(level, self._count(level) // WIDTH, len(edge)), edge)

    def _edge_of_bodies(self) -> list[bytes | None]:
        tile = Tile(0, self.size // WIDTH, self.size % WIDTH)
        try:
            return list(self.folder.bodies(tile))
        except NotFound:
            if tile.number * WIDTH >= self.lowest:
                raise
            return [None] * tile.width

    def _write_bodies(self, number: int) -> None:
        found = [body for body in self.bodies if body is not None]
        if found and len(found) == len(self.bodies):
            self.folder.write_bodies(Tile(0, number, len(found)), found)

    def _append(self, level: int, leaf: bytes) -> None:
        if level == len(self.edges):
            self.edges.append([])
        edge = self.edges[level]
        edge.append(leaf)
        self.grown.add(level)
        if len(edge) == WIDTH:
            self.folder.write_hashes(Tile(level, self._count(level) // WIDTH - 1, WIDTH), edge)
            self.edges[level] = []
            self._append(level + 1, tree.joined_pairs(edge))

    def _count(self, level: int) -> int:
        return self.size >> (8 * level)


def _publish(folder: TileFolder, checkpoint: Checkpoint, signers: Sequence[Signer], clock: Clock) -> None:
    text = str(checkpoint)
    note = Note(text, tuple(signer.sign(text) for signer in signers))
    folder.publish(str(note), at=clock())


def _next_leaves(database: Database, size: int, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    tables = accessevents.tables(database.dialect)
    leaf, event = tables.leaf, tables.event
    statement = (
        select(leaf.c.leaf_index, leaf.c.leaf_hash, event.c.body)
        .outerjoin(event, tables.event_of_leaf)
        .where(leaf.c.leaf_index >= size)
        .order_by(leaf.c.leaf_index)
        .limit(limit)
    )
    with upkeep.reading(database) as connection:
        return connection.execute(statement).all()


def _least_index(database: Database) -> int:
    head = accessevents.tables(database.dialect).head
    with upkeep.reading(database) as connection:
        lowest: int = connection.execute(select(head.c.minimum_index)).scalar_one()
    return lowest


def _checked(row: Row[*tuple[Any, ...]], index: int, *, lowest: int) -> tuple[bytes, bytes | None]:
    """Return the hash of a leaf and its body, if it is the one that was written there.

    In a log that was begun anew events are missing that were pruned before: their hash stands for them.
    """
    if row.leaf_index != index:
        raise _forked("the log has a gap", index)
    if row.body is None:
        if index >= lowest:
            raise _forked("an event is gone", index)
        return bytes.fromhex(row.leaf_hash), None
    body = bytes(row.body)
    leaf = tree.leaf_hash(body)
    if leaf.hex() != row.leaf_hash:
        raise _forked("an event is not what was written", index)
    return leaf, body


def _check_continued(database: Database, folder: TileFolder, last: Checkpoint) -> None:
    """Raise `LogForked` unless tiles and database still hold what was signed last.

    It is asked before anything is written: what a changed tile was replaced by would hide the change.
    """
    size = last.size
    if not size:
        return
    if proofs.root(folder, size=size) != last.root:
        raise _forked("the tiles are not those of the last checkpoint", size - 1)
    leaf = accessevents.tables(database.dialect).leaf
    with upkeep.reading(database) as connection:
        found = connection.execute(select(leaf.c.leaf_hash).where(leaf.c.leaf_index == size - 1)).scalar()
    if found is None:
        raise _forked("the log is shorter than the last checkpoint says", size - 1)
    edge = tiles.at(0, (size - 1) // WIDTH, size=size)
    if folder.hashes(edge)[-1].hex() != found:
        raise _forked("the log is not the one that was signed", size - 1)


def _forked(message: str, index: int) -> LogForked:
    _alarm.critical("log_forked", extra={"what": message, "index": index})
    return LogForked(f"{message}, at leaf {index}: nothing more is signed; see `dms log verify`")
