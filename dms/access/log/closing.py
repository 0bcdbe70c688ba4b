"""How each operation's event becomes durable: in its own transaction, or through the recorder."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy import Connection, insert
from sqlalchemy.exc import SQLAlchemyError

from dms.access.log.events import EventRow, Writer, rows_of
from dms.access.log.recorder import Recorder
from dms.base.errors import NotRecorded
from dms.models import accessevents
from dms.stores.engine import Database, is_retryable
from dms.stores.work import Work, session_of

_alarm = logging.getLogger("dms.alarm")


class AccessLog:
    """Closes units of work on one database; implements `stores.work.Closing`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recorder = Recorder(database)
        self.writer = Writer()

    def insert(self, work: Work) -> None:
        """Insert the event as the last statement of the operation's own transaction."""
        rows = rows_of(work, self.writer)
        try:
            _insert(session_of(work).connection(), self._database.dialect, rows)
        except SQLAlchemyError as error:
            if is_retryable(error):
                raise
            _alarm.exception("event_not_recorded")
            raise NotRecorded("the access event could not be recorded") from error

    def record(self, work: Work) -> None:
        """Make the event of an ended reading durable (embedded database)."""
        self._recorder.record(rows_of(work, self.writer))

    def record_failure(self, work: Work) -> None:
        """Record an operation that was rolled back, in a transaction of its own."""
        work.notes.changes.clear()
        work.notes.released.clear()
        rows = rows_of(work, self.writer)
        if self._database.is_sqlite:
            self._recorder.record(rows)
            return
        try:
            with self._database.engine.begin() as connection:
                _insert(connection, self._database.dialect, rows)
        except SQLAlchemyError as error:
            _alarm.exception("event_not_recorded")
            raise NotRecorded("the access event could not be recorded") from error

    def close(self) -> None:
        """Write what still waits."""
        self._recorder.close()

    @property
    def is_broken(self) -> bool:
        """Tell whether events can no longer be written, so that nothing may be answered."""
        return self._recorder.broken


def open_log(database: Database) -> AccessLog:
    """Open the access log of a database for this process."""
    return AccessLog(database)


def _insert(connection: Connection, dialect: str, rows: Sequence[EventRow]) -> None:
    connection.execute(insert(accessevents.event_table(dialect)), [dict(row.event) for row in rows])
    connection.execute(insert(accessevents.detail_table(dialect)), [dict(row.detail) for row in rows])
