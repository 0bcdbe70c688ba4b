"""What the routes for bytes share: who asks, how many at once, and hops into worker threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import TypeVar
from uuid import UUID

from starlette.types import Scope

from dms.base.actor import Actor
from dms.base.errors import Busy, Unauthenticated
from dms.web.middleware import ACTOR

T = TypeVar("T")


async def in_thread(threads: Executor, step: Callable[[], T]) -> T:
    """Run one step that may block in a worker thread; it runs on if the request is cancelled.

    The loop's own way chains two futures for each step, which costs more than the step's reading.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = step()
        except BaseException as error:  # noqa: BLE001  raised where the result is awaited
            loop.call_soon_threadsafe(_fail, done, error)
        else:
            loop.call_soon_threadsafe(_settle, done, result)

    try:
        threads.submit(run)
    except RuntimeError as error:  # the threads were closed: the server stops
        raise Busy("the server is stopping: try again in a moment") from error
    return await done


def _settle(done: asyncio.Future[T], result: T) -> None:
    if not done.cancelled():
        done.set_result(result)


def _fail(done: asyncio.Future[T], error: BaseException) -> None:
    if not done.cancelled():
        done.set_exception(error)


def account_of(scope: Scope) -> tuple[Actor, UUID]:
    """Return who asks, with the account; nobody without one gets any bytes in or out."""
    actor: Actor = scope[ACTOR]
    if actor.principal_id is None:
        raise Unauthenticated("log in first, then send the token in the `Authorization` header")
    return actor, actor.principal_id


class Places:
    """Bounds how many transfers run at once, over all and for each account. For one event loop."""

    def __init__(self, *, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._under_way: dict[UUID, list[int]] = {}

    @contextmanager
    def taken(self, account_id: UUID, *, size_bytes: int) -> Iterator[int]:
        """Hold a place and give the bytes that the account has under way, these included; else `Busy`."""
        running = sum(map(len, self._under_way.values()))
        if running >= self._most or len(self._under_way.get(account_id, ())) >= self._most_each:
            raise Busy("too many transfers run at once: try again when one of them has ended")
        own = self._under_way.setdefault(account_id, [])
        own.append(size_bytes)
        try:
            yield sum(own)
        finally:
            own.remove(size_bytes)
            if not own:
                del self._under_way[account_id]
