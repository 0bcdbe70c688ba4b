"""Jobs: what kinds there are, how they end, and when one that failed is tried again."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from dms.base.clock import HOUR, SECOND

MAX_ATTEMPTS = 8
"""Tries of one job; after the last it is dead until somebody asks for another."""

FIRST_DELAY = 15 * SECOND
LONGEST_DELAY = HOUR


class JobKind(StrEnum):
    """What a job does. The word is stored: never reuse one."""

    CLASS_ASSIGN = "class.assign"
    CONTENT_CATCH_UP = "content.catch_up"
    CONTENT_OCR = "content.ocr"
    CONTENT_READ = "content.read"
    CONTENT_REMOVE = "content.remove"
    CONTENT_SCRUB = "content.scrub"
    CONTENT_SWEEP = "content.sweep"
    DISPOSAL_EXECUTE = "disposal.execute"
    JOBS_SWEEP = "jobs.sweep"
    RETENTION_RECOMPUTE = "retention.recompute"
    RETENTION_TURN = "retention.turn"
    SEARCH_CATCH_UP = "search.catch_up"
    SEARCH_INDEX = "search.index"
    UPLOADS_SWEEP = "uploads.sweep"


class JobState(StrEnum):
    """How far a job has come."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    DEAD = "dead"
    CANCELLED = "cancelled"


OPEN = (JobState.QUEUED, JobState.RUNNING)
"""A job in one of these will still do something."""

ENDED_BADLY = (JobState.FAILED, JobState.DEAD, JobState.CANCELLED)
"""A job in one of these can be asked for again."""


class Priority(IntEnum):
    """What is taken first; jobs of one priority go by their time."""

    SOON = 20
    NORMAL = 50
    LEAST = 80


def delay(attempts: int, *, draw: float) -> int:
    """Return how long to wait after so many tries, in microseconds: doubled each time, and drawn.

    `draw` from 0 to 1 spreads jobs that failed together over half to all of the time.
    """
    full = min(FIRST_DELAY << min(attempts - 1, 32), LONGEST_DELAY)
    return full // 2 + int(full // 2 * draw)
