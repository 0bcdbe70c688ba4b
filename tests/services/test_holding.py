"""What Holds reach, what they forbid, and that nothing slips out of one or past one."""

from __future__ import annotations

import threading

import pytest

from dms.access import gate
from dms.base import errors
from dms.base.actor import system_actor
from dms.models.documents import Document
from dms.rules.access import Action
from dms.rules.holds import CoverBasis, CoveredKind
from dms.rules.states import DocumentState, HoldState
from dms.services import aggregations, classentries, documents, holding
from dms.services.aggregations import AggregationChanges
from dms.stores import holds as store
from dms.stores.work import session_of
from tests import statements
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
