"""The access log's tables. Only `dms.access.log` touches them.

The engines order events differently (`access-log.md` section 4): SQLite by `seq`, since one writer
commits at a time; PostgreSQL by (epoch, xid), since sequence numbers would skip late commits. So
each engine has a Table of its own, in metadata of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    and_,
    text,
)
from sqlalchemy.types import UserDefinedType

from dms.models.types import NAMES, Digest, Id, UtcTime

PARTITIONS = ("access_event_lasting", "access_event_passing")
"""How the names of partitions on PostgreSQL begin: halves, months (`_202611`), and the rest (`_other`)."""


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:  # SQLAlchemy passes type options
        """Name the type in DDL."""
        return "xid8"


def _copied_columns() -> list[Column[Any]]:
    """Return the columns that copy the body; the verifier compares them with it."""
    return [
        Column("at", UtcTime, nullable=False),
        Column("lasting", Boolean, nullable=False),
        Column("actor_id", Id),
        Column("op", String, nullable=False),
        Column("outcome", String, nullable=False),
        Column("reason", String),
        Column("object_id", Id),
        Column("n_objects", Integer, nullable=False),
        Column("writer", Id, nullable=False),
        Column("n", BigInteger, nullable=False),
        Column("leaf_hash", Digest, nullable=False),
        Column("body", LargeBinary, nullable=False),
    ]


def _indexes(table: Table) -> None:
    Index("ix_access_event_at", table.c.at, table.c.event_id)
    Index("ix_access_event_actor", table.c.actor_id, table.c.at)
    Index("ix_access_event_object", table.c.object_id, table.c.at)
    refused = text("outcome = 'refused'")
    Index("ix_access_event_refused", table.c.at, sqlite_where=refused, postgresql_where=refused)


def _detail(metadata: MetaData) -> Table:
    return Table(
        "access_event_detail",
        metadata,
        Column("event_id", Id, primary_key=True),
        Column("salt", LargeBinary, nullable=False),
        Column("detail", LargeBinary, nullable=False),
    )


@dataclass(frozen=True, slots=True)
class LogTables:
    """The tables of the access log of one engine."""

    metadata: MetaData
    event: Table
    detail: Table
    leaf: Table
    """The order of the events: dense indices from 0, given after the commit by one sequencer."""
    seen: Table
    """Postings: who was when told how much of an object, and by which leaf; derived, may be made anew."""
    daily: Table
    """How many operations of a kind somebody did on a day, all, and by class; derived, may be made anew."""
    head: Table
    """One row: how far the sequencer came, and the right edge of the tree."""

    @property
    def partition(self) -> tuple[str, ...]:
        """Return the columns of events and leaves that name the partition; on SQLite there are none."""
        return ("at", "lasting") if "at" in self.leaf.c else ()

    @property
    def event_of_leaf(self) -> ColumnElement[bool]:
        """Return what joins a leaf with its event, so that one partition is looked into and not all."""
        columns = ("event_id", *self.partition)
        return and_(*(self.event.c[name] == self.leaf.c[name] for name in columns))


def _leaf(metadata: MetaData, *partition: Column[Any]) -> Table:
    return Table(
        "access_leaf",
        metadata,
        Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
        Column("event_id", Id, nullable=False, unique=True),
        Column("leaf_hash", Digest, nullable=False),
        *partition,
    )


def _seen(metadata: MetaData) -> Table:
    return Table(
        "access_seen",
        metadata,
        # One order for both questions: who saw an object, and what of it somebody saw when. All of it is
        # in the key, so that nothing else need be read.
        Column("object_id", Id, primary_key=True),
        Column("actor_id", Id, primary_key=True),
        Column("at", UtcTime, primary_key=True, autoincrement=False),
        Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
        Column("disclosure", SmallInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )


def _daily(metadata: MetaData) -> Table:
    return Table(
        "access_daily",
        metadata,
        Column("class_id", Id, primary_key=True),
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("actor_id", Id, primary_key=True),
        Column("op", String, primary_key=True),
        Column("outcome", String, primary_key=True),
        Column("n_events", BigInteger, nullable=False),
        Column("n_objects", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _head(metadata: MetaData, *place: Column[Any]) -> Table:
    return Table(
        "access_log_head",
        metadata,
        Column("id", SmallInteger, primary_key=True, autoincrement=False),
        *place,
        Column("size", BigInteger, nullable=False),
        Column("frontier", LargeBinary, nullable=False),
        Column("minimum_index", BigInteger, nullable=False),
        CheckConstraint("id = 1", name="one_row"),
    )


def _sqlite() -> LogTables:
    metadata = MetaData(naming_convention=NAMES)
    event = Table(
        "access_event",
        metadata,
        Column("seq", Integer, primary_key=True),
        Column("event_id", Id, nullable=False, unique=True),
        *_copied_columns(),
        sqlite_autoincrement=True,
    )
    _indexes(event)
    head = _head(metadata, Column("seq", Integer, nullable=False))
    return LogTables(
        metadata, event, _detail(metadata), _leaf(metadata), _seen(metadata), _daily(metadata), head
    )


def _postgresql() -> LogTables:
    metadata = MetaData(naming_convention=NAMES)
    event = Table(
        "access_event",
        metadata,
        Column("epoch", SmallInteger, nullable=False, server_default=text("1")),
        Column("xid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
        Column("event_id", Id),
        *_copied_columns(),
        # A key must name what chooses the partition; that ids are unique the details and leaves see to.
        PrimaryKeyConstraint("event_id", "at", "lasting"),
        implicit_returning=False,
        postgresql_partition_by="LIST (lasting)",
    )
    _indexes(event)
    Index("ix_access_event_order", event.c.epoch, event.c.xid, event.c.event_id)
    head = _head(
        metadata,
        Column("epoch", SmallInteger, nullable=False),
        Column("xid", Xid8, nullable=False),
        Column("event_id", Id, nullable=False),
    )
    partition = (Column("at", UtcTime, nullable=False), Column("lasting", Boolean, nullable=False))
    leaf = _leaf(metadata, *partition)
    return LogTables(metadata, event, _detail(metadata), leaf, _seen(metadata), _daily(metadata), head)


_TABLES = {"sqlite": _sqlite(), "postgresql": _postgresql()}


def tables(dialect: str) -> LogTables:
    """Return the log's tables of this engine."""
    return _TABLES[dialect]


def metadata_of(dialect: str) -> MetaData:
    """Return the metadata with the log's tables of this engine."""
    return _TABLES[dialect].metadata


def event_table(dialect: str) -> Table:
    """Return the table of access events of this engine."""
    return _TABLES[dialect].event


def detail_table(dialect: str) -> Table:
    """Return the table of removable details of this engine."""
    return _TABLES[dialect].detail
