"""Due days: how many a second, explained, digested and compared, beside a bare addition of dates.

`python -m benchmarks retention`. Part 1, pure: no database, one thread, CPU of that thread, the best of some
rounds, in turns with the limit: a loop that reads the same closing dates, adds the years and one day, and
does nothing else. What the limit leaves out is what the product must do: choose rules and tracks, cut off,
clip, compare, and say why.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from dms.rules import duechanges, duedays, duesentences, retention
from dms.rules.calendars import FiscalYear
from dms.rules.duedays import RetentionOutcome
from dms.rules.duefacts import Thing, TriggerEvent
from dms.rules.duerules import Assignment, AssignmentKind, Origin, RuleWording
from dms.rules.retention import (
    Bound,
    CutOff,
    LifecyclePhase,
    OfficeRole,
    RetentionAction,
    RetentionPhase,
    RetentionTrack,
    TrackMedium,
)

THINGS = 5_000
ROUNDS = 5
TODAY = date(2026, 1, 15)
FISCAL_YEAR = FiscalYear(9, 1)
PLACE = UUID(int=1)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Case:
    """Things under rules, by what their outcome takes."""

    name: str
    things: Sequence[Thing]
    assignments: Sequence[Assignment]

    def outcomes(self) -> list[RetentionOutcome]:
        """Compute the outcome of every thing."""
        return [
            duedays.outcome(thing, self.assignments, fiscal_year=FISCAL_YEAR, today=TODAY)
            for thing in self.things
        ]


def phase(trigger: str, period: str, *, action: RetentionAction, cut_off: CutOff) -> RetentionPhase:
    """Return a phase; without a trigger it goes on where the former one ended."""
    triggers = (trigger,) if trigger else ()
    return RetentionPhase(LifecyclePhase.CURRENT, triggers, retention.period(period), action, cut_off=cut_off)


def wording(
    number: int, *phases: RetentionPhase, bound: Bound = Bound.MINIMUM, media: Sequence[TrackMedium] = ()
) -> RuleWording:
    """Return a rule, with the same phases for each medium, or for any."""
    tracks = tuple(RetentionTrack(phases, medium) for medium in media or (TrackMedium.ANY,))
    return RuleWording(UUID(int=number), f"4.1.{number:03}", UUID(int=99), bound, tracks)


def given(rule: RuleWording, *, distance: int) -> Assignment:
    """Return an assignment from so far away."""
    return Assignment(rule, AssignmentKind.INHERITED, Origin.AGGREGATION, PLACE, distance, distance)


def things(count: int, *, media: tuple[TrackMedium, ...], is_long: bool) -> list[Thing]:
    """Return things closed on different days; with a long history one was reopened and later expired."""
    dice = random.Random(7)  # noqa: S311  the same things each time
    made = []
    for _ in range(count):
        closed = date(2000, 1, 1) + timedelta(days=dice.randrange(9_000))
        events = [TriggerEvent("closed", closed, closed)]
        if is_long:
            before, after = closed - timedelta(days=90), closed + timedelta(days=400)
            reopened = TriggerEvent("closed", None, None, is_revocation=True)
            events = [TriggerEvent("closed", before, before), reopened, *events]
            events.append(TriggerEvent("expired", closed, after))
        made.append(Thing(media, OfficeRole.PRIMARY, tuple(events)))
    return made


def cases(count: int) -> tuple[Case, ...]:
    """Return what is measured, the plainest first."""
    exact, fiscal = CutOff.EXACT, CutOff.FISCAL_YEAR
    destroy, lead_on = RetentionAction.DESTROY, RetentionAction.NEXT_PHASE
    plain = wording(1, phase("closed", "P5Y", action=destroy, cut_off=exact))
    staged = wording(
        2,
        phase("closed", "P1Y", action=lead_on, cut_off=fiscal),
        phase("", "P4Y", action=lead_on, cut_off=exact),
        phase("expired", "P7Y", action=destroy, cut_off=fiscal),
    )
    most = wording(3, phase("closed", "P9Y", action=destroy, cut_off=exact), bound=Bound.MAXIMUM)
    both = (TrackMedium.PAPER, TrackMedium.ELECTRONIC)
    by_medium = wording(4, *staged.tracks[0].phases, media=both)
    rules = [given(rule, distance=distance) for distance, rule in enumerate((plain, staged, most))]
    paper = (TrackMedium.PAPER,)
    return (
        Case("one rule of one phase", things(count, media=paper, is_long=False), [given(plain, distance=9)]),
        Case("one rule of three phases", things(count, media=paper, is_long=True), rules[1:2]),
        Case("three rules, one a maximum", things(count, media=paper, is_long=True), rules),
        Case(
            "the same for two media",
            things(count, media=both, is_long=True),
            [*rules[:1], given(by_medium, distance=3), *rules[2:]],
        ),
    )


def added(closings: Sequence[date], years: int) -> list[date]:
    """Add years and a day to dates, and do nothing else: the limit."""
    return [date(closed.year + years, closed.month, closed.day) + ONE_DAY for closed in closings]


def best(rounds: int, *works: Callable[[], object]) -> list[float]:
    """Return the least CPU seconds of each of some works, which run in turns."""
    found = [float("inf")] * len(works)
    for _ in range(rounds):
        for number, work in enumerate(works):
            begun = time.thread_time()
            work()
            found[number] = min(found[number], time.thread_time() - begun)
    return found


def rows(count: int, rounds: int) -> Iterator[tuple[str, float, float]]:
    """Yield (what, per CPU second, times the limit of its run)."""
    for case in cases(count):
        # The day of closing, with the years of the plainest rule; 29 February is no matter of the limit.
        closings = [thing.events[-1].first_day or TODAY for thing in case.things]
        closings = [closed.replace(day=min(closed.day, 28)) for closed in closings]
        outcomes = case.outcomes()
        by_key = dict(enumerate(outcomes))
        moved = dict(enumerate([*outcomes[1:], outcomes[0]]))
        limit, computed, digested, told, compared = best(
            rounds,
            lambda closings=closings: added(closings, 5),
            case.outcomes,
            lambda case=case: [
                duedays.digest(thing, case.assignments, fiscal_year=FISCAL_YEAR) for thing in case.things
            ],
            lambda outcomes=outcomes: [duesentences.sentences(each.explanation) for each in outcomes],
            lambda by_key=by_key, moved=moved: duechanges.changes(by_key, moved),
        )
        for what, spent in (
            ("outcome with its explanation", computed),
            ("digest of the inputs", digested),
            ("sentences", told),
            ("comparison of two outcomes", compared),
        ):
            yield f"{case.name}: {what}", count / spent, spent / limit


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks retention")
    parser.add_argument("--things", type=int, default=THINGS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args(arguments)
    print("| what | per CPU-second | times a bare addition of dates |")
    print("| --- | --- | --- |")
    for what, rate, ratio in rows(asked.things, asked.rounds):
        print(f"| {what} | {rate:,.0f} | {ratio:.0f} |", flush=True)
