"""Things under rules of retention, made from a number: any shape that the types allow, sensible or not.

Drawing each part by Hypothesis would cost twenty times as much as what is under test.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from hypothesis import strategies as st

from dms.rules.calendars import FiscalYear
from dms.rules.duefacts import Act, Thing, TriggerEvent
from dms.rules.duerules import Assignment, AssignmentKind, Origin, RuleWording
from dms.rules.retention import (
    Bound,
    CutOff,
    Endless,
    LifecyclePhase,
    OfficeRole,
    RetentionAction,
    RetentionPhase,
    RetentionTrack,
    Span,
    TrackMedium,
    Trigger,
    Which,
)
from tests.duewordings import EDITION, PLACE

TRIGGERS = (Trigger.CLOSED, Trigger.CREATED, Trigger.LAST_ACTION, "custom:audited")
MEDIA = (TrackMedium.PAPER, TrackMedium.ELECTRONIC, TrackMedium.MICROFORM)
FISCAL_YEARS = (FiscalYear(), FiscalYear(7, 1), FiscalYear(3, 1), FiscalYear(12, 31))
EDGES = (date(2020, 2, 29), date(2019, 8, 31), date(2021, 1, 31), date(9998, 6, 30), date.max, date.min)


class World(NamedTuple):
    thing: Thing
    assignments: list[Assignment]
    begins: FiscalYear


class Maker:
    """Makes parts of a world, always the same ones from a number."""

    def __init__(self, number):
        self.dice = random.Random(number)

    def day(self):
        if self.dice.random() < 0.2:
            return self.dice.choice(EDGES)
        return date(1990, 1, 1) + timedelta(days=self.dice.randrange(15_000))

    def event(self):
        trigger = self.dice.choice(TRIGGERS)
        if self.dice.random() < 0.15:
            return TriggerEvent(trigger, None, None, is_revocation=True)
        first, last = sorted([self.day(), self.day()])
        return TriggerEvent(trigger, first, self.dice.choice([first, first, last, None]))

    def span(self):
        years = self.dice.choice([0, 1, 2, 3, 5, 10, 30, 100, 9_000])
        return Span(years, self.dice.choice([0, 0, 1, 6, 14]), self.dice.choice([0, 0, 0, 7, 90]))

    def phase(self):
        dice = self.dice
        period = self.span() if dice.random() < 0.9 else dice.choice(list(Endless))
        leads_on = dice.random() < 0.4
        return RetentionPhase(
            dice.choice(list(LifecyclePhase)),
            tuple(dice.sample(TRIGGERS, dice.choice([0, 1, 1, 1, 2, 3]))),
            period,
            RetentionAction.NEXT_PHASE if leads_on else dice.choice(list(RetentionAction)),
            dice.choice(list(Which)),
            dice.choice(list(CutOff)),
        )

    def track(self, *, any_thing=False):
        phases = tuple(self.phase() for _ in range(self.dice.choice([1, 1, 2, 3, 4])))
        if any_thing:
            return RetentionTrack(phases)
        medium = self.dice.choice([TrackMedium.ANY, *TrackMedium])
        role = self.dice.choice([OfficeRole.ANY, *OfficeRole])
        return RetentionTrack(phases if self.dice.random() < 0.95 else (), medium, role)

    def assignment(
        self, *, bounds=(Bound.MINIMUM, Bound.MINIMUM, Bound.MAXIMUM), kinds=tuple(AssignmentKind)
    ):
        dice = self.dice
        wording = RuleWording(
            UUID(int=dice.randrange(1, 99)),
            dice.choice(["A1", "B2", "C3"]),
            EDITION,
            dice.choice(bounds),
            tuple(self.track() for _ in range(dice.choice([1, 2, 3]))),
            ("no_period",) if dice.random() < 0.1 else (),
        )
        return Assignment(
            wording,
            dice.choice(kinds),
            dice.choice(list(Origin)),
            PLACE,
            dice.randrange(4),
            dice.randrange(9),
        )

    def addition(self, bound):
        """Make an assignment that adds a rule and replaces none."""
        return self.assignment(bounds=(bound,), kinds=(AssignmentKind.INHERITED, AssignmentKind.MANUAL))

    def act(self, *, medium=None):
        action = self.dice.choice(list(RetentionAction))
        return Act(action, self.day(), medium or self.dice.choice(list(TrackMedium)))

    def thing(self):
        dice = self.dice
        return Thing(
            tuple(dice.sample(MEDIA, dice.choice([0, 1, 1, 2, 3]))),
            dice.choice(list(OfficeRole)),
            tuple(self.event() for _ in range(dice.randrange(7))),
            tuple(self.act() for _ in range(dice.randrange(3))),
        )

    def world(self, *, least=0):
        assignments = [self.assignment() for _ in range(self.dice.randrange(least, 5))]
        return World(self.thing(), assignments, self.dice.choice(FISCAL_YEARS))


makers = st.integers(0, 2**40).map(Maker)
