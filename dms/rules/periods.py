"""Half-open periods of validity, `[since, until)` in UTC microseconds; no end means until revoked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from dms.base.errors import Invalid
from dms.rules.access import live


class Validity(StrEnum):
    """Where a dated line stands at an instant."""

    LIVE = "live"
    FUTURE = "future"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Period:
    """From `since`, up to and without `until`."""

    since: int
    until: int | None = None


def checked(since: int, until: int | None, *, path: tuple[str, ...] = ("valid_until",)) -> Period:
    """Return the period; `Invalid` when it would end before it starts, or hold no instant."""
    if until is not None and until <= since:
        raise Invalid("must lie after the start of the period", path=path)
    return Period(since, until)


def overlap(one: Period, other: Period) -> bool:
    """Tell whether the periods share an instant."""
    return _before(one.since, other.until) and _before(other.since, one.until)


def covers(outer: Period, inner: Period) -> bool:
    """Tell whether every instant of `inner` lies in `outer`."""
    if outer.since > inner.since:
        return False
    return outer.until is None or (inner.until is not None and inner.until <= outer.until)


def first_overlapping(period: Period, others: Iterable[Period]) -> Period | None:
    """Return the first of the others that shares an instant with the period."""
    return next((other for other in others if overlap(period, other)), None)


def validity(period: Period, *, is_revoked: bool, now: int) -> Validity:
    """Tell where a line of this period stands: once revoked, its period says nothing more."""
    if is_revoked:
        return Validity.REVOKED
    if live(period.since, period.until, now):
        return Validity.LIVE
    return Validity.FUTURE if now < period.since else Validity.EXPIRED


def _before(instant: int, until: int | None) -> bool:
    return until is None or instant < until
