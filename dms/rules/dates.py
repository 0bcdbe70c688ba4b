"""Dates of description: a part of EDTF (ISO 8601-2), and the first and last day that it covers."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date

from dms.base.errors import Invalid
from dms.rules import text

MAX_LENGTH = 100
OPEN = ".."

_ONE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?[?~%]?", re.ASCII)
_FORMS = (
    "write `1890`, `1890-05` or `1890-05-17`, add `?` or `~` if it is not certain, "
    "join two with `/` for a period and put `..` for an open end"
)


@dataclass(frozen=True, slots=True)
class Dates:
    """An EDTF expression; an end is None where it is open."""

    expression: str
    first_day: date | None
    last_day: date | None


def parse(typed: str, path: tuple[str, ...] = ("dates",)) -> Dates:
    """Read a date or period; `Invalid` says how to write what it does not understand."""
    ends = [end.strip() for end in text.line(typed, path, limit=MAX_LENGTH).split("/")]
    if len(ends) > 2 or set(ends) == {OPEN}:
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
    if end == OPEN and may_be_open:
        return None
    found = _ONE.fullmatch(end)
    if found is None:
        raise _refusal(typed, path)
    year, month, day = found.groups()
    try:
        first = date(int(year), int(month or 1), int(day or 1))
    except ValueError as error:
        raise Invalid(f"`{end}` is no date of the calendar", path=path) from error
    if day:
        return first, first
    last_month = first.month if month else 12
    return first, date(first.year, last_month, calendar.monthrange(first.year, last_month)[1])


def _refusal(typed: str, path: tuple[str, ...]) -> Invalid:
    return Invalid(f"`{typed}` is no date that can be read: {_FORMS}", path=path)
