"""Registers: log books whose numbers have no gaps, are never changed and never given twice.

Source: `Register` and `RegisterEntry` of the records glossary.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from dms.base.errors import Invalid
from dms.rules import codepatterns
from dms.rules.codepatterns import Facts, Pattern, Word


class Direction(StrEnum):
    """Which way a thing went that is entered in a register."""

    IN = "in"
    OUT = "out"
    INTERNAL = "internal"


class Numbering(StrEnum):
    """When the numbers of a register begin anew."""

    PER_YEAR = "per_year"
    RUNNING = "running"


class Place(NamedTuple):
    """How far a register has come, or where an entry stands in it."""

    serial: int
    """Entries since the register was opened; 0 before the first."""
    year: int
    """The year that the number counts in; 0 where numbers run on."""
    number: int


@dataclass(frozen=True, slots=True)
class Parties:
    """From whom a thing came and to whom it went."""

    sender: str | None
    addressee: str | None


def following(last: Place, *, numbering: Numbering, year: int) -> Place:
    """Return the place of the next entry, made in a year.

    INVARIANT (gap-free): serials are 1, 2, 3 ..; numbers too, within each year that a register counts by. A
    clock that was put back begins no former year again.
    """
    if numbering is Numbering.RUNNING:
        return Place(last.serial + 1, 0, last.number + 1)
    if year > last.year:
        return Place(last.serial + 1, year, 1)
    return Place(last.serial + 1, last.year, last.number + 1)


def read_pattern(pattern: str, *, numbering: Numbering) -> Pattern:
    """Read how numbers are written; numbers that begin anew each year must name the year."""
    read = codepatterns.read(pattern, words=frozenset({Word.YEAR}))
    if numbering is Numbering.PER_YEAR and not read.has(Word.YEAR):
        message = "numbers that begin anew each year need `{year}` in the pattern, or two would be the same"
        raise Invalid(message, path=("pattern",))
    return read


def written(pattern: Pattern, place: Place, *, year: int) -> str:
    """Return the number of an entry as people write it."""
    return codepatterns.make(pattern, Facts(place.year or year), number=place.number)


def check_parties(direction: Direction, parties: Parties) -> None:
    """Refuse an entry that does not say from whom it came in, or to whom it went out."""
    if direction is not Direction.OUT and parties.sender is None:
        raise Invalid("say from whom it came, or `unknown`", path=("sender",))
    if direction is not Direction.IN and parties.addressee is None:
        raise Invalid("say to whom it went", path=("addressee",))


def check_day(day: date, *, today: date) -> None:
    """Refuse a day that has not come."""
    if day > today:
        raise Invalid(f"the day `{day.isoformat()}` has not come yet", path=("day",))


def direction_of(own: Direction | None, asked: Direction | None) -> Direction:
    """Return the direction of an entry; a register of one direction has no entries of another."""
    if own is None and asked is None:
        raise Invalid("this register holds all directions: say which", path=("direction",))
    if own is not None and asked is not None and own is not asked:
        raise Invalid(f"this register is for `{own}` only", path=("direction",))
    return asked or own or Direction.INTERNAL
