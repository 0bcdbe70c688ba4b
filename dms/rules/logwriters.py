"""Numbers of writers: each process start numbers its events 1, 2, .. and leaves no unexplained gap.

Threads of one process may become durable out of turn; a number that came late is no gap.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Run(NamedTuple):
    """Numbers from `first` up to and with `last`."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """Return how many they are."""
        return self.last - self.first + 1


@dataclass(slots=True)
class Numbers:
    """The numbers of one writer that were found, as runs: few, however many there are."""

    begins_at: int = 1
    """Numbers below it are not looked for: what had them may have been pruned."""
    twice: int = 0
    """How often a number came that had been there."""
    said_last: int | None = None
    """The last number that a clean stop told; None for a writer that runs, or was killed."""
    _firsts: list[int] = field(default_factory=list)
    _lasts: list[int] = field(default_factory=list)

    def note(self, number: int) -> None:
        """Note a number."""
        lasts = self._lasts
        if lasts and number == lasts[-1] + 1:  # nearly always
            lasts[-1] = number
        elif number >= self.begins_at:
            self._insert(number)

    @property
    def last(self) -> int:
        """Return the largest number that was found; 0 for none."""
        return self._lasts[-1] if self._lasts else 0

    @property
    def gaps(self) -> Sequence[Run]:
        """Return the numbers that were not found, up to the last one that is known to have been taken."""
        end = max(self.last, self.said_last or 0)
        edges = zip([self.begins_at - 1, *self._lasts], [*self._firsts, end + 1], strict=True)
        return [Run(before + 1, after - 1) for before, after in edges if after - before > 1]

    def _insert(self, number: int) -> None:
        firsts, lasts = self._firsts, self._lasts
        at = bisect_left(lasts, number)  # the run that ends at or beyond it
        if at < len(lasts) and firsts[at] <= number:
            self.twice += 1
            return
        follows = at > 0 and lasts[at - 1] == number - 1
        leads = at < len(lasts) and firsts[at] == number + 1
        if follows and leads:
            lasts[at - 1] = lasts.pop(at)
            firsts.pop(at)
        elif follows:
            lasts[at - 1] = number
        elif leads:
            firsts[at] = number
        else:
            firsts.insert(at, number)
            lasts.insert(at, number)
