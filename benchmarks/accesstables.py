"""The figures of the access benchmarks as Markdown, and whether they meet gate and aim."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.bench_access import Figure, Run, Spread

MOST = "10,000 lines"
LISTS = ("page", "deep page")


@dataclass(frozen=True, slots=True)
class Goal:
    """A measure with what it must and what it should not exceed."""

    measure: str
    result: float
    gate: float
    aim: float
    unit: str = "ms"

    def row(self) -> str:
        """Write a line of the table."""
        met = "aim" if self.result <= self.aim else "gate" if self.result <= self.gate else "**no**"
        return f"| {self.measure} | {self.result:.2f} {self.unit} | {self.gate:g} | {self.aim:g} | {met} |"


def everything(runs: Sequence[Run]) -> str:
    """Write all tables."""
    parts = ["\n".join(_goals(runs)), "\n".join(_lists(runs))]
    if any(run.peers for run in runs):
        parts.append("\n".join(_peers(runs)))
    return "\n\n".join(parts)


def _table(columns: Sequence[str]) -> list[str]:
    return ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]


def _goals(runs: Sequence[Run]) -> list[str]:
    lines = _table(["measure", "result", "gate", "aim", "met"])
    for run in runs:
        lines += [goal.row() for goal in [*_of_run(run), *_of_changes(run)]]
    lines += [goal.row() for goal in _growth(runs)]
    return lines


def _of_run(run: Run) -> Iterable[Goal]:
    where = f"{run.database}, {run.documents:,}"
    gate, aim = (25, 10) if run.database == "sqlite" else (40, 15)
    states: tuple[tuple[str, Callable[[Figure], Spread]], ...] = (
        ("warm", lambda figure: figure.warm),
        ("cold", lambda figure: figure.cold),
    )
    for state, spread in states:
        few = [f for f in run.figures if f.reader != MOST]
        many = [f for f in run.figures if f.reader == MOST]
        yield Goal(f"{where}: page p95, {state}", _worst(few, LISTS, spread), gate, aim)
        yield Goal(f"{where}: page p95, {MOST}, {state}", _worst(many, LISTS, spread), 60, 40)
        yield Goal(
            f"{where}: exact count p95, {state}", _worst(run.figures, ("exact count",), spread), 60, 10
        )
        yield Goal(
            f"{where}: one Document p95, {state}", _worst(run.figures, ("one Document",), spread), 1, 0.3
        )


def _worst(figures: Sequence[Figure], measures: Sequence[str], spread: Callable[[Figure], Spread]) -> float:
    return max(spread(figure).p95 for figure in figures if figure.measure in measures)


def _of_changes(run: Run) -> Iterable[Goal]:
    where, found = f"{run.database}, {run.documents:,}", run.changes
    if found is None:
        return
    for (reader, measure), ratio in run.foreign.items():
        yield Goal(f"{where}: 10 x foreign lines, {measure}, {reader}, cold", ratio, 1.5, 1.2, "x")
    yield Goal(f"{where}: first entry above {found.moved:,} Documents", found.first_entry_s, 60, 10, "s")
    yield Goal(
        f"{where}: longest pause of a reader meanwhile "
        f"({found.quiet_pause_ms:.0f} ms without; {found.unanswered} questions unanswered)",
        found.pause_ms,
        500,
        250,
    )
    turns = zip(("grant", "revoke"), (found.grant_ms, found.revoke_ms), found.statements, strict=True)
    for name, (few, many), statements in turns:
        told = f"{statements} statements, {few:.1f} ms on a small one"
        yield Goal(f"{where}: {name} on an access node ({told})", many, 10, 10)


def _growth(runs: Sequence[Run]) -> Iterable[Goal]:
    """Compare the smallest archive with the largest, reader by reader."""
    for database in dict.fromkeys(run.database for run in runs):
        same = sorted((run for run in runs if run.database == database), key=lambda run: run.documents)
        if len(same) < 2:
            continue
        small, large = same[0], same[-1]
        known = {(figure.reader, figure.measure): figure for figure in small.figures}
        for figure in large.figures:
            before = known[figure.reader, figure.measure]
            where = (
                f"{database}, {small.documents:,} -> {large.documents:,}: {figure.measure}, {figure.reader}"
            )
            yield Goal(f"{where}, warm", figure.warm.best / before.warm.best, 2, 1.3, "x")
            yield Goal(f"{where}, cold", figure.cold.best / before.cold.best, 2, 1.3, "x")


def _lists(runs: Sequence[Run]) -> list[str]:
    columns = ["database", "Documents", "reader", "visible", "measure", "warm p50", "p95", "by the clock"]
    columns += ["statements", "cold p50", "p95", "by the clock", "statements"]
    lines = _table([*columns, "begin, event, commit"])
    for run in runs:
        lines += [
            f"| {run.database} | {run.documents:,} | {f.reader} | {run.visible[f.reader]:,} | {f.measure} "
            f"| {_spread(f.warm)} | {f.warm_statements} | {_spread(f.cold)} | {f.cold_statements} "
            f"| {f.event.clock_p50:.1f} |"
            for f in run.figures
        ]
    return lines


def _peers(runs: Sequence[Run]) -> list[str]:
    columns = ["database", "Documents", "reader", "instead", "page, s", "page: x cold", "x warm"]
    lines = _table([*columns, "count, s", "count: x cold", "x warm"])
    for run in runs:
        known = {(figure.reader, figure.measure): figure for figure in run.figures}
        for peer in run.peers:
            page, count = known[peer.reader, "page"], known[peer.reader, "exact count"]
            times = [
                *(_times(peer.page_s, spread) for spread in (page.cold, page.warm)),
                *(_times(peer.count_s, spread) for spread in (count.cold, count.warm)),
            ]
            lines.append(
                f"| {run.database} | {run.documents:,} | {peer.reader} | {peer.peer} "
                f"| {_seconds(peer.page_s)} | {times[0]} | {times[1]} "
                f"| {_seconds(peer.count_s)} | {times[2]} | {times[3]} |"
            )
    return lines


def _spread(found: Spread) -> str:
    return f"{found.p50:.2f} | {found.p95:.2f} | {found.clock_p50:.1f}, {found.clock_p95:.1f}"


def _seconds(found: float) -> str:
    return f"{found:.3f}" if found < 1 else f"{found:,.0f}"


def _times(found: float, ours: Spread) -> str:
    return f"{found * 1000 / ours.clock_p50:,.1f}"
