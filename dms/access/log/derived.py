"""What is derived from events so that questions are quick: postings and roll-ups.

Nothing of it is proof, and all of it can be made anew from the bodies (`access-log.md` section 4). What the
sequencer writes and what a question reads of events that wait for it comes from the same functions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from dms.access.log import bulk
from dms.access.log.verify import UNREADABLE
from dms.base.clock import DAY
from dms.models.accessevents import LogTables
from dms.rules.accessevents import Disclosure

NOBODY = UUID(int=0)
"""Stands for who acted without an account."""

ANY_CLASS = UUID(int=0)
"""Stands in roll-ups for all that was done, whatever the class of what it showed."""

CHANGED = 0
"""Stands in postings for what an event changed and did not show."""

REFUSED = -1
"""Stands in postings for what was asked for and not given."""

ID_BYTES = 16

MOST = 2**63 - 1
"""The largest number that both databases hold."""

Posting = tuple[str, str, int, int, int]
_POSTING = ("object_id", "actor_id", "at", "leaf_index", "disclosure")
_WIDER_AND_WIDER = tuple((each.name.lower(), each.value) for each in Disclosure)
_NOTHING: Mapping[str, Any] = {}  # Any: JSON read back


class Kind(NamedTuple):
    """A line of the roll-ups: what is counted together."""

    class_id: UUID
    day: int
    """Days since 1970-01-01, UTC."""
    actor_id: UUID
    op: str
    outcome: str


class Count(NamedTuple):
    """How many events, and how many objects they showed or changed."""

    events: int
    objects: int


def write(connection: Connection, tables: LogTables, bodies: Sequence[tuple[int, bytes]]) -> None:
    """Write postings and roll-ups of leaves by index and body.

    A body that nobody can read names nothing, and `verify` tells of it.
    """
    postings: list[Posting] = []
    events: Counter[Kind] = Counter()
    objects: Counter[Kind] = Counter()
    for index, raw in bodies:
        with suppress(*UNREADABLE):
            body = orjson.loads(raw)
            named = disclosed(body)
            counted = list(_counts(body, named))
            _check(body, named, counted)
            postings += _postings(body, named, index)
            for kind, count in counted:
                events[kind] += count.events
                objects[kind] += count.objects
    bulk.insert(connection, tables.seen, _POSTING, postings)
    if events:
        rows = [
            {**kind._asdict(), "n_events": events[kind], "n_objects": objects[kind]}
            for kind in sorted(events)
        ]
        connection.execute(_rolled_up(connection, tables), rows)


def disclosed(body: Mapping[str, Any]) -> dict[str, int]:  # Any: JSON read back
    """Return how much of each object a body discloses, `CHANGED` or `REFUSED` if nothing; by hex ids."""
    found = {refusal[0]: REFUSED for refusal in body["refused"] if refusal[0]}
    found.update((change[0], CHANGED) for change in body["changed"])
    released = body["released"]
    for name, disclosure in _WIDER_AND_WIDER:
        for lines in released.get(name, _NOTHING).values():
            for line in lines:
                found[line[0]] = disclosure
    return found


def actor_of(body: Mapping[str, Any]) -> UUID:  # Any: JSON read back
    """Return who acted, or `NOBODY`."""
    return UUID(hex=body["actor"]) if body["actor"] else NOBODY


def counts(body: Mapping[str, Any]) -> Iterator[tuple[Kind, Count]]:  # Any: JSON read back
    """Yield what a body adds to the roll-ups: once in all, and once for each class of what it shows."""
    return _counts(body, disclosed(body))


def _counts(body: Mapping[str, Any], named: Mapping[str, int]) -> Iterator[tuple[Kind, Count]]:  # the same
    day, actor_id = body["at"] // DAY, actor_of(body)
    shown = sum(each > REFUSED for each in named.values())
    yield Kind(ANY_CLASS, day, actor_id, body["op"], body["outcome"]), Count(1, shown)
    for op in body["also"]:  # counted once only, but the day is known to hold it
        yield Kind(ANY_CLASS, day, actor_id, op, body["outcome"]), Count(0, 0)
    classes = body.get("classes")
    if not classes:
        return
    filed = Counter(line[2] for line in _released_lines(body) if len(line) > 2)
    for place, number in sorted(filed.items()):
        class_id = UUID(hex=classes[place])
        yield Kind(class_id, day, actor_id, body["op"], body["outcome"]), Count(1, number)


def _check(body: Mapping[str, Any], named: Iterable[str], counted: Iterable[tuple[Kind, Count]]) -> None:
    """Raise `ValueError` unless the tables can hold what a body says: one event must not stop all others."""
    if any(len(each) != 2 * ID_BYTES or len(bytes.fromhex(each)) != ID_BYTES for each in named):
        raise ValueError("an id in the body is none")
    if type(body["at"]) is not int or abs(body["at"]) > MOST:
        raise ValueError("the instant in the body is none")
    words = {word for kind, _ in counted for word in (kind.op, kind.outcome)}
    if not all(type(word) is str and word.isascii() and word.isprintable() for word in words):
        raise ValueError("a word in the body is none")


def _postings(body: Mapping[str, Any], named: Mapping[str, int], index: int) -> list[Posting]:  # the same
    actor, at = actor_of(body).hex, body["at"]
    return [(object_id, actor, at, index, disclosure) for object_id, disclosure in named.items()]


def _released_lines(body: Mapping[str, Any]) -> Iterator[Sequence[Any]]:  # Any: JSON read back
    for by_mark in body["released"].values():
        for lines in by_mark.values():
            yield from lines


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
