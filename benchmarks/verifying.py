"""Verifying the access log: events per second and core, against plain SHA-256 and orjson of the same bodies.

`python -m benchmarks verifying --events 200000`. Generated events, one in six of them a list of 20. The CPU
time is that of the verifying thread and of PostgreSQL's processes. The limit hashes each body and reads
it, and does nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from sqlalchemy import text

from benchmarks import installations
from benchmarks.costs import Cost
from dms.access.log import audit, auditrows, keys, offline, sequencer, signer
from dms.access.log.continuity import Trust
from dms.access.log.events import EventRow
from dms.access.log.findings import Audit, Verdict
from dms.access.log.inserts import inserts_of
from dms.access.log.tilestore import TileFolder
from dms.base.canonical import canonical_bytes
from dms.base.clock import system_clock
from dms.base.ids import new_id, random_bytes
from dms.house import open_house
from dms.rules import accessevents as rules
from dms.rules import eventseals, signednotes
from dms.rules.accessevents import Disclosure, Head, Outcome, Place, Release, Share
from dms.stores import upkeep
from dms.stores.engine import Database

EVENTS = 200_000
ROUNDS = 3
SHOWN = (1, 1, 0, 1, 20, 1)
"""How many objects events in a row name."""


@dataclass(frozen=True, slots=True)
class Row:
    """One way of verifying on one database."""

    database: str
    what: str
    events: int
    per_cpu_s: float
    per_clock_s: float
    share: float
    """Of what the limit does in the same time."""


def run(events: int = EVENTS) -> list[Row]:
    """Measure on both databases."""
    rows: list[Row] = []
    for kind in ("sqlite", "postgresql"):
        with installations.fresh(kind) as settings, contextlib.closing(open_house(settings)) as house:
            folder = TileFolder(settings.home / "measured")
            _fill(house.database, events)
            size = _ordered_and_signed(house.database, folder)
            rows += _measured(kind, house.database, folder, size)
    return rows


def _fill(database: Database, count: int) -> None:
    inserts, writer = inserts_of(database.dialect), new_id()
    for first in range(0, count, 5_000):
        with upkeep.writing(database, patience_s=60) as connection:
            made = [_event(number, writer) for number in range(first + 1, min(first + 5_000, count) + 1)]
            inserts.run(connection.exec_driver_sql, made)


_ACTORS = [new_id() for _ in range(200)]


def _event(number: int, writer) -> EventRow:
    shown = [Release(new_id(), 3, Disclosure.METADATA, 2) for _ in range(SHOWN[number % len(SHOWN)])]
    head = Head(
        at=system_clock(),
        writer=writer,
        request=new_id().hex,
        actor_id=_ACTORS[number % len(_ACTORS)],
        actor_kind="user",
        session=new_id(),
        roles=["reader"],
        clearance="400",
        ops=["document.list" if len(shown) > 1 else "document.read"],
        text_sha256=hashlib.sha256(b"query").hexdigest(),
        outcome=Outcome.COMMITTED if number % 50 == 0 else Outcome.RELEASED,
        reason=None,
        policy_revision=4711,
        policy_files="0" * 64,
        withheld=0,
        bytes_sent=None,
        aggregates=0,
    )
    share = Share(released=shown, deciding=[new_id().hex, new_id().hex])
    salt, detail = random_bytes(16), canonical_bytes({"address": "192.0.2.7", "user_agent": "Mozilla/5.0"})
    sealed = eventseals.seal_detail(salt, detail)
    found = rules.fields(head, share, place=Place(new_id(), number), detail_sha256=sealed)
    body = rules.body(found)
    values = rules.columns(found) | {"leaf_hash": eventseals.leaf_hash(body)}
    return EventRow({**values, "body": body, "salt": salt, "detail": detail})


def _ordered_and_signed(database: Database, folder: TileFolder) -> int:
    sequencer.drain(database)
    signers = [keys.made("bench.example/log/1")]
    signer.begin(folder, signers)
    while signer.sign(database, folder, signers):
        pass
    (folder.root / "keys").write_text(str(signers[0].verifier))
    return sequencer.reached(database).size


def _measured(kind: str, database: Database, folder: TileFolder, size: int) -> Iterator[Row]:
    """Yield each way of verifying, and the limit over the same bodies."""
    trust = Trust([signednotes.read_key((folder.root / "keys").read_text())])
    ways: dict[str, Callable[[], Audit]] = {
        "live database": lambda: audit.verify(
            audit.Ground(database, folder, trust, system_clock(), threads=0, tell=_quietly)
        ),
        "tiles and bundles": lambda: offline.verify_folder(
            offline.FolderGround(folder, trust, threads=0, tell=_quietly)
        ),
    }
    limit = _limit(database, size)
    for name, way in ways.items():
        best = _best(lambda way=way: _sound(way()), database)
        yield Row(kind, name, size, size / best.cpu_s, size / best.clock_s, limit.cpu_s / best.cpu_s)
    yield Row(kind, "the limit", size, size / limit.cpu_s, size / limit.clock_s, 1.0)


def _limit(database: Database, size: int) -> Cost:
    bodies = [row[auditrows.BODY] for row in auditrows.Reader(database).leaves(0, size)]
    return _best(lambda: _hash_and_read(bodies), database)


def _best(body: Callable[[], object], database: Database) -> Cost:
    """Return the round that others disturbed least."""
    return min((_spent(body, database) for _ in range(ROUNDS)), key=lambda cost: cost.cpu_s)


def _hash_and_read(bodies: Sequence[bytes]) -> None:
    sha256, loads = hashlib.sha256, orjson.loads
    for body in bodies:
        sha256(b"\x00" + body).digest()
        loads(body)


def _sound(found: Audit) -> None:
    if found.verdict is not Verdict.SOUND:
        raise RuntimeError(f"the log that was measured is not sound: {found.findings.kept[:3]}")


def _spent(body: Callable[[], object], database: Database) -> Cost:
    gc.collect()
    servers = _servers(database)
    clock_s, cpu_s = time.perf_counter(), time.thread_time() + _cpu_s(servers)
    body()
    return Cost(time.perf_counter() - clock_s, time.thread_time() + _cpu_s(servers) - cpu_s)


def _servers(database: Database) -> Sequence[Path]:
    """Return where the CPU time of PostgreSQL's processes for this database is told."""
    if database.is_sqlite:
        return []
    with upkeep.reading(database) as connection:
        of_database = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return [Path(f"/proc/{pid}/schedstat") for pid in connection.execute(of_database).scalars()]


def _cpu_s(servers: Sequence[Path]) -> float:
    return sum(int(path.read_text().split()[0]) for path in servers if path.exists()) / 1e9


def _quietly(*_: object) -> None:
    return


def table(rows: Sequence[Row]) -> str:
    """Write the figures as Markdown."""
    lines = [
        "| database | what is verified | events | events/s of CPU | by the clock | share of the limit |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.database} | {row.what} | {row.events:,} | {row.per_cpu_s:,.0f} | {row.per_clock_s:,.0f} "
        f"| {row.share:.2f} |"
        for row in rows
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    print(table(run(parser.parse_args(arguments).events)))


if __name__ == "__main__":
    main()
