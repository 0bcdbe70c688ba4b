"""Two people for what one cannot do alone: proposed, approved, all of it or nothing."""

from __future__ import annotations

import threading

import pytest

from dms.access import gate, revisions
from dms.base import errors
from dms.base.actor import Actor, ActorKind, system_actor
from dms.base.clock import DAY, system_clock
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.accessproposals import AccessProposal, ProposalState
from dms.models.documents import Document
from dms.models.users import PrincipalKind
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.accesschanges import ClearanceGrant, EntryRevoke, LinkMake, MarkSet
from dms.rules.security import Mark
from dms.services import accesslists, accesspreviews, accessproposals, accessproposalviews, memberships
from dms.stores.work import session_of
from tests.factories import actor, at_once, make_clearance
from tests.recorded import last_of
from tests.services.proposing import READ, approve, entries_on, entry, propose, sees, write


@pytest.fixture(scope="module")
def second(world):
    return world.officer("approving-officer")


@pytest.fixture
@at_once
def fonds(world):
    place = world.aggregation()
    world.document(place)
    return place


def reject(house, who, row, note="not needed"):
    return write(house, who, lambda work: accessproposals.reject(work, proposal_id=row.id, note=note))


def edit(house, who, row, *changes, digest=None):
    return write(
        house,
        who,
        lambda work: accessproposals.edit(
            work, proposal_id=row.id, digest=digest or row.digest, changes=changes, reason="better so"
        ),
    )


def kept(house, row):
    return house.works.read(system_actor("test"), lambda work: session_of(work).get(AccessProposal, row.id))


def test_proposal_writes_nothing_and_approval_writes_it_all(house, world, officer, second, fonds):
    group, user = world.principal(PrincipalKind.GROUP), world.user()

    row = propose(house, officer, entry(group, fonds), LinkMake(user, group))
    assert entries_on(house, fonds) == []
    assert sees(house, user, fonds) == 0
    event = last_of(house, officer)
    assert (event["op"], event["also"]) == ("accesschange.propose", [])

    done = approve(house, second, row, note="agreed")

    assert sees(house, user, fonds) == 1
    (line,) = entries_on(house, fonds)
    assert (line.proposal_id, line.granted_by, line.reason) == (row.id, second, "both offices agreed")
    assert (done.state, done.decided_by, done.decision_note) == (ProposalState.APPLIED, second, "agreed")
    event = last_of(house, second)
    assert (event["op"], event["outcome"]) == ("accesschange.approve", "committed")
    assert event["also"] == ["access.grant", "group.member_add"]


def test_nobody_approves_what_he_proposed_or_edited(house, world, officer, second, fonds):
    change = entry(world.user(), fonds)
    row = propose(house, officer, change)

    with pytest.raises(errors.SecondPerson, match="^another person than its proposer and its editors"):
        approve(house, officer, row)
    assert (last_of(house, officer)["outcome"], last_of(house, officer)["reason"]) == (
        "refused",
        "second_person",
    )
    edited = edit(house, second, row, change, entry(world.user(), fonds))
    for editor in (officer, second):
        with pytest.raises(errors.SecondPerson):
            approve(house, editor, edited)

    approve(house, world.officer(), edited)
    assert len(entries_on(house, fonds)) == 2


def test_edit_clears_what_was_read_before(house, world, officer, second, fonds):
    row = propose(house, officer, entry(world.user(), fonds))
    before = row.digest
    edited = edit(house, officer, row, entry(world.user(), fonds))

    with pytest.raises(errors.Conflict, match="^it says something else than this digest: read it") as caught:
        approve(house, second, edited, digest=before)

    assert caught.value.path == ("digest",)
    assert entries_on(house, fonds) == []


def test_who_may_not_make_the_changes_neither_proposes_nor_approves_them(house, world, officer, fonds):
    row = propose(house, officer, entry(world.user(), fonds))
    stranger, auditor = world.user(), world.officer(role="auditor")
    world.entry(auditor, fonds, Action.DISCOVER)

    with pytest.raises(errors.Denied) as caught:
        propose(house, auditor, entry(world.user(), fonds))
    assert caught.value.path == ("changes", "0")
    with pytest.raises(errors.Duty):
        approve(house, auditor, row)
    with pytest.raises(errors.NotFound):
        approve(house, stranger, row)
    with pytest.raises(errors.Duty):
        reject(house, auditor, row)
    assert kept(house, row).state is ProposalState.PROPOSED


def test_one_change_that_cannot_be_made_refuses_the_whole_set(house, world, officer, fonds):
    group = world.principal(PrincipalKind.GROUP)
    with pytest.raises(errors.Conflict, match="this would close a circle$") as caught:
        propose(house, officer, entry(group, fonds), LinkMake(group, group))

    assert caught.value.path == ("changes", "1", "member_id")
    assert entries_on(house, fonds) == []
    assert last_of(house, officer)["outcome"] == "failed"


def test_nothing_is_half_applied_when_a_change_has_become_impossible(house, world, officer, second, fonds):
    user, ended = world.user(), world.entry(world.user(), fonds, Action.EDIT)
    row = propose(house, officer, entry(user, fonds), EntryRevoke(ended))
    write(house, officer, lambda work: accesslists.revoke(work, entry_id=ended, reason="meanwhile"))

    with pytest.raises(errors.State) as caught:
        approve(house, second, row)

    assert caught.value.path == ("changes", "1")
    assert sees(house, user, fonds) == 0
    assert kept(house, row).state is ProposalState.PROPOSED


def test_approval_is_refused_when_what_it_rests_on_has_changed(house, world, officer, second, fonds):
    group, user = world.principal(PrincipalKind.GROUP), world.user()
    row = propose(house, officer, entry(group, fonds))
    world.link(user, group)

    with pytest.raises(errors.Conflict, match="^whom it reaches, or what differs for them, has changed"):
        approve(house, second, row)

    assert sees(house, user, fonds) == 0
    approve(house, second, edit(house, officer, row, entry(group, fonds)))
    assert sees(house, user, fonds) == 1


def test_edit_without_a_change_wants_another_reading_if_it_would_do_something_else(
    house, world, officer, second, fonds
):
    group, change = world.principal(PrincipalKind.GROUP), entry(world.user(), fonds)
    row = propose(house, officer, entry(group, fonds))
    world.link(world.user(), group)

    edited = write(
        house,
        officer,
        lambda work: accessproposals.edit(
            work, proposal_id=row.id, digest=row.digest, changes=[entry(group, fonds)], reason=row.reason
        ),
    )
    with pytest.raises(errors.Conflict) as caught:
        approve(house, second, row)

    assert caught.value.path == ("digest",)
    assert edited.digest != row.digest
    same = propose(house, officer, change)
    assert propose(house, officer, change).digest == same.digest


def test_approval_does_not_mind_what_changes_elsewhere(house, world, officer, second, fonds):
    user = world.user()
    row = propose(house, officer, entry(user, fonds))
    world.entry(world.user(), world.aggregation(), READ)
    world.document(fonds)

    approve(house, second, row)

    assert sees(house, user, fonds) == 2


def test_thing_that_is_hidden_from_the_second_person_is_absent_for_him(house, world, officer):
    world.level(300)
    hidden, low = world.aggregation(mark=Mark(300)), world.officer(rank=100)
    row = propose(house, officer, entry(world.user(), hidden))

    (said,) = house.works.read(actor(low), lambda work: accessproposalviews.said(work, kept(house, row)))
    with pytest.raises(errors.NotFound):
        approve(house, low, row)

    assert (said.is_withheld, said.node, said.principal_id) == (True, None, None)


def test_proposal_expires_after_seven_days(house, world, officer, second, fonds):
    row = propose(house, officer, entry(world.user(), fonds))
    assert row.expires_at == row.proposed_at + 7 * DAY
    write(house, officer, lambda work: setattr(session_of(work).get(AccessProposal, row.id), "expires_at", 1))

    with pytest.raises(errors.State, match="^the proposal is in state `expired`"):
        approve(house, second, row)

    found = house.works.read(
        actor(second),
        lambda work: accessproposalviews.proposals(work, PageRequest(100), state=ProposalState.EXPIRED).rows,
    )
    assert row.id in [each.id for each in found]


def test_decided_proposal_is_decided_for_good(house, world, officer, second, fonds):
    turned_down, done = (propose(house, officer, entry(world.user(), fonds)) for _ in range(2))
    reject(house, second, turned_down)
    approve(house, second, edit(house, officer, done, entry(world.user(), fonds)))

    for row, state in ((turned_down, "rejected"), (done, "applied")):
        for decide in (approve, reject):
            with pytest.raises(errors.State, match=f"in state `{state}`"):
                decide(house, world.officer(), kept(house, row))


def test_proposer_takes_his_own_back(house, world, officer, fonds):
    row = reject(house, officer, propose(house, officer, entry(world.user(), fonds)), "second thoughts")

    assert (row.state, row.decision_note) == (ProposalState.REJECTED, "second thoughts")


def test_others_see_no_proposals_but_their_own(house, world, officer, fonds):
    row = propose(house, officer, entry(world.user(), fonds))

    def listed(who):
        page = house.works.read(
            actor(who), lambda work: accessproposalviews.proposals(work, PageRequest(100))
        )
        return row.id in [each.id for each in page.rows]

    assert listed(officer)
    assert listed(world.officer(role="auditor"))
    assert not listed(world.user())
    assert not listed(world.officer(role="records_manager"))


def test_two_approvals_at_once_carry_it_out_once(house, world, officer, fonds):
    row = propose(house, officer, entry(world.user(), fonds))
    people, outcomes = [world.officer() for _ in range(2)], []
    ready = threading.Barrier(2)

    def decide(who):
        ready.wait()
        try:
            outcomes.append(approve(house, who, row).state)
        except (errors.State, errors.Conflict) as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=decide, args=(who,)) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes, key=str) == sorted([ProposalState.APPLIED, "STATE"], key=str)
    assert len(entries_on(house, fonds)) == 1


def test_lowering_is_proposed_by_one_and_approved_by_another_in_one_set(house, world, fonds):
    world.level(200)
    clerk, head = world.user(rank=400), world.officer(rank=400)
    document = world.document(fonds, mark=Mark(200))
    world.entry(clerk, fonds, Action.DOWNGRADE)
    world.entry(head, fonds, Action.APPROVE)

    row = propose(house, clerk, MarkSet(NodeKind.DOCUMENT, document, "open", (), 1))
    done = approve(house, head, row)

    assert done.state is ProposalState.APPLIED
    found = house.works.read(
        actor(head), lambda work: gate.visible(work, Document, Action.DISCOVER).one(document)
    )
    assert found.revision == 2


def test_administrator_names_the_first_officer_and_seconds_the_second(fresh_house, caplog):
    from tests.factories import World

    house, world = fresh_house, World(fresh_house)
    administrators = [world.officer(role="administrator") for _ in range(2)]
    first, next_one, third = (world.user() for _ in range(3))
    role = world.role("security_officer")

    def name(who, member):
        return write(
            house,
            who,
            lambda work: memberships.role_assign(
                work, role_id=role, member_id=member, valid_from=None, valid_until=None, reason="order 1"
            ),
        )

    name(administrators[0], first)
    with pytest.raises(errors.Duty):
        name(administrators[0], next_one)
    with pytest.raises(errors.SecondPerson):
        name(first, next_one)
    with pytest.raises(errors.Duty):
        propose(house, administrators[0], LinkMake(next_one, role))
    row = propose(house, first, LinkMake(next_one, role))
    approve(house, administrators[0], row)

    assert [record.msg for record in caplog.records if record.name == "dms.alarm"] == [
        "first_officer",
        "second_officer",
    ]
    row = propose(house, first, LinkMake(third, role))
    with pytest.raises(errors.NotFound):
        approve(house, administrators[1], row)
    approve(house, next_one, row)


def test_account_is_needed_to_propose(house, fonds):
    stranger = Actor(ActorKind.SYSTEM, None, None, "test")
    with pytest.raises(errors.Unauthenticated):
        house.works.write(
            stranger,
            lambda work: accessproposals.propose(work, [entry(new_id(), fonds)], reason="x"),
            locks=(revisions.LOCK,),
        )


def test_later_period_of_a_proposal_is_kept(house, world, officer, second, fonds):
    begins = system_clock() + DAY
    user = world.user()

    approve(house, second, propose(house, officer, entry(user, fonds, valid_from=begins)))

    (line,) = entries_on(house, fonds)
    assert line.valid_from == begins
    assert sees(house, user, fonds) == 0


def test_clearance_is_exchanged_in_one_set(house, world, officer, second):
    from dms.rules.accesschanges import ClearanceRevoke

    user = world.user(rank=None)
    old = world.build(lambda work: make_clearance(work, user, Mark(100)))
    world.level(200)

    approve(house, second, propose(house, officer, ClearanceRevoke(old), ClearanceGrant(user, "level200")))

    held = house.works.read(actor(user), lambda work: gate.standing(work).subject.clearance)
    assert held == Mark(200)


def test_what_was_rehearsed_is_what_comes_of_the_approval(house, world, officer, second):
    place = world.aggregation()
    inner = world.aggregation(place)
    for at, rank in ((place, 100), (inner, 100), (inner, 300)):
        world.document(at, mark=Mark(rank))
    group = world.principal(PrincipalKind.GROUP)
    member, newcomer, loser = world.user(rank=300), world.user(rank=100), world.user(rank=300)
    world.link(member, group)
    world.entry(loser, place, READ)
    changes = [
        entry(group, place),
        LinkMake(newcomer, group),
        entry(loser, inner, Action.READ_METADATA, effect=Effect.DENY),
    ]
    people = (member, newcomer, loser)

    def numbers():
        return {who: sum(sees(house, who, at) for at in (place, inner)) for who in people}

    found = house.works.read(
        actor(officer), lambda work: accesspreviews.preview(work, changes, actions=[READ])
    )
    told = {
        account: effect.gained.total - effect.lost.total
        for effect in found.effects
        for account in effect.accounts
    }
    before = numbers()
    approve(house, second, propose(house, officer, *changes))
    after = numbers()

    assert told == {member: 3, newcomer: 2, loser: -2}
    assert {who: after[who] - before[who] for who in people} == told
