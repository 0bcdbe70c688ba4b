"""The sequencer: gives events their order after their commit, and grows the tree over them.

Leaves, postings, roll-ups and the right edge of the tree are written in one transaction, so a crash leaves
all or nothing of a batch, and whoever comes next goes on where it ended. Indices are dense.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, Row, Select, func, insert, literal, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from dms.access.log.verify import UNREADABLE
from dms.base.clock import DAY
from dms.base.errors import Busy
from dms.models import accessevents
from dms.models.accessevents import LogTables
from dms.models.types import Id
from dms.rules import accessevents as rules
from dms.rules.accessevents import Disclosure
from dms.rules.tree import HASH_BYTES, Frontier
from dms.stores import upkeep
from dms.stores.engine import Database

BATCH = 1_000
"""So many events are taken in one transaction: on SQLite every answer waits behind it."""

NOBODY = UUID(int=0)
"""Stands in roll-ups for operations without an account."""

CHANGED = 0
"""Stands in postings for what an event changed and did not show."""


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


def derive(database: Database, *, first: int, end: int) -> None:
    """Write the postings and roll-ups of a range of leaves anew; those that are there must be gone."""
    tables = accessevents.tables(database.dialect)
    leaf, event = tables.leaf, tables.event
    statement = (
        select(leaf.c.leaf_index, event.c.body)
        .join(event, tables.event_of_leaf)
        .where(leaf.c.leaf_index >= first, leaf.c.leaf_index < end)
        .order_by(leaf.c.leaf_index)
    )
    with upkeep.writing(database) as connection:
        bodies = [(row.leaf_index, bytes(row.body)) for row in connection.execute(statement)]
        _derive(connection, tables, bodies)


def _append(connection: Connection, tables: LogTables, head: Row[Any], rows: Sequence[Row[Any]]) -> None:
    """Give the events the next indices, and write all that follows from them."""
    frontier = frontier_of(head).extended(bytes.fromhex(row.leaf_hash) for row in rows)
    leaves = [
        {"leaf_index": index, **{name: getattr(row, name) for name in _copied(tables)}}
        for index, row in enumerate(rows, start=head.size)
    ]
    connection.execute(insert(tables.leaf), leaves)
    _derive(connection, tables, [(index, bytes(row.body)) for index, row in enumerate(rows, start=head.size)])
    last = rows[-1]
    place = {column: getattr(last, column) for column in _place(tables)}
    raised = update(tables.head).values(size=frontier.size, frontier=b"".join(frontier.hashes), **place)
    connection.execute(raised)


def _derive(connection: Connection, tables: LogTables, bodies: Sequence[tuple[int, bytes]]) -> None:
    """Write postings and roll-ups; a body that nobody can read names nothing, and `verify` tells of it."""
    postings: list[dict[str, object]] = []
    days: Counter[tuple[int, UUID, str, str]] = Counter()
    objects: Counter[tuple[int, UUID, str, str]] = Counter()
    for index, raw in bodies:
        with suppress(*UNREADABLE):
            body = orjson.loads(raw)
            disclosed = _disclosed(body)
            actor = UUID(hex=body["actor"]) if body["actor"] else NOBODY
            key = (body["at"] // DAY, actor, body["op"], body["outcome"])
            postings += [
                {"object_id": UUID(hex=each), "leaf_index": index, "disclosure": disclosure}
                for each, disclosure in disclosed.items()
            ]
            days[key] += body["part"] == 1
            objects[key] += len(disclosed)
    if postings:
        connection.execute(insert(tables.seen), postings)
    if days:
        names = ("day", "actor_id", "op", "outcome")
        counted = [
            {**dict(zip(names, key, strict=True)), "n_events": days[key], "n_objects": objects[key]}
            for key in sorted(days)
        ]
        connection.execute(_rolled_up(connection, tables), counted)


def _disclosed(body: Mapping[str, Any]) -> dict[str, int]:  # Any: JSON read back
    """Return how much of each object a body discloses; `CHANGED` of what it only changed."""
    found = {change[0]: CHANGED for change in body["changed"]}
    for disclosure in Disclosure:  # the widest comes last
        for object_id in rules.released_ids({"": body["released"].get(disclosure.name.lower(), {})}):
            found[object_id] = disclosure.value
    return found


def _rolled_up(connection: Connection, tables: LogTables) -> Any:  # an insert of either dialect
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    daily = tables.daily
    new = make(daily)
    return new.on_conflict_do_update(
        index_elements=list(daily.primary_key),
        set_={
            "n_events": daily.c.n_events + new.excluded.n_events,
            "n_objects": daily.c.n_objects + new.excluded.n_objects,
        },
    )


def _locked_head(tables: LogTables) -> Select[Any]:
    """Select the head; on PostgreSQL whoever finds it taken goes without."""
    return select(tables.head).with_for_update(skip_locked=True)


def _next_events(tables: LogTables, head: Row[Any]) -> Select[Any]:
    """Select what was committed since, in the order of the commits as far as anybody can tell it."""
    event = tables.event
    columns = [event.c[name] for name in dict.fromkeys([*_place(tables), *_copied(tables), "body"])]
    if "seq" in event.c:
        return select(*columns).where(event.c.seq > head.seq).order_by(event.c.seq)
    place = tuple_(event.c.epoch, event.c.xid, event.c.event_id)
    beyond = tuple_(
        literal(head.epoch, event.c.epoch.type),
        literal(head.xid, event.c.xid.type),
        literal(head.event_id, Id()),
    )
    # INVARIANT (horizon): what is older than every transaction that still runs can no longer come late.
    settled = event.c.xid < func.pg_snapshot_xmin(func.pg_current_snapshot())
    return (
        select(*columns).where(place > beyond, settled).order_by(event.c.epoch, event.c.xid, event.c.event_id)
    )


def _place(tables: LogTables) -> tuple[str, ...]:
    return ("seq",) if "seq" in tables.head.c else ("epoch", "xid", "event_id")


def _copied(tables: LogTables) -> tuple[str, ...]:
    """Return what a leaf says as its event does."""
    return ("event_id", "leaf_hash", *tables.partition)
