"""Access lists: who writes them, what nobody can give, and that a change acts at once."""

from __future__ import annotations

import pytest

from dms.access import gate
from dms.base import errors
from dms.base.actor import system_actor
from dms.base.clock import DAY, HOUR, system_clock
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.accesslists import AccessEntry
from dms.models.documents import Document
from dms.models.users import EVERYONE_ID, PrincipalKind
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.security import Mark
from dms.services import accesslists
from dms.services.accesslists import EntryDraft, EntryFilter
from dms.stores import facts
from dms.stores.work import session_of
from tests.factories import AGREED, actor
from tests.recorded import events_of, last_of


@pytest.fixture(scope="module")
def fonds(world):
    return world.aggregation()


@pytest.fixture
def manager(world, fonds):
    """Manages one list without being an officer, and may read."""
    return world.holder(fonds, Action.MANAGE_ACCESS, Action.READ_CONTENT, rank=200)


@pytest.fixture
def document(world, fonds):
    return world.document(fonds)


def draft(principal, node, action=Action.READ_METADATA, **values):
    chosen = {
        "node_kind": NodeKind.AGGREGATION,
        "effect": Effect.ALLOW,
        "valid_from": None,
        "valid_until": None,
        "reason": "works on it",
        **values,
    }
    return EntryDraft(principal_id=principal, node_id=node, action=action, **chosen)


def grant(house, who, *args, consent=None, **values):
    asked = draft(*args, **values)
    return house.works.write(actor(who), lambda work: accesslists.grant(work, asked, consent=consent))


def revoke(house, who, entry_id, reason="over"):
    return house.works.write(
        actor(who), lambda work: accesslists.revoke(work, entry_id=entry_id, reason=reason)
    )


def sees(house, who, document, action=Action.READ_METADATA):
    return house.works.read(
        actor(who), lambda work: document in gate.visible(work, Document, action).many([document])
    )


def open_entries(house, node):
    def body(work):
        rows = session_of(work).query(AccessEntry).filter_by(node_id=node, revision_to=None).all()
        return {row.id for row in rows}

    return house.works.read(system_actor("test"), body)


def test_grant_acts_at_the_next_operation_and_below_the_node(house, officer, fonds, user, document):
    assert not sees(house, user, document)

    entry = grant(house, officer, user, fonds)

    assert sees(house, user, document)
    assert (entry.granted_by, entry.reason, entry.valid_until) == (officer, "works on it", None)


def test_revoke_denies_the_next_operation(house, officer, fonds, user, document):
    entry = grant(house, officer, user, fonds)
    assert sees(house, user, document)

    revoke(house, officer, entry.id)

    assert not sees(house, user, document)


def test_revoke_denies_a_later_field_of_the_same_operation(house, officer, fonds, user):
    entry = grant(house, officer, user, fonds)

    def body(work):
        before = accesslists.check(
            work,
            principal_id=user,
            node_kind=NodeKind.AGGREGATION,
            node_id=fonds,
            action=Action.READ_METADATA,
        )
        accesslists.revoke(work, entry_id=entry.id, reason="over")
        after = accesslists.check(
            work,
            principal_id=user,
            node_kind=NodeKind.AGGREGATION,
            node_id=fonds,
            action=Action.READ_METADATA,
        )
        return before.may, after.may

    assert house.works.write(actor(officer), body) == (True, False)


def test_deny_on_a_document_overrides_the_allow_above(house, officer, fonds, user, document):
    grant(house, officer, user, fonds)

    grant(house, officer, user, document, node_kind=NodeKind.DOCUMENT, effect=Effect.DENY)

    assert not sees(house, user, document)
    assert sees(house, user, document, Action.DISCOVER)


def test_entry_for_a_group_reaches_its_members(house, world, officer, fonds, document):
    user, group = world.user(), world.principal(PrincipalKind.GROUP)
    world.link(user, group)

    grant(house, officer, group, fonds)

    assert sees(house, user, document)


def test_entry_for_everyone_reaches_every_account(house, world, officer):
    place = world.aggregation()
    document, somebody = world.document(place), world.user()

    grant(house, officer, EVERYONE_ID, place, consent=AGREED)

    assert sees(house, somebody, document)


def test_entry_on_a_class_reaches_what_is_classed_there(house, world, officer, fonds, user):
    upper = world.record_class()
    document = world.document(fonds, record_class_id=world.record_class(upper))

    grant(house, officer, user, upper, node_kind=NodeKind.CLASS)

    assert sees(house, user, document)


def test_entry_on_the_scheme_reaches_everything(house, world, officer, user, document):
    scheme = world.build(facts.scheme_id)

    entry = grant(house, officer, user, scheme, node_kind=NodeKind.CLASS)

    assert sees(house, user, document)
    revoke(house, officer, entry.id)


def test_entry_on_the_repository_reaches_everything(house, world, officer, user, document):
    repository = world.build(facts.repository_id)

    entry = grant(house, officer, user, repository, node_kind=NodeKind.REPOSITORY)

    assert sees(house, user, document)
    revoke(house, officer, entry.id)


def test_entry_cannot_be_written_on_the_repository_by_who_only_reads_there(house, world, user):
    repository = world.build(facts.repository_id)

    with pytest.raises(errors.Denied) as caught:
        grant(house, user, world.user(), repository, node_kind=NodeKind.REPOSITORY)

    assert caught.value.action == "MANAGE_ACCESS"


def test_grant_raises_the_revision_and_is_recorded(house, officer, fonds, user):
    entry = grant(house, officer, user, fonds)

    event = last_of(house, officer)
    assert (event["op"], event["outcome"]) == ("access.grant", "committed")
    assert event["policy"]["revision"] == entry.revision_from
    assert "role:security_officer:MANAGE_ACCESS" in event["policy"]["entries"]
    assert [change[:3] for change in event["changed"]] == [[entry.id.hex, None, entry.revision_from]]


def test_grant_without_manage_access_is_denied_recorded_and_writes_nothing(house, world, fonds, user):
    reader = world.holder(fonds, Action.READ_CONTENT)
    before = open_entries(house, fonds)

    with pytest.raises(errors.Denied, match="^the access list does not give you `MANAGE_ACCESS` here$"):
        grant(house, reader, user, fonds)

    assert open_entries(house, fonds) == before
    assert last_of(house, reader)["outcome"] == "refused"
    assert last_of(house, reader)["refused"] == [[fonds.hex, "MANAGE_ACCESS", "no_entry", True]]


def test_grant_on_a_hidden_node_is_answered_like_one_on_an_absent_node(house, world, fonds, user):
    stranger = world.user()
    before = open_entries(house, fonds)

    for node in (fonds, new_id()):
        with pytest.raises(errors.NotFound) as caught:
            grant(house, stranger, user, node, reason="")
        assert (caught.value.message, caught.value.path) == ("not found", ())
    assert open_entries(house, fonds) == before
    assert [event["refused"][0][3] for event in events_of(house, stranger)] == [True, False]


def test_officer_manages_no_node_above_his_own_clearance(house, world, fonds, user):
    officer = world.officer(rank=100)
    secret = world.aggregation(fonds, mark=Mark(200))

    with pytest.raises(errors.NotFound):
        grant(house, officer, user, secret)


@pytest.mark.parametrize("kind", list(NodeKind))
def test_unknown_node_of_any_kind_is_not_found(house, officer, user, kind):
    with pytest.raises(errors.NotFound, match="^not found$"):
        grant(house, officer, user, new_id(), node_kind=kind)


def test_unknown_principal_is_not_found(house, officer, fonds):
    with pytest.raises(errors.NotFound, match="^not found$"):
        grant(house, officer, new_id(), fonds)


@pytest.mark.parametrize("effect", list(Effect))
def test_nobody_writes_an_entry_that_names_himself(house, officer, fonds, effect):
    before = open_entries(house, fonds)

    with pytest.raises(errors.SecondPerson) as caught:
        grant(house, officer, officer, fonds, effect=effect)

    assert caught.value.message == (
        "nobody writes or ends an entry that names himself: ask another holder of the list"
    )
    assert open_entries(house, fonds) == before
    assert last_of(house, officer)["refused"] == [[fonds.hex, "MANAGE_ACCESS", "second_person", True]]


def test_nobody_ends_an_entry_that_names_himself(house, world, officer, fonds):
    entry = world.entry(officer, fonds, Action.READ_CONTENT, effect=Effect.DENY)

    with pytest.raises(errors.SecondPerson):
        revoke(house, officer, entry)

    assert entry in open_entries(house, fonds)


@pytest.mark.parametrize("since", [0, system_clock() + 1000 * DAY], ids=["now", "later"])
def test_manager_writes_no_entry_that_reaches_himself_now_or_later(house, world, manager, fonds, since):
    inner, outer = world.principal(PrincipalKind.GROUP), world.principal(PrincipalKind.GROUP)
    world.link(manager, inner, since=since)
    world.link(inner, outer)

    with pytest.raises(errors.SecondPerson) as caught:
        grant(house, manager, outer, fonds)

    assert caught.value.message == (
        "an entry that reaches yourself through a group or role is for a security officer"
    )


def test_manager_writes_no_entry_for_everyone(house, manager, fonds):
    with pytest.raises(errors.SecondPerson):
        grant(house, manager, EVERYONE_ID, fonds)


def test_officer_takes_from_a_group_of_his_own_but_gives_it_nothing_alone(house, world, officer, fonds):
    group = world.principal(PrincipalKind.GROUP)
    world.link(officer, group)

    with pytest.raises(errors.SecondPerson, match="^what gives to yourself too needs two officers"):
        grant(house, officer, group, fonds)

    assert grant(house, officer, group, fonds, effect=Effect.DENY).principal_id == group


def test_manager_gives_what_he_holds_himself(house, manager, fonds, user, document):
    grant(house, manager, user, fonds, Action.READ_CONTENT)

    assert sees(house, user, document, Action.READ_CONTENT)


def test_manager_gives_nothing_that_he_does_not_hold(house, manager, fonds, user):
    with pytest.raises(errors.Denied) as caught:
        grant(house, manager, user, fonds, Action.EDIT)

    assert caught.value.action == "EDIT"
    assert last_of(house, manager)["outcome"] == "refused"


def test_manager_never_gives_manage_access(house, manager, fonds, user):
    with pytest.raises(errors.Duty, match="^this needs the duty `clearances.manage`$"):
        grant(house, manager, user, fonds, Action.MANAGE_ACCESS)


def test_manager_cannot_lock_others_out_of_managing_by_a_deny_of_discovery(house, manager, fonds, officer):
    with pytest.raises(errors.Duty):
        grant(house, manager, officer, fonds, Action.DISCOVER, effect=Effect.DENY)


def test_manager_ends_an_allow_of_another_but_no_deny_beyond_his_own_rights(
    house, world, manager, fonds, user
):
    allow = world.entry(user, fonds, Action.EDIT)
    deny = world.entry(user, fonds, Action.EDIT, effect=Effect.DENY)

    revoke(house, manager, allow)
    with pytest.raises(errors.Denied):
        revoke(house, manager, deny)

    assert deny in open_entries(house, fonds)


def test_manager_does_not_take_manage_access_from_another(house, world, manager, fonds, user):
    entry = world.entry(user, fonds, Action.MANAGE_ACCESS)

    with pytest.raises(errors.Duty):
        revoke(house, manager, entry)

    assert entry in open_entries(house, fonds)


def test_entry_that_ends_before_it_starts_is_refused(house, officer, fonds, user):
    now = system_clock()

    with pytest.raises(errors.Invalid) as caught:
        grant(house, officer, user, fonds, valid_from=now, valid_until=now - DAY)

    assert (caught.value.message, caught.value.path) == (
        "must lie after the start of the period",
        ("valid_until",),
    )


def test_entry_that_ends_before_now_without_a_start_is_refused(house, officer, fonds, user):
    with pytest.raises(errors.Invalid):
        grant(house, officer, user, fonds, valid_until=system_clock() - HOUR)


def test_entry_without_a_reason_is_refused(house, officer, fonds, user):
    with pytest.raises(errors.Invalid, match="^a reason is needed$"):
        grant(house, officer, user, fonds, reason=" ")


def test_same_open_entry_again_is_a_conflict(house, desk, officer, fonds, user):
    first = grant(house, officer, user, fonds)

    with pytest.raises(errors.Conflict, match="^an open entry says the same for this whole period already$"):
        grant(house, officer, user, fonds)

    place = NodeKind.AGGREGATION, fonds
    page = desk.see(officer, accesslists.entries, PageRequest(9), node=place, chosen=EntryFilter(user))
    assert [row.id for row in page.rows] == [first.id]


def test_entry_that_lasts_longer_than_the_open_one_is_new(house, officer, fonds, user):
    now = system_clock()
    grant(house, officer, user, fonds, valid_until=now + DAY)

    longer = grant(house, officer, user, fonds, valid_until=now + 2 * DAY)

    assert longer.valid_until == now + 2 * DAY


def test_entry_after_a_revoked_one_is_new(house, officer, fonds, user, document):
    revoke(house, officer, grant(house, officer, user, fonds).id)

    grant(house, officer, user, fonds)

    assert sees(house, user, document)


def test_entry_for_the_future_gives_nothing_yet(house, officer, fonds, user, document):
    grant(house, officer, user, fonds, valid_from=system_clock() + DAY)

    assert not sees(house, user, document)


def test_entry_is_revoked_once(house, officer, fonds, user):
    entry = grant(house, officer, user, fonds)
    revoked = revoke(house, officer, entry.id)

    with pytest.raises(errors.State, match="^the entry is revoked already$"):
        revoke(house, officer, entry.id)

    assert (revoked.revoked_by, revoked.revoke_reason) == (officer, "over")
    assert revoked.revision_to > revoked.revision_from


def test_revoking_without_manage_access_is_answered_like_an_absent_entry(house, world, fonds, user):
    entry = world.entry(world.user(), fonds, Action.READ_METADATA)
    reader = world.holder(fonds, Action.READ_CONTENT)

    for who in (user, reader):
        for asked in (entry, new_id()):
            with pytest.raises(errors.NotFound) as caught:
                revoke(house, who, asked)
            assert (caught.value.message, caught.value.path) == ("not found", ())
        assert {event["outcome"] for event in events_of(house, who)} == {"refused"}
    assert entry in open_entries(house, fonds)


def test_deny_that_would_leave_nobody_to_manage_is_refused(house, world, officer):
    place = world.aggregation()

    with pytest.raises(
        errors.Conflict,
        match="^nobody could change the access list here any more: give `MANAGE_ACCESS` first$",
    ):
        grant(house, officer, EVERYONE_ID, place, Action.DISCOVER, effect=Effect.DENY)

    assert open_entries(house, place) == set()


def test_deny_that_would_leave_nobody_to_manage_later_is_refused_now(house, world, officer):
    place = world.aggregation()

    with pytest.raises(errors.Conflict):
        grant(
            house,
            officer,
            EVERYONE_ID,
            place,
            Action.MANAGE_ACCESS,
            effect=Effect.DENY,
            valid_from=system_clock() + DAY,
        )


def test_deny_against_all_officers_is_accepted_while_another_manages(house, desk, world, officer):
    place, keeper = world.aggregation(), world.user()
    world.entry(keeper, place, Action.MANAGE_ACCESS)

    grant(house, officer, world.role("security_officer"), place, Action.DISCOVER, effect=Effect.DENY)

    check = {"node_kind": NodeKind.AGGREGATION, "node_id": place, "action": Action.MANAGE_ACCESS}
    assert desk.see(keeper, accesslists.check, principal_id=None, **check).may
    with pytest.raises(errors.NotFound):
        grant(house, officer, keeper, place)


def test_officer_denies_discovery_to_a_person(house, officer, fonds, user, document):
    grant(house, officer, user, fonds)

    grant(house, officer, user, fonds, Action.DISCOVER, effect=Effect.DENY)

    assert not sees(house, user, document, Action.DISCOVER)


def test_reviewer_who_no_longer_manages_a_list_is_denied_to_change_it(house, world, officer, user):
    place, keeper = world.aggregation(), world.user()
    world.entry(keeper, place, Action.MANAGE_ACCESS)
    entry = world.entry(user, place, Action.EDIT)
    world.entry(officer, place, Action.MANAGE_ACCESS, effect=Effect.DENY)

    with pytest.raises(errors.Denied) as caught:
        revoke(house, officer, entry)

    assert caught.value.action == "MANAGE_ACCESS"
    assert entry in open_entries(house, place)
    assert last_of(house, officer)["outcome"] == "refused"
