"""Hops into worker threads, and the places for transfers."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dms.base.errors import Busy
from dms.base.ids import new_id
from dms.web.hops import Places, in_thread


def test_a_step_runs_in_another_thread_and_its_result_or_error_comes_back():
    async def run():
        with ThreadPoolExecutor(1) as threads:
            assert await in_thread(threads, threading.current_thread) is not threading.current_thread()
            with pytest.raises(KeyError, match="canary"):
                await in_thread(threads, lambda: {}["canary"])

    asyncio.run(run())


@pytest.mark.parametrize("step", [lambda: "done", lambda: {}["canary"]])
def test_a_step_runs_on_when_nobody_waits_for_it_any_more(step):
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def slow():
        begun.set()
        may_end.wait(5)
        ended.set()
        return step()

    async def run():
        with ThreadPoolExecutor(1) as threads:
            task = asyncio.create_task(in_thread(threads, slow))
            await asyncio.to_thread(begun.wait, 5)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            may_end.set()
        await asyncio.sleep(0)
        return task.cancelled()

    assert asyncio.run(run())
    assert ended.is_set()


def test_a_server_that_stops_is_busy():
    threads = ThreadPoolExecutor(1)
    threads.shutdown()

    with pytest.raises(Busy, match="^the server is stopping: try again in a moment$"):
        asyncio.run(in_thread(threads, lambda: None))


def test_places_are_bounded_for_each_account_and_over_all():
    one, two = new_id(), new_id()
    places = Places(most=3, most_each=2)

    with places.taken(one, size_bytes=5), places.taken(one, size_bytes=7) as both:
        assert both == 12
        with pytest.raises(Busy, match="^too many transfers run at once"), places.taken(one, size_bytes=1):
            pass
        with places.taken(two, size_bytes=1) as own:
            assert own == 1
            with pytest.raises(Busy), places.taken(new_id(), size_bytes=1):
                pass
    with places.taken(one, size_bytes=3) as alone:
        assert alone == 3
