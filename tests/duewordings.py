"""Rules of retention, written as a line, and things with facts: for the tests of due days.

`closed and superseded, fiscal_year, P3Y then P2Y destroy` is a track of two phases: triggers
(`and` for the latest, `or` for the earliest of them), cut-off, period, action. A phase without triggers goes
on where the former ended; the last one destroys and the others lead on, unless they say otherwise.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from dms.rules import retention
from dms.rules.calendars import CALENDAR_YEAR
from dms.rules.duedays import outcome
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
    Which,
)

TODAY = date(2024, 5, 15)
EDITION = UUID(int=1)
PLACE = UUID(int=2)

_LIFE = (LifecyclePhase.CURRENT, LifecyclePhase.SEMI_CURRENT, LifecyclePhase.ARCHIVAL)


def day(text):
    return date.fromisoformat(text)


def phase(text, *, number=0, is_last=True):
    words = text.split()
    action = RetentionAction.DESTROY if is_last else RetentionAction.NEXT_PHASE
    if words[-1] in set(RetentionAction):
        action = RetentionAction(words.pop())
    *before, period = " ".join(words).split(", ")
    cut_off = CutOff(before.pop()) if before and before[-1] in set(CutOff) else CutOff.EXACT
    named = before[0] if before else ""
    which = Which.EARLIEST if " or " in named else Which.LATEST
    triggers = tuple(
        retention.trigger(each) for each in named.replace(" or ", " and ").split(" and ") if each
    )
    life = _LIFE[min(number, 2)]
    return RetentionPhase(life, triggers, retention.period(period), action, which, cut_off)


def phases(text):
    parts = text.split(" then ")
    return tuple(
        phase(part, number=number, is_last=number == len(parts) - 1) for number, part in enumerate(parts)
    )


def track(text, medium=TrackMedium.ANY, office_role=OfficeRole.ANY):
    return RetentionTrack(phases(text), medium, office_role)


def rule(code, *tracks, bound=Bound.MINIMUM, needs_review=()):
    made = tuple(track(each) if isinstance(each, str) else each for each in tracks)
    return RuleWording(UUID(bytes=code.encode().rjust(16)[:16]), code, EDITION, bound, made, needs_review)


def maximum(code, *tracks):
    return rule(code, *tracks, bound=Bound.MAXIMUM)


def by_class(wording, number=1):
    return Assignment(wording, AssignmentKind.INHERITED, Origin.RECORD_CLASS, PLACE, 99, number)


def by_folder(wording, distance=1, number=2):
    return Assignment(wording, AssignmentKind.INHERITED, Origin.AGGREGATION, PLACE, distance, number)


def by_hand(wording, number=3):
    return Assignment(wording, AssignmentKind.MANUAL, Origin.THING, PLACE, 0, number)


def override(wording, distance=0, number=4):
    origin = Origin.AGGREGATION if distance else Origin.THING
    return Assignment(wording, AssignmentKind.OVERRIDE, origin, PLACE, distance, number)


def events(text):
    """Read `closed 2020-06-30; closed revoked; dated 2019-01-01..2019-12-31`."""
    return tuple(_event(line) for line in text.split("; ") if line)


def thing(facts="", *, media=(TrackMedium.PAPER,), office_role=OfficeRole.PRIMARY, acts=()):
    return Thing(tuple(media), office_role, events(facts), tuple(acts))


def follow(what, *assignments, today=TODAY, fiscal_year=CALENDAR_YEAR):
    what = thing(what) if isinstance(what, str) else what
    return outcome(what, assignments, fiscal_year=fiscal_year, today=today)


def _event(line):
    trigger, days = line.split()
    if days == "revoked":
        return TriggerEvent(trigger, None, None, is_revocation=True)
    first, _, last = days.partition("..")
    first_day = day(first) if first else None
    last_day = (day(last) if last else None) if ".." in days else first_day
    return TriggerEvent(trigger, first_day, last_day)
