"""Which rules bear on a thing, and which track of each: overrides replace, the closest track fits.

Source: the records design, section 2, `retention`: RuleEntry and RetentionAssignment; F45, F48.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from dms.rules.retention import (
    Bound,
    Endless,
    OfficeRole,
    RetentionAction,
    RetentionPhase,
    RetentionTrack,
    TrackMedium,
)


class Reason(StrEnum):
    """Why no due day can be told; a person can do something about each."""

    NO_RULE = "no_rule"
    NO_MINIMUM = "no_minimum"
    """Only maximum rules bear on it: nothing says how long it must stay."""
    NEEDS_REVIEW = "needs_review"
    NO_TRACK = "no_track"
    """No track fits the medium and the office."""
    SEVERAL_TRACKS = "several_tracks"
    """Two tracks fit equally well."""
    NO_PHASE = "no_phase"
    NO_TRIGGER = "no_trigger"
    """A period begins at nothing."""
    NO_NEXT_PHASE = "no_next_phase"
    """The last phase leads on to another."""
    UNTIL_DECIDED = "until_decided"
    BEYOND_CALENDAR = "beyond_calendar"
    """It would end after the year 9999."""


class AssignmentKind(StrEnum):
    """How a rule came to a thing."""

    INHERITED = "inherited"
    MANUAL = "manual"
    OVERRIDE = "override"


class Origin(StrEnum):
    """Where the assignment stands."""

    THING = "thing"
    AGGREGATION = "aggregation"
    RECORD_CLASS = "record_class"


class TrackFit(StrEnum):
    """What a track names of the thing for which it was taken, the closest first."""

    BOTH = "both"
    MEDIUM = "medium"
    ROLE = "role"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class RuleWording:
    """A RuleEntry: the wording of a rule in one edition, as far as a due day rests on it."""

    rule_id: UUID
    code: str
    edition_id: UUID
    bound: Bound
    tracks: tuple[RetentionTrack, ...]
    needs_review: tuple[str, ...] = ()
    """Why a person must read the source first; with any of these it yields no day."""


class Assignment(NamedTuple):
    """A rule bound to a thing or to something above it."""

    rule: RuleWording
    kind: AssignmentKind
    origin: Origin
    origin_id: UUID
    distance: int
    """0 on the thing itself, 1 on what it lies in, and so on; its class is farther than all of these."""
    number: int
    """Order of recording."""


class Bearing(NamedTuple):
    """The assignments that count, and those that an override replaced, with it; the nearest first."""

    counting: tuple[Assignment, ...]
    replaced: tuple[tuple[Assignment, Assignment], ...]


class Taken(NamedTuple):
    """The track that was taken, or why none."""

    track: RetentionTrack | None
    fit: TrackFit
    reason: Reason | None = None


_FITS = (TrackFit.ANY, TrackFit.ROLE, TrackFit.MEDIUM, TrackFit.BOTH)


def bearing(assignments: Iterable[Assignment]) -> Bearing:
    """Tell which assignments count.

    All do, unless overridden: an override replaces what stands farther off, and at its own place what was
    recorded before it. It replaces rules of its own bound only, so that a maximum leaves the minimum
    alone. Of several overrides the nearest counts, at one place the last.
    """
    ordered = sorted(assignments, key=_place)
    if not any(each.kind is AssignmentKind.OVERRIDE for each in ordered):
        return Bearing(tuple(ordered), ())
    by_bound = {bound: _override(ordered, bound) for bound in Bound}
    counting, replaced = [], []
    for assignment in ordered:
        override = by_bound[assignment.rule.bound]
        if override is not None and _yields(assignment, override):
            replaced.append((assignment, override))
        else:
            counting.append(assignment)
    return Bearing(tuple(counting), tuple(replaced))


def take(tracks: Sequence[RetentionTrack], *, medium: TrackMedium, office_role: OfficeRole) -> Taken:
    """Take the track that names medium and office, else the medium, else the office, else neither."""
    media, roles = {medium, TrackMedium.ANY}, {office_role, OfficeRole.ANY}
    fitting = [track for track in tracks if track.medium in media and track.office_role in roles]
    best = max(map(_named, fitting), default=0)
    found = [track for track in fitting if _named(track) == best]
    if len(found) == 1:
        return Taken(found[0], _FITS[best])
    return Taken(None, _FITS[best], Reason.SEVERAL_TRACKS if found else Reason.NO_TRACK)


def is_permanent(phase: RetentionPhase) -> bool:
    """Tell whether a phase never allows a loss."""
    return phase.period is Endless.PERMANENT or phase.action is RetentionAction.KEEP_PERMANENTLY


def defects(tracks: Sequence[RetentionTrack]) -> tuple[Reason, ...]:
    """Tell what keeps tracks from ever giving a day, for whoever writes or reads in a rule.

    In the order of `Reason`; empty where every track works. Phases after one that never ends, or before
    one that is permanent, are no defect: they say where the thing lies meanwhile.
    """
    found = {defect for track in tracks for defect in _defects(track.phases)}
    names = [(track.medium, track.office_role) for track in tracks]
    if len(set(names)) < len(names):
        found.add(Reason.SEVERAL_TRACKS)
    if not tracks:
        found.add(Reason.NO_TRACK)
    return tuple(reason for reason in Reason if reason in found)


def _defects(phases: Sequence[RetentionPhase]) -> Iterable[Reason]:
    if not phases:
        yield Reason.NO_PHASE
        return
    if not phases[0].triggers and not isinstance(phases[0].period, Endless):
        yield Reason.NO_TRIGGER
    if phases[-1].action is RetentionAction.NEXT_PHASE and not is_permanent(phases[-1]):
        yield Reason.NO_NEXT_PHASE


def _named(track: RetentionTrack) -> int:
    return 2 * (track.medium is not TrackMedium.ANY) + (track.office_role is not OfficeRole.ANY)


def _place(assignment: Assignment) -> tuple[int, int]:
    return assignment.distance, assignment.number


def _override(ordered: Sequence[Assignment], bound: Bound) -> Assignment | None:
    overrides = [
        each for each in ordered if each.kind is AssignmentKind.OVERRIDE and each.rule.bound is bound
    ]
    return max(overrides, key=lambda each: (-each.distance, each.number), default=None)


def _yields(assignment: Assignment, override: Assignment) -> bool:
    if assignment.distance != override.distance:
        return assignment.distance > override.distance
    return assignment.number < override.number
