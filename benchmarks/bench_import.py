"""A folder taken in: ours against a plain copy with SHA-256 and fsync of the same files, in the same run."""

from __future__ import annotations

import contextlib
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import installations
from dms.base.actor import Actor, ActorKind
from dms.base.clock import system_clock
from dms.house import House, open_house
from dms.jobs import imports
from dms.jobs.imports import Ground, Wish
from dms.rules.access import Action
from dms.rules.imports import Duplicates
from dms.services.imports import ImportOrder, Outcome
from dms.stores.scratch import Scratch
from tests.factories import World

ROUNDS = 3
PIECE_BYTES = 1_048_576
CORPORA = {"512 files of 20 KB": (512, 20_000), "4 files of 64 MiB": (4, 64 * PIECE_BYTES)}


@dataclass(frozen=True)
class Spent:
    """What one pass over the files took."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class Row:
    """One corpus on one database."""

    database: str
    corpus: str
    peer_files_per_s: float
    ours_files_per_s: float
    peer_mb_per_cpu_s: float
    ours_mb_per_cpu_s: float


def run() -> list[Row]:
    """Measure on both databases; copy and import take turns."""
    rows = []
    for name, (count, size) in CORPORA.items():
        with tempfile.TemporaryDirectory(prefix="dms-bench-files-") as folder:
            root = Path(folder)
            for number in range(count):
                (root / f"{number:05}.pdf").write_bytes(b"%PDF-1.7\n" + os.urandom(size - 9))
            rows += [_measure(kind, name, root) for kind in ("sqlite", "postgresql")]
    return rows


def _measure(kind: str, corpus: str, root: Path) -> Row:
    peer, ours = [], []
    with installations.fresh(kind) as settings, contextlib.closing(open_house(settings)) as house:
        clerk = _clerk(house)
        for number in range(ROUNDS + 1):  # the first round warms both
            with tempfile.TemporaryDirectory(prefix="dms-bench-copy-", dir=settings.home) as target:
                peer.append(_spent(lambda target=target: _copy(root, Path(target))))
            code = _target(house, clerk, number)
            ours.append(_spent(lambda code=code: _import(house, clerk, code=code, root=root)))
    count, size_bytes = _size(root)
    return Row(
        kind,
        corpus,
        *(count / statistics.median(each.wall_s for each in spent[1:]) for spent in (peer, ours)),
        *(size_bytes / 1e6 / statistics.median(each.cpu_s for each in spent[1:]) for spent in (peer, ours)),
    )


def _spent(body: Callable[[], None]) -> Spent:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    body()
    return Spent(time.perf_counter() - wall_s, time.process_time() - cpu_s)


def _copy(root: Path, target: Path) -> None:
    for path in sorted(root.iterdir()):
        digest = hashlib.sha256()
        with path.open("rb") as source, (target / path.name).open("wb") as copy:
            for piece in _pieces(source):
                digest.update(piece)
                copy.write(piece)
            copy.flush()
            os.fsync(copy.fileno())
        directory = os.open(target, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)


def _pieces(source) -> Iterator[bytes]:
    while piece := source.read(PIECE_BYTES):
        yield piece


def _import(house: House, clerk: Actor, *, code: str, root: Path) -> None:
    ground = Ground(
        house.works, house.vault, clerk, system_clock, tell=lambda *_: None, is_stopped=lambda: False
    )
    wish = Wish(ImportOrder(code, str(root)), root, Duplicates.FILE)
    with Scratch() as scratch:
        report = imports.run(ground, wish, scratch=scratch)
    assert report.outcomes[Outcome.FILED] == _size(root)[0]


def _clerk(house: House) -> Actor:
    return Actor(ActorKind.USER, World(house).user("benchmark-clerk"), None, "benchmark")


def _target(house: House, clerk: Actor, number: int) -> str:
    world, code = World(house), f"BENCH{number}"
    made = world.aggregation(reference_code=code, code_key=code.lower())
    world.entry(clerk.principal_id, made, Action.FILE)
    return code


def _size(root: Path) -> tuple[int, int]:
    sizes = [path.stat().st_size for path in root.iterdir()]
    return len(sizes), sum(sizes)


def table(rows: list[Row]) -> str:
    """Write the figures as Markdown."""
    columns = ["files", "database"]
    for unit in ("files/s", "MB/cpu-s"):
        columns += [f"copy, {unit}", f"import, {unit}", "ratio"]
    lines = ["| " + " | ".join(columns) + " |", "| --- |" + " --- |" * (len(columns) - 1)]
    lines += [
        f"| {row.corpus} | {row.database} | {row.peer_files_per_s:.1f} | {row.ours_files_per_s:.1f} "
        f"| {row.ours_files_per_s / row.peer_files_per_s:.2f} "
        f"| {row.peer_mb_per_cpu_s:.0f} | {row.ours_mb_per_cpu_s:.0f} "
        f"| {row.ours_mb_per_cpu_s / row.peer_mb_per_cpu_s:.2f} |"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(run()))
