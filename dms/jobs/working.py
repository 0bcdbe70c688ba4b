"""The threads that do jobs, beside a server or in a process of their own.

Any number of them may run, on any number of machines with PostgreSQL. Each holds what it takes by a lease
that a second thread renews; when a process dies, others take its jobs a minute later.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from dms.base.clock import MINUTE, SECOND
from dms.base.draws import SEEDS, new_seed
from dms.base.errors import Busy, Deadline, DmsError, NotRecorded
from dms.base.ids import new_id
from dms.jobs.handlers import EVERY, HANDLERS, Handler, shares
from dms.jobs.holding import BrokenOff, Ground, Held, InVain
from dms.jobs.threads import Beside
from dms.rules.jobs import JobKind, JobState, delay
from dms.stores import jobs
from dms.stores.extraction.asking import Readers, signatures_folder
from dms.stores.jobs import Failure, LeaseLost, Taken

LOOKS_EVERY_S = 1.0
RESTS_S = 0.01
"""Between two jobs: on SQLite the recorder of events waits for the same lock."""

RENEWS_EVERY_S = jobs.LEASE / SECOND / 4
RECURS_EVERY_S = MINUTE / SECOND

_UNEXPECTED = "something went wrong that nobody expected: the operational log tells it under the job's id"

_NOT_ITS_FAULT = (Busy, Deadline, NotRecorded)
"""What keeps the whole house waiting: such a try does not count."""

_log = logging.getLogger("dms.jobs")
_alarm = logging.getLogger("dms.alarm")


def workers(ground: Ground, *, count: int) -> list[Working]:
    """Return the workers of a process, to be started: so many, and one for what is slow; none for 0."""
    if not count:
        return []
    first, *others = shares(ground.settings)
    return [Working(ground, handlers=share) for share in (*[first] * count, *others)]


class Working(Beside):
    """A thread that does jobs, from `start` until `stop`, with another one that renews its leases."""

    def __init__(self, ground: Ground, *, handlers: Mapping[JobKind, Handler] = HANDLERS) -> None:
        super().__init__("jobs")
        self._ground = ground
        self._handlers = handlers
        self._worker = new_id()
        self._held: dict[UUID, Held] = {}
        self._renewing = _Renewing(self)
        self._readers = Readers(signatures_folder(ground.settings))

    def start(self) -> None:
        """Begin both."""
        super().start()
        self._renewing.start()

    def stop(self) -> None:
        """Break off what is in hand, and let others have it."""
        super().stop()
        self._renewing.stop()
        self._readers.close()

    def look(self) -> int:
        """Do the jobs whose turn it is, some at a time; returns how many were taken."""
        works = self._ground.works
        taken = jobs.take(works.database, works.clock, worker=self._worker, kinds=self._handlers.keys())
        for each in taken:
            self._held[each.id] = Held(works, each, self._worker, self._stopped, self._readers)
        try:
            for each in taken:
                self._held[each.id].check()
                self._do(self._held[each.id])
                del self._held[each.id]
                self._stopped.wait(RESTS_S)
        except BrokenOff:
            pass
        finally:
            if self._held:
                self._held.clear()
                jobs.let_go(works.database, worker=self._worker)
        return len(taken)

    def drain(self) -> int:
        """Do all jobs whose turn it is, in the thread of the caller; returns how many were taken."""
        self._renewing.start()
        taken = 0
        while not self._stopped.is_set() and (some := self.look()):
            taken += some
        self._renewing.stop()
        self._readers.close()
        return taken

    def recur(self) -> None:
        """Queue what comes round again."""
        works = self._ground.works
        jobs.keep_recurring(works.database, works.clock, every=EVERY)

    def renew(self) -> None:
        """Hold what is in hand for longer; what others have by now is given up."""
        held = dict(self._held)
        if not held:
            return
        works = self._ground.works
        kept = jobs.renew(works.database, works.clock, worker=self._worker)
        for job_id, each in held.items():
            each.is_lost = each.is_lost or job_id not in kept

    def _run(self) -> None:
        looks = 0
        while not self._stopped.wait(LOOKS_EVERY_S if looks else 0):
            try:
                if looks % int(RECURS_EVERY_S / LOOKS_EVERY_S) == 0:
                    self.recur()
                while not self._stopped.is_set() and self.look():
                    pass
            except DmsError as error:  # it is looked after again soon
                _log.warning("jobs_put_off", extra={"code": error.code})
            except Exception:  # noqa: BLE001  the door of a thread
                _log.exception("jobs_failed")
            looks += 1

    def _do(self, held: Held) -> None:
        works, job = self._ground.works, held.taken
        attempts = 0
        try:
            attempts = jobs.begin(works.database, works.clock, job.id, worker=self._worker)
            self._handlers[job.kind](self._ground, held)
            if not held.is_finished:
                jobs.finish(works.database, works.clock, job.id, worker=self._worker)
        except LeaseLost:
            _log.warning("job_lost", extra={"job": job.id.hex, "kind": job.kind})
        except BrokenOff:
            raise
        except InVain as error:
            self._fail(job, Failure(error.code, error.message, None))
        except DmsError as error:
            is_counted = not isinstance(error, _NOT_ITS_FAULT)
            self._fail(job, Failure(error.code, error.message, self._later(attempts), is_counted=is_counted))
        except Exception:  # noqa: BLE001  the door of a job: whatever it does, the next one is done
            _alarm.exception("job_failed", extra={"job": job.id.hex, "kind": job.kind})
            self._fail(job, Failure("INTERNAL", _UNEXPECTED, self._later(attempts)))

    def _later(self, attempts: int) -> int:
        return self._ground.works.clock() + delay(max(attempts, 1), draw=new_seed() / SEEDS)

    def _fail(self, job: Taken, failure: Failure) -> None:
        works = self._ground.works
        state = jobs.fail(works.database, works.clock, job.id, worker=self._worker, failure=failure)
        told = {"job": job.id.hex, "kind": job.kind, "code": failure.code}
        if state in {JobState.DEAD, JobState.FAILED}:
            _alarm.error("job_given_up", extra=told)
        else:
            _log.warning("job_put_off", extra=told)


class _Renewing(Beside):
    """Says four times in each lease that the worker lives."""

    def __init__(self, working: Working) -> None:
        super().__init__("leases")
        self._working = working

    def _run(self) -> None:
        while not self._stopped.wait(RENEWS_EVERY_S):
            try:
                self._working.renew()
            except (DmsError, SQLAlchemyError):  # three more tries before the lease lapses
                _log.warning("leases_not_renewed", exc_info=True)
