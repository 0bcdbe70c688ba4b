"""The verdict of an actor for an action as SQL: what lists, counts and totals are filtered by.

SQL proposes; each row that leaves is decided again by Casbin (`access.slices`). A property test
holds both equal. First slice: the nodes below an entry are walked in SQL; the access scopes of
`access.md` section 4 replace the walk behind the same two functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, not_, or_, select, true
from sqlalchemy.orm import aliased

from dms.access import marks
from dms.access.standing import Standing, is_live
from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.schemes import RecordClass
from dms.models.types import unindexed
from dms.rules.access import Action, Effect, Line, bears
from dms.rules.security import dominates
from dms.stores.work import Work, session_of


@dataclass(frozen=True, slots=True)
class Verdict:
    """Nodes that the subject's live lines name, by effect, and the marks it dominates."""

    allowed: frozenset[UUID]
    denied: frozenset[UUID]
    security_ids: tuple[int, ...]
    repository_id: UUID
    scheme_id: UUID


def verdict(work: Work, standing: Standing, *, action: Action) -> Verdict:
    """Read the subject's live lines that bear on the action, and the marks it dominates."""
    key = f"slices:lines:{standing.account_id}"
    live: list[Line] | None = work.memory.get(key)
    if live is None:
        live = work.memory[key] = _live_lines(work, standing)
    lines = [*live, *standing.role_lines]
    reach = [
        security_id
        for security_id, mark in marks.all_marks(work).items()
        if dominates(standing.subject.clearance, mark)
    ]
    return Verdict(
        allowed=_nodes(lines, action, Effect.ALLOW),
        denied=_nodes(lines, action, Effect.DENY),
        security_ids=tuple(sorted(reach)),
        repository_id=standing.roof.repository_id,
        scheme_id=standing.roof.scheme_id,
    )


def condition(found: Verdict, model: type[Document | Aggregation]) -> ColumnElement[bool]:
    """Return the SQL test of a row: dominated, not denied by any node, allowed by some node."""
    if not found.security_ids or not found.allowed or _is_roof(found, found.denied):
        return false()
    allowed: ColumnElement[bool] = true()
    if not _is_roof(found, found.allowed):
        allowed = _named(model, found.allowed)
    clauses = [unindexed(model.security_id.expression).in_(found.security_ids), allowed]
    if found.denied:
        clauses.append(not_(_named(model, found.denied)))
    return and_(*clauses)


def _live_lines(work: Work, standing: Standing) -> list[Line]:
    principals = standing.subject.principals
    if not principals:
        return []
    statement = select(
        AccessEntry.id,
        AccessEntry.principal_id,
        AccessEntry.node_id,
        AccessEntry.action,
        AccessEntry.effect,
        AccessEntry.valid_from,
        AccessEntry.valid_until,
    ).where(
        AccessEntry.principal_id.in_(principals),
        AccessEntry.revision_to.is_(None),
        is_live(AccessEntry.valid_from, AccessEntry.valid_until, work.now),
    )
    return [Line(*row) for row in session_of(work).execute(statement)]


def _nodes(lines: Iterable[Line], action: Action, effect: Effect) -> frozenset[UUID]:
    return frozenset(
        line.node_id for line in lines if line.effect is effect and bears(line.action, line.effect, action)
    )


def _is_roof(found: Verdict, nodes: frozenset[UUID]) -> bool:
    return found.repository_id in nodes or found.scheme_id in nodes


def _named(model: type[Document | Aggregation], nodes: frozenset[UUID]) -> ColumnElement[bool]:
    """Test whether a row is one of the nodes or hangs below one, in either tree."""
    place = Document.aggregation_id if model is Document else Aggregation.id
    below_class: ColumnElement[bool] = unindexed(model.record_class_id.expression).in_(_classes_below(nodes))
    if model is Aggregation:
        below_class = and_(Aggregation.record_class_id.is_not(None), below_class)
    return or_(
        unindexed(place.expression).in_(_aggregations_below(nodes)),
        below_class,
        unindexed(model.id.expression).in_(nodes),
    )


def _aggregations_below(nodes: frozenset[UUID]) -> Select[UUID]:
    down = select(Aggregation.id).where(Aggregation.id.in_(nodes)).cte(recursive=True)
    child = aliased(Aggregation)
    down = down.union(select(child.id).join(down, child.parent_id == down.c.id))
    return select(down.c.id)


def _classes_below(nodes: frozenset[UUID]) -> Select[UUID]:
    down = select(RecordClass.id).where(RecordClass.id.in_(nodes)).cte(recursive=True)
    child = aliased(RecordClass)
    down = down.union(select(child.id).join(down, child.parent_id == down.c.id))
    return select(down.c.id)
