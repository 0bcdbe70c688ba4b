"""Rules bound to things: what lengthens counts at once, what shortens waits for a second person."""

from __future__ import annotations

from datetime import date

import pytest

from dms.base import errors
from dms.base.paging import PageRequest
from dms.models.retention import BindingKind, LineState, Target
from dms.rules.access import Action, NodeKind
from dms.services import assignments, holding, retention
from dms.services.assignments import AssignmentsWanted, NewAssignment
from dms.stores import facts
from tests import retaining


@pytest.fixture(scope="module")
def edition(world):
    return world.build(retaining.make_schedule)


@pytest.fixture
def rule(world, edition):
    def make(*said, **named):
        return world.build(lambda work: retaining.make_rule(work, edition, *said, **named))

    return make


@pytest.fixture(scope="module")
def manager(world):
    return world.officer(role="records_manager")


@pytest.fixture(scope="module")
def approver(world):
    return world.officer(role="disposal_approver")


@pytest.fixture
def file(world):
    return world.aggregation()


@pytest.fixture
def document(world, file):
    return world.document(file, state="declared", dates="2020", last_day=date(2020, 12, 31))


def new(target, rule, binding=BindingKind.MANUAL, kind=Target.DOCUMENT):
    return NewAssignment(kind, target, rule, binding, "the schedule says so")


def due_on(desk, manager, document):
    return desk.see(manager, retention.fresh, [document])[document].due_on


def test_first_rule_counts_at_once(desk, manager, document, rule):
    line = desk.do(manager, assignments.assign, new(document, rule("dated, P5Y")))

    assert desk.event(manager)["op"] == "retention.assign"
    assert (line.state, line.shortens) == (LineState.IN_EFFECT, False)
    assert due_on(desk, manager, document) == date(2026, 1, 1)


def test_further_rule_never_moves_the_day_forward(desk, manager, document, rule):
    desk.do(manager, assignments.assign, new(document, rule("dated, P9Y")))

    desk.do(manager, assignments.assign, new(document, rule("dated, P2Y")))

    assert due_on(desk, manager, document) == date(2030, 1, 1)


def test_shorter_override_waits_for_a_second_person(desk, manager, approver, document, rule):
    desk.do(manager, assignments.assign, new(document, rule("dated, P9Y")))
    line = desk.do(manager, assignments.assign, new(document, rule("dated, P2Y"), BindingKind.OVERRIDE))
    before = due_on(desk, manager, document)

    decided = desk.do(approver, assignments.approve, line.id, note="checked")

    assert (line.shortens, before) == (True, date(2030, 1, 1))
    assert (decided.state, decided.decided_by) == (LineState.IN_EFFECT, approver)
    assert due_on(desk, manager, document) == date(2023, 1, 1)
    assert retaining.kept(desk.world, document).due_on == date(2023, 1, 1)


def test_who_wrote_it_never_approves_it(desk, world, document, rule):
    one = world.officer(role="records_manager")
    repository = world.build(facts.repository_id)
    world.entry(one, repository, Action.APPROVE, kind=NodeKind.REPOSITORY)
    desk.do(one, assignments.assign, new(document, rule("dated, P9Y")))
    line = desk.do(one, assignments.assign, new(document, rule("dated, P2Y"), BindingKind.OVERRIDE))

    with pytest.raises(errors.SecondPerson, match="^another person than who wrote it must decide this"):
        desk.do(one, assignments.approve, line.id, note=None)

    assert due_on(desk, one, document) == date(2030, 1, 1)


def test_proposal_that_was_turned_down_never_counts(desk, manager, approver, document, rule):
    desk.do(manager, assignments.assign, new(document, rule("dated, P9Y")))
    line = desk.do(manager, assignments.assign, new(document, rule("dated, P2Y"), BindingKind.OVERRIDE))

    desk.do(approver, assignments.reject, line.id, note="no such order")

    with pytest.raises(errors.Conflict, match="^the line is in state `rejected`"):
        desk.do(approver, assignments.approve, line.id, note=None)
    assert due_on(desk, manager, document) == date(2030, 1, 1)


def test_ending_the_longest_rule_waits_and_a_second_end_is_refused(desk, manager, document, rule):
    longest = desk.do(manager, assignments.assign, new(document, rule("dated, P9Y")))
    desk.do(manager, assignments.assign, new(document, rule("dated, P2Y")))

    proposed = desk.do(manager, assignments.end, longest.id, reason="by mistake")

    assert (proposed.ends_id, proposed.state) == (longest.id, LineState.PROPOSED)
    with pytest.raises(errors.State, match="^the line does not count, or its end is proposed already"):
        desk.do(manager, assignments.end, longest.id, reason="again")


def test_ending_a_shorter_rule_counts_at_once_and_leaves_both_lines(desk, manager, document, rule):
    desk.do(manager, assignments.assign, new(document, rule("dated, P9Y")))
    short = desk.do(manager, assignments.assign, new(document, rule("dated, P2Y")))

    ended = desk.do(manager, assignments.end, short.id, reason="not needed")

    lines = desk.see(manager, assignments.listed, PageRequest(9), AssignmentsWanted(target_id=document)).rows
    assert ended.state is LineState.IN_EFFECT
    assert [line.ends_id for line in lines] == [short.id, None, None]


def test_hold_refuses_what_would_shorten_and_nothing_is_proposed(desk, manager, document, rule, monkeypatch):
    desk.do(manager, assignments.assign, new(document, rule("dated, P9Y")))
    monkeypatch.setattr(holding, "held", lambda _work, ids: frozenset(ids))

    with pytest.raises(errors.OnHold, match="^a hold stands on what this would shorten"):
        desk.do(manager, assignments.assign, new(document, rule("dated, P2Y"), BindingKind.OVERRIDE))

    assert desk.event(manager)["reason"] == "hold"
    lines = desk.see(manager, assignments.listed, PageRequest(9), AssignmentsWanted(target_id=document)).rows
    assert len(lines) == 1


def test_override_for_more_than_can_be_judged_waits_too(desk, manager, file, rule, monkeypatch):
    desk.world.document(file)
    monkeypatch.setattr(assignments, "MOST_JUDGED", 1)

    line = desk.do(
        manager,
        assignments.assign,
        new(file, rule("dated, P2Y"), BindingKind.OVERRIDE, Target.AGGREGATION),
    )

    assert line.state is LineState.PROPOSED


def test_rule_of_a_class_is_open_and_that_of_a_hidden_thing_is_not(desk, world, manager, document, rule):
    class_id = world.record_class()
    of_class = desk.do(manager, assignments.assign, new(class_id, rule("dated, P1Y"), kind=Target.CLASS))
    hidden = desk.do(manager, assignments.assign, new(document, rule("dated, P1Y")))
    stranger = world.user()

    seen = desk.see(stranger, assignments.each, [of_class.id, hidden.id])

    assert seen.keys() == {of_class.id}
    assert desk.see(stranger, assignments.listed, PageRequest(9), AssignmentsWanted(document)).rows == []


def test_reader_binds_nothing(desk, world, file, document, rule):
    reader = world.holder(file, Action.READ_METADATA)

    with pytest.raises(errors.Denied, match="DISPOSE"):
        desk.do(reader, assignments.assign, new(document, rule("dated, P1Y")))


def test_rule_that_is_none_is_refused(desk, manager, document):
    with pytest.raises(errors.Invalid, match="^there is no such rule: choose one of a schedule"):
        desk.do(manager, assignments.assign, new(document, document))
