"""Access lists as they are read, and what a decision would be."""

from __future__ import annotations

from uuid import UUID

import pytest

from dms.base import errors
from dms.base.actor import system_actor
from dms.base.clock import DAY, system_clock
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.users import PrincipalKind
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.periods import Validity
from dms.rules.security import Mark
from dms.services import accesslists
from dms.services.accesslists import EntryFilter
from dms.stores import facts
from tests.factories import actor
from tests.recorded import events_of, last_of


@pytest.fixture(scope="module")
def fonds(world):
    return world.aggregation()


@pytest.fixture
def manager(world, fonds):
    """Manages one list without being an officer."""
    return world.holder(fonds, Action.MANAGE_ACCESS, rank=200)


@pytest.fixture
def document(world, fonds):
    return world.document(fonds)


def listed(house, who, node=None, **chosen):
    def body(work):
        place = None if node is None else (NodeKind.AGGREGATION, node)
        page = accesslists.entries(work, PageRequest(100), node=place, chosen=EntryFilter(**chosen))
        return [row.id for row in page.rows]

    return house.works.read(actor(who), body)


def check(house, who, node, action, *, principal=None):
    return house.works.read(
        actor(who),
        lambda work: accesslists.check(
            work, principal_id=principal, node_kind=NodeKind.DOCUMENT, node_id=node, action=action
        ),
    )


def test_list_of_a_node_shows_to_who_manages_it(house, world, manager, fonds, user):
    place = world.aggregation(fonds)
    entries = [world.entry(user, place, action) for action in (Action.DISCOVER, Action.EDIT)]

    assert listed(house, manager, place) == entries[::-1]


def test_list_of_a_node_is_denied_to_who_only_reads_there(house, world, fonds):
    reader = world.holder(fonds, Action.READ_CONTENT)

    with pytest.raises(errors.Denied):
        listed(house, reader, fonds)

    assert last_of(house, reader)["outcome"] == "refused"


def test_list_of_a_hidden_node_is_answered_like_that_of_an_absent_one(house, fonds, user):
    for node in (fonds, new_id()):
        with pytest.raises(errors.NotFound, match="^not found$"):
            listed(house, user, node)


def test_list_is_narrowed_by_principal_action_effect_and_validity(house, desk, world, officer, user):
    place, now = world.aggregation(), system_clock()
    live = world.entry(user, place, Action.EDIT)
    deny = world.entry(user, place, Action.EXPORT, effect=Effect.DENY)
    expired = world.entry(user, place, Action.LEND, until=now - DAY)
    future = world.entry(user, place, Action.HOLD, since=now + DAY)
    revoked = world.entry(world.user(), place, Action.EDIT)
    desk.do(officer, accesslists.revoke, entry_id=revoked, reason="over")

    assert listed(house, officer, place, action=Action.EDIT) == [revoked, live]
    assert listed(house, officer, place, effect=Effect.DENY) == [deny]
    assert listed(house, officer, place, stands=Validity.LIVE) == [deny, live]
    assert listed(house, officer, place, stands=Validity.EXPIRED) == [expired]
    assert listed(house, officer, place, stands=Validity.FUTURE) == [future]
    assert listed(house, officer, place, stands=Validity.REVOKED) == [revoked]
    assert listed(house, officer, place, principal_id=user, action=Action.EDIT) == [live]


def test_reviewer_lists_all_entries_but_those_on_what_he_may_not_discover(house, world, fonds, user):
    reviewer = world.officer(rank=100)
    repository, classed = world.build(facts.repository_id), world.record_class()
    hidden = world.aggregation(fonds, mark=Mark(200))
    document = world.document(fonds)
    shown = [
        world.entry(user, fonds, Action.FILE),
        world.entry_on_document(user, document, Action.FILE),
        world.entry(user, classed, Action.FILE, kind=NodeKind.CLASS),
        world.entry(user, repository, Action.FILE, kind=NodeKind.REPOSITORY),
    ]
    world.entry(user, hidden, Action.FILE)

    assert listed(house, reviewer, principal_id=user) == shown[::-1]


def test_list_of_all_entries_needs_the_duty_of_review(house, manager):
    with pytest.raises(errors.Duty, match="^this needs the duty `access.review`$"):
        listed(house, manager)

    assert last_of(house, manager)["outcome"] == "refused"


def test_check_about_another_names_the_deciding_lines(house, world, officer, fonds, document):
    group, user = world.principal(PrincipalKind.GROUP), world.user()
    world.link(user, group)
    until = system_clock() + DAY
    allow = world.entry(group, fonds, Action.READ_CONTENT, until=until)
    deny = world.entry_on_document(user, document, Action.READ_CONTENT, effect=Effect.DENY)

    found = check(house, officer, document, Action.READ_CONTENT, principal=user)

    assert (found.may, found.reason, found.principal_id) == (False, "denied", user)
    lines = {
        line.id: (line.principal.id, line.node_id, line.action, line.effect, line.valid_until)
        for line in found.lines
    }
    assert lines == {
        allow: (group, fonds, Action.READ_CONTENT, Effect.ALLOW, until),
        deny: (user, document, Action.READ_CONTENT, Effect.DENY, None),
    }


def test_check_names_the_line_of_a_role(house, world, officer, document):
    other = world.officer()

    found = check(house, officer, document, Action.MANAGE_ACCESS, principal=other)

    assert found.may
    (line,) = found.lines
    assert line.id == "role:security_officer:MANAGE_ACCESS"
    assert (line.principal.name, line.node_kind) == ("security_officer", NodeKind.REPOSITORY)
    assert line.node_id == world.build(facts.repository_id)


def test_check_says_that_the_clearance_is_missing(house, world, officer, fonds, user):
    secret = world.document(fonds, mark=Mark(200))
    world.entry(user, fonds, Action.READ_CONTENT)

    found = check(house, officer, secret, Action.READ_CONTENT, principal=user)

    assert (found.may, found.reason) == (False, "clearance")


def test_check_about_another_does_not_name_a_node_that_is_hidden_from_the_manager(house, world, user):
    hidden = world.aggregation(mark=Mark(200))
    document = world.document(hidden)
    keeper = world.user()
    world.entry_on_document(keeper, document, Action.MANAGE_ACCESS)
    entry = world.entry(user, hidden, Action.READ_METADATA)

    found = check(house, keeper, document, Action.READ_METADATA, principal=user)

    assert found.may
    assert [(line.id, line.node_id) for line in found.lines] == [(entry, None)]


def test_check_about_another_needs_manage_access(house, world, fonds, document, user):
    reader = world.holder(fonds, Action.READ_CONTENT)

    with pytest.raises(errors.Denied) as caught:
        check(house, reader, document, Action.READ_CONTENT, principal=user)

    assert caught.value.action == "MANAGE_ACCESS"


def test_check_about_oneself_tells_the_answer_without_the_lines(house, world, fonds, document):
    reader = world.holder(fonds, Action.READ_METADATA)

    allowed = check(house, reader, document, Action.READ_METADATA)
    refused = check(house, reader, document, Action.EDIT, principal=reader)

    assert (allowed.may, allowed.reason, allowed.lines) == (True, "allowed", ())
    assert (refused.may, refused.reason, refused.lines) == (False, "no_entry", ())
    assert not allowed.is_explained


@pytest.mark.parametrize("principal", ["self", "other"])
def test_check_of_a_hidden_document_is_answered_like_an_absent_one(house, world, document, user, principal):
    asked = user if principal == "self" else world.user()

    for node in (document, new_id(), UUID(int=0)):
        with pytest.raises(errors.NotFound) as caught:
            check(house, user, node, Action.READ_METADATA, principal=asked)
        assert (caught.value.message, caught.value.path) == ("not found", ())
    assert [event["op"] for event in events_of(house, user)] == ["access.check"] * 3


def test_check_by_the_system_about_itself_needs_an_account(house, document, world):
    repository = world.build(facts.repository_id)

    with pytest.raises(errors.Unauthenticated):
        house.works.read(
            system_actor("test"),
            lambda work: accesslists.check(
                work,
                principal_id=None,
                node_kind=NodeKind.REPOSITORY,
                node_id=repository,
                action=Action.FILE,
            ),
        )
