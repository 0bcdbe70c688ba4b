"""The classification scheme and its record classes: open to every user, to be chosen from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from dms.access import gate, scopes
from dms.access.keyset import Order
from dms.base.errors import Conflict, Invalid, NotFound
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.documents import Document
from dms.models.schemes import ClassificationScheme, RecordClass
from dms.rules import text
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.stores import facts, records
from dms.stores.records import Beside
from dms.stores.work import Work


def schemes(work: Work, request: PageRequest) -> Page[ClassificationScheme]:
    """List the classification schemes by code."""
    work.performs(Op.SCHEME_LIST)
    return gate.listed(work, ClassificationScheme).order_by(Order(ClassificationScheme.code)).page(request)


def classes(
    work: Work, request: PageRequest, *, scheme_id: UUID | None = None, parent_id: UUID | None = None
) -> Page[RecordClass]:
    """List record classes by code: all, those of a scheme, or those directly below a class."""
    work.performs(Op.SCHEME_LIST)
    reading = gate.listed(work, RecordClass).order_by(Order(RecordClass.code))
    if scheme_id is not None:
        reading = reading.where(RecordClass.scheme_id == scheme_id)
    if parent_id is not None:
        reading = reading.where(RecordClass.parent_id == parent_id)
    return reading.page(request)


def find_class(work: Work, *, class_id: UUID | None = None, code: str = "") -> RecordClass:
    """Return a class by its id or else by its code, or raise `NotFound`."""
    work.performs(Op.SCHEME_LIST)
    reading = gate.listed(work, RecordClass)
    if class_id is not None:
        return reading.one(class_id)
    rows = reading.where(RecordClass.code == text.sought(code, limit=text.MAX_CODE)).rows(1)
    if not rows:
        raise NotFound
    return rows[0]


def create_class(work: Work, *, code: str, title: str, parent_id: UUID | None = None) -> RecordClass:
    """Make a class of the one scheme, at its top or below another class.

    Editions, which put a change of the scheme before a second person, are not there yet: until then a
    holder of `schemes.manage` makes classes, which nobody changes or removes.
    """
    work.performs(Op.RECORDCLASS_CREATE)
    gate.require_duty(work, Duty.SCHEMES_MANAGE)
    parent = None if parent_id is None else class_of(work, parent_id, path=("parent",))
    clean = text.code(code, ("code",))
    if facts.record_class_id(work, clean) is not None:
        raise Conflict(f"the code `{clean}` is taken", path=("code",))
    row = RecordClass(
        id=new_id(),
        scheme_id=gate.standing(work).roof.scheme_id,
        parent_id=None if parent is None else parent.id,
        code=clean,
        title=text.line(title, ("title",)),
    )
    scopes.enter_class(work, row)
    work.add(row)
    work.flush()
    work.changed(row.id, before=None, after=1, old={}, new={"code": row.code, "title": row.title})
    return row


def class_of(work: Work, class_id: UUID, *, path: tuple[str, ...] = ("recordClassId",)) -> RecordClass:
    """Return a class that an input names; `Invalid` if there is none, since all of them are open."""
    found = named(work, [class_id]).get(class_id)
    if found is None:
        raise Invalid("there is no such class: choose one of `recordClasses`", path=path)
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
