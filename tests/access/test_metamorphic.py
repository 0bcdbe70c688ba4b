"""What a change may do to what shows, whatever the world: the rules that need no second way of deciding."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dms.access import accessnodes, gate, revisions, scopes
from dms.base.ids import new_id
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.security import Clearance
from dms.models.users import EVERYONE_ID, PrincipalKind, PrincipalLink
from dms.rules.access import COVERS, Action, Effect, NodeKind
from dms.rules.security import Mark, dominates
from dms.stores.work import session_of
from tests import factories
from tests.access import test_equality as equality
from tests.examples import how_many
from tests.factories import actor

LIKELY = (Action.DISCOVER, Action.READ_METADATA, Action.READ_CONTENT, Action.EDIT)

lattice = equality.lattice

each_world = hypothesis_settings(
    max_examples=min(150, how_many(4, deep_share=8)),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Built:
    """A world of a plan, in a transaction that is rolled back, and what its user sees of it."""

    def __init__(self, work, policy, plan, lattice):
        self.work, self.policy = work, policy
        self.user, self.aggregations, self.documents, self.now = equality._build(work, plan, lattice)

    def seen(self, actions=LIKELY):
        """By action, the numbers of the Aggregations and Documents that show."""
        work = self.work
        work.flush()
        work.actor, work.now = actor(self.user), self.now
        found = {}
        for action in actions:
            work.memory = {"policy": self.policy}
            found[action] = {
                (model.__name__, ids.index(key))
                for model, ids in ((Aggregation, self.aggregations), (Document, self.documents))
                for key in gate.visible(work, model, action).many(ids)
            }
            work.memory = {"policy": self.policy}
            counts = [gate.visible(work, model, action).count() for model in (Aggregation, Document)]
            assert sum(counts) == len(found[action])
        return found

    def node(self, number):
        kinds = [(NodeKind.AGGREGATION, key) for key in self.aggregations]
        kinds += [(NodeKind.DOCUMENT, key) for key in self.documents]
        return kinds[number % len(kinds)]

    def row(self, model, key):
        return session_of(self.work).get(model, key)


@pytest.fixture
def built(house, lattice):
    """Calls a body with the world of a plan, and forgets the world."""

    def run(plan, body):
        results = []

        def whole(work):
            results.append(body(Built(work, house.policy, plan, lattice)))
            raise equality._RolledBack

        with pytest.raises(equality._RolledBack):
            house.works.write(actor(EVERYONE_ID), whole, locks=factories.LOCKS)
        return results[0]

    return run


def grows(before, after):
    return all(before[action] <= after[action] for action in before)


@given(plan=equality.worlds(), entry=equality.entries(), node=st.integers(0, 30), who=st.booleans())
@each_world
def test_a_deny_never_adds_and_an_allow_never_removes(built, plan, entry, node, who):
    def body(world):
        before = world.seen()
        kind, key = world.node(node)
        principal = world.user if who else EVERYONE_ID
        factories.make_entry(world.work, principal, key, entry.action, effect=entry.effect, kind=kind)
        return before, world.seen()

    before, after = built(plan, body)

    assert grows(before, after) if entry.effect is Effect.ALLOW else grows(after, before)


@given(plan=equality.worlds(), number=st.integers(0, 30), mark=st.integers(0, 5))
@each_world
def test_raising_a_mark_never_adds(built, lattice, plan, number, mark):
    def body(world):
        before = world.seen()
        row = world.row(Document, world.documents[number % len(world.documents)])
        old = next(m for m in lattice if factories._security_id(world.work, m) == row.security_id)
        new = Mark(max(old.rank, lattice[mark].rank), old.compartments | lattice[mark].compartments)
        row.security_id = factories._security_id(world.work, new)
        scopes.follow(world.work, row)
        return before, world.seen()

    before, after = built(plan, body)

    assert grows(after, before)


@given(plan=equality.worlds(), mark=st.integers(0, 5))
@each_world
def test_dropping_a_level_or_a_compartment_of_a_clearance_never_adds(built, lattice, plan, mark):
    def body(world):
        before = world.seen()
        held = lattice[4 if plan.clearance is None else plan.clearance]
        less = Mark(min(held.rank, lattice[mark].rank), held.compartments & lattice[mark].compartments)
        assert dominates(held, less)
        for row in session_of(world.work).query(Clearance).filter_by(user_id=world.user):
            row.revision_to = revisions.advance(world.work, kind="clearance", note="test")
        world.work.flush()
        if plan.clearance is not None:
            factories.make_clearance(world.work, world.user, less)
        return before, world.seen()

    before, after = built(plan, body)

    assert grows(after, before)


@given(plan=equality.worlds())
@each_world
def test_whoever_may_do_more_may_do_what_it_needs(built, plan):
    seen = built(plan, lambda world: world.seen(tuple(Action)))

    assert [
        (action, needed) for action in Action for needed in COVERS[action] if not seen[action] <= seen[needed]
    ] == []


@given(plan=equality.worlds(), order=st.randoms(use_true_random=False))
@each_world
def test_order_of_lines_and_ids_of_things_mean_nothing(built, plan, order):
    """The second world is written anew, so every id in it is another one, and in another order."""
    entries = list(plan.entries)
    order.shuffle(entries)

    first = built(plan, lambda world: world.seen())
    second = built(replace(plan, entries=tuple(entries)), lambda world: world.seen())

    assert first == second


@given(plan=equality.worlds())
@each_world
def test_a_group_put_between_changes_nothing(built, plan):
    def body(world):
        before = world.seen()
        work = world.work
        for link in session_of(work).query(PrincipalLink).filter_by(member_id=world.user).all():
            link.revision_to = revisions.advance(work, kind="link", note="test")
            work.flush()
            between = factories.make_principal(work, PrincipalKind.GROUP, f"between {new_id().hex}")
            factories.make_link(work, world.user, between)
            factories.make_link(work, between, link.group_id)
        return before, world.seen()

    before, after = built(plan, body)

    assert before == after


@given(plan=equality.worlds(), number=st.integers(1, 5), under=st.integers(0, 5))
@each_world
def test_rearranging_is_building_in_the_new_place(built, plan, number, under):
    under %= number
    parents = [*plan.parents]
    parents[number] = under

    def move(world):
        row = world.row(Aggregation, world.aggregations[number])
        accessnodes.prepare(world.work, NodeKind.AGGREGATION, row.id)
        row.parent_id = world.aggregations[under]
        accessnodes.rearranged(world.work, row)
        return world.seen()

    assert built(plan, move) == built(replace(plan, parents=tuple(parents)), lambda world: world.seen())
