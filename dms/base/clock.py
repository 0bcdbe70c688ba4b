"""Instants as UTC microseconds, and the one place that reads the clock."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from typing import NewType, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dms.base.errors import NotRecorded

Instant = NewType("Instant", int)
"""UTC microseconds since 1970-01-01."""

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_alarm = logging.getLogger("dms.alarm")

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


def boot_s() -> float:
    """Read the seconds since the machine started, the time it slept included where the system tells it."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


class SteadyClock:
    """The wall clock while it goes on as time does; one that jumped is not believed for a minute.

    An event bears the instant of this clock. Whoever sets the clock of a running server makes it refuse
    with `NotRecorded`, until the clock has gone on steadily for `settle_s` seconds from where it was set.
    """

    def __init__(
        self,
        *,
        limit_s: float = 5.0,
        settle_s: float = 60.0,
        wall: Clock = system_clock,
        steady_s: Callable[[], float] = boot_s,
    ) -> None:
        self._limit = limit_s * SECOND
        self._settle_s = settle_s
        self._wall = wall
        self._steady_s = steady_s
        self._offset = self._measured()
        self._turn = threading.Lock()
        self._jumped: tuple[float, float] | None = None
        """The offset after the jump, and when it was noticed."""

    def __call__(self) -> Instant:
        """Return the present instant; `NotRecorded` while nobody knows it."""
        now, steady_s = self._wall(), self._steady_s()
        offset = now - steady_s * SECOND
        if self._jumped is None and abs(offset - self._offset) <= self._limit:
            return now
        with self._turn:
            return self._doubted(now, steady_s, offset)

    def _doubted(self, now: Instant, steady_s: float, offset: float) -> Instant:
        if self._jumped is None or abs(offset - self._jumped[0]) > self._limit:
            _alarm.critical("clock_jumped", extra={"seconds": round((offset - self._offset) / SECOND)})
            self._jumped = (offset, steady_s)
        if abs(offset - self._offset) > self._limit and steady_s - self._jumped[1] < self._settle_s:
            raise NotRecorded("the clock of the server was set: nothing is answered until it goes steadily")
        _alarm.warning("clock_believed")
        self._offset, self._jumped = offset, None
        return now

    def _measured(self) -> float:
        return self._wall() - self._steady_s() * SECOND


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


def civil_day(instant: int, zone: str) -> date:
    """Return the calendar day of an instant in a zone of the time zone database; ValueError for no zone."""
    return to_datetime(instant).astimezone(zone_of(zone)).date()


@cache
def zone_of(name: str) -> tzinfo:
    """Return a zone of the time zone database by its name, such as `Europe/Rome`; ValueError for no zone."""
    if name == "UTC":  # known without any database
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"`{name}` is no zone of the time zone database") from error


def utc_day(instant: int) -> date:
    """Return the UTC calendar day of an instant."""
    return to_datetime(instant).date()
