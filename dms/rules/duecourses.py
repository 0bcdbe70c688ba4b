"""How one rule runs its course: phase by phase, from a trigger over cut-off and period to an action.

Due day = first day on which the action is allowed = cut-off(trigger day) + period + 1 day, never a day
early. A phase with triggers counts from these, one without from where the former phase ended; none ends
before its former one. `next_phase` passes by time alone; what follows any other action begins to count
when that action was carried out. Source: the records design, section 2, `retention`; F45 to F47.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from dms.rules import calendars, duefacts, duerules
from dms.rules.calendars import FiscalYear
from dms.rules.duefacts import Act, Facts, Start
from dms.rules.duerules import Assignment, Reason, is_permanent
from dms.rules.duesteps import (
    Chosen,
    Continued,
    DayAfter,
    Happened,
    Missing,
    NeverEnds,
    NoDay,
    NotBeforeFormer,
    PhasePassed,
    PutOff,
    RetentionState,
    ReviewNeeded,
    Revoked,
    RuleApplied,
    Standing,
    Step,
    Summed,
    TrackTaken,
)
from dms.rules.retention import (
    CutOff,
    LifecyclePhase,
    OfficeRole,
    RetentionAction,
    RetentionPhase,
    RetentionTrack,
    Span,
    TrackMedium,
)

_NOTHING = Span()
_PERMANENT = Standing(RetentionState.PERMANENT)


class Circumstances(NamedTuple):
    """All that a course rests on beside its rule, for one medium of a thing."""

    medium: TrackMedium
    office_role: OfficeRole
    facts: Facts
    acts: tuple[Act, ...]
    fiscal_year: FiscalYear
    today: date


class Course(NamedTuple):
    """What one rule says of one medium."""

    assignment: Assignment
    standing: Standing
    """When the next action is allowed."""
    fate: Standing
    """When the last action of the rule is allowed, if all goes by its days; never before `standing`."""
    phase: int | None
    """Where it stands today, counted from 0; None without a track."""
    lifecycle_phase: LifecyclePhase | None
    phase_ends_on: date | None
    """First day of the phase after it, or of the action."""
    action: RetentionAction | None
    """The action that is or will be allowed."""
    detail: str
    steps: tuple[Step, ...]


class _Leg(NamedTuple):
    """A phase with its days."""

    standing: Standing
    steps: list[Step]
    day: date = date.min
    """From which it counts, after the cut-off."""
    counted: Span = _NOTHING
    """What was added to that day in all."""
    until: date = date.min
    passed_on: date | None = None
    """When it passed, by time or because its action was carried out."""
    acted_on: date | None = None
    """When its action was carried out."""


class _Beginning(NamedTuple):
    day: date
    before: Span = _NOTHING


def run(assignment: Assignment, around: Circumstances) -> Course:
    """Follow a rule through its phases."""
    rule = assignment.rule
    steps: list[Step] = [
        RuleApplied(
            rule.code,
            rule.rule_id,
            rule.edition_id,
            assignment.kind,
            assignment.origin,
            assignment.origin_id,
        )
    ]
    if rule.needs_review:
        steps.append(ReviewNeeded(rule.needs_review))
        return _without_track(assignment, Reason.NEEDS_REVIEW, steps)
    taken = duerules.take(rule.tracks, medium=around.medium, office_role=around.office_role)
    if taken.track is None:
        return _without_track(assignment, taken.reason or Reason.NO_TRACK, steps)
    steps.append(TrackTaken(taken.track.medium, taken.track.office_role, taken.fit))
    if not taken.track.phases:
        return _without_track(assignment, Reason.NO_PHASE, steps)
    if duerules.goes_on_after_destruction(taken.track.phases):
        return _without_track(assignment, Reason.AFTER_DESTRUCTION, steps)
    return _course(assignment, taken.track, legs=_legs(taken.track.phases, around), steps=steps)


def _without_track(assignment: Assignment, reason: Reason, steps: list[Step]) -> Course:
    standing = Standing(RetentionState.UNDETERMINED, reason=reason)
    if reason is not Reason.NEEDS_REVIEW:
        steps.append(NoDay(reason))
    return Course(assignment, standing, standing, None, None, None, None, "", tuple(steps))


def _course(
    assignment: Assignment, track: RetentionTrack, *, legs: Sequence[_Leg], steps: list[Step]
) -> Course:
    phases = track.phases
    at = _next_act(phases, legs)
    for index, leg in enumerate(legs[: at + 1]):
        steps += leg.steps
        if leg.passed_on is not None:
            steps.append(PhasePassed(index, phases[index].action, leg.passed_on))
    standing, fate = legs[at].standing, legs[-1].standing
    if phases[-1].action is RetentionAction.NEXT_PHASE and fate != _PERMANENT:
        fate = Standing(RetentionState.UNDETERMINED, reason=Reason.NO_NEXT_PHASE)
        if at == len(phases) - 1:
            standing = fate
            steps.append(NoDay(Reason.NO_NEXT_PHASE))
    here = next((index for index, leg in enumerate(legs[:at]) if leg.passed_on is None), at)
    return Course(
        assignment,
        standing,
        fate,
        here,
        phases[here].lifecycle_phase,
        legs[here].standing.due_on,
        RetentionAction.KEEP_PERMANENTLY if standing == _PERMANENT else phases[at].action,
        phases[at].detail,
        tuple(steps),
    )


def _next_act(phases: Sequence[RetentionPhase], legs: Sequence[_Leg]) -> int:
    """Return the phase whose action is the next one to be carried out: the last if all are."""
    for index, (phase, leg) in enumerate(zip(phases, legs, strict=True)):
        is_act = phase.action is not RetentionAction.NEXT_PHASE or is_permanent(phase)
        if is_act and leg.passed_on is None:
            return index
    return len(phases) - 1


def _legs(phases: Sequence[RetentionPhase], around: Circumstances) -> list[_Leg]:
    acts = sorted((act for act in around.acts if act.medium in {around.medium, TrackMedium.ANY}), key=_done)
    legs: list[_Leg] = []
    for index, phase in enumerate(phases):
        former = legs[-1] if legs else None
        leg = _leg(phase, index, former=former, around=around)
        passed_on = _passed_on(phase, leg.standing, acts=acts, today=around.today)
        acted_on = None if phase.action is RetentionAction.NEXT_PHASE else passed_on
        legs.append(leg if passed_on is None else leg._replace(passed_on=passed_on, acted_on=acted_on))
    return legs


def _passed_on(phase: RetentionPhase, standing: Standing, *, acts: list[Act], today: date) -> date | None:
    due_on = standing.due_on
    if due_on is None:
        return None
    if phase.action is RetentionAction.NEXT_PHASE:
        return due_on if due_on <= today else None
    # What was done before its day, by an earlier wording, does not count; nothing counts twice.
    act = next((act for act in acts if act.action is phase.action and act.done_on >= due_on), None)
    if act is None:
        return None
    acts.remove(act)
    return act.done_on


def _leg(phase: RetentionPhase, index: int, *, former: _Leg | None, around: Circumstances) -> _Leg:
    if is_permanent(phase):
        return _Leg(_PERMANENT, [NeverEnds(index, phase.period, phase.action)])
    if former is not None and former.standing.due_on is None:
        return _Leg(former.standing, [])
    period = phase.period
    if not isinstance(period, Span):
        steps: list[Step] = [NeverEnds(index, period, phase.action)]
        return _Leg(Standing(RetentionState.UNDETERMINED, reason=Reason.UNTIL_DECIDED), steps)
    steps = []
    begins = _begin(phase, index, former=former, around=around, steps=steps)
    if isinstance(begins, Standing):
        return _Leg(begins, steps)
    return _summed(phase, index, period=period, begins=begins, former=former, around=around, steps=steps)


def _summed(
    phase: RetentionPhase,
    index: int,
    *,
    period: Span,
    begins: _Beginning,
    former: _Leg | None,
    around: Circumstances,
    steps: list[Step],
) -> _Leg:
    day = calendars.put_off(begins.day, phase.cut_off, fiscal_year=around.fiscal_year)
    counted = _together(begins.before, period)
    until = day and calendars.add(day, counted)
    due_on = until and calendars.next_day(until)
    if day is None or until is None or due_on is None:
        steps.append(NoDay(Reason.BEYOND_CALENDAR))
        return _Leg(Standing(RetentionState.UNDETERMINED, reason=Reason.BEYOND_CALENDAR), steps)
    if phase.cut_off is not CutOff.EXACT:
        steps.append(PutOff(begins.day, phase.cut_off, day, around.fiscal_year))
    steps.append(Summed(day, counted, until))
    if former is not None and former.standing.due_on is not None and due_on < former.standing.due_on:
        steps.append(NotBeforeFormer(index, former.standing.due_on))
        return _Leg(former.standing, steps, former.until, _NOTHING, former.until)
    steps.append(DayAfter(index, until, due_on, phase.action, phase.detail))
    return _Leg(Standing(RetentionState.RUNNING, due_on), steps, day, counted, until)


def _begin(
    phase: RetentionPhase, index: int, *, former: _Leg | None, around: Circumstances, steps: list[Step]
) -> _Beginning | Standing:
    if phase.triggers:
        return _triggered(phase, index, around=around, steps=steps)
    if former is None:
        steps.append(NoDay(Reason.NO_TRIGGER))
        return Standing(RetentionState.UNDETERMINED, reason=Reason.NO_TRIGGER)
    begins = _going_on(phase, former)
    steps.append(Continued(index, begins.day, begins.before))
    return begins


def _triggered(
    phase: RetentionPhase, index: int, *, around: Circumstances, steps: list[Step]
) -> _Beginning | Standing:
    found = duefacts.start(phase, around.facts)
    steps += _history(phase, index, found=found, around=around)
    if found.event is None or found.event.last_day is None:
        return Standing(RetentionState.WAITING, waits_for=found.missing)
    if len(phase.triggers) > 1:
        steps.append(Chosen(index, phase.which, found.event.trigger, found.event.last_day))
    return _Beginning(found.event.last_day)


def _history(phase: RetentionPhase, index: int, *, found: Start, around: Circumstances) -> Iterable[Step]:
    if around.facts.revoked:
        for trigger in phase.triggers:
            for event in around.facts.revoked.get(trigger, ()):
                yield Revoked(trigger, event.last_day)
    for event in found.known:
        last_day = event.last_day or date.max
        is_ahead = last_day > around.today
        yield Happened(index, event.trigger, event.first_day, last_day, event.evidence_id, is_ahead)
    if found.missing:
        yield Missing(index, found.missing, phase.which, found.event is None)


def _going_on(phase: RetentionPhase, former: _Leg) -> _Beginning:
    """Go on where the former phase ended, or where its action was carried out later.

    Months are counted on from the day where the former phase began to count: clipped twice, at the end of
    each phase, they could end days early (31 August, 6 months and 6 months).
    """
    if former.acted_on is not None:
        return _Beginning(former.acted_on)
    if phase.cut_off is not CutOff.EXACT or former.counted.days:
        return _Beginning(former.until)
    return _Beginning(former.day, former.counted)


def _together(before: Span, period: Span) -> Span:
    if before is _NOTHING:
        return period
    return Span(before.years + period.years, before.months + period.months, before.days + period.days)


def _done(act: Act) -> date:
    return act.done_on
