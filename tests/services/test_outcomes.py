"""What follows for things: computed with each change, marked where much changes, never shown stale."""

from __future__ import annotations

from datetime import date

import pytest

from dms.models.aggregations import Aggregation
from dms.models.documents import Medium
from dms.models.retention import BindingKind, Target
from dms.rules.access import Action
from dms.rules.duerules import Reason
from dms.rules.duesteps import RetentionState
from dms.services import aggregations, documents, retention
from dms.services.documents import NewDocument
from dms.stores import outcomes
from tests import retaining


@pytest.fixture(scope="module")
def edition(world):
    return world.build(retaining.make_schedule)


@pytest.fixture
def rule(world, edition):
    def make(*said, **named):
        return world.build(lambda work: retaining.make_rule(work, edition, *said, **named))

    return make


@pytest.fixture
def bind(desk, world):
    def bound(rule, kind, target, **named):
        line = world.build(lambda work: retaining.bind(work, rule, kind, target, **named))
        retaining.recompute(desk.house)
        return line

    return bound


@pytest.fixture
def clerk(world):
    file = world.aggregation()
    clerk = world.holder(file, Action.FILE, Action.EDIT)
    return clerk, file


def register(desk, clerk, file, **values):
    new = NewDocument(file, "A letter", Medium.DIGITAL, **values)
    return desk.do(clerk, documents.register, new)


def test_document_without_rule_has_an_outcome_from_its_registration_on(desk, world, clerk):
    document = register(desk, *clerk)

    row = retaining.kept(world, document)

    assert (row.state, row.reason, row.due_on) == (RetentionState.UNDETERMINED, Reason.NO_RULE, None)


def test_rule_of_the_class_gives_a_day_to_what_is_filed_there_later(desk, world, clerk, rule, bind):
    user, file = clerk
    class_id = world.record_class()
    bind(rule("dated, P5Y"), Target.CLASS, class_id)

    document = register(desk, user, file, dates="2020-02-29", record_class_id=class_id)

    row = retaining.kept(world, document)
    assert (row.state, row.due_on, row.class_id) == (RetentionState.RUNNING, date(2025, 3, 1), class_id)


def test_rule_of_a_class_above_counts_too_and_the_longest_wins(desk, world, clerk, rule, bind):
    user, file = clerk
    top = world.record_class()
    class_id = world.record_class(top)
    bind(rule("dated, P2Y"), Target.CLASS, class_id)
    longest = rule("dated, P7Y")
    bind(longest, Target.CLASS, top)

    document = register(desk, user, file, dates="2020-06-30", record_class_id=class_id)

    assert retaining.kept(world, document).due_on == date(2027, 7, 1)
    assert retaining.kept(world, document).rule_id == longest


def test_document_waits_for_the_closing_of_its_file_and_waits_again_when_it_is_reopened(
    desk, world, rule, bind
):
    file = world.aggregation()
    user = world.holder(file, Action.FILE, Action.EDIT)
    document = world.document(file, state="declared")
    bind(rule("closed, P5Y"), Target.AGGREGATION, file)
    states = [retaining.kept(world, document).state]

    for act in (aggregations.close, aggregations.reopen):
        revision = desk.look(Aggregation, file).revision
        desk.do(user, act, file, expected_revision=revision, reason="done")
        retaining.recompute(desk.house)
        states.append(retaining.kept(world, document).state)

    assert states == [RetentionState.WAITING, RetentionState.RUNNING, RetentionState.WAITING]


def test_override_at_the_file_replaces_the_rule_of_the_class(desk, world, clerk, rule, bind):
    user, file = clerk
    class_id = world.record_class()
    bind(rule("dated, P30Y"), Target.CLASS, class_id)
    bind(rule("dated, P3Y"), Target.AGGREGATION, file, binding=BindingKind.OVERRIDE)

    document = register(desk, user, file, dates="2020-06-30", record_class_id=class_id)

    assert retaining.kept(world, document).due_on == date(2023, 7, 1)


def test_refiling_and_classing_move_the_day_in_their_own_transaction(desk, world, clerk, rule, bind):
    user, file = clerk
    other, class_id = world.aggregation(), world.record_class()
    world.entry(user, other, Action.FILE)
    bind(rule("dated, P10Y"), Target.AGGREGATION, other)
    bind(rule("dated, P20Y"), Target.CLASS, class_id)
    document = register(desk, user, file, dates="2020")

    desk.do(user, documents.refile, document, aggregation_id=other, expected_revision=1, reason="belongs")
    moved = retaining.kept(world, document).due_on
    world.entry(user, other, Action.EDIT)
    desk.do(
        user, documents.assign_class, document, record_class_id=class_id, expected_revision=2, reason="so"
    )

    assert (moved, retaining.kept(world, document).due_on) == (date(2031, 1, 1), date(2041, 1, 1))


def test_changed_rule_computes_only_what_it_bears_on(desk, world, clerk, rule, bind):
    user, file = clerk
    first, second = world.record_class(), world.record_class()
    changing = rule("dated, P1Y")
    bind(changing, Target.CLASS, first)
    bind(rule("dated, P1Y"), Target.CLASS, second)
    under = [register(desk, user, file, dates="2020", record_class_id=first) for _ in range(3)]
    other = register(desk, user, file, dates="2020", record_class_id=second)

    world.build(lambda work: retaining.reword(work, changing, "dated, P8Y"))
    stale = {retaining.kept(world, each).due_on for each in under}
    shown = desk.see(user, retention.fresh, under)
    done = retaining.recompute(desk.house)

    assert stale == {date(2022, 1, 1)}
    assert {each.due_on for each in shown.values()} == {date(2029, 1, 1)}
    assert {retaining.kept(world, each).due_on for each in under} == {date(2029, 1, 1)}
    assert retaining.kept(world, other).due_on == date(2022, 1, 1)
    assert done == 3


def test_rule_that_no_edition_words_any_more_gives_no_day(desk, world, clerk, rule, bind):
    user, file = clerk
    class_id = world.record_class()
    bind(rule(), Target.CLASS, class_id)

    document = register(desk, user, file, dates="2020", record_class_id=class_id)

    row = retaining.kept(world, document)
    assert (row.state, row.reason) == (RetentionState.UNDETERMINED, Reason.NEEDS_REVIEW)


def test_outcome_that_time_has_turned_is_computed_anew(desk, world, clerk, rule, bind):
    user, file = clerk
    class_id = world.record_class()
    bind(rule("dated, P1Y then P300Y"), Target.CLASS, class_id)
    document = register(desk, user, file, dates="2026-01-01", record_class_id=class_id)

    def turn_back(work):
        row = outcomes.session_of(work).get(outcomes.RetentionOutcome, document)
        row.turns_on, row.phase = date(2000, 1, 1), 77

    world.build(turn_back)
    retaining.recompute(desk.house)

    row = retaining.kept(world, document)
    assert row.phase != 77
    assert row.turns_on > date(2026, 1, 1)


def test_what_is_marked_is_gone_through_in_slices_that_go_on_where_they_were(desk, world, rule, monkeypatch):
    root = world.aggregation()
    files = [world.aggregation(root) for _ in range(3)]
    made = [world.document(file, dates="2020", last_day=date(2020, 12, 31)) for file in files for _ in "abc"]
    world.build(lambda work: outcomes.keep(work, [root, *files, *made]))
    line = rule("dated, P4Y")
    world.build(lambda work: retaining.bind(work, line, Target.AGGREGATION, root))
    monkeypatch.setattr(retention, "AT_ONCE", 2)

    retaining.recompute(desk.house)

    assert {retaining.kept(world, each).due_on for each in made} == {date(2025, 1, 1)}
    assert world.build(outcomes.is_current)


def test_what_is_kept_is_what_follows_from_nothing(desk, world):
    retaining.recompute(desk.house)
    world.build(
        lambda work: outcomes.keep(
            work,
            [row[0] for model in outcomes.THINGS for row in outcomes.session_of(work).query(model.id).all()],
        )
    )

    assert world.build(retaining.disagreeing) == set()
