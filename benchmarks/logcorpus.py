"""A generated access log, written past everything straight into its tables: millions of events in minutes.

Documents and people are as unequal as in life: the best known Document is named by one event in sixty, the
busiest person acts in one of forty. A list shows neighbours, which share a class.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from benchmarks import installations
from dms.base.clock import DAY
from dms.base.settings import Settings
from dms.house import House, install, open_house
from dms.stores import migrations
from tests import databases

BEGIN = 1_735_689_600_000_000  # 2025-01-01, UTC
DAYS = 365
PEOPLE = 2_000
SHOWN = (1, 1, 1, 1, 1, 1, 1, 11, 11, 11)
"""Objects of an event: seven in ten read one Document, three list some."""
CLASS_SIZE = 400

_SLICE = 20_000
_OPS = {1: ("document.read", b"restricted", 3), 11: ("document.list", b"metadata", 2)}
_EVENT = (
    "event_id, at, lasting, actor_id, op, outcome, reason, object_id, n_objects, writer, n, leaf_hash, body"
)


@dataclass(frozen=True, slots=True)
class Size:
    """How many events, and of how many Documents they tell."""

    events: int

    @property
    def documents(self) -> int:
        """Return about one Document for seventy namings."""
        return max(1_000, self.events * 4 // 70)


@dataclass(slots=True)
class Batch:
    """Rows of some events, by table; ids as their 16 bytes."""

    events: list[tuple[Any, ...]] = field(default_factory=list)
    details: list[tuple[Any, ...]] = field(default_factory=list)
    leaves: list[tuple[Any, ...]] = field(default_factory=list)
    seen: list[tuple[Any, ...]] = field(default_factory=list)


def document_id(number: int) -> UUID:
    """Return the id of a Document; the smallest number is the best known."""
    return UUID(bytes=hashlib.md5(b"document %d" % number, usedforsecurity=False).digest())


def person_id(number: int) -> UUID:
    """Return the id of a person; the smallest number is the busiest."""
    return UUID(bytes=hashlib.md5(b"person %d" % number, usedforsecurity=False).digest())


@dataclass(frozen=True, slots=True)
class Names:
    """Ids of all Documents and people, as bytes and as text, so that no event makes them anew."""

    documents: Sequence[tuple[bytes, bytes]]
    people: Sequence[tuple[bytes, bytes]]

    @classmethod
    def of(cls, size: Size) -> Names:
        """Make them."""
        documents = [document_id(number) for number in range(size.documents)]
        people = [person_id(number) for number in range(PEOPLE)]
        return cls(*([(each.bytes, each.hex.encode()) for each in ids] for ids in (documents, people)))


def class_id(number: int) -> UUID:
    """Return the id of the class of a Document."""
    name = b"class %d" % (number // CLASS_SIZE)
    return UUID(bytes=hashlib.md5(name, usedforsecurity=False).digest())


@contextlib.contextmanager
def opened(kind: str, size: Size, folder: Path | None) -> Iterator[House]:
    """Open an installation whose log has so many events; one that lies in the folder is used again."""
    if folder is None:
        with installations.fresh(kind) as settings, contextlib.closing(open_house(settings)) as house:
            fill(house, size)
            yield house
        return
    place = folder / f"{kind}-{size.events}"
    is_there = place.exists()
    place.mkdir(parents=True, exist_ok=True)
    settings = settings_of(kind, place, is_there=is_there)
    try:
        with contextlib.closing(open_house(settings)) as house:
            if not is_there:
                fill(house, size)
            yield house
    finally:
        databases._stop(place / "pg", patience_s=60)


def fill(house: House, size: Size) -> None:
    """Write the log."""
    if house.database.is_sqlite:
        _fill_sqlite(Path(house.settings.home) / "dms.sqlite3", size)
    else:
        _fill_postgresql(house, size)


def settings_of(kind: str, place: Path, *, is_there: bool) -> Settings:
    if kind == "sqlite":
        settings = Settings(home=place / "var", log_level="error")
    else:
        server = databases.start_server(place)
        if not is_there:
            server.make_template("bench_template")
            server.create("bench", template="bench_template")
        settings = Settings(home=place / "var", database_url=server.url("bench"), log_level="error")
    if not is_there:
        if kind == "sqlite":
            settings.home.mkdir(parents=True)
            migrations.upgrade(settings)
        install(settings)
    else:
        migrations.upgrade(settings)  # it may be older than the product
    return settings


def _batches(size: Size, first_index: int) -> Iterator[tuple[Batch, Counter[tuple[Any, ...]], Counter[Any]]]:
    """Yield the rows of the events in their order, with what they add to the roll-ups."""
    draw = random.Random(5)  # noqa: S311  nobody is to be surprised
    names = Names.of(size)
    step = DAYS * DAY // size.events
    for start in range(0, size.events, _SLICE):
        batch, events, objects = Batch(), Counter(), Counter()
        for number in range(start, min(start + _SLICE, size.events)):
            at = BEGIN + number * step
            person = names.people[int(PEOPLE * draw.random() ** 2)]
            shown = SHOWN[draw.randrange(len(SHOWN))]
            base = int((size.documents - shown) * draw.random() ** 3)
            of = class_id(base)
            place = (first_index + number, at)
            _append(batch, place, person, names.documents[base : base + shown], filed=of)
            op = _OPS[shown][0]
            for of_class in (bytes(16), of.bytes):
                key = (of_class, at // DAY, person[0], op, "released")
                events[key] += 1
                objects[key] += shown
        yield batch, events, objects


def _append(
    batch: Batch,
    place: tuple[int, int],
    person: tuple[bytes, bytes],
    shown: Sequence[tuple[bytes, bytes]],
    *,
    filed: UUID,
) -> None:
    index, at = place
    op, name, disclosure = _OPS[len(shown)]
    actor, actor_hex = person
    event = ((at // 1000 << 80) | 0x7 << 76 | 0x2 << 62 | index).to_bytes(16, "big")
    lines = b",".join(b'["%s",3,0]' % each for _, each in shown)
    named = b'{"%s":{"2":[%s]}}' % (name, lines)
    body = _BODY % (actor_hex, at, filed.hex.encode(), event.hex().encode(), index + 1, op.encode(), named)
    leaf = hashlib.sha256(b"\0" + body).digest()
    first, count = shown[0][0], len(shown)
    batch.events.append(
        (event, at, 0, actor, op, "released", None, first, count, _WRITER, index + 1, leaf, body)
    )
    batch.leaves.append((index, event, leaf, at))
    batch.seen += [(each, actor, at, index, disclosure) for each, _ in shown]


_WRITER = bytes(15) + b"\1"
_BODY = (
    b'{"actor":"%s","aggregate":0,"also":[],"at":%d,"bytes":null,"changed":[],"classes":["%s"],'
    b'"clearance":"400","detail":"' + b"0" * 64 + b'","id":"%s","kind":"user","n":%d,"op":"%s",'
    b'"outcome":"released","part":1,"parts":1,"policy":{"entries":["'
    + b"1" * 32
    + b'","'
    + b"2" * 32
    + b'"],"files":"'
    + b"3" * 64
    + b'","revision":4711},"reason":null,"refused":[],"released":%s,'
    b'"request":"'
    + b"4" * 32
    + b'","roles":["reader"],"session":"'
    + b"5" * 32
    + b'","text":"'
    + b"6" * 64
    + b'","v":2,"withheld":0,"writer":"'
    + b"0" * 31
    + b'1"}'
)


def _fill_sqlite(path: Path, size: Size) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous = OFF", "cache_size = -1500000", "temp_store = FILE"):
        connection.execute(f"PRAGMA {pragma}")
    (placed,) = connection.execute("SELECT size FROM access_log_head").fetchone()
    connection.execute("BEGIN")
    for batch, events, objects in _batches(size, placed):
        _many(connection, f"access_event ({_EVENT})", batch.events)
        _many(connection, "access_leaf", [leaf[:3] for leaf in batch.leaves])
        _many(connection, "access_seen", batch.seen)
        connection.executemany(
            "INSERT INTO access_daily VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " n_events = n_events + excluded.n_events, n_objects = n_objects + excluded.n_objects",
            [(*key, events[key], objects[key]) for key in sorted(events)],
        )
    connection.execute(
        "UPDATE access_log_head SET size = size + ?, seq = (SELECT max(seq) FROM access_event)", [size.events]
    )
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _many(connection: sqlite3.Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * len(rows[0]))
    connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608  constants of this module


def _fill_postgresql(house: House, size: Size) -> None:
    with psycopg.connect(house.settings.database_url.replace("+psycopg", "")) as connection:
        for half in ("access_event_lasting", "access_event_passing"):
            connection.execute(
                "SELECT access_log_make_month(%s, since) FROM generate_series("
                "timestamp '2025-01-01', timestamp '2026-01-01', interval '1 month') AS since",
                [half],
            )
        connection.execute("ALTER TABLE access_seen DROP CONSTRAINT pk_access_seen")
        connection.execute("CREATE TEMP TABLE added (LIKE access_daily)")
        (placed,) = connection.execute("SELECT size FROM access_log_head").fetchone() or (0,)
        for batch, events, objects in _batches(size, placed):
            _copy(
                connection,
                f"access_event (epoch, xid, {_EVENT})",
                [(1, 1, *_plain(row)) for row in batch.events],
            )
            _copy(
                connection,
                "access_leaf (leaf_index, event_id, leaf_hash, at, lasting)",
                [(index, UUID(bytes=event), leaf, at, False) for index, event, leaf, at in batch.leaves],
            )
            _copy(connection, "access_seen", [_plain(row) for row in batch.seen])
            _copy(connection, "added", [(*_plain(key), events[key], objects[key]) for key in events])
        connection.execute(
            "INSERT INTO access_daily SELECT class_id, day, actor_id, op, outcome, sum(n_events),"
            " sum(n_objects) FROM added GROUP BY class_id, day, actor_id, op, outcome"
            " ON CONFLICT (class_id, day, actor_id, op, outcome) DO NOTHING"
        )
        connection.execute(
            "ALTER TABLE access_seen ADD CONSTRAINT pk_access_seen"
            " PRIMARY KEY (object_id, actor_id, at, leaf_index, disclosure)"
        )
        connection.execute(
            "UPDATE access_log_head SET size = size + %s, epoch = 1, xid = pg_current_xact_id(),"
            " event_id = 'ffffffff-ffff-ffff-ffff-ffffffffffff'",
            [size.events],
        )
    with psycopg.connect(house.settings.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(UUID(bytes=each) if isinstance(each, bytes) and len(each) == 16 else each for each in row)


def _copy(connection: psycopg.Connection[Any], table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
