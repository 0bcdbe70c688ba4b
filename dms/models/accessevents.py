"""The access log's tables. Only `dms.access.log` touches them.

The engines order events differently (`access-log.md` section 4): SQLite by `seq`, since one writer
commits at a time; PostgreSQL by (epoch, xid), since sequence numbers would skip late commits. So
each engine has a Table of its own, in metadata of its own.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    text,
)
from sqlalchemy.types import UserDefinedType

from dms.models.types import NAMES, Digest, Id, UtcTime


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


def _sqlite() -> tuple[MetaData, Table, Table]:
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
    return metadata, event, _detail(metadata)


def _postgresql() -> tuple[MetaData, Table, Table]:
    metadata = MetaData(naming_convention=NAMES)
    event = Table(
        "access_event",
        metadata,
        Column("epoch", SmallInteger, nullable=False, server_default=text("1")),
        Column("xid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
        Column("event_id", Id, primary_key=True),
        *_copied_columns(),
        implicit_returning=False,
    )
    _indexes(event)
    Index("ix_access_event_order", event.c.epoch, event.c.xid, event.c.event_id)
    return metadata, event, _detail(metadata)


_TABLES = {"sqlite": _sqlite(), "postgresql": _postgresql()}


def metadata_of(dialect: str) -> MetaData:
    """Return the metadata with the log's tables of this engine."""
    return _TABLES[dialect][0]


def event_table(dialect: str) -> Table:
    """Return the table of access events of this engine."""
    return _TABLES[dialect][1]


def detail_table(dialect: str) -> Table:
    """Return the table of removable details of this engine."""
    return _TABLES[dialect][2]
