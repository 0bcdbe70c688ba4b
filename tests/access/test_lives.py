"""Archives that live: after each step what is stored equals a rebuild, and nothing shows wrongly.

Every change that touches scopes is made by its use case, in an order that Hypothesis draws: registering,
refiling, marking, classing, granting, revoking, expiring, linking, rearranging, preparing and filling nodes
in pieces, letting idle ones go, folding counters. A life is one transaction that is rolled back.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from dms.access import accessnodes, scopes
from dms.base.clock import DAY, HOUR
from dms.base.errors import DmsError
from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation, ArrangementLevel
from dms.models.documents import Document, Medium
from dms.models.scopes import AccessScopeChange, NodeState
from dms.models.security import MarkedKind
from dms.models.users import EVERYONE_ID, PrincipalKind
from dms.rules.access import Action, Effect, NodeKind
from dms.services import accesslists, aggregations, documents, memberships, securitychanges
from dms.services.accesslists import EntryDraft
from dms.services.aggregations import NewAggregation
from dms.services.documents import NewDocument
from dms.services.security import AskedMark
from dms.stores import facts
from dms.stores.work import session_of
from tests import factories
from tests.access import rebuilt
from tests.access import test_equality as equality
from tests.access.reference import Reference
from tests.examples import how_many
from tests.factories import actor

WATCHED = (Action.DISCOVER, Action.READ_CONTENT)
ACTIONS = st.sampled_from([*WATCHED, Action.READ_METADATA, Action.EDIT])
INDEX = st.integers(0, 30)

_codes = itertools.count(1)


class Life(RuleBasedStateMachine):
    """One archive from its founding to its rolling back."""

    house = None

    def __init__(self):
        super().__init__()
        works = self.house.works
        self.work = works._open(actor(EVERYONE_ID), writes=True, number=None, locks=(), until_s=None)
        self.work.locks = None  # nobody else is there
        self.work.deadline_s += 3_600
        works._begin(self.work, session_of(self.work), ())

    def teardown(self):
        session_of(self.work).rollback()
        session_of(self.work).close()

    # Who and what there is.

    @initialize()
    def found(self):
        work = self.work
        for rank in (200, 300):
            factories.make_level(work, rank)
        roof = scopes.roof(work)
        self.archivist, self.officer = (factories.make_user(work, rank=300) for _ in range(2))
        for action in Action:
            if action is not Action.MANAGE_ACCESS:
                node = roof.repository_id
                factories.make_entry(work, self.archivist, node, action, kind=NodeKind.REPOSITORY)
        for user, name in ((self.officer, "security_officer"), (self.archivist, "records_manager")):
            role = facts.principal_id(work, kind=PrincipalKind.ROLE, name=name)
            factories.make_link(work, user, role)
        self.readers = [factories.make_user(work, rank=rank) for rank in (100, 300)]
        self.groups = [factories.make_principal(work, PrincipalKind.GROUP) for _ in range(3)]
        self.aggregations = [factories.make_aggregation(work) for _ in range(2)]
        self.aggregations.append(factories.make_aggregation(work, self.aggregations[0]))
        self.classes = [factories.make_class(work)]
        self.documents = [factories.make_document(work, self.aggregations[2])]
        self.entries: list = []

    def as_(self, who, use_case, *arguments, **options):
        """Do a use case as somebody; what it refuses is not done."""
        work = self.work
        work.actor, work.memory = actor(who), {"policy": self.house.policy, "second_officer_rank": 400}
        try:
            with work.savepoint():
                return use_case(work, *arguments, **options)
        except DmsError:
            session_of(work).expire_all()
            return None
        finally:
            work.flush()

    def pick(self, things, number):
        return things[number % len(things)]

    def row(self, model, key):
        return session_of(self.work).get(model, key)

    def nodes(self):
        return [
            *((NodeKind.AGGREGATION, key) for key in self.aggregations),
            *((NodeKind.CLASS, key) for key in self.classes),
            *((NodeKind.DOCUMENT, key) for key in self.documents),
        ]

    # What happens.

    @rule(place=INDEX, record_class=INDEX, rank=st.sampled_from([None, 100, 200, 300]))
    def register(self, place, record_class, rank):
        draft = NewDocument(
            self.pick(self.aggregations, place),
            f"Letter {next(_codes)}",
            Medium.DIGITAL,
            record_class_id=self.pick(self.classes, record_class),
            mark=rank and AskedMark("open" if rank == 100 else f"level{rank}"),
        )
        made = self.as_(self.archivist, documents.register, draft)
        self.documents += [made] if made else []

    @rule(parent=INDEX)
    def open_aggregation(self, parent):
        new = NewAggregation(ArrangementLevel.FILE, "File", parent_id=self.pick(self.aggregations, parent))
        made = self.as_(self.archivist, aggregations.create, new)
        self.aggregations += [made] if made else []

    @rule(parent=st.one_of(st.none(), INDEX))
    def make_class(self, parent):
        above = None if parent is None else self.pick(self.classes, parent)
        self.classes.append(factories.make_class(self.work, above))

    @rule(document=INDEX, place=INDEX)
    def refile(self, document, place):
        key = self.pick(self.documents, document)
        self.as_(
            self.archivist,
            documents.refile,
            key,
            aggregation_id=self.pick(self.aggregations, place),
            expected_revision=self.row(Document, key).revision,
            reason="life",
        )

    @rule(document=INDEX, record_class=INDEX)
    def assign_class(self, document, record_class):
        key = self.pick(self.documents, document)
        self.as_(
            self.archivist,
            documents.assign_class,
            key,
            record_class_id=self.pick(self.classes, record_class),
            expected_revision=self.row(Document, key).revision,
            reason="life",
        )

    @rule(place=INDEX, record_class=st.one_of(st.none(), INDEX))
    def assign_class_to_aggregation(self, place, record_class):
        key = self.pick(self.aggregations, place)
        chosen = None if record_class is None else self.pick(self.classes, record_class)
        self.as_(
            self.archivist,
            aggregations.update,
            key,
            expected_revision=self.row(Aggregation, key).revision,
            changes=aggregations.AggregationChanges(record_class_id=chosen),
        )

    @rule(thing=INDEX, level=st.sampled_from(["level200", "level300"]))
    def raise_mark(self, thing, level):
        kind, key = self.pick([each for each in self.nodes() if each[0] is not NodeKind.CLASS], thing)
        model = Document if kind is NodeKind.DOCUMENT else Aggregation
        self.as_(
            self.archivist,
            securitychanges.set_mark,
            kind=MarkedKind(kind.value),
            object_id=key,
            asked=AskedMark(level),
            reason="life",
            expected_revision=self.row(model, key).revision,
        )

    @rule(place=INDEX, parent=st.one_of(st.none(), INDEX))
    def rearrange(self, place, parent):
        key = self.pick(self.aggregations, place)
        self.as_(
            self.archivist,
            aggregations.rearrange,
            key,
            parent_id=None if parent is None else self.pick(self.aggregations, parent),
            expected_revision=self.row(Aggregation, key).revision,
            reason="life",
        )

    @rule(
        who=INDEX, node=INDEX, action=ACTIONS, deny=st.booleans(), hours=st.sampled_from([None, None, 1, 30])
    )
    def grant(self, who, node, action, deny, hours):
        kind, key = self.pick(self.nodes(), node)
        draft = EntryDraft(
            principal_id=self.pick([*self.readers, *self.groups], who),
            node_kind=kind,
            node_id=key,
            action=action,
            effect=Effect.DENY if deny else Effect.ALLOW,
            valid_from=None,
            valid_until=hours and self.work.now + hours * HOUR,
            reason="life",
        )
        made = self.as_(self.officer, accesslists.grant, draft)
        self.entries += [made.id] if made else []

    @rule(entry=INDEX)
    def revoke(self, entry):
        if self.entries:
            key = self.entries.pop(entry % len(self.entries))
            self.as_(self.officer, accesslists.revoke, entry_id=key, reason="life")

    @rule(member=INDEX, group=INDEX, hours=st.sampled_from([None, 1, 30]))
    def link(self, member, group, hours):
        self.as_(
            self.officer,
            memberships.member_add,
            group_id=self.pick(self.groups, group),
            member_id=self.pick([*self.readers, *self.groups], member),
            valid_from=None,
            valid_until=hours and self.work.now + hours * HOUR,
            reason="life",
        )

    @rule(member=INDEX, group=INDEX)
    def unlink(self, member, group):
        self.as_(
            self.officer,
            memberships.member_remove,
            group_id=self.pick(self.groups, group),
            member_id=self.pick([*self.readers, *self.groups], member),
            reason="life",
        )

    @rule(node=INDEX)
    def begin_a_large_node(self, node):
        """Make a node as if too much lay below it to move at once."""
        kind, key = self.pick([each for each in self.nodes() if each[0] is not NodeKind.DOCUMENT], node)
        if accessnodes.state(self.work, key) is None:
            self.as_(self.officer, accessnodes._begin, kind, key)

    @rule(node=INDEX)
    def fill_a_piece(self, node):
        waiting = accessnodes.filling(self.work)
        if waiting:
            self.as_(self.officer, accessnodes.fill, self.pick(waiting, node), limit=1)

    @rule()
    def fill_all(self):
        for key in accessnodes.filling(self.work):
            self.as_(self.officer, accessnodes.fill, key)

    @rule(days=st.sampled_from([0, 2, 31]))
    def pass_time(self, days):
        self.work.now += HOUR + days * DAY

    @rule()
    def let_idle_nodes_go(self):
        for key in accessnodes.idle(self.work):
            self.as_(self.officer, accessnodes.merge, key)

    @rule()
    def fold(self):
        session = session_of(self.work)
        session.flush()
        scopes._fold(session.connection())
        session.expire_all()
        assert session.execute(select(AccessScopeChange.id)).all() == []

    # What always holds.

    @invariant()
    def everything_is_as_rebuilt(self):
        session = session_of(self.work)
        session.flush()
        assert rebuilt.differences(session) == []

    @invariant()
    def everybody_sees_what_he_may(self):
        work = self.work
        truth = Reference(self.house.policy.files, session_of(work))
        objects = (self.aggregations, self.documents)
        for reader in self.readers:
            work.actor = actor(reader)
            for action in WATCHED:
                work.memory = {"policy": self.house.policy, "second_officer_rank": 400}
                parted = equality._differences(work, truth, action, objects, full=False)
                assert not parted, (reader, action, parted)


@pytest.fixture
def lives(house):
    """The machine, on the database of this run."""
    return type("Life", (Life,), {"house": house})


def test_no_life_of_an_archive_parts_from_a_rebuild(lives, engine_kind):
    normally = 6 if engine_kind == "sqlite" else 3  # on PostgreSQL a life takes three times as long
    run_state_machine_as_test(
        lives,
        settings=settings(
            max_examples=min(100, how_many(normally, deep_share=8)),
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("upper_first", [True, False])
def test_node_above_one_that_is_being_filled_reaches_what_still_waits_there(lives, upper_first):
    """Whichever was begun first: what waits for the lower one is below the upper one before that is ready."""
    life = lives()
    try:
        life.found()
        upper, lower = life.aggregations[0], life.aggregations[2]
        factories.make_entry(life.work, life.readers[0], life.aggregations[1], Action.READ_CONTENT)
        roof = scopes.roof(life.work).repository_id
        factories.make_entry(life.work, life.readers[0], roof, Action.READ_CONTENT, kind=NodeKind.REPOSITORY)
        for node in (upper, lower) if upper_first else (lower, upper):
            accessnodes._begin(life.work, NodeKind.AGGREGATION, node)

        assert accessnodes.fill(life.work, upper) is NodeState.READY
        life.everything_is_as_rebuilt()
        deny = EntryDraft(
            life.readers[0], NodeKind.AGGREGATION, upper, Action.DISCOVER, Effect.DENY, None, None, "no"
        )
        assert life.as_(life.officer, accesslists.grant, deny) is not None
        life.everybody_sees_what_he_may()

        assert accessnodes.fill(life.work, lower) is NodeState.READY
        life.everything_is_as_rebuilt()
        life.everybody_sees_what_he_may()
    finally:
        life.teardown()


def test_entries_of_a_life_are_really_written(lives):
    """The refusals that a life passes over are few: grants on nodes, moves and pieces do happen."""
    life = lives()
    try:
        life.found()
        for number in range(7):
            life.grant(number, number, Action.READ_CONTENT, number % 3 == 0, None)
        life.begin_a_large_node(1)
        life.register(1, 0, None)
        life.fill_all()
        life.rearrange(2, 1)
        life.refile(0, 1)
        life.everything_is_as_rebuilt()
        life.everybody_sees_what_he_may()
        count = session_of(life.work).execute(select(AccessEntry.id)).all()
        assert (len(life.entries), len(count)) == (7, len(Action) - 1 + 7)
        assert len(life.documents) == 2
        assert life.row(Document, life.documents[0]).aggregation_id == life.aggregations[1]
        assert life.row(Aggregation, life.aggregations[2]).parent_id == life.aggregations[1]
    finally:
        life.teardown()
