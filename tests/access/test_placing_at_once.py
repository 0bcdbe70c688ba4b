"""Placing and restructuring at once: registrations meet first entries, moves, fillings and folds.

After each round what is stored must equal a rebuild: no Document is left in the scope of a node that is
no longer its nearest, and no counter has lost a change.
"""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import hypothesis
import pytest

from dms.access import accessnodes, scopes
from dms.base.actor import system_actor
from dms.base.errors import Conflict, DmsError, Invalid, State
from dms.models.aggregations import Aggregation
from dms.models.documents import Document, Medium
from dms.models.users import PrincipalKind
from dms.rules.access import Action, Effect, NodeKind
from dms.services import accesslists, aggregations, documents
from dms.services.accesslists import EntryDraft
from dms.services.documents import NewDocument
from dms.stores.work import session_of
from tests import factories
from tests.access import rebuilt
from tests.factories import World, actor

IS_DEEP = hypothesis.settings.default.max_examples >= 5000
ROUNDS = 60 if IS_DEEP else 6
WORKERS, STEPS = 4, 8


class Archive:
    """A few places and Documents that many move about at once."""

    def __init__(self, house):
        self.house, self.world = house, World(house)
        self.officer = self.world.officer()
        self.archivist = self.world.user(rank=400)
        self.group = self.world.principal(PrincipalKind.GROUP)
        self.world.build(self._open)
        self.classes = [self.world.record_class() for _ in range(2)]
        self.classes.append(self.world.record_class(self.classes[0]))
        self.shaft = [self.world.aggregation()]
        for _ in range(5):
            self.shaft.append(self.world.aggregation(self.shaft[-1]))
        self.documents = [self.world.document(place) for place in self.shaft]

    def _open(self, work):
        node = scopes.roof(work).repository_id
        for action in (Action.FILE, Action.EDIT, Action.READ_CONTENT):
            factories.make_entry(work, self.archivist, node, action, kind=NodeKind.REPOSITORY)

    def register(self, dice):
        draft = NewDocument(
            dice.choice(self.shaft), "Letter", Medium.DIGITAL, record_class_id=dice.choice(self.classes)
        )
        self._do(self.archivist, documents.register, draft)

    def refile(self, dice):
        self._change(
            documents.refile, Document, dice.choice(self.documents), aggregation_id=dice.choice(self.shaft)
        )

    def assign_class(self, dice):
        key = dice.choice(self.documents)
        self._change(documents.assign_class, Document, key, record_class_id=dice.choice(self.classes))

    def rearrange(self, dice):
        key, parent = dice.choice(self.shaft), dice.choice([None, *self.shaft])
        self._change(aggregations.rearrange, Aggregation, key, parent_id=parent)

    def grant(self, dice):
        kind, node = dice.choice(
            [(NodeKind.AGGREGATION, dice.choice(self.shaft)), (NodeKind.CLASS, dice.choice(self.classes))]
        )
        draft = EntryDraft(
            principal_id=self.group,
            node_kind=kind,
            node_id=node,
            action=dice.choice(list(Action)),
            effect=dice.choice(list(Effect)),
            valid_from=None,
            valid_until=None,
            reason="at once",
        )
        self._do(self.officer, accesslists.grant, draft)

    def begin(self, dice):
        """Begin a node as if too much lay below it, and leave it to be filled."""
        node = dice.choice(self.shaft)

        def body(work):
            if accessnodes.state(work, node) is None:
                work.needs_lock(accessnodes.RESTRUCTURES)
                accessnodes._begin(work, NodeKind.AGGREGATION, node)

        self.house.works.write(system_actor("fill"), body)

    def fill(self, dice):
        def body(work):
            for node in accessnodes.filling(work)[:1]:
                accessnodes.fill(work, node, limit=2)

        self.house.works.write(system_actor("fill"), body)

    def fold(self, _dice):
        scopes.fold(self.house.database)

    def _change(self, use_case, model, key, **options):
        def body(work):
            row = session_of(work).get(model, key)
            use_case(work, key, expected_revision=row.revision, reason="at once", **options)

        self.house.works.write(actor(self.archivist), body)

    def _do(self, who, use_case, draft):
        self.house.works.write(actor(who), lambda work: use_case(work, draft))

    def differences(self):
        return self.house.works.read(system_actor("test"), lambda work: rebuilt.differences(session_of(work)))


@pytest.fixture(scope="module")
def archive(house):
    return Archive(house)


EXPECTED = (Conflict, Invalid, State, LookupError)
"""What a use case may answer: another was first, it is there already, the node is not ready."""


def work_through(archive, seed):
    """Do a few things drawn from a seed; returns what was done and what else went wrong."""
    dice = random.Random(seed)
    kinds = [archive.register] * 3 + [archive.refile, archive.assign_class, archive.rearrange]
    kinds += [archive.grant, archive.grant, archive.begin, archive.fill, archive.fill, archive.fold]
    done, wrong = [], []
    for _ in range(STEPS):
        step = dice.choice(kinds)
        try:
            step(dice)
        except EXPECTED:
            continue
        except DmsError as error:
            wrong.append((step.__name__, repr(error)))
        done.append(step.__name__)
    return done, wrong


def test_whatever_happens_at_once_scopes_and_counters_equal_a_rebuild(archive):
    done: list[str] = []
    for number in range(ROUNDS):
        seeds = [number * WORKERS + worker for worker in range(WORKERS)]

        with ThreadPoolExecutor(WORKERS) as threads:
            outcomes = list(threads.map(lambda seed: work_through(archive, seed), seeds))

        assert archive.differences() == []
        assert [wrong for _, wrongs in outcomes for wrong in wrongs if "Busy" not in wrong[1]] == []
        done += [step for steps, _ in outcomes for step in steps]
    assert {"register", "refile", "assign_class", "rearrange", "grant", "begin", "fill", "fold"} <= set(done)


@pytest.mark.parametrize("first", ["registration", "entry"])
def test_registration_and_first_entry_wait_for_each_other(house, world, first):
    """Whoever comes second sees what the first has written, and the Document is in the node's scope."""
    archive, place = Archive(house), world.aggregation()
    draft = NewDocument(place, "Letter", Medium.DIGITAL)
    entry = EntryDraft(
        archive.group, NodeKind.AGGREGATION, place, Action.DISCOVER, Effect.ALLOW, None, None, "first"
    )
    jobs = {
        "registration": (archive.archivist, documents.register, draft),
        "entry": (archive.officer, accesslists.grant, entry),
    }
    holds, may_commit = threading.Event(), threading.Event()

    def hold():
        who, use_case, asked = jobs.pop(first)

        def body(work):
            use_case(work, asked)
            work.flush()
            holds.set()
            may_commit.wait(10)

        house.works.write(actor(who), body)

    holder = threading.Thread(target=hold)
    holder.start()
    holds.wait(10)
    ((who, use_case, asked),) = [job for name, job in jobs.items() if name != first]
    second = threading.Thread(target=lambda: archive._do(who, use_case, asked))
    second.start()
    second.join(0.3)
    assert second.is_alive()
    may_commit.set()
    holder.join()
    second.join()

    assert archive.differences() == []
    assert house.works.read(system_actor("test"), lambda work: _nodes_of(work, place)) == [place]


def _nodes_of(work, place):
    """The nodes in whose scopes the Documents of a place are."""
    made = rebuilt.Rebuilt(session_of(work))
    nodes = {node.id: node_id for node_id, node in made.nodes.items()}
    held = [made.scopes[row.scope_id] for row in made.documents if row.aggregation_id == place]
    return [nodes[scope.aggregation_node] for scope in held]
