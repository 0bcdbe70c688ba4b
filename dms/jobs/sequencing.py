"""The sequencer's thread: each second it gives the events that were committed meanwhile their place.

Several processes may have one; whoever comes first does it, and the others wait for the next second.
"""

from __future__ import annotations

import logging
import threading

from dms.access.log import sequencer
from dms.base.clock import monotonic_s
from dms.stores.engine import Database

EVERY_S = 1.0
LATE_S = 10.0
"""After so long without coming to the end an alarm is raised; answers go on, since events are durable."""

_alarm = logging.getLogger("dms.alarm")


class Sequencing:
    """A thread of the server process, from `start` until `stop`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)

    def start(self) -> None:
        """Begin to sequence."""
        self._thread.start()

    def stop(self) -> None:
        """Sequence what is there, and end."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        follow(self._database, stopped=self._stopped)


def follow(database: Database, *, stopped: threading.Event) -> None:
    """Sequence until told to stop, and then once more."""
    caught_up = monotonic_s()
    while not stopped.wait(EVERY_S):
        if catch_up(database):
            caught_up = monotonic_s()
        elif monotonic_s() - caught_up > LATE_S:
            _alarm.error("sequencer_late", extra={"seconds": int(monotonic_s() - caught_up)})
    catch_up(database)


def catch_up(database: Database) -> bool:
    """Sequence what can be; tells whether it came to the end."""
    try:
        while sequencer.advance(database):
            continue
    except Exception:  # noqa: BLE001  the door of a thread
        _alarm.exception("sequencing_failed")
        return False
    return True
