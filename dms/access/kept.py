"""What was read and decided once, for later operations of this process, as long as nothing has changed.

INVARIANT (kept-under-revision): everything here follows from the policy's tables and the instant alone.
Each change of them raises the policy revision, and no period begins or ends between `since` and `until`.
The revision is read in the operation's own snapshot, so a revocation is obeyed by every operation that
begins after its commit. Operations that write keep nothing here: what they read may be rolled back.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, bindparam, func, select, union_all

from dms.access import revisions
from dms.models.accesslists import AccessEntry
from dms.models.security import Clearance
from dms.models.users import PrincipalLink
from dms.stores.work import Work, fetch

KEPT = "kept"
"""Key of the process's `Kept` in the equipment of a unit of work; without one nothing is kept."""

_MEMORY = "slices:memory"


@dataclass(slots=True)
class Memory:
    """Rooms of things known under one revision, at any instant from `since` up to `until`."""

    revision: int
    since: int
    until: int | None
    rooms: dict[str, dict[Any, Any]] = field(default_factory=dict)  # each room has its own kind of thing
    weight: int = 0

    def covers(self, revision: int, now: int) -> bool:
        """Tell whether what is known here holds under a revision at an instant."""
        return self.revision == revision and self.since <= now and (self.until is None or now < self.until)


class Kept:
    """The memory that all operations of a process share."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._memory: Memory | None = None
        self.lasting: dict[str, dict[Any, Any]] = {}  # each room has its own kind of thing

    def memory(self, work: Work, revision: int) -> Memory:
        """Return the shared memory, if it covers the operation's snapshot; else one of its own."""
        known = self._memory
        if known is not None and known.covers(revision, work.now):
            return known
        made = Memory(revision, work.now, _next_boundary(work))
        with self._lock:
            newest = self._memory
            # An operation on an older snapshot, or a clock that ran behind, keeps its own to itself.
            if newest is None or (newest.revision, newest.since) < (made.revision, made.since):
                self._memory = made
        return made

    def add(self, memory: Memory, weight: int) -> None:
        """Count what was put into a memory; a full one is left behind, and the next begins empty."""
        with self._lock:
            memory.weight += weight
            if memory.weight > self._limit and memory is self._memory:
                self._memory = Memory(memory.revision, memory.since, memory.until)

    def add_lasting(self, name: str, found: Mapping[Any, Any]) -> None:
        """Put things that never change into a room; a full one begins anew."""
        with self._lock:
            room = self.lasting.setdefault(name, {})
            if len(room) > self._limit:
                room = self.lasting[name] = {}
            room.update(found)


def room(work: Work, name: str) -> dict[Any, Any]:
    """Return what is known of one kind, for reading; `keep` adds to it."""
    return _memory(work).rooms.setdefault(name, {})


def keep(work: Work, name: str, key: Hashable, value: Any, *, weight: int = 1) -> None:
    """Remember something of one kind; `weight` is about how many ids it holds."""
    memory = _memory(work)
    memory.rooms.setdefault(name, {})[key] = value
    kept: Kept | None = work.memory.get(KEPT)
    if kept is not None and not work.writes:
        kept.add(memory, weight)


def lasting(work: Work, name: str) -> Mapping[Any, Any]:
    """Return what is known of rows that never change, whatever the revision; `keep_lasting` adds to it."""
    kept: Kept | None = work.memory.get(KEPT)
    return {} if kept is None else kept.lasting.get(name, {})


def keep_lasting(work: Work, name: str, found: Mapping[Any, Any]) -> None:
    """Remember rows by their keys that never change nor go, once they are committed."""
    kept: Kept | None = work.memory.get(KEPT)
    if kept is not None and not work.writes:
        kept.add_lasting(name, found)


def _memory(work: Work) -> Memory:
    memory: Memory | None = work.memory.get(_MEMORY)
    if memory is None:
        kept: Kept | None = work.memory.get(KEPT)
        if kept is None or work.writes:
            memory = Memory(0, work.now, work.now)
        else:
            memory = kept.memory(work, revisions.head(work)[0])
        work.memory[_MEMORY] = memory
    return memory


def _next_boundary(work: Work) -> int | None:
    """Return the next instant at which some open line, link or clearance begins or ends."""
    found: int | None = fetch(work, _NEXT_BOUNDARY, {"now": work.now})[0][0]
    return found


def _boundary_after_now() -> Select[Any]:
    ahead = union_all(
        *(
            select(func.min(column).label("at")).where(model.revision_to.is_(None), column > bindparam("now"))
            for model in (AccessEntry, PrincipalLink, Clearance)
            for column in (model.valid_from, model.valid_until)
        )
    ).subquery()
    return select(func.min(ahead.c.at))


# Built once, like the other statements of a decision: to build one costs more than to run it.
_NEXT_BOUNDARY = _boundary_after_now()
