"""Numbers of writers: each process start numbers its events 1, 2, .. and leaves no unexplained gap.

Threads of one process may become durable out of turn; a number that came late is no gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(slots=True)
class Numbers:
    """The numbers of one writer that were found: all below `next`, and those ahead of it."""

    next: int = 1
    ahead: set[int] = field(default_factory=set)
    twice: int = 0
    """How often a number came that had been there."""
    said_last: int | None = None
    """The last number that a clean stop told; None for a writer that runs, or was killed."""

    def note(self, number: int) -> None:
        """Note a number."""
        if number < self.next or number in self.ahead:
            self.twice += 1
            return
        self.ahead.add(number)
        while self.next in self.ahead:
            self.ahead.remove(self.next)
            self.next += 1

    @property
    def last(self) -> int:
        """Return the largest number that was found; 0 for none."""
        return max(self.ahead, default=self.next - 1)

    @property
    def missing(self) -> list[int]:
        """Return the numbers that were not found, up to the last one that is known to have been taken."""
        end = max(self.last, self.said_last or 0)
        return [number for number in range(self.next, end + 1) if number not in self.ahead]


def noted(writers: dict[UUID, Numbers], events: Iterable[tuple[UUID, int]]) -> None:
    """Note the writers and numbers of events."""
    for writer, number in events:
        writers.setdefault(writer, Numbers()).note(number)


def gaps(writers: Mapping[UUID, Numbers]) -> dict[UUID, list[int]]:
    """Return the numbers that are missing, of each writer that lacks some."""
    return {writer: missing for writer, found in writers.items() if (missing := found.missing)}
