"""A job in the hands of a worker: what its handler works on, and how it keeps what it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import TypeVar
from uuid import UUID

from dms.base.actor import Actor, system_actor
from dms.base.clock import monotonic_s
from dms.base.settings import Settings
from dms.stores import jobs
from dms.stores.extraction.asking import Readers
from dms.stores.jobs import LeaseLost, Taken
from dms.stores.vault import Vault
from dms.stores.work import Work, Works

TELLS_EVERY_S = 1.0

T = TypeVar("T")


class InVain(Exception):
    """The job can never be done: another try would end the same."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class BrokenOff(Exception):
    """The worker stops: the job goes back to the queue, and this try does not count."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What handlers work on."""

    works: Works
    vault: Vault
    settings: Settings


@dataclass(slots=True)
class Held:
    """A job that a worker holds, while its handler runs."""

    works: Works
    taken: Taken
    worker: UUID
    stopped: Event
    """Set when the worker shall stop."""
    readers: Readers
    """Where contents are read, apart."""
    is_lost: bool = False
    is_finished: bool = False
    _told_s: float = field(default=0.0)

    @property
    def actor(self) -> Actor:
        """Return the system, under the id of the job as that of its request."""
        return system_actor(self.taken.id.hex)

    @property
    def is_over(self) -> bool:
        """Tell whether the job shall not go on."""
        return self.is_lost or self.stopped.is_set()

    def check(self) -> None:
        """Raise if the job shall not go on: handlers that take long ask now and then."""
        if self.is_lost:
            raise LeaseLost
        if self.stopped.is_set():
            raise BrokenOff

    def tell(self, done: int, total: int | None) -> None:
        """Let people see how far it came; costs nothing if it was told just now."""
        self.check()
        if monotonic_s() - self._told_s >= TELLS_EVERY_S:
            jobs.tell(self.works.database, self.taken.id, worker=self.worker, done=done, total=total)
            self._told_s = monotonic_s()

    def keep(self, actor: Actor, body: Callable[[Work], T], *, locks: Sequence[str] = ()) -> T:
        """Run `body` for an actor in one transaction, a slice of the job; `LeaseLost` if it is not held.

        What a slice keeps must tell the next one where to go on.
        """

        def holding(work: Work) -> T:
            jobs.hold_in(work, self.taken.id, worker=self.worker)
            return body(work)

        self.check()
        return self.works.write(actor, holding, locks=locks)

    def finish(self, body: Callable[[Work], T]) -> T:
        """Run `body` in one transaction that also ends the job: both are kept, or neither."""

        def ending(work: Work) -> T:
            result = body(work)
            jobs.finish_in(work, self.taken.id, worker=self.worker)
            return result

        result = self.works.write(self.actor, ending)
        self.is_finished = True
        return result
