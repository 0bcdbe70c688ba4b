"""Arithmetic of civil dates: the ends of months and years, and periods added to a day.

Whatever ends after the last day that a calendar of four digits knows, 9999-12-31, is None: the reader
decides what that means, nothing raises. Source: ISO 8601-1; the records design, section 2, `retention`.
"""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass
from datetime import MAXYEAR, date
from typing import assert_never

from dms.base.errors import Invalid
from dms.rules.retention import CutOff, Span

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LAST = date.max.toordinal()


@dataclass(frozen=True, slots=True)
class FiscalYear:
    """The day on which the fiscal year of a Repository begins; made by `fiscal_year`."""

    begin_month: int = 1
    begin_day: int = 1


CALENDAR_YEAR = FiscalYear()


def fiscal_year(month: int, day: int, *, path: tuple[str, ...] = ("fiscalYearBegin",)) -> FiscalYear:
    """Return the fiscal year that begins on a day; `Invalid` unless every year has that day."""
    if not 1 <= month <= 12:
        raise Invalid(f"`{month}` is no month: give 1 to 12", path=path)
    if not 1 <= day <= _DAYS[month - 1]:
        raise Invalid(
            f"a fiscal year cannot begin on day `{day}` of month `{month}`: take a day that every year has",
            path=path,
        )
    return FiscalYear(month, day)


def put_off(day: date, cut_off: CutOff, *, fiscal_year: FiscalYear) -> date | None:
    """Return the last day of the month or year in which a day lies, or the day itself."""
    match cut_off:
        case CutOff.EXACT:
            return day
        case CutOff.MONTH:
            return day.replace(day=month_length(day.year, day.month))
        case CutOff.CALENDAR_YEAR:
            return day.replace(month=12, day=31)
        case CutOff.FISCAL_YEAR:
            return _fiscal_end(day, fiscal_year)
        case _:
            assert_never(cut_off)


def add(day: date, span: Span) -> date | None:
    """Add years and months, clipped to the end of a shorter month, and then days."""
    months = (day.year + span.years) * 12 + day.month - 1 + span.months
    year, month = months // 12, months % 12 + 1
    if year > MAXYEAR:
        return None
    in_month = day.day if day.day <= 28 else min(day.day, month_length(year, month))
    moved = date(year, month, in_month)
    return _days_after(moved, span.days) if span.days else moved


def next_day(day: date) -> date | None:
    """Return the day after."""
    return _days_after(day, 1)


def month_length(year: int, month: int) -> int:
    """Return how many days a month has."""
    return 29 if month == 2 and isleap(year) else _DAYS[month - 1]


def _days_after(day: date, days: int) -> date | None:
    ordinal = day.toordinal() + days
    return date.fromordinal(ordinal) if ordinal <= _LAST else None


def _fiscal_end(day: date, begins: FiscalYear) -> date | None:
    is_before = (day.month, day.day) < (begins.begin_month, begins.begin_day)
    year = day.year if is_before else day.year + 1
    if (begins.begin_month, begins.begin_day) == (1, 1):  # also at the end of the year 9999
        return day.replace(month=12, day=31)
    if year > MAXYEAR:
        return None
    return date.fromordinal(date(year, begins.begin_month, begins.begin_day).toordinal() - 1)
