"""Why a decision falls as it does, and what would change it: over one account and one object.

A `Case` holds everything that the decision rests on as values, with the periods in which they count. So
a remedy can be tried on it before it is told: what is proposed here has been decided to help.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from dms.rules import access, reaches
from dms.rules.access import Action, Decision, Effect, Line, Reason, Subject, Target, bears, live
from dms.rules.asof import Dated, boundaries, held
from dms.rules.reaches import Reach, Society, Way
from dms.rules.security import Mark, dominates

MAX_BOUNDARIES = 200
"""Beginnings and ends of periods that are looked at to tell when a decision changes by itself."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a thing hung in both trees, from itself upwards, and how it was marked."""

    thing_id: UUID
    arrangement: tuple[UUID, ...]
    """The Aggregation or the Document with its Aggregation, and so on up to the Repository."""
    classes: tuple[UUID, ...]
    """Its class and so on up to the scheme."""
    security: Mark

    @property
    def nodes(self) -> frozenset[UUID]:
        """Return every node that an access line may name to bear on the thing."""
        return frozenset((*self.arrangement, *self.classes))

    def way_to(self, node_id: UUID) -> tuple[UUID, ...]:
        """Return the nodes from the thing up to a node above it, both included."""
        tree = self.arrangement if node_id in self.arrangement else self.classes
        upward = tree[: tree.index(node_id) + 1]
        return upward if upward[0] == self.thing_id else (self.thing_id, *upward)


@dataclass(frozen=True, slots=True)
class Case:
    """One account and one object, with all that may bear on a decision about them."""

    account_id: UUID
    around: Society
    clearances: tuple[Dated[Mark], ...]
    lines: tuple[Line, ...]
    """Lines on the object's nodes that name a principal which the account has, had or will have."""
    spot: Spot

    def reach(self, at: int) -> Reach:
        """Return what the account is at an instant."""
        return reaches.reach(self.around, self.account_id, at=at)

    def clearance(self, at: int) -> Mark | None:
        """Return the clearance that counts at an instant."""
        return held(self.clearances, at)


class Defect(StrEnum):
    """Why a line that is near does not match."""

    NOT_YET = "not_yet"
    EXPIRED = "expired"
    OTHER_ACTION = "other_action"
    LINK_NOT_YET = "link_not_yet"
    LINK_EXPIRED = "link_expired"
    CONFLICTING_ROLES = "conflicting_roles"


_OF_PEOPLE = frozenset({Defect.LINK_NOT_YET, Defect.LINK_EXPIRED, Defect.CONFLICTING_ROLES})


@dataclass(frozen=True, slots=True)
class Traced:
    """A line that matches, with the way on which the account comes to it."""

    line: Line
    way: Way
    decides: bool


@dataclass(frozen=True, slots=True)
class Near:
    """A line that would match but for its defects."""

    line: Line
    way: Way
    defects: tuple[Defect, ...]

    @property
    def is_about_people(self) -> bool:
        """Tell whether what keeps it from matching is who belongs to what."""
        return not _OF_PEOPLE.isdisjoint(self.defects)


def decide(case: Case, *, action: Action, at: int) -> Decision:
    """Decide a case: the reference that Casbin is held against."""
    reach = case.reach(at)
    if reach.disabled:
        return Decision(False, (), Reason.DISABLED)
    found = access.decide(
        subject(case, reach, at=at),
        Target(case.spot.nodes, case.spot.security),
        action=action,
        lines=case.lines,
        now=at,
    )
    if not found.may and reach.clashing and found.reason is not Reason.CLEARANCE:
        return replace(found, reason=Reason.CONFLICTING_ROLES)
    return found


def subject(case: Case, reach: Reach, *, at: int) -> Subject:
    """Return the account as the decision sees it."""
    return Subject(reach.principals, case.clearance(at))


def matching(case: Case, decision: Decision, *, at: int) -> tuple[Traced, ...]:
    """Return every line that matches at the instant; a refusal is decided by its denies."""
    ways = case.reach(at).ways
    deciding = {Reason.ALLOWED: Effect.ALLOW}.get(decision.reason, Effect.DENY)
    is_mandatory = not dominates(case.clearance(at), case.spot.security)
    ids = set(decision.line_ids)
    return tuple(
        Traced(line, ways[line.principal_id], line.effect is deciding and not is_mandatory)
        for line in case.lines
        if line.id in ids
    )


def near(case: Case, *, action: Action, at: int) -> tuple[Near, ...]:
    """Return the lines that say nothing at the instant, each with what keeps it from matching.

    A line about another action is near only if nothing else keeps it away.
    """
    reach = case.reach(at)
    detours = reaches.detours(case.around, case.account_id, at=at)
    found = []
    for line in case.lines:
        way = reach.ways.get(line.principal_id, detours.get(line.principal_id))
        if way is None:
            continue
        defects = _defects(line, way, reach, action=action, at=at)
        is_far = Defect.OTHER_ACTION in defects and len(defects) > 1
        if defects and not is_far:
            found.append(Near(line, way, defects))
    return tuple(found)


def changes_at(case: Case, *, action: Action, at: int) -> int | None:
    """Return when the answer turns by itself, as periods begin and end; None if not for a long time.

    The next 200 beginnings and ends are looked at.
    """
    answer = decide(case, action=action, at=at).may
    ahead = sorted(instant for instant in _boundaries(case) if instant > at)[:MAX_BOUNDARIES]
    return next((then for then in ahead if decide(case, action=action, at=then).may != answer), None)


def _defects(line: Line, way: Way, reach: Reach, *, action: Action, at: int) -> tuple[Defect, ...]:
    found = []
    if line.valid_from > at:
        found.append(Defect.NOT_YET)
    elif not live(line.valid_from, line.valid_until, at):
        found.append(Defect.EXPIRED)
    if not bears(line.action, line.effect, action):
        found.append(Defect.OTHER_ACTION)
    dead = [link for link in way if not link.counts(at)]
    if any(link.since <= at for link in dead):
        found.append(Defect.LINK_EXPIRED)
    elif dead:
        found.append(Defect.LINK_NOT_YET)
    if line.principal_id in reach.uncounted:
        found.append(Defect.CONFLICTING_ROLES)
    return tuple(found)


def _boundaries(case: Case) -> set[int]:
    found = boundaries(case.clearances)
    for line in case.lines:
        found |= {line.valid_from, *([] if line.valid_until is None else [line.valid_until])}
    for links in case.around.links.values():
        for link in links:
            found |= {link.since, *([] if link.until is None else [link.until])}
    return found


def roles_in_way(case: Case, role_id: UUID, *, at: int) -> Mapping[str, UUID]:
    """Return the roles that keep a clashing role from counting, by name."""
    ways = case.reach(at).ways
    name = case.around.figures[role_id].role
    rivals = {other for pair in case.around.exclusive if name in pair for other in pair - {name}}
    return {
        figure.role: each
        for each in ways
        if (figure := case.around.figures.get(each)) is not None and figure.role in rivals
    }
