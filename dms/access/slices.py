"""Chains, slices and decisions for objects in hand: Casbin disposes of each of them.

For any number of objects: one statement for what their scopes say, one for the chains above their access
nodes, one for the open lines that name any of these nodes and any of the subject's principals. A decision
about objects without entries of their own is kept under the policy's revision (`access.kept`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias
from uuid import UUID

from sqlalchemy import select

from dms.access import kept, marks, scopes
from dms.access.scopes import Row
from dms.access.standing import Standing, policy_of
from dms.base.errors import Unavailable
from dms.models.accesslists import AccessEntry
from dms.models.scopes import AccessNode, AccessNodeClosure
from dms.rules import access as rules
from dms.rules.access import Action, Decision, Line, Reason, Target
from dms.rules.security import Mark, dominates
from dms.stores.sets import in_ids, in_numbers
from dms.stores.work import Work, fetch

NOBODY = UUID(int=0)
"""Stands for an object that does not exist: it is decided like any other, and refused."""

_NO_SCOPE = 0

_Scope: TypeAlias = tuple[int | None, int | None, Mark | None]
"""The nearest access nodes of both trees, and the mark: all that a decision without own entries needs."""


class Place(NamedTuple):
    """Where an object hangs in both trees, and its mark: all that a decision needs of a row."""

    object_id: UUID
    aggregation_node: int | None
    """The nearest access node, the object itself included; None where only the roofs stand above."""
    class_node: int | None
    security: Mark | None
    has_own_entries: bool = False


@dataclass(slots=True)
class Slices:
    """Chains and lines of one subject in one operation; grows as objects are asked about."""

    standing: Standing
    lines: dict[UUID, list[Line]] = field(default_factory=dict)
    decided: dict[tuple[object, ...], Decision] = field(default_factory=dict)


def slices_of(work: Work, standing: Standing) -> Slices:
    """Return the slices of a subject, kept for the length of the operation."""
    key = f"slices:{standing.account_id}"
    known: Slices | None = work.memory.get(key)
    if known is None:
        known = work.memory[key] = Slices(standing)
    return known


def places_of(work: Work, rows: Collection[Row]) -> list[Place]:
    """Return what a decision needs of rows, in their order."""
    said = scopes.triples(work, {row.scope_id for row in rows})
    known = marks.all_marks(work)
    return [
        Place(
            row.id,
            said[row.scope_id].aggregation_node,
            said[row.scope_id].class_node,
            known[row.security_id],
            has_own_entries=getattr(row, "has_own_entries", False),
        )
        for row in rows
    ]


def place_of(work: Work, row: Row) -> Place:
    """Return what a decision needs of one row."""
    return places_of(work, [row])[0]


def decide(
    work: Work, slices: Slices, places: Collection[Place], *, action: Action
) -> Mapping[UUID, Decision]:
    """Decide every place for one action; Casbin decides, our trace names the lines.

    A disagreement between the two refuses and raises an alarm.
    """
    decisions = decide_each(work, slices, places, action=action)
    return {place.object_id: decision for place, decision in zip(places, decisions, strict=True)}


def decide_each(
    work: Work, slices: Slices, places: Collection[Place], *, action: Action
) -> Sequence[Decision]:
    """Return the same, in the order of the places."""
    whose = (slices.standing.subject, slices.standing.clashing, action)
    known: dict[_Scope, Decision] = kept.room(work, "decisions").setdefault(whose, {})
    found = [None if place.has_own_entries else known.get(_scope(place)) for place in places]
    fresh = [place for place, decision in zip(places, found, strict=True) if decision is None]
    if not fresh:
        return [decision for decision in found if decision is not None]
    load(work, slices, fresh)
    decided = {place.object_id: _decide_one(work, slices, place, action) for place in fresh}
    lasting = {_scope(each): decided[each.object_id] for each in fresh if not each.has_own_entries}
    known.update(lasting)  # in place: whoever reads all of an archive would copy what is known ever again
    kept.keep(work, "decisions", whose, known, weight=len(lasting))
    return [
        decided[place.object_id] if decision is None else decision
        for place, decision in zip(places, found, strict=True)
    ]


def decide_asked(
    work: Work, slices: Slices, rows: Collection[Row], *, action: Action, n_asked: int
) -> Mapping[UUID, Decision]:
    """Decide those that there are of so many things that the caller named by id or code.

    INVARIANT (absent-as-hidden): if any of them is refused, or not there, as many statements are sent as a
    decision about which nothing is known; so what is kept, or missing, tells nothing.
    """
    sent: set[str] = set()
    work.memory[scopes.SENT] = sent
    decisions = decide(work, slices, places_of(work, rows), action=action)
    # Asking for nothing is what remains of asking for parts of what is absent.
    if len(rows) < max(n_asked, 1) or not all(decision.may for decision in decisions.values()):
        _send_the_rest(work, slices, sent)
    return decisions


def _send_the_rest(work: Work, slices: Slices, sent: AbstractSet[str]) -> None:
    if "triples" not in sent:
        scopes.triples(work, {_NO_SCOPE})
    if "chains" not in sent:
        _climb(work, {_NO_SCOPE})
    if "lines" not in sent:
        _load_lines(work, slices, {NOBODY})
        slices.lines.pop(NOBODY, None)  # the next one that is asked for costs as much


def chain_of(work: Work, slices: Slices, place: Place) -> frozenset[UUID]:
    """Return the nodes above a loaded place that a line may name, their roofs, and itself if one does."""
    roof = slices.standing.roof
    chains: dict[int, frozenset[UUID]] = kept.room(work, "chains")
    nodes = {roof.repository_id, roof.scheme_id}
    if place.has_own_entries:
        nodes.add(place.object_id)
    for start in (place.aggregation_node, place.class_node):
        if start:
            nodes |= chains[start]
    return frozenset(nodes)


def lines_on(slices: Slices, nodes: Iterable[UUID]) -> list[Line]:
    """Return the loaded open lines on these nodes, the role lines of the subject included."""
    found = [line for node in nodes for line in slices.lines.get(node, ())]
    found.extend(slices.standing.role_lines)
    return found


def _decide_one(work: Work, slices: Slices, place: Place, action: Action) -> Decision:
    """Decide a place, or take over the decision of one with the same lines and the same mark.

    INVARIANT (same-lines): a decision sees of the nodes only which lines name one of them.
    """
    nodes = chain_of(work, slices, place)
    lines = lines_on(slices, nodes)
    key = (frozenset(line.id for line in lines), place.security, action)
    known = slices.decided.get(key)
    if known is None:
        known = slices.decided[key] = _ask_casbin(work, slices, place, action, nodes=nodes, lines=lines)
    return known


def _ask_casbin(
    work: Work,
    slices: Slices,
    place: Place,
    action: Action,
    *,
    nodes: frozenset[UUID],
    lines: Sequence[Line],
) -> Decision:
    standing = slices.standing
    if standing.disabled or place.security is None:
        return Decision(False, (), Reason.DISABLED if standing.disabled else Reason.NO_ENTRY)
    target = Target(nodes, place.security)
    bearing = [line for line in lines if rules.bears(line.action, line.effect, action)]
    may = policy_of(work).permits(standing.subject, target, action=action, lines=bearing, now=work.now)
    traced = rules.decide(standing.subject, target, action=action, lines=lines, now=work.now)
    if traced.may != may:
        raise Unavailable("the access decision could not be taken: try again later")
    if not may and standing.clashing and dominates(standing.subject.clearance, place.security):
        return Decision(False, traced.line_ids, Reason.CONFLICTING_ROLES)
    return traced


def _scope(place: Place) -> _Scope:
    return place.aggregation_node, place.class_node, place.security


# Built once: building such a statement costs several times what running it costs.
_CLIMB = (
    select(AccessNodeClosure.node, AccessNode.node_id)
    .join(AccessNode, AccessNode.id == AccessNodeClosure.ancestor)
    .where(in_numbers(AccessNodeClosure.node, "starts"))
)
_READ_LINES = select(
    AccessEntry.id,
    AccessEntry.principal_id,
    AccessEntry.node_id,
    AccessEntry.action,
    AccessEntry.effect,
    AccessEntry.valid_from,
    AccessEntry.valid_until,
).where(
    in_ids(AccessEntry.node_id, "nodes"),
    in_ids(AccessEntry.principal_id, "principals"),
    AccessEntry.revision_to.is_(None),
)


def load(work: Work, slices: Slices, places: Collection[Place]) -> None:
    """Read the chains of places and the open lines on them, whatever was decided about them before."""
    _climb(work, {node for place in places for node in (place.aggregation_node, place.class_node)})
    nodes = {node for place in places for node in chain_of(work, slices, place)}
    _load_lines(work, slices, nodes - slices.lines.keys())


def _climb(work: Work, starts: Collection[int | None]) -> None:
    chains: dict[int, frozenset[UUID]] = kept.room(work, "chains")
    unknown = [start for start in starts if start is not None and start not in chains]
    if not unknown:
        return
    scopes.note_sent(work, "chains")
    found: dict[int, set[UUID]] = {start: set() for start in unknown}
    for start, node_id in fetch(work, _CLIMB, {"starts": unknown}):
        found[start].add(node_id)
    for start in unknown:
        if start != _NO_SCOPE:  # the next one that is asked for costs as much
            kept.keep(work, "chains", start, frozenset(found[start]), weight=len(found[start]))


def _load_lines(work: Work, slices: Slices, nodes: set[UUID]) -> None:
    for node in nodes:
        slices.lines[node] = []
    principals = slices.standing.subject.principals
    if not nodes or not principals:
        return
    scopes.note_sent(work, "lines")
    named = {"nodes": nodes, "principals": principals}
    for row in fetch(work, _READ_LINES, named):
        line = Line(*row)
        slices.lines[line.node_id].append(line)
