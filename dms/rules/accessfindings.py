"""Over-permission: what of the access lists nobody needs, and how one line makes another idle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from dms.base.clock import DAY
from dms.rules.access import COVERS, Action, Effect
from dms.rules.periods import Period, covers
from dms.rules.security import Mark

YEAR = 365 * DAY
"""How long a clearance must have been of use for nothing."""
MAX_OWN_LINES = 5_000
"""Open lines of one principal, beyond which it is a group or an Aggregation that is missing."""
MAX_DAYS = 3_650
FEW_SCOPES = 5_000
"""Access scopes that are never too many: to test as many costs a list or a count some milliseconds."""
DOCUMENTS_OF_A_SCOPE = 5
"""Documents that there should be for each access scope, or lists have little to gain from scopes."""


class FindingKind(StrEnum):
    """What is the matter; in this order a line's findings stand."""

    EXPIRED = "expired"
    ROOT_WIDE = "root_wide"
    SHADOWED_BY_DENY = "shadowed_by_deny"
    SHADOWED_BY_ALLOW = "shadowed_by_allow"
    UNUSED = "unused"
    CLEARANCE_UNUSED = "clearance_unused"
    MANY_LINES = "many_lines"
    MANY_SCOPES = "many_scopes"


OF_LINES = (
    FindingKind.EXPIRED,
    FindingKind.ROOT_WIDE,
    FindingKind.SHADOWED_BY_DENY,
    FindingKind.SHADOWED_BY_ALLOW,
    FindingKind.UNUSED,
)

REMEDIES: Mapping[FindingKind, str] = {
    FindingKind.EXPIRED: "revoke it: it gives nothing any more, and clutters the list",
    FindingKind.ROOT_WIDE: "grant on the Aggregations or classes that are needed, then revoke it",
    FindingKind.SHADOWED_BY_DENY: "revoke it, or place the deny lower or on fewer people",
    FindingKind.SHADOWED_BY_ALLOW: "revoke it: nothing changes; or revoke the wider line if that is too wide",
    FindingKind.UNUSED: "ask who needs it; revoke it, or give it an end",
    FindingKind.CLEARANCE_UNUSED: "revoke it and grant what is needed",
    FindingKind.MANY_LINES: "grant to a group, or on an Aggregation above, and revoke the single lines",
    FindingKind.MANY_SCOPES: "grant further up, and mark alike what lies together; what no line names any "
    "more is merged after thirty days",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What an open line says, as far as others can make it idle."""

    id: UUID
    principal_id: UUID
    node_id: UUID
    action: Action
    effect: Effect
    period: Period


def widened(
    principal_id: UUID,
    during: Period,
    *,
    groups: Mapping[UUID, Iterable[tuple[UUID, Period]]],
    everyone: UUID,
) -> frozenset[UUID]:
    """Return a principal with all groups in which it is for the whole of a period, and everyone."""
    found, waiting = {principal_id, everyone}, [principal_id]
    while waiting:
        for group, period in groups.get(waiting.pop(), ()):
            if group not in found and covers(period, during):
                found.add(group)
                waiting.append(group)
    return frozenset(found)


def remaining(period: Period, *, now: int) -> Period:
    """Return what is left of a period that is not over."""
    return Period(max(period.since, now), period.until)


def shadow(
    line: Said,
    others: Iterable[Said],
    *,
    now: int,
    principals: AbstractSet[UUID],
    nodes: AbstractSet[UUID],
    effect: Effect,
) -> Said | None:
    """Return a line of an effect that makes a line idle for all the time it has left: the oldest one.

    A deny does if it refuses the very action that the line names; an allow, beside an allow, if it
    gives all that the line gives. Of two that say the same, the newer one is idle.
    """
    left = remaining(line.period, now=now)
    found = [
        other
        for other in others
        if other.id != line.id
        and other.effect is effect
        and other.principal_id in principals
        and other.node_id in nodes
        and covers(other.period, left)
        and _outdoes(other, line, now=now)
    ]
    return min(found, key=lambda other: other.id, default=None)


def is_spread(scopes: int, documents: int, *, few: int) -> bool:
    """Tell whether Documents are spread over so many access scopes that lists get slow (`access.md` 12)."""
    return scopes > few and scopes * DOCUMENTS_OF_A_SCOPE > documents


def unopened(cleared: Mark, opened: Iterable[Mark]) -> Mark | None:
    """Return what of a clearance was of no use: its rank if nothing of it was opened, and compartments.

    None if all of it was. Rank 0 stands for a level that was opened.
    """
    seen = list(opened)
    used = frozenset().union(*(mark.compartments for mark in seen)) if seen else frozenset()
    rank = 0 if any(mark.rank >= cleared.rank for mark in seen) else cleared.rank
    idle = Mark(rank, cleared.compartments - used)
    return idle if idle.rank or idle.compartments else None


def _outdoes(other: Said, line: Said, *, now: int) -> bool:
    if other.effect is Effect.DENY:
        does = other.action in COVERS[line.action]
    else:
        does = line.effect is Effect.ALLOW and line.action in COVERS[other.action]
    is_alike = (
        other.effect is line.effect
        and (other.principal_id, other.node_id, other.action)
        == (line.principal_id, line.node_id, line.action)
        and covers(line.period, remaining(other.period, now=now))
    )
    return does and (not is_alike or other.id < line.id)
