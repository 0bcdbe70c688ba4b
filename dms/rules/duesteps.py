"""The steps in which a due day is explained: one type for each, in the order in which they were taken.

A presenter turns them into sentences of its language; `duesentences` does so in English. Phases count
from 0 here and are shown from 1. Source: the records glossary, `RetentionOutcome`.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from dms.rules.calendars import FiscalYear
from dms.rules.duerules import AssignmentKind, Origin, Reason, TrackFit
from dms.rules.retention import (
    CutOff,
    OfficeRole,
    RetentionAction,
    RetentionPeriod,
    Span,
    TrackMedium,
    Which,
)


class RetentionState(StrEnum):
    """What follows for a thing today."""

    WAITING = "waiting"
    RUNNING = "running"
    DUE = "due"
    PERMANENT = "permanent"
    UNDETERMINED = "undetermined"


class Standing(NamedTuple):
    """How far off a rule, or an outcome, puts the action: on a day, or why on none."""

    state: RetentionState
    """Never `DUE`: `RUNNING` has a day, and whether it has come is a question of today."""
    due_on: date | None = None
    waits_for: tuple[str, ...] = ()
    """Names of the triggers without a day, while it waits."""
    reason: Reason | None = None
    """Why it is undetermined."""

    @property
    def rank(self) -> tuple[int, date]:
        """Return what orders them: days, then waiting, then undetermined, then permanent.

        INVARIANT (longest-wins): whatever has no day outranks every day, and permanent outranks all, since
        nothing could be longer.
        """
        return _RANKS[self.state], self.due_on or date.min


_RANKS = {
    RetentionState.RUNNING: 0,
    RetentionState.WAITING: 1,
    RetentionState.UNDETERMINED: 2,
    RetentionState.PERMANENT: 3,
}


class MediumBegun(NamedTuple):
    """The steps that follow are about one medium of several."""

    medium: TrackMedium


class Replaced(NamedTuple):
    """An override replaced a rule."""

    code: str
    by_code: str
    by_origin: Origin


class RuleApplied(NamedTuple):
    """The steps that follow are about this rule."""

    code: str
    rule_id: UUID
    edition_id: UUID
    kind: AssignmentKind
    origin: Origin
    origin_id: UUID


class ReviewNeeded(NamedTuple):
    """A person must read the source of the rule first."""

    reasons: tuple[str, ...]


class TrackTaken(NamedTuple):
    """A track was taken, for what it names of the thing."""

    medium: TrackMedium
    office_role: OfficeRole
    fit: TrackFit


class Revoked(NamedTuple):
    """An event of the trigger was revoked and counts no more."""

    trigger: str
    last_day: date | None


class Happened(NamedTuple):
    """A trigger of the phase has a day: if it is not exact, the last possible one."""

    phase: int
    trigger: str
    first_day: date | None
    last_day: date
    evidence_id: UUID | None
    is_ahead: bool
    """The day is still to come."""


class Missing(NamedTuple):
    """Triggers of the phase have no day."""

    phase: int
    triggers: tuple[str, ...]
    which: Which
    is_waiting: bool
    """False where the earliest counts and another trigger has happened."""


class Chosen(NamedTuple):
    """Of several triggers one counts."""

    phase: int
    which: Which
    trigger: str
    day: date


class Continued(NamedTuple):
    """The phase has no trigger of its own and goes on where the former ended, or was acted upon."""

    phase: int
    day: date
    before: Span
    """Years and months already counted from the day, before those of this phase."""


class PutOff(NamedTuple):
    """The day is put off to the end of a month or year."""

    day: date
    cut_off: CutOff
    until: date
    fiscal_year: FiscalYear


class Summed(NamedTuple):
    """The period was added."""

    day: date
    period: Span
    until: date


class DayAfter(NamedTuple):
    """The action is allowed from the day after the last day of the period."""

    phase: int
    until: date
    due_on: date
    action: RetentionAction
    detail: str


class NotBeforeFormer(NamedTuple):
    """The phase would end before the former one does, and ends with it."""

    phase: int
    due_on: date


class NeverEnds(NamedTuple):
    """The period has no end, or what it ends with is keeping."""

    phase: int
    period: RetentionPeriod
    action: RetentionAction


class PhasePassed(NamedTuple):
    """The phase is over: by time, or because its action was carried out."""

    phase: int
    action: RetentionAction
    passed_on: date


class NoDay(NamedTuple):
    """The rule tells no day."""

    reason: Reason


class Lost(NamedTuple):
    """Another rule gives less, or as much: the longest counts."""

    code: str
    origin: Origin
    end: Standing
    """When its last action is allowed."""
    is_equal: bool


class HeldBack(NamedTuple):
    """The action has to wait for the day of another rule too, though that one ends earlier."""

    code: str
    standing: Standing


class Limited(NamedTuple):
    """A maximum rule says from which day on it may be kept no longer, or tells no such day."""

    code: str
    origin: Origin
    standing: Standing


class Conflicting(NamedTuple):
    """A maximum comes before the minimum: a person must decide."""

    minimum_code: str
    maximum_code: str
    latest_on: date


class Concluded(NamedTuple):
    """What follows for the medium, or for the thing."""

    state: RetentionState
    standing: Standing
    action: RetentionAction | None


class LastToGo(NamedTuple):
    """Of several media the thing as a whole follows the one that must stay longest."""

    medium: TrackMedium
    state: RetentionState
    standing: Standing


Step = (
    MediumBegun
    | Replaced
    | RuleApplied
    | ReviewNeeded
    | TrackTaken
    | Revoked
    | Happened
    | Missing
    | Chosen
    | Continued
    | PutOff
    | Summed
    | DayAfter
    | NotBeforeFormer
    | NeverEnds
    | PhasePassed
    | NoDay
    | Lost
    | HeldBack
    | Limited
    | Conflicting
    | Concluded
    | LastToGo
)
