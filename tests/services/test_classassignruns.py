"""Classing many things by an order: as one at a time would have done it, once, and by who may."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dms.base import errors
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.jobs import classassigning
from dms.jobs.holding import Ground
from dms.jobs.working import Working
from dms.models.aggregations import Aggregation
from dms.models.classassignruns import ClassAssignLine, ClassAssignRun
from dms.models.documents import Document, PlacementHistory
from dms.models.jobs import Job
from dms.models.retention import RetentionOutcome
from dms.models.search import SearchEntry, SubjectKind
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.classassignruns import LEAST, MOST, Chosen, LineOutcome, RunState, next_size
from dms.rules.holds import CoveredKind
from dms.rules.jobs import JobKind, JobState
from dms.services import (
    aggregations,
    classassignruns,
    classassignslices,
    documents,
    jobs,
    searchlists,
    users,
)
from dms.services.classassignruns import Selection
from dms.services.search import Asked
from dms.stores import fulltext
from dms.stores.jobs import LeaseLost
from dms.stores.work import session_of
from tests.factories import World, make_document
from tests.recorded import events_of
from tests.services import holds
from tests.services.schemes import Plan

REASON = "the plan was mended"


@dataclass
class Room:
    """A clerk at work in an Aggregation of his own, and a class to give."""

    world: World
    desk: object
    clerk: UUID
    home: UUID
    target: UUID

    def documents(self, count, **values):
        """Documents that can be found, in the home."""

        def body(work):
            made = [make_document(work, values.pop("home", self.home), **values) for _ in range(count)]
            fulltext.enter(work, [session_of(work).get(Document, key) for key in made])
            return made

        return self.world.build(body)

    def ask(self, *ids, chosen=Chosen.THINGS, kind=SubjectKind.DOCUMENT, target=None, by=None):
        """Order that things get the class; returns the id of the order."""
        return self.desk.do(
            by or self.clerk,
            classassignruns.ask,
            kind,
            Selection(chosen, tuple(ids)),
            record_class_id=target or self.target,
            reason=REASON,
        ).id

    def run(self, run_id):
        return self.desk.see(self.clerk, classassignruns.find, run_id)

    def counts(self, run_id):
        row = self.run(run_id)
        return row.changed, row.unchanged, row.refused, row.gone

    def work(self):
        """Do the jobs that wait; returns how many."""
        house = self.world.house
        ground = Ground(house.works, house.vault, house.settings)
        return Working(ground, handlers={JobKind.CLASS_ASSIGN: classassigning.assign}).drain()

    def step(self, run_id, size):
        return self.desk.do(self.clerk, classassignslices.step, run_id, size=size)

    def lines(self, run_id, by=None):
        """What the lines say: thing, outcome, refusal."""

        def body(work):
            classassignruns.find(work, run_id)
            return classassignruns.lines(work, [run_id], PageRequest(100, want_total=True, total_up_to=500))

        page = self.desk.see(by or self.clerk, body)[run_id]
        assert page.total == len(page.rows)
        return [(row.object_id, row.outcome, row.refusal) for row in page.rows]

    def classes(self, *ids):
        return [self.desk.look(Document, each).record_class_id for each in ids]


@pytest.fixture
def room(world, desk):
    def make(one):
        home = one.aggregation()
        clerk = one.user()
        for action in (Action.READ_METADATA, Action.EDIT, Action.FILE):
            one.entry(clerk, home, action)
        return clerk, home, one.record_class()

    return Room(world, desk, *world.at_once(make))


def test_each_thing_named_gets_the_class_with_its_reason(room):
    made = room.documents(3)

    run = room.ask(*made)
    room.work()

    assert room.classes(*made) == [room.target] * 3
    assert room.counts(run) == (3, 0, 0, 0)
    assert room.lines(run) == [(each, LineOutcome.CHANGED, None) for each in made]
    assert room.run(run).state is RunState.DONE


def test_what_is_classed_so_already_is_left_alone(room):
    (made,) = room.documents(1, record_class_id=room.target)

    run = room.ask(made)
    room.work()

    assert room.counts(run) == (0, 1, 0, 0)
    assert room.desk.look(Document, made).revision == 1


def test_what_the_asker_may_not_edit_is_refused_and_said_so(room):
    (own,) = room.documents(1)
    shelf = room.world.aggregation()
    other = room.world.document(shelf)
    room.world.entry(room.clerk, shelf, Action.READ_METADATA)

    run = room.ask(own, other)
    room.work()

    refusal = "the access list does not give you `EDIT` on it"
    assert room.lines(run) == [(own, LineOutcome.CHANGED, None), (other, LineOutcome.REFUSED, refusal)]
    assert room.classes(other) != [room.target]


def test_hidden_and_absent_are_gone_alike(room):
    (own,) = room.documents(1)
    hidden, absent = room.world.document(room.world.aggregation()), new_id()

    run = room.ask(own, hidden, absent)
    room.work()

    assert room.lines(run)[1:] == [(hidden, LineOutcome.GONE, None), (absent, LineOutcome.GONE, None)]
    assert room.counts(run) == (1, 0, 0, 2)


def test_order_for_nothing_one_may_know_of_finds_nothing(room):
    hidden = room.world.document(room.world.aggregation())

    with pytest.raises(errors.NotFound):
        room.ask(hidden)


def test_order_for_what_one_may_only_read_is_denied(room):
    shelf = room.world.aggregation()
    room.world.entry(room.clerk, shelf, Action.READ_METADATA)

    with pytest.raises(errors.Denied):
        room.ask(room.world.document(shelf))


def test_class_denied_at_its_place_refuses_the_thing(room):
    (made,) = room.documents(1)
    room.world.entry(room.clerk, room.target, Action.FILE, kind=NodeKind.CLASS, effect=Effect.DENY)

    run = room.ask(made)
    room.work()

    refusal = "the access list does not give you `FILE` with this class there"
    assert room.lines(run) == [(made, LineOutcome.REFUSED, refusal)]


def test_everything_of_a_class_is_what_the_asker_may_edit_of_it(room):
    before = room.world.record_class()
    mine = room.documents(3, record_class_id=before)
    other = room.world.document(room.world.aggregation(), record_class_id=before)

    run = room.ask(before, chosen=Chosen.RECORD_CLASS)
    room.work()

    assert room.run(run).total == 3
    assert room.counts(run) == (3, 0, 0, 0)
    assert room.classes(*mine, other) == [room.target] * 3 + [before]


def test_everything_below_an_aggregation_is_classed(room):
    below = room.world.aggregation(room.home)
    made = room.documents(1) + room.documents(1, home=below)

    run = room.ask(room.home, chosen=Chosen.AGGREGATION)
    room.work()

    assert room.counts(run) == (2, 0, 0, 0)
    assert room.classes(*made) == [room.target] * 2


def test_what_is_registered_after_the_order_is_no_part_of_it(room):
    before = room.world.record_class()
    room.documents(1, record_class_id=before)
    run = room.ask(before, chosen=Chosen.RECORD_CLASS)
    (later,) = room.documents(1, record_class_id=before)

    room.work()

    assert room.counts(run) == (1, 0, 0, 0)
    assert room.classes(later) == [before]


def test_frozen_list_is_a_selection(room):
    (found,) = room.documents(1, title="Zqlisted")
    frozen = room.desk.do(room.clerk, searchlists.freeze, Asked("Zqlisted"), title="Found")

    run = room.ask(frozen.id, chosen=Chosen.SEARCH_LIST)
    room.work()

    assert room.lines(run) == [(found, LineOutcome.CHANGED, None)]


def test_aggregations_are_classed_too_and_closed_ones(room):
    shelf = room.world.aggregation(room.home)
    revision = room.desk.look(Aggregation, shelf).revision
    room.desk.do(room.clerk, aggregations.close, shelf, expected_revision=revision, reason="full")

    run = room.ask(shelf, kind=SubjectKind.AGGREGATION)
    room.work()

    assert room.counts(run) == (1, 0, 0, 0)
    assert room.desk.look(Aggregation, shelf).record_class_id == room.target


def test_slices_leave_what_single_changes_leave(room):
    """Rows, history, index, counters and what the log is told, but for what names the order."""
    one, many = room.documents(1)[0], room.documents(1)[0]
    assign = {"record_class_id": room.target, "expected_revision": 1, "reason": REASON}
    room.desk.do(room.clerk, documents.assign_class, one, **assign)
    single = events_of(room.world.house, room.clerk)[-1]

    run = room.ask(many)
    room.step(run, 10)

    sliced = events_of(room.world.house, room.clerk)[-1]
    assert traces(room, one) == traces(room, many)
    assert changes(single, one)[:2] == changes(sliced, many)[:2]


def traces(room, key):
    """What is kept of a Document whose class was changed, but for ids and instants."""
    with Session(room.world.house.database.engine) as session:
        row = session.get(Document, key)
        (history,) = session.execute(select(PlacementHistory).filter_by(object_id=key)).scalars()
        entry = session.execute(select(SearchEntry).filter_by(subject=key)).scalar_one()
        assert history.valid_until == row.updated_at
        assert history.valid_from == row.created_at
        return (
            (row.record_class_id, row.scope_id, row.revision, row.updated_by),
            (history.aggregation_id, history.class_id, history.security_id),
            (entry.record_class_id, entry.scope_id, entry.aggregation_id),
            session.get(RetentionOutcome, key).class_id,
        )


def changes(event, key):
    """The revisions that an event names of a thing."""
    (found,) = [each for each in event["changed"] if key.hex in str(each)]
    return found[1:3] if isinstance(found, list) else [found["before"], found["after"]]


def test_hold_on_the_former_class_follows_what_leaves_it(room):
    before = room.world.record_class()
    (made,) = room.documents(1, record_class_id=before)
    hold = holds.place(room.world, CoveredKind.CLASS, before)

    room.ask(made)
    room.work()

    assert holds.standing(room.world, made) == {made: (hold,)}


def test_each_slice_is_one_event_that_names_every_thing(room):
    made = room.documents(5)
    run = room.ask(*made)
    before = len(events_of(room.world.house, room.clerk))

    room.step(run, 3)
    room.step(run, 3)

    first, second = events_of(room.world.house, room.clerk)[before:]
    assert {first["op"], second["op"]} == {"document.class_assign_many"}
    named = [each for each in made if each.hex in str(first["changed"])]
    assert named == made[:3]
    assert [each for each in made if each.hex in str(second["changed"])] == made[3:]


def test_killed_between_slices_it_goes_on_without_doubles(room):
    before = room.world.record_class()
    made = room.documents(5, record_class_id=before)
    run = room.ask(before, chosen=Chosen.RECORD_CLASS)
    room.step(run, 2)

    room.work()

    assert room.counts(run) == (5, 0, 0, 0)
    assert [key for key, *_ in room.lines(run)] == sorted(made)
    assert {room.desk.look(Document, each).revision for each in made} == {2}


def test_slice_that_fails_keeps_nothing(room):
    made = room.documents(2)
    run = room.ask(*made)

    def body(work):
        classassignslices.step(work, run, size=2)
        raise LeaseLost

    with pytest.raises(LeaseLost):
        room.desk.do(room.clerk, body)

    assert room.counts(run) == (0, 0, 0, 0)
    assert room.classes(*made) != [room.target] * 2


def test_called_off_order_does_no_more(room):
    made = room.documents(4)
    run = room.ask(*made)
    room.step(run, 2)

    room.desk.do(room.clerk, classassignruns.cancel, run)
    room.work()

    assert room.counts(run) == (2, 0, 0, 0)
    assert room.run(run).state is RunState.CANCELLED
    assert [outcome for _, outcome, _ in room.lines(run)] == [LineOutcome.CHANGED] * 2 + [None] * 2
    with pytest.raises(errors.State, match="it has ended already"):
        room.desk.do(room.clerk, classassignruns.cancel, run)


def test_cancelled_job_keeps_no_slice_and_goes_on_when_it_is_tried_again(room):
    made = room.documents(2)
    operator = room.world.officer(role="administrator")
    run = room.ask(*made)
    job = newest_job(room)
    room.desk.do(operator, jobs.cancel, job.id)

    room.work()
    assert (room.run(run).state, room.counts(run)) == (RunState.OPEN, (0, 0, 0, 0))

    room.desk.do(room.clerk, jobs.retry, job.id)
    room.work()
    assert room.counts(run) == (2, 0, 0, 0)


def newest_job(room):
    with Session(room.world.house.database.engine) as session:
        return session.execute(select(Job).order_by(Job.id.desc()).limit(1)).scalar_one()


def test_rights_count_at_the_moment_of_the_slice(room):
    first, second = room.documents(2)
    run = room.ask(first, second)
    room.step(run, 1)
    room.world.entry(room.clerk, room.home, Action.EDIT, effect=Effect.DENY)

    room.work()

    refusal = "the access list does not give you `EDIT` on it"
    assert room.lines(run) == [(first, LineOutcome.CHANGED, None), (second, LineOutcome.REFUSED, refusal)]


def test_lines_of_what_was_hidden_since_are_absent(room):
    shown, hidden = room.documents(2)
    run = room.ask(shown, hidden)
    room.work()

    room.world.entry_on_document(room.clerk, hidden, Action.DISCOVER, effect=Effect.DENY)

    assert [key for key, *_ in room.lines(run)] == [shown]


def test_order_of_an_account_that_counts_no_more_fails(room):
    run = room.ask(*room.documents(1))
    room.world.build(lambda work: users.disable(work, room.clerk, expected_revision=1, reason="left"))

    room.work()

    with Session(room.world.house.database.engine) as session:
        row = session.get(ClassAssignRun, run)
    assert (row.state, row.problem) == (RunState.FAILED, "log in first")
    assert newest_job(room).state is JobState.FAILED


def test_order_for_a_class_that_is_closed_meanwhile_fails(room):
    plan = Plan(room.desk)
    target = plan.in_force("closing-soon")
    run = room.ask(*room.documents(1), target=target)
    plan.close("closing-soon")

    room.work()

    row = room.run(run)
    assert row.state is RunState.FAILED
    assert row.problem == "the class `closing-soon` is closed: choose one that is active"


def test_orders_show_to_who_asked_alone(room):
    run = room.ask(*room.documents(1))

    with pytest.raises(errors.NotFound):
        room.desk.see(room.world.officer(), classassignruns.find, run)


@pytest.mark.parametrize(
    ("ids", "chosen", "message"),
    [
        ((), Chosen.THINGS, "name 1 to 500 things"),
        ((new_id(),), Chosen.RECORD_CLASS, "there is no such class: choose one of `recordClasses`"),
    ],
    ids=["nothing", "class"],
)
def test_selection_that_names_nothing_is_refused(room, ids, chosen, message):
    with pytest.raises(errors.Invalid, match=message):
        room.ask(*ids, chosen=chosen)


def test_class_of_nothing_one_may_edit_is_refused(room):
    empty = room.world.record_class()

    with pytest.raises(errors.Invalid, match="there is nothing there that you may edit"):
        room.ask(empty, chosen=Chosen.RECORD_CLASS)
    with pytest.raises(errors.Invalid, match="they have this class already"):
        room.ask(room.target, chosen=Chosen.RECORD_CLASS)


def test_no_thing_has_two_lines(room):
    made = room.documents(2)

    run = room.ask(*made, *made)

    with Session(room.world.house.database.engine) as session:
        rows = session.execute(select(ClassAssignLine.object_id).filter_by(run_id=run)).scalars().all()
    assert sorted(rows) == sorted(made)


def test_class_of_an_aggregation_is_assigned_with_its_history(room):
    former = room.world.record_class()
    shelf = room.world.aggregation(room.home, record_class_id=former)

    room.desk.do(
        room.clerk,
        aggregations.assign_class,
        shelf,
        record_class_id=room.target,
        expected_revision=1,
        reason=REASON,
    )

    with Session(room.world.house.database.engine) as session:
        (kept,) = session.execute(select(PlacementHistory).filter_by(object_id=shelf)).scalars()
    assert kept.class_id == former
    assert room.desk.look(Aggregation, shelf).record_class_id == room.target


def test_slices_grow_while_they_are_short_and_shrink_when_they_are_long():
    assert (next_size(200, took_s=0.01), next_size(MOST, took_s=0.01)) == (400, MOST)
    assert (next_size(800, took_s=0.5), next_size(LEAST, took_s=0.5)) == (400, LEAST)
    assert next_size(200, took_s=0.1) == 200
