"""Deciding once more what an event has released already, as a long download does while it runs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import NoReturn
from uuid import UUID

from dms.stores.work import Closing, Work, Works


def asking_again(works: Works, *, released: Collection[UUID]) -> Works:
    """Return the same works for asking again for things whose release is durable already.

    The same answer leaves no second event; a refusal does, and so does anything beyond these ids.
    """
    return replace(works, closing=_OnlyNews(works.closing, frozenset(released)))


@dataclass(frozen=True, slots=True)
class _OnlyNews:
    """Closes a unit of work, with an event only if it says what the log does not have."""

    log: Closing
    released: frozenset[UUID]

    def insert(self, work: Work) -> None:
        """Insert the event, if there is news."""
        if self._is_news(work):
            self.log.insert(work)

    def record(self, work: Work) -> None:
        """Record the event, if there is news."""
        if self._is_news(work):
            self.log.record(work)

    def record_failure(self, work: Work) -> None:
        """Record what failed, always: a refusal comes this way."""
        self.log.record_failure(work)

    def lacks_room(self, error: Exception) -> NoReturn:
        """Leave a full disk to the log."""
        self.log.lacks_room(error)

    def settle(self, work: Work) -> None:
        """Leave a commit in doubt to the log."""
        self.log.settle(work)

    def _is_news(self, work: Work) -> bool:
        notes = work.notes
        return bool(notes.refusals or notes.changes or not self.released.issuperset(notes.released))
