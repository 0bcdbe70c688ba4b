"""Rehearsing changes: who may, what it tells, what stands against them, and that nothing is written."""

from __future__ import annotations

import pytest

from dms.access import gate
from dms.base import errors
from dms.base.clock import DAY, system_clock
from dms.base.ids import new_id
from dms.models.documents import Document
from dms.models.users import EVERYONE_ID, PrincipalKind
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.accesschanges import ClearanceGrant, EntryGrant, EntryRevoke, LinkMake, MarkSet
from dms.rules.security import Mark
from dms.services import accesspreviews
from tests.factories import actor, at_once
from tests.logged import logged
from tests.recorded import last_of

READ = (Action.READ_CONTENT,)


@pytest.fixture
@at_once
def fonds(world):
    """Three Documents: two open, one of level 300."""
    place = world.aggregation()
    for rank in (100, 100, 300):
        world.document(place, mark=Mark(rank))
    return place


def entry(principal, node, action=Action.READ_CONTENT, *, kind=NodeKind.AGGREGATION, **values):
    return EntryGrant(principal, kind, node, action, values.pop("effect", Effect.ALLOW), **values)


def preview(house, who, *changes, actions=READ, at=None):
    return house.works.read(
        actor(who), lambda work: accesspreviews.preview(work, changes, actions=actions, at=at)
    )


def told(found):
    return {
        account: (effect.gained.total, effect.lost.total)
        for effect in found.effects
        for account in effect.accounts
    }


def test_grant_tells_what_each_gains_by_his_own_clearance(house, world, officer, fonds):
    group = world.principal(PrincipalKind.GROUP)
    low, high, uncleared = world.user(rank=100), world.user(rank=300), world.user(rank=None)
    for user in (low, high, uncleared):
        world.link(user, group)

    found = preview(house, officer, entry(group, fonds))

    assert told(found) == {low: (2, 0), high: (3, 0)}
    assert (found.n_accounts, found.n_rehearsed, found.is_whole) == (3, 3, True)
    (below,) = found.nodes
    assert (below.id, below.n_gaining, below.most_gained, below.n_losing) == (fonds, 2, 3, 0)


def test_rehearsal_writes_nothing_and_raises_no_revision(house, world, officer, fonds):
    user = world.user()
    before = last_revision(house, officer)

    preview(house, officer, entry(user, fonds))

    assert last_of(house, officer)["op"] == "accesschange.preview"
    assert last_revision(house, officer) == before
    assert not house.works.read(actor(user), lambda work: gate.visible(work, Document, READ[0]).count())


def last_revision(house, officer):
    house.works.read(actor(officer), gate.standing)
    return last_of(house, officer)["policy"]["revision"]


def test_equal_people_are_rehearsed_as_one(house, world, officer, fonds):
    group = world.principal(PrincipalKind.GROUP)
    people = [world.user() for _ in range(5)]
    for user in people:
        world.link(user, group)

    found = preview(house, officer, entry(group, fonds))

    (effect,) = found.effects
    assert set(effect.accounts) == set(people)


def test_deny_on_one_document_takes_that_one_alone(house, world, officer, fonds):
    user = world.holder(fonds, Action.READ_CONTENT, rank=300)
    document = world.document(fonds)

    change = entry(user, document, Action.DISCOVER, kind=NodeKind.DOCUMENT, effect=Effect.DENY)
    found = preview(house, officer, change)

    assert told(found) == {user: (0, 1)}
    assert found.effects[0].lost_samples == (document,)


def test_membership_clearance_and_mark_are_rehearsed_too(house, world, officer, fonds):
    group, user = world.principal(PrincipalKind.GROUP), world.user(rank=None)
    world.entry(group, fonds, Action.READ_CONTENT)

    joined = preview(house, officer, LinkMake(user, group))
    both = preview(house, officer, LinkMake(user, group), ClearanceGrant(user, "level300"))

    assert told(joined) == {}
    assert told(both) == {user: (3, 0)}


def test_mark_of_a_document_takes_it_from_who_is_not_cleared_for_it(house, world, fonds):
    world.level(200)
    marker, reader = world.user(rank=300), world.user(rank=100)
    for user in (marker, reader):
        world.entry(user, fonds, Action.READ_CONTENT)
    world.entry(marker, fonds, Action.MARK)
    document = world.document(fonds)

    found = preview(house, marker, MarkSet(NodeKind.DOCUMENT, document, "level200", (), 1))

    assert told(found) == {reader: (0, 1)}
    assert found.is_whole is False


def test_change_that_begins_later_is_rehearsed_at_a_later_instant(house, world, officer, fonds):
    user, begins = world.user(), system_clock() + DAY
    change = entry(user, fonds, valid_from=begins)

    assert told(preview(house, officer, change)) == {}
    assert told(preview(house, officer, change, at=begins)) == {user: (2, 0)}
    with pytest.raises(errors.Invalid, match="^only what is to come can be rehearsed"):
        preview(house, officer, change, at=begins - 2 * DAY)


def test_who_is_no_officer_is_told_only_of_what_he_may_discover(house, world, fonds):
    manager, user = world.user(rank=100), world.user(rank=300)
    for action in (Action.MANAGE_ACCESS, Action.READ_CONTENT):
        world.entry(manager, fonds, action)

    found = preview(house, manager, entry(user, fonds))

    assert told(found) == {user: (2, 0)}
    assert found.is_whole is False


def test_officer_is_shown_no_sample_above_his_clearance(house, world, fonds):
    low, user = world.officer(rank=100), world.user(rank=300)

    found = preview(house, low, entry(user, fonds))

    assert told(found) == {user: (3, 0)}
    assert len(found.effects[0].gained_samples) == 2
    assert set(found.samples) == set(found.effects[0].gained_samples)


def test_everyone_is_all_accounts(house, world, officer, fonds):
    one, other = world.user(rank=100), world.user(rank=300)

    found = told(preview(house, officer, entry(EVERYONE_ID, fonds)))

    assert (found[one], found[other]) == ((2, 0), (3, 0))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda f, u: entry(u, new_id()), "NOT_FOUND"),
        (lambda f, u: entry(new_id(), f), "NOT_FOUND"),
        (lambda f, u: EntryRevoke(new_id()), "NOT_FOUND"),
        (lambda f, u: LinkMake(u, new_id()), "NOT_FOUND"),
        (lambda f, u: LinkMake(new_id(), u), "NOT_FOUND"),
        (lambda f, u: ClearanceGrant(u, "level9"), "VALIDATION"),
        (lambda f, u: ClearanceGrant(u, "open"), "CONFLICT"),
    ],
)
def test_what_stands_against_a_change_is_told_by_number(house, world, fonds, change, code):
    officer, user = world.officer(), world.user()

    found = preview(house, officer, entry(user, fonds), change(fonds, user))

    (problem,) = found.problems
    assert (problem.code, problem.path[:2]) == (code, ("changes", "1"))
    assert found.effects == ()
    assert [line[1:3] for line in last_of(house, officer)["refused"]] != []


def test_hidden_node_is_absent_in_a_rehearsal(house, world, officer):
    above = world.aggregation(mark=Mark(500))
    user = world.user()

    hidden, gone = (preview(house, officer, entry(user, node)).problems for node in (above, new_id()))

    assert [(each.code, each.message) for each in hidden] == [(each.code, each.message) for each in gone]


def test_rehearsal_needs_what_the_change_needs(house, world, fonds):
    stranger, user = world.user(), world.user()
    world.entry(stranger, fonds, Action.READ_CONTENT)
    group = world.principal(PrincipalKind.GROUP)

    assert [p.code for p in preview(house, stranger, entry(user, fonds)).problems] == ["DENIED"]
    assert [p.code for p in preview(house, stranger, LinkMake(user, group)).problems] == ["DUTY"]


def test_more_accounts_than_the_limit_are_counted_but_not_rehearsed(
    house, world, officer, fonds, monkeypatch
):
    monkeypatch.setattr("dms.access.rehearsals.MAX_ACCOUNTS", 2)
    group = world.principal(PrincipalKind.GROUP)
    for _ in range(3):
        world.link(world.user(), group)

    found = preview(house, officer, entry(group, fonds))

    assert (found.n_accounts, found.n_rehearsed) == (3, 2)
    assert sum(len(effect.accounts) for effect in found.effects) == 2


def test_samples_count_as_released(house, world, officer, fonds):
    found = preview(house, officer, entry(world.user(), fonds))

    body = logged(house.database)[-1].body
    assert all(each.hex in body.decode() for each in found.samples)
