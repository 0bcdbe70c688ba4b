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
    """Two tracks fit equally well: both name the same, or one names the medium and another the office."""
    UNKNOWN_MEDIUM = "unknown_medium"
    """Which track fits rests on the medium, and that is not known."""
    UNKNOWN_OFFICE = "unknown_office"
    """Which track fits rests on the office, and that is not known."""
    NO_PHASE = "no_phase"
    NO_TRIGGER = "no_trigger"
    """A period begins at nothing."""
    NO_NEXT_PHASE = "no_next_phase"
    """The last phase leads on to another."""
    AFTER_DESTRUCTION = "after_destruction"
    """A phase follows one that destroys: both cannot be meant."""
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
    ALIKE = "alike"
    """Several may fit, and all have the same phases."""


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


_FITS = {
    (True, True): TrackFit.BOTH,
    (True, False): TrackFit.MEDIUM,
    (False, True): TrackFit.ROLE,
    (False, False): TrackFit.ANY,
}
# What an unknown one may be. `ANY` is a medium that no track can name, such as glass; a third role is none.
_MEDIA = tuple(TrackMedium)
_ROLES = (OfficeRole.PRIMARY, OfficeRole.OTHER)


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
    """Take the track that names medium and office, else the one that names either, else neither.

    Of two that name one side each none is closer. What is not known (`ANY`) may be anything: then a track
    is taken only if whatever the thing may be would lead to the same phases.
    """
    media, roles = _media(tracks, medium), _roles(tracks, office_role)
    if len(media) == len(roles) == 1:
        return _closest(tracks, medium, office_role)
    return _agreed([[_closest(tracks, each, role) for each in media] for role in roles])


def is_permanent(phase: RetentionPhase) -> bool:
    """Tell whether a phase never allows a loss."""
    return phase.period is Endless.PERMANENT or phase.action is RetentionAction.KEEP_PERMANENTLY


def goes_on_after_destruction(phases: Sequence[RetentionPhase]) -> bool:
    """Tell whether a phase follows one that destroys."""
    return any(each.action is RetentionAction.DESTROY and not is_permanent(each) for each in phases[:-1])


def defects(tracks: Sequence[RetentionTrack]) -> tuple[Reason, ...]:
    """Tell what keeps tracks from giving a day to all that they fit, for whoever writes or reads in a rule.

    In the order of `Reason`; empty where every track works. Phases after one that never ends, or before
    one that is permanent, are no defect: they say where the thing lies meanwhile.
    """
    found = {defect for track in tracks for defect in _defects(track.phases)}
    taken = (_closest(tracks, medium, role) for medium in TrackMedium for role in OfficeRole)
    if any(each.reason is Reason.SEVERAL_TRACKS for each in taken):
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
    if goes_on_after_destruction(phases):
        yield Reason.AFTER_DESTRUCTION


def _closest(tracks: Sequence[RetentionTrack], medium: TrackMedium, office_role: OfficeRole) -> Taken:
    """Take the closest track for a medium and an office that are both known."""
    media, roles = (medium, TrackMedium.ANY), (office_role, OfficeRole.ANY)
    fitting = [track for track in tracks if track.medium in media and track.office_role in roles]
    if not fitting:
        return Taken(None, TrackFit.ANY, Reason.NO_TRACK)
    if len(fitting) == 1:
        return Taken(fitting[0], _FITS[_names(fitting[0])])
    # Counted, not weighed: neither side outranks the other, as the shorter track could be the wrong one.
    most = max(sum(_names(track)) for track in fitting)
    closest = [track for track in fitting if sum(_names(track)) == most]
    first = max(closest, key=_names)
    if len(closest) == 1:
        return Taken(first, _FITS[_names(first)])
    has_doubles = len({_names(track) for track in closest}) < len(closest)
    if has_doubles or any(track.phases != first.phases for track in closest):
        return Taken(None, TrackFit.ANY, Reason.SEVERAL_TRACKS)
    return Taken(first, TrackFit.ALIKE)


def _media(tracks: Sequence[RetentionTrack], medium: TrackMedium) -> Sequence[TrackMedium]:
    is_open = medium is TrackMedium.ANY and any(track.medium is not medium for track in tracks)
    return _MEDIA if is_open else (medium,)


def _roles(tracks: Sequence[RetentionTrack], office_role: OfficeRole) -> Sequence[OfficeRole]:
    is_open = office_role is OfficeRole.ANY and any(track.office_role is not office_role for track in tracks)
    return _ROLES if is_open else (office_role,)


def _agreed(by_role: Sequence[Sequence[Taken]]) -> Taken:
    """Return what all that a thing may be would lead to: for each role what each medium does."""
    if not all(_is_alike(by_medium) for by_medium in by_role):
        return Taken(None, TrackFit.ANY, Reason.UNKNOWN_MEDIUM)
    lasts = [by_medium[-1] for by_medium in by_role]
    if not _is_alike(lasts):
        return Taken(None, TrackFit.ANY, Reason.UNKNOWN_OFFICE)
    last = lasts[-1]
    is_one = all(each.track is last.track for by_medium in by_role for each in by_medium)
    return last if is_one else last._replace(fit=TrackFit.ALIKE)


def _is_alike(taken: Sequence[Taken]) -> bool:
    first = taken[0]
    return all(_says(each) == _says(first) for each in taken[1:])


def _says(taken: Taken) -> tuple[RetentionPhase, ...] | Reason | None:
    return taken.reason if taken.track is None else taken.track.phases


def _names(track: RetentionTrack) -> tuple[bool, bool]:
    return track.medium is not TrackMedium.ANY, track.office_role is not OfficeRole.ANY


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
