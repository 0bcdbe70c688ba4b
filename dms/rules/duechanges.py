"""What a change would do to due days, shown before it is made: outcomes before and after, compared.

Source: F49, "effect shown first"; the records design, section 2, `schemes` (`scheduleEditionImpact`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import NamedTuple, TypeVar
from uuid import UUID

from dms.rules.duedays import MediumOutcome, RetentionOutcome
from dms.rules.duesteps import RetentionState, Standing

Key = TypeVar("Key", bound=Hashable)


class ChangeKind(StrEnum):
    """One effect on one thing; a thing may show several."""

    EARLIER = "earlier"
    LATER = "later"
    GOT_DAY = "got_day"
    LOST_DAY = "lost_day"
    """It waits for a trigger now."""
    BECAME_PERMANENT = "became_permanent"
    NO_LONGER_PERMANENT = "no_longer_permanent"
    BECAME_UNDETERMINED = "became_undetermined"
    WAITS_FOR_OTHER = "waits_for_other"
    """It waits for other triggers, or for one instead of a person."""
    OTHER_REASON = "other_reason"
    FALLS_DUE = "falls_due"
    """It is due at once and was not."""
    NO_LONGER_DUE = "no_longer_due"
    OTHER_ACTION = "other_action"
    OTHER_RULE = "other_rule"
    CONFLICT_BEGAN = "conflict_began"
    CONFLICT_ENDED = "conflict_ended"


class DueChange(NamedTuple):
    """The effect on one thing."""

    kinds: tuple[ChangeKind, ...]
    """In the order of `ChangeKind`; at least one."""
    before: date | None
    """Due day of the whole."""
    after: date | None
    moved_days: int | None
    """Days that the due day of the whole moves, later is more; None unless it has one before and after."""
    is_shorter: bool
    """The thing, or a medium of it, may go sooner than before, or may go now where nothing allowed it."""


class Effect(NamedTuple):
    """The effect on many things."""

    things: int
    changed: int
    shorter: int
    kinds: dict[ChangeKind, int]
    """How many things show each kind; kinds that none shows are left out."""


def change(before: RetentionOutcome, after: RetentionOutcome) -> DueChange | None:
    """Compare the outcomes of one thing, computed for the same day; None where nothing changes.

    Every medium is compared that it has in both, so that none hides behind the one that stays longest.
    """
    pairs = _pairs(before, after)
    found = {kind for old, new in pairs for kind in (*_moved(old, new), *_beside(old, new))}
    if not found:
        return None
    days = (after.due_on - before.due_on).days if before.due_on and after.due_on else None
    is_shorter = any(new.standing.rank < old.standing.rank for old, new in pairs)
    kinds = tuple(kind for kind in ChangeKind if kind in found)
    return DueChange(kinds, before.due_on, after.due_on, days, is_shorter)


def changes(
    before: Mapping[Key, RetentionOutcome], after: Mapping[Key, RetentionOutcome]
) -> dict[Key, DueChange]:
    """Compare the outcomes of many things; what does not change, or stands on one side only, is left out.

    In the order of `after`.
    """
    compared = ((key, change(before[key], outcome)) for key, outcome in after.items() if key in before)
    return {key: found for key, found in compared if found is not None}


def effect(things: int, found: Iterable[DueChange]) -> Effect:
    """Count the changes of so many things; takes them one by one, so that they need not be kept."""
    kinds: Counter[ChangeKind] = Counter()
    changed = shorter = 0
    for each in found:
        changed += 1
        shorter += each.is_shorter
        kinds.update(each.kinds)
    return Effect(things, changed, shorter, {kind: kinds[kind] for kind in ChangeKind if kinds[kind]})


def _pairs(before: RetentionOutcome, after: RetentionOutcome) -> list[tuple[MediumOutcome, MediumOutcome]]:
    earlier = {each.medium: each for each in before.media}
    pairs = [(earlier[each.medium], each) for each in after.media if each.medium in earlier]
    return pairs or [(before.decisive, after.decisive)]


def _moved(before: MediumOutcome, after: MediumOutcome) -> Iterable[ChangeKind]:
    old, new = before.standing, after.standing
    if old.state is new.state:
        yield from _within(old, new)
        return
    if old.state is RetentionState.PERMANENT:
        yield ChangeKind.NO_LONGER_PERMANENT
    if new.state is RetentionState.WAITING:
        yield ChangeKind.WAITS_FOR_OTHER if old.due_on is None else ChangeKind.LOST_DAY
    else:
        yield _BECAME[new.state]


_BECAME = {
    RetentionState.RUNNING: ChangeKind.GOT_DAY,
    RetentionState.PERMANENT: ChangeKind.BECAME_PERMANENT,
    RetentionState.UNDETERMINED: ChangeKind.BECAME_UNDETERMINED,
}


def _within(old: Standing, new: Standing) -> Iterable[ChangeKind]:
    if old.due_on and new.due_on and old.due_on != new.due_on:
        yield ChangeKind.EARLIER if new.due_on < old.due_on else ChangeKind.LATER
    if old.waits_for != new.waits_for:
        yield ChangeKind.WAITS_FOR_OTHER
    if old.reason is not new.reason:
        yield ChangeKind.OTHER_REASON


def _beside(before: MediumOutcome, after: MediumOutcome) -> Iterable[ChangeKind]:
    was_due, is_due = (each.state is RetentionState.DUE for each in (before, after))
    if was_due != is_due:
        yield ChangeKind.FALLS_DUE if is_due else ChangeKind.NO_LONGER_DUE
    if before.action is not after.action:
        yield ChangeKind.OTHER_ACTION
    if _rule(before) != _rule(after):
        yield ChangeKind.OTHER_RULE
    if (before.conflict is None) != (after.conflict is None):
        yield ChangeKind.CONFLICT_BEGAN if before.conflict is None else ChangeKind.CONFLICT_ENDED


def _rule(outcome: MediumOutcome) -> UUID | None:
    return None if outcome.rule is None else outcome.rule.rule_id
