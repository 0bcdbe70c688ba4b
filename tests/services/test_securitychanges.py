"""Marks of things: raised at once, lowered by two people, never above one's own clearance."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from dms.access import gate, marks
from dms.base import errors
from dms.base.actor import system_actor
from dms.base.clock import DAY
from dms.models.aggregations import Aggregation
from dms.models.documents import Document, PlacementHistory
from dms.models.security import MarkedKind, SecurityChange
from dms.rules.access import Action, Effect
from dms.rules.security import Mark
from dms.rules.states import ChangeState, DocumentState
from dms.services import security, securitychanges
from dms.services.security import AskedMark
from dms.stores import facts
from dms.stores.work import session_of
from tests.factories import actor
from tests.recorded import last_of
from tests.services.marking import HIGH, LOW, approve, changes, set_mark


@pytest.fixture(scope="module")
def fonds(world):
    world.level(200)
    world.level(300)
    return world.aggregation()


@pytest.fixture(scope="module")
def archivist(world, fonds):
    """Marks and proposes to lower."""
    return world.holder(fonds, Action.MARK, Action.DOWNGRADE, rank=200)


@pytest.fixture(scope="module")
def approver(world, fonds):
    return world.holder(fonds, Action.APPROVE, Action.DOWNGRADE, rank=200)


@pytest.fixture(scope="module")
def reader(world, fonds):
    return world.holder(fonds, Action.READ_METADATA, rank=200)


@pytest.fixture(scope="module")
def stranger(world):
    return world.user(rank=200)


@pytest.fixture
def document(world, fonds):
    return world.document(fonds)


@pytest.fixture
def secret(world, fonds):
    return world.document(fonds, mark=Mark(200))


def reject(house, who, change_id, note="not yet"):
    return house.works.write(
        actor(who), lambda work: securitychanges.reject(work, change_id=change_id, note=note)
    )


def state(house, object_id, model=Document):
    """Return mark and revision of a thing, past every gate."""

    def body(work):
        row = session_of(work).get(model, object_id)
        return marks.mark_of(work, row.security_id), row.revision

    return house.works.read(system_actor("test"), body)


def history(house, object_id):
    def body(work):
        statement = select(PlacementHistory).where(PlacementHistory.object_id == object_id)
        rows = session_of(work).execute(statement.order_by(PlacementHistory.id)).scalars().all()
        return [
            (row.aggregation_id, marks.mark_of(work, row.security_id), row.valid_from, row.valid_until)
            for row in rows
        ]

    return house.works.read(system_actor("test"), body)


def proposals(house, object_id):
    def body(work):
        statement = select(SecurityChange.state).where(SecurityChange.object_id == object_id)
        return list(session_of(work).execute(statement).scalars())

    return house.works.read(system_actor("test"), body)


def test_raising_acts_at_once(house, archivist, document):
    change = set_mark(house, archivist, document, HIGH)

    assert change.state is ChangeState.IN_EFFECT
    assert (change.proposed_by, change.decided_by, change.reason) == (archivist, archivist, "order 12")
    assert state(house, document) == (Mark(200), 2)


def test_raised_document_is_hidden_at_the_next_operation(house, world, fonds, archivist, document):
    visitor = world.holder(fonds, Action.READ_METADATA, rank=100)

    def sees(work):
        return bool(gate.visible(work, Document, Action.DISCOVER).many([document]))

    assert house.works.read(actor(visitor), sees)
    set_mark(house, archivist, document, HIGH)
    assert not house.works.read(actor(visitor), sees)


def test_raise_is_recorded_as_a_change_of_the_document(house, archivist, document):
    set_mark(house, archivist, document, HIGH)

    event = last_of(house, archivist)
    assert (event["op"], event["outcome"]) == ("security.set", "committed")
    assert [change[:3] for change in event["changed"]] == [[document.hex, 1, 2]]


def test_aggregation_is_raised_like_a_document(house, world, fonds, archivist):
    series = world.aggregation(fonds)

    set_mark(house, archivist, series, HIGH, kind=MarkedKind.AGGREGATION)

    assert state(house, series, Aggregation) == (Mark(200), 2)
    assert history(house, series)[0][:2] == (None, Mark(100))


def test_each_change_keeps_the_old_place_from_creation_or_the_last_change(house, world, fonds, document):
    officer = world.holder(fonds, Action.MARK, rank=300)
    created = house.works.read(
        system_actor("test"), lambda work: session_of(work).get(Document, document).created_at
    )

    set_mark(house, officer, document, HIGH)
    set_mark(house, officer, document, AskedMark("level300"), revision=2)

    first, second = history(house, document)
    assert first[:3] == (fonds, Mark(100), created)
    assert second[:3] == (fonds, Mark(200), first[3])


def test_mark_above_ones_own_clearance_is_refused(house, archivist, document):
    with pytest.raises(errors.Clearance, match="^the mark is above your own clearance: "):
        set_mark(house, archivist, document, AskedMark("level300"))

    assert state(house, document) == (Mark(100), 1)
    assert last_of(house, archivist)["outcome"] == "refused"
    assert last_of(house, archivist)["refused"] == [[document.hex, "security.set", "clearance", True]]


def test_raising_without_the_action_is_denied(house, reader, document):
    with pytest.raises(errors.Denied) as caught:
        set_mark(house, reader, document, HIGH)

    assert caught.value.action == "MARK"
    assert state(house, document) == (Mark(100), 1)
    assert last_of(house, reader)["refused"] == [[document.hex, "MARK", "no_entry", True]]


def test_marking_a_hidden_document_is_answered_like_an_absent_one(house, stranger, document):
    answers = []
    for asked in (document, stranger):
        with pytest.raises(errors.NotFound) as caught:
            set_mark(house, stranger, asked, HIGH)
        answers.append((caught.value.message, caught.value.path))

    assert answers == [("not found", ()), ("not found", ())]
    assert state(house, document) == (Mark(100), 1)


def test_marking_from_a_stale_revision_is_a_conflict(house, archivist, document):
    with pytest.raises(errors.Conflict, match="^somebody changed it since you read it$") as caught:
        set_mark(house, archivist, document, HIGH, revision=7)

    assert caught.value.current_revision == 1
    assert state(house, document) == (Mark(100), 1)


def test_marking_without_a_reason_is_refused(house, archivist, document):
    with pytest.raises(errors.Invalid, match="^a reason is needed$"):
        set_mark(house, archivist, document, HIGH, reason="")


def test_setting_the_mark_that_it_bears_is_refused(house, archivist, document):
    with pytest.raises(errors.Invalid, match="^the thing bears this mark already$"):
        set_mark(house, archivist, document, LOW)


def test_destroyed_document_takes_no_mark(house, world, fonds, archivist):
    gone = world.document(fonds, state=DocumentState.DESTROYED)

    with pytest.raises(errors.State, match="^a thing in state `destroyed` does not permit `securitySet`$"):
        set_mark(house, archivist, gone, HIGH)


def test_lowering_is_only_proposed(house, archivist, secret):
    change = set_mark(house, archivist, secret, LOW)

    assert change.state is ChangeState.PROPOSED
    assert change.expires_at == change.proposed_at + 7 * DAY
    assert state(house, secret) == (Mark(200), 1)
    assert history(house, secret) == []


def test_lowering_without_the_action_is_denied(house, world, fonds, secret):
    marker = world.holder(fonds, Action.MARK, rank=200)

    with pytest.raises(errors.Denied) as caught:
        set_mark(house, marker, secret, LOW)

    assert caught.value.action == "DOWNGRADE"
    assert proposals(house, secret) == []


def test_dropping_a_compartment_while_raising_the_level_is_a_lowering(house, world, fonds):
    compartment = world.compartment()
    officer = world.user(rank=200, compartments=[compartment])
    for action in (Action.MARK, Action.DOWNGRADE):
        world.entry(officer, fonds, action)
    document = world.document(fonds, mark=Mark(100, frozenset({compartment})))

    change = set_mark(house, officer, document, HIGH)

    assert change.state is ChangeState.PROPOSED
    assert state(house, document)[0] == Mark(100, frozenset({compartment}))


def test_second_person_puts_the_lowering_into_effect(house, archivist, approver, secret):
    change = set_mark(house, archivist, secret, LOW)

    approve(house, approver, change.id, note="agreed")

    assert state(house, secret) == (Mark(100), 2)
    assert [mark for _, mark, _, _ in history(house, secret)] == [Mark(200)]
    assert changes(house, archivist, object_id=secret) == [(change.id, ChangeState.IN_EFFECT)]
    assert last_of(house, approver)["op"] == "security.approve"


def test_proposer_cannot_approve_even_with_the_action(house, approver, secret):
    change = set_mark(house, approver, secret, LOW)

    with pytest.raises(errors.SecondPerson, match="^another person than its proposer must decide this$"):
        approve(house, approver, change.id)

    assert state(house, secret) == (Mark(200), 1)
    assert last_of(house, approver)["refused"] == [[secret.hex, "APPROVE", "second_person", True]]


def test_approval_without_the_action_is_denied(house, archivist, reader, secret):
    change = set_mark(house, archivist, secret, LOW)

    with pytest.raises(errors.Denied) as caught:
        approve(house, reader, change.id)

    assert caught.value.action == "APPROVE"
    assert state(house, secret) == (Mark(200), 1)


def test_approver_who_lost_the_action_meanwhile_cannot_approve(house, world, fonds, archivist, secret):
    former = world.holder(fonds, Action.APPROVE, rank=200)
    change = set_mark(house, archivist, secret, LOW)
    world.entry(former, fonds, Action.APPROVE, effect=Effect.DENY)

    with pytest.raises(errors.Denied):
        approve(house, former, change.id)


def test_proposal_about_a_hidden_document_is_answered_like_an_absent_one(house, archivist, stranger, secret):
    change = set_mark(house, archivist, secret, LOW)

    for asked in (change.id, secret):
        with pytest.raises(errors.NotFound, match="^not found$"):
            approve(house, stranger, asked)
        with pytest.raises(errors.NotFound, match="^not found$"):
            reject(house, stranger, asked)
    assert state(house, secret) == (Mark(200), 1)


def test_edit_after_the_proposal_clears_it(house, archivist, approver, secret):
    change = set_mark(house, archivist, secret, LOW)

    def edit(work):
        session_of(work).get(Document, secret).revision += 1

    house.works.write(system_actor("test"), edit)

    with pytest.raises(errors.Conflict) as caught:
        approve(house, approver, change.id)
    assert caught.value.message == "the thing was changed since the proposal: reject it and propose again"
    assert caught.value.current_revision == 2
    assert state(house, secret) == (Mark(200), 2)


def test_raise_after_the_proposal_clears_it(house, world, fonds, archivist, approver):
    compartment = world.compartment()
    secret = world.document(fonds, mark=Mark(200))
    holder = world.user(rank=200, compartments=[compartment])
    for action in (Action.MARK, Action.APPROVE):
        world.entry(holder, fonds, action)
    codes = world.build(lambda work: {value: key for key, value in facts.compartments(work).items()})
    change = set_mark(house, archivist, secret, LOW)
    set_mark(house, holder, secret, AskedMark("level200", (codes[compartment],)))

    with pytest.raises(errors.Conflict):
        approve(house, holder, change.id)


def test_proposal_is_decided_once(house, archivist, approver, secret):
    change = set_mark(house, archivist, secret, LOW)
    reject(house, approver, change.id)

    with pytest.raises(
        errors.State, match="^the proposal is in state `rejected`: it can no longer be decided$"
    ):
        approve(house, approver, change.id)

    assert state(house, secret) == (Mark(200), 1)


def test_rejection_keeps_the_mark_and_says_why(house, archivist, approver, secret):
    change = set_mark(house, archivist, secret, LOW)

    rejected = reject(house, approver, change.id, note="sources still at risk")

    assert (rejected.state, rejected.decided_by) == (ChangeState.REJECTED, approver)
    assert rejected.decision_note == "sources still at risk"
    assert state(house, secret) == (Mark(200), 1)
    assert last_of(house, approver)["outcome"] == "committed"


def test_rejection_without_a_reason_is_refused(house, archivist, approver, secret):
    change = set_mark(house, archivist, secret, LOW)

    with pytest.raises(errors.Invalid, match="^a reason is needed$"):
        reject(house, approver, change.id, note=" ")


def test_proposal_may_be_approved_until_seven_days_are_over(house, archivist, approver, secret):
    change = set_mark(house, archivist, secret, LOW)
    in_time = replace(house, works=replace(house.works, clock=lambda: change.expires_at - 1))

    assert approve(in_time, approver, change.id).state is ChangeState.IN_EFFECT


def test_proposal_expires_after_seven_days(house, archivist, approver, secret):
    change = set_mark(house, archivist, secret, LOW)
    too_late = replace(house, works=replace(house.works, clock=lambda: change.expires_at))

    with pytest.raises(errors.State) as caught:
        approve(too_late, approver, change.id)

    assert caught.value.state == "expired"
    assert state(house, secret) == (Mark(200), 1)


def test_retired_compartment_stays_on_a_thing_whose_level_is_raised(house, world, fonds):
    officer = world.officer()
    compartment = world.compartment()
    codes = world.build(lambda work: {value: key for key, value in facts.compartments(work).items()})
    marker = world.user(rank=200, compartments=[compartment])
    world.entry(marker, fonds, Action.MARK)
    document = world.document(fonds, mark=Mark(100, frozenset({compartment})))
    house.works.write(
        actor(officer),
        lambda work: security.retire_compartment(
            work, compartment_id=compartment, expected_revision=1, reason="over"
        ),
    )

    set_mark(house, marker, document, AskedMark("level200", (codes[compartment],)))

    assert state(house, document)[0] == Mark(200, frozenset({compartment}))


def test_failed_field_leaves_no_memory_of_a_mark_that_was_never_kept(house, world, fonds):
    world.level(777)
    marker = world.holder(fonds, Action.MARK, rank=777)
    document = world.document(fonds)
    asked = AskedMark("level777")

    def failing_field(work):
        with work.savepoint():
            security.check_mark(work, asked)
            raise errors.Conflict("the rest of the field failed")

    def body(work):
        with pytest.raises(errors.Conflict):
            failing_field(work)
        return securitychanges.set_mark(
            work,
            kind=MarkedKind.DOCUMENT,
            object_id=document,
            asked=asked,
            reason="again",
            expected_revision=1,
        )

    house.works.write(actor(marker), body)

    assert state(house, document) == (Mark(777), 2)
