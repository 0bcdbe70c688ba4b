"""What servers do by themselves for stored content: they sweep, and check what is due.

Each of it is a job that comes round again, so of several processes one does it, and another goes on when that
one has died. Workers of their own do these: a check may take days, and nothing else shall wait for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dms.base.clock import DAY, HOUR, SECOND, Instant
from dms.jobs.handlers import Handler
from dms.jobs.holding import Ground, Held
from dms.jobs.scrubbing import Manner, Scrub
from dms.jobs.sweeping import Broom, Swept
from dms.jobs.working import Working
from dms.rules.jobs import JobKind
from dms.services.blobs import Choice
from dms.stores import jobs

BEGINS_AFTER_S = 60.0
"""A server that has just started has better things to do."""


def keepers(ground: Ground) -> list[BlobKeeping]:
    """Return the workers that keep content, to be started: one that checks, one that sweeps."""
    return [BlobKeeping(ground, {kind: KEEPING[kind] for kind in kinds}) for kinds in (_CHECKS, _SWEEPS)]


class BlobKeeping(Working):
    """A worker for what comes round again, from `start` until `stop`."""

    def __init__(self, ground: Ground, handlers: Mapping[JobKind, Handler]) -> None:
        super().__init__(ground, handlers=handlers)

    def recur(self) -> None:
        """Queue what this worker does, once its time has come."""
        works = self._ground.works
        every = {kind: EVERY[kind] for kind in self._handlers}
        jobs.keep_recurring(works.database, works.clock, every=every)

    def _run(self) -> None:
        if not self._stopped.wait(BEGINS_AFTER_S):
            super()._run()


def scrub(ground: Ground, held: Held) -> None:
    """Check what is due, at the speed that is set, until nothing is."""
    settings, works = ground.settings, held.works
    if not settings.scrub_every_s:
        return
    before = Instant(works.clock() - settings.scrub_every_s * SECOND)
    manner = Manner(Choice(before), is_deep=False, bytes_per_s=settings.scrub_bytes_per_s)

    def rest(wait_s: float) -> bool:
        return held.stopped.wait(wait_s) or held.is_over

    def tell(_step: str, done: int, total: int | None) -> None:
        held.tell(done, total)

    Scrub(works, ground.vault, held.actor, manner=manner, rest=rest).run(tell)
    held.check()


def sweep(ground: Ground, held: Held) -> None:
    """Remove stored bytes that nothing names, and what else has had its time."""
    _broom(ground, held).sweep(lambda _step, done, total: held.tell(done, total))
    held.check()


def sweep_uploads(ground: Ground, held: Held) -> None:
    """Remove uploads that have expired."""
    _broom(ground, held).sweep_uploads(Swept())
    held.check()


def _broom(ground: Ground, held: Held) -> Broom:
    return Broom(
        held.works,
        ground.vault,
        held.actor,
        grace_s=ground.settings.sweep_grace_s,
        is_rehearsal=False,
        is_stopped=lambda: held.is_over,
    )


_CHECKS = (JobKind.CONTENT_SCRUB,)
_SWEEPS = (JobKind.CONTENT_SWEEP, JobKind.UPLOADS_SWEEP)

KEEPING: Mapping[JobKind, Handler] = MappingProxyType(
    {
        JobKind.CONTENT_SCRUB: scrub,
        JobKind.CONTENT_SWEEP: sweep,
        JobKind.UPLOADS_SWEEP: sweep_uploads,
    }
)
"""The handler of each kind."""

EVERY: Mapping[JobKind, int] = MappingProxyType(
    {JobKind.CONTENT_SCRUB: HOUR, JobKind.CONTENT_SWEEP: DAY, JobKind.UPLOADS_SWEEP: HOUR}
)
"""After how long each comes round again: to sweep the store is to read every address."""
