"""Worker threads with a bounded queue: one operation, one thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from dms.base.clock import monotonic_s
from dms.base.errors import Busy

T = TypeVar("T")

_FULL = "the server is busy: try again in a moment"


class Pool:
    """Runs jobs in threads; what finds the queue full, or waits in it too long, is refused."""

    def __init__(self, threads: int, *, queue: int, patience_s: float) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="graphql")
        self._room = threading.BoundedSemaphore(threads + queue)
        self._patience_s = patience_s

    async def run(self, job: Callable[[], T]) -> T:
        """Run the job in a thread and return its result; `Busy` if there is no room for it."""
        if not self._room.acquire(blocking=False):
            raise Busy(_FULL)
        until = monotonic_s() + self._patience_s
        try:
            future = self._threads.submit(_begin, job, until)
        except RuntimeError as error:  # the pool was closed: the server stops
            self._room.release()
            raise Busy(_FULL) from error
        # Not where the caller awaits: it may go away while the job still runs.
        future.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Finish what was accepted, and accept nothing more."""
        self._threads.shutdown(wait=True)


def _begin(job: Callable[[], T], until: float) -> T:
    if monotonic_s() > until:
        raise Busy(_FULL)
    return job()
