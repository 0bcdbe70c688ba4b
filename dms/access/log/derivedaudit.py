"""Whether what was derived from events is what follows from them: postings, and roll-ups by day.

None of it is proof, but a posting that is gone hides who saw what from an auditor who asks.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Row, select

from dms.access.log import derived
from dms.access.log.auditrows import BODY, INDEX, Reader
from dms.access.log.derived import Kind
from dms.access.log.findings import Findings, Tell
from dms.access.log.verify import UNREADABLE
from dms.models import accessevents
from dms.rules.tiles import WIDTH
from dms.stores import upkeep
from dms.stores.engine import Database

SLICE = 8 * WIDTH
_ROWS = 10_000

Sums = defaultdict[int, int]
"""Of each 256 leaves the sum of digests of their postings: the same whatever the order."""


def verify_derived(database: Database, findings: Findings, *, tell: Tell) -> None:
    """Compare postings and roll-ups with the events; what differs can be made anew from them."""
    tables = accessevents.tables(database.dialect)
    with upkeep.reading(database) as connection:
        head = connection.execute(select(tables.head)).one()
        rolled_up = _rolled_up(connection.execute(select(tables.daily)).all())
    expected = _Expected()
    for first in range(head.minimum_index, head.size, SLICE):
        for row in Reader(database).leaves(first, min(first + SLICE, head.size)):
            if row[BODY] is not None:
                expected.note(row[INDEX], row[BODY])
        tell("derived", min(first + SLICE, head.size), head.size)
    stored = _stored(database, first=head.minimum_index, end=head.size)
    unlike = [
        place for place in expected.sums.keys() | stored.keys() if expected.sums[place] != stored[place]
    ]
    for place in sorted(unlike):
        first, last = place * WIDTH, min((place + 1) * WIDTH, head.size) - 1
        message = f"who saw what by leaves {first:,} to {last:,} is not what their events say: {_REMEDY}"
        findings.changed("postings_differ", message, at=first)
    if head.minimum_index:
        findings.note("statistics_not_compared", "the log was pruned: its statistics cannot be counted again")
    elif rolled_up != expected.counted:
        days = {kind.day for kind, _ in rolled_up.items() ^ expected.counted.items()}
        message = f"the statistics of {len(days):,} days are not what their events say: {_REMEDY}"
        findings.changed("statistics_differ", message)


_REMEDY = "run `dms log rebuild`, and ask who wrote to the database"


@dataclass(slots=True)
class _Expected:
    """What follows from the events."""

    sums: Sums = field(default_factory=lambda: defaultdict(int))
    counted: dict[Kind, tuple[int, int]] = field(default_factory=dict)

    def note(self, index: int, raw: bytes) -> None:
        """Add what follows from one event; nothing from a body that nobody can read."""
        try:
            body = orjson.loads(raw)
            actor, at = derived.actor_of(body).bytes, body["at"]
            counts = list(derived.counts(body))
            for object_id, disclosure in derived.disclosed(body).items():
                self.sums[index // WIDTH] += _digest(bytes.fromhex(object_id), actor, at, index, disclosure)
        except UNREADABLE:
            return
        for kind, count in counts:
            events, objects = self.counted.get(kind, (0, 0))
            self.counted[kind] = (events + count.events, objects + count.objects)


def _stored(database: Database, *, first: int, end: int) -> Sums:
    """Sum up the postings that are there."""
    seen = accessevents.tables(database.dialect).seen
    statement = select(seen).where(seen.c.leaf_index >= first, seen.c.leaf_index < end)
    sums: Sums = defaultdict(int)
    with upkeep.reading(database) as connection:
        options = connection.execution_options(yield_per=_ROWS)
        for row in options.execute(statement):
            digest = _digest(row.object_id.bytes, row.actor_id.bytes, row.at, row.leaf_index, row.disclosure)
            sums[row.leaf_index // WIDTH] += digest
    return sums


def _digest(object_id: bytes, actor: bytes, *rest: int) -> int:
    named = object_id + actor + b"".join(each.to_bytes(9, "big", signed=True) for each in rest)
    return int.from_bytes(hashlib.sha256(named).digest(), "big")


def _rolled_up(rows: Iterable[Row[*tuple[Any, ...]]]) -> dict[Kind, tuple[int, int]]:
    return {
        Kind(row.class_id, row.day, row.actor_id, row.op, row.outcome): (row.n_events, row.n_objects)
        for row in rows
    }
