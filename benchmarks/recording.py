"""What recording costs: CPU of a request, events per second, the sequencer, and bytes.

`python -m benchmarks recording`. A request is a page of 50 Documents, once through an endpoint as it is, once
through one whose log records nothing, and once more through such a one: two that do the same differ by the
noise. All three stand in one process and take turns.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import func, select, text
from starlette.applications import Starlette
from starlette.routing import Route

from benchmarks import corpus, installations
from benchmarks.page import BODY
from benchmarks.unrecorded import unrecorded
from benchmarks.verifying import _fill as fill
from dms.access import scopes
from dms.access.log import sequencer
from dms.access.log.shards import LogPlace
from dms.base.actor import system_actor
from dms.base.clock import system_clock
from dms.base.ids import new_id
from dms.graphql.execution import open_endpoint
from dms.house import House, open_house
from dms.jobs.sequencing import Sequencing
from dms.jobs.signing import Signing
from dms.models import accessevents
from dms.rules.accessevents import Disclosure, Op
from dms.stores import upkeep
from dms.web.middleware import middlewares

REQUESTS = 200
WARMING = 20
CLIENTS = (1, 8, 64)
SECONDS = 6.0
EVENTS = 50_000


@dataclass(frozen=True, slots=True)
class Request:
    """CPU of a request in ms, of the server and of the database's processes, and what recording adds."""

    database: str
    without_ms: float
    added: float
    noise: float


@dataclass(frozen=True, slots=True)
class Rate:
    """Durable events per second, beside plain appends with an fsync each on the same disk."""

    database: str
    clients: int
    per_s: float
    appends_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    lag_s: float


@dataclass(frozen=True, slots=True)
class Order:
    """The sequencer and the signer, in events per second, and what an event takes up."""

    database: str
    sequenced_per_s: float
    signed_per_s: float
    body_bytes: float
    detail_bytes: float
    database_bytes: float
    folder_bytes: float


def requests() -> Iterator[Request]:
    """Measure a page with and without recording, request by request in turns, in one process."""
    for kind in ("sqlite", "postgresql"):
        with installations.fresh(kind) as settings, contextlib.closing(open_house(settings)) as house:
            token = corpus.build(house)
            scopes.fold(house.database)
            yield asyncio.run(_request(kind, house, token))


async def _request(kind: str, house: House, token: str) -> Request:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    ways = {"recorded": house, "first": unrecorded(house), "second": unrecorded(house)}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    async with contextlib.AsyncExitStack() as opened:
        clients = {}
        for name, way in ways.items():
            endpoint = open_endpoint(way.settings, way.works)
            opened.callback(endpoint.close)
            app = Starlette(
                routes=[Route("/graphql", endpoint)],
                middleware=middlewares(database=way.database, clock=way.works.clock),
            )
            transport = httpx.ASGITransport(app)
            clients[name] = await opened.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url="http://bench")
            )
        gc.collect()
        gc.freeze()
        for number in range(REQUESTS):
            for name in sorted(clients, reverse=bool(number % 2)):
                server, own = _server_cpu_s(), time.process_time()
                answer = await clients[name].post("/graphql", content=BODY, headers=headers)
                own = time.process_time() - own
                if answer.status_code != 200 or b'"errors"' in answer.content:
                    raise SystemExit(f"the server answered {answer.status_code}: {answer.text[:300]}")
                spent[name].append((own + _server_cpu_s() - server) * 1000)
    recorded, first, second = (statistics.median(values[WARMING:]) for values in spent.values())
    without = (first + second) / 2
    return Request(kind, without, recorded / without - 1, abs(first / second - 1))


def _server_cpu_s() -> float:
    """Return the CPU seconds of all PostgreSQL processes of this user that are children of a server."""
    total = 0.0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if (entry / "comm").read_text().strip() == "postgres":
                total += int((entry / "schedstat").read_text().split()[0]) / 1e9
    return total


def rates() -> Iterator[Rate]:
    """Measure durable events a second, while the sequencer runs beside."""
    appends = _appends_per_s()
    for kind in ("sqlite", "postgresql"):
        for clients in CLIENTS:
            with (
                installations.fresh(kind) as settings,
                contextlib.closing(open_house(settings)) as house,
            ):
                yield _rate(kind, house, clients, appends)


def _rate(kind: str, house: House, clients: int, appends: float) -> Rate:
    sequencing = Sequencing(house.database)
    sequencing.start()
    stopped, taken = threading.Event(), [[] for _ in range(clients)]
    threads = [threading.Thread(target=_read, args=(house, stopped, times)) for times in taken]
    cpu, server = time.process_time(), _server_cpu_s()
    for thread in threads:
        thread.start()
    lags = _lags(house, SECONDS)
    stopped.set()
    for thread in threads:
        thread.join()
    cpu = time.process_time() - cpu + _server_cpu_s() - server
    sequencing.stop()
    waits = sorted(each for times in taken for each in times)
    count = len(waits)
    return Rate(
        kind,
        clients,
        count / SECONDS,
        appends,
        waits[count // 2] * 1000,
        waits[count * 99 // 100] * 1000,
        cpu / count * 1e6,
        max(lags),
    )


def _read(house: House, stopped: threading.Event, times: list[float]) -> None:
    while not stopped.is_set():
        began = time.perf_counter()
        house.works.read(system_actor(new_id().hex), _look)
        times.append(time.perf_counter() - began)


def _look(work) -> None:
    work.performs(Op.DOCUMENT_READ)
    work.releases(new_id(), revision=1, disclosure=Disclosure.METADATA)


def _lags(house: House, seconds: float) -> list[float]:
    """Sample how old the oldest event is that has no place yet."""
    tables = accessevents.tables(house.database.dialect)
    leaf, event = tables.leaf, tables.event
    newest = select(func.max(leaf.c.leaf_index)).scalar_subquery()
    statement = (
        select(event.c.at).join(leaf, leaf.c.event_id == event.c.event_id).where(leaf.c.leaf_index == newest)
    )
    found, end = [0.0], time.perf_counter() + seconds
    while time.perf_counter() < end:
        time.sleep(0.25)
        with upkeep.reading(house.database) as connection:
            at = connection.execute(statement).scalar()
        found.append((system_clock() - at) / 1e6 if at else 0.0)
    return found[2:] or found


def _appends_per_s() -> float:
    with tempfile.TemporaryDirectory(prefix="dms-bench-") as folder:
        body, count = b"x" * 1_100, 0
        end = time.perf_counter() + 2
        with Path(folder, "log").open("ab", buffering=0) as file:
            while time.perf_counter() < end:
                file.write(body)
                os.fsync(file.fileno())
                count += 1
    return count / 2


def orders(events: int = EVENTS) -> Iterator[Order]:
    """Measure sequencer, signer and sizes over generated events, one in six a list of 20."""
    for kind in ("sqlite", "postgresql"):
        with (
            installations.fresh(kind) as settings,
            contextlib.closing(open_house(settings)) as house,
        ):
            before = _database_bytes(house)
            fill(house.database, events)
            sequenced = _spent(lambda house=house: _sequence(house))
            signed = _spent(lambda house=house: Signing(house.database, house.log_place).catch_up())
            body, detail = _stored(house)
            yield Order(
                kind,
                events / sequenced,
                events / signed,
                body,
                detail,
                (_database_bytes(house) - before) / events,
                _folder_bytes(house.log_place) / events,
            )


def _sequence(house: House) -> None:
    sequencer.drain(house.database)


def _spent(body: Callable[[], object]) -> float:
    began = time.perf_counter()
    body()
    return time.perf_counter() - began


def _stored(house: House) -> tuple[float, float]:
    tables = accessevents.tables(house.database.dialect)
    with upkeep.reading(house.database) as connection:
        body = connection.execute(select(func.avg(func.length(tables.event.c.body)))).scalar_one()
        detail = connection.execute(
            select(func.avg(func.length(tables.detail.c.detail) + func.length(tables.detail.c.salt)))
        ).scalar_one()
    return float(body), float(detail)


def _database_bytes(house: House) -> int:
    if house.database.is_sqlite:
        with house.database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return house.settings.sqlite_path.stat().st_size
    with upkeep.reading(house.database) as connection:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


def _folder_bytes(place: LogPlace) -> int:
    return sum(file.stat().st_size for file in place.shard().root.rglob("*") if file.is_file())


REQUEST_HEAD = (
    "| database | page without recording, CPU ms | recording adds | two that do the same differ by |",
    "| --- | --- | --- | --- |",
)
RATE_HEAD = (
    "| database | clients | durable events/s | of plain fsynced appends | p50, p99 ms | CPU us | lag s |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)
ORDER_HEAD = (
    "| database | sequenced/s | signed/s | body, detail bytes | database, folder bytes an event |",
    "| --- | --- | --- | --- | --- |",
)


def lines() -> Iterator[str]:
    """Measure all, and yield the figures as lines of Markdown, each as soon as it is known."""
    yield from REQUEST_HEAD
    for row in requests():
        yield f"| {row.database} | {row.without_ms:.1f} | {row.added:+.1%} | {row.noise:.1%} |"
    yield from ("", *RATE_HEAD)
    for rate in rates():
        yield (
            f"| {rate.database} | {rate.clients} | {rate.per_s:,.0f} | {rate.per_s / rate.appends_per_s:.2f} "
            f"| {rate.p50_ms:.1f}, {rate.p99_ms:.1f} | {rate.cpu_us:.0f} | {rate.lag_s:.1f} |"
        )
    yield from ("", *ORDER_HEAD)
    for order in orders():
        yield (
            f"| {order.database} | {order.sequenced_per_s:,.0f} | {order.signed_per_s:,.0f} "
            f"| {order.body_bytes:.0f}, {order.detail_bytes:.0f} "
            f"| {order.database_bytes:.0f}, {order.folder_bytes:.0f} |"
        )


def main(_: Sequence[str] = ()) -> None:
    """Measure and print."""
    for line in lines():
        print(line, flush=True)


if __name__ == "__main__":
    main()
