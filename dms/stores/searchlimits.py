"""Limits of a search as SQL, on what entries repeat of their things."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, not_, or_

from dms.models.search import SearchEntry
from dms.rules import text
from dms.rules.searchlimits import Condition, MediaKind, Span
from dms.stores import conditions

_Meaning: TypeAlias = Callable[[Any], ColumnElement[bool]]  # of a value of the condition's own kind


def sql(limit: Condition) -> ColumnElement[bool]:
    """Return the condition of an entry; an entry that lacks what is asked for fulfils the opposite."""
    if limit.of == "below":
        found = conditions.below(SearchEntry.aggregation_id, _ids(limit))
    else:
        found = or_(false(), *(_MEANINGS[limit.of](value) for value in limit.values))
    return not_(found) if limit.is_not else found


def _ids(limit: Condition) -> list[UUID]:
    return [value for value in limit.values if isinstance(value, UUID)]


def _is_set(column: Any, test: ColumnElement[bool]) -> ColumnElement[bool]:  # a nullable column
    # INVARIANT (two-valued): unknown never reaches `not`, which would drop the row both ways.
    return and_(column.is_not(None), test)


def _media(kind: MediaKind) -> ColumnElement[bool]:
    column, typed = SearchEntry.media_type, text.sought(kind.text, limit=text.MAX_NAME)
    if kind.is_whole:
        return _is_set(column, column == typed)
    begins = column.startswith(f"{typed.strip('/')}/", autoescape=True)
    ends = column.endswith(f"/{typed.strip('/')}", autoescape=True)
    return _is_set(column, or_(begins, ends))


def _language(typed: str) -> ColumnElement[bool]:
    return _is_set(SearchEntry.language, SearchEntry.language == text.sought(typed, limit=text.MAX_NAME))


def _dated(span: Span) -> ColumnElement[bool]:
    column = SearchEntry.date_key
    parts = [column != ""]
    if span.first is not None:
        parts.append(column >= span.first)
    if span.last is not None:
        parts.append(column <= span.last)
    return and_(*parts)


_MEANINGS: Mapping[str, _Meaning] = {
    "kind": lambda value: SearchEntry.kind == value,
    "aggregation": lambda value: _is_set(SearchEntry.aggregation_id, SearchEntry.aggregation_id == value),
    "recordClass": lambda value: _is_set(SearchEntry.record_class_id, SearchEntry.record_class_id == value),
    "mediaType": _media,
    "language": _language,
    "date": _dated,
}
