"""Reading real retention schedules: rows per second of a core, beside the same files only parsed as JSON.

`python -m benchmarks schedules --rounds 3`. Files in memory, no database: bytes to rows, and rows to rules.
The limit parses each file with the standard library and writes each row as canonical text again. It needs the
schedules of ../shared/data.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dms.rules import schedulecodes, schedules, schedulesources
from dms.rules.schedulerows import SourceRow

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "retention"
STATES = ("tx", "nc", "al", "oh")
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One source: rows per CPU second of parsing alone, of making rows, and of reading their rules."""

    source: str
    rows: int
    parsing: float
    rowing: float
    ruling: float


def run(rounds: int = ROUNDS) -> list[Row]:
    """Measure every source."""
    return [_measured(state, rounds) for state in STATES]


def _measured(state: str, rounds: int) -> Row:
    files = {
        path.name: path.read_bytes()
        for path in sorted((DATA / state).glob("*.json"))
        if path.name != "repository.json"
    }
    table = schedulecodes.table()
    rows = _rows(files)

    def rule() -> None:
        for row in rows:
            schedules.read_rule(row, table)

    parsing, rowing, ruling = (
        _best(work, rounds) for work in (lambda: _parsed(files), lambda: _rows(files), rule)
    )
    return Row(state, len(rows), len(rows) / parsing, len(rows) / rowing, len(rows) / ruling)


def _best(work: Callable[[], object], rounds: int) -> float:
    took = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        took.append(time.process_time() - start)
    return min(took)


def _parsed(files: Mapping[str, bytes]) -> None:
    for data in files.values():
        try:
            made = json.loads(data)
        except ValueError:
            continue  # merge markers
        for row in made if isinstance(made, list) else [made]:
            json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def _rows(files: Mapping[str, bytes]) -> list[SourceRow]:
    return [
        found
        for name, data in files.items()
        for found in schedulesources.read(data, name=name)
        if isinstance(found, SourceRow)
    ]


def table(rows: Sequence[Row]) -> str:
    """Print rows as Markdown."""
    lines = [
        "| source | rows | only JSON, rows/cpu-s | bytes to rows | rows to rules | all of it, to the limit |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        share = 1 / (1 / row.rowing + 1 / row.ruling) / row.parsing
        lines.append(
            f"| {row.source} | {row.rows:,} | {row.parsing:,.0f} | {row.rowing:,.0f} | {row.ruling:,.0f} "
            f"| {share:.2f} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="schedules")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    print(table(run(parser.parse_args(arguments).rounds)))
