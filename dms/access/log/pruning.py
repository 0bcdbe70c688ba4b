"""Pruning: old events that do not last go, with details and entry bundles; the tree over them stays.

What was approved is carried out in steps that may be broken off anywhere and done again: the least index
rises, details and events go, then postings, then files. Leaves and tiles stay, so every later proof holds.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    Connection,
    LargeBinary,
    Row,
    String,
    and_,
    bindparam,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.sql import ColumnElement

from dms.access.log import derived, proofs
from dms.access.log.keys import is_signed
from dms.access.log.shards import LogPlace
from dms.access.log.verify import UNREADABLE
from dms.base.clock import DAY
from dms.base.errors import ConfigurationError, State, Unavailable
from dms.models import accessevents
from dms.models.accessevents import LogTables
from dms.models.logretention import LogHold
from dms.models.types import Id, UtcTime
from dms.rules import signednotes
from dms.rules.accessevents import Outcome
from dms.rules.checkpoints import Checkpoint
from dms.rules.logretention import Extent
from dms.rules.tiles import WIDTH, Tile
from dms.stores import upkeep
from dms.stores.engine import Database
from dms.stores.work import Work, session_of

SLICE = 200
"""So many events go in one transaction on SQLite, where every answer waits behind it."""

DETAILS = 5_000
"""So many details go in one transaction on PostgreSQL, where a month of events goes in one."""

_FIRST = UUID(int=0)

_POSTING = ("object_id", "actor_id", "at", "leaf_index")
"""What finds the postings of an event."""

Tell = Callable[[int], None]
"""Takes how many events have gone."""


@dataclass(frozen=True, slots=True)
class Order:
    """An approved pruning, as its row says."""

    id: UUID
    until: int
    end_index: int


def extent(work: Work, until: int) -> Extent:
    """Measure what a pruning would remove; costs the reading of all events before that instant."""
    session = session_of(work)
    tables = accessevents.tables(session.get_bind().dialect.name)
    event, leaf = tables.event, tables.leaf
    held = _held(tables)
    statement = (
        select(
            func.count().filter(~held),
            func.count().filter(held),
            func.count().filter(leaf.c.leaf_index.is_(None)),
            func.max(leaf.c.leaf_index),
        )
        .select_from(event)
        .outerjoin(leaf, leaf.c.event_id == event.c.event_id)
        .where(~event.c.lasting, event.c.at < until)
    )
    row = session.execute(statement).one()
    return Extent(row[0], row[1], row[2], 0 if row[3] is None else row[3] + 1)


def is_held(work: Work, event_id: UUID) -> bool:
    """Tell whether a hold keeps an event."""
    session = session_of(work)
    tables = accessevents.tables(session.get_bind().dialect.name)
    found = select(tables.event.c.event_id).where(tables.event.c.event_id == event_id, _held(tables))
    return session.execute(found).first() is not None


def covering(place: LogPlace, end_index: int) -> Checkpoint:
    """Return the newest checkpoint, if a known key signed it and it covers all leaves before an index.

    The tiles that it speaks of must lead to its root: once the events are gone nothing else proves them.
    """
    folder = place.shard()
    checkpoint, note = proofs.latest(folder)
    if not any(is_signed(signednotes.read(note), key) for key in place.known_keys()):
        message = "none of the log's keys has signed the last checkpoint: run `dms log verify`"
        raise State(message, state="unsigned")
    if checkpoint.size < end_index:
        raise Unavailable("not all of these events are signed yet: run `dms log sign`, and try again")
    if proofs.root(folder, size=checkpoint.size) != checkpoint.root:
        raise State("the tiles are not what was signed: run `dms log verify`", state="changed")
    return checkpoint


def carry_out(database: Database, place: LogPlace, order: Order, *, tell: Tell) -> int:
    """Remove what an approved pruning covers, or what is left of it; returns how many events went now."""
    covering(place, order.end_index)
    remove = _remove_from_sqlite if database.is_sqlite else _remove_from_postgresql
    count = remove(database, order, tell=tell)
    forget_bundles(place, order.end_index)
    return count


def forget_bundles(place: LogPlace, end_index: int) -> None:
    """Remove the entry bundles that lie before an index as a whole; hashes stay."""
    for number in place.shards():
        root = place.shard(number).root
        for bundle in range(end_index // WIDTH):
            _remove_file(root / Tile(0, bundle, WIDTH).bundle_path)


def _remove_file(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
        if (partial := path.with_name(f"{path.name}.p")).exists():
            shutil.rmtree(partial)
    except PermissionError as error:
        message = f"`{path}` cannot be removed: run `dms log prune finish` as the user who signs the log"
        raise ConfigurationError(message) from error


def _remove_from_sqlite(database: Database, order: Order, *, tell: Tell) -> int:
    tables = accessevents.tables(database.dialect)
    head = tables.head
    with upkeep.keeping(database) as connection:
        raised = update(head).values(minimum_index=order.end_index)
        connection.execute(raised.where(head.c.minimum_index < order.end_index))
    count, after = 0, (-1, _FIRST)
    while rows := _slice(database, tables, order, after=after):
        going = [row for row in rows if not row.held]
        with upkeep.keeping(database) as connection:
            _remove(connection, tables, going)
        count, after = count + len(going), (rows[-1].at, rows[-1].event_id)
        tell(count)
    daily = tables.daily
    passing = daily.c.outcome != Outcome.COMMITTED.value
    with upkeep.keeping(database) as connection:
        connection.execute(delete(daily).where(passing, daily.c.day < order.until // DAY))
    _empty_write_ahead_log(database)
    return count


def _slice(
    database: Database, tables: LogTables, order: Order, *, after: tuple[int, UUID]
) -> Sequence[Row[*tuple[Any, ...]]]:
    event, leaf = tables.event, tables.leaf
    place = tuple_(event.c.at, event.c.event_id)
    statement = (
        select(event.c.event_id, event.c.at, event.c.body, leaf.c.leaf_index, _held(tables).label("held"))
        .join(leaf, leaf.c.event_id == event.c.event_id)
        .where(
            ~event.c.lasting,
            event.c.at < order.until,
            leaf.c.leaf_index < order.end_index,
            place > tuple_(literal(after[0], UtcTime()), literal(after[1], Id())),
        )
        .order_by(event.c.at, event.c.event_id)
        .limit(SLICE)
    )
    with upkeep.reading(database) as connection:
        return connection.execute(statement).all()


def _remove(connection: Connection, tables: LogTables, rows: Sequence[Row[*tuple[Any, ...]]]) -> None:
    """Remove events with what hangs on them; the triggers look at each once more."""
    if not rows:
        return
    ids, seen = [row.event_id for row in rows], tables.seen
    if postings := [each for row in rows for each in _postings(row)]:
        named = (seen.c[name] == bindparam(f"gone_{name}") for name in _POSTING)
        connection.execute(delete(seen).where(*named), postings)
    for table in (tables.detail, tables.event):  # a detail goes while its event still says that it may
        connection.execute(delete(table).where(table.c.event_id.in_(ids)))


def _postings(row: Row[*tuple[Any, ...]]) -> Iterator[Mapping[str, object]]:
    try:
        body = orjson.loads(row.body)
        actor_id, objects = derived.actor_of(body), [UUID(hex=each) for each in derived.disclosed(body)]
    except UNREADABLE:
        return  # nothing was derived from it either
    for object_id in objects:
        key = (object_id, actor_id, row.at, row.leaf_index)
        yield {f"gone_{name}": value for name, value in zip(_POSTING, key, strict=True)}


def _empty_write_ahead_log(database: Database) -> None:
    """Take what was removed out of the write-ahead log too, unless somebody still reads it."""
    with database.keeper.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()


def _remove_from_postgresql(database: Database, order: Order, *, tell: Tell) -> int:
    details = text("SELECT access_log_prune_details(:order, :after, :slice)")
    after: UUID | None = _FIRST
    while after is not None:
        with upkeep.keeping(database) as connection:
            values = {"order": order.id, "after": after, "slice": DETAILS}
            after = connection.execute(details, values).scalar_one()
    count = 0
    while (gone := _asked(database, "drop_month", order)) is not None:
        count += gone
        tell(count)
    _asked(database, "forget", order)
    return count


def _asked(database: Database, name: str, order: Order) -> int | None:
    with upkeep.keeping(database) as connection:
        asked = text(f"SELECT access_log_{name}(:order)")
        found: int | None = connection.execute(asked, {"order": order.id}).scalar_one()
    return found


def _held(tables: LogTables) -> ColumnElement[bool]:
    """Return whether a hold keeps an event, as the triggers ask it (alembic 0005)."""
    event, hold = tables.event, LogHold.__table__
    if "seq" in event.c:
        mark = literal('["').concat(func.lower(func.hex(hold.c.object_id))).concat('",')
        names = func.instr(event.c.body, cast(mark, LargeBinary)) > 0
    else:
        plain = func.replace(cast(hold.c.object_id, String), "-", "")
        mark = func.convert_to(literal('["').concat(plain).concat('",'), "UTF8")
        names = func.pg_catalog.position(event.c.body, mark) > 0
    covers = and_(
        hold.c.lifted_at.is_(None),
        event.c.at >= hold.c.since,
        or_(hold.c.until.is_(None), event.c.at < hold.c.until),
        or_(hold.c.actor_id.is_(None), hold.c.actor_id == event.c.actor_id),
        or_(hold.c.object_id.is_(None), names),
    )
    return select(literal(1)).select_from(hold).where(covers).exists()
