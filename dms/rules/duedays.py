"""Due days: what follows for a thing from the rules that bear on it, and why.

Pure: the same facts, rules, fiscal year and day give the same outcome, with every step explained. A Hold
is no part of it: it blocks the act and moves no day. Source: the records design, section 2, `retention`
(RetentionAssignment, RetentionOutcome); F45 to F51, F69; ISO 15489-1, 8.5.

INVARIANT (never-earlier): one more minimum rule that is no override never brings `due_on` forward, since it
is the latest day of all minimum rules, and what has no day outranks every day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from dms.base import canonical
from dms.base.canonical import Canonical
from dms.rules import duecourses, duefacts, duerules
from dms.rules.calendars import FiscalYear
from dms.rules.duecourses import Circumstances, Course
from dms.rules.duefacts import Thing, TriggerEvent
from dms.rules.duerules import Assignment, Reason, RuleWording
from dms.rules.duesteps import (
    Concluded,
    Conflicting,
    HeldBack,
    LastToGo,
    Limited,
    Lost,
    MediumBegun,
    NoDay,
    Replaced,
    RetentionState,
    Standing,
    Step,
)
from dms.rules.retention import (
    Bound,
    LifecyclePhase,
    RetentionAction,
    RetentionPhase,
    RetentionTrack,
    TrackMedium,
)

EDITION = 3
"""Raise it when the rules of this module change: every stored outcome is stale then."""


class Conflict(NamedTuple):
    """A maximum that comes before the minimum; a person decides which of the rules is wrong here."""

    minimum: RuleWording
    maximum: RuleWording
    due_on: date | None
    """Day of the minimum, where it has one."""
    latest_on: date


class MediumOutcome(NamedTuple):
    """What follows for one medium of a thing."""

    medium: TrackMedium
    state: RetentionState
    standing: Standing
    """The same without today: the day, the triggers waited for, or the reason."""
    rule: RuleWording | None
    """The minimum rule that counts; None without one."""
    phase: int | None
    """Where it stands in the track of that rule, from 0; None where no track was found."""
    lifecycle_phase: LifecyclePhase | None
    """Where it should lie now: an order for the transfer is due where it lies elsewhere."""
    phase_ends_on: date | None
    """First day of the phase after it, or of the action."""
    action: RetentionAction | None
    """What is, or will be, allowed on `standing.due_on`; never `next_phase`."""
    detail: str
    """To whom, how, or what then: as the rule says it."""
    latest_on: date | None
    """First day on which a maximum rule allows it no longer."""
    conflict: Conflict | None
    turns_on: date | None
    """First day on which time alone may make this outcome another one; None when only facts can."""
    steps: tuple[Step, ...]


class RetentionOutcome(NamedTuple):
    """What follows for a thing: as a whole, and by medium."""

    decisive: MediumOutcome
    """That of the medium which must stay longest: only then the whole thing may go (F69)."""
    media: tuple[MediumOutcome, ...]
    """In the order of the thing's media."""
    turns_on: date | None
    """First day on which time alone may make any of it another one; None when only facts can."""
    conflict: Conflict | None
    """The first of any medium."""
    explanation: tuple[Step, ...]

    @property
    def state(self) -> RetentionState:
        """Return the state of the whole; `DUE` only when every medium is."""
        return self.decisive.state

    @property
    def due_on(self) -> date | None:
        """Return the first day on which the action is allowed for the whole."""
        return self.decisive.standing.due_on


def outcome(
    thing: Thing, assignments: Sequence[Assignment], *, fiscal_year: FiscalYear, today: date
) -> RetentionOutcome:
    """Tell what follows for a thing.

    Never raises: whatever gives no day is a reason. Among the minimum rules that count the one whose last
    action comes last decides; its action waits for the days of the others too. Cost: tens of
    microseconds for each medium and rule.
    """
    bearing = duerules.bearing(assignments)
    facts = duefacts.sorted_out(thing.events)
    replaced = tuple(Replaced(each.rule.code, by.rule.code, by.origin) for each, by in bearing.replaced)
    media = tuple(
        _of_medium(
            bearing.counting,
            Circumstances(medium, thing.office_role, facts, thing.acts, fiscal_year, today),
        )
        for medium in thing.media or (TrackMedium.ANY,)
    )
    return _whole(media, replaced)


def digest(thing: Thing, assignments: Sequence[Assignment], *, fiscal_year: FiscalYear) -> str:
    """Return SHA-256 (hex) of everything that an outcome rests on, but for the day on which it is asked.

    A stored outcome with another digest is stale; so is one whose `turns_on` has come. The orders of
    assignments and acts do not matter, that of events does. Nor does the edition in which a rule is worded:
    the same words in the next one change nothing that is kept.
    """
    facts: dict[str, Canonical] = {
        "edition": EDITION,
        "fiscalYear": [fiscal_year.begin_month, fiscal_year.begin_day],
        "media": list(thing.media),
        "officeRole": thing.office_role,
        "events": [_event(event) for event in thing.events],
        "acts": sorted([act.action, act.done_on.isoformat(), act.medium] for act in thing.acts),
        "assignments": [_assignment(each) for each in sorted(assignments, key=_order)],
    }
    return canonical.sha256(canonical.trusted_bytes(facts)).hex()


def _of_medium(counting: Sequence[Assignment], around: Circumstances) -> MediumOutcome:
    courses = [duecourses.run(assignment, around) for assignment in counting]
    minima = [course for course in courses if course.assignment.rule.bound is Bound.MINIMUM]
    maxima = [course for course in courses if course.assignment.rule.bound is Bound.MAXIMUM]
    if not minima:
        return _without_minimum(around.medium, maxima)
    counts = max(minima, key=_length)  # of equal ones the nearest, which comes first
    latest = max(minima, key=_rank)
    standing = latest.standing if _rank(latest) > _rank(counts) else counts.standing
    conflict = _conflict(latest, maxima, today=around.today)
    latest_on = _latest_on(maxima)
    state = _state(standing, around.today)
    steps = [*counts.steps, *(_lost(course, counts) for course in minima if course is not counts)]
    if standing is not counts.standing:
        steps.append(HeldBack(latest.assignment.rule.code, standing))
    steps += _limits(maxima)
    if conflict is not None:
        steps.append(Conflicting(conflict.minimum.code, conflict.maximum.code, conflict.latest_on))
    steps.append(Concluded(state, standing, counts.action))
    return MediumOutcome(
        medium=around.medium,
        state=state,
        standing=standing,
        rule=counts.assignment.rule,
        phase=counts.phase,
        lifecycle_phase=counts.lifecycle_phase,
        phase_ends_on=counts.phase_ends_on,
        action=counts.action,
        detail=counts.detail,
        latest_on=latest_on,
        conflict=conflict,
        turns_on=_turns_on((counts.phase_ends_on, standing.due_on, latest_on), around.today),
        steps=tuple(steps),
    )


def _without_minimum(medium: TrackMedium, maxima: Sequence[Course]) -> MediumOutcome:
    reason = Reason.NO_MINIMUM if maxima else Reason.NO_RULE
    standing = Standing(RetentionState.UNDETERMINED, reason=reason)
    return MediumOutcome(
        medium=medium,
        state=standing.state,
        standing=standing,
        rule=None,
        phase=None,
        lifecycle_phase=None,
        phase_ends_on=None,
        action=None,
        detail="",
        latest_on=_latest_on(maxima),
        conflict=None,
        turns_on=None,
        steps=(*_limits(maxima), NoDay(reason), Concluded(standing.state, standing, None)),
    )


def _whole(media: tuple[MediumOutcome, ...], replaced: tuple[Step, ...]) -> RetentionOutcome:
    decisive = max(media, key=_medium_rank)
    turns = [each.turns_on for each in media if each.turns_on is not None]
    conflict = next((each.conflict for each in media if each.conflict is not None), None)
    steps = list(replaced)
    for each in media:
        if len(media) > 1:
            steps.append(MediumBegun(each.medium))
        steps += each.steps
    if len(media) > 1:
        steps.append(LastToGo(decisive.medium, decisive.state, decisive.standing))
    return RetentionOutcome(decisive, media, min(turns, default=None), conflict, tuple(steps))


def _conflict(latest: Course, maxima: Sequence[Course], *, today: date) -> Conflict | None:
    """Hold the longest minimum against the earliest maximum.

    A minimum that has no day yet is in conflict from the day on that the maximum comes; one that is
    permanent, from the start.
    """
    dated = [course for course in maxima if course.standing.due_on is not None]
    if not dated:
        return None
    earliest = min(dated, key=_rank)
    latest_on = earliest.standing.due_on or date.max
    standing = latest.standing
    if standing.due_on is not None:
        is_before = latest_on < standing.due_on
    else:
        is_before = standing.state is RetentionState.PERMANENT or latest_on <= today
    if not is_before:
        return None
    return Conflict(latest.assignment.rule, earliest.assignment.rule, standing.due_on, latest_on)


def _limits(maxima: Sequence[Course]) -> list[Step]:
    return [Limited(each.assignment.rule.code, each.assignment.origin, each.standing) for each in maxima]


def _latest_on(maxima: Sequence[Course]) -> date | None:
    return min((each.standing.due_on for each in maxima if each.standing.due_on), default=None)


def _lost(course: Course, counts: Course) -> Step:
    assignment = course.assignment
    return Lost(assignment.rule.code, assignment.origin, course.fate, _length(course) == _length(counts))


def _state(standing: Standing, today: date) -> RetentionState:
    is_due = standing.due_on is not None and standing.due_on <= today
    return RetentionState.DUE if is_due else standing.state


def _turns_on(days: Sequence[date | None], today: date) -> date | None:
    return min((day for day in days if day is not None and day > today), default=None)


def _rank(course: Course) -> tuple[int, date]:
    return course.standing.rank


def _length(course: Course) -> tuple[tuple[int, date], tuple[int, date]]:
    return course.fate.rank, course.standing.rank


def _medium_rank(each: MediumOutcome) -> tuple[int, date]:
    return each.standing.rank


def _order(assignment: Assignment) -> tuple[int, int, str]:
    return assignment.distance, assignment.number, str(assignment.rule.rule_id)


def _event(event: TriggerEvent) -> Canonical:
    return [
        event.trigger,
        _iso(event.first_day),
        _iso(event.last_day),
        None if event.evidence_id is None else str(event.evidence_id),
        event.is_revocation,
    ]


def _assignment(assignment: Assignment) -> Canonical:
    rule = assignment.rule
    return [
        [assignment.kind, assignment.origin, str(assignment.origin_id)],
        [assignment.distance, assignment.number],
        [str(rule.rule_id), rule.code, rule.bound, list(rule.needs_review)],
        [_track(track) for track in rule.tracks],
    ]


def _track(track: RetentionTrack) -> Canonical:
    return [track.medium, track.office_role, [_phase(phase) for phase in track.phases]]


def _phase(phase: RetentionPhase) -> Canonical:
    return [
        [phase.lifecycle_phase, phase.action, phase.which, phase.cut_off, phase.detail],
        str(phase.period),
        list(phase.triggers),
    ]


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
