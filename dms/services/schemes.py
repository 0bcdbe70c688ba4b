"""The classification scheme and its record classes: open to every user, to be chosen from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from dms.access import gate
from dms.access.keyset import Order
from dms.base.errors import Invalid
from dms.base.paging import Page, PageRequest
from dms.models.schemes import ClassificationScheme, RecordClass
from dms.rules.accessevents import Op
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


def class_of(work: Work, class_id: UUID, *, path: tuple[str, ...] = ("recordClass",)) -> RecordClass:
    """Return a class that an input names; `Invalid` if there is none, since all of them are open."""
    found = named(work, [class_id]).get(class_id)
    if found is None:
        raise Invalid("there is no such class: choose one of `recordClasses`", path=path)
    return found


def named(work: Work, class_ids: Collection[UUID]) -> Mapping[UUID, RecordClass]:
    """Return the classes that an answer names, by id."""
    return gate.vocabulary(work, RecordClass).many(class_ids)


def schemes_named(work: Work, scheme_ids: Collection[UUID]) -> Mapping[UUID, ClassificationScheme]:
    """Return the schemes that an answer names, by id."""
    return gate.vocabulary(work, ClassificationScheme).many(scheme_ids)


def node(work: Work, class_id: UUID) -> RecordClass:
    """Return a class by id, or raise `NotFound`."""
    return gate.listed(work, RecordClass).one(class_id)


def scheme_node(work: Work, scheme_id: UUID) -> ClassificationScheme:
    """Return a scheme by id, or raise `NotFound`."""
    return gate.listed(work, ClassificationScheme).one(scheme_id)
