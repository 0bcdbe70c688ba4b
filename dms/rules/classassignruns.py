"""Orders to class many things: what is chosen, how far an order came, and what became of each thing."""

from __future__ import annotations

from enum import StrEnum

LONG_S, SHORT_S = 0.2, 0.08
"""A slice that takes longer is followed by a smaller one, one that is shorter by a larger one."""

LEAST, MOST = 200, 1_000
"""Things that one slice takes in."""

FIRST = 200
"""Things of the first slice."""


class Chosen(StrEnum):
    """How the things of an order were chosen."""

    THINGS = "things"
    SEARCH_LIST = "search_list"
    RECORD_CLASS = "record_class"
    AGGREGATION = "aggregation"
    UNASSIGNED = "unassigned"


class RunState(StrEnum):
    """How far an order has come."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class LineOutcome(StrEnum):
    """What became of one thing."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    GONE = "gone"


def next_size(size: int, *, took_s: float) -> int:
    """Return how many things the next slice takes in, so that others beside it wait 250 ms at most."""
    if took_s > LONG_S:
        return max(LEAST, size // 2)
    return min(MOST, size * 2) if took_s < SHORT_S else size
