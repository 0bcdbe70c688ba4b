"""What Holds reach, what they forbid, and that nothing slips out of one or past one."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dms.access import gate
from dms.base import errors
from dms.base.actor import system_actor
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.rules.access import Action
from dms.rules.holds import CoverBasis, CoveredKind
from dms.rules.states import DocumentState, HoldState
from dms.services import aggregations, classentries, documents, holding
from dms.services.aggregations import AggregationChanges
from dms.stores import holds as store
from dms.stores.work import session_of
from tests import statements
from tests.factories import actor
from tests.services import holds
from tests.services.schemes import Plan

NAMED, FOLLOWED = CoverBasis.NAMED, CoverBasis.FOLLOWED
DOCUMENT, AGGREGATION, CLASS = CoveredKind.DOCUMENT, CoveredKind.AGGREGATION, CoveredKind.CLASS


@pytest.fixture(scope="module")
def plan(desk):
    return Plan(desk)


@pytest.fixture
def shelf(world):
    """A series with two files, and a clerk who may do all with what lies there."""
    series, other = world.aggregation(), world.aggregation()
    clerk = world.user()
    for node in (series, other):
        for action in (Action.FILE, Action.EDIT):
            world.entry(clerk, node, action)
    return Shelf(world, clerk, series, other)


class Shelf:
    def __init__(self, world, clerk, series, other):
        self.world, self.clerk, self.series, self.other = world, clerk, series, other
        self.file = world.aggregation(series)
        self.document = world.document(self.file)

    def revision(self, model, row_id):
        return self.world.build(lambda work: session_of(work).get(model, row_id).revision)


def test_hold_reaches_down_both_trees_and_nowhere_else(world):
    above = world.record_class()
    below = world.record_class(above)
    series = world.aggregation()
    file = world.aggregation(series)
    document = world.document(file, record_class_id=below)
    classed = world.aggregation(record_class_id=below)
    inside = world.document(classed)
    free = world.document(world.aggregation())
    on_class = holds.place(world, CLASS, above)
    on_series = holds.place(world, AGGREGATION, series)
    on_document = holds.place(world, DOCUMENT, document)
    holds.place(world, DOCUMENT, free, state=HoldState.LIFTED)

    standing = holds.standing(world, above, below, series, file, document, classed, inside, free)

    assert standing == {
        above: (on_class,),
        below: (on_class,),
        series: (on_series,),
        file: (on_series,),
        document: (on_class, on_series, on_document),
        classed: (on_class,),
        inside: (on_class,),
    }


def test_later_arrival_stands_under_the_hold_at_once(world):
    series = world.aggregation()
    hold = holds.place(world, AGGREGATION, series)

    arrived = world.document(world.aggregation(series))

    assert holds.standing(world, arrived) == {arrived: (hold,)}


def test_a_hundred_things_are_one_statement(house, world):
    series = world.aggregation()

    def make(one):
        return [one.document(one.aggregation(series)) for _ in range(100)]

    made = world.at_once(make)
    hold = holds.place(world, AGGREGATION, series)

    def body(work):
        with statements.counted(house) as sent:
            found = store.standing(work, made)
        return found, list(sent)

    found, sent = world.build(body)
    assert set(found) == set(made)
    assert set(found.values()) == {(hold,)}
    assert len(sent) == 1


def test_refusal_names_no_hold_and_is_noted(desk, shelf):
    holds.place(shelf.world, AGGREGATION, shelf.series)

    def destroy(work):
        row = gate.visible(work, Document, Action.DISCOVER).one(shelf.document)
        holding.require_free(work, row, "destroy")

    with pytest.raises(errors.OnHold) as refused:
        desk.do(shelf.clerk, destroy)

    message = "a hold stands on it: nothing of it may be lost until the hold is lifted"
    assert (refused.value.message, refused.value.path) == (message, ())
    event = desk.event(shelf.clerk)
    assert (event["outcome"], event["reason"]) == ("refused", "hold")


def test_what_is_free_passes(desk, shelf):
    holds.place(shelf.world, AGGREGATION, shelf.other)

    def destroy(work):
        row = gate.visible(work, Document, Action.DISCOVER).one(shelf.document)
        holding.require_free(work, row, "destroy")
        return holding.held(work, [shelf.document, shelf.other])

    assert desk.do(shelf.clerk, destroy) == {shelf.other}


def test_hold_follows_a_document_out_of_its_aggregation(desk, shelf):
    hold = holds.place(shelf.world, AGGREGATION, shelf.series)

    desk.do(
        shelf.clerk,
        documents.refile,
        shelf.document,
        aggregation_id=shelf.other,
        expected_revision=1,
        reason="misfiled",
    )

    assert holds.standing(shelf.world, shelf.document) == {shelf.document: (hold,)}
    assert holds.lines(shelf.world, hold) == {
        (AGGREGATION, shelf.series, NAMED),
        (DOCUMENT, shelf.document, FOLLOWED),
    }


def test_hold_needs_no_line_for_what_stays_below_what_it_covers(desk, shelf):
    hold = holds.place(shelf.world, AGGREGATION, shelf.series)

    desk.do(
        shelf.clerk,
        documents.refile,
        shelf.document,
        aggregation_id=shelf.series,
        expected_revision=1,
        reason="upwards",
    )

    assert holds.lines(shelf.world, hold) == {(AGGREGATION, shelf.series, NAMED)}


def test_hold_follows_a_rearranged_aggregation_with_all_in_it(desk, shelf):
    hold = holds.place(shelf.world, AGGREGATION, shelf.series)

    desk.do(
        shelf.clerk,
        aggregations.rearrange,
        shelf.file,
        parent_id=shelf.other,
        expected_revision=1,
        reason="belongs there",
    )

    assert holds.standing(shelf.world, shelf.document, shelf.other) == {shelf.document: (hold,)}
    assert (AGGREGATION, shelf.file, FOLLOWED) in holds.lines(shelf.world, hold)


def test_hold_follows_a_document_out_of_its_class(desk, shelf):
    held, free = shelf.world.record_class(), shelf.world.record_class()
    document = shelf.world.document(shelf.file, record_class_id=held)
    hold = holds.place(shelf.world, CLASS, held)

    desk.do(
        shelf.clerk,
        documents.assign_class,
        document,
        record_class_id=free,
        expected_revision=1,
        reason="misclassed",
    )

    assert holds.standing(shelf.world, document) == {document: (hold,)}


def test_hold_follows_an_aggregation_out_of_its_class(desk, shelf):
    held = shelf.world.record_class()
    file = shelf.world.aggregation(shelf.series, record_class_id=held)
    inside = shelf.world.document(file)
    hold = holds.place(shelf.world, CLASS, held)

    changes = AggregationChanges(record_class_id=None)
    desk.do(shelf.clerk, aggregations.update, file, expected_revision=1, changes=changes)

    assert holds.standing(shelf.world, inside) == {inside: (hold,)}
    assert (AGGREGATION, file, FOLLOWED) in holds.lines(shelf.world, hold)


def test_hold_follows_a_class_that_a_new_edition_moves(desk, plan, shelf):
    held = plan.in_force("HELD")
    moved = plan.in_force("HELD.1", held)
    document = shelf.world.document(shelf.file, record_class_id=moved)
    hold = holds.place(shelf.world, CLASS, held)
    draft = plan.draft()
    draft.do(classentries.move, moved, parent_id=None)

    draft.activate()

    assert plan.row(moved).parent_id is None
    assert holds.standing(shelf.world, document, moved) == {document: (hold,), moved: (hold,)}
    assert holds.lines(shelf.world, hold) == {(CLASS, held, NAMED), (CLASS, moved, FOLLOWED)}


def destroying(document, *, waits=None, reached=None):
    """Return what destroys a Document unless it is held; it may stop before or after it looks."""

    def body(work):
        row = session_of(work).get(Document, document)
        for step in ("before", "after"):
            if step == "after":
                holding.require_free(work, row, "destroy")
            if waits and waits[0] == step:
                reached.set()
                waits[1].wait(10)
        row.state = DocumentState.DESTROYED
        work.flush()

    return body


@pytest.mark.parametrize("step", ["before", "after"])
def test_hold_and_destruction_never_slip_past_each_other(house, world, step):
    """Either the destruction is refused, or the Hold comes later and finds the thing destroyed."""
    series = world.aggregation()
    document = world.document(world.aggregation(series))
    reached, goes_on, outcome = threading.Event(), threading.Event(), []

    def destroy():
        try:
            house.works.write(
                system_actor("test"), destroying(document, waits=(step, goes_on), reached=reached)
            )
            outcome.append("destroyed")
        except errors.OnHold:
            outcome.append("refused")

    def hold():
        holds.place(world, AGGREGATION, series)
        outcome.append("held")

    destroyer, holder = threading.Thread(target=destroy), threading.Thread(target=hold)
    destroyer.start()
    reached.wait(10)
    holder.start()
    holder.join(0.3)
    goes_on.set()
    destroyer.join()
    holder.join()

    assert outcome in (["held", "refused"], ["destroyed", "held"])
    first = (
        ["held", "refused"] if step == "before" and not house.database.is_sqlite else ["destroyed", "held"]
    )
    assert outcome == first


@pytest.mark.parametrize("step", ["before", "after"])
def test_move_and_hold_at_once_leave_nothing_between_them(house, world, shelf, step):
    """Either the Hold comes first and follows the Document, or the Document had gone before."""
    reached, goes_on = threading.Event(), threading.Event()

    def body(work):
        session_of(work).get(Document, shelf.document)
        for each in ("before", "after"):
            if each == "after":
                documents.refile(
                    work, shelf.document, aggregation_id=shelf.other, expected_revision=1, reason="misfiled"
                )
            if each == step:
                reached.set()
                goes_on.wait(10)

    found = []
    mover = threading.Thread(target=lambda: house.works.write(actor(shelf.clerk), body))
    holder = threading.Thread(target=lambda: found.append(holds.place(world, AGGREGATION, shelf.series)))
    mover.start()
    reached.wait(10)
    holder.start()
    holder.join(0.3)
    goes_on.set()
    mover.join()
    holder.join()

    hold_is_first = step == "before" and not house.database.is_sqlite
    covered = {shelf.document: tuple(found)} if hold_is_first else {}
    assert holds.standing(world, shelf.document) == covered


def test_nothing_ever_slips_out_of_a_hold_that_stands(desk, world):
    machine = type("Machine", (Custody,), {"desk": desk})
    settings_ = settings(max_examples=4, stateful_step_count=12, suppress_health_check=list(HealthCheck))

    run_state_machine_as_test(machine, settings=settings_)


class Custody(RuleBasedStateMachine):
    """Documents, Aggregations and classes that move about while Holds are placed and lifted."""

    desk = None

    @initialize()
    def begin(self):
        self.world = self.desk.world
        self.clerk = self.world.user()
        self.classes = [self.world.record_class() for _ in range(2)]
        self.tops = [self.world.aggregation() for _ in range(2)]
        for node in self.tops:
            for action in (Action.FILE, Action.EDIT):
                self.world.entry(self.clerk, node, action)
        self.files = [self.world.aggregation(self.tops[0], record_class_id=self.classes[0])]
        self.files.append(self.world.aggregation(self.files[0]))
        self.documents = [self.world.document(self.files[n], record_class_id=self.classes[n]) for n in (0, 1)]
        self.covered = {}

    def act(self, model, row_id, use_case, **asked):
        row = self.desk.look(model, row_id)
        with suppress(errors.Invalid):  # it lies there already, or would lie under itself
            self.desk.do(self.clerk, use_case, row_id, expected_revision=row.revision, **asked)

    @rule(which=st.integers(0, 1), where=st.integers(0, 3))
    def refile(self, which, where):
        target = [*self.tops, *self.files][where]
        self.act(Document, self.documents[which], documents.refile, aggregation_id=target, reason="moved")

    @rule(which=st.integers(0, 1), where=st.integers(0, 3))
    def rearrange(self, which, where):
        target = [*self.tops, *self.files][where]
        self.act(Aggregation, self.files[which], aggregations.rearrange, parent_id=target, reason="moved")

    @rule(which=st.integers(0, 1), chosen=st.integers(0, 1))
    def classify(self, which, chosen):
        asked = {"record_class_id": self.classes[chosen], "reason": "misclassed"}
        self.act(Document, self.documents[which], documents.assign_class, **asked)

    @rule(which=st.integers(0, 1), chosen=st.sampled_from([0, 1, None]))
    def class_file(self, which, chosen):
        changes = AggregationChanges(record_class_id=None if chosen is None else self.classes[chosen])
        self.act(Aggregation, self.files[which], aggregations.update, changes=changes)

    @rule(kind=st.sampled_from(CoveredKind), which=st.integers(0, 1))
    def place(self, kind, which):
        of = {DOCUMENT: self.documents, AGGREGATION: self.files, CLASS: self.classes}
        hold = holds.place(self.world, kind, of[kind][which])
        self.covered[hold] = self.now(hold)

    @precondition(lambda self: self.covered)
    @rule()
    def arrive(self):
        self.documents[0] = self.world.document(self.files[0], record_class_id=self.classes[0])
        for hold in self.covered:
            self.covered[hold] |= self.now(hold)

    def now(self, hold):
        found = holds.standing(self.world, *self.documents, *self.files)
        return {key for key, standing in found.items() if hold in standing}

    @invariant()
    def nothing_slipped_out(self):
        things = {key for keys in getattr(self, "covered", {}).values() for key in keys}
        if things:
            found = holds.standing(self.world, *things)
            assert all(hold in found.get(key, ()) for hold, keys in self.covered.items() for key in keys)
