"""The thread that looks at each event once it has its place, and raises the alerts of the saved rules.

Several processes may have one; a batch is kept by whoever is first, with all that follows from it, so each
event is looked at once, whatever is killed.
"""

from __future__ import annotations

import logging
from functools import partial

from dms.access.log import following
from dms.base.actor import system_actor
from dms.base.errors import DmsError
from dms.base.ids import new_id
from dms.jobs.threads import Beside
from dms.models.logalerts import LogAlertHit
from dms.rules import logalerts as rules
from dms.rules.logalerts import Learned
from dms.services import logalerts
from dms.services.logalerts import Batch
from dms.stores import alertmemory, upkeep
from dms.stores.work import Works

BATCH = 500
LOOKS_EVERY_S = 1.0
RESTS_S = 0.01
"""Between two batches: on SQLite the recorder of events waits for the same lock."""

FORGETS_EVERY = 3_600
"""So many looks lie between two that drop what no rule looks at any more."""

_log = logging.getLogger("dms.alerts")
_alarm = logging.getLogger("dms.alarm")


class LogAlerting(Beside):
    """A thread of the server process, from `start` until `stop`."""

    def __init__(self, works: Works) -> None:
        super().__init__("alerts")
        self._works = works

    def _run(self) -> None:
        looks = 0
        while not self._stopped.wait(LOOKS_EVERY_S):
            try:
                while step(self._works) and not self._stopped.wait(RESTS_S):
                    pass
                if looks % FORGETS_EVERY == 0:
                    with upkeep.writing(self._works.database) as connection:
                        alertmemory.forget(connection, now=self._works.clock())
            except DmsError as error:  # it is looked after again soon
                _log.warning("alerts_put_off", extra={"code": error.code})
            except Exception:  # noqa: BLE001  the door of a thread
                _log.exception("alerts_failed")
            looks += 1


def step(works: Works, *, limit: int = BATCH) -> int:
    """Look at the next events; returns how many leaves that were, 0 when none waits."""
    database = works.database
    with upkeep.reading(database) as connection, upkeep.reading_log(database) as log:
        at = alertmemory.position(connection)
        facts, beyond = following.after(log, at, limit=limit)
        if beyond == at:
            return 0
        learned = Learned()
        if facts:
            memory = alertmemory.memory(connection, facts)
            learned = rules.look(alertmemory.rules(connection), memory, facts)
        findings = alertmemory.fresh(connection, learned.findings)
    batch = Batch(at, beyond, learned, findings)
    if findings:
        struck = works.write(system_actor(new_id().hex), partial(logalerts.strike, batch=batch))
        _tell(struck)
    else:
        with upkeep.writing(database) as connection:
            alertmemory.keep(connection, learned, at=at, beyond=beyond)
    return beyond - at


def _tell(struck: list[LogAlertHit]) -> None:
    for hit in struck:
        ids = {"hit": hit.id.hex, "rule": hit.alert_id.hex}
        _alarm.warning("log_alert", extra={**ids, "account": hit.actor_id and hit.actor_id.hex})
