"""The database: one engine, its dialect, and the writer lock of SQLite."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from dms.base.errors import ConfigurationError
from dms.base.settings import Settings
from dms.stores import guard
from dms.stores.deadlines import keep_deadlines

WRITE = "dms_write"
"""Execution option of a connection whose transaction will write."""

BROKEN = "dms_broken"
"""Key of `Connection.info` set when a statement failed in a way that asks for a new try."""

_RETRY_STATES = frozenset({"40001", "40P01"})

_UNCLEAR_FAULTS = frozenset(
    {
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_INTERNAL,
    }
)
"""SQLite's codes for a disk, file or memory that failed; a full disk is none: it kept nothing."""

_UNCLEAR_STATES = ("08", "57P", "58", "XX", "40003")
"""Beginnings of PostgreSQL's states for a connection or server that ended while it worked."""

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA recursive_triggers = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA busy_timeout = 5000",
)


@dataclass(frozen=True, slots=True)
class Database:
    """An open engine. On SQLite whoever writes holds `writer_lock` from BEGIN to COMMIT."""

    engine: Engine
    dialect: str
    keeper: Engine
    """Keeps no connection, and is not guarded (`stores.guard`): for pruning and redaction of the log."""
    reader: Engine | None = None
    """Reads the access log under a role of its own, where the settings name one."""
    writer_lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_sqlite(self) -> bool:
        """Tell whether this is the embedded database."""
        return self.dialect == "sqlite"

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()
        for other in (self.keeper, self.reader):
            if other is not None:
                other.dispose()


def open_database(settings: Settings) -> Database:
    """Open the database of an installation; nothing is created but the SQLite file itself."""
    if settings.is_sqlite:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Database(_open_sqlite(settings), "sqlite", _open_sqlite_keeper(settings))
    engine = _open_postgresql(settings)
    keeper = _open_as(settings, settings.log_keeper_url)
    reading = f" -c default_transaction_read_only=on -c statement_timeout={int(settings.deadline_s * 1000)}"
    reader = _open_as(settings, settings.log_reader_url, options=reading)
    return Database(engine, "postgresql", keeper or engine, reader)


def is_retryable(error: BaseException | None) -> bool:
    """Tell whether a database error means: run the whole operation again."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in _RETRY_STATES


def leaves_doubt(error: BaseException | None) -> bool:
    """Tell whether a failed COMMIT leaves open what is on disk: the disk or the server failed it."""
    origin = getattr(error, "orig", error)
    if isinstance(origin, sqlite3.Error):
        code = getattr(origin, "sqlite_errorcode", sqlite3.SQLITE_IOERR)
        return code & 0xFF in _UNCLEAR_FAULTS
    if isinstance(error, DBAPIError):
        state = getattr(origin, "sqlstate", None)
        return state is None or state.startswith(_UNCLEAR_STATES)
    return False


def is_full(error: BaseException | None) -> bool:
    """Tell whether a database has no room on its disk: it kept nothing of what was to be written."""
    origin = getattr(error, "orig", error)
    if isinstance(origin, sqlite3.Error):
        return getattr(origin, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    return getattr(origin, "sqlstate", None) == "53100"


def lock_statement(lock: str) -> str:
    """Return what locks a table on PostgreSQL: a bare name against all other writers."""
    return f"LOCK TABLE {lock}" if " IN " in lock else f"LOCK TABLE {lock} IN EXCLUSIVE MODE"


def _open_sqlite(settings: Settings) -> Engine:
    engine = create_engine(
        settings.sqlalchemy_url,
        poolclass=QueuePool,
        hide_parameters=True,
        pool_size=settings.worker_threads + 4,
        max_overflow=4,
        connect_args={"check_same_thread": False, "cached_statements": 512},
    )
    event.listen(engine, "connect", _prepare_guarded)
    keep_deadlines(engine)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _open_sqlite_keeper(settings: Settings) -> Engine:
    engine = create_engine(settings.sqlalchemy_url, poolclass=NullPool, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_guarded(connection: sqlite3.Connection, record: object) -> None:
    _prepare_sqlite(connection, record)
    guard.install(connection)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transaction control would begin too late, and never IMMEDIATE.
    connection.isolation_level = None
    connection.create_function("dms_bytes", 1, bytes.fromhex, deterministic=True)
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    mode = connection.execute("PRAGMA synchronous").fetchone()[0]
    if mode != 2:
        raise ConfigurationError("SQLite must run with synchronous=FULL")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _open_postgresql(settings: Settings, *, options: str = "") -> Engine:
    engine = create_engine(
        settings.sqlalchemy_url,
        isolation_level="REPEATABLE READ",
        hide_parameters=True,
        pool_size=settings.worker_threads + 4,
        max_overflow=4,
        pool_pre_ping=True,
        connect_args={"options": f"-c timezone=UTC -c synchronous_commit=on{options}"},
    )
    event.listen(engine, "handle_error", _remember_broken)
    keep_deadlines(engine)
    return engine


def _open_as(settings: Settings, database_url: str, *, options: str = "") -> Engine | None:
    """Open the same database under another role, if the settings name one."""
    if not database_url:
        return None
    return _open_postgresql(replace(settings, database_url=database_url), options=options)


def _remember_broken(context: ExceptionContext) -> None:
    # GraphQL turns exceptions of resolvers into field errors; the unit of work looks here instead.
    error: Any = context.original_exception
    if getattr(error, "sqlstate", None) in _RETRY_STATES and context.connection is not None:
        context.connection.info[BROKEN] = True
