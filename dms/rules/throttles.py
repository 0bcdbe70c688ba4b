"""Log-in throttles: a bucket that fills with each try, empties with time, and delays when full.

Nothing is ever locked: a stranger who fails on purpose only delays those who share his key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dms.base.clock import MINUTE, SECOND


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many failures are free, how fast they are forgotten, and the longest delay."""

    free: int
    forget_every: int
    longest: int


ACCOUNT = Allowance(free=5, forget_every=5 * MINUTE, longest=15 * MINUTE)
"""Of one account from one source."""

SOURCE = Allowance(free=30, forget_every=10 * SECOND, longest=30 * SECOND)
"""Of one source, whatever the account: many people may share an address."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Failures not yet forgotten, when the next try counts, and since when time forgets."""

    failures: int
    free_at: int
    touched_at: int


def delay(failures: int, allowance: Allowance) -> int:
    """Return the microseconds to wait after this many failures: doubled by each one."""
    beyond = failures - allowance.free
    if beyond <= 0:
        return 0
    return min(SECOND << min(beyond - 1, 30), allowance.longest)


def must_wait(bucket: Bucket, allowance: Allowance, *, now: int) -> bool:
    """Tell whether a try would come too early. A clock that went back does not lengthen the wait."""
    return bucket.failures > allowance.free and now < bucket.free_at <= now + allowance.longest


def charged(bucket: Bucket | None, allowance: Allowance, *, now: int) -> Bucket:
    """Count a try as a failure, before anybody knows whether it is one."""
    if bucket is None:
        return Bucket(1, now, now)
    kept = _forgotten(bucket, allowance, now=now)
    failures = kept.failures + 1
    return Bucket(failures, now + delay(failures, allowance), kept.touched_at)


def refunded(bucket: Bucket, allowance: Allowance, *, now: int) -> Bucket:
    """Take one counted failure back, because it was a success."""
    failures = max(0, bucket.failures - 1)
    return replace(bucket, failures=failures, free_at=now + delay(failures, allowance))


def _forgotten(bucket: Bucket, allowance: Allowance, *, now: int) -> Bucket:
    steps = max(0, now - bucket.touched_at) // allowance.forget_every
    if steps >= bucket.failures:
        return Bucket(0, bucket.free_at, now)
    since = bucket.touched_at + steps * allowance.forget_every
    return Bucket(bucket.failures - steps, bucket.free_at, min(since, now))
