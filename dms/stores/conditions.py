"""Filters as SQL: a condition for each leaf, and those that look beyond the row itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias, assert_never
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, and_, false, func, not_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, aliased

from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.holds import Hold, HoldNotice
from dms.models.schemes import RecordClass
from dms.models.versions import Blob, ContentFile, FileRole, Version
from dms.rules import codes, text
from dms.rules.filters import AllOf, AnyOf, Filter, Leaf, Not, Operator

Column: TypeAlias = InstrumentedAttribute[Any]  # the type of a filtered column varies
Meaning: TypeAlias = Callable[[Leaf], ColumnElement[bool]]

_LAST = "\U0010ffff"
_ESCAPE = "\\"


def condition(found: Filter, meanings: Mapping[str, Meaning]) -> ColumnElement[bool]:
    """Return the SQL of a filter; what each field means is the caller's."""
    match found:
        case Leaf():
            return meanings[found.field](found)
        case AllOf():
            return and_(true(), *(condition(part, meanings) for part in found.parts))
        case AnyOf():
            return or_(false(), *(condition(part, meanings) for part in found.parts))
        case Not():
            return not_(condition(found.part, meanings))
        case _:
            assert_never(found)


def on(column: Column, *, read: Callable[[Any], object] = lambda value: value) -> Meaning:
    """Return the meaning of a field that is a column; `read` turns a value into the column's own.

    A row without a value fulfils no condition but `isNull`, and so fulfils its opposite.
    """

    def meaning(leaf: Leaf) -> ColumnElement[bool]:
        if leaf.operator is Operator.IS_NULL:
            return column.is_(None) if leaf.value else column.is_not(None)
        compared = _compared(column, leaf.operator, [read(value) for value in leaf.values])
        # INVARIANT (two-valued): unknown never reaches `not`, which would drop the row both ways.
        return and_(column.is_not(None), compared) if column.property.columns[0].nullable else compared

    return meaning


def text_key(column: Column, fold: Callable[[str], str]) -> Meaning:
    """Return the meaning of a field that is found by its folded sort key; empty stands for null."""

    def meaning(leaf: Leaf) -> ColumnElement[bool]:
        if leaf.operator is Operator.IS_NULL:
            return column == "" if leaf.value else column != ""
        wanted = [text.sought(fold(str(value)), limit=codes.MAX_KEY_BYTES) for value in leaf.values]
        return and_(column != "", _compared(column, leaf.operator, wanted))

    return meaning


def below(column: Column, ids: Collection[UUID]) -> ColumnElement[bool]:
    """Return the condition that a row hangs in one of these Aggregations or anywhere below them."""
    return column.in_(select(tree(ids).c.node))


def at_or_below(column: Column, root: UUID) -> ColumnElement[bool]:
    """Return the condition that a column names a node of the access rules, or one that hangs below it."""
    aggregations, classes = select(tree([root]).c.node), select(_classes(root).c.id)
    documents = select(Document.id).where(
        or_(Document.aggregation_id.in_(aggregations), Document.record_class_id.in_(classes))
    )
    classed = select(Aggregation.id).where(Aggregation.record_class_id.in_(classes))
    return or_(column == root, *(column.in_(each) for each in (aggregations, classes, documents, classed)))


def _classes(root: UUID) -> CTE:
    down = select(RecordClass.id).where(RecordClass.id == root).cte(recursive=True)
    child = aliased(RecordClass)
    return down.union(select(child.id).join(down, child.parent_id == down.c.id))


def is_unrevoked(column: Column) -> ColumnElement[bool]:
    """Return the condition that a column names an access entry that nobody has ended."""
    return column.in_(select(AccessEntry.id).where(AccessEntry.revision_to.is_(None)))


def tree(ids: Collection[UUID]) -> CTE:
    """Return the rows (start, node) of everything at or below these Aggregations."""
    down = (
        select(Aggregation.id.label("start"), Aggregation.id.label("node"))
        .where(Aggregation.id.in_(ids))
        .cte(recursive=True)
    )
    child = aliased(Aggregation)
    return down.union(select(down.c.start, child.id).join(down, child.parent_id == down.c.node))


def current_media_type(leaf: Leaf) -> ColumnElement[bool]:
    """Return the condition that the newest Version's content is of one of these media types."""
    return (
        select(ContentFile.id)
        .join(Version, Version.id == ContentFile.version_id)
        .where(
            Version.document_id == Document.id,
            Version.number == Document.current_version,
            ContentFile.role == FileRole.BODY,
            ContentFile.media_type.in_(leaf.values),
        )
        .exists()
    )


def is_newest_version() -> ColumnElement[bool]:
    """Return the condition that a Version is the newest one of its Document."""
    newest = select(Document.current_version).where(Document.id == Version.document_id)
    return Version.number == newest.correlate(Version).scalar_subquery()


def is_first_body() -> ColumnElement[bool]:
    """Return the condition that a ContentFile is the first body of its Version."""
    other = aliased(ContentFile)
    bodies = select(func.min(other.position)).where(
        other.version_id == ContentFile.version_id, other.role == FileRole.BODY
    )
    return ContentFile.position == bodies.correlate(ContentFile).scalar_subquery()


def holds_content(digests: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that some Version of a Document has one of these contents."""
    return Document.id.in_(select(Blob.document_id).where(Blob.plain_sha256.in_(digests)))


def is_told_of_hold(account_id: UUID) -> ColumnElement[bool]:
    """Return the condition that a Hold was told to an account."""
    return Hold.id.in_(select(HoldNotice.hold_id).where(HoldNotice.custodian_id == account_id))


def _compared(column: Column, operator: Operator, values: Sequence[Any]) -> ColumnElement[bool]:
    value = values[0] if values else None
    match operator:
        case Operator.EQ:
            return column == value
        case Operator.IN:
            return column.in_(values)
        case Operator.GTE:
            return column >= value
        case Operator.LTE:
            return column <= value
        case Operator.STARTS_WITH:
            # A range, so that an index serves it on both databases.
            return and_(column >= value, column < f"{value}{_LAST}")
        case Operator.CONTAINS:
            return column.contains(str(value), autoescape=True, escape=_ESCAPE)
        case Operator.IS_NULL | Operator.BELOW:
            raise ValueError(f"`{operator}` is not a comparison with a value")
        case _:
            assert_never(operator)
