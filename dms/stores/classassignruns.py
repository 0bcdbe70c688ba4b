"""Lines of orders to class many things, written together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update

from dms.models.classassignruns import ClassAssignLine
from dms.rules.classassignruns import LineOutcome
from dms.stores.work import Work, session_of


def keep_lines(work: Work, rows: Sequence[Mapping[str, Any]]) -> None:  # values of columns
    """Write lines, in one statement."""
    if rows:
        session_of(work).connection().execute(insert(ClassAssignLine), [*rows])


def tell_lines(work: Work, rows: Sequence[Mapping[str, Any]]) -> None:  # values of columns
    """Tell what became of lines that waited; `line_id` names each."""
    if rows:
        session_of(work).connection().execute(_TELL, [*rows])


def waiting(work: Work, run_id: UUID, *, limit: int) -> Sequence[UUID]:
    """Return the next things of an order that nothing was done with yet, in their order."""
    statement = (
        select(ClassAssignLine.object_id)
        .where(ClassAssignLine.run_id == run_id, ClassAssignLine.outcome.is_(None))
        .order_by(ClassAssignLine.position)
    )
    return session_of(work).connection().execute(statement.limit(limit)).scalars().all()


def gone(work: Work, run_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Return the things of orders that were not there when it was their turn: who asked had named them."""
    statement = select(ClassAssignLine.object_id).where(
        ClassAssignLine.run_id.in_(run_ids), ClassAssignLine.outcome == LineOutcome.GONE
    )
    return frozenset(session_of(work).connection().execute(statement).scalars())


_TELL = (
    update(ClassAssignLine)
    .where(ClassAssignLine.id == bindparam("line_id"))
    .values({name: bindparam(name) for name in ("outcome", "refusal", "former_class_id", "class_id")})
)
