"""What is known of one thing when its due day is asked for: media, office role, TriggerEvents, acts.

Source: the records glossary, `RetentionTrigger` and `TriggerEvent`; F46. Civil days are those of the
Repository's zone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple
from uuid import UUID

from dms.rules.retention import OfficeRole, RetentionAction, RetentionPhase, TrackMedium, Trigger, Which


class TriggerEvent(NamedTuple):
    """A line of the appended history of a thing: a trigger happened, or what was recorded of it fell.

    A day that is known only roughly has its first and last possible day. Without a last day it has not
    ended: nothing is counted from it. `closing_revoked` is a revocation of `closed`.
    """

    trigger: str
    first_day: date | None
    last_day: date | None
    evidence_id: UUID | None = None
    is_revocation: bool = False


class Act(NamedTuple):
    """An action of retention that was carried out: a transfer accepted, a review decided, copies made."""

    action: RetentionAction
    done_on: date
    medium: TrackMedium = TrackMedium.ANY
    """Of which medium; `ANY` for all that the thing has."""


class Thing(NamedTuple):
    """One Document or Aggregation, as far as its retention rests on it."""

    media: tuple[TrackMedium, ...]
    """The media that it has, without doubles; `ANY`, or nothing, where none is known: then no track is
    taken where the medium would decide."""
    office_role: OfficeRole
    """`ANY` where it is not known: then no track is taken where the office would decide."""
    events: tuple[TriggerEvent, ...] = ()
    """In the order in which they were recorded."""
    acts: tuple[Act, ...] = ()
    """In any order."""


class Facts(NamedTuple):
    """Of every trigger that was recorded: the event that counts, and the days that were revoked."""

    counting: dict[str, TriggerEvent]
    revoked: dict[str, tuple[TriggerEvent, ...]]


class Start(NamedTuple):
    """Where a phase begins to count, or what it waits for."""

    event: TriggerEvent | None
    """The one that counts; it has a last day."""
    known: tuple[TriggerEvent, ...]
    """All of the phase that have happened, in the order of its triggers."""
    missing: tuple[str, ...]
    """Triggers of the phase without a day."""


def sorted_out(events: Iterable[TriggerEvent]) -> Facts:
    """Return what counts of a history: of each trigger the last event that was not revoked.

    A revocation takes all that stood before it: what was reopened is open. Of several last actions the
    latest counts, in whatever order they were recorded; for every other trigger a later line corrects
    the earlier ones.
    """
    standing: dict[str, list[TriggerEvent]] = {}
    revoked: dict[str, tuple[TriggerEvent, ...]] = {}
    for event in events:
        if event.is_revocation:
            fallen = standing.pop(event.trigger, [])
            revoked[event.trigger] = (*revoked.get(event.trigger, ()), *fallen)
        else:
            standing.setdefault(event.trigger, []).append(event)
    counting = {trigger: _last(trigger, lines) for trigger, lines in standing.items()}
    return Facts(counting, revoked)


def start(phase: RetentionPhase, facts: Facts) -> Start:
    """Choose the event from which a phase counts.

    The latest of several needs them all; the earliest is that of those which have happened, as another
    one could only be earlier by its own day. A day that is not exact counts as its last possible one.
    """
    known, missing = [], []
    for trigger in phase.triggers:
        event = facts.counting.get(trigger)
        if event is None or event.last_day is None:
            missing.append(trigger)
        else:
            known.append(event)
    if not known or (missing and phase.which is Which.LATEST):
        return Start(None, tuple(known), tuple(missing))
    choose = max if phase.which is Which.LATEST else min
    event = known[0] if len(known) == 1 else choose(known, key=_last_day)
    return Start(event, tuple(known), tuple(missing))


def _last(trigger: str, lines: list[TriggerEvent]) -> TriggerEvent:
    return max(lines, key=_last_day) if trigger == Trigger.LAST_ACTION else lines[-1]


def _last_day(event: TriggerEvent) -> date:
    return event.last_day or date.max
