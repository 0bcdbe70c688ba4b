"""Short transactions that belong to no operation and leave no event: throttles, looking up a token.

They touch nothing that an access list protects. Everything else goes through `stores.work`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from dms.base.errors import Busy
from dms.stores.engine import WRITE, Database, is_retryable, lock_statement

PATIENCE_S = 2.0

_BUSY = "the database is busy writing: try again in a moment"
_LOCK_NOT_AVAILABLE = "55P03"


@contextmanager
def reading(database: Database) -> Iterator[Connection]:
    """Read on a snapshot of its own."""
    with database.engine.connect() as connection:
        yield connection


@contextmanager
def writing(
    database: Database, *, locks: Sequence[str] = (), patience_s: float = PATIENCE_S
) -> Iterator[Connection]:
    """Write and commit; `Busy` when others hold the database for longer than `patience_s`, or were first.

    `locks` names tables that PostgreSQL locks first, as in `Works.write`.
    """
    if not database.is_sqlite:
        with _writing_postgresql(database, locks, patience_s) as connection:
            yield connection
        return
    if not database.writer_lock.acquire(timeout=patience_s):
        raise Busy(_BUSY)
    try:
        with database.engine.execution_options(**{WRITE: True}).begin() as connection:
            yield connection
    finally:
        database.writer_lock.release()


@contextmanager
def _writing_postgresql(database: Database, locks: Sequence[str], patience_s: float) -> Iterator[Connection]:
    try:
        with database.engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = {int(patience_s * 1000)}"))
            for table in locks:
                connection.execute(text(lock_statement(table)))
            yield connection
    except DBAPIError as error:
        if is_retryable(error) or getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise Busy(_BUSY) from error
        raise
