"""A log of some hundred events, ordered and signed, made once and copied for each test that damages it."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from sqlalchemy import select

from dms.access.log import audit, keys, sequencer, signer
from dms.access.log.continuity import Trust
from dms.access.log.events import EventRow
from dms.access.log.inserts import inserts_of
from dms.access.log.tilestore import TileFolder
from dms.base.canonical import canonical_bytes
from dms.base.clock import DAY, system_clock
from dms.base.ids import new_id, random_bytes
from dms.models import accessevents
from dms.rules import accessevents as rules
from dms.rules import eventseals
from dms.rules.accessevents import Change, Disclosure, Head, Outcome, Place, Release, Share
from dms.rules.tree import Frontier
from dms.stores import upkeep
from dms.stores.engine import open_database

SIZE = 600
STOPPED_AT = 400
"""The first writer stops in order with this event."""

KEY = keys.made("archive.example/log/1")
OTHER = keys.made("archive.example/log/1")
NOW = system_clock()

_TABLES = ("access_event", "access_event_detail", "access_leaf", "access_log_head")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Chronicle:
    """The log of one database, its files, and the events in their order."""

    settings: object
    folder: TileFolder
    events: tuple[EventRow, ...]

    @contextmanager
    def database(self):
        """Open it as the program does."""
        with closing_database(self.settings) as database:
            yield database

    def audit(self, *, threads=4, now=NOW, known=(KEY.verifier,), folder=True):
        """Verify it."""
        with self.database() as database:
            place = self.folder if folder else None
            trust = Trust(list(known))
            return audit.verify(audit.Ground(database, place, trust, now, threads, lambda *_: None))

    def id(self, index):
        """Return the id of an event as its driver takes it."""
        event_id = self.events[index].event_id
        return event_id.bytes if self.settings.is_sqlite else event_id

    @contextmanager
    def owner(self):
        """Execute statements as the owner of the database could: triggers sleep."""
        if self.settings.is_sqlite:
            with closing(sqlite3.connect(self.settings.sqlite_path, isolation_level=None)) as connection:
                names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
                for (name,) in names:
                    connection.execute(f"DROP TRIGGER {name}")
                yield lambda text, *values: connection.execute(text, values)
        else:
            with psycopg.connect(self.settings.database_url, autocommit=True) as connection:
                for table in _TABLES:
                    connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
                connection.execute("SET session_replication_role = replica")
                yield lambda text, *values: connection.execute(text.replace("?", "%s"), values)

    def grow(self, execute, leaves):
        """Let the sequencer's tree be that of these leaves: who rewrites the log would do so too."""
        frontier = Frontier().extended(leaves)
        hashes = b"".join(frontier.hashes)
        execute("UPDATE access_log_head SET size = ?, frontier = ?", frontier.size, hashes)

    def leaves(self):
        """Return the hashes of the leaves in their order."""
        return [bytes.fromhex(event.values["leaf_hash"]) for event in self.events]


@contextmanager
def closing_database(settings):
    """Open a database and close it."""
    database = open_database(settings)
    try:
        yield database
    finally:
        database.dispose()


def make(settings, root: Path) -> Chronicle:
    """Make the log: 600 events in their place and signed, and nine that wait."""
    folder = TileFolder(root)
    signer.begin(folder, [KEY])
    first, second = new_id(), new_id()
    with closing_database(settings) as database:
        placed = [_event(number, first) for number in range(1, STOPPED_AT + 1)]
        placed.append(_event(STOPPED_AT + 1, first, op="system.stop"))
        placed += [_event(number, second) for number in range(1, SIZE - STOPPED_AT)]
        waiting = [_event(number, second) for number in range(SIZE - STOPPED_AT, SIZE - STOPPED_AT + 6)]
        waiting += parts(second, first=SIZE - STOPPED_AT + 6)
        for some in (placed[:500], placed[500:]):
            insert(database, some)
            sequencer.drain(database)
            signer.sign(database, folder, [KEY])
        placed = _as_ordered(database, placed)
        insert(database, waiting)
    return Chronicle(settings, folder, (*placed, *waiting))


def copied(original: Chronicle, target: Path, server) -> Chronicle:
    """Copy a log with its files, so that a test may damage it."""
    shutil.copytree(original.folder.root, target / "log")
    folder = TileFolder(target / "log")
    if original.settings.is_sqlite:
        home = target / "var"
        shutil.copytree(original.settings.home, home)
        return replace(original, settings=replace(original.settings, home=home), folder=folder)
    name = urlsplit(original.settings.database_url).path[1:]
    url = server.create(f"{name}_copy{next(_numbers)}", template=name)
    return replace(original, settings=replace(original.settings, database_url=url), folder=folder)


def insert(database, events):
    """Insert events as the log does."""
    inserts = inserts_of(database.dialect)
    with upkeep.writing(database) as connection:
        inserts.run(connection.exec_driver_sql, events)


def parts(writer, *, first):
    """An event of three parts."""
    head = _head(writer)
    shares = [Share(released=[_release()]) for _ in range(3)]
    return [
        row(head, share, Place(new_id(), first + at, at + 1, len(shares))) for at, share in enumerate(shares)
    ]


def row(head, share, place):
    """An event as it is inserted."""
    salt, detail = random_bytes(16), canonical_bytes({"address": "192.0.2.7"})
    found = rules.fields(head, share, place=place, detail_sha256=eventseals.seal_detail(salt, detail))
    body = rules.body(found)
    values = rules.columns(found) | {"leaf_hash": eventseals.leaf_hash(body)}
    return EventRow({**values, "body": body, "salt": salt, "detail": detail})


def _event(number, writer, *, op="document.read"):
    changed = [Change(new_id(), 1, 2, "0" * 64)] if number % 10 == 0 else []
    share = Share(released=[_release() for _ in range(number % 3)], changed=changed)
    outcome = Outcome.COMMITTED if changed else Outcome.RELEASED
    return row(_head(writer, op=op, outcome=outcome), share, Place(new_id(), number))


def _release():
    return Release(new_id(), 1, Disclosure.METADATA, 1)


def _head(writer, *, op="document.list", outcome=Outcome.RELEASED):
    return Head(
        at=system_clock(),
        writer=writer,
        request=new_id().hex,
        actor_id=new_id(),
        actor_kind="user",
        session=None,
        roles=["reader"],
        clearance=None,
        ops=[op],
        text_sha256=None,
        outcome=outcome,
        reason=None,
        policy_revision=7,
        policy_files=None,
        withheld=0,
        bytes_sent=None,
        aggregates=0,
    )


def _as_ordered(database, events):
    leaf = accessevents.tables(database.dialect).leaf
    with upkeep.reading(database) as connection:
        order = [row.event_id for row in connection.execute(select(leaf).order_by(leaf.c.leaf_index))]
    by_id = {event.event_id: event for event in events}
    return [by_id[event_id] for event_id in order if event_id in by_id]


LATER = NOW + DAY
