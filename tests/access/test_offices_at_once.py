"""Two who change offices at once: a conflict is never assembled, and the last holder always stays."""

from __future__ import annotations

import itertools
import threading

import pytest

from dms.access import gate, revisions
from dms.base.actor import system_actor
from dms.base.errors import Conflict, DmsError
from dms.models.users import Principal, PrincipalKind, PrincipalStatus
from dms.rules.access import Duty
from dms.services import memberships, users
from dms.stores import facts
from dms.stores.work import session_of
from tests.factories import AGREED, World, actor

LOCKS = (revisions.LOCK,)
ROUNDS = 25

_numbers = itertools.count(1)


def at_once(*bodies):
    """Start all at the same instant; returns what each raised, or None."""
    ready = threading.Barrier(len(bodies))
    outcomes = [None] * len(bodies)

    def run(number):
        ready.wait()
        try:
            bodies[number]()
        except DmsError as error:
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(bodies))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def doing(house, who, use_case, **options):
    """A change by somebody, ready to start; it locks as its mutation does."""
    return lambda: house.works.write(actor(who), lambda work: use_case(work, **options), locks=LOCKS)


def giving(house, who, role, member):
    return doing(
        house,
        who,
        memberships.role_assign,
        role_id=role,
        member_id=member,
        valid_from=None,
        valid_until=None,
        reason="race",
        consent=AGREED,
    )


def joining(house, who, group, member):
    return doing(
        house,
        who,
        memberships.member_add,
        group_id=group,
        member_id=member,
        valid_from=None,
        valid_until=None,
        reason="race",
        consent=AGREED,
    )


def roles_of(house, user):
    def body(work):
        standing = gate.standing(work)
        return standing.roles, standing.clashing

    return house.works.read(actor(user), body)


@pytest.fixture(scope="module")
def officers(world):
    return world.officer(), world.officer()


def test_two_officers_cannot_give_one_person_roles_that_exclude_each_other(house, world, officers):
    roles = [world.role("records_manager"), world.role("auditor")]
    for _ in range(ROUNDS):
        member = world.user()

        outcomes = at_once(*(giving(house, *pair, member) for pair in zip(officers, roles, strict=True)))

        (refused,) = [error for error in outcomes if error is not None]
        assert isinstance(refused, Conflict)
        assert refused.message in {
            "the roles `auditor` and `records_manager` exclude each other in one account",
            "the roles `records_manager` and `auditor` exclude each other in one account",
        }
        held, clashing = roles_of(house, member)
        assert (len(held), clashing) == (1, frozenset())


def test_two_officers_cannot_assemble_a_conflict_through_nested_groups(house, world, officers):
    """One puts a group under a role, the other puts the group's member under the other role's group."""
    for _ in range(ROUNDS):
        member = world.user()
        lower, upper, other = (world.principal(PrincipalKind.GROUP) for _ in range(3))
        world.link(member, lower)
        world.link(upper, world.role("administrator"))
        world.link(other, world.role("auditor"))

        outcomes = at_once(
            joining(house, officers[0], upper, lower), joining(house, officers[1], other, member)
        )

        assert [type(error) for error in outcomes if error is not None] == [Conflict]
        held, clashing = roles_of(house, member)
        assert (len(held), clashing) == (1, frozenset())


def test_two_officers_cannot_close_a_circle_from_both_ends(house, world, officers):
    for _ in range(ROUNDS):
        first, second = (world.principal(PrincipalKind.GROUP) for _ in range(2))

        outcomes = at_once(
            joining(house, officers[0], first, second), joining(house, officers[1], second, first)
        )

        assert [type(error) for error in outcomes if error is not None] == [Conflict]


# The last holder of an office: an installation of its own, where nobody else holds one.


@pytest.fixture
def offices(fresh_house):
    """Two administrators and two officers, and nobody else."""
    world = World(fresh_house)
    administrators = [world.officer(f"root{next(_numbers)}", role="administrator") for _ in range(2)]
    officers = [world.officer(f"officer{next(_numbers)}") for _ in range(2)]
    return world, administrators, officers


def disabling(house, who, user):
    def use_case(work):
        return users.disable(work, user, expected_revision=revision_of(work, user), reason="race")

    return doing(house, who, use_case)


def revision_of(work, user):
    return users.user(work, user_id=user).revision


def withdrawing(house, who, role, member):
    return doing(house, who, memberships.role_withdraw, role_id=role, member_id=member, reason="race")


def holders(house, duty):
    return house.works.read(
        system_actor("test"), lambda work: facts.role_holders(work, memberships.roles_with(work, duty))
    )


def test_two_administrators_disable_each_other_and_one_stays(fresh_house, offices):
    world, (one, other), _ = offices
    for _ in range(ROUNDS):
        outcomes = at_once(disabling(fresh_house, one, other), disabling(fresh_house, other, one))

        assert sum(error is None for error in outcomes) == 1
        (left,) = holders(fresh_house, Duty.USERS_MANAGE)
        gone = other if left == one else one
        world.build(lambda work, gone=gone: _revive(work, gone))


def test_two_officers_withdraw_each_other_and_one_stays(fresh_house, offices):
    world, _, (one, other) = offices
    role = world.role("security_officer")
    for _ in range(ROUNDS):
        outcomes = at_once(
            withdrawing(fresh_house, one, role, other), withdrawing(fresh_house, other, role, one)
        )

        assert sum(error is None for error in outcomes) == 1
        (left,) = holders(fresh_house, Duty.CLEARANCES_MANAGE)
        world.link(other if left == one else one, role)


def test_an_officer_is_disabled_while_the_other_loses_the_role_and_one_stays(fresh_house, offices):
    world, administrators, (one, other) = offices
    role = world.role("security_officer")
    for _ in range(ROUNDS):
        outcomes = at_once(
            disabling(fresh_house, administrators[0], one), withdrawing(fresh_house, one, role, other)
        )

        assert sum(error is None for error in outcomes) == 1
        (left,) = holders(fresh_house, Duty.CLEARANCES_MANAGE)
        if left == one:
            world.link(other, role)
        else:
            world.build(lambda work: _revive(work, one))


def _revive(work, user):
    """Enable an account, as nobody may who is disabled himself."""
    row = session_of(work).get(Principal, user)
    row.status = PrincipalStatus.ACTIVE
    row.revision += 1
    revisions.advance(work, kind="account", note="test")
