"""Whatever happens to things, what is kept of them is what follows from nothing; and no rule shortens."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import date

import pytest

from dms.base import errors
from dms.models.aggregations import Aggregation
from dms.models.documents import Document, Medium
from dms.models.retention import BindingKind, Target
from dms.rules.access import Action, NodeKind
from dms.rules.duedays import outcome
from dms.services import aggregations, assignments, classentries, documents, triggerevents
from dms.services.assignments import NewAssignment
from dms.services.documents import DocumentChanges, NewDocument
from dms.services.triggerevents import NewTriggerEvent
from dms.stores import facts, outcomes, retentionfacts
from tests import retaining
from tests.examples import IS_DEEP
from tests.services.schemes import Plan

ORDER = ("running", "waiting", "undetermined", "permanent")
"""How far off: days, then what has none."""

TRACKS = (
    "closed, P5Y",
    "dated, fiscal_year, P2Y",
    "dated, P1Y then P3Y",
    "custom:audited, P1Y",
    "closed or custom:audited, P4Y",
    "dated, permanent",
    "dated, P99Y review",
)


class History:
    """A town office under random work, always the same from a number."""

    def __init__(self, desk, number):
        self.desk, self.world, self.dice = desk, desk.world, random.Random(number)
        edition = self.world.build(retaining.make_schedule)
        self.rules = [
            self.world.build(lambda work, t=t: retaining.make_rule(work, edition, t)) for t in TRACKS
        ]
        self.user = self.world.officer(role="records_manager")
        repository = self.world.build(facts.repository_id)
        for action in (Action.FILE, Action.EDIT):
            self.world.entry(self.user, repository, action, kind=NodeKind.REPOSITORY)
        self.classes = [self.world.record_class(), self.world.record_class()]
        self.classes.append(self.world.record_class(self.classes[0]))
        top = self.world.aggregation()
        self.folders = [top, self.world.aggregation(top), self.world.aggregation()]
        self.documents, self.lines = [], []
        for _ in range(3):
            self.register()

    def step(self):
        acts = (self.register, self.refile, self.classify, self.describe, self.close, self.reopen)
        acts += (self.rearrange, self.happen, self.bind, self.bind, self.end, self.reword)
        # What does not fit just now is refused, and changes nothing.
        with suppress(errors.State, errors.Invalid, errors.Conflict):
            self.dice.choice(acts)()

    def register(self):
        new = NewDocument(
            self.dice.choice(self.folders),
            "A letter",
            self.dice.choice(list(Medium)),
            dates=self.dice.choice([None, "2019", "2020-02-29", "1999/2001"]),
            record_class_id=self.dice.choice([None, *self.classes]),
        )
        self.documents.append(self.desk.do(self.user, documents.register, new))

    def refile(self):
        self._document(documents.refile, aggregation_id=self.dice.choice(self.folders), reason="so")

    def classify(self):
        self._document(documents.assign_class, record_class_id=self.dice.choice(self.classes), reason="so")

    def describe(self):
        dates = self.dice.choice([None, "2018", "2021-06-30"])
        self._document(documents.update, changes=DocumentChanges(dates=dates))

    def close(self):
        self._folder(aggregations.close)

    def reopen(self):
        self._folder(aggregations.reopen)

    def rearrange(self):
        self._folder(aggregations.rearrange, parent_id=self.dice.choice([None, *self.folders]))

    def happen(self):
        kind, target = self._thing()
        new = NewTriggerEvent(kind, target, "custom:audited", self.dice.choice(["2017", "2022-08-31"]))
        event = self.desk.do(self.user, triggerevents.record, new)
        if self.dice.random() < 0.3:
            self.desk.do(self.user, triggerevents.revoke, event.id, reason="so")

    def bind(self):
        kind, target = self._thing()
        if self.dice.random() < 0.4:
            kind, target = Target.CLASS, self.dice.choice(self.classes)
        binding = BindingKind.OVERRIDE if self.dice.random() < 0.3 else BindingKind.MANUAL
        new = NewAssignment(kind, target, self.dice.choice(self.rules), binding, "so")
        self.lines.append(self.desk.do(self.user, assignments.assign, new).id)

    def end(self):
        if self.lines:
            self.desk.do(self.user, assignments.end, self.dice.choice(self.lines), reason="so")

    def reword(self):
        rule, said = self.dice.choice(self.rules), self.dice.choice(TRACKS)
        self.world.build(lambda work: retaining.reword(work, rule, said))

    def _thing(self):
        if self.dice.random() < 0.5:
            return Target.DOCUMENT, self.dice.choice(self.documents)
        return Target.AGGREGATION, self.dice.choice(self.folders)

    def _document(self, act, **named):
        document = self.dice.choice(self.documents)
        revision = self.desk.look(Document, document).revision
        self.desk.do(self.user, act, document, expected_revision=revision, **named)

    def _folder(self, act, **named):
        folder = self.dice.choice(self.folders)
        revision = self.desk.look(Aggregation, folder).revision
        self.desk.do(self.user, act, folder, expected_revision=revision, reason="so", **named)

    def wrong(self):
        """Things of this office of which another outcome is kept than follows from nothing."""
        own = {*self.documents, *self.folders}
        return self.world.build(retaining.disagreeing) & own


def check_history(desk, number, *, steps):
    history = History(desk, number)
    history.world.build(lambda work: outcomes.keep(work, history.folders))
    for _ in range(steps):
        history.step()
        if history.dice.random() < 0.2:
            retaining.recompute(desk.house)

    retaining.recompute(desk.house)

    assert history.wrong() == set()


@pytest.mark.parametrize("number", [1, 2])
def test_what_is_kept_follows_from_nothing_whatever_happened(desk, number):
    check_history(desk, number, steps=25)


@pytest.mark.skipif(not IS_DEEP, reason="long histories: `make deep` runs them")
@pytest.mark.parametrize("number", range(100, 120))
def test_what_is_kept_follows_from_nothing_after_long_histories(desk, number):
    check_history(desk, number, steps=200)


def test_one_more_rule_never_moves_a_day_forward(desk, world):
    edition = world.build(retaining.make_schedule)
    folder = world.aggregation()
    dated = {"dates": "2020", "last_day": date(2020, 12, 31)}
    made = [world.document(folder, **dated) for _ in TRACKS]
    last = date(1, 1, 1)
    ranks = []

    for text in TRACKS:
        rule = world.build(lambda work, text=text: retaining.make_rule(work, edition, text))
        world.build(lambda work, rule=rule: retaining.bind(work, rule, Target.AGGREGATION, folder))
        retaining.recompute(desk.house)
        row = retaining.kept(world, made[0])
        ranks.append(
            ({"running": 0, "waiting": 1, "undetermined": 2, "permanent": 3}[row.state], row.due_on or last)
        )

    assert ranks == sorted(ranks)


def test_classes_that_are_moved_take_the_rules_of_their_new_place_along(desk, world):
    plan = Plan(desk)
    above, below = plan.in_force("RET-A"), plan.in_force("RET-B")
    edition = world.build(retaining.make_schedule)
    rule = world.build(lambda work: retaining.make_rule(work, edition, "dated, P6Y"))
    world.build(lambda work: retaining.bind(work, rule, Target.CLASS, above))
    dated = {"dates": "2020", "last_day": date(2020, 12, 31)}
    document = world.document(world.aggregation(), record_class_id=below, **dated)
    world.build(lambda work: outcomes.keep(work, [document]))
    draft = plan.draft()

    draft.do(classentries.move, below, parent_id=above)
    draft.activate()

    retaining.recompute(desk.house)

    assert retaining.kept(world, document).due_on == date(2027, 1, 1)


def test_what_is_gathered_is_all_that_the_sum_needs(desk, world):
    document = world.document(world.aggregation())

    def both(work):
        days = retentionfacts.calendar(work)
        each = retentionfacts.gathered(work, [document], days=days)[document]
        return outcome(each.thing, each.assignments, fiscal_year=days.fiscal_year, today=days.today)

    assert (
        world.build(both) == world.build(lambda work: outcomes.computed(work, [document]))[document].outcome
    )
