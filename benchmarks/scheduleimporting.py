"""Importing real retention schedules into both databases, beside the pure reading of the same rows.

`python -m benchmarks scheduleimporting --states tx nc al oh`. The limit reads the files and enters nothing;
an import writes rules, entries, findings and events, slice by slice; the second import of the same source
finds every row unchanged. It needs the schedules of ../shared/data.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from benchmarks.installations import fresh
from benchmarks.schedules import DATA, STATES
from dms.house import House, open_house
from dms.jobs import scheduleimports
from dms.jobs.scheduleimports import Ground, Report
from dms.jobs.schedulesources import FolderSource
from dms.rules.sourcereadings import SourceReader
from tests.factories import World, actor


@dataclass(frozen=True, slots=True)
class Row:
    """One source on one database: rows per second of reading alone, of an import, and of the same again."""

    kind: str
    source: str
    rows: int
    reading: float
    importing: float
    again: float


def run(states: Sequence[str] = STATES) -> list[Row]:
    """Measure each source on both databases."""
    rows = []
    for kind in ("sqlite", "postgresql"):
        with fresh(kind) as settings, closing(open_house(settings)) as house:
            rows += [_measured(house, kind, state) for state in states]
    return rows


def _measured(house: House, kind: str, state: str) -> Row:
    world = World(house)
    manager = world.officer(role="records_manager")
    ground, source = Ground(house.works, actor(manager)), FolderSource(DATA / state)
    wish = scheduleimports.order(source, code=state, name=state, title=state)
    count, reading_s = _timed(lambda: _read(source))
    first, importing_s = _timed(lambda: _imported(ground, wish, source))
    _, again_s = _timed(lambda: _imported(ground, wish, source))
    assert first == count
    return Row(kind, state, count, count / reading_s, count / importing_s, count / again_s)


def _timed(work: Callable[[], int]) -> tuple[int, float]:
    start = time.perf_counter()
    count = work()
    return count, time.perf_counter() - start


def _read(source: FolderSource) -> int:
    reader = SourceReader()
    return sum(1 for file in source.files() for _ in reader.read(file.data, name=file.name))


def _imported(ground: Ground, wish: scheduleimports.ScheduleOrder, source: FolderSource) -> int:
    report: Report = scheduleimports.run(ground, wish, source)
    return report.rows


def table(rows: Sequence[Row]) -> str:
    """Print rows as Markdown."""
    lines = [
        "| database | source | rows | only read, rows/s | imported | to the limit | the same again |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.kind} | {row.source} | {row.rows:,} | {row.reading:,.0f} | {row.importing:,.0f} "
        f"| {row.importing / row.reading:.2f} | {row.again:,.0f} |"
        for row in rows
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="scheduleimporting")
    parser.add_argument("--states", nargs="+", choices=STATES, default=list(STATES))
    print(table(run(parser.parse_args(arguments).states)))
