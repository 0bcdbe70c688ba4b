"""Points of each principal: a bucket that fills with time and pays for operations (`api.md` section 3).

Each server process keeps its own in memory: they guard its capacity, not a secret.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from dms.base.clock import SECOND, Clock, Instant, monotonic_s, system_clock, to_iso
from dms.base.errors import Throttled

MAX_PRINCIPALS = 10_000
"""Whose points are known; who has asked for longest nothing is forgotten first, with a full bucket."""

TOKENS_A_POINT = 20
"""A text that is not known yet is parsed and validated for a point for so many tokens."""

LEAST = 1
"""What every request pays, be it refused."""

_iso = lru_cache(maxsize=64)(to_iso)

_TOO_EARLY = "you have used up your points: wait as long as `Retry-After` says, then ask for less at a time"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a principal has left."""

    limit: int
    remaining: int
    points_per_s: int
    restored_at: Instant
    """When the bucket is full again, in whole seconds."""


class Buckets:
    """The points of all principals; safe between threads."""

    def __init__(
        self,
        points: int,
        *,
        per_s: int,
        principals: int = MAX_PRINCIPALS,
        clock: Clock = system_clock,
        steady_s: Callable[[], float] = monotonic_s,
    ) -> None:
        self.points = points
        self.per_s = per_s
        self._principals = principals
        self._clock = clock
        self._steady_s = steady_s
        self._held: OrderedDict[UUID | None, tuple[float, float]] = OrderedDict()
        """What each had when it last paid, and when that was."""
        self._lock = threading.Lock()

    def take(self, principal: UUID | None, points: float, *, needs: float | None = None) -> float:
        """Take points, and return what is left; `Throttled` if there are less than it `needs`.

        Without `needs` they are taken in any case: what is missing is owed.
        """
        now = self._steady_s()
        with self._lock:
            had, since = self._held.get(principal, (self.points, now))
            has = min(self.points, had + (now - since) * self.per_s)
            if needs is not None and has < needs:
                raise Throttled(_TOO_EARLY, retry_after_s=math.ceil((needs - has) / self.per_s))
            left = min(self.points, has - points)
            self._held[principal] = (left, now)
            self._held.move_to_end(principal)
            if len(self._held) > self._principals:
                self._held.popitem(last=False)
        return left

    def standing(self, principal: UUID | None) -> Standing:
        """Return what a principal has left now."""
        left = self.take(principal, 0)
        return Standing(self.points, max(0, int(left)), self.per_s, self._restored_at(left))

    def shown(self, left: float) -> tuple[int, str]:
        """Return the same as an answer writes it: what remains, and when it is restored."""
        return max(0, int(left)), _iso(self._restored_at(left))

    def _restored_at(self, left: float) -> Instant:
        # Whole seconds: nobody needs it to the microsecond, and a text of it can be kept.
        restored_us = self._clock() + (self.points - left) / self.per_s * SECOND
        return Instant(math.ceil(restored_us / SECOND) * SECOND)


class Charge:
    """What one request pays. It pays `LEAST` to begin, and gets back what its answer did not hold."""

    __slots__ = ("_actual", "_buckets", "_left", "_principal", "_requested")

    def __init__(self, buckets: Buckets, principal: UUID | None) -> None:
        self._buckets = buckets
        self._principal = principal
        self._requested = self._actual = LEAST
        self._left: float | None = None

    def begin(self) -> None:
        """Pay for being read; `Throttled` if not even that is left."""
        self._actual = 0
        self._left = self._buckets.take(self._principal, LEAST, needs=LEAST)
        self._actual = LEAST

    def read(self, tokens: int) -> None:
        """Pay for a text that is not known yet."""
        self._left = self._buckets.take(self._principal, tokens / TOKENS_A_POINT)

    def execute(self, points: int) -> None:
        """Pay for an operation before it runs; `Throttled` if there are not points enough.

        One that costs more than a bucket holds runs when the bucket is full.
        """
        self._requested = self._actual = max(points, LEAST)
        rest = min(self._requested, self._buckets.points) - LEAST
        if not rest:
            return
        try:
            self._left = self._buckets.take(self._principal, rest, needs=rest)
        except Throttled:
            self._actual = LEAST
            raise

    def settle(self, points: int) -> None:
        """Pay what the answer really holds: the difference is given back."""
        paid = min(self._actual, self._buckets.points)
        self._actual = max(points, LEAST)
        difference = min(self._actual, self._buckets.points) - paid
        if difference:
            self._left = self._buckets.take(self._principal, difference)

    def shown(self) -> dict[str, object]:
        """Return `extensions.cost` of the answer."""
        left = self._buckets.take(self._principal, 0) if self._left is None else self._left
        remaining, restored_at = self._buckets.shown(left)
        return {
            "requested": self._requested,
            "actual": self._actual,
            "limit": self._buckets.points,
            "remaining": remaining,
            "restoredAt": restored_at,
        }
