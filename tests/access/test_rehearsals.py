"""A rehearsal tells what really comes of changes: on worlds by Hypothesis, for every account and action."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dms.access import marks, revisions, scopes
from dms.access.standing import POLICY
from dms.models.documents import Document
from dms.models.security import Clearance
from dms.models.users import EVERYONE_ID, PrincipalKind, PrincipalLink
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.accesschanges import (
    ClearanceGrant,
    ClearanceRevoke,
    EntryGrant,
    EntryRevoke,
    LinkEnd,
    LinkMake,
    MarkSet,
)
from dms.rules.security import Mark
from dms.services import accesspreviews
from dms.stores.work import session_of
from tests import factories
from tests.access.reference import Reference
from tests.examples import how_many
from tests.factories import actor

ACTIONS = (Action.DISCOVER, Action.READ_CONTENT)
RANKS = {100: "open", 200: "level200", 300: "level300"}
N_USERS = 3
N_GROUPS = 3
N_NODES = 6 + 3 + 7 + 2  # aggregations, classes, documents, roofs


@dataclass(frozen=True)
class Plan:
    """Everything by number; principals: users, groups, everyone; nodes in the order of `N_NODES`."""

    parents: tuple
    class_parents: tuple
    documents: tuple
    links: frozenset
    entries: tuple
    clearances: tuple
    changes: tuple


def _trees(size):
    return st.tuples(*(st.sampled_from([None, *range(i)]) if i else st.none() for i in range(size)))


PRINCIPALS = st.sampled_from([0, 1, 2, 3, 3, 4, 4, 5, 6])
ENTRIES = st.tuples(
    PRINCIPALS,
    st.integers(0, N_NODES - 1),
    st.sampled_from([*ACTIONS, *ACTIONS, Action.EDIT, Action.READ_METADATA]),
    st.sampled_from([Effect.ALLOW, Effect.ALLOW, Effect.DENY]),
)
CHANGES = st.one_of(
    st.tuples(st.just("grant"), ENTRIES),
    st.tuples(st.just("grant"), ENTRIES),
    st.tuples(st.just("revoke"), st.integers(0, 9)),
    st.tuples(st.just("link"), st.tuples(st.integers(0, 5), st.integers(3, 5))),
    st.tuples(st.just("unlink"), st.integers(0, 5)),
    st.tuples(st.just("clear"), st.tuples(st.integers(0, 2), st.sampled_from(list(RANKS)))),
    st.tuples(st.just("unclear"), st.integers(0, 2)),
    st.tuples(st.just("mark"), st.tuples(st.integers(0, 6), st.sampled_from(list(RANKS)))),
)


def plans():
    return st.builds(
        Plan,
        parents=_trees(6),
        class_parents=_trees(3),
        documents=st.tuples(
            *[st.tuples(st.integers(0, 5), st.integers(0, 2), st.sampled_from(list(RANKS)))] * 7
        ),
        links=st.frozensets(
            st.tuples(st.integers(0, 5), st.integers(3, 5)).filter(lambda pair: pair[0] != pair[1]),
            max_size=5,
        ),
        entries=st.lists(ENTRIES, min_size=2, max_size=8).map(tuple),
        clearances=st.tuples(*[st.sampled_from([None, 100, 200, 300, 300])] * N_USERS),
        changes=st.lists(CHANGES, min_size=1, max_size=5, unique=True).map(tuple),
    )


class _World:
    """The things of a plan, written in the transaction of one example."""

    def __init__(self, work, plan):
        self.users = [factories.make_user(work, rank=rank) for rank in plan.clearances]
        groups = [factories.make_principal(work, PrincipalKind.GROUP) for _ in range(N_GROUPS)]
        self.principals = [*self.users, *groups, EVERYONE_ID]
        self.links = [
            (self.principals[member], self.principals[group]) for member, group in sorted(plan.links)
        ]
        for pair in self.links:
            factories.make_link(work, *pair)
        self._make_things(work, plan)
        self.entries = [self.make_entry(work, entry) for entry in plan.entries]

    def _make_things(self, work, plan):
        classes, aggregations = [], []
        for parent in plan.class_parents:
            classes.append(factories.make_class(work, None if parent is None else classes[parent]))
        for parent in plan.parents:
            above = None if parent is None else aggregations[parent]
            aggregations.append(factories.make_aggregation(work, above))
        self.documents = [
            factories.make_document(work, aggregations[a], record_class_id=classes[c], mark=Mark(rank))
            for a, c, rank in plan.documents
        ]
        roof = scopes.roof(work)
        self.nodes = [
            *((NodeKind.AGGREGATION, each) for each in aggregations),
            *((NodeKind.CLASS, each) for each in classes),
            *((NodeKind.DOCUMENT, each) for each in self.documents),
            (NodeKind.REPOSITORY, roof.repository_id),
            (NodeKind.CLASS, roof.scheme_id),
        ]

    def make_entry(self, work, entry):
        principal, node, action, effect = entry
        kind, node_id = self.nodes[node]
        return factories.make_entry(
            work, self.principals[principal], node_id, action, effect=effect, kind=kind
        )

    def change(self, work, kind, value):
        """The change that a plan means; None for one that makes no sense in this world."""
        match kind:
            case "grant":
                principal, node, action, effect = value
                return EntryGrant(self.principals[principal], *self.nodes[node], action, effect)
            case "revoke":
                return EntryRevoke(self.entries[value]) if value < len(self.entries) else None
            case "link":
                pair = self.principals[value[0]], self.principals[value[1]]
                return None if pair[0] == pair[1] or pair in self.links else LinkMake(*pair)
            case "unlink":
                return LinkEnd(*self.links[value]) if value < len(self.links) else None
            case "clear":
                user, rank = self.users[value[0]], value[1]
                return ClearanceGrant(user, RANKS[rank])
            case "unclear":
                row = self._clearance(work, self.users[value])
                return None if row is None else ClearanceRevoke(row.id)
            case "mark":
                row = session_of(work).get(Document, self.documents[value[0]])
                return MarkSet(NodeKind.DOCUMENT, row.id, RANKS[value[1]], (), row.revision)

    def apply(self, work, change):
        session = session_of(work)
        match change:
            case EntryGrant():
                factories.make_entry(
                    work,
                    change.principal_id,
                    change.node_id,
                    change.action,
                    effect=change.effect,
                    kind=change.node_kind,
                )
            case EntryRevoke():
                row = session.get(factories.AccessEntry, change.entry_id)
                row.revision_to = revisions.advance(work, kind="entry", note="test")
                session.flush()
                if row.node_kind is NodeKind.DOCUMENT:
                    scopes.own(work, row.node_id)
            case LinkMake():
                factories.make_link(work, change.member_id, change.group_id)
            case LinkEnd():
                found = select(PrincipalLink).where(
                    PrincipalLink.member_id == change.member_id, PrincipalLink.group_id == change.group_id
                )
                row = session.execute(found).scalars().one()
                row.revision_to = revisions.advance(work, kind="link", note="test")
            case ClearanceGrant():
                rank = next(rank for rank, code in RANKS.items() if code == change.level)
                factories.make_clearance(work, change.user_id, Mark(rank), since=work.now)
            case ClearanceRevoke():
                row = session.get(Clearance, change.clearance_id)
                row.revision_to = revisions.advance(work, kind="clearance", note="test")
            case MarkSet():
                row = session.get(Document, change.object_id)
                rank = next(rank for rank, code in RANKS.items() if code == change.level)
                row.security_id = marks.intern(work, Mark(rank))
                scopes.follow(work, row)
        session.flush()

    def _clearance(self, work, user):
        found = select(Clearance).where(Clearance.user_id == user, Clearance.revision_to.is_(None))
        return session_of(work).execute(found).scalars().one_or_none()


class _RolledBack(Exception):
    """Ends an example without leaving its world behind."""


@pytest.fixture(scope="module")
def officer(world):
    for rank in RANKS:
        world.level(rank)
    user = world.officer("rehearsing-officer", rank=300)
    for action in (Action.MARK, Action.DOWNGRADE):
        world.build(
            lambda work, action=action: factories.make_entry(
                work, user, scopes.roof(work).repository_id, action, kind=NodeKind.REPOSITORY
            )
        )
    return user


def _seen(house, work, world, users):
    """What every user sees by each action, as the independent reference says."""
    truth = Reference(house.policy.files, session_of(work))
    return {
        (user, action): {each for each in world.documents if truth.may(user, each, action.value, work.now)}
        for user in users
        for action in ACTIONS
    }


@given(plan=plans())
@settings(
    # An example writes a world and reads it three times: a third of the profile says as much.
    max_examples=how_many(8, deep_share=3),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_rehearsal_tells_what_really_comes_of_the_changes(house, officer, plan):
    tried = Counter()

    def body(work):
        world = _World(work, plan)
        found = (world.change(work, kind, value) for kind, value in plan.changes)
        changes = [change for change in found if change is not None]
        work.actor = actor(officer)
        work.memory = {POLICY: house.policy}
        try:
            preview = accesspreviews.preview(work, changes, actions=ACTIONS)
        except accesspreviews.Invalid:
            raise _RolledBack from None
        if preview.problems:
            raise _RolledBack
        users = [*world.users, officer]
        before = _seen(house, work, world, users)
        for change in changes:
            world.apply(work, change)
        after = _seen(house, work, world, users)
        told = {
            (account, effect.action): (effect.gained.total, effect.lost.total)
            for effect in preview.effects
            for account in effect.accounts
        }
        measured = {
            key: (len(after[key] - before[key]), len(before[key] - after[key]))
            for key in before
            if after[key] != before[key]
        }
        assert told == measured
        for effect in preview.effects:
            for account in effect.accounts:
                key = account, effect.action
                assert set(effect.gained_samples) <= after[key] - before[key]
                assert set(effect.lost_samples) <= before[key] - after[key]
        tried["whole"] += 1
        raise _RolledBack

    with pytest.raises(_RolledBack):
        house.works.write(actor(EVERYONE_ID), body, locks=factories.LOCKS)
    assume(tried["whole"])
