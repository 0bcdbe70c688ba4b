"""The recorder of the embedded database: readings of many threads, one commit, one fsync.

One thread takes all that waits, writes it in one transaction and wakes the waiters. No timer: a
batch grows only while the former commit runs (`access-log.md` section 5).
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import insert

from dms.access.log.events import EventRow
from dms.base.errors import NotRecorded
from dms.models import accessevents
from dms.stores.engine import WRITE, Database

MAX_BATCH = 512
PATIENCE_S = 2.0

_alarm = logging.getLogger("dms.alarm")


@dataclass(slots=True)
class _Waiting:
    rows: Sequence[EventRow]
    done: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None
    given_up: bool = False


class Recorder:
    """Makes events durable, many per commit. Starts its thread with the first event."""

    def __init__(self, database: Database, *, patience_s: float = PATIENCE_S) -> None:
        self._database = database
        self._patience_s = patience_s
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()
        self.broken = False

    def record(self, rows: Sequence[EventRow]) -> None:
        """Return when the rows are durable; `NotRecorded` when that fails or takes too long."""
        if self.broken:
            raise NotRecorded("the access log cannot be written: the server is stopping")
        self._ensure_thread()
        waiting = _Waiting(rows)
        self._queue.put(waiting)
        if not waiting.done.wait(self._patience_s):
            waiting.given_up = True
            _alarm.error("event_late")
            raise NotRecorded("the access event could not be recorded in time: try again later")
        if waiting.error is not None:
            raise NotRecorded("the access event could not be recorded") from waiting.error

    def close(self) -> None:
        """Write what still waits and end the thread."""
        with self._start:
            if self._thread is not None:
                self._queue.put(None)
                self._thread.join()
                self._thread = None

    def _ensure_thread(self) -> None:
        if self._thread is not None:
            return
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        ending = False
        while not ending:
            batch, ending = self._take()
            if batch:
                self._write(batch)

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

    def _write(self, batch: list[_Waiting]) -> None:
        try:
            self._commit([row for waiting in batch for row in waiting.rows])
        except Exception as error:  # noqa: BLE001  a door: the waiters raise it
            # After a failed commit nobody knows what is on disk: never retried as proof.
            _alarm.exception("event_not_recorded")
            for waiting in batch:
                waiting.error = error
        for waiting in batch:
            waiting.done.set()
            if waiting.given_up and waiting.error is None:
                _alarm.error("event_over_claimed")

    def _commit(self, rows: Sequence[EventRow]) -> None:
        engine = self._database.engine.execution_options(**{WRITE: True})
        with self._database.writer_lock, engine.begin() as connection:
            connection.execute(insert(accessevents.event_table("sqlite")), [dict(row.event) for row in rows])
            connection.execute(
                insert(accessevents.detail_table("sqlite")), [dict(row.detail) for row in rows]
            )
