"""The deadline of an operation: kept between its statements, and in the midst of one.

PostgreSQL ends a statement itself after what was left when it began, to a tenth. SQLite asks back after
every few thousand steps of its machine.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from math import inf
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import ExceptionContext

from dms.base.clock import monotonic_s
from dms.base.errors import Deadline

DEADLINE = "dms_deadline"
"""Execution option of a connection: the second of the monotonic clock at which its transaction must end."""

_STEPS = 4_000
"""So many steps of SQLite's machine take about a tenth of a millisecond."""

_TOLD = 0.9
"""PostgreSQL is told again what is left when it is less than this part of what it was told before."""

_WATCH = "dms_watch"
_CANCELLED = "57014"
_FRAME = ("ROLLBACK", "RELEASE")
"""Statements that end a part of a transaction: they must go through, late or not."""


def too_late() -> Deadline:
    """Return what stops an operation that has used up its time."""
    return Deadline("the operation took longer than it may: ask for less at a time")


@dataclass(slots=True)
class _Watch:
    """What one connection knows of the transaction that it is in."""

    ends_at: float = inf
    told_s: float = inf
    """What PostgreSQL was told to allow each statement."""

    def is_over(self) -> bool:
        return monotonic_s() > self.ends_at


def keep_deadlines(engine: Engine) -> None:
    """Stop what runs on an engine when the deadline of its transaction has come, with `Deadline`."""
    event.listen(engine, "connect", _connect)
    event.listen(engine, "checkout", _checkout)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "before_cursor_execute", _before)
    event.listen(engine, "handle_error", _translated, retval=True)


def _connect(connection: Any, record: Any) -> None:  # Any: of either driver
    watch = record.info[_WATCH] = _Watch()
    if isinstance(connection, sqlite3.Connection):
        connection.set_progress_handler(watch.is_over, _STEPS)


def _checkout(_connection: Any, record: Any, _proxy: Any) -> None:  # Any: of either driver
    # The recorder of events takes a connection without a transaction of this kind.
    record.info[_WATCH].ends_at = inf


def _begin(connection: Connection) -> None:
    watch = connection.info[_WATCH]
    # INVARIANT (deadlines): set anew for every transaction, so that none inherits that of another.
    watch.ends_at, watch.told_s = connection.get_execution_options().get(DEADLINE, inf), inf


def _before(
    connection: Connection, cursor: Any, statement: str, _values: object, _context: object, _many: object
) -> None:
    watch = connection.info[_WATCH]
    if watch.ends_at == inf:
        return
    if statement.startswith(_FRAME):
        # The transaction may have failed, and going back to a savepoint undoes what was told after it.
        watch.told_s = inf
        return
    left_s = watch.ends_at - monotonic_s()
    if left_s <= 0:
        raise too_late()
    if connection.dialect.name == "postgresql" and left_s < watch.told_s * _TOLD:
        # It takes no snapshot, so that locks may still come first.
        cursor.execute(f"SET LOCAL statement_timeout = {max(int(left_s * 1000), 1)}")
        watch.told_s = left_s


def _translated(context: ExceptionContext) -> Deadline | None:
    """Return `Deadline` for a statement that was stopped, or failed because an earlier one was."""
    error, connection, statement = context.original_exception, context.connection, context.statement
    if connection is None or statement is None:  # of a COMMIT nobody may say that it kept nothing
        return None
    watch = connection.info.get(_WATCH)
    if watch is None or watch.ends_at == inf:
        return None
    # SQLite has undone the whole transaction then, so that there is no savepoint to go back to.
    is_frame = watch.is_over() and statement.startswith(_FRAME)
    return too_late() if is_frame or _is_stopped(error) else None


def _is_stopped(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_INTERRUPT or getattr(error, "sqlstate", None) == _CANCELLED
