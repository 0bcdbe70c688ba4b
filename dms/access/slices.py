"""Chains, slices and decisions for objects in hand: Casbin disposes of each of them.

For any number of objects: one statement for the Aggregations above them, one for the classes above
them, one for the open lines that name any of these nodes and any of the subject's principals.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import aliased

from dms.access import marks
from dms.access.standing import Standing, policy_of
from dms.base.errors import Unavailable
from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.schemes import RecordClass
from dms.rules import access as rules
from dms.rules.access import Action, Decision, Line, Reason, Target
from dms.rules.security import Mark, dominates
from dms.stores.work import Work, session_of

Row: TypeAlias = Document | Aggregation

NOBODY = UUID(int=0)
"""Stands for an object that does not exist: it is decided like any other, and refused."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object hangs in both trees, and its mark: all that a decision needs of a row."""

    object_id: UUID
    aggregation_id: UUID | None
    class_id: UUID | None
    security: Mark | None


@dataclass(slots=True)
class Slices:
    """Chains and lines of one subject in one operation; grows as objects are asked about."""

    standing: Standing
    above: dict[UUID, frozenset[UUID]] = field(default_factory=dict)
    lines: dict[UUID, list[Line]] = field(default_factory=dict)
    decided: dict[tuple[object, ...], Decision] = field(default_factory=dict)


def slices_of(work: Work, standing: Standing) -> Slices:
    """Return the slices of a subject, kept for the length of the operation."""
    key = f"slices:{standing.account_id}"
    known: Slices | None = work.memory.get(key)
    if known is None:
        known = work.memory[key] = Slices(standing)
    return known


def place_of(work: Work, row: Row) -> Place:
    """Return what a decision needs of a row."""
    aggregation_id = row.aggregation_id if isinstance(row, Document) else row.id
    return Place(row.id, aggregation_id, row.record_class_id, marks.mark_of(work, row.security_id))


def decide(
    work: Work, slices: Slices, places: Collection[Place], *, action: Action
) -> Mapping[UUID, Decision]:
    """Decide every place for one action; Casbin decides, our trace names the lines.

    A disagreement between the two refuses and raises an alarm.
    """
    _load(work, slices, places)
    return {place.object_id: _decide_one(work, slices, place, action) for place in places}


def decide_asked(
    work: Work, slices: Slices, rows: Collection[Row], *, action: Action
) -> Mapping[UUID, Decision]:
    """Decide rows that the caller named by id or code, and with them a thing that does not exist.

    INVARIANT (absent-as-hidden): whether the rows are there or not, this sends the same statements.
    """
    marks.all_marks(work)
    places = [*(place_of(work, row) for row in rows), Place(NOBODY, NOBODY, NOBODY, None)]
    decisions = decide(work, slices, places, action=action)
    for known in (slices.above, slices.lines):
        known.pop(NOBODY, None)  # the next one that is asked for costs as much
    return decisions


def chain_of(slices: Slices, place: Place) -> frozenset[UUID]:
    """Return the nodes of a loaded place: itself, both trees above it, and their roofs."""
    roof = slices.standing.roof
    nodes = {place.object_id, roof.repository_id, roof.scheme_id}
    for start in (place.aggregation_id, place.class_id):
        if start is not None:
            nodes |= slices.above.get(start, frozenset())
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
    nodes = chain_of(slices, place)
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


def _above(model: type[Aggregation | RecordClass]) -> Select[UUID, UUID]:
    """Return the rows (start, node) of everything at or above the nodes bound to `starts`."""
    up = (
        select(model.id.label("start"), model.id.label("node"), model.parent_id)
        .where(model.id.in_(bindparam("starts", expanding=True)))
        .cte("up", recursive=True)
    )
    parent = aliased(model)
    up = up.union(select(up.c.start, parent.id, parent.parent_id).join(parent, parent.id == up.c.parent_id))
    return select(up.c.start, up.c.node)


# Built once: building such a statement costs several times what running it costs.
_ABOVE_AGGREGATIONS = _above(Aggregation)
_ABOVE_CLASSES = _above(RecordClass)


def _load(work: Work, slices: Slices, places: Collection[Place]) -> None:
    aggregations = {p.aggregation_id for p in places if p.aggregation_id} - slices.above.keys()
    classes = {p.class_id for p in places if p.class_id} - slices.above.keys()
    _climb(work, slices, _ABOVE_AGGREGATIONS, aggregations)
    _climb(work, slices, _ABOVE_CLASSES, classes)
    nodes = {node for place in places for node in chain_of(slices, place)}
    _load_lines(work, slices, nodes - slices.lines.keys())


def _climb(work: Work, slices: Slices, statement: Select[UUID, UUID], starts: set[UUID]) -> None:
    if not starts:
        return
    found: dict[UUID, set[UUID]] = {start: set() for start in starts}
    for start, node in session_of(work).execute(statement, {"starts": list(starts)}):
        found[start].add(node)
    slices.above.update({start: frozenset(nodes) for start, nodes in found.items()})


def _load_lines(work: Work, slices: Slices, nodes: set[UUID]) -> None:
    for node in nodes:
        slices.lines[node] = []
    principals = slices.standing.subject.principals
    if not nodes or not principals:
        return
    statement = select(
        AccessEntry.id,
        AccessEntry.principal_id,
        AccessEntry.node_id,
        AccessEntry.action,
        AccessEntry.effect,
        AccessEntry.valid_from,
        AccessEntry.valid_until,
    ).where(
        AccessEntry.node_id.in_(nodes),
        AccessEntry.principal_id.in_(principals),
        AccessEntry.revision_to.is_(None),
    )
    for row in session_of(work).execute(statement):
        line = Line(*row)
        slices.lines[line.node_id].append(line)
