"""Where the CPU of a request goes: stage by stage, each without those inside it, and thread by thread.

`python -m benchmarks stages`. A server in a process of its own thread, one request after the other; every
stage is a function of ours or of a library that is timed while it runs, in CPU of its thread. "Cold" is a
page for which all that was decided before is forgotten. Timing costs a little itself, most for SQL.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection, CursorResult

from benchmarks import corpus, installations, operations, servers
from dms.access import predicates, slices, standing, strategies, tokens
from dms.access.kept import KEPT, Kept
from dms.access.log.closing import AccessLog
from dms.app import create_app
from dms.base.settings import Settings
from dms.graphql import aggregations, answers, compiling, documents, execution, versions
from dms.graphql.schema import Schema
from dms.house import open_house
from dms.services import aggregationviews, documentviews
from dms.stores.work import Works

REQUESTS = 100

TIMED: tuple[tuple[str, Any, str], ...] = (
    ("token", tokens, "look_up"),
    ("limits, parsing", execution.GraphQLEndpoint, "_perform"),
    ("transaction", Works, "_perform"),
    ("revision", standing, "_check_policy"),
    ("decision", predicates, "verdict"),
    ("decision", strategies, "_tested"),
    ("decision", slices, "decide_each"),
    ("SQL", Connection, "execute"),
    ("SQL", CursorResult, "all"),
    ("shaping", documentviews, "_shown"),
    ("shaping", aggregationviews, "_shown"),
    ("shaping", documents, "shaped"),
    ("shaping", aggregations, "shaped"),
    ("shaping", versions, "shaped"),
    ("shaping", compiling.CompiledContext, "complete_object_value"),
    ("executor", Schema, "perform"),
    ("encoding", answers, "of_data"),
    ("event", AccessLog, "record"),
    ("event", AccessLog, "insert"),
)
"""The name of a stage, and the functions it consists of."""

STAGES = tuple(dict.fromkeys(name for name, _, _ in TIMED))

BEFORE = ("limits, parsing", "executor", "encoding")
"""Of the trivial operation: what it costs before log-in, transaction and event."""

_THREADS = {"MainThread": "event loop", "graphql": "workers", "tokens": "log-in"}


@dataclass(frozen=True)
class Row:
    """CPU ms of one request by stage, and by thread."""

    database: str
    operation: str
    stages: dict[str, float]
    threads: dict[str, float]


class Watch:
    """Charges the CPU of each thread to the stage that it is in."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._local = threading.local()

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that is charged to a stage, without what it calls of other stages."""

        @wraps(function)
        def run(*given: Any, **named: Any) -> Any:
            stack = self._local.__dict__.setdefault("stack", [])
            self._charge(stack)
            stack.append(name)
            try:
                return function(*given, **named)
            finally:
                self._charge(stack)
                stack.pop()

        return run

    def _charge(self, stack: list[str]) -> None:
        now = time.thread_time_ns()
        if stack:
            self.spent[stack[-1]] += now - self._local.since
        self._local.since = now


@contextlib.contextmanager
def watching() -> Iterator[Watch]:
    """Time the stages while it is open."""
    watch = Watch()
    former = [(owner, name, vars(owner).get(name)) for _, owner, name in TIMED]
    for stage, owner, name in TIMED:
        setattr(owner, name, watch.timed(stage, getattr(owner, name)))
    try:
        yield watch
    finally:
        for owner, name, function in former:
            if function is None:
                delattr(owner, name)
            else:
                setattr(owner, name, function)


def run() -> list[Row]:
    """Measure on both databases."""
    rows: list[Row] = []
    for kind in ("sqlite", "postgresql"):
        with installations.fresh(kind) as settings:
            with contextlib.closing(open_house(settings)) as house:
                token = corpus.build(house)
                corpus.settle(house)
                asked = operations.operations(house)
            rows += _measured(kind, settings, token, asked)
    return rows


def _measured(kind: str, settings: Settings, token: str, asked: Sequence[operations.Asked]) -> Iterator[Row]:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    house = open_house(settings)

    def forget() -> None:
        house.works.equipment[KEPT] = Kept(settings.decide_once_items)  # type: ignore[index]  # a dict

    with watching() as watch, servers.within(create_app(house)) as server:
        for each in asked:
            for name, before in ((each.name, None), (f"{each.name}, cold", forget)):
                if before is not None and each.path != "/":
                    continue
                stages, threads = _one(server, each, headers, watch=watch, before=before)
                yield Row(kind, name, stages, threads)


def _one(
    server: servers.Server,
    asked: operations.Asked,
    headers: dict[str, str],
    *,
    watch: Watch,
    before: Callable[[], None] | None,
) -> tuple[dict[str, float], dict[str, float]]:
    def ask(requests: int) -> None:
        servers.load(server, "/graphql", asked.body, headers, requests=requests, before=before)

    ask(20)
    time.sleep(2.0)  # the threads beside come to their end
    watch.spent.clear()
    began = _threads()
    ask(REQUESTS)
    stages = {name: watch.spent[name] / REQUESTS / 1e6 for name in STAGES}
    ended = _threads()
    threads = {name: (ended[name] - began[name]) / REQUESTS * 1e3 for name in ended}
    return stages, threads


def _threads() -> Counter[str]:
    """Return the CPU seconds of this process by threads of one name, without the client's."""
    found: Counter[str] = Counter()
    for thread in threading.enumerate():
        if thread is threading.current_thread():
            continue
        with contextlib.suppress(OSError):
            spent = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text().split()[0]
            name = thread.name.split("_")[0]
            found[_THREADS.get(name, "event loop" if name.startswith("Thread-") else name)] += (
                int(spent) / 1e9
            )
    return found


def table(rows: Sequence[Row]) -> str:
    """Write the figures as Markdown."""
    threads = sorted({name for row in rows for name, spent in row.threads.items() if spent > 0.05})
    lines = ["| database | operation |" + "".join(f" {name} |" for name in STAGES)]
    lines.append("| --- | --- |" + " --- |" * len(STAGES))
    lines += [
        f"| {row.database} | {row.operation} |" + "".join(f" {row.stages[name]:.2f} |" for name in STAGES)
        for row in rows
    ]
    lines += ["", "| database | operation |" + "".join(f" {name} |" for name in threads)]
    lines.append("| --- | --- |" + " --- |" * len(threads))
    lines += [
        f"| {row.database} | {row.operation} |"
        + "".join(f" {row.threads.get(name, 0.0):.2f} |" for name in threads)
        for row in rows
    ]
    trivial = [row for row in rows if row.operation == "trivial"]
    lines += [
        f"\nTrivial before log-in, transaction and event, {row.database}: "
        f"{sum(row.stages[name] for name in BEFORE):.2f} ms"
        for row in trivial
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print."""
    del arguments
    print(table(run()))


if __name__ == "__main__":
    main(sys.argv[1:])
