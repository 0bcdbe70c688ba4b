"""Values with the time in which they held, and how kept changes become such values.

Whatever is dated by a change holds from the instant of that change. A change that a clock dated later
than one after it counts from the earlier of both: the order of changes is the truth, the clock only
finds a place in it. Of several changes at one instant only the last one's state can be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from dms.base.errors import Invalid
from dms.rules.access import live

T = TypeVar("T")

FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The first and the last microsecond that can be written: of the years 1 and 9999."""


@dataclass(frozen=True, slots=True)
class Dated(Generic[T]):
    """A value that held in `[since, until)`; without `until` it still holds."""

    value: T
    since: int
    until: int | None = None

    def holds(self, at: int) -> bool:
        """Tell whether it held at an instant."""
        return live(self.since, self.until, at)


def checked(at: int, *, path: tuple[str, ...] = ("at",)) -> int:
    """Return an instant; `Invalid` for one that no calendar of four-digit years holds."""
    if not FIRST <= at <= LAST:
        raise Invalid("must lie in the years 1 to 9999", path=path)
    return at


def effective(instants: Sequence[int], *, now: int) -> list[int]:
    """Return from when each of these changes, in their order, can be seen; never after `now`."""
    found: list[int] = []
    earliest = now
    for instant in reversed(instants):
        earliest = min(earliest, instant)
        found.append(earliest)
    return found[::-1]


def chapters(born: int, changes: Sequence[tuple[int, T]], *, current: T, now: int) -> tuple[Dated[T], ...]:
    """Return the values that a thing had one after the other.

    `changes` are (instant, value until then) in the order in which they were made.
    """
    ends = effective([instant for instant, _ in changes], now=now)
    values = [value for _, value in changes]
    starts = [born, *ends]
    told = [
        Dated(value, since, until)
        for value, since, until in zip([*values, current], starts, [*ends, None], strict=True)
    ]
    return tuple(each for each in told if each.until is None or each.since < each.until)


def held(rows: Iterable[Dated[T]], at: int) -> T | None:
    """Return the value that held at an instant; None where none did."""
    return next((row.value for row in rows if row.holds(at)), None)


def boundaries(rows: Iterable[Dated[T]]) -> set[int]:
    """Return the instants at which one of the values begins or ends."""
    return {instant for row in rows for instant in (row.since, row.until) if instant is not None}
