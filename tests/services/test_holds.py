"""Holds: placed by one, widened, told, reviewed, and lifted by another."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from dms.base import errors
from dms.base.clock import utc_day
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.documents import Document, Medium
from dms.models.holds import Hold, HoldNotice
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.holds import CoverBasis, CoveredKind
from dms.rules.states import DocumentState, HoldState
from dms.services import documents, holdcoverage, holdnotices, holds, searchlists
from dms.services.documents import NewDocument
from dms.services.holdcoverage import Cover
from dms.services.holdnotices import Custodian
from dms.services.holds import Chosen, Placing
from dms.services.search import Asked
from dms.stores import facts
from dms.stores.work import session_of
from tests.services import holds as rows

DOCUMENT, AGGREGATION, CLASS = CoveredKind.DOCUMENT, CoveredKind.AGGREGATION, CoveredKind.CLASS
ALL = Chosen()


class Court:
    """A Hold keeper with another one, an approver, and somebody who keeps records."""

    def __init__(self, desk):
        self.desk, world = desk, desk.world
        self.keeper, self.other = (world.officer(role="records_manager") for _ in range(2))
        self.approver = world.officer(role="disposal_approver")
        self.clerk = world.user()
        self.series, self.shelf = world.aggregation(), world.aggregation()
        for action in (Action.FILE, Action.EDIT):
            world.entry(self.clerk, self.series, action)
        self.document = world.document(self.series)

    def place(self, *targets, kind=DOCUMENT, by=None, **said):
        words = {"matter": "Smith v. City", "mandate": "Order 7", "reason": "open", "review_on": None, **said}
        cover = Cover(dict.fromkeys(targets or (self.document,), kind))
        return self.desk.do(by or self.keeper, holds.place, Placing(**words), cover)

    def row(self, hold):
        return self.desk.look(Hold, hold.id)

    def act(self, who, use_case, hold, **named):
        return self.desk.do(who, use_case, hold.id, expected_revision=self.row(hold).revision, **named)

    def numbers(self, who, chosen=ALL):
        page = self.desk.see(who, holds.listed, PageRequest(100), chosen)
        return [row.number for row in page.rows]


@pytest.fixture(scope="module")
def court(desk):
    return Court(desk)


def test_hold_is_numbered_and_noted(desk, court):
    first, second = court.place(), court.place(review_on=date(2090, 5, 4))

    assert second.number == first.number + 1
    assert (first.state, first.revision, first.placed_by) == (HoldState.ACTIVE, 1, court.keeper)
    assert court.row(second).review_on == date(2090, 5, 4)
    assert rows.lines(desk.world, first.id) == {(DOCUMENT, court.document, CoverBasis.NAMED)}
    event = desk.event(court.keeper)
    assert (event["op"], event["outcome"]) == ("hold.place", "committed")


def test_refused_hold_takes_no_number(desk, court):
    before = court.place()

    with pytest.raises(errors.NotFound):
        court.place(new_id())

    assert court.place().number == before.number + 1


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"matter": " "}, "matter"),
        ({"mandate": ""}, "mandate"),
        ({"reason": ""}, "reason"),
        ({"review_on": date(2020, 1, 1)}, "reviewOn"),
    ],
)
def test_hold_needs_matter_mandate_reason_and_a_day_to_come(court, said, path):
    with pytest.raises(errors.Invalid) as refused:
        court.place(**said)

    assert refused.value.path == (path,)


def test_hold_may_be_looked_at_today(desk, court):
    today = utc_day(desk.house.works.clock())

    assert court.place(review_on=today).review_on == today


def test_hold_covers_something(desk, court):
    placing = Placing("Smith v. City", "Order 7", "open", None)

    with pytest.raises(errors.Invalid, match="^name something to hold, or a frozen list"):
        desk.do(court.keeper, holds.place, placing, Cover({}))
    with pytest.raises(errors.Invalid, match="^name at most 100 things at once"):
        desk.do(court.keeper, holds.place, placing, Cover({new_id(): DOCUMENT for _ in range(101)}))


@pytest.mark.parametrize("kind", CoveredKind)
def test_hidden_target_equals_an_absent_one(desk, court, kind):
    world = desk.world
    secret = world.aggregation()
    world.entry(court.keeper, secret, Action.DISCOVER, effect=Effect.DENY)
    hidden = {DOCUMENT: world.document(secret), AGGREGATION: secret, CLASS: new_id()}[kind]

    refusals = []
    for target in (hidden, new_id()):
        with pytest.raises(errors.NotFound) as refused:
            court.place(target, kind=kind)
        refusals.append((refused.value.message, refused.value.path))

    assert refusals == [("not found", ("nodeIds",))] * 2
    assert rows.standing(world, hidden) == {}


def test_what_is_destroyed_is_not_held(desk, court):
    gone = desk.world.document(court.series, state=DocumentState.DESTROYED)

    with pytest.raises(errors.State, match="^it is destroyed: a hold comes too late") as refused:
        court.place(gone)

    assert refused.value.state == "destroyed"


def test_hold_needs_the_action_on_repository_and_thing(desk, court):
    world = desk.world
    denied = world.aggregation()
    world.entry(court.keeper, denied, Action.HOLD, effect=Effect.DENY)

    with pytest.raises(errors.Denied):
        court.place(by=court.clerk)
    with pytest.raises(errors.Denied):
        court.place(denied, kind=AGGREGATION)
    with pytest.raises(errors.Denied):
        court.place(by=court.approver)


def test_hold_widens_and_never_narrows(desk, court):
    hold = court.place()
    other = desk.world.document(court.series)

    court.act(court.other, holds.cover_more, hold, cover=Cover({other: DOCUMENT, court.shelf: AGGREGATION}))

    assert {line[1] for line in rows.lines(desk.world, hold.id)} == {court.document, other, court.shelf}
    with pytest.raises(errors.Invalid, match="^all of this has a line of its own already"):
        court.act(court.keeper, holds.cover_more, hold, cover=Cover({other: DOCUMENT}))


def test_hold_on_a_frozen_list_covers_what_stood_in_it(desk, court):
    world = desk.world
    first, second, gone = (
        desk.do(court.clerk, documents.register, NewDocument(court.series, "Quarrel", Medium.PHYSICAL))
        for _ in range(3)
    )
    frozen = desk.do(court.keeper, searchlists.freeze, Asked("quarrel"), title="For the court")
    world.build(lambda work: destroy(work, gone))

    placing = Placing("Smith v. City", "Order 7", "open", None)
    hold = desk.do(court.keeper, holds.place, placing, Cover({}, frozen.id))

    assert rows.lines(world, hold.id) == {(DOCUMENT, key, CoverBasis.LISTED) for key in (first, second)}
    with pytest.raises(errors.NotFound) as refused:
        desk.do(court.other, holds.place, placing, Cover({}, frozen.id))
    assert refused.value.path == ("searchListId",)
    for key in (first, second):
        world.build(lambda work, key=key: destroy(work, key))
    with pytest.raises(errors.Invalid, match="^nothing of this list is there to hold"):
        desk.do(court.keeper, holds.place, placing, Cover({}, frozen.id))


def destroy(work, document):
    session_of(work).get(Document, document).state = DocumentState.DESTROYED


def test_proposer_placer_and_who_widened_never_lift(desk, court):
    world = desk.world
    first, second, third = (world.officer(role="records_manager") for _ in range(3))
    for who in (first, second, third):
        world.entry(who, repository(desk), Action.APPROVE, kind=NodeKind.REPOSITORY)
    hold = court.place(by=first)
    court.act(second, holds.cover_more, hold, cover=Cover({court.shelf: AGGREGATION}))
    court.act(third, holds.propose_lift, hold, reason="closed")

    for who in (first, second, third):
        with pytest.raises(errors.SecondPerson, match="^another person than those who placed it"):
            court.act(who, holds.lift, hold)

    assert court.row(hold).state is HoldState.ACTIVE
    assert desk.event(third)["reason"] == "second_person"


def test_lifted_hold_stands_on_nothing_and_stays_noted(desk, court):
    document = desk.world.document(court.series)
    hold = court.place(document)
    court.act(court.keeper, holds.propose_lift, hold, reason="closed")

    court.act(court.approver, holds.lift, hold)

    row = court.row(hold)
    assert (row.state, row.lift_reason, row.lifted_by) == (HoldState.LIFTED, "closed", court.approver)
    assert rows.standing(desk.world, document) == {}
    assert {line[1] for line in rows.lines(desk.world, hold.id)} == {document}
    for use_case, who, named in [
        (holds.lift, court.approver, {}),
        (holds.cover_more, court.keeper, {"cover": Cover({court.shelf: AGGREGATION})}),
        (holds.propose_lift, court.keeper, {"reason": "again"}),
    ]:
        with pytest.raises(errors.State, match="^a hold in state `lifted` does not permit"):
            court.act(who, use_case, hold, **named)


def test_hold_is_lifted_only_as_proposed(desk, court):
    hold = court.place()

    with pytest.raises(errors.State, match="^nobody has proposed to lift it"):
        court.act(court.approver, holds.lift, hold)
    with pytest.raises(errors.Denied):
        court.act(court.keeper, holds.lift, hold)
    with pytest.raises(errors.NotFound):
        court.act(court.clerk, holds.lift, hold)

    court.act(court.keeper, holds.propose_lift, hold, reason="closed")
    seen = court.row(hold).revision
    court.act(court.other, holds.cover_more, hold, cover=Cover({court.shelf: AGGREGATION}))
    with pytest.raises(errors.Conflict):
        desk.do(court.approver, holds.lift, hold.id, expected_revision=seen)
    with pytest.raises(errors.State, match="^nobody has proposed to lift it"):
        court.act(court.approver, holds.lift, hold)


def test_proposal_is_turned_down_or_taken_back(desk, court):
    hold = court.place()
    for who in (court.approver, court.keeper):
        court.act(court.keeper, holds.propose_lift, hold, reason="closed")
        with pytest.raises(errors.State, match="^its lifting is proposed already"):
            court.act(court.other, holds.propose_lift, hold, reason="closed")
        with pytest.raises(errors.Denied):
            court.act(court.other, holds.reject_lift, hold, reason="not mine")

        court.act(who, holds.reject_lift, hold, reason="an appeal is filed")

        assert court.row(hold).lift_proposed_by is None


def test_holds_due_for_review_are_listed_by_date(desk, court):
    soon, late = court.place(review_on=date(2091, 1, 1)), court.place(review_on=date(2092, 1, 1))
    lifted = court.place(review_on=date(2091, 1, 1))
    court.act(court.keeper, holds.propose_lift, lifted, reason="closed")
    court.act(court.approver, holds.lift, lifted)

    due = court.numbers(court.keeper, Chosen(review_by=date(2091, 1, 1)))

    assert soon.number in due
    assert not {late.number, lifted.number} & set(due)
    court.act(court.other, holds.review, soon, review_on=date(2093, 1, 1), reason="an appeal is filed")
    assert soon.number not in court.numbers(court.keeper, Chosen(review_by=date(2091, 1, 1)))
    yesterday = utc_day(desk.house.works.clock()) - timedelta(days=1)
    with pytest.raises(errors.Invalid) as refused:
        court.act(court.other, holds.review, soon, review_on=yesterday, reason="late")
    assert refused.value.path == ("reviewOn",)


def test_who_may_not_know_of_a_hold_finds_none(desk, court):
    hold = court.place()

    assert court.numbers(court.clerk) == []
    with pytest.raises(errors.NotFound):
        desk.see(court.clerk, holds.find, hold.id)
    assert hold.number in court.numbers(court.approver)


def test_hold_on_a_thing_shows_to_who_may_hold_it(desk, court):
    world = desk.world
    document = world.document(court.series)
    hold = court.place(document)
    holder = world.user()
    world.entry_on_document(holder, document, Action.HOLD)

    assert court.numbers(holder, Chosen(node=(DOCUMENT, document))) == [hold.number]
    assert court.numbers(court.keeper, Chosen(node=(AGGREGATION, court.series))) == []
    for hidden in (document, new_id()):
        with pytest.raises(errors.NotFound):
            court.numbers(court.clerk, Chosen(node=(DOCUMENT, hidden)))


def test_lines_show_only_what_the_reader_may_read(desk, court):
    world = desk.world
    room, shown_class = world.aggregation(), world.record_class()
    hidden = world.document(room)
    hold = court.place(court.document, hidden)
    court.act(court.keeper, holds.cover_more, hold, cover=Cover({shown_class: CLASS}))
    world.entry(court.approver, room, Action.READ_METADATA, effect=Effect.DENY)

    def lines(who):
        page = desk.see(who, holdcoverage.pages, [hold.id], PageRequest(10))[hold.id]
        return {row.target_id for row in page.rows}

    assert lines(court.keeper) == {court.document, hidden, shown_class}
    assert lines(court.approver) == {court.document, shown_class}


def test_custodian_is_told_sees_the_hold_and_acknowledges_it(desk, court):
    hold = court.place()
    told_one, other = desk.world.user(), desk.world.user()

    court.act(court.keeper, holdnotices.notify, hold, custodian=Custodian(told_one), note="by letter")
    court.act(court.keeper, holdnotices.notify, hold, custodian=Custodian(other), note=None)
    told = notices(desk, told_one, hold)

    assert [(row.custodian_id, row.note) for row in told] == [(told_one, "by letter")]
    assert desk.see(told_one, holds.find, hold.id).matter == "Smith v. City"
    desk.do(told_one, holdnotices.acknowledge, told[0].id)
    assert desk.look(HoldNotice, told[0].id).acknowledged_by == told_one
    with pytest.raises(errors.Conflict, match="^it is acknowledged already"):
        desk.do(told_one, holdnotices.acknowledge, told[0].id)
    theirs = next(row for row in notices(desk, court.keeper, hold) if row.custodian_id == other)
    with pytest.raises(errors.Denied, match="^only who was told can acknowledge this"):
        desk.do(court.keeper, holdnotices.acknowledge, theirs.id)
    with pytest.raises(errors.NotFound):
        desk.do(told_one, holdnotices.acknowledge, theirs.id)


def test_keeper_acknowledges_for_somebody_without_an_account(desk, court):
    hold = court.place()
    court.act(court.keeper, holdnotices.notify, hold, custodian=Custodian(name="Ms Smith"), note=None)
    (told,) = notices(desk, court.keeper, hold)

    desk.do(court.keeper, holdnotices.acknowledge, told.id)

    assert (told.custodian_name, desk.look(HoldNotice, told.id).acknowledged_by) == ("Ms Smith", court.keeper)


@pytest.mark.parametrize("custodian", [Custodian(), Custodian(new_id(), "Ms Smith")])
def test_notice_is_to_one_custodian(court, custodian):
    hold = court.place()

    with pytest.raises(errors.Invalid, match="^name an account, or somebody who has none"):
        court.act(court.keeper, holdnotices.notify, hold, custodian=custodian, note=None)


def test_notice_to_nobody_is_refused(court):
    hold = court.place()

    with pytest.raises(errors.NotFound) as refused:
        court.act(court.keeper, holdnotices.notify, hold, custodian=Custodian(new_id()), note=None)

    assert refused.value.path == ("custodianId",)


def test_office_opens_the_transitions(desk, court):
    hold = court.place()

    def open_to(who):
        return desk.see(who, lambda work: holds.transitions(work, holds.find(work, hold.id)))

    assert open_to(court.keeper) == ("cover", "notify", "proposeLift", "review")
    assert open_to(court.approver) == ()
    court.act(court.keeper, holds.propose_lift, hold, reason="closed")
    assert open_to(court.approver) == ("lift", "rejectLift")


def notices(desk, who, hold):
    return desk.see(who, holdnotices.pages, [hold.id], PageRequest(10))[hold.id].rows


def repository(desk):
    return desk.world.build(facts.repository_id)
