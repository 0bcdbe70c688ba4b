"""Dates of description: EDTF (ISO 8601-2) level 1, and the first and last day that it covers.

Of level 1 it lacks seasons, whose days nobody agrees on, and years outside of 0001 to 9999.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date

from dms.base.errors import Invalid
from dms.rules import text

MAX_LENGTH = 100
OPEN = ".."

UNKNOWN = ""
_UNSPECIFIED = "XX"

_ONE = re.compile(
    r"([0-9]{3}X|[0-9]{2}XX|[0-9]{4})[?~%]?"
    r"|([0-9]{4})-(?:(XX)(?:-XX)?|([0-9]{2})(?:-([0-9]{2}|XX))?)[?~%]?",
    re.ASCII,
)
_FORMS = (
    "write `1890`, `1890-05` or `1890-05-17`, put `X` for a digit that is not known, as in `189X`, "
    "add `?` or `~` if it is not certain, join two with `/` for a period and put `..` for an open end"
)


@dataclass(frozen=True, slots=True)
class Dates:
    """An EDTF expression; an end is None where it is open or unknown."""

    expression: str
    first_day: date | None
    last_day: date | None


def parse(typed: str, path: tuple[str, ...] = ("dates",)) -> Dates:
    """Read a date or period; `Invalid` says how to write what it does not understand."""
    ends = [end.strip() for end in text.line(typed, path, limit=MAX_LENGTH).split("/")]
    if len(ends) > 2 or set(ends) <= {OPEN, UNKNOWN}:
        raise _refusal(typed, path)
    begins = _covered(ends[0], typed, path=path, may_be_open=len(ends) == 2)
    stops = _covered(ends[-1], typed, path=path, may_be_open=len(ends) == 2)
    first_day, last_day = begins and begins[0], stops and stops[1]
    if first_day and last_day and last_day < first_day:
        raise Invalid(f"`{typed}` ends before it begins: put the earlier date first", path=path)
    return Dates("/".join(ends), first_day, last_day)


def read(typed: str | None, path: tuple[str, ...] = ("dates",)) -> Dates | None:
    """Read dates that a thing may be without."""
    return None if typed is None else parse(typed, path)


def sort_key(first_day: date | None) -> str:
    """Return the first day as text; empty without one, so that it has a place in the order too."""
    return "" if first_day is None else first_day.isoformat()


def _covered(end: str, typed: str, *, path: tuple[str, ...], may_be_open: bool) -> tuple[date, date] | None:
    if end in {OPEN, UNKNOWN} and may_be_open:
        return None
    found = _ONE.fullmatch(end)
    if found is None:
        raise _refusal(typed, path)
    years, year, _months, month, day = found.groups()
    try:
        if years or month is None:
            return _years(years or year)
        return _days(int(year), int(month), None if day in {None, _UNSPECIFIED} else int(day))
    except ValueError as error:
        raise Invalid(f"`{end}` is no date of the calendar", path=path) from error


def _years(years: str) -> tuple[date, date]:
    return date(int(years.replace("X", "0")), 1, 1), date(int(years.replace("X", "9")), 12, 31)


def _days(year: int, month: int, day: int | None) -> tuple[date, date]:
    if day is not None:
        return date(year, month, day), date(year, month, day)
    first = date(year, month, 1)
    return first, first.replace(day=calendar.monthrange(year, month)[1])


def _refusal(typed: str, path: tuple[str, ...]) -> Invalid:
    return Invalid(f"`{typed}` is no date that can be read: {_FORMS}", path=path)
