"""Actions, duties and the decision over a slice of access lines (`access.md` section 1).

The decision here is the executable reference. Casbin's core takes the real one with the same pure
functions `bears`, `live` and `dominates`; a property test holds both together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from dms.rules.security import Mark, dominates


class Action(StrEnum):
    """What may be done with a node; each action needs the ones that `NEEDS` names."""

    DISCOVER = "DISCOVER"
    READ_METADATA = "READ_METADATA"
    READ_RESTRICTED = "READ_RESTRICTED"
    READ_CONTENT = "READ_CONTENT"
    EXPORT = "EXPORT"
    FILE = "FILE"
    EDIT = "EDIT"
    LEND = "LEND"
    MARK = "MARK"
    DOWNGRADE = "DOWNGRADE"
    HOLD = "HOLD"
    DISPOSE = "DISPOSE"
    APPROVE = "APPROVE"
    MANAGE_ACCESS = "MANAGE_ACCESS"


NEEDS: dict[Action, Action | None] = {
    Action.DISCOVER: None,
    Action.READ_METADATA: Action.DISCOVER,
    Action.READ_RESTRICTED: Action.READ_METADATA,
    Action.READ_CONTENT: Action.READ_METADATA,
    Action.EXPORT: Action.READ_CONTENT,
    Action.FILE: Action.DISCOVER,
    Action.EDIT: Action.READ_METADATA,
    Action.LEND: Action.READ_METADATA,
    Action.MARK: Action.READ_METADATA,
    Action.DOWNGRADE: Action.READ_CONTENT,
    Action.HOLD: Action.READ_METADATA,
    Action.DISPOSE: Action.READ_METADATA,
    Action.APPROVE: Action.READ_METADATA,
    Action.MANAGE_ACCESS: Action.DISCOVER,
}


class Effect(StrEnum):
    """What a line does; there is no third effect."""

    ALLOW = "allow"
    DENY = "deny"


class Duty(StrEnum):
    """A power of an office without an object; it gives no sight of Documents (F34)."""

    USERS_MANAGE = "users.manage"
    CLEARANCES_MANAGE = "clearances.manage"
    SECURITYLEVELS_MANAGE = "securitylevels.manage"
    SCHEMES_MANAGE = "schemes.manage"
    SCHEDULES_MANAGE = "schedules.manage"
    DESCRIPTIONS_MANAGE = "descriptions.manage"
    PLACES_MANAGE = "places.manage"
    REQUESTS_MANAGE = "requests.manage"
    LOG_READ = "log.read"
    LOG_EXPORT = "log.export"
    LOG_PRUNE = "log.prune"
    POLICY_READ = "policy.read"
    ACCESS_REVIEW = "access.review"
    EMERGENCY_OPEN = "emergency.open"
    STATISTICS_FULL = "statistics.full"
    SYSTEM_OPERATE = "system.operate"


class NodeKind(StrEnum):
    """What an access entry can name."""

    REPOSITORY = "repository"
    AGGREGATION = "aggregation"
    CLASS = "class"
    DOCUMENT = "document"


def _with_needs(action: Action) -> frozenset[Action]:
    chain = {action}
    below = NEEDS[action]
    while below is not None:
        chain.add(below)
        below = NEEDS[below]
    return frozenset(chain)


COVERS: dict[Action, frozenset[Action]] = {action: _with_needs(action) for action in Action}
"""What an allow of the action covers: itself and all that it needs."""

REFUSED_BY: dict[Action, frozenset[Action]] = COVERS
"""Denies that refuse an action: a deny of the action itself or of anything that it needs."""

ALLOWED_BY: dict[Action, frozenset[Action]] = {
    action: frozenset(line for line in Action if action in COVERS[line]) for action in Action
}
"""Allows that give an action: an allow of the action itself or of anything that needs it."""


def bears(line_action: str, effect: str, requested: str) -> bool:
    """Tell whether a line of this action and effect says anything about the requested action."""
    if effect == Effect.ALLOW:
        return requested in COVERS[Action(line_action)]
    return line_action in COVERS[Action(requested)]


def live(since: int, until: int | None, now: int) -> bool:
    """Tell whether `now` lies in the half-open period `[since, until)`, all UTC microseconds."""
    return since <= now and (until is None or now < until)


@dataclass(frozen=True, slots=True)
class Line:
    """An access entry, or a role's action on the Repository, as the decision sees it."""

    id: UUID | str
    principal_id: UUID
    node_id: UUID
    action: Action
    effect: Effect
    valid_from: int
    valid_until: int | None


@dataclass(frozen=True, slots=True)
class Subject:
    """The actor of a decision: all its principals at any depth, `everyone` included."""

    principals: frozenset[UUID]
    clearance: Mark | None


@dataclass(frozen=True, slots=True)
class Target:
    """The object of a decision: itself with every node above it in both trees."""

    nodes: frozenset[UUID]
    security: Mark


class Reason(StrEnum):
    """Why a decision fell as it did."""

    ALLOWED = "allowed"
    NO_ENTRY = "no_entry"
    DENIED = "denied"
    CLEARANCE = "clearance"
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    DISABLED = "disabled"
    CONFLICTING_ROLES = "conflicting_roles"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, every line that matched (allow and deny), and the reason."""

    may: bool
    line_ids: tuple[UUID | str, ...]
    reason: Reason


def decide(subject: Subject, target: Target, *, action: Action, lines: Iterable[Line], now: int) -> Decision:
    """Decide over any superset of the slice; lines that do not match change nothing."""
    matching = [
        line
        for line in lines
        if line.principal_id in subject.principals
        and line.node_id in target.nodes
        and bears(line.action, line.effect, action)
    ]
    return _conclude(subject, target, matching=matching, now=now)


def _conclude(subject: Subject, target: Target, *, matching: list[Line], now: int) -> Decision:
    living = [line for line in matching if live(line.valid_from, line.valid_until, now)]
    ids = tuple(line.id for line in living)
    if not dominates(subject.clearance, target.security):
        return Decision(False, ids, Reason.CLEARANCE)
    if any(line.effect is Effect.DENY for line in living):
        return Decision(False, ids, Reason.DENIED)
    if living:
        return Decision(True, ids, Reason.ALLOWED)
    return Decision(False, (), _near_miss(matching, now))


def _near_miss(matching: list[Line], now: int) -> Reason:
    allows = [line for line in matching if line.effect is Effect.ALLOW]
    if any(line.valid_from > now for line in allows):
        return Reason.NOT_YET
    if any(line.valid_until is not None and line.valid_until <= now for line in allows):
        return Reason.EXPIRED
    return Reason.NO_ENTRY


def conflicting(roles: frozenset[str], pairs: Iterable[frozenset[str]]) -> frozenset[str]:
    """Return the roles of a closure that exclude each other; empty when they can meet."""
    clashing: set[str] = set()
    for pair in pairs:
        if pair <= roles:
            clashing |= pair
    return frozenset(clashing)
