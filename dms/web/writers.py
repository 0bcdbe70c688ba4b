"""Writers of uploads in parts, which wait for the next part with an open file each.

So the next part goes on where the last one ended. Without a writer (another process, a restart, a part that
was not kept) what came is read back, which costs its hashing and sealing again.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from uuid import UUID

from dms.base.errors import Conflict
from dms.stores import formats
from dms.stores.vault import SealedWriter

KEPT = 64
"""So many writers wait in one process."""

KEPT_EACH = 8
"""So many of one account do: its longest waiting goes first, and nobody else's."""


@dataclass(slots=True)
class Ends:
    """The two ends of a content, by which it is identified once it is whole."""

    head: bytes = b""
    tail: bytes = b""

    def see(self, plain: bytes) -> None:
        """Remember what belongs to either end."""
        self.head += plain[: formats.HEAD_BYTES - len(self.head)]
        self.tail = (self.tail + plain[-formats.TAIL_BYTES :])[-formats.TAIL_BYTES :]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A writer between two parts, and whose upload it writes."""

    owner_id: UUID
    writer: SealedWriter
    ends: Ends


@dataclass(slots=True)
class Writers:
    """The writers of one process that wait, and the uploads that a request of it is writing."""

    _waiting: OrderedDict[UUID, Waiting] = field(default_factory=OrderedDict)
    _busy: set[UUID] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def take(self, row_id: UUID) -> Waiting | None:
        """Begin a part: return the writer that waits, if any; `Conflict` while another part comes."""
        with self._lock:
            if row_id in self._busy:
                raise Conflict("another request sends a part of this upload: ask for its offset again")
            self._busy.add(row_id)
            return self._waiting.pop(row_id, None)

    def put(self, row_id: UUID, waiting: Waiting | None) -> None:
        """End a part, with a writer for the next one."""
        with self._lock:
            self._busy.discard(row_id)
            if waiting is None:
                return
            self._waiting[row_id] = waiting
            one_too_many = self._one_too_many(waiting.owner_id)
            if one_too_many is not None:
                self._waiting.pop(one_too_many).writer.leave()

    def forget(self, row_id: UUID) -> None:
        """Let go of the writer of an upload that is gone."""
        with self._lock:
            waiting = self._waiting.pop(row_id, None)
        if waiting is not None:
            waiting.writer.leave()

    def _one_too_many(self, owner_id: UUID) -> UUID | None:
        """Return the upload whose writer has to go: of who has too many, else of who has most."""
        held = Counter(waiting.owner_id for waiting in self._waiting.values())
        if len(self._waiting) > KEPT:
            owner_id = held.most_common(1)[0][0]
        elif held[owner_id] <= KEPT_EACH:
            return None
        return next(row_id for row_id, waiting in self._waiting.items() if waiting.owner_id == owner_id)
