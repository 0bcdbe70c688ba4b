"""What a change of a classification scheme must know of its editions, whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, insert, select, update

from dms.base.ids import new_id
from dms.models.schemes import ClassEntry, ClassMapping, RecordClass, SchemeEdition
from dms.rules.schemes import ClassStatus, Successor, Wording
from dms.rules.states import EditionState
from dms.stores.work import Work, session_of

_WORDING = tuple(getattr(ClassEntry, name) for name in Wording._fields)
_SUCCESSOR = tuple(getattr(ClassMapping, name) for name in Successor._fields)


class Kept(NamedTuple):
    """What is kept of a class: what the edition in force says, or the draft that proposes it."""

    status: ClassStatus
    parent_id: UUID | None
    code: str
    title: str


def kept(work: Work) -> Mapping[UUID, Kept]:
    """Return what is kept of every class, by id."""
    columns = (RecordClass.id, RecordClass.status, RecordClass.parent_id, RecordClass.code, RecordClass.title)
    return {row[0]: Kept(*row[1:]) for row in session_of(work).execute(select(*columns))}


def in_force(work: Work, scheme_id: UUID) -> UUID | None:
    """Return the id of the edition in force; None only while an installation is founded."""
    statement = select(SchemeEdition.id).where(
        SchemeEdition.scheme_id == scheme_id, SchemeEdition.state == EditionState.IN_FORCE
    )
    return session_of(work).execute(statement).scalar_one_or_none()


def next_number(work: Work, scheme_id: UUID) -> int:
    """Return the number of the next edition."""
    statement = select(func.coalesce(func.max(SchemeEdition.number), 0) + 1)
    found: int = session_of(work).execute(statement.where(SchemeEdition.scheme_id == scheme_id)).scalar_one()
    return found


def wordings(work: Work, edition_id: UUID) -> tuple[Wording, ...]:
    """Return what all classes say in an edition, in no order."""
    rows = session_of(work).execute(select(*_WORDING).where(ClassEntry.edition_id == edition_id))
    return tuple(Wording(*row) for row in rows)


def successors(work: Work, edition_id: UUID) -> tuple[Successor, ...]:
    """Return in what the classes go on that an edition closes, in no order."""
    rows = session_of(work).execute(select(*_SUCCESSOR).where(ClassMapping.edition_id == edition_id))
    return tuple(Successor(*row) for row in rows)


def copied(work: Work, edition_id: UUID, *, to: UUID) -> int:
    """Word the open classes of an edition in another one just as they were; returns how many."""
    statement = select(ClassEntry).where(ClassEntry.edition_id == edition_id, ClassEntry.is_closed.is_(False))
    names = [column.key for column in ClassEntry.__mapper__.columns]
    rows = [
        {name: getattr(row, name) for name in names} | {"id": new_id(), "edition_id": to}
        for row in session_of(work).execute(statement).scalars()
    ]
    if rows:
        session_of(work).execute(insert(ClassEntry), rows)
    return len(rows)


def give_up_classes(work: Work, edition_id: UUID) -> None:
    """Close the classes that only this edition words, which never comes in force."""
    worded = select(ClassEntry.class_id).where(ClassEntry.edition_id == edition_id)
    session_of(work).execute(
        update(RecordClass)
        .where(RecordClass.status == ClassStatus.PROPOSED, RecordClass.id.in_(worded))
        .values(status=ClassStatus.CLOSED)
    )


def is_code_taken(work: Work, edition_id: UUID, code: str, *, but: UUID | None = None) -> bool:
    """Tell whether a class of an edition, other than `but`, has a code."""
    statement = select(ClassEntry.id).where(ClassEntry.edition_id == edition_id, ClassEntry.code == code)
    if but is not None:
        statement = statement.where(ClassEntry.class_id != but)
    return session_of(work).execute(statement.limit(1)).first() is not None


def status_of(work: Work, class_id: UUID) -> ClassStatus | None:
    """Return whether a class is in force; None if there is none of this id."""
    return (
        session_of(work)
        .execute(select(RecordClass.status).where(RecordClass.id == class_id))
        .scalar_one_or_none()
    )
