"""Which things a rule bears on, or would: for rules that must know them, whoever asks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select

from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.retention import RetentionAssignment, RetentionOutcome, Target
from dms.models.schedules import RetentionRule
from dms.models.schemes import RecordClass
from dms.stores.sets import in_ids
from dms.stores.work import Work, fetch


def below(work: Work, kind: Target, target_id: UUID, *, limit: int) -> Sequence[UUID]:
    """Return up to so many things on which a rule bears that is bound to this target, itself included."""
    match kind:
        case Target.DOCUMENT:
            return [target_id]
        case Target.AGGREGATION:
            return _in_aggregation(work, target_id, limit)
        case _:
            return of_classes(work, [target_id], limit=limit)


def of_classes(
    work: Work, class_ids: Collection[UUID], *, limit: int, after: UUID | None = None
) -> list[UUID]:
    """Return some of what is in these classes and in those below, by id."""
    down = select(RecordClass.id).where(in_ids(RecordClass.id, class_ids)).cte("down", recursive=True)
    down = down.union(select(RecordClass.id).where(RecordClass.parent_id == down.c.id))
    found = select(RetentionOutcome.id).where(RetentionOutcome.class_id.in_(select(down.c.id)))
    if after is not None:
        found = found.where(RetentionOutcome.id > after)
    return [row[0] for row in fetch(work, found.order_by(RetentionOutcome.id).limit(limit))]


def class_line(work: Work, class_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return these classes with all below them."""
    down = select(RecordClass.id).where(in_ids(RecordClass.id, class_ids)).cte("down", recursive=True)
    down = down.union(select(RecordClass.id).where(RecordClass.parent_id == down.c.id))
    return frozenset(row[0] for row in fetch(work, select(down.c.id)))


def bound_classes(work: Work) -> frozenset[UUID]:
    """Return the classes to which any rule was ever bound: what is bound to classes is open to every user."""
    statement = select(RetentionAssignment.target_id).where(RetentionAssignment.target_kind == Target.CLASS)
    return frozenset(row[0] for row in fetch(work, statement.distinct()))


def is_rule(work: Work, rule_id: UUID) -> bool:
    """Tell whether there is a rule of this id."""
    return bool(fetch(work, select(RetentionRule.id).where(RetentionRule.id == rule_id)))


def _in_aggregation(work: Work, target_id: UUID, limit: int) -> list[UUID]:
    down = select(Aggregation.id).where(Aggregation.id == target_id).cte("inside", recursive=True)
    down = down.union(select(Aggregation.id).where(Aggregation.parent_id == down.c.id))
    found = [row[0] for row in fetch(work, select(down.c.id).limit(limit))]
    documents = select(Document.id).where(Document.aggregation_id.in_(select(down.c.id)))
    return found + [row[0] for row in fetch(work, documents.limit(limit - len(found)))]
