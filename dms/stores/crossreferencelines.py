"""What a new cross-reference must know of all others, whoever asks; never a row to show."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import and_, or_, select

from dms.models.crossreferences import CrossReference
from dms.rules.crossreferences import SYMMETRIC, CrossReferenceKind
from dms.stores.work import Work, session_of

LOCK = "cross_reference"
"""Table that an operation locks first on PostgreSQL when it adds one, so that no two close a circle."""


def is_there(
    work: Work, kind: CrossReferenceKind, source_id: UUID, *, target_id: UUID | None, citation: str | None
) -> bool:
    """Tell whether such a reference stands already, from whichever end where both say the same."""
    row = CrossReference
    same = and_(row.source_id == source_id, row.target_id == target_id, row.citation == citation)
    if kind in SYMMETRIC and target_id is not None:
        same = or_(same, and_(row.source_id == target_id, row.target_id == source_id))
    statement = select(row.id).where(row.kind == kind, row.removed_at.is_(None), same)
    return session_of(work).execute(statement.limit(1)).first() is not None


def leads(work: Work, kind: CrossReferenceKind, *, start: UUID, goal: UUID) -> bool:
    """Tell whether references of a kind lead from one thing to another, by whatever steps."""
    row = CrossReference
    standing = and_(row.kind == kind, row.removed_at.is_(None), row.target_id.is_not(None))
    on = select(row.target_id.label("id")).where(standing, row.source_id == start).cte(recursive=True)
    on = on.union(select(row.target_id).where(standing, row.source_id == on.c.id))
    return session_of(work).execute(select(on.c.id).where(on.c.id == goal).limit(1)).first() is not None
