"""What a rule must know whole, whoever asks: counts, ids and values, never a row to show.

These readings bypass the access gate on purpose. A test lists them with their callers.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from dms.models.aggregations import Repository
from dms.models.schemes import ClassificationScheme, RecordClass
from dms.models.security import SecurityLevel
from dms.models.users import Principal, PrincipalKind
from dms.stores.work import Work, session_of


def repository_id(work: Work) -> UUID | None:
    """Return the id of the one Repository; None before the first migration."""
    return session_of(work).execute(select(Repository.id)).scalar_one_or_none()


def scheme_id(work: Work) -> UUID | None:
    """Return the id of the one classification scheme; None before the first migration."""
    return session_of(work).execute(select(ClassificationScheme.id)).scalar_one_or_none()


def record_class_id(work: Work, code: str) -> UUID | None:
    """Return the id of a RecordClass by its code."""
    return (
        session_of(work).execute(select(RecordClass.id).where(RecordClass.code == code)).scalar_one_or_none()
    )


def principal_id(work: Work, *, kind: PrincipalKind, name: str) -> UUID | None:
    """Return the id of a principal by kind and name."""
    return (
        session_of(work)
        .execute(select(Principal.id).where(Principal.kind == kind, Principal.name == name))
        .scalar_one_or_none()
    )


def level_ranks(work: Work) -> dict[str, int]:
    """Return the rank of every security level by its code."""
    rows = session_of(work).execute(select(SecurityLevel.code, SecurityLevel.rank))
    return {row[0]: row[1] for row in rows}
