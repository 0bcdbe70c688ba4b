"""Rules that class new Documents: by hand first, then the first that fits, then the place, else nobody."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest

from dms.base import errors
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.jobs import classassigning
from dms.jobs.holding import Ground
from dms.jobs.working import Working
from dms.models.documents import Document, Medium
from dms.rules.access import Action
from dms.rules.classrules import ClassedBy, Conditions
from dms.rules.jobs import JobKind
from dms.rules.security import Mark
from dms.services import classassignruns, classrules, documents
from dms.services.classrules import RuleWords
from dms.services.documents import NewDocument
from dms.stores import facts
from tests.recorded import last_of
from tests.services.schemes import Plan


@dataclass
class Room:
    """A clerk in an Aggregation of his own, and who keeps the rules."""

    desk: object
    plan: Plan
    clerk: UUID
    home: UUID
    target: UUID

    def rule(self, target=None, *, title="A rule", **said):
        words = RuleWords(title, target or self.target, Conditions(**said))
        return self.desk.do(self.plan.manager, classrules.add, words)

    def remove_all(self):
        for row in self.page():
            self.desk.do(self.plan.manager, classrules.remove, row.id, expected_revision=row.revision)

    def page(self):
        return self.desk.see(self.plan.manager, classrules.page, PageRequest(100)).rows

    def register(self, title, home=None, **said):
        new = NewDocument(home or self.home, title, Medium.DIGITAL, **said)
        return self.desk.look(Document, self.desk.do(self.clerk, documents.register, new))

    def work(self):
        house = self.desk.house
        ground = Ground(house.works, house.vault, house.settings)
        Working(ground, handlers={JobKind.CLASS_ASSIGN: classassigning.assign}).drain()


@pytest.fixture
def room(world, desk):
    plan = Plan(desk)

    def make(one):
        home, clerk = one.aggregation(), one.user()
        for action in (Action.READ_METADATA, Action.EDIT, Action.FILE):
            one.entry(clerk, home, action)
        return clerk, home, one.record_class()

    made = Room(desk, plan, *world.at_once(make))
    yield made
    made.remove_all()


SECRET = Mark(900)


def secret(world):
    """An Aggregation of which no officer of the usual clearance knows."""
    world.level(SECRET.rank)
    return world.aggregation(mark=SECRET)


def how(row):
    return row.record_class_id, row.classed_by, row.class_rule_id


def test_first_rule_that_fits_classes_what_nobody_classed(room):
    other = room.desk.world.record_class()
    rule = room.rule(title_words=("invoice",))
    room.rule(other, title_words=("invoice", "letter"))

    assert how(room.register("Invoice 7")) == (room.target, ClassedBy.RULE, rule.id)
    assert room.register("Letter 7").record_class_id == other


def test_class_by_hand_stands_before_every_rule(room):
    other = room.desk.world.record_class()
    room.rule(title_words=("invoice",))

    assert how(room.register("Invoice 7", record_class_id=other)) == (other, ClassedBy.HAND, None)


def test_what_fits_no_rule_gets_the_class_of_its_place_or_none(room):
    classed = room.desk.world.aggregation(room.home, record_class_id=room.target)
    below = room.desk.world.aggregation(classed)
    room.rule(title_words=("invoice",))
    intake = room.desk.world.build(lambda work: facts.record_class_id(work, "unassigned"))

    assert how(room.register("Letter", below)) == (room.target, ClassedBy.PARENT, None)
    assert how(room.register("Letter")) == (intake, ClassedBy.NOBODY, None)


def test_rule_of_a_place_reaches_all_below_it(room):
    below = room.desk.world.aggregation(room.desk.world.aggregation(room.home))
    world, manager = room.desk.world, room.plan.manager
    world.entry(manager, room.home, Action.DISCOVER)
    room.rule(aggregations=frozenset({room.home}), title_words=("plan",))

    assert room.register("Plan", below).classed_by is ClassedBy.RULE


def test_rule_whose_class_is_closed_does_not_count(room):
    target = room.plan.in_force("RULED")
    room.rule(target, title_words=("ruled",))
    room.plan.close("RULED")

    assert room.register("Ruled").classed_by is ClassedBy.NOBODY


def test_classing_by_hand_later_says_so(room):
    room.rule(title_words=("invoice",))
    row, other = room.register("Invoice"), room.desk.world.record_class()

    room.desk.do(
        room.clerk, documents.assign_class, row.id, record_class_id=other, expected_revision=1, reason="wrong"
    )

    assert how(room.desk.look(Document, row.id)) == (other, ClassedBy.HAND, None)


def test_trial_says_what_would_be_and_changes_nothing(room):
    mine = room.register("Invoice")
    hidden = room.desk.world.document(secret(room.desk.world), title="Invoice", mark=SECRET)
    room.desk.world.entry(room.plan.manager, room.home, Action.READ_METADATA)
    rule = room.rule(title_words=("invoice",))

    found = room.desk.see(room.plan.manager, classrules.attempt, [mine.id, hidden, new_id()])

    assert [(each.row.id, each.would_be) for each in found] == [
        (mine.id, (room.target, ClassedBy.RULE, rule.id))
    ]
    assert room.desk.look(Document, mine.id).revision == 1


def test_rules_applied_class_what_lies_unassigned_and_leave_the_rest(room):
    fits, other = room.register("Invoice"), room.register("Letter")
    classed = room.register("Invoice", record_class_id=room.desk.world.record_class())
    rule = room.rule(title_words=("invoice",))

    run = room.desk.do(room.clerk, classassignruns.apply_rules, room.home, reason="at last")
    room.work()

    row = room.desk.see(room.clerk, classassignruns.find, run.id)
    assert (row.total, row.changed, row.unchanged, row.refused) == (2, 1, 1, 0)
    assert how(room.desk.look(Document, fits.id)) == (room.target, ClassedBy.RULE, rule.id)
    assert [room.desk.look(Document, each.id).revision for each in (other, classed)] == [1, 1]


def test_applying_rules_where_nothing_waits_is_refused(room):
    with pytest.raises(errors.Invalid, match="there is nothing there that you may edit and nobody classed"):
        room.desk.do(room.clerk, classassignruns.apply_rules, room.home, reason="at last")


def test_order_names_every_rule_once(room):
    first, second = room.rule(title_words=("a",)), room.rule(title_words=("b",))

    room.desk.do(room.plan.manager, classrules.order, [second.id, first.id])

    assert [(row.id, row.position) for row in room.page()] == [(second.id, 1), (first.id, 2)]
    with pytest.raises(errors.Conflict, match="name every rule once"):
        room.desk.do(room.plan.manager, classrules.order, [second.id])


def test_rule_is_worded_anew_under_its_revision(room):
    rule = room.rule(title_words=("a",))
    words = RuleWords(title="Better", conditions=Conditions(authors=("Jane*",)))

    room.desk.do(room.plan.manager, classrules.update, rule.id, words, expected_revision=1)

    (row,) = room.page()
    assert (row.title, row.conditions, row.revision) == ("Better", '{"authors":["Jane*"]}', 2)
    with pytest.raises(errors.Conflict):
        room.desk.do(room.plan.manager, classrules.update, rule.id, words, expected_revision=1)


def test_rule_cannot_name_a_place_that_its_keeper_may_not_know_of(room):
    with pytest.raises(errors.NotFound):
        room.rule(aggregations=frozenset({secret(room.desk.world)}))


def test_place_of_a_rule_shows_to_who_may_know_of_it(room):
    world = room.desk.world
    place = secret(world)
    cleared = world.officer(role="records_manager", rank=SECRET.rank)
    words = RuleWords("A rule", room.target, Conditions(aggregations=frozenset({place})))
    rule = room.desk.do(cleared, classrules.add, words)

    def said(work):
        return classrules.said(work, classrules.page(work, PageRequest(9)).rows)[rule.id]

    assert room.desk.see(cleared, said).aggregations == {place}
    assert room.desk.see(room.plan.manager, said).aggregations == frozenset()


@pytest.mark.parametrize("use_case", [classrules.page, classrules.attempt])
def test_rules_stand_behind_the_duty(room, use_case):
    with pytest.raises(errors.Duty):
        room.desk.see(room.clerk, use_case, PageRequest(1) if use_case is classrules.page else [])


def test_adding_a_rule_is_an_event_with_what_it_says(room):
    rule = room.rule(title_words=("invoice",))

    event = last_of(room.desk.house, room.plan.manager)
    assert event["op"] == "classrule.add"
    assert rule.id.hex in str(event["changed"])
