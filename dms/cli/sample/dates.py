"""Dates of description: the part of EDTF (ISO 8601-2) that the sample archive uses."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime

from dms.base.clock import Instant, from_datetime


@dataclass(frozen=True, slots=True)
class DateSpan:
    """An EDTF expression with the first and the last day it can mean."""

    edtf: str
    first: date
    last: date | None
    """None while the interval is open."""


def span(edtf: str) -> DateSpan:
    """Read a day, month, year or interval; `~` and `?` leave the days alone."""
    start, slash, end = edtf.partition("/")
    first = _days(start)[0]
    last = _days(end)[1] if slash and end != ".." else _days(start)[1]
    return DateSpan(edtf, first, None if end == ".." else last)


def midnight(day: str) -> Instant:
    """Return the instant at which a day (`2026-01-31`) begins in UTC."""
    return from_datetime(datetime.fromisoformat(day).replace(tzinfo=UTC))


def _days(text: str) -> tuple[date, date]:
    parts = text.rstrip("~?%").split("-")
    if len(parts) == 1:
        return date(int(parts[0]), 1, 1), date(int(parts[0]), 12, 31)
    year, month = int(parts[0]), int(parts[1])
    if len(parts) == 2:
        return date(year, month, 1), date(year, month, monthrange(year, month)[1])
    day = date(year, month, int(parts[2]))
    return day, day
