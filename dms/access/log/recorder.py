"""The recorder of the embedded database: readings of many threads, one commit, one fsync.

One thread takes all that waits, writes it in one transaction and wakes the waiters. No timer: a
batch grows only while the former commit runs (`access-log.md` section 5).
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any

from dms.access.log.events import EventRow
from dms.access.log.inserts import inserts_of
from dms.base.errors import NotRecorded
from dms.stores.engine import Database, leaves_doubt

MAX_BATCH = 512
MAX_WAITING = 8_192
"""Events that may wait before no more are taken: by then the disk has stood still for seconds."""
PATIENCE_S = 2.0

_alarm = logging.getLogger("dms.alarm")


@dataclass(slots=True)
class _Waiting:
    """Rows on their way to the disk, and the thread that waits for them."""

    rows: Sequence[EventRow]
    late: Callable[[], Sequence[EventRow]]
    done: threading.Lock = field(default_factory=threading.Lock)  # held until the outcome is known
    error: BaseException | None = None
    is_settled: bool = False
    given_up: bool = False


class Recorder:
    """Makes events durable, many per commit. Starts its thread with the first event."""

    def __init__(
        self,
        database: Database,
        *,
        patience_s: float = PATIENCE_S,
        on_failure: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._on_failure = on_failure
        self._patience_s = patience_s
        self._inserts = inserts_of("sqlite")
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._opened = ExitStack()
        self._connection: Any = None  # the driver's own, kept by the thread
        self._thread: threading.Thread | None = None
        self._closed = False
        self._start = threading.Lock()
        self._settling = threading.Lock()
        self.broken = False

    def record(self, rows: Sequence[EventRow], *, late: Callable[[], Sequence[EventRow]]) -> None:
        """Return when the rows are durable; `NotRecorded` when that fails or takes too long.

        If they become durable after all, `late` makes the rows that say that nobody got the answer.
        """
        self._check_open()
        waiting = self._put(rows, late)
        if not waiting.done.acquire(timeout=self._patience_s) and self._give_up(waiting):
            _alarm.error("event_late")
            raise NotRecorded("the access event could not be recorded in time: try again later")
        if waiting.error is not None:
            raise NotRecorded("the access event could not be recorded") from waiting.error

    def hand_over(self, rows: Sequence[EventRow]) -> None:
        """Write rows for which nobody waits, when those before them are written."""
        self._start_thread()
        self._put(rows, list)

    def break_off(self) -> None:
        """Record nothing more: nobody knows what is on disk, so nothing may be answered."""
        self.broken = True
        _alarm.critical("access_log_broken")

    def close(self) -> None:
        """Write what still waits and end the thread."""
        with self._start:
            self._closed = True
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join()

    def _put(self, rows: Sequence[EventRow], late: Callable[[], Sequence[EventRow]]) -> _Waiting:
        waiting = _Waiting(rows, late)
        waiting.done.acquire()
        self._queue.put(waiting)
        return waiting

    def _check_open(self) -> None:
        if self.broken:
            raise NotRecorded("the access log cannot be written: the server is stopping")
        if self._queue.qsize() >= MAX_WAITING:
            raise NotRecorded("the access log is far behind: try again later")
        self._start_thread()

    def _start_thread(self) -> None:
        if self._thread is None:
            with self._start:
                self._start_once()

    def _start_once(self) -> None:
        if self._closed:
            raise NotRecorded("the access log is closed: the server is stopping")
        self._thread = self._thread or self._started()

    def _started(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        thread.start()
        return thread

    def _give_up(self, waiting: _Waiting) -> bool:
        """Stop waiting, unless the outcome came in the last moment."""
        with self._settling:
            waiting.given_up = not waiting.is_settled
            return waiting.given_up

    def _run(self) -> None:
        ending = False
        while not ending:
            batch, ending = self._take()
            if batch:
                self._write(batch)
        self._opened.close()

    def _take(self) -> tuple[list[_Waiting], bool]:
        first = self._queue.get()
        if first is None:
            return [], True
        batch = [first]
        while len(batch) < MAX_BATCH:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
            if item is None:
                return batch, True
            batch.append(item)
        return batch, False

    def _write(self, batch: Sequence[_Waiting]) -> None:
        error: Exception | None = None
        try:
            self._commit([row for waiting in batch for row in waiting.rows])
        except Exception as raised:  # noqa: BLE001  a door: the waiters raise it
            # After a failed commit nobody knows what is on disk: never retried as proof.
            _alarm.exception("event_not_recorded")
            self._on_failure(raised)
            error = raised
        with self._settling:
            for waiting in batch:
                waiting.error = error
                waiting.is_settled = True
                waiting.done.release()
            late = [waiting for waiting in batch if waiting.given_up]
        if late and error is None:
            self._over_claim(late)

    def _over_claim(self, late: Sequence[_Waiting]) -> None:
        """Say of events that became durable too late that nobody got the answer."""
        try:
            self._commit([row for waiting in late for row in waiting.late()])
        except Exception:  # noqa: BLE001  a door: nobody waits for this
            _alarm.exception("over_claim_not_recorded")

    def _commit(self, rows: Sequence[EventRow]) -> None:
        if self.broken:
            raise NotRecorded("the access log cannot be written: the server is stopping")
        with self._database.writer_lock:
            try:
                self._transaction(rows)
            except Exception as error:
                if leaves_doubt(error):
                    self.break_off()
                raise

    def _transaction(self, rows: Sequence[EventRow]) -> None:
        if self._connection is None:
            kept = self._opened.enter_context(closing(self._database.engine.raw_connection()))
            self._connection = kept.driver_connection
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._inserts.run(self._connection.execute, rows)
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.rollback()
            raise
