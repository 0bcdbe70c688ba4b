"""What is there already, by the names and codes that people use: so that a bulk load doubles nothing.

Like `stores.facts` these readings bypass the access gate; they return ids and values, never a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.holds import Hold
from dms.models.schedules import RetentionSchedule, ScheduleEdition
from dms.models.schemes import RecordClass, SchemeEdition
from dms.models.security import Clearance
from dms.models.users import Account, Principal, PrincipalKind, PrincipalLink
from dms.rules.access import Action, Effect
from dms.rules.schemes import ClassStatus
from dms.rules.states import DocumentState, EditionState
from dms.stores.work import Work, session_of


@dataclass(frozen=True, slots=True)
class Filed:
    """A Document that is there: its revision, its newest Version and its state."""

    id: UUID
    revision: int
    current_version: int
    """0 while there is none."""
    state: DocumentState


@dataclass(frozen=True, slots=True)
class Edition:
    """An edition of the scheme, or of a schedule, that is there."""

    id: UUID
    number: int
    state: EditionState
    revision: int


@dataclass(frozen=True, slots=True)
class Line:
    """What an access entry says, without its period."""

    principal_id: UUID
    node_id: UUID
    action: Action
    effect: Effect
    valid_from: int


def is_empty(work: Work) -> bool:
    """Tell whether nobody has an account or made an Aggregation yet."""
    session = session_of(work)
    people = select(Principal.id).where(Principal.kind == PrincipalKind.USER)
    return (
        session.execute(people.limit(1)).first() is None
        and session.execute(select(Aggregation.id).limit(1)).first() is None
    )


def principals(work: Work) -> Mapping[tuple[PrincipalKind, str], UUID]:
    """Return the id of every principal by kind and name."""
    rows = session_of(work).execute(select(Principal.kind, Principal.name, Principal.id))
    return {(row[0], row[1]): row[2] for row in rows}


def with_password(work: Work) -> frozenset[UUID]:
    """Return the accounts whose holders have chosen a password."""
    statement = select(Account.principal_id).where(Account.password_hash.is_not(None))
    return frozenset(session_of(work).execute(statement).scalars())


def open_links(work: Work) -> frozenset[tuple[UUID, UUID]]:
    """Return member and group of every link that nobody has ended."""
    statement = select(PrincipalLink.member_id, PrincipalLink.group_id)
    rows = session_of(work).execute(statement.where(PrincipalLink.revision_to.is_(None)))
    return frozenset((row[0], row[1]) for row in rows)


def open_clearances(work: Work) -> frozenset[tuple[UUID, int]]:
    """Return holder and beginning of every clearance that nobody has revoked."""
    statement = select(Clearance.user_id, Clearance.valid_from)
    rows = session_of(work).execute(statement.where(Clearance.revision_to.is_(None)))
    return frozenset((row[0], row[1]) for row in rows)


def open_lines(work: Work) -> frozenset[Line]:
    """Return what the access entries say that nobody has revoked."""
    columns = (
        AccessEntry.principal_id,
        AccessEntry.node_id,
        AccessEntry.action,
        AccessEntry.effect,
        AccessEntry.valid_from,
    )
    rows = session_of(work).execute(select(*columns).where(AccessEntry.revision_to.is_(None)))
    return frozenset(Line(*row) for row in rows)


def record_classes(work: Work) -> Mapping[str, UUID]:
    """Return the id of every record class in force by its code."""
    columns = select(RecordClass.code, RecordClass.id)
    rows = session_of(work).execute(columns.where(RecordClass.status == ClassStatus.ACTIVE))
    return {row[0]: row[1] for row in rows}


def newest_edition(work: Work) -> Edition:
    """Return the edition of the scheme with the highest number."""
    columns = (SchemeEdition.id, SchemeEdition.number, SchemeEdition.state, SchemeEdition.revision)
    statement = select(*columns).order_by(SchemeEdition.number.desc()).limit(1)
    return Edition(*session_of(work).execute(statement).one())


def newest_schedule_edition(work: Work, code: str) -> Edition | None:
    """Return the edition of a retention schedule that was begun last; None if there is none."""
    columns = (ScheduleEdition.id, ScheduleEdition.number, ScheduleEdition.state, ScheduleEdition.revision)
    statement = (
        select(*columns)
        .join(RetentionSchedule, RetentionSchedule.id == ScheduleEdition.schedule_id)
        .where(RetentionSchedule.code == code)
        .order_by(ScheduleEdition.number.desc())
        .limit(1)
    )
    row = session_of(work).execute(statement).first()
    return None if row is None else Edition(*row)


def has_holds(work: Work) -> bool:
    """Tell whether a Hold was ever placed."""
    return session_of(work).execute(select(Hold.id).limit(1)).first() is not None


def aggregations(work: Work) -> Mapping[str, UUID]:
    """Return the id of every Aggregation by its reference code."""
    rows = session_of(work).execute(select(Aggregation.reference_code, Aggregation.id))
    return {row[0]: row[1] for row in rows}


def documents(work: Work) -> Mapping[tuple[UUID, str], Filed]:
    """Return every Document by its Aggregation and title; of equal ones the newest."""
    columns = (
        Document.aggregation_id,
        Document.title,
        Document.id,
        Document.revision,
        Document.current_version,
        Document.state,
    )
    rows = session_of(work).execute(select(*columns).order_by(Document.id))
    return {(row[0], row[1]): Filed(row[2], row[3], row[4] or 0, row[5]) for row in rows}
