"""The bounded queue before the worker threads."""

import asyncio
import json
import threading
from dataclasses import replace

import pytest

from dms.base.errors import Busy
from dms.graphql.execution import open_endpoint
from dms.graphql.pool import Pool
from tests.graphql import rooms
from tests.graphql.conftest import Probe, probe_schema


def test_job_runs_in_a_worker_thread_and_its_result_comes_back():
    pool = Pool(1, queue=1, patience_s=10)

    assert asyncio.run(pool.run(lambda: threading.current_thread().name)).startswith("graphql")
    pool.close()


def test_error_of_a_job_comes_back():
    pool = Pool(1, queue=1, patience_s=10)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(pool.run(lambda: 1 // 0))
    pool.close()


def test_job_beyond_the_queue_is_refused_and_room_returns():
    async def crowd():
        gate = threading.Event()
        pool = Pool(1, queue=2, patience_s=10)
        accepted = [asyncio.create_task(pool.run(lambda: gate.wait(10))) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await pool.run(lambda: None)
        gate.set()
        await asyncio.gather(*accepted)
        assert await pool.run(lambda: "room") == "room"
        pool.close()

    asyncio.run(crowd())


def test_job_whose_caller_went_away_gives_its_room_back():
    async def leave():
        gate = threading.Event()
        pool = Pool(1, queue=1, patience_s=10)
        running = asyncio.create_task(pool.run(lambda: gate.wait(10)))
        waiting = asyncio.create_task(pool.run(lambda: pytest.fail("nobody waits for this")))
        await asyncio.sleep(0)
        waiting.cancel()
        gate.set()
        assert await running
        assert [await pool.run(lambda: "room") for _ in range(3)] == ["room"] * 3
        pool.close()

    asyncio.run(leave())


def test_job_that_waited_too_long_is_refused():
    async def wait():
        pool = Pool(1, queue=1, patience_s=-1)
        with pytest.raises(Busy):
            await pool.run(lambda: pytest.fail("it is too late"))
        pool.close()

    asyncio.run(wait())


def test_closed_pool_is_busy():
    pool = Pool(1, queue=1, patience_s=10)
    pool.close()

    with pytest.raises(Busy):
        asyncio.run(pool.run(lambda: None))


def test_request_beyond_the_queue_is_told_to_come_back(house, world):
    endpoint = open_endpoint(
        replace(house.settings, worker_threads=1, queue_limit=1), house.works, probe_schema()
    )
    probe = Probe(house, endpoint, world.user())
    body = json.dumps({"query": "{ slow }"}).encode()

    async def crowd():
        rooms.GATE.clear()
        tasks = [asyncio.create_task(probe.send(body)) for _ in range(2)]
        await asyncio.sleep(0.05)
        refused = await probe.send(body)
        rooms.GATE.set()
        return refused, await asyncio.gather(*tasks)

    refused, accepted = asyncio.run(crowd())
    endpoint.close()

    assert (refused.status, refused.codes, refused.headers["retry-after"]) == (503, ["BUSY"], "1")
    assert [reply.data for reply in accepted] == [{"slow": "done"}] * 2
