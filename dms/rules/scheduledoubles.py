"""Rows of one source that are called the same, and what an import remarks on single rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from dms.rules.schedulerows import Finding, FindingCode, Place, excerpt
from dms.rules.schedules import Reading


class RowFinding(StrEnum):
    """What an import remarks on a row, as it is kept."""

    UNREADABLE_ROW = "unreadable_row"
    DUPLICATE = "duplicate"
    CONTRADICTED = "contradicted"
    """A row that is called like another one asks for something else."""
    REPLACED = "replaced"
    """A row says something else than it said before, and what a person had read in it is gone."""


class Severity(StrEnum):
    """How much a remark matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


SEVERITIES = {
    RowFinding.UNREADABLE_ROW: Severity.ERROR,
    RowFinding.DUPLICATE: Severity.INFO,
    RowFinding.CONTRADICTED: Severity.WARNING,
    RowFinding.REPLACED: Severity.WARNING,
}


class Double(NamedTuple):
    """That a row is called like an earlier one."""

    key: str
    """By which it can be told from all others; its own if it is equal to the earlier one."""
    finding: Finding


@dataclass(frozen=True, slots=True)
class _First:
    place: Place
    raw_digest: bytes
    likeness: bytes


class Doubles:
    """Remembers the rows of a source, a few hundred bytes for each.

    Two rows are equal if they are the same text, or call the thing by the same words and were understood
    alike: periods, triggers and reasons.
    """

    __slots__ = ("_first", "_keys")

    def __init__(self) -> None:
        self._first: dict[str, list[_First]] = {}
        self._keys: set[str] = set()

    def seen(self, reading: Reading) -> Double | None:
        """Remember a row; tell of the earlier one that is called the same, equal to it if there is one."""
        this = _First(reading.row.place, _digest(reading.row.raw_text), _digest(repr(_likeness(reading))))
        key = reading.row.key
        before = self._first.setdefault(key, [])
        if not before:
            before.append(this)
            self._keys.add(key)
            return None
        equal = next((each for each in before if _are_equal(each, this)), None)
        finding = _finding(reading, before[0] if equal is None else equal, is_equal=equal is not None)
        if equal is not None:
            return Double(key, finding)
        before.append(this)
        return Double(self._own(key, len(before)), finding)

    def _own(self, key: str, number: int) -> str:
        while (own := f"{key}~{number}") in self._keys:
            number += 1
        self._keys.add(own)
        return own


def duplicates(readings: Iterable[Reading]) -> Iterator[Finding]:
    """Return a finding for each row whose key an earlier row has; it says whether both ask for the same."""
    doubles = Doubles()
    for reading in readings:
        if double := doubles.seen(reading):
            yield double.finding


def _finding(reading: Reading, first: _First, *, is_equal: bool) -> Finding:
    asks = "asks for the same" if is_equal else "differs"
    return Finding(
        FindingCode.DUPLICATE,
        reading.row.place,
        f"`{reading.row.key}` stands already in {first.place}, and {asks}",
        excerpt(reading.row.raw_text),
        same_as=first.place,
        is_equal=is_equal,
    )


def _are_equal(one: _First, other: _First) -> bool:
    return one.raw_digest == other.raw_digest or one.likeness == other.likeness


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _likeness(reading: Reading) -> object:
    row = reading.row
    return (
        row.code,
        " ".join(row.title.split()),
        " ".join(row.description.split()),
        sorted({str(each.period) for each in reading.periods}),
        [str(name) for name in reading.triggers],
        [reason.value for reason in reading.reasons],
    )
