"""What a server does by itself beside answering: counters folded, nodes filled, idle nodes and keys let go.

It also makes the months of the access log ahead, and looks whether a disk that was full has room again.

None of it decides anything: without it lists stay right and become slower, and a large node stays unready.
Several processes may do it at once; each piece is a transaction, and they wait for each other.
"""

from __future__ import annotations

import logging

from dms.access import scopes
from dms.access.log import AccessLog, partitions
from dms.base.actor import system_actor
from dms.base.errors import DmsError
from dms.base.ids import new_id
from dms.jobs.threads import Beside
from dms.services import accessnodes
from dms.stores import idempotencykeys
from dms.stores.work import Works

_log = logging.getLogger("dms.caretaking")

LOOKS_EVERY_S = 2.0
RESTS_S = 0.02
"""Between two pieces: on SQLite the recorder of events waits for the same lock."""

SWEEPS_EVERY = 1_800
"""So many looks lie between two sweeps: an hour."""


class Caretaker(Beside):
    """A thread of the server process, from `start` until `stop`."""

    def __init__(self, works: Works, log: AccessLog) -> None:
        super().__init__("caretaker")
        self._works = works
        self._log = log

    def _run(self) -> None:
        looks = 0
        while not self._stopped.wait(LOOKS_EVERY_S):
            try:
                self.look(is_sweep=looks % SWEEPS_EVERY == 0)
            except DmsError as error:  # it is looked after again soon
                _log.warning("caretaking_put_off", extra={"code": error.code})
            except Exception:  # noqa: BLE001  the door of a thread
                _log.exception("caretaking_failed")
            looks += 1

    def look(self, *, is_sweep: bool) -> None:
        """Do once what is due."""
        self._log.look_again()
        database = self._works.database
        if scopes.is_fold_due(database):
            scopes.fold(database)
        actor = system_actor(new_id().hex)
        if scopes.is_filling(database):
            accessnodes.fill(self._works, actor, is_stopped=self._rests)
        if is_sweep:
            partitions.prepare(database)
            accessnodes.sweep(self._works, actor, is_stopped=self._rests)
            self._sweep_keys()

    def _sweep_keys(self) -> None:
        while idempotencykeys.sweep(self._works.database, now=self._works.clock()) and not self._rests():
            pass

    def _rests(self) -> bool:
        """Let others go first for a moment; True once the thread shall end."""
        return self._stopped.wait(RESTS_S)
