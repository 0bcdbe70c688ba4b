"""Revocation against reading, in hundreds of orders: what begins after the commit releases nothing.

Two workers read, a third revokes; each stops before each of its steps and goes on when the drawn order
says so. On SQLite they are threads of one process; on PostgreSQL one of the readers is a process of its
own, which is now and then stopped as a whole while it holds its snapshot.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

import hypothesis
import pytest

from dms.models.users import PrincipalKind
from dms.rules.access import Action, NodeKind
from dms.services import versions
from dms.services.versions import NamedUpload
from tests import factories
from tests.access.racing import READS, REVOKES, ProcessRacer, ThreadRacer
from tests.conftest import opened_house
from tests.desk import Desk
from tests.factories import World
from tests.logged import logged

IS_DEEP = hypothesis.settings.default.max_examples >= 5000
ORDERS = 5000 if IS_DEEP else 250
"""How many interleavings are drawn for each database, with decisions kept and without."""


@pytest.fixture(scope="module", params=[True, False], ids=["decided-once", "decided-anew"])
def house(request, engine_kind, installation):
    with installation(engine_kind, decide_once=request.param) as settings, opened_house(settings) as made:
        yield made


@pytest.fixture(scope="module")
def world(house):
    return World(house)


@dataclass
class Case:
    """One revocation and two readings that it meets."""

    kind: str
    asked: dict[str, object]
    by: UUID
    reads: tuple[str, str]
    order: list[int]
    freezes: bool
    is_close: bool
    """Both read immediately before and after, too."""
    committed: bool = False
    looked_after: dict[int, bool] = field(default_factory=dict)

    def reading(self, number, request):
        return {"do": "read", "kind": self.reads[number], "request": request, "by": self.asked["user"]}


class Shelf:
    """Letters that people may read through an entry on the Document, above it, or on its class."""

    def __init__(self, house, world):
        self.world, self.desk = world, Desk(house, world)
        world.level(200)
        self.officer = world.officer()
        self.administrator = world.officer(role="administrator")
        self.clerk, self.archivist = world.user(), world.user(rank=400)
        self.folder, self.record_class = world.aggregation(), world.record_class()
        for action in (Action.EDIT, Action.READ_CONTENT):
            world.entry(self.clerk, self.folder, action)
        world.entry(self.archivist, self.folder, Action.MARK)
        self.letter = self.new_letter()

    def new_letter(self, plain=b"Dear Sir"):
        document = self.world.document(self.folder, record_class_id=self.record_class)
        upload = NamedUpload(self.desk.upload(self.clerk, plain), "letter.txt")
        version = self.desk.do(self.clerk, versions.add, document, expected_revision=1, upload=upload)
        return document, version

    def case(self, work, kind, *, letter):
        """Let a new user read a letter; returns what a racer needs to take that away."""
        document, version = letter
        user = factories.make_user(work, rank=None)
        clearance = factories.make_clearance(work, user, factories.Mark(100))
        names, node, node_kind = user, self.folder, NodeKind.AGGREGATION
        asked = {"user": user, "document": document, "version": version, "clearance": clearance}
        if kind == "link":
            names = asked["group"] = factories.make_principal(work, PrincipalKind.GROUP)
            factories.make_link(work, user, names)
        if kind == "entry on the document":
            node, node_kind = document, NodeKind.DOCUMENT
        if kind == "entry on the class":
            node, node_kind = self.record_class, NodeKind.CLASS
        asked["entry"] = factories.make_entry(work, names, node, Action.READ_CONTENT, kind=node_kind)
        return asked

    def revoker(self, kind):
        return {"account": self.administrator, "mark": self.archivist}.get(kind, self.officer)


def draw(shelf, number, *, seed):
    """Make as many cases, each kind of revocation and of reading in turn, in orders drawn at random."""
    dice = random.Random(seed)
    kinds, readings = list(REVOKES), list(READS)
    letters = [shelf.new_letter() if kinds[n % len(kinds)] == "mark" else shelf.letter for n in range(number)]

    def body(work):
        for n in range(number):
            kind = kinds[n % len(kinds)]
            order = [0] * 3 + [1] * 3 + [2] * 3
            dice.shuffle(order)
            yield Case(
                kind,
                {**shelf.case(work, kind, letter=letters[n]), "revision": 2},
                shelf.revoker(kind),
                (dice.choice(readings), dice.choice(readings)),
                order,
                dice.random() < 0.2,
                dice.random() < 0.2,
            )

    return shelf.world.build(lambda work: list(body(work)))


@pytest.fixture(scope="module")
def racers(house, engine_kind):
    """Two readers and, last, the one who revokes."""
    readers = [ThreadRacer(house), ThreadRacer(house)]
    if engine_kind == "postgresql":
        readers[1].close()
        readers[1] = ProcessRacer(house.settings)
    made = [*readers, ThreadRacer(house)]
    yield made
    for one in made:
        one.close()


def test_no_reading_that_begins_after_the_revocation_releases_anything(house, world, racers):
    shelf = Shelf(house, world)
    cases = draw(shelf, ORDERS, seed=3)
    found = Counter()

    results = {f"race-{n}": race(racers, case, f"race-{n}") for n, case in enumerate(cases)}

    events = {event.fields["request"]: event.fields for event in logged(house.database)}
    for n, case in enumerate(cases):
        found.update(judge(case, results[f"race-{n}"], events, f"race-{n}"))
    assert {what: count for what, count in found.items() if what not in EXPECTED} == {}
    assert min(found[what] for what in EXPECTED) > ORDERS // 4


EXPECTED = ("before", "after")


def race(racers, case, request):
    """Let the three meet in the order of the case; returns what each of them got."""
    *readers, writer = racers
    for number, reader in enumerate(readers if case.is_close else ()):
        warm = reader.whole({**case.asked, **case.reading(number, f"{request}-warm")})
        assert warm["released"], (case, warm)
    steps = Counter()
    for who in case.order:
        _advance(racers[who], case, who, steps[who], request)
        steps[who] += 1
    results = {"revoke": writer.result()}
    results |= {number: reader.result() for number, reader in enumerate(readers)}
    for number, reader in enumerate(readers if case.is_close else ()):
        late = reader.whole({**case.asked, **case.reading(number, f"{request}-late")})
        assert not late["released"], (case, late)
    return results


def _advance(racer, case, who, step, request):
    if who == 2:
        if step == 0:
            racer.begin({**case.asked, "do": "revoke", "kind": case.kind, "by": case.by, "request": request})
        else:
            racer.step()
        case.committed = case.committed or step == 2
    elif step == 0:
        racer.begin({**case.asked, **case.reading(who, f"{request}-{who}")})
    elif step == 1:
        case.looked_after[who] = case.committed
        racer.step()
        if case.freezes:
            racer.freeze()
    else:
        racer.thaw()
        racer.step()


def judge(case, results, events, request):
    """Say of each reading whether it got what it is entitled to, and its event agrees."""
    revoked = results["revoke"]
    for number in (0, 1):
        result, event = results[number], events[f"{request}-{number}"]
        is_late = case.looked_after[number]
        if result["released"] != entitled(case, is_late=is_late, read=result, revoked=revoked):
            yield f"{case.kind}: {'RELEASED' if result['released'] else 'refused'} wrongly"
        shows = bool(event["released"]) or (case.reads[number] == "count" and result["released"])
        if shows != result["released"]:
            yield f"{case.kind}: the event differs from the answer"
        if event["policy"]["revision"] != revoked["after" if is_late else "before"]:
            yield f"{case.kind}: the event names another revision"
        yield "after" if is_late else "before"


def entitled(case, *, is_late, read, revoked):
    """Stricter than the promise: what has begun before the commit, but not looked, releases nothing.

    Only a deny holds from its own instant on: who read the clock before it is not held by it.
    """
    return not is_late or (case.kind == "deny" and read["now"] < revoked["now"])
