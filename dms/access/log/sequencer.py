"""The sequencer: gives events their order after their commit, and grows the tree over them.

Leaves, postings, roll-ups and the right edge of the tree are written in one transaction, so a crash leaves
all or nothing of a batch, and whoever comes next goes on where it ended. Indices are dense.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, select, update

from dms.access.log import bulk, derived, tail
from dms.base.clock import monotonic_s
from dms.base.errors import Busy
from dms.models import accessevents
from dms.models.accessevents import LogTables
from dms.rules import eventseals
from dms.rules.tree import HASH_BYTES, Frontier
from dms.stores import upkeep
from dms.stores.engine import Database

BATCH = 250
"""So many events are taken in one transaction: on SQLite every answer waits behind it."""

PATIENCE_S = 10.0
_PAUSE_S = 0.02

_alarm = logging.getLogger("dms.alarm")


@dataclass(frozen=True, slots=True)
class Sequenced:
    """How far the sequencer has come."""

    size: int
    root: bytes


def advance(database: Database, *, limit: int = BATCH) -> int:
    """Sequence the next committed events; returns how many, 0 when none waits or another does it."""
    tables = accessevents.tables(database.dialect)
    with suppress(Busy), upkeep.writing(database) as connection:
        head = connection.execute(_locked_head(tables)).one_or_none()
        if head is None:
            return 0
        rows = connection.execute(_next_events(tables, head).limit(limit)).all()
        if rows:
            _append(connection, tables, head, rows)
        return len(rows)
    return 0


def drain(database: Database, *, patience_s: float = PATIENCE_S) -> bool:
    """Sequence until nothing that was committed waits, or the time is over; tells whether nothing waits.

    On PostgreSQL an event waits while a transaction runs that is older, in whatever database of the cluster.
    """
    end = monotonic_s() + patience_s
    while True:
        while advance(database):
            continue
        if not waits(database):
            return True
        if monotonic_s() > end:
            return False
        time.sleep(_PAUSE_S)


def waits(database: Database) -> bool:
    """Tell whether an event that was committed has no place yet."""
    tables = accessevents.tables(database.dialect)
    with upkeep.reading(database) as connection:
        head = connection.execute(select(tables.head)).one()
        found = select(select(tables.event.c.event_id).where(tail.beyond(tables, head)).exists())
        return bool(connection.execute(found).scalar_one())


def place_rest(connection: Connection, tables: LogTables) -> int:
    """Sequence all that was committed, in a transaction beside which nobody writes; returns how many."""
    count = 0
    while True:
        head = connection.execute(select(tables.head)).one()
        rows = connection.execute(_unplaced(tables, head).limit(BATCH)).all()
        if not rows:
            return count
        _append(connection, tables, head, rows)
        count += len(rows)


def reached(database: Database) -> Sequenced:
    """Tell how many events have their place, and the root of the tree over them."""
    head = accessevents.tables(database.dialect).head
    with upkeep.reading(database) as connection:
        row = connection.execute(select(head.c.size, head.c.frontier)).one()
    return Sequenced(row.size, frontier_of(row).root)


def frontier_of(head: Row[*tuple[Any, ...]]) -> Frontier:
    """Return the right edge of the tree from the head row."""
    raw = bytes(head.frontier)
    hashes = tuple(raw[start : start + HASH_BYTES] for start in range(0, len(raw), HASH_BYTES))
    return Frontier(head.size, hashes)


def rebuild(database: Database, *, tell: Callable[[int, int], None]) -> int:
    """Make postings and roll-ups anew from the bodies, in one transaction; returns of how many leaves.

    Nobody else sequences meanwhile. `tell` takes how many leaves were read, and how many there are.
    """
    tables = accessevents.tables(database.dialect)
    with upkeep.writing(database) as connection:
        size: int = connection.execute(select(tables.head.c.size).with_for_update()).scalar_one()
        connection.execute(delete(tables.seen))
        connection.execute(delete(tables.daily))
        for first in range(0, size, BATCH):
            derived.write(connection, tables, _bodies(connection, tables, first))
            tell(min(first + BATCH, size), size)
    return size


def _bodies(connection: Connection, tables: LogTables, first: int) -> list[tuple[int, bytes]]:
    leaf, event = tables.leaf, tables.event
    statement = (
        select(leaf.c.leaf_index, event.c.body)
        .join(event, tables.event_of_leaf)
        .where(leaf.c.leaf_index >= first, leaf.c.leaf_index < first + BATCH)
        .order_by(leaf.c.leaf_index)
    )
    return [(row.leaf_index, bytes(row.body)) for row in connection.execute(statement)]


def _append(connection: Connection, tables: LogTables, head: Row[Any], rows: Sequence[Row[Any]]) -> None:
    """Give the events the next indices, and write all that follows from them."""
    bodies = [(index, bytes(row.body)) for index, row in enumerate(rows, start=head.size)]
    hashes = [_hash_of(row, body) for row, (_, body) in zip(rows, bodies, strict=True)]
    frontier = frontier_of(head).extended(map(bytes.fromhex, hashes))
    leaves = [
        (index, row.event_id.hex, leaf, *(getattr(row, name) for name in tables.partition))
        for index, (row, leaf) in enumerate(zip(rows, hashes, strict=True), start=head.size)
    ]
    bulk.insert(connection, tables.leaf, ("leaf_index", *_copied(tables)), leaves)
    derived.write(connection, tables, bodies)
    last = rows[-1]
    place = {column: getattr(last, column) for column in _place(tables)}
    raised = update(tables.head).values(size=frontier.size, frontier=b"".join(frontier.hashes), **place)
    connection.execute(raised)


def _hash_of(row: Row[Any], body: bytes) -> str:
    """Return the hash of an event's body; what stands beside it is for `dms log verify` to compare.

    A leaf of another hash could never be signed, now or in a log begun anew.
    """
    leaf = eventseals.leaf_hash(body)
    if leaf != row.leaf_hash:
        _alarm.critical("event_hash_wrong", extra={"event": row.event_id.hex})
    return leaf


def _locked_head(tables: LogTables) -> Select[Any]:
    """Select the head; on PostgreSQL whoever finds it taken goes without."""
    return select(tables.head).with_for_update(skip_locked=True)


def _next_events(tables: LogTables, head: Row[Any]) -> Select[Any]:
    """Select what was committed since, in the order of the commits as far as anybody can tell it."""
    found = _unplaced(tables, head)
    if "seq" in tables.event.c:
        return found
    # INVARIANT (horizon): what is older than every transaction that still runs can no longer come late.
    return found.where(tables.event.c.xid < func.pg_snapshot_xmin(func.pg_current_snapshot()))


def _unplaced(tables: LogTables, head: Row[Any]) -> Select[Any]:
    event = tables.event
    columns = [event.c[name] for name in dict.fromkeys([*_place(tables), *_copied(tables), "body"])]
    order = [event.c[name] for name in _place(tables)]
    return select(*columns).where(tail.beyond(tables, head)).order_by(*order)


def _place(tables: LogTables) -> tuple[str, ...]:
    return ("seq",) if "seq" in tables.head.c else ("epoch", "xid", "event_id")


def _copied(tables: LogTables) -> tuple[str, ...]:
    """Return what a leaf says as its event does."""
    return ("event_id", "leaf_hash", *tables.partition)
