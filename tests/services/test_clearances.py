"""Clearances: by officers for others, in periods that never overlap, ended without delay."""

from __future__ import annotations

import pytest

from dms.access import gate
from dms.base import errors
from dms.base.clock import DAY, HOUR, system_clock
from dms.base.paging import PageRequest
from dms.models.documents import Document
from dms.models.users import PrincipalKind
from dms.rules.access import Action
from dms.rules.periods import Validity
from dms.rules.security import Mark
from dms.services import clearances, security
from dms.services.security import AskedMark
from dms.stores import facts
from tests.factories import actor
from tests.recorded import last_of


@pytest.fixture
def user(world):
    return world.user(rank=None)


def grant(house, who, user, *, level="open", compartments=(), since=None, until=None, reason="needs it"):
    return house.works.write(
        actor(who),
        lambda work: clearances.grant(
            work,
            user_id=user,
            asked=AskedMark(level, tuple(compartments)),
            valid_from=since,
            valid_until=until,
            reason=reason,
        ),
    )


def revoke(house, who, clearance_id, reason="moved on"):
    return house.works.write(
        actor(who), lambda work: clearances.revoke(work, clearance_id=clearance_id, reason=reason)
    )


def listed(house, who, **chosen):
    return house.works.read(
        actor(who), lambda work: clearances.clearances(work, PageRequest(100), **chosen)
    ).rows


def may_see(house, who, document):
    return house.works.read(
        actor(who), lambda work: document in gate.visible(work, Document, Action.DISCOVER).many([document])
    )


def test_officer_gives_what_he_does_not_hold_himself(house, world, user):
    officer = world.officer(rank=100)
    world.level(300)
    compartment = world.compartment()
    codes = world.build(lambda work: {value: key for key, value in facts.compartments(work).items()})

    made = grant(house, officer, user, level="level300", compartments=[codes[compartment]])

    assert clearances.mark_of(made) == Mark(300, frozenset({compartment}))
    assert (made.granted_by, made.reason, made.valid_until) == (officer, "needs it", None)


def test_clearance_acts_at_the_next_operation_and_so_does_its_end(house, world, officer, user):
    fonds = world.aggregation()
    document = world.document(fonds)
    world.entry(user, fonds, Action.READ_METADATA)
    assert not may_see(house, user, document)

    made = grant(house, officer, user)
    assert may_see(house, user, document)

    revoke(house, officer, made.id)
    assert not may_see(house, user, document)


def test_grant_raises_the_policy_revision_and_records_who_and_what(house, officer, user):
    made = grant(house, officer, user, reason="inspects the vault")

    event = last_of(house, officer)
    assert (event["op"], event["outcome"]) == ("clearance.grant", "committed")
    assert event["policy"]["revision"] == made.revision_from
    assert [change[:3] for change in event["changed"]] == [[made.id.hex, None, made.revision_from]]


def test_grant_without_the_duty_is_refused_recorded_and_changes_nothing(house, world, user):
    clerk = world.user()

    with pytest.raises(errors.Duty, match="^this needs the duty `clearances.manage`$"):
        grant(house, clerk, user)

    assert (last_of(house, clerk)["op"], last_of(house, clerk)["outcome"]) == ("clearance.grant", "refused")
    assert world.build(lambda work: facts.clearance_periods(work, user)) == []


def test_administrator_gives_no_clearance_by_office(house, world, user):
    administrator = world.officer(role="administrator")

    with pytest.raises(errors.Duty):
        grant(house, administrator, user)


def test_nobody_grants_his_own_clearance(house, world):
    officer = world.officer(rank=None)

    with pytest.raises(errors.SecondPerson, match="^nobody changes his own clearance: ask another officer$"):
        grant(house, officer, officer)

    assert last_of(house, officer)["outcome"] == "refused"
    assert last_of(house, officer)["reason"] == "second_person"
    assert world.build(lambda work: facts.clearance_periods(work, officer)) == []


def test_nobody_ends_his_own_clearance(house, world, officer):
    other = world.officer(rank=None)
    made = grant(house, officer, other)

    with pytest.raises(errors.SecondPerson):
        revoke(house, other, made.id)

    assert listed(house, other, user_id=other, stands=Validity.LIVE)[0].id == made.id


@pytest.mark.parametrize("kind", [PrincipalKind.GROUP, PrincipalKind.ROLE])
def test_group_or_role_holds_no_clearance(house, world, officer, kind):
    principal = world.principal(kind)

    with pytest.raises(errors.Invalid, match="^only people and service accounts hold clearances$"):
        grant(house, officer, principal)


def test_service_account_holds_a_clearance(house, world, officer):
    service = world.principal(PrincipalKind.SERVICE)

    assert grant(house, officer, service).user_id == service


def test_clearance_for_an_unknown_account_is_not_found(house, world, officer):
    with pytest.raises(errors.NotFound, match="^not found$"):
        grant(house, officer, world.aggregation())


def test_clearance_that_ends_before_it_starts_is_refused(house, world, officer, user):
    now = system_clock()

    with pytest.raises(errors.Invalid, match="^must lie after the start of the period$"):
        grant(house, officer, user, since=now, until=now - 1)

    assert listed(house, officer, user_id=user) == []


def test_clearance_without_a_reason_is_refused(house, officer, user):
    with pytest.raises(errors.Invalid, match="^a reason is needed$"):
        grant(house, officer, user, reason="  ")


def test_second_clearance_in_the_same_period_is_a_conflict(house, officer, user):
    now = system_clock()
    first = grant(house, officer, user, since=now, until=now + 2 * DAY)

    with pytest.raises(errors.Conflict, match="^the account holds a clearance in this period: "):
        grant(house, officer, user, since=now + DAY)

    assert [row.id for row in listed(house, officer, user_id=user)] == [first.id]


def test_clearance_may_begin_in_the_instant_in_which_the_former_ends(house, officer, user):
    now = system_clock()
    first = grant(house, officer, user, since=now - DAY, until=now + DAY)

    second = grant(house, officer, user, since=now + DAY)

    assert [row.id for row in listed(house, officer, user_id=user)] == [second.id, first.id]


def test_revoked_clearance_makes_room_for_another(house, officer, user):
    first = grant(house, officer, user)
    revoke(house, officer, first.id)

    second = grant(house, officer, user)

    assert [row.id for row in listed(house, officer, user_id=user, stands=Validity.LIVE)] == [second.id]
    assert [row.id for row in listed(house, officer, user_id=user, stands=Validity.REVOKED)] == [first.id]


def test_clearance_is_revoked_once(house, officer, user):
    made = grant(house, officer, user)
    revoke(house, officer, made.id)

    with pytest.raises(errors.State, match="^the clearance is revoked already$"):
        revoke(house, officer, made.id)


def test_clearances_are_listed_by_how_they_stand(house, officer, user):
    now = system_clock()
    past = grant(house, officer, user, since=now - 3 * DAY, until=now - DAY)
    live = grant(house, officer, user, since=now - HOUR, until=now + DAY)
    future = grant(house, officer, user, since=now + 2 * DAY)

    found = {
        which: [row.id for row in listed(house, officer, user_id=user, stands=which)] for which in Validity
    }

    assert found == {
        Validity.EXPIRED: [past.id],
        Validity.LIVE: [live.id],
        Validity.FUTURE: [future.id],
        Validity.REVOKED: [],
    }


def test_user_lists_his_own_clearances_only(house, world, officer, user):
    other = world.user()
    mine = grant(house, officer, user)

    assert [row.id for row in listed(house, user)] == [mine.id]
    assert listed(house, user, user_id=other) == []


@pytest.mark.parametrize("role", ["auditor", "security_officer"])
def test_auditor_and_officer_list_the_clearances_of_others(house, world, officer, user, role):
    reader = world.officer(role=role)
    made = grant(house, officer, user)

    assert [row.id for row in listed(house, reader, user_id=user)] == [made.id]


def test_retired_compartment_may_still_be_cleared_so_that_old_things_stay_readable(house, officer, user):
    def retired(work):
        made = security.create_compartment(work, code="old-project", name="Old project")
        return security.retire_compartment(
            work, compartment_id=made.id, expected_revision=1, reason="has ended"
        )

    compartment = house.works.write(actor(officer), retired)

    made = grant(house, officer, user, compartments=["old-project"])

    assert clearances.mark_of(made).compartments == {compartment.id}
