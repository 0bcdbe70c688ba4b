"""Access at scale: lists, counts and decisions through the gate, against three ways without scopes.

`python -m benchmarks access --documents 1000000 --folder DIR` keeps the archive there for the next run. Times
are of the operation's body, from its first statement to its rows in hand; its access event is told apart.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks import accesschanges, accesscorpus, accessplan
from benchmarks.accesschanges import Changes
from benchmarks.accesspeers import EachRow, FromLines, Peer, StockCasbin, Truth, timed, visible_marks
from benchmarks.accessplan import BEGIN, MINUTE, Plan, Reader, Size, node_id, principal_id
from benchmarks.costs import Cost, Meter
from dms.access import gate
from dms.access.keyset import Order
from dms.access.reading import Visible
from dms.base.actor import Actor, ActorKind
from dms.base.paging import PageRequest, Position
from dms.house import House
from dms.models.documents import Document
from dms.rules.access import Action, NodeKind
from dms.rules.filters import Leaf, Operator
from dms.stores import conditions
from dms.stores.work import Work, session_of
from tests.statements import change_policy, counted

KINDS = ("sqlite", "postgresql")
ROUNDS = 25
PREFIX = "minutes of sitting 0000"
"""One Document in a hundred begins so."""

NEWEST = Order(Document.created_at, descending=True)
GROWN = ("418 lines", "1,000 lines")
"""Readers for whom more lines of others are measured."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Milliseconds of some rounds: CPU of this thread and of the server behind it, and by the clock."""

    p50: float
    p95: float
    clock_p50: float
    clock_p95: float
    best: float
    """CPU of the quickest round: what ratios are made of, since others disturb it least."""

    @classmethod
    def of(cls, found: Sequence[Cost]) -> Spread:
        """Sum up rounds."""
        ordered = [sorted(cost.cpu_s for cost in found), sorted(cost.clock_s for cost in found)]
        return cls(
            *(
                milliseconds * 1000
                for values in ordered
                for milliseconds in (statistics.median(values), values[int(len(values) * 0.95)])
            ),
            best=ordered[0][0] * 1000,
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure for one reader on one database."""

    database: str
    documents: int
    reader: str
    measure: str
    cold: Spread
    warm: Spread
    cold_statements: int
    warm_statements: int
    event: Spread


@dataclass(frozen=True, slots=True)
class PeerFigure:
    """The same page and count without scopes, in seconds; at least so many where patience ran out."""

    database: str
    documents: int
    reader: str
    peer: str
    page_s: float
    count_s: float


@dataclass(slots=True)
class Run:
    """What one database and size gave."""

    database: str
    documents: int
    figures: list[Figure] = field(default_factory=list)
    peers: list[PeerFigure] = field(default_factory=list)
    visible: dict[str, int] = field(default_factory=dict)
    foreign: dict[tuple[str, str], float] = field(default_factory=dict)
    """(reader, measure) -> how much longer with ten times the lines of others."""
    changes: Changes | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One reader in an open archive, and what is right for it."""

    house: House
    plan: Plan
    reader: Reader
    shown: Sequence[int]

    @property
    def actor(self) -> Actor:
        """The reader, as a door would hand it on."""
        return Actor(ActorKind.USER, principal_id(self.reader.principals[0]), None, "benchmark")

    def measures(self) -> dict[str, Iterator[Callable[[Work], object]]]:
        """Return what is measured: of each a body without end of turns."""
        middle = self.shown[len(self.shown) // 2]
        at = Position(BEGIN + middle * MINUTE, node_id(NodeKind.DOCUMENT, middle))
        place = node_id(NodeKind.AGGREGATION, self.plan.places[middle])
        prefix = conditions.text_key(Document.title_key, str)(Leaf("title", Operator.STARTS_WITH, (PREFIX,)))
        bodies: dict[str, Callable[[Work], object]] = {
            "page": lambda work: _listed(work).page(PageRequest(50)),
            "deep page": lambda work: _listed(work).page(PageRequest(50, after=at)),
            "page of one Aggregation": lambda work: (
                _listed(work).where(Document.aggregation_id == place).page(PageRequest(50))
            ),
            "page by title prefix": lambda work: _listed(work).where(prefix).page(PageRequest(50)),
            "exact count": lambda work: gate.visible(work, Document, Action.READ_METADATA).count(),
        }
        return {
            **{name: itertools.repeat(body) for name, body in bodies.items()},
            "one Document": self._ones(),
        }

    def check(self) -> None:
        """See that page and count are right."""
        page = self.house.works.read(self.actor, lambda work: _listed(work).page(PageRequest(50)))
        wanted = [node_id(NodeKind.DOCUMENT, number) for number in reversed(self.shown[-50:])]
        assert [row.id for row in page.rows] == wanted, self.reader.name
        visible = lambda work: gate.visible(work, Document, Action.READ_METADATA).count()  # noqa: E731
        assert self.house.works.read(self.actor, visible) == len(self.shown), self.reader.name

    def _ones(self) -> Iterator[Callable[[Work], object]]:
        step = max(1, len(self.shown) // 97)
        for number in itertools.cycle(self.shown[::step]):
            yield partial(_one, document_id=node_id(NodeKind.DOCUMENT, number))


def run(kind: str, size: Size, folder: Path, *, peers: bool = True, changes: bool = True) -> Run:
    """Measure one archive on one database."""
    plan = accessplan.make(size)
    found = Run(kind, size.documents)
    with accesscorpus.opened(kind, plan, folder) as house:
        gc.collect()
        gc.freeze()  # as the server does at its start
        for reader in plan.readers:
            shown = Truth(plan, reader).shown
            found.visible[reader.name] = len(shown)
            asked = Asked(house, plan, reader, shown)
            asked.check()
            found.figures += [
                _measured(asked, found, name, bodies) for name, bodies in asked.measures().items()
            ]
        if peers:
            found.peers = _peers(house, plan, found)
        if changes:
            found.changes = accesschanges.run(house, plan)
            found.foreign = _foreign(house, plan, found)
    return found


def _listed(work: Work) -> Visible[Document]:
    return gate.visible(work, Document, Action.READ_METADATA).order_by(NEWEST)


def _one(work: Work, document_id: UUID) -> Document:
    return gate.visible(work, Document, Action.READ_METADATA).one(document_id)


def _measured(asked: Asked, found: Run, measure: str, bodies: Iterator[Callable[[Work], object]]) -> Figure:
    cold, cold_statements, _ = _rounds(asked, bodies, is_cold=True)
    warm, warm_statements, event = _rounds(asked, bodies, is_cold=False)
    return Figure(
        found.database,
        found.documents,
        asked.reader.name,
        measure,
        cold,
        warm,
        cold_statements,
        warm_statements,
        event,
    )


def _rounds(
    asked: Asked, bodies: Iterator[Callable[[Work], object]], *, is_cold: bool
) -> tuple[Spread, int, Spread]:
    """Return the spread of the body, the statements of one turn, and what the event took besides."""
    house, inner, besides = asked.house, list[Cost](), list[Cost]()

    def once() -> None:
        if is_cold:
            change_policy(house)
        body, began = next(bodies), time.perf_counter()
        spent = house.works.read(asked.actor, lambda work: _metered(work, body))
        inner.append(spent)
        beside_s = time.perf_counter() - began - spent.clock_s
        besides.append(Cost(beside_s, beside_s))

    for _ in range(2):
        once()
    with counted(house) as statements:
        once()
    del inner[:], besides[:]
    for _ in range(ROUNDS):
        once()
    return Spread.of(inner), len(statements), Spread.of(besides)


def _metered(work: Work, body: Callable[[Work], object]) -> Cost:
    with Meter(session_of(work).connection()) as meter:
        body(work)
    return meter.cost


def _peers(house: House, plan: Plan, found: Run) -> list[PeerFigure]:
    marks = visible_marks(plan)
    stock = StockCasbin(house, plan)
    rows = []
    each: Sequence[Peer] = (EachRow(marks), FromLines(marks))
    for reader in plan.readers:
        for peer in each:
            page_s, _ = timed(house, partial(peer.page, reader=reader))
            count_s, number = timed(house, partial(peer.count, reader=reader))
            assert number in {None, found.visible[reader.name]}
            rows.append(PeerFigure(found.database, found.documents, reader.name, peer.name, page_s, count_s))
        rows.append(_stock(stock, plan, reader, found))
    return rows


def _stock(stock: StockCasbin, plan: Plan, reader: Reader, found: Run) -> PeerFigure:
    """Extrapolate from two decisions: to the rows before the page is full, and to all rows."""
    shown = Truth(plan, reader).shown
    asked = [plan.size.documents // 3, shown[-1]]
    each_s, decided = stock.decision_s(reader, asked, now=BEGIN + 1)
    assert decided == [number in set(shown) for number in asked]
    tested = plan.size.documents - (shown[-51] if len(shown) > 50 else 0)
    name = "stock Casbin in a loop"
    return PeerFigure(
        found.database, found.documents, reader.name, name, each_s * tested, each_s * plan.size.documents
    )


def _foreign(house: House, plan: Plan, found: Run) -> dict[tuple[str, str], float]:
    """Measure again with ten times the lines of others."""
    before = {}
    asked = [Asked(house, plan, reader, Truth(plan, reader).shown) for reader in plan.readers]
    grown = [each for each in asked if each.reader.name in GROWN]
    for is_before in (True, False):
        for each in grown:
            for name, bodies in each.measures().items():
                figure = _measured(each, found, name, bodies)
                key = (each.reader.name, name)
                if is_before:
                    before[key] = figure.cold.best
                else:
                    before[key] = figure.cold.best / before[key]
        if is_before:
            own = sum(entry.principal >= accesschanges.FOREIGN for entry in plan.entries)
            accesscorpus.more_entries(house, plan, count=9 * (len(plan.entries) - own))
    return before


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print what is asked for."""
    from benchmarks import accesstables  # noqa: PLC0415  it reads the classes of this module

    asked = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="dms-bench-access-") as passing:
        folder = Path(asked.folder or passing)
        folder.mkdir(parents=True, exist_ok=True)
        runs = []
        for documents, kind in itertools.product(asked.documents, asked.database or KINDS):
            size = Size(documents, entries=asked.entries)
            runs.append(run(kind, size, folder, peers=not asked.no_peers, changes=not asked.no_changes))
            print(f"{kind}, {documents:,} Documents: load {os.getloadavg()[0]:.1f}\n", flush=True)
    print(accesstables.everything(runs))


def _options(arguments: Sequence[str]) -> Any:  # a namespace of the options
    parser = argparse.ArgumentParser("benchmarks access")
    parser.add_argument("--documents", type=int, nargs="+", default=[100_000])
    parser.add_argument("--entries", type=int, default=Size().entries)
    parser.add_argument("--database", choices=KINDS, nargs="+")
    parser.add_argument("--folder", help="where archives are kept for the next run; default: thrown away")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--no-changes", action="store_true")
    return parser.parse_args(arguments)
