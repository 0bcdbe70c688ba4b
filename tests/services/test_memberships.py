"""Groups, roles and links: dated, without circles, never reaching oneself, never joining rivals."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dms.access import gate, revisions
from dms.access.standing import of_principal, policy_of
from dms.base import errors
from dms.base.actor import system_actor
from dms.base.clock import DAY, HOUR, system_clock
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.users import EVERYONE_ID, PrincipalKind, PrincipalLink
from dms.rules.access import Duty
from dms.services import memberships, membershipviews
from dms.stores import facts, upkeep
from tests.factories import AGREED, World, actor
from tests.recorded import last_of

PAGE = PageRequest(100)


@pytest.fixture
def group(world):
    return world.principal(PrincipalKind.GROUP)


def write(house, who, body):
    return house.works.write(actor(who), body, locks=(revisions.LOCK,))


def read(house, who, body):
    return house.works.read(actor(who), body)


def add(house, who, group, member, *, since=None, until=None, reason="works there", consent=None):
    return write(
        house,
        who,
        lambda work: memberships.member_add(
            work,
            group_id=group,
            member_id=member,
            valid_from=since,
            valid_until=until,
            reason=reason,
            consent=consent,
        ),
    )


def remove(house, who, group, member, reason="left"):
    return write(
        house,
        who,
        lambda work: memberships.member_remove(work, group_id=group, member_id=member, reason=reason),
    )


def assign(house, who, role, member, *, since=None, until=None, reason="appointed", consent=None):
    return write(
        house,
        who,
        lambda work: memberships.role_assign(
            work,
            role_id=role,
            member_id=member,
            valid_from=since,
            valid_until=until,
            reason=reason,
            consent=consent,
        ),
    )


def withdraw(house, who, role, member):
    return write(
        house,
        who,
        lambda work: memberships.role_withdraw(work, role_id=role, member_id=member, reason="term is over"),
    )


def create_group(house, who, name, shown="Town hall"):
    return write(house, who, lambda work: memberships.create_group(work, name=name, display_name=shown))


def above(world, member):
    return world.build(lambda work: of_principal(work, member).subject.principals)


def open_links(house, member):
    statement = select(PrincipalLink.group_id).where(
        PrincipalLink.member_id == member, PrincipalLink.revision_to.is_(None)
    )
    with upkeep.reading(house.database) as connection:
        return set(connection.execute(statement).scalars())


def test_an_officer_makes_a_group_that_everybody_finds(house, world, officer):
    made = create_group(house, officer, "town-hall")

    found = read(house, world.user(), lambda work: membershipviews.groups(work, PAGE, name_starts="town"))

    assert [(row.id, row.display_name) for row in found.rows] == [(made.id, "Town hall")]
    assert (last_of(house, officer)["op"], last_of(house, officer)["outcome"]) == (
        "group.create",
        "committed",
    )


def test_a_group_name_is_given_once_but_an_account_may_bear_it_too(house, world, officer):
    create_group(house, officer, "shared-name")
    world.user("shared-name")

    with pytest.raises(errors.Conflict, match="^the name `shared-name` is taken: choose another$"):
        create_group(house, officer, "shared-name")


def test_an_administrator_makes_no_groups(house, world):
    administrator = world.officer(role="administrator")

    with pytest.raises(errors.Duty, match="^this needs the duty `clearances.manage`$"):
        create_group(house, administrator, "by-an-administrator")


def test_a_member_belongs_from_the_next_operation_on_until_he_is_taken_out(house, world, officer, group):
    user = world.user()

    link = add(house, officer, group, user)
    assert group in above(world, user)
    assert (link.granted_by, link.reason, link.valid_until) == (officer, "works there", None)

    ended = remove(house, officer, group, user)
    assert group not in above(world, user)
    assert ended.id == link.id
    assert ended.revision_to > link.revision_from


def test_a_link_raises_the_policy_revision_and_is_recorded(house, world, officer, group):
    link = add(house, officer, group, world.user())

    event = last_of(house, officer)
    assert (event["op"], event["outcome"]) == ("group.member_add", "committed")
    assert event["policy"]["revision"] == link.revision_from
    assert event["changed"][0][:3] == [link.id.hex, None, link.revision_from]


def test_links_may_begin_later_and_end_by_themselves(house, world, officer, group):
    later, over = world.user(), world.user()
    now = system_clock()

    add(house, officer, group, later, since=now + HOUR, until=now + DAY)
    add(house, officer, group, over, since=now - DAY, until=now - HOUR)

    assert group not in above(world, later)
    assert group not in above(world, over)


def test_a_link_that_ends_before_it_begins_is_refused(house, world, officer, group):
    user, now = world.user(), system_clock()

    with pytest.raises(errors.Invalid) as caught:
        add(house, officer, group, user, since=now, until=now)

    assert caught.value.path == ("valid_until",)
    assert open_links(house, user) == set()


def test_a_link_without_a_reason_is_refused(house, world, officer, group):
    with pytest.raises(errors.Invalid, match="^a reason is needed$"):
        add(house, officer, group, world.user(), reason=" ")


def test_a_member_is_added_once_and_again_when_the_first_link_has_run_out(house, world, officer, group):
    user, now = world.user(), system_clock()
    first = add(house, officer, group, user, since=now - DAY, until=now - HOUR)

    second = add(house, officer, group, user)
    with pytest.raises(errors.Conflict, match="already: take him out first$"):
        add(house, officer, group, user)

    assert group in above(world, user)
    links = read(house, officer, lambda work: membershipviews.belongings(work, [user], PAGE))[user]
    assert [(row.id, row.revision_to is None) for row in links.rows] == [(second.id, True), (first.id, False)]


def test_who_is_no_member_cannot_be_taken_out(house, world, officer, group):
    user, now = world.user(), system_clock()

    with pytest.raises(errors.State, match="is not in"):
        remove(house, officer, group, user)
    add(house, officer, group, user, since=now - DAY, until=now - HOUR)
    with pytest.raises(errors.State, match="is not in"):
        remove(house, officer, group, user)


def test_a_link_to_what_is_no_group_is_absent(house, world, officer, group):
    user, role = world.user(), world.role("reader")
    for wrong in (user, role, new_id()):
        with pytest.raises(errors.NotFound):
            add(house, officer, wrong, user)
    for wrong in (role, new_id(), EVERYONE_ID):
        with pytest.raises(errors.NotFound):
            add(house, officer, group, wrong)
    with pytest.raises(errors.NotFound):
        assign(house, officer, group, user)


def test_a_group_in_itself_closes_a_circle(house, officer, group):
    with pytest.raises(errors.Conflict, match="this would close a circle$") as caught:
        add(house, officer, group, group)

    assert caught.value.path == ("member_id",)


def test_a_circle_over_several_groups_is_refused_even_if_a_link_begins_later(house, world, officer):
    one, two, three = (world.principal(PrincipalKind.GROUP) for _ in range(3))
    add(house, officer, two, one)
    add(house, officer, three, two, since=system_clock() + DAY)

    with pytest.raises(errors.Conflict, match="this would close a circle$"):
        add(house, officer, one, three)


def test_a_link_that_has_run_out_closes_no_circle(house, world, officer):
    one, two = world.principal(PrincipalKind.GROUP), world.principal(PrincipalKind.GROUP)
    add(house, officer, two, one, since=1, until=2)

    add(house, officer, one, two)

    assert open_links(house, two) == {one}


def test_nobody_adds_or_removes_himself(house, world, officer, group):
    colleague = world.officer()
    for change in (add, remove):
        with pytest.raises(errors.SecondPerson, match="nobody changes a link that reaches himself"):
            change(house, officer, group, officer)
    add(house, colleague, group, officer)
    with pytest.raises(errors.SecondPerson):
        remove(house, officer, group, officer)

    assert (last_of(house, officer)["outcome"], last_of(house, officer)["reason"]) == (
        "refused",
        "second_person",
    )


def test_nobody_changes_a_link_that_reaches_him_through_groups(house, world, officer):
    colleague = world.officer()
    inner, outer = world.principal(PrincipalKind.GROUP), world.principal(PrincipalKind.GROUP)
    add(house, colleague, inner, officer)

    with pytest.raises(errors.SecondPerson):
        add(house, officer, outer, inner)

    add(house, colleague, outer, inner)
    assert outer in above(world, officer)


def test_an_officer_gives_a_role_and_takes_it_back(house, world, officer):
    user, role = world.user(), world.role("technician")

    assign(house, officer, role, user, consent=AGREED)
    held = read(house, user, lambda work: gate.has_duty(work, Duty.PLACES_MANAGE))
    withdraw(house, officer, role, user)
    left = read(house, user, lambda work: gate.has_duty(work, Duty.PLACES_MANAGE))

    assert (held, left) == (True, False)
    assert last_of(house, officer)["op"] == "role.withdraw"


@pytest.mark.parametrize("role", ["administrator", "auditor", "records_manager", "reader"])
def test_other_offices_give_no_roles(house, world, role):
    other, user, reader = world.officer(role=role), world.user(), world.role("reader")

    with pytest.raises(errors.Duty):
        assign(house, other, reader, user)
    with pytest.raises(errors.Duty):
        withdraw(house, other, reader, user)


def test_nobody_gives_himself_a_role(house, world, officer):
    with pytest.raises(errors.SecondPerson):
        assign(house, officer, world.role("records_manager"), officer)


PAIRS = [
    ("administrator", "security_officer"),
    ("auditor", "administrator"),
    ("records_manager", "disposal_approver"),
    ("auditor", "records_manager"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_roles_that_exclude_each_other_never_meet_in_an_account(house, world, officer, one, other):
    user = world.user()
    assign(house, officer, world.role(one), user, consent=AGREED)

    with pytest.raises(errors.Conflict, match="exclude each other in one account$"):
        assign(house, officer, world.role(other), user, consent=AGREED)

    assert open_links(house, user) == {world.role(one)}


def test_roles_that_exclude_each_other_never_meet_through_nested_groups(house, world, officer):
    user = world.user()
    inner, outer = world.principal(PrincipalKind.GROUP), world.principal(PrincipalKind.GROUP)
    add(house, officer, inner, user)
    add(house, officer, outer, inner)
    assign(house, officer, world.role("auditor"), user, consent=AGREED)

    with pytest.raises(errors.Conflict, match="the roles `log_custodian` and `auditor` exclude"):
        assign(house, officer, world.role("log_custodian"), outer, consent=AGREED)


def test_a_group_with_a_role_takes_no_member_that_holds_its_rival(house, world, officer, group):
    user = world.user()
    assign(house, officer, world.role("auditor"), user, consent=AGREED)
    assign(house, officer, world.role("log_custodian"), group, consent=AGREED)

    with pytest.raises(errors.Conflict, match="exclude each other"):
        add(house, officer, group, user, consent=AGREED)


def test_a_role_that_begins_later_keeps_its_rival_away_already(house, world, officer):
    user = world.user()
    assign(house, officer, world.role("auditor"), user, since=system_clock() + DAY, consent=AGREED)

    with pytest.raises(errors.Conflict):
        assign(house, officer, world.role("log_custodian"), user, consent=AGREED)


def test_a_role_that_has_run_out_keeps_nobody_away(house, world, officer):
    user = world.user()
    assign(house, officer, world.role("auditor"), user, since=1, until=2, consent=AGREED)

    assign(house, officer, world.role("log_custodian"), user, consent=AGREED)

    assert read(house, user, lambda work: gate.has_duty(work, Duty.LOG_PRUNE)) is True


def test_the_office_of_officers_never_falls_vacant(fresh_house):
    world = World(fresh_house)
    first, second = world.officer(), world.user()
    role = world.role("security_officer")
    assign(fresh_house, first, role, second, consent=AGREED)

    withdraw(fresh_house, second, role, first)
    with pytest.raises(errors.SecondPerson):
        withdraw(fresh_house, second, role, second)

    assert read(fresh_house, second, lambda work: gate.has_duty(work, Duty.CLEARANCES_MANAGE)) is True


def test_the_last_administrator_keeps_the_role(fresh_house):
    world = World(fresh_house)
    officer, administrator = world.officer(), world.officer(role="administrator")
    role = world.role("administrator")

    with pytest.raises(errors.Conflict, match="nobody would be left with the duty `users.manage`"):
        withdraw(fresh_house, officer, role, administrator)

    other = world.officer(role="administrator")
    withdraw(fresh_house, officer, role, administrator)
    assert read(fresh_house, other, lambda work: gate.has_duty(work, Duty.USERS_MANAGE)) is True


def test_a_group_whose_link_holds_the_last_officer_is_not_emptied(fresh_house):
    world = World(fresh_house)
    held = world.principal(PrincipalKind.GROUP)
    world.link(held, world.role("administrator"))
    administrator = world.user()
    world.link(administrator, held)
    officer = world.officer()

    with pytest.raises(errors.Conflict, match="nobody would be left with the duty `users.manage`"):
        remove(fresh_house, officer, held, administrator)


def test_an_administrator_names_the_first_officer_with_an_alarm(fresh_house, caplog):
    world = World(fresh_house)
    administrator, user, third = world.officer(role="administrator"), world.user(), world.user()
    role = world.role("security_officer")

    assign(fresh_house, administrator, role, user)
    with pytest.raises(errors.Duty):
        assign(fresh_house, administrator, role, third)

    assert read(fresh_house, user, lambda work: gate.has_duty(work, Duty.CLEARANCES_MANAGE)) is True
    assert [(r.name, r.message, r.account) for r in caplog.records] == [
        ("dms.alarm", "first_officer", user.hex)
    ]


def test_naming_the_first_officer_gives_no_other_power(fresh_house):
    world = World(fresh_house)
    administrator, user = world.officer(role="administrator"), world.user()
    held = world.principal(PrincipalKind.GROUP)
    role = world.role("security_officer")

    with pytest.raises(errors.Duty):
        assign(fresh_house, administrator, world.role("auditor"), user)
    with pytest.raises(errors.Duty):
        assign(fresh_house, administrator, role, held)
    with pytest.raises(errors.SecondPerson):
        assign(fresh_house, administrator, role, administrator)
    with pytest.raises(errors.Duty):
        assign(fresh_house, user, role, world.user())


def test_a_role_that_left_the_policy_files_is_given_to_nobody(house, world, officer):
    role = world.principal(PrincipalKind.ROLE, "forgotten-role")

    with pytest.raises(errors.Invalid, match="not in the policy files any more"):
        assign(house, officer, role, world.user())


def test_a_policy_without_a_role_for_an_office_is_told(house):
    def ask(work):
        return memberships.role_with(work, Duty.EMERGENCY_OPEN)

    with pytest.raises(errors.Invalid, match="no role has the duty `emergency.open`"):
        house.works.read(system_actor("test"), ask)


EDGES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8)), max_size=14)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(edges=EDGES)
def test_whatever_is_linked_no_circle_and_no_rivals_come_about(house, officer, edges):
    """Members 0..1 are users, 2..5 groups; targets 2..5 are groups, 6..8 roles that exclude each other."""
    world = World(house)
    nodes = [world.user(), world.user(), *(world.principal(PrincipalKind.GROUP) for _ in range(4))]
    nodes += [world.role(name) for name in ("auditor", "administrator", "log_custodian")]
    for member, target in edges:
        change = assign if target > 5 else add
        try:
            change(house, officer, nodes[target], nodes[member], consent=AGREED)
        except (errors.Conflict, errors.NotFound):
            continue

    def check(work):
        for node in nodes[:6]:
            reached = facts.principals_above(work, node)
            assert not any(node in facts.principals_above(work, up) for up in reached - {node})
            assert of_principal(work, node).clashing == frozenset()
            names = facts.roles_above(work, node)
            assert all(len(pair & names) < 2 for pair in policy_of(work).files.exclusive)

    world.build(check)
