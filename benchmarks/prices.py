"""What a point buys: the CPU of every priced report, and of pages, against the points that they cost.

`python -m benchmarks prices`. An archive of the access benchmarks and a log of a year, on SQLite. CPU is that
of the thread from the begin of the unit of work to its end, warm, the median of some rounds; points are what
the answer was charged in the end. The unit is a page of 50 Documents: 1.0 means that a point buys as much.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks import accesscorpus, accessplan, logcorpus, page
from benchmarks.accessplan import Plan, node_id, principal_id
from benchmarks.logcorpus import document_id, person_id
from dms.base.ids import Kind, global_id, new_id
from dms.graphql.buckets import Buckets
from dms.graphql.context import Context, Door
from dms.graphql.operations import Operation, Operations
from dms.graphql.schema import Schema, build_schema
from dms.house import House
from dms.rules.access import NodeKind
from dms.stores.cursor_keys import CursorKeys
from dms.stores.work import Work
from tests.factories import World, actor

ROUNDS = 9
LONGEST_S = 6.0
"""A question is not asked again for longer than this."""

EXAMPLES = Path(__file__).parents[1] / "schema" / "operations"
UNIT = "documents, 50 with three links"
NOTHING = "nothing"
"""What every operation takes, whatever it asks: points do not pay for it."""


@dataclass(frozen=True, slots=True)
class Question:
    """An operation of somebody."""

    name: str
    asker: UUID
    text: str
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """What a question was charged, and the CPU that it took."""

    name: str
    points: int
    cpu_ms: float

    def beyond(self, nothing: Row) -> Row:
        """Return it without what every operation takes."""
        return Row(self.name, self.points, max(self.cpu_ms - nothing.cpu_ms, 0.0))

    @property
    def us_a_point(self) -> float:
        """Return the microseconds that a point bought."""
        return self.cpu_ms * 1000 / self.points


class Desk:
    """Asks an installation as its GraphQL door does, in this thread."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._schema: Schema = build_schema()
        self._operations = Operations(self._schema, production=False, introspection=True)
        buckets = Buckets(10**9, per_s=10**9)
        self._door = Door(house.settings, CursorKeys.open(house.settings.home), buckets)

    def measured(self, question: Question) -> Row:
        """Ask again and again."""
        operation = self._operations.prepare(
            question.text, None, is_trusted=False, variables=question.variables, on_new=lambda _points: None
        )
        assert isinstance(operation, Operation), (question.name, operation)
        ask = partial(self._ask, question, operation)
        points, _ = ask(), ask()
        found: list[float] = []
        began = time.perf_counter()
        while len(found) < ROUNDS and (not found or time.perf_counter() - began < LONGEST_S):
            before_s = time.thread_time()
            ask()
            found.append(time.thread_time() - before_s)
        return Row(question.name, points, statistics.median(found) * 1000)

    def _ask(self, question: Question, operation: Operation) -> int:
        def body(work: Work) -> Mapping[str, Any]:
            context = Context(work, self._door, operation.document, operation.shapes)
            result = self._schema.perform(context, variables=dict(question.variables), operation_name=None)
            assert not result.errors, (question.name, result.errors)
            assert None not in (result.data or {}).values(), (question.name, result.data)
            return result.data or {}

        return operation.points_of(self._house.works.read(actor(question.asker), body), question.variables)


def run(folder: Path, *, documents: int, events: int) -> list[Row]:
    """Measure everything."""
    plan = accessplan.make(accessplan.Size(documents, documents // 2, 600, 400, 80, documents // 2))
    rows: list[Row] = []
    with accesscorpus.opened("sqlite", plan, folder) as house:
        desk = Desk(house)
        rows += _measured(desk, about_access(house, plan))
    with logcorpus.opened("sqlite", logcorpus.Size(events), folder) as house:
        desk = Desk(house)
        rows += _measured(desk, about_log(house))
    return rows


def _measured(desk: Desk, questions: Iterator[Question]) -> list[Row]:
    nothing, *found = (desk.measured(each) for each in questions)
    return [row.beyond(nothing) for row in found]


def about_access(house: House, plan: Plan) -> Iterator[Question]:
    """Yield pages of a reader, and what an officer asks."""
    world = World(house)
    officer = world.officer(rank=500)
    reader = plan.readers[2]
    account = principal_id(reader.principals[0])
    asked = {
        "principalId": global_id(Kind.USER, account),
        "nodeId": global_id(Kind.AGGREGATION, node_id(NodeKind.AGGREGATION, plan.named[0])),
        "action": "READ_METADATA",
    }
    period = {"since": "2020-01-01T00:00:00Z", "until": "2036-01-01T00:00:00Z"}
    yield Question(NOTHING, account, "{ rateLimit { limit } }", {})
    yield Question(UNIT, account, page.QUERY, {"first": 50})
    yield Question("documents, 50 ids", account, "{ documents(first: 50) { nodes { id } } }", {})
    yield Question("aggregations, 50", account, _PLACES, {})
    yield Question("users, 50", officer, "{ users(first: 50) { nodes { id name displayName } } }", {})
    yield Question("accessCheck", officer, _example("officer/access-check"), asked)
    yield Question("accessExplain", officer, _example("officer/access-explain"), asked)
    yield Question("whoCanSee", officer, _example("officer/who-can-see"), asked)
    yield Question("whatCanSee", officer, _example("officer/what-can-see"), {**asked, "kind": "DOCUMENT"})
    yield Question("couldHaveSeen", officer, _example("auditor/could-have-seen"), {**asked, **period})
    yield Question("accessFindings, 50 of all kinds", officer, _FINDINGS, {})
    yield Question("accessFindings with totals", officer, _example("officer/access-findings"), {})
    yield Question("accessChangePreview", officer, _example("officer/access-change-preview"), _grant(asked))
    yield Question("policyRevisions", officer, _example("officer/policy-revisions"), {})
    yield Question("inventory of everything", account, _example("documents/inventory"), {})


def about_log(house: House) -> Iterator[Question]:
    """Yield what an auditor asks."""
    auditor = World(house).officer(f"auditor-{new_id().hex}", role="auditor", rank=500)
    month = {"since": "2025-08-01T00:00:00Z", "until": "2025-09-01T00:00:00Z"}
    of_person = {"filter": {"actorId": global_id(Kind.USER, person_id(0))}}
    refused = {"filter": {"outcome": "REFUSED"}}
    seen = {"objectId": global_id(Kind.DOCUMENT, document_id(0))}
    yield Question(NOTHING, auditor, "{ rateLimit { limit } }", {})
    yield Question("accessEvents, newest 50", auditor, _example("auditor/access-events"), {})
    yield Question("whoSaw", auditor, _example("auditor/who-saw"), seen)
    yield Question("accessEvents of an account", auditor, _example("auditor/access-events"), of_person)
    yield Question("accessEvents, refused", auditor, _example("auditor/access-events"), refused)
    yield Question("whoSaw, a month", auditor, _example("auditor/who-saw"), {**seen, **month})
    yield Question(
        "accessStatistics by op", auditor, _example("auditor/access-statistics"), {"groupBy": ["OP"]}
    )
    yield Question(
        "accessStatistics by day", auditor, _example("auditor/access-statistics"), {"groupBy": ["DAY"]}
    )


def _example(name: str) -> str:
    return (EXAMPLES / f"{name}.graphql").read_text(encoding="utf-8")


def _grant(asked: Mapping[str, str]) -> dict[str, Any]:
    names = ("principalId", "nodeId", "action")
    return {"changes": [{"entryGrant": {**{name: asked[name] for name in names}, "effect": "ALLOW"}}]}


_FINDINGS = "{ accessFindings(first: 50) { nodes { kind why remedy } } }"
_PLACES = "{ aggregations(first: 50) { nodes { id referenceCode title level parent { id } } } }"


def table(rows: Sequence[Row]) -> str:
    """Return the figures as Markdown."""
    unit = next(row.us_a_point for row in rows if row.name == UNIT)
    lines = ["| question | points | CPU ms | a point, as multiple of a page's |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {row.name} | {row.points} | {row.cpu_ms:.1f} | {row.us_a_point / unit:.1f} |" for row in rows
    ]
    return "\n".join([*lines, "", f"A point of a page is {unit:.0f} us."])


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("benchmarks prices")
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--folder", help="where archive and log are kept for the next run")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="dms-bench-prices-") as passing:
        folder = Path(asked.folder or passing)
        folder.mkdir(parents=True, exist_ok=True)
        print(table(run(folder, documents=asked.documents, events=asked.events)))
