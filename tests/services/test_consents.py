"""What one officer cannot do alone, and what needs no second."""

from __future__ import annotations

import pytest

from dms.access import gate
from dms.base import errors
from dms.models.users import EVERYONE_ID, PrincipalKind
from dms.rules.access import Duty, Effect
from dms.rules.accesschanges import ClearanceGrant, LinkEnd, LinkMake
from dms.rules.security import Mark
from dms.services import accesslists, clearances, memberships
from dms.services.security import AskedMark
from tests.factories import actor
from tests.services.proposing import approve, entries_on, entry, grant, propose, sees, write


@pytest.fixture(scope="module")
def second(world):
    return world.officer()


@pytest.fixture
def fonds(world):
    place = world.aggregation()
    world.document(place)
    return place


def test_grant_to_everyone_needs_two_though_it_reaches_them(house, world, officer, second, fonds):
    change, user = entry(EVERYONE_ID, fonds), world.user()

    with pytest.raises(errors.SecondPerson) as caught:
        grant(house, officer, change)
    assert caught.value.message == (
        "what gives to everyone needs two officers: propose it with `accessChangePropose`"
    )
    approve(house, second, propose(house, officer, change))

    assert sees(house, user, fonds) == 1


def test_what_only_takes_acts_at_once_also_from_everyone(house, world, officer, fonds):
    line = grant(house, officer, entry(EVERYONE_ID, fonds, effect=Effect.DENY))

    assert line.effect is Effect.DENY
    with pytest.raises(errors.SecondPerson, match="needs two officers"):
        write(house, officer, lambda work: accesslists.revoke(work, entry_id=line.id, reason="open again"))


def test_line_that_reaches_an_officer_through_a_group_needs_another_who_is_not_in_it(house, world, fonds):
    inside, also_inside, outside = (world.officer() for _ in range(3))
    group = world.principal(PrincipalKind.GROUP)
    for each in (inside, also_inside):
        world.link(each, group)
    change = entry(group, fonds)

    with pytest.raises(errors.SecondPerson) as caught:
        grant(house, inside, change)
    assert caught.value.message.startswith("what gives to yourself too needs two officers")
    row = propose(house, inside, change)
    with pytest.raises(errors.SecondPerson, match="^nobody approves what reaches himself"):
        approve(house, also_inside, row)

    approve(house, outside, row)
    assert sees(house, inside, fonds) == 1


def test_nobody_proposes_what_names_himself(house, world, officer, fonds):
    group = world.principal(PrincipalKind.GROUP)
    for change in (entry(officer, fonds), LinkMake(officer, group), ClearanceGrant(officer, "open")):
        with pytest.raises((errors.SecondPerson, errors.Conflict)):
            propose(house, officer, change)
    assert entries_on(house, fonds) == []


def test_link_that_reaches_an_officer_is_proposed_by_him_and_approved_by_another(house, world, second):
    officer = world.officer()
    inner, outer = world.principal(PrincipalKind.GROUP), world.principal(PrincipalKind.GROUP)
    world.link(officer, inner)

    row = propose(house, officer, LinkMake(inner, outer))
    approve(house, second, row)

    assert outer in house.works.read(actor(officer), lambda work: gate.standing(work).subject.principals)


def test_line_on_what_is_marked_above_the_level_needs_two(house, world, officer, second):
    world.level(500)
    place = world.aggregation()
    below = world.aggregation(place)
    cleared = world.officer(rank=500)
    grant(house, officer, entry(world.user(), place))
    world.document(below, mark=Mark(500))

    for node in (place, below):
        with pytest.raises(errors.SecondPerson) as caught:
            grant(house, cleared, entry(world.user(), node))
        assert caught.value.message.startswith(
            "what gives anything marked above level 400 needs two officers"
        )
    grant(house, cleared, entry(world.user(), below, effect=Effect.DENY))

    approve(house, second, propose(house, cleared, entry(world.user(), below)))


def test_clearance_above_the_level_needs_two(house, world, officer, second):
    world.level(500)
    user = world.user(rank=None)

    def alone(work):
        return clearances.grant(
            work,
            user_id=user,
            asked=AskedMark("level500"),
            valid_from=None,
            valid_until=None,
            reason="head of office",
        )

    with pytest.raises(errors.SecondPerson, match="^a clearance above level 400 needs two officers"):
        write(house, officer, alone)

    approve(house, second, propose(house, officer, ClearanceGrant(user, "level500")))


@pytest.mark.parametrize("through_group", [False, True])
def test_role_with_duties_needs_two(house, world, officer, second, through_group):
    user, role = world.user(), world.role("technician")
    group = world.principal(PrincipalKind.GROUP)
    if through_group:
        world.link(group, role)
    target = group if through_group else role

    def alone(work):
        give = memberships.member_add if through_group else memberships.role_assign
        named = {"group_id": group} if through_group else {"role_id": role}
        return give(work, **named, member_id=user, valid_from=None, valid_until=None, reason="post 41")

    with pytest.raises(errors.SecondPerson) as caught:
        write(house, officer, alone)
    assert caught.value.message.startswith("the role `technician`, which has duties, needs two officers")
    approve(house, second, propose(house, officer, LinkMake(user, target)))
    assert house.works.read(actor(user), lambda work: gate.has_duty(work, Duty.PLACES_MANAGE))

    approve(house, second, propose(house, officer, LinkEnd(user, target)))
    assert not house.works.read(actor(user), lambda work: gate.has_duty(work, Duty.PLACES_MANAGE))


def test_role_without_duties_is_given_by_one(house, world, officer):
    user, role = world.user(), world.role("reader")

    link = write(
        house,
        officer,
        lambda work: memberships.role_assign(
            work,
            role_id=role,
            member_id=user,
            valid_from=None,
            valid_until=None,
            reason="card 417",
        ),
    )

    assert link.member_id == user
