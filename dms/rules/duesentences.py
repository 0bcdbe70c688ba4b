"""The explanation of a due day in English, a sentence for each step.

Days are written as ISO 8601 writes them, so that nobody can read them the wrong way round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, assert_never

from dms.rules import duesteps as steps
from dms.rules.duerules import AssignmentKind, Origin, Reason, TrackFit
from dms.rules.duesteps import RetentionState, Standing, Step
from dms.rules.retention import (
    CUSTOM,
    CutOff,
    Endless,
    OfficeRole,
    RetentionAction,
    Span,
    TrackMedium,
    Trigger,
    Which,
)

_TRIGGERS: Mapping[str, str] = {
    Trigger.DATED: "the last day of its dates",
    Trigger.CREATED: "creation",
    Trigger.RECEIVED: "receipt",
    Trigger.REGISTERED: "registration",
    Trigger.CLOSED: "closing",
    Trigger.SUPERSEDED: "supersession",
    Trigger.LAST_ACTION: "the last action",
    Trigger.EXPIRED: "expiry",
    Trigger.ASSET_GONE: "the end of the asset",
    Trigger.VALUE_ENDED: "the end of its value",
}

_ACTIONS: Mapping[RetentionAction, str] = {
    RetentionAction.NEXT_PHASE: "the next phase begins",
    RetentionAction.TRANSFER_TO: "it may be transferred",
    RetentionAction.REVIEW: "it may be reviewed",
    RetentionAction.SAMPLE: "a sample may be taken and the rest destroyed",
    RetentionAction.REPRODUCE_THEN: "it may be reproduced, and then follows what the rule says",
    RetentionAction.DESTROY: "it may be destroyed",
    RetentionAction.KEEP_PERMANENTLY: "it is kept permanently",
}

_DONE: Mapping[RetentionAction, str] = {
    RetentionAction.TRANSFER_TO: "transfer",
    RetentionAction.REVIEW: "review",
    RetentionAction.SAMPLE: "sampling",
    RetentionAction.REPRODUCE_THEN: "reproduction",
    RetentionAction.DESTROY: "destruction",
}

_REASONS: Mapping[Reason, str] = {
    Reason.NO_RULE: "no rule bears on it",
    Reason.NO_MINIMUM: "only maximum rules bear on it, and nothing says how long it must stay",
    Reason.NEEDS_REVIEW: "a person must read the source of the rule first",
    Reason.NO_TRACK: "no track of the rule fits its medium and office",
    Reason.SEVERAL_TRACKS: "several tracks of the rule fit equally well",
    Reason.UNKNOWN_MEDIUM: "its medium is not known, and the track of the rule rests on it",
    Reason.UNKNOWN_OFFICE: "the role of its office is not known, and the track of the rule rests on it",
    Reason.NO_PHASE: "the track has no phase",
    Reason.NO_TRIGGER: "the rule does not say from when the period counts",
    Reason.NO_NEXT_PHASE: "the last phase of the rule leads on to another, which is not there",
    Reason.AFTER_DESTRUCTION: "the rule goes on after a phase that destroys",
    Reason.UNTIL_DECIDED: "it stays until a person decides",
    Reason.BEYOND_CALENDAR: "the period would end after the year 9999",
}

_ORIGINS: Mapping[Origin, str] = {
    Origin.THING: "set on the thing itself",
    Origin.AGGREGATION: "set on what it lies in",
    Origin.RECORD_CLASS: "given by its class",
}

_FITS: Mapping[TrackFit, str] = {
    TrackFit.BOTH: "it names medium and office",
    TrackFit.MEDIUM: "it names the medium",
    TrackFit.ROLE: "it names the office",
    TrackFit.ANY: "no other one fits more closely",
    TrackFit.ALIKE: "all that may fit say the same",
}

_CUT_OFFS: Mapping[CutOff, str] = {
    CutOff.EXACT: "day",
    CutOff.MONTH: "month",
    CutOff.CALENDAR_YEAR: "calendar year",
    CutOff.FISCAL_YEAR: "fiscal year",
}

_OFFICES: Mapping[OfficeRole, str] = {
    OfficeRole.PRIMARY: "the primary office",
    OfficeRole.OTHER: "another office",
    OfficeRole.ANY: "any office",
}


def sentences(explanation: Iterable[Step]) -> tuple[str, ...]:
    """Write an explanation in English: one sentence for each step, in their order."""
    return tuple(_WRITERS[type(step)](step) for step in explanation)


def period(span: Span) -> str:
    """Write a period in words: `1 year, 6 months`."""
    parts = ((span.years, "year"), (span.months, "month"), (span.days, "day"))
    return ", ".join(_count(number, unit) for number, unit in parts if number) or "no time"


def trigger(name: str) -> str:
    """Write the name of a trigger in words."""
    return _TRIGGERS.get(name) or f"the event `{name.removeprefix(CUSTOM).replace('_', ' ')}`"


def standing(told: Standing) -> str:
    """Write how far off something is: a day, what it waits for, or why no day can be told."""
    match told.state:
        case RetentionState.WAITING:
            return f"no day before {_joined(told.waits_for)}"
        case RetentionState.UNDETERMINED:
            return f"no day, as {_REASONS[told.reason or Reason.NO_RULE]}"
        case RetentionState.PERMANENT:
            return "no day ever, as it is kept permanently"
        case _:
            return f"{told.due_on}"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _joined(triggers: Sequence[str], word: str = "and") -> str:
    named = [trigger(each) for each in triggers]
    return f" {word} ".join([", ".join(named[:-1]), named[-1]]) if len(named) > 1 else "".join(named)


def _medium(medium: TrackMedium) -> str:
    return "any medium" if medium is TrackMedium.ANY else medium.value


def _medium_begun(step: steps.MediumBegun) -> str:
    return f"Of {_medium(step.medium)}:"


def _replaced(step: steps.Replaced) -> str:
    return f"Rule `{step.code}` is replaced by `{step.by_code}`, an override {_ORIGINS[step.by_origin]}."


def _rule_applied(step: steps.RuleApplied) -> str:
    what = "as an override " if step.kind is AssignmentKind.OVERRIDE else ""
    return f"Rule `{step.code}` decides, {what}{_ORIGINS[step.origin]}."


def _review_needed(step: steps.ReviewNeeded) -> str:
    return f"A person must read the source of this rule first ({', '.join(step.reasons)}): it tells no day."


def _track_taken(step: steps.TrackTaken) -> str:
    return (
        f"Its track for {_medium(step.medium)} and {_OFFICES[step.office_role]} is taken, "
        f"as {_FITS[step.fit]}."
    )


def _revoked(step: steps.Revoked) -> str:
    return f"{_day_of(step.trigger, step.last_day)} was revoked and does not count."


def _happened(step: steps.Happened) -> str:
    where = f"Phase {step.phase + 1}: {trigger(step.trigger)} "
    ahead = ", a day that is still to come" if step.is_ahead else ""
    if step.first_day == step.last_day:
        return f"{where}is {step.last_day}{ahead}."
    since = f"between {step.first_day} and" if step.first_day else "not after"
    return f"{where}is {since} {step.last_day}; the last possible day counts{ahead}."


def _missing(step: steps.Missing) -> str:
    joined = _joined(step.triggers, "and" if step.which is Which.LATEST else "or")
    if step.is_waiting:
        return f"Phase {step.phase + 1} waits for {joined}."
    return f"Of {_joined(step.triggers)} no day is known; the earliest counts, and one is."


def _chosen(step: steps.Chosen) -> str:
    return f"Of its triggers the {step.which} counts: {trigger(step.trigger)}, {step.day}."


def _continued(step: steps.Continued) -> str:
    begins = f"Phase {step.phase + 1} goes on from {step.day}"
    if step.before == Span():
        return f"{begins}, where the one before it ended."
    return f"{begins}, with the {period(step.before)} counted before it."


def _put_off(step: steps.PutOff) -> str:
    begins = ""
    if step.cut_off is CutOff.FISCAL_YEAR:
        year = step.fiscal_year
        begins = f", which begins on {year.begin_month:02}-{year.begin_day:02}"
    return f"The period counts from the end of the {_CUT_OFFS[step.cut_off]}{begins}: {step.until}."


def _summed(step: steps.Summed) -> str:
    return f"Counting {period(step.period)} from {step.day} gives {step.until}, the last day of the period."


def _day_after(step: steps.DayAfter) -> str:
    detail = f" ({step.detail})" if step.detail else ""
    return f"From the day after, {step.due_on}, {_ACTIONS[step.action]}{detail}."


def _not_before_former(step: steps.NotBeforeFormer) -> str:
    return f"Phase {step.phase + 1} cannot end before the one before it: {step.due_on}."


def _never_ends(step: steps.NeverEnds) -> str:
    where = f"Phase {step.phase + 1}"
    if step.period is Endless.UNTIL_DECIDED and step.action is not RetentionAction.KEEP_PERMANENTLY:
        return f"{where} lasts until a person decides."
    return f"{where} is permanent."


def _phase_passed(step: steps.PhasePassed) -> str:
    if step.action is RetentionAction.NEXT_PHASE:
        return f"Phase {step.phase + 1} is over since {step.passed_on}."
    return f"Phase {step.phase + 1} ended with the {_DONE[step.action]} on {step.passed_on}."


def _no_day(step: steps.NoDay) -> str:
    return f"No day can be told: {_REASONS[step.reason]}."


def _lost(step: steps.Lost) -> str:
    how = "as long as" if step.is_equal else "shorter than"
    return (
        f"Rule `{step.code}`, {_ORIGINS[step.origin]}, is {how} it and decides nothing: "
        f"it gives {standing(step.end)}."
    )


def _held_back(step: steps.HeldBack) -> str:
    return f"The action waits for rule `{step.code}` too: {standing(step.standing)}."


def _limited(step: steps.Limited) -> str:
    begins = f"Rule `{step.code}`, {_ORIGINS[step.origin]}, is a maximum;"
    if step.standing.due_on is None:
        return f"{begins} it sets {standing(step.standing)}."
    return f"{begins} it may be kept until the day before {step.standing.due_on}."


def _conflicting(step: steps.Conflicting) -> str:
    return (
        f"A person must decide: by `{step.maximum_code}` it may not be kept from {step.latest_on} on, "
        f"by `{step.minimum_code}` it must be."
    )


def _concluded(step: steps.Concluded) -> str:
    match step.state:
        case RetentionState.DUE:
            return f"It is due since {step.standing.due_on}."
        case RetentionState.RUNNING:
            return f"It is due on {step.standing.due_on}."
        case RetentionState.WAITING:
            return f"It waits for {_joined(step.standing.waits_for)}."
        case RetentionState.PERMANENT:
            return "It is kept permanently."
        case RetentionState.UNDETERMINED:
            return "It stays, as no day can be told."
        case _:
            assert_never(step.state)


def _last_to_go(step: steps.LastToGo) -> str:
    return f"The whole follows {_medium(step.medium)}, which must stay longest: {standing(step.standing)}."


def _day_of(name: str, day: date | None) -> str:
    words = trigger(name)
    return f"{words[0].upper()}{words[1:]} {'without a last day' if day is None else f'on {day}'}"


# A table, not a match: the test that every step has a sentence reads it. The writers take their own type.
_WRITERS: Mapping[type, Callable[[Any], str]] = {
    steps.MediumBegun: _medium_begun,
    steps.Replaced: _replaced,
    steps.RuleApplied: _rule_applied,
    steps.ReviewNeeded: _review_needed,
    steps.TrackTaken: _track_taken,
    steps.Revoked: _revoked,
    steps.Happened: _happened,
    steps.Missing: _missing,
    steps.Chosen: _chosen,
    steps.Continued: _continued,
    steps.PutOff: _put_off,
    steps.Summed: _summed,
    steps.DayAfter: _day_after,
    steps.NotBeforeFormer: _not_before_former,
    steps.NeverEnds: _never_ends,
    steps.PhasePassed: _phase_passed,
    steps.NoDay: _no_day,
    steps.Lost: _lost,
    steps.HeldBack: _held_back,
    steps.Limited: _limited,
    steps.Conflicting: _conflicting,
    steps.Concluded: _concluded,
    steps.LastToGo: _last_to_go,
}
