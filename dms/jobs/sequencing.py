"""The sequencer's thread: each second it gives the events that were committed meanwhile their place.

Several processes may have one; whoever comes first does it, and the others wait for the next second.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from dms.access.log import sequencer
from dms.access.log.shards import LogPlace
from dms.base.clock import monotonic_s
from dms.base.errors import Unavailable
from dms.jobs.threads import Beside
from dms.rules import checkpoints, signednotes
from dms.stores.engine import Database

EVERY_S = 1.0
LATE_S = 10.0
"""After so long without coming to the end an alarm is raised; answers go on, since events are durable."""

_alarm = logging.getLogger("dms.alarm")


class Sequencing(Beside):
    """A thread of the server process, from `start` until `stop`."""

    def __init__(self, database: Database, place: LogPlace) -> None:
        super().__init__("sequencer")
        self._database = database
        self._place = place

    def _run(self) -> None:
        follow(self._database, self._place, stopped=self._stopped)


@dataclass(slots=True)
class SignerWatch:
    """Raises the alarm while what has its place waits too long for its signature.

    The signer is a process of its own, which may hang or be gone: somebody else must notice.
    """

    database: Database
    place: LogPlace
    clock: Callable[[], float] = monotonic_s
    _awaited: int = 0
    """Until the checkpoint covers so many events, they wait since `_since`."""
    _since: float = field(default=0.0)

    def look(self) -> None:
        """Compare the log with its newest checkpoint, as far as this process may read that."""
        signed = self._signed()
        if signed is None:
            return
        if signed >= self._awaited:
            self._awaited, self._since = sequencer.reached(self.database).size, self.clock()
            return
        late_s = self.clock() - self._since
        if late_s > LATE_S:
            _alarm.error("signer_late", extra={"seconds": int(late_s), "events": self._awaited - signed})

    def _signed(self) -> int | None:
        try:
            note = self.place.shard().checkpoint()
        except Unavailable:  # not even begun
            return 0
        except OSError:
            return None
        return 0 if note is None else checkpoints.read(signednotes.read(note).text).size


def follow(database: Database, place: LogPlace, *, stopped: threading.Event) -> None:
    """Sequence until told to stop, and then once more."""
    watch = SignerWatch(database, place)
    caught_up = monotonic_s()
    while not stopped.wait(EVERY_S):
        _look(watch)
        if catch_up(database):
            caught_up = monotonic_s()
        elif monotonic_s() - caught_up > LATE_S:
            _alarm.error("sequencer_late", extra={"seconds": int(monotonic_s() - caught_up)})
    catch_up(database)


def _look(watch: SignerWatch) -> None:
    try:
        watch.look()
    except Exception:  # noqa: BLE001  the door of a thread
        _alarm.exception("signer_not_watched")


def catch_up(database: Database) -> bool:
    """Sequence what can be; tells whether it came to the end."""
    try:
        while sequencer.advance(database):
            continue
    except Exception:  # noqa: BLE001  the door of a thread
        _alarm.exception("sequencing_failed")
        return False
    return True
