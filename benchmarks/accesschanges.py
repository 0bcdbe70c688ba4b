"""Changes of the policy beside readers: a first entry high up in the tree, and further ones anywhere."""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from benchmarks import accessplan
from benchmarks.accessplan import Plan, node_id, principal_id
from benchmarks.costs import Meter
from dms.access import gate, revisions
from dms.access.keyset import Order
from dms.base.actor import Actor, ActorKind
from dms.base.errors import DmsError
from dms.base.paging import PageRequest
from dms.house import House
from dms.jobs.caretaking import Caretaker
from dms.models.documents import Document
from dms.rules.access import Action, Effect, NodeKind
from dms.services import accesslists, accessnodes
from dms.services.accesslists import EntryDraft
from dms.stores.work import Work, session_of
from tests.factories import World
from tests.statements import counted

T = TypeVar("T")

FOREIGN = accessplan.FOREIGN_USERS + accessplan.FOREIGN_GROUPS
"""Principals below this number are nobody whose lists are measured."""

MOVED = 100_000
"""So many Documents should hang on the node of the first entry, or as many as there are."""

QUIET_S = 3.0
GRANTS = 15


@dataclass(frozen=True, slots=True)
class Changes:
    """What changes took, and what readers noticed."""

    moved: int
    """Documents that got a new scope by the first entry."""
    first_entry_s: float
    pause_ms: float
    """The longest time between two answers of a reader meanwhile."""
    unanswered: int
    """So many of its questions ended in an error instead."""
    quiet_pause_ms: float
    """The same while nothing is changed."""
    grant_ms: tuple[float, float]
    """CPU on a node with few Documents below it, and on that of the first entry."""
    revoke_ms: tuple[float, float]
    statements: tuple[int, int]
    """Of a grant, and of a revocation."""


def run(house: House, plan: Plan) -> Changes:
    """Make a first entry while a reader goes on, then grant and revoke."""
    officer = Actor(ActorKind.USER, World(house).officer(), None, "benchmark")
    widest, moved = _widest(plan)
    reader = Actor(ActorKind.USER, principal_id(plan.readers[2].principals[0]), None, "benchmark")
    quiet, _ = _longest_pause(house, reader, lambda: time.sleep(QUIET_S))
    began = time.perf_counter()
    pause, unanswered = _longest_pause(house, reader, lambda: _make_ready(house, officer, widest))
    first_s = time.perf_counter() - began
    few, many = (_further(house, officer, node) for node in (plan.old_folder, widest))
    grants, revokes = zip(few, many, strict=True)
    return Changes(
        moved, first_s, pause, unanswered, quiet, grants, revokes, _statements(house, officer, widest)
    )


def _widest(plan: Plan) -> tuple[int, int]:
    """Return the Aggregation without entries on which most Documents would hang, and how many."""
    named = set(plan.named)
    hanging: Counter[int] = Counter()
    for place, held in Counter(plan.places).items():
        for node in accessplan.chain(plan.parents, place):
            if node in named:
                break
            hanging[node] += held
    return min(hanging.items(), key=lambda found: abs(found[1] - MOVED))


def _make_ready(house: House, officer: Actor, node: int) -> None:
    at = node_id(NodeKind.AGGREGATION, node)
    house.works.write(officer, lambda work: accessnodes.prepare(work, NodeKind.AGGREGATION, node_id=at))
    Caretaker(house.works).look(is_sweep=False)


def _longest_pause(house: House, reader: Actor, body: Callable[[], None]) -> tuple[float, int]:
    """Return the longest time in ms between a reader's pages while something is done, and its errors."""
    answered, failed, stopped = [time.perf_counter()], list[DmsError](), threading.Event()

    def page(work: Work) -> object:
        newest = Order(Document.created_at, descending=True)
        return gate.visible(work, Document, Action.READ_METADATA).order_by(newest).page(PageRequest(50))

    def read() -> None:
        while not stopped.is_set():
            try:
                house.works.read(reader, page)
            except DmsError as error:
                failed.append(error)
            else:
                answered.append(time.perf_counter())

    thread = threading.Thread(target=read)
    thread.start()
    try:
        body()
    finally:
        stopped.set()
        thread.join()
    answered.append(time.perf_counter())
    return max(later - earlier for earlier, later in itertools.pairwise(answered)) * 1000, len(failed)


def _further(house: House, officer: Actor, node: int) -> tuple[float, float]:
    """Return the medians in ms of CPU of granting and revoking on an access node."""
    turns = [_turn(house, officer, node, number) for number in range(GRANTS + 2)][2:]
    granted, revoked = zip(*turns, strict=True)
    return statistics.median(granted) * 1000, statistics.median(revoked) * 1000


def _statements(house: House, officer: Actor, node: int) -> tuple[int, int]:
    """Return how many statements a grant sends, and a revocation."""
    with counted(house) as sent:
        entry, _ = _metered(house, officer, lambda work: accesslists.grant(work, _draft(node, GRANTS + 2)).id)
        granting = len(sent)
        _metered(house, officer, lambda work: accesslists.revoke(work, entry_id=entry, reason="benchmark"))
    return granting, len(sent) - granting


def _turn(house: House, officer: Actor, node: int, number: int) -> tuple[float, float]:
    entry, granted = _metered(house, officer, lambda work: accesslists.grant(work, _draft(node, number)).id)
    _, revoked = _metered(
        house, officer, lambda work: accesslists.revoke(work, entry_id=entry, reason="benchmark")
    )
    return granted, revoked


def _draft(node: int, number: int) -> EntryDraft:
    return EntryDraft(
        principal_id(number),
        NodeKind.AGGREGATION,
        node_id(NodeKind.AGGREGATION, node),
        Action.READ_CONTENT,
        Effect.ALLOW,
        None,
        None,
        "benchmark",
    )


def _metered(house: House, officer: Actor, body: Callable[[Work], T]) -> tuple[T, float]:
    """Change the policy; return what the body returns, and its seconds of CPU."""

    def once(work: Work) -> tuple[T, float]:
        with Meter(session_of(work).connection()) as meter:
            made = body(work)
            work.flush()
        return made, meter.cost.cpu_s

    return house.works.write(officer, once, locks=(revisions.LOCK,))
