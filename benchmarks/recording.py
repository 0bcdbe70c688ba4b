"""What recording costs: CPU of a request, events per second, the sequencer, and bytes.

`python -m benchmarks recording`. A request is a page of 50 Documents, once on a server as it is, once on one
whose log records nothing, and once more on such a one: two that do the same differ by the noise.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, text

from benchmarks import corpus, installations, servers
from benchmarks.page import BODY
from benchmarks.verifying import _fill as fill
from dms.access.log import sequencer
from dms.access.log.shards import LogPlace
from dms.base.actor import system_actor
from dms.base.clock import system_clock
from dms.base.ids import new_id
from dms.base.settings import Settings
from dms.house import House, open_house
from dms.jobs.sequencing import Sequencing
from dms.jobs.signing import Signing
from dms.models import accessevents
from dms.rules.accessevents import Disclosure, Op
from dms.stores import upkeep

ROUNDS = 12
REQUESTS = 40
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
    """Measure a page with and without recording, in turns."""
    for kind in ("sqlite", "postgresql"):
        with installations.fresh(kind) as settings:
            with contextlib.closing(open_house(settings)) as house:
                token = corpus.build(house)
            yield _request(kind, settings, token)


def _request(kind: str, settings: Settings, token: str) -> Request:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    environment = installations.environment(settings)
    spent: dict[str, list[float]] = {"recorded": [], "first": [], "second": []}
    with (
        servers.running(["-m", "benchmarks.ours"], environment) as recorded,
        servers.running(["-m", "benchmarks.unrecorded"], environment) as first,
        servers.running(["-m", "benchmarks.unrecorded"], environment) as second,
    ):
        turns = {"recorded": recorded, "first": first, "second": second}
        for number in range(ROUNDS + 1):
            for name, server in sorted(turns.items(), reverse=bool(number % 2)):
                before = _server_cpu_s()
                load = servers.load(server, "/graphql", BODY, headers, requests=REQUESTS)
                spent[name].append(load.cpu_ms + (_server_cpu_s() - before) / REQUESTS * 1000)
    found = {name: values[1:] for name, values in spent.items()}
    without = statistics.median([*found["first"], *found["second"]])
    pairs = [
        (r / ((a + b) / 2) - 1, a / b - 1)
        for r, a, b in zip(found["recorded"], found["first"], found["second"], strict=True)
    ]
    return Request(
        kind, without, statistics.median(p[0] for p in pairs), statistics.median(abs(p[1]) for p in pairs)
    )


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
    return found[8:]


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


def table() -> str:
    """Measure all, and write the figures as Markdown."""
    lines = [
        "| database | page without recording, CPU ms | recording adds | two that do the same differ by |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.database} | {row.without_ms:.1f} | {row.added:+.1%} | {row.noise:.1%} |"
        for row in requests()
    ]
    lines += [
        "",
        "| database | clients | durable events/s | of plain fsynced appends | p50, p99 ms | CPU us | lag s |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.database} | {row.clients} | {row.per_s:,.0f} | {row.per_s / row.appends_per_s:.2f} "
        f"| {row.p50_ms:.1f}, {row.p99_ms:.1f} | {row.cpu_us:.0f} | {row.lag_s:.1f} |"
        for row in rates()
    ]
    lines += [
        "",
        "| database | sequenced/s | signed/s | body, detail bytes | database, folder bytes an event |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.database} | {row.sequenced_per_s:,.0f} | {row.signed_per_s:,.0f} "
        f"| {row.body_bytes:.0f}, {row.detail_bytes:.0f} "
        f"| {row.database_bytes:.0f}, {row.folder_bytes:.0f} |"
        for row in orders()
    ]
    return "\n".join(lines)


def main(_: Sequence[str] = ()) -> None:
    """Measure and print."""
    print(table())


if __name__ == "__main__":
    main()
