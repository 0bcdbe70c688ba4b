"""Instants as UTC microseconds, and the one place that reads the clock."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import NewType, Protocol

Instant = NewType("Instant", int)
"""UTC microseconds since 1970-01-01."""

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Tells the present instant. A value, so that tests can choose it."""

    def __call__(self) -> Instant:
        """Return the present instant."""
        ...


def system_clock() -> Instant:
    """Read the wall clock of the machine."""
    return Instant(time.time_ns() // 1000)


def monotonic_s() -> float:
    """Read the clock that never goes back, in seconds: for deadlines and durations."""
    return time.monotonic()


def cpu_s() -> float:
    """Read the CPU seconds this process has used."""
    return time.process_time()


def to_datetime(instant: int) -> datetime:
    """Return the aware datetime (UTC) of an instant."""
    return _EPOCH + timedelta(microseconds=instant)


def from_datetime(moment: datetime) -> Instant:
    """Return the instant of an aware datetime; a naive one is a bug and raises `ValueError`."""
    if moment.tzinfo is None:
        raise ValueError("a datetime without a time zone names no instant")
    return Instant((moment - _EPOCH) // timedelta(microseconds=1))


def to_iso(instant: int) -> str:
    """Write an instant as ISO 8601 with microseconds and `Z`."""
    return to_datetime(instant).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def from_iso(text: str) -> Instant:
    """Read an instant written by ISO 8601 with its offset; `ValueError` for anything else."""
    instant = from_datetime(datetime.fromisoformat(text))
    try:
        to_datetime(instant)
    except OverflowError as error:
        raise ValueError("in UTC it lies outside of the calendar") from error
    return instant


def utc_day(instant: int) -> date:
    """Return the UTC calendar day of an instant."""
    return to_datetime(instant).date()
