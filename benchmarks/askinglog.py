"""An auditor's questions to a large access log: whoSaw, whatSaw, events of a thing, statistics.

`python -m benchmarks.askinglog --events 5000000 --folder DIR` keeps the log there for the next run. Times are
of the service, from its first statement to its rows in hand, on a log of a year; each round asks about
another person or Document. The limit, in the same run: the same answer with postings that hold no more than
Document and leaf, through leaf and event.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import bindparam, text

from benchmarks import logcorpus
from benchmarks.costs import Cost, Meter
from benchmarks.logcorpus import BEGIN, DAYS, PEOPLE, Size, document_id, person_id
from dms.access.log.eventfilters import EventFilter
from dms.access.log.questions import Asked
from dms.access.log.statistics import Counting, Dimension
from dms.base.actor import Actor, ActorKind, system_actor
from dms.base.clock import DAY
from dms.base.paging import PageRequest
from dms.house import House
from dms.models.types import Id
from dms.rules.accessevents import Disclosure
from dms.services import accessevents, logquestions, logstatistics
from dms.services.logquestions import Wanted
from dms.stores.work import Work, session_of
from tests.factories import World

ROUNDS = 40
MONTH = Asked(Disclosure.EXISTENCE, BEGIN + 200 * DAY, BEGIN + 230 * DAY)
YEAR = Asked()
PAGE = PageRequest(50, want_total=True)
FIRST = PageRequest(50)

_THROUGH_EVENTS = """
SELECT e.actor_id, min(e.at), max(e.at), count(*), max(s.disclosure)
FROM (SELECT leaf_index, disclosure FROM access_seen WHERE object_id = :object AND disclosure >= 1) s
JOIN access_leaf l ON l.leaf_index = s.leaf_index
JOIN access_event e ON e.event_id = l.event_id {partition}
GROUP BY e.actor_id
"""

Body = Callable[[Work], object]


@dataclass(frozen=True, slots=True)
class Row:
    """One question on one database, in milliseconds."""

    database: str
    question: str
    p50: float
    p95: float
    cpu_p50: float

    @classmethod
    def of(cls, database: str, question: str, found: Sequence[Cost]) -> Row:
        """Sum up rounds."""
        clock = sorted(cost.clock_s * 1000 for cost in found)
        cpu = statistics.median(cost.cpu_s * 1000 for cost in found)
        return cls(database, question, statistics.median(clock), clock[int(len(clock) * 0.95)], cpu)


def run(kind: str, size: Size, folder: Path | None) -> list[Row]:
    """Measure one log on one database."""
    began = time.perf_counter()
    with logcorpus.opened(kind, size, folder) as house:
        auditor = _auditor(house)
        print(f"{kind}: {size.events:,} events in {time.perf_counter() - began:.0f} s", flush=True)
        return [
            Row.of(kind, name, list(_rounds(house, auditor, bodies)))
            for name, bodies in questions(size, is_sqlite=house.database.is_sqlite).items()
        ]


def questions(size: Size, *, is_sqlite: bool) -> dict[str, Iterator[Body]]:
    """Return what is asked: of each a body for every round, about somebody or something else."""
    draw = random.Random(11)  # noqa: S311  nobody is to be surprised
    documents = [int(size.documents * draw.random()) for _ in range(ROUNDS)]
    known = [int(size.documents * draw.random() ** 3) for _ in range(ROUNDS)]
    people = [int(PEOPLE * draw.random()) for _ in range(ROUNDS)]
    return {
        "whoSaw, a Document": map(_who, documents),
        "whoSaw, a Document as often as it is named": map(_who, known),
        "whoSaw, the best known": map(_who, [0] * 5),
        "limit: through leaf and event, a Document": (_through(each, is_sqlite) for each in documents),
        "limit: through leaf and event, the best known": (_through(each, is_sqlite) for each in [0] * 5),
        "whoSaw with operations, a Document": (_who(each, ops=True) for each in documents),
        "whatSaw, a month of a person": (_what(each, MONTH) for each in people),
        "whatSaw, the year of a person": (_what(each, YEAR) for each in people),
        "whatSaw, the year of the busiest": (_what(each, YEAR) for each in [0] * 5),
        "whatSaw with total, a month of a person": (_what(each, MONTH, PAGE) for each in people),
        "whatSaw with total, the year of a person": (_what(each, YEAR, PAGE) for each in people),
        "accessEvents of a Document": map(_events, documents),
        "accessEvents of the best known": map(_events, [0] * 5),
        "accessStatistics, a month by operation and day": (
            _counted(Dimension.OP, Dimension.DAY, days=30) for _ in range(10)
        ),
        "accessStatistics, the year by person": (_counted(Dimension.ACTOR, days=DAYS) for _ in range(3)),
        "accessStatistics, a month by class": (_counted(Dimension.CLASS, days=30) for _ in range(3)),
    }


def table(rows: Sequence[Row]) -> str:
    """Return the figures as a Markdown table."""
    head = "| database | question | p50 ms | p95 ms | CPU p50 ms |\n| --- | --- | --- | --- | --- |"
    lines = [
        f"| {row.database} | {row.question} | {row.p50:,.1f} | {row.p95:,.1f} | {row.cpu_p50:,.1f} |"
        for row in rows
    ]
    return "\n".join([head, *lines])


def _rounds(house: House, auditor: Actor, bodies: Iterator[Body]) -> Iterator[Cost]:
    for body in bodies:
        yield house.works.read(auditor, lambda work, body=body: _measured(work, body))


def _measured(work: Work, body: Body) -> Cost:
    with Meter(session_of(work).connection()) as meter:
        body(work)
    return meter.cost


def _who(number: int, *, ops: bool = False) -> Body:
    thing = document_id(number)
    return lambda work: logquestions.who_saw(work, thing, PAGE, asked=YEAR, wanted=Wanted(ops=ops))


def _what(number: int, asked: Asked, request: PageRequest = FIRST) -> Body:
    person = person_id(number)
    return lambda work: logquestions.what_saw(work, person, request, asked=asked, wanted=Wanted())


def _through(number: int, is_sqlite: bool) -> Body:  # noqa: FBT001  which text
    partition = "" if is_sqlite else "AND e.at = l.at AND e.lasting = l.lasting"
    statement = text(_THROUGH_EVENTS.format(partition=partition)).bindparams(bindparam("object", type_=Id()))
    thing = document_id(number)
    return lambda work: session_of(work).execute(statement, {"object": thing}).all()


def _events(number: int) -> Body:
    wanted = EventFilter(object_id=document_id(number))
    return lambda work: accessevents.page(
        work, FIRST, found=wanted, descending=True, wanted=accessevents.Wanted()
    )


def _counted(*by: Dimension, days: int) -> Body:
    first = BEGIN // DAY
    asked = Counting(by, since=first, until=first + days)
    return lambda work: logstatistics.page(work, FIRST, asked=asked)


def _auditor(house: House) -> Actor:
    name = f"auditor-{time.monotonic_ns()}"
    account = World(house).officer(name, role="auditor", rank=100)
    house.works.read(system_actor("benchmark"), lambda work: work.notes.event_id)
    return Actor(ActorKind.USER, account, None, "benchmark")


def main(given: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=int(os.environ.get("DMS_BENCH_EVENTS", "100000")))
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--folder", help="where logs are kept for the next run; default: thrown away")
    asked = parser.parse_args(given)
    folder = None if asked.folder is None else Path(asked.folder)
    rows: list[Row] = []
    for kind in asked.database or ("sqlite", "postgresql"):
        rows += run(kind, Size(asked.events), folder)
    print(table(rows))


if __name__ == "__main__":
    main()
