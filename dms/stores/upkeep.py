"""Short transactions that belong to no operation and leave no event: throttles, looking up a token.

They touch nothing that an access list protects. Everything else goes through `stores.work`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from dms.base.errors import Busy, ConfigurationError
from dms.stores.engine import WRITE, Database, is_retryable, lock_statement

PATIENCE_S = 2.0

_BUSY = "the database is busy writing: try again in a moment"
_LOCK_NOT_AVAILABLE = "55P03"
_NOT_ALLOWED = "42501"
_KEEPER = "this role may not remove anything from the access log: set DMS_LOG_KEEPER_URL, see `dms log roles`"


@contextmanager
def reading(database: Database) -> Iterator[Connection]:
    """Read on a snapshot of its own."""
    with database.engine.connect() as connection:
        yield connection


@contextmanager
def reading_log(database: Database) -> Iterator[Connection]:
    """Read the access log on a snapshot of its own, under the role that may."""
    with (database.reader or database.engine).connect() as connection:
        yield connection


@contextmanager
def writing(
    database: Database, *, locks: Sequence[str] = (), patience_s: float = PATIENCE_S
) -> Iterator[Connection]:
    """Write and commit; `Busy` when others hold the database for longer than `patience_s`, or were first.

    `locks` names tables that PostgreSQL locks first, as in `Works.write`.
    """
    opened = (
        _alone(database, database.engine, patience_s)
        if database.is_sqlite
        else _writing_postgresql(database.engine, locks, patience_s)
    )
    with opened as connection:
        yield connection


@contextmanager
def racing(database: Database, *, patience_s: float = PATIENCE_S) -> Iterator[Connection]:
    """Write where others write the same rows: on PostgreSQL it sees what they committed while it waited."""
    if database.is_sqlite:
        with _alone(database, database.engine, patience_s) as connection:
            yield connection
        return
    engine = database.engine.execution_options(isolation_level="READ COMMITTED")
    with _writing_postgresql(engine, (), patience_s) as connection:
        yield connection


@contextmanager
def keeping(database: Database, *, patience_s: float = PATIENCE_S) -> Iterator[Connection]:
    """Write past the guard of the embedded database, or on PostgreSQL under the role that may prune.

    The triggers still refuse what nobody has approved. On PostgreSQL it sees what others committed while it
    waited for them. `ConfigurationError` if the role may not.
    """
    if database.is_sqlite:
        with _alone(database, database.keeper, patience_s) as connection:
            yield connection
        return
    engine = database.keeper.execution_options(isolation_level="READ COMMITTED")
    try:
        with _writing_postgresql(engine, (), patience_s) as connection:
            yield connection
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _NOT_ALLOWED:
            raise ConfigurationError(f"{_KEEPER} ({error.orig})") from error
        raise


@contextmanager
def _alone(database: Database, engine: Engine, patience_s: float) -> Iterator[Connection]:
    """Write to the embedded database as the only one of this process."""
    if not database.writer_lock.acquire(timeout=patience_s):
        raise Busy(_BUSY)
    try:
        with engine.execution_options(**{WRITE: True}).begin() as connection:
            yield connection
    finally:
        database.writer_lock.release()


@contextmanager
def _writing_postgresql(engine: Engine, locks: Sequence[str], patience_s: float) -> Iterator[Connection]:
    try:
        with engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = {int(patience_s * 1000)}"))
            for table in locks:
                connection.execute(text(lock_statement(table)))
            yield connection
    except DBAPIError as error:
        if is_retryable(error) or getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise Busy(_BUSY) from error
        raise
