"""How each operation's event becomes durable: in its own transaction, or through the recorder."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import NoReturn
from uuid import UUID

from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from dms.access.log.events import EventRow, Writer, over_claim, own_event, rows_of
from dms.access.log.inserts import inserts_of
from dms.access.log.recorder import PATIENCE_S, Recorder
from dms.access.log.reserve import Reserve
from dms.base.clock import Clock, monotonic_s, system_clock
from dms.base.errors import NotRecorded
from dms.rules.accessevents import Op
from dms.stores.engine import Database, is_full, is_retryable, leaves_doubt
from dms.stores.work import Work, session_of

TROUBLED_S = 10.0
"""So long after an event could not be written the server says that it is not ready."""

_alarm = logging.getLogger("dms.alarm")


class AccessLog:
    """Closes units of work on one database; implements `stores.work.Closing`."""

    def __init__(
        self, database: Database, *, clock: Clock, patience_s: float, reserve: Reserve | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._recorder = Recorder(database, patience_s=patience_s, on_failure=self._note_failure)
        self._inserts = inserts_of(database.dialect)
        self._reserve = reserve
        self._failed_s = -math.inf
        self.writer = Writer()
        self.is_halted = False
        """Whether the disk is full, so that nothing is answered until it has room again."""

    def insert(self, work: Work) -> None:
        """Insert the event as the last statement of the operation's own transaction."""
        self._check_writable()
        rows = rows_of(work, self.writer)
        try:
            self._inserts.run(session_of(work).connection().exec_driver_sql, rows)
        except SQLAlchemyError as error:
            if is_retryable(error):
                raise
            self._fail(error)

    def record(self, work: Work) -> None:
        """Make the event of an ended reading durable (embedded database)."""
        self._check_writable()
        rows = rows_of(work, self.writer)
        ids = [row.event_id for row in rows]
        try:
            self._recorder.record(rows, late=lambda: self._over_claim(work, ids, reason="late"))
        except NotRecorded:
            self._failed_s = monotonic_s()
            raise

    def record_failure(self, work: Work) -> None:
        """Record an operation that was rolled back, in a transaction of its own."""
        _forget_results(work)
        if self._database.is_sqlite:
            self.record(work)
            return
        self._check_writable()
        try:
            self._insert_alone(rows_of(work, self.writer))
        except SQLAlchemyError as error:
            self._fail(error)

    def lacks_room(self, error: Exception) -> NoReturn:
        """Halt the log, since its event went with what a full disk did not keep."""
        self._note_failure(error)
        raise NotRecorded("the disk is full: nothing of this was kept") from error

    def settle(self, work: Work) -> None:
        """Deal with a commit whose outcome nobody knows (`access-log.md` section 10).

        On SQLite nothing is recorded or answered any more. PostgreSQL can tell: it refuses a second
        event of the same id if the first is there, and then an event says that nobody got the answer.
        """
        _alarm.error("commit_in_doubt")
        if self._database.is_sqlite:
            self._recorder.break_off()
            return
        work.notes.failure = NotRecorded.code
        _forget_results(work)
        try:
            self._insert_alone(rows_of(work, self.writer))
        except IntegrityError:
            self._insert_over_claim(work)
        except SQLAlchemyError:
            _alarm.exception("event_not_recorded")

    def hold_reserve(self) -> None:
        """Take up the room that the record of a stop will need; a server does it at its start."""
        if self._reserve is not None and not self._reserve.make():
            _alarm.error("log_reserve_missing")

    def look_again(self) -> None:
        """Record again once a full disk has room; a server calls it each few seconds."""
        if not self.is_halted or (self._reserve is not None and not self._reserve.make()):
            return
        try:
            self._record_own(Op.LOG_RESUME)
        except (NotRecorded, SQLAlchemyError):
            return
        self.is_halted = False
        _alarm.warning("access_log_resumed")

    def close(self) -> None:
        """Write what still waits."""
        self._recorder.close()

    @property
    def is_broken(self) -> bool:
        """Tell whether events can no longer be written, so that nothing may be answered."""
        return self._recorder.broken

    @property
    def is_troubled(self) -> bool:
        """Tell whether an event could not be written just now, or none can be."""
        return self.is_broken or self.is_halted or monotonic_s() - self._failed_s < TROUBLED_S

    def _check_writable(self) -> None:
        if self.is_broken:
            raise NotRecorded("the access log cannot be written: the server is stopping")
        if self.is_halted:
            raise NotRecorded("the access log has no room on the disk: nothing is answered until it has")

    def _note_failure(self, error: BaseException) -> None:
        """Remember a failure; a full disk halts the log, and the room held in reserve records that."""
        self._failed_s = monotonic_s()
        if self.is_halted or not is_full(error):
            return
        self.is_halted = True
        _alarm.critical("access_log_halted", extra={"reason": "disk_full"})
        if self._reserve is None:
            return
        self._reserve.give_up()
        try:
            self._recorder.hand_over(self._own(Op.LOG_HALT))
        except NotRecorded:  # the clock was set, or the server stops: the alarm has told
            _alarm.exception("log_halt_not_recorded")

    def _record_own(self, op: Op) -> None:
        if self._database.is_sqlite:
            self._recorder.record(self._own(op), late=list)
            return
        self._insert_alone(self._own(op))

    def _own(self, op: Op) -> list[EventRow]:
        return own_event(self.writer, op, at=self._clock(), detail={"writer": self.writer.id.hex})

    def _insert_alone(self, rows: Sequence[EventRow]) -> None:
        with self._database.engine.begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(PATIENCE_S * 1000)}")
            self._inserts.run(connection.exec_driver_sql, rows)

    def _insert_over_claim(self, work: Work) -> None:
        try:
            self._insert_alone(self._over_claim(work, [work.notes.event_id], reason="doubt"))
        except SQLAlchemyError:
            _alarm.exception("over_claim_not_recorded")

    def _over_claim(self, work: Work, events: Sequence[UUID], *, reason: str) -> list[EventRow]:
        return over_claim(work, self.writer, events=events, at=self._clock(), reason=reason)

    def _fail(self, error: SQLAlchemyError) -> None:
        _alarm.error("event_not_recorded", exc_info=error)
        self._note_failure(error)
        if self._database.is_sqlite and leaves_doubt(error):
            self._recorder.break_off()
        raise NotRecorded("the access event could not be recorded") from error


def open_log(
    database: Database,
    *,
    clock: Clock = system_clock,
    patience_s: float = PATIENCE_S,
    reserve: Reserve | None = None,
) -> AccessLog:
    """Open the access log of a database for this process."""
    return AccessLog(database, clock=clock, patience_s=patience_s, reserve=reserve)


def _forget_results(work: Work) -> None:
    """Leave what was asked and refused; what was read or written never happened."""
    work.notes.changes.clear()
    work.notes.released.clear()
    work.notes.detail.pop("changes", None)
