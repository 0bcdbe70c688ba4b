"""What registers must know of their lines, whoever asks: numbers and conditions, never a row to show."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select

from dms.models.registers import Register, RegisterCorrection, RegisterEntry
from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of

LOCK = "register"
"""Table that an operation locks first on PostgreSQL when it gives a number."""


def is_code_taken(work: Work, code: str) -> bool:
    """Tell whether a register has this code."""
    statement = select(Register.id).where(Register.code == code)
    return session_of(work).execute(statement).first() is not None


def corrections_of(work: Work, entry_id: UUID) -> tuple[int, bool]:
    """Return how many corrections an entry has, and whether one of them makes it void."""
    statement = select(RegisterCorrection.is_void).where(RegisterCorrection.entry_id == entry_id)
    found = session_of(work).execute(statement).scalars().all()
    return len(found), any(found)


def is_void() -> ColumnElement[bool]:
    """Return the condition that an entry counts no more."""
    return exists().where(RegisterCorrection.entry_id == RegisterEntry.id, RegisterCorrection.is_void)


def names(document_ids: Collection[UUID]) -> ColumnElement[bool]:
    """Return the condition that an entry, or a correction of it, names one of these Documents."""
    corrected = exists().where(
        RegisterCorrection.entry_id == RegisterEntry.id, in_ids(RegisterCorrection.document_id, document_ids)
    )
    return or_(in_ids(RegisterEntry.document_id, document_ids), corrected)


def gaps(work: Work) -> list[UUID]:
    """Return the registers whose entries are not as many as their last serial says: there must be none."""
    counted = (
        select(
            RegisterEntry.register_id, func.count().label("n"), func.max(RegisterEntry.serial).label("last")
        )
        .group_by(RegisterEntry.register_id)
        .subquery()
    )
    statement = (
        select(Register.id)
        .outerjoin(counted, counted.c.register_id == Register.id)
        .where(
            or_(
                func.coalesce(counted.c.n, 0) != Register.last_serial,
                func.coalesce(counted.c.last, 0) != Register.last_serial,
            )
        )
    )
    return list(session_of(work).execute(statement).scalars())
