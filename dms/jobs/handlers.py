"""What does each kind of job, and what comes round again. A new kind is added here, and in `rules/jobs.py`.

A handler acts as the system, through services, and is idempotent: it may be begun again after it was killed
at any point. What it keeps it keeps with `Held.finish`, in the one transaction that ends the job; or it keeps
it before, in a way that a second time changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from dms.base.clock import DAY, HOUR
from dms.base.settings import Settings
from dms.jobs import (
    catchingup,
    classassigning,
    contentreading,
    disposing,
    recognising,
    retention,
    textindexing,
)
from dms.jobs.holding import Ground, Held
from dms.rules.jobs import ENDED_BADLY, JobKind, JobState
from dms.stores import jobs

KEPT = 7 * DAY
"""How long a job that was done is remembered."""

KEPT_LONGER = 90 * DAY
"""How long one is that was not."""

Handler = Callable[[Ground, Held], None]


def _sweep(ground: Ground, held: Held) -> None:
    """Forget jobs that ended long ago."""
    works = ground.works
    for states, kept in (((JobState.DONE,), KEPT), (ENDED_BADLY, KEPT_LONGER)):
        while jobs.sweep(works.database, before=works.clock() - kept, states=states):
            held.check()


HANDLERS: Mapping[JobKind, Handler] = MappingProxyType(
    {
        JobKind.CLASS_ASSIGN: classassigning.assign,
        JobKind.CONTENT_CATCH_UP: catchingup.catch_up,
        JobKind.CONTENT_OCR: recognising.recognise,
        JobKind.CONTENT_READ: contentreading.read,
        JobKind.CONTENT_REMOVE: disposing.remove,
        JobKind.DISPOSAL_EXECUTE: disposing.execute,
        JobKind.JOBS_SWEEP: _sweep,
        JobKind.RETENTION_RECOMPUTE: retention.recompute,
        JobKind.RETENTION_TURN: retention.recompute,
        JobKind.SEARCH_CATCH_UP: textindexing.catch_up,
        JobKind.SEARCH_INDEX: textindexing.index,
    }
)
"""The handler of each kind."""

SLOW = frozenset({JobKind.CONTENT_OCR})
"""What takes minutes, so that a worker of its own does it and nothing else waits for that."""

EVERY: Mapping[JobKind, int] = MappingProxyType(
    {
        JobKind.CONTENT_CATCH_UP: HOUR,
        JobKind.JOBS_SWEEP: HOUR,
        JobKind.RETENTION_TURN: HOUR,
        JobKind.SEARCH_CATCH_UP: HOUR,
    }
)
"""What comes round again, and after how long."""


def shares(settings: Settings) -> Sequence[Mapping[JobKind, Handler]]:
    """Return what each of the workers of one process does."""
    if not settings.ocr:
        return [HANDLERS]
    quick = {kind: handler for kind, handler in HANDLERS.items() if kind not in SLOW}
    return [quick, {kind: HANDLERS[kind] for kind in SLOW}]
