"""What a search is limited and sorted by, read from what was typed or chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

_DAY = r"[0-9]{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?)?"
_PERIOD = re.compile(rf"(?P<first>{_DAY})?(?P<dots>\.\.|/)?(?P<last>{_DAY})?", re.ASCII)
_AFTER = "~"
"""Sorts after every day of a month or year that a bound names alone."""


class HitOrder(StrEnum):
    """By what hits are sorted."""

    RELEVANCE = "relevance"
    NEWEST = "newest"
    OLDEST = "oldest"
    LATEST_DATE = "latest_date"
    EARLIEST_DATE = "earliest_date"
    REFERENCE_CODE = "reference_code"


@dataclass(frozen=True, slots=True)
class Span:
    """Keys of days, both included; None is open."""

    first: str | None = None
    last: str | None = None


@dataclass(frozen=True, slots=True)
class MediaKind:
    """A media type, or a part of one: `application/pdf`, `pdf`, `image`."""

    text: str

    @property
    def is_whole(self) -> bool:
        """Tell whether it names one type."""
        return "/" in self.text.strip("/")


@dataclass(frozen=True, slots=True)
class Condition:
    """A part that a hit must fulfil, or with `is_not` must not; of several values one is enough."""

    of: str
    """`kind`, `aggregation`, `below`, `recordClass`, `mediaType`, `language` or `date`."""
    values: tuple[str | UUID | Span | MediaKind, ...]
    is_not: bool = False


def span(typed: str) -> Span | None:
    """Read `2019`, `2019-05`, `2019..2021`, `..1900`; None for anything else."""
    found = _PERIOD.fullmatch(typed.strip())
    if found is None or not (found["first"] or found["last"]):
        return None
    if not found["dots"]:
        return Span(found["first"], found["first"] + _AFTER) if found["first"] and not found["last"] else None
    last = found["last"] and found["last"] + _AFTER
    if found["first"] and last and last < found["first"]:
        return None
    return Span(found["first"], last)


def media_kind(typed: str) -> MediaKind:
    """Read a media type or a part of one."""
    return MediaKind(typed.strip().lower())
