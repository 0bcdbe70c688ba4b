"""The classification scheme and its record classes: open to every user, to be chosen from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from dms.access import gate
from dms.access.keyset import Order
from dms.base.errors import Invalid, NotFound
from dms.base.paging import Page, PageRequest
from dms.models.documents import Document
from dms.models.schemes import ClassificationScheme, RecordClass
from dms.rules import text
from dms.rules.accessevents import Op
from dms.rules.schemes import ClassStatus
from dms.stores import records
from dms.stores.records import Beside
from dms.stores.work import Work


def schemes(work: Work, request: PageRequest) -> Page[ClassificationScheme]:
    """List the classification schemes by code."""
    work.performs(Op.SCHEME_LIST)
    return gate.listed(work, ClassificationScheme).order_by(Order(ClassificationScheme.code)).page(request)


def classes(
    work: Work,
    request: PageRequest,
    *,
    scheme_id: UUID | None = None,
    parent_id: UUID | None = None,
    status: ClassStatus = ClassStatus.ACTIVE,
) -> Page[RecordClass]:
    """List record classes by code: all, those of a scheme, or those directly below a class.

    They are those in force, unless others are asked for.
    """
    work.performs(Op.SCHEME_LIST)
    reading = gate.listed(work, RecordClass).order_by(Order(RecordClass.code))
    reading = reading.where(RecordClass.status == status)
    if scheme_id is not None:
        reading = reading.where(RecordClass.scheme_id == scheme_id)
    if parent_id is not None:
        reading = reading.where(RecordClass.parent_id == parent_id)
    return reading.page(request)


def find_class(work: Work, *, class_id: UUID | None = None, code: str = "") -> RecordClass:
    """Return a class by its id, or else the one in force by its code, or raise `NotFound`."""
    work.performs(Op.SCHEME_LIST)
    reading = gate.listed(work, RecordClass)
    if class_id is not None:
        return reading.one(class_id)
    coded = reading.where(RecordClass.code == text.sought(code, limit=text.MAX_CODE))
    rows = coded.where(RecordClass.status == ClassStatus.ACTIVE).rows(1)
    if not rows:
        raise NotFound
    return rows[0]


def class_of(work: Work, class_id: UUID, *, path: tuple[str, ...] = ("recordClassId",)) -> RecordClass:
    """Return a class in force that an input names; `Invalid` if there is none, since all of them are open."""
    found = named(work, [class_id]).get(class_id)
    if found is None or found.status is ClassStatus.PROPOSED:
        raise Invalid("there is no such class: choose one of `recordClasses`", path=path)
    if found.status is ClassStatus.CLOSED:
        raise Invalid(f"the class `{found.code}` is closed: choose one that is active", path=path)
    return found


def named(work: Work, class_ids: Collection[UUID]) -> Mapping[UUID, RecordClass]:
    """Return the classes that an answer names, by id."""
    return gate.vocabulary(work, RecordClass).many(class_ids)


def classes_of(work: Work, rows: Sequence[Document], *, beside: Beside) -> Mapping[UUID, RecordClass]:
    """Return the classes of Documents, by id; a class that was read beside its Document is not read again."""
    gate.vocabulary(work, RecordClass)
    if all(records.has_beside(row, beside) for row in rows):
        return {row.record_class_id: records.beside_of(row, beside) for row in rows}
    return named(work, {row.record_class_id for row in rows})


def class_nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, RecordClass]:
    """Return the classes with these ids that there are."""
    return gate.listed(work, RecordClass).each(ids)


def scheme_nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, ClassificationScheme]:
    """Return the schemes with these ids that there are."""
    return gate.listed(work, ClassificationScheme).each(ids)
