"""Groups, roles and links as lists show them."""

from __future__ import annotations

import pytest

from dms.base.clock import DAY, system_clock
from dms.base.paging import PageRequest
from dms.models.users import PrincipalKind
from dms.rules.access import Action, Duty
from dms.rules.periods import Validity
from dms.services import membershipviews

PAGE = PageRequest(100)


@pytest.fixture
def group(world):
    return world.principal(PrincipalKind.GROUP)


def test_the_roles_are_shown_as_the_policy_files_have_them(desk, world):
    world.principal(PrincipalKind.ROLE, "role-without-a-file")

    found = desk.see(world.user(), membershipviews.roles, PAGE)

    by_name = {role.principal.name: role for role in found.rows}
    assert list(by_name) == sorted(by_name)
    assert "role-without-a-file" not in by_name
    assert by_name["security_officer"].actions == (Action.MANAGE_ACCESS,)
    assert by_name["auditor"].duties == (Duty.LOG_EXPORT, Duty.LOG_READ, Duty.POLICY_READ)
    assert by_name["auditor"].excludes == (
        "administrator",
        "log_custodian",
        "records_manager",
        "security_officer",
    )


def test_links_show_to_officers_and_to_whom_they_name(desk, world, officer, group):
    user, now = world.user(), system_clock()
    own = world.link(user, group)
    later = world.link(world.user(), group, since=now + DAY)

    def seen(who, **chosen):
        pages = desk.see(who, membershipviews.members, [group], PAGE, **chosen)
        return [row.id for row in pages[group].rows]

    def belongs(who):
        pages = desk.see(who, membershipviews.belongings, [user, officer], PAGE)
        return [row.id for row in pages[user].rows]

    assert seen(officer) == [later, own]
    assert seen(officer, stands=Validity.FUTURE) == [later]
    assert belongs(officer) == belongs(user) == [own]
    assert seen(user) == [own]
    assert seen(world.user()) == belongs(world.user()) == []
    assert seen(world.officer(role="auditor")) == [later, own]
    assert seen(world.officer(role="technician")) == []


def test_a_later_page_of_members_goes_with_one_group(desk, world, officer, group):
    links = [world.link(world.user(), group) for _ in range(3)]
    first = desk.see(officer, membershipviews.members, [group], PageRequest(2))[group]

    request = PageRequest(2, after=first.positions[-1], want_total=True)
    second = desk.see(officer, membershipviews.members, [group], request)[group]

    assert [row.id for row in (*first.rows, *second.rows)] == links[::-1]
    assert (first.has_next, second.has_next, second.total) == (True, False, 3)
