"""Who proposed or edited must still be able to make the changes when they are approved."""

from __future__ import annotations

import pytest

from dms.access import revisions
from dms.base import errors
from dms.base.actor import system_actor
from dms.models.accesslists import AccessEntry
from dms.models.accessproposals import AccessProposal, ProposalState
from dms.models.users import EVERYONE_ID, PrincipalKind
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
from dms.services import accesslists, accessproposals, clearances, memberships, users
from dms.stores.work import session_of
from tests.factories import actor, make_clearance
from tests.recorded import last_of

READ = Action.READ_CONTENT
NO_MORE = (
    "`{}` proposed or edited it, and may not make this change any more: reject it, and propose anew what is "
    "still needed"
)


@pytest.fixture(scope="module")
def officer(world):
    return world.officer("steady-officer")


@pytest.fixture(scope="module")
def second(world):
    return world.officer("second-officer")


@pytest.fixture(scope="module")
def administrator(world):
    return world.officer(role="administrator")


@pytest.fixture
def fonds(world):
    place = world.aggregation()
    world.document(place)
    return place


@pytest.fixture
def people(world):
    """Numbers the proposers of a module, so that messages can name them."""

    def named(role="security_officer", **values):
        name = f"proposer{world.build(lambda work: revisions.head(work)[0])}"
        return world.officer(name, role=role, **values), name

    return named


def entry(principal, node, action=READ, *, effect=Effect.ALLOW, **values):
    return EntryGrant(principal, NodeKind.AGGREGATION, node, action, effect, **values)


def write(house, who, body):
    return house.works.write(actor(who), body, locks=(revisions.LOCK,))


def propose(house, who, *changes):
    return write(house, who, lambda work: accessproposals.propose(work, changes, reason="agreed"))


def approve(house, who, row):
    return write(
        house,
        who,
        lambda work: accessproposals.approve(work, proposal_id=row.id, digest=row.digest, note=None),
    )


def edit(house, who, row, *changes):
    return write(
        house,
        who,
        lambda work: accessproposals.edit(
            work, proposal_id=row.id, digest=row.digest, changes=changes, reason="better so"
        ),
    )


def withdraw(house, officer, user, role):
    """Take a role away as two officers do, past their proposal."""

    def body(work):
        return memberships.role_withdraw(work, role_id=role, member_id=user, reason="moved on")

    return write(house, officer, body)


def disable(house, administrator, user):
    def body(work):
        return users.disable(work, user, expected_revision=1, reason="left us")

    return write(house, administrator, body)


def refused(house, who, row, message):
    """Approve in vain: the error, what is recorded, and that nothing was written."""
    before = house.works.read(system_actor("test"), revisions.head)
    with pytest.raises(errors.SecondPerson) as caught:
        approve(house, who, row)

    assert caught.value.message == message
    event = last_of(house, who)
    assert (event["op"], event["outcome"], event["reason"]) == (
        "accesschange.approve",
        "refused",
        "second_person",
    )
    assert [line[:2] for line in event["refused"]] == [[row.id.hex, "accesschange.approve"]]
    assert event["changed"] == []
    assert house.works.read(system_actor("test"), revisions.head) == before
    kept = house.works.read(system_actor("test"), lambda work: session_of(work).get(AccessProposal, row.id))
    assert (kept.state, kept.decided_by, kept.applied_revision) == (ProposalState.PROPOSED, None, None)
    return caught.value


def entries_on(house, node):
    def body(work):
        return session_of(work).query(AccessEntry).filter_by(node_id=node, revision_to=None).count()

    return house.works.read(system_actor("test"), body)


def test_what_a_disabled_account_proposed_is_not_carried_out(world, second, administrator, people, fonds):
    house = world.house
    proposer, name = people()
    row = propose(house, proposer, entry(EVERYONE_ID, fonds))
    disable(house, administrator, proposer)

    refused(
        house,
        second,
        row,
        f"`{name}` proposed or edited it, and the account has been disabled: reject it, and propose anew "
        "what is still needed",
    )
    assert entries_on(house, fonds) == 0


def test_what_an_officer_proposed_who_is_none_any_more_is_not_carried_out(
    world, officer, second, people, fonds
):
    house = world.house
    group, user = world.principal(PrincipalKind.GROUP), world.user(rank=None)
    member, held = world.user(), world.user(rank=None)
    world.link(member, group)
    clearance = world.build(lambda work: make_clearance(work, held, Mark(100)))
    ended = world.entry(world.user(), fonds, Action.EDIT)
    proposer, name = people()
    sets = [
        [entry(world.user(), fonds)],
        [EntryRevoke(ended)],
        [LinkMake(world.user(), group)],
        [LinkEnd(member, group)],
        [ClearanceGrant(user, "open")],
        [ClearanceRevoke(clearance)],
    ]
    rows = [propose(house, proposer, *changes) for changes in sets]
    withdraw(house, officer, proposer, world.role("security_officer"))

    paths = [refused(house, second, row, NO_MORE.format(name)).path for row in rows]

    assert paths == [("changes", "0")] * len(sets)
    assert entries_on(house, fonds) == 1


def test_manager_of_a_list_who_has_lost_it_or_the_action_stands_behind_nothing(house, world, second, fonds):
    manager = world.user("list-manager")
    lines = {action: world.entry(manager, fonds, action) for action in (Action.MANAGE_ACCESS, READ)}
    row = propose(house, manager, entry(world.user(), fonds))

    def without(action):
        write(house, second, lambda work: accesslists.revoke(work, entry_id=lines[action], reason="moved on"))
        error = refused(house, second, row, NO_MORE.format("list-manager"))
        lines[action] = world.entry(manager, fonds, action)
        return error.path

    assert [without(action) for action in lines] == [("changes", "0")] * 2
    approve(house, second, row)
    assert entries_on(house, fonds) == 3


def test_proposer_whose_clearance_does_not_reach_the_thing_any_more_stands_behind_nothing(
    house, world, officer, people
):
    world.level(200)
    place = world.aggregation(mark=Mark(200))
    proposer, name = people(rank=None)
    clearance = world.build(lambda work: make_clearance(work, proposer, Mark(200)))
    row = propose(house, proposer, entry(world.user(), place))
    write(house, officer, lambda work: clearances.revoke(work, clearance_id=clearance, reason="has expired"))

    refused(house, officer, row, NO_MORE.format(name))


@pytest.mark.parametrize("loss", ["action", "clearance"])
def test_lowering_and_raising_need_the_proposer_still(house, world, officer, fonds, loss):
    world.level(200)
    clerk = world.user(f"clerk-{loss}", rank=None)
    clearance = world.build(lambda work: make_clearance(work, clerk, Mark(200)))
    high, low = world.document(fonds, mark=Mark(200)), world.document(fonds)
    lines = [world.entry(clerk, fonds, action) for action in (Action.DOWNGRADE, Action.MARK)]
    for action in (Action.APPROVE, Action.MARK):
        world.entry(officer, fonds, action)
    rows = [
        propose(house, clerk, MarkSet(NodeKind.DOCUMENT, high, "open", (), 1)),
        propose(house, clerk, MarkSet(NodeKind.DOCUMENT, low, "level200", (), 1)),
    ]
    if loss == "action":
        for line in lines:
            write(house, officer, lambda work, line=line: accesslists.revoke(work, entry_id=line, reason="x"))
    else:
        write(house, officer, lambda work: clearances.revoke(work, clearance_id=clearance, reason="x"))

    for row in rows:
        refused(house, officer, row, NO_MORE.format(f"clerk-{loss}"))


def test_second_change_of_a_set_is_named_and_the_first_is_not_written(house, world, officer, second, fonds):
    manager, other = world.user("two-lists"), world.aggregation()
    kept = [world.entry(manager, fonds, action) for action in (Action.MANAGE_ACCESS, READ)]
    lost = [world.entry(manager, other, action) for action in (Action.MANAGE_ACCESS, READ)]
    row = propose(house, manager, entry(world.user(), fonds), entry(world.user(), other))
    write(house, officer, lambda work: accesslists.revoke(work, entry_id=lost[0], reason="moved on"))

    assert refused(house, second, row, NO_MORE.format("two-lists")).path == ("changes", "1")
    assert entries_on(house, fonds) == len(kept)


def test_line_that_reaches_a_manager_needs_him_to_be_an_officer_still(house, world, officer, second, people):
    place, group = world.aggregation(), world.principal(PrincipalKind.GROUP)
    proposer, name = people()
    world.link(proposer, group)
    for action in (Action.MANAGE_ACCESS, READ):
        world.entry(proposer, place, action)
    row = propose(house, proposer, entry(group, place))
    everyone = propose(house, proposer, entry(EVERYONE_ID, place))
    own = propose(house, proposer, entry(world.user(), place, Action.MANAGE_ACCESS))
    plain = propose(house, proposer, entry(world.user(), place))
    withdraw(house, officer, proposer, world.role("security_officer"))

    for each in (row, everyone, own):
        refused(house, second, each, NO_MORE.format(name))
    assert approve(house, second, plain).state is ProposalState.APPLIED


def test_editor_stands_behind_it_too(world, officer, administrator, people, fonds):
    house, second = world.house, world.officer()
    editor, name = people()
    change = entry(world.user(), fonds)
    row = edit(house, editor, propose(house, officer, change), change, entry(world.user(), fonds, READ))
    disable(house, administrator, editor)

    message = f"`{name}` proposed or edited it, and the account has been disabled"
    with pytest.raises(errors.SecondPerson, match=f"^{message}"):
        edit(house, officer, row, change)
    with pytest.raises(errors.SecondPerson, match=f"^{message}"):
        approve(house, second, row)


def test_edit_says_nothing_that_the_proposer_could_not_propose(house, world, officer, fonds):
    manager, other = world.user("narrow-manager"), world.aggregation()
    for action in (Action.MANAGE_ACCESS, READ):
        world.entry(manager, fonds, action)
    row = propose(house, manager, entry(world.user(), fonds))

    with pytest.raises(errors.SecondPerson) as caught:
        edit(house, officer, row, entry(world.user(), other))

    assert (caught.value.message, caught.value.path) == (NO_MORE.format("narrow-manager"), ("changes", "0"))
    assert last_of(house, officer)["outcome"] == "refused"
    kept = house.works.read(system_actor("test"), lambda work: session_of(work).get(AccessProposal, row.id))
    assert (kept.digest, kept.editors) == (row.digest, "")


def test_proposer_who_can_still_do_it_is_no_hindrance(house, world, officer, second, fonds):
    row = propose(house, officer, entry(world.user(), fonds), ClearanceGrant(world.user(rank=None), "open"))

    assert approve(house, second, row).state is ProposalState.APPLIED
