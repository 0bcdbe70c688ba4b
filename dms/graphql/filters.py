"""Filters of lists: one input for each kind of value, and the tree that they make."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import enums
from dms.graphql.scalars import MediaType, asked_id
from dms.rules.filters import AllOf, AnyOf, Filter, Leaf, Not, Operator, Value


class Direction(StrEnum):
    """Which way a list runs."""

    ASC = "asc"
    DESC = "desc"


enums.show(
    Direction,
    name="OrderDirection",
    description="Which way a list runs.",
    values={Direction.ASC: "The smallest, first or oldest first.", Direction.DESC: "The other way round."},
)

_EQ = "Equal to this."
_IN = "Equal to one of these."
_GTE = "This or later."
_LTE = "This or earlier."
_NULL = "True: without a value. False: with one."


@strawberry.input(description="A condition on text, judged without case and accents.")
class TextFilter:
    """Conditions on folded text; all that are given must hold."""

    eq: str | None = strawberry.field(default=None, description=_EQ)
    in_: list[str] | None = strawberry.field(default=None, name="in", description=_IN)
    starts_with: str | None = strawberry.field(default=None, description="Begins with this.")
    contains: str | None = strawberry.field(default=None, description="Holds this somewhere.")


@strawberry.input(
    description="A condition on reference codes, judged without case and leading zeros. A beginning ends at "
    "whole numbers: `F1/S1` is one of `F1/S1/3`, not of `F1/S10`."
)
class CodeFilter:
    """Conditions on reference codes; all that are given must hold."""

    eq: str | None = strawberry.field(default=None, description=_EQ)
    in_: list[str] | None = strawberry.field(default=None, name="in", description=_IN)
    starts_with: str | None = strawberry.field(
        default=None, description="Begins with this: the code itself and what lies below it."
    )
    is_null: bool | None = strawberry.field(default=None, description=_NULL)


@strawberry.input(description="A condition on an instant.")
class DateTimeFilter:
    """Conditions on an instant; all that are given must hold."""

    gte: Instant | None = strawberry.field(default=None, description=_GTE)
    lte: Instant | None = strawberry.field(default=None, description=_LTE)


@strawberry.input(description="A condition on the first day of the dates of description.")
class DateFilter:
    """Conditions on a day; all that are given must hold."""

    gte: date | None = strawberry.field(default=None, description=_GTE)
    lte: date | None = strawberry.field(default=None, description=_LTE)
    is_null: bool | None = strawberry.field(default=None, description=_NULL)


@strawberry.input(description="A condition on the level of the security classification.")
class SecurityLevelFilter:
    """Conditions on a level by its code; all that are given must hold."""

    eq: str | None = strawberry.field(default=None, description="The level with this code.")
    in_: list[str] | None = strawberry.field(default=None, name="in", description="One of these levels.")
    gte: str | None = strawberry.field(default=None, description="This level or a higher one.")
    lte: str | None = strawberry.field(default=None, description="This level or a lower one.")


@strawberry.input(description="A condition on a media type.")
class MediaTypeFilter:
    """Conditions on a media type; all that are given must hold."""

    eq: MediaType | None = strawberry.field(default=None, description=_EQ)
    in_: list[MediaType] | None = strawberry.field(default=None, name="in", description=_IN)


@strawberry.input(description="A condition on the class.")
class RecordClassFilter:
    """Conditions on a class by its id; all that are given must hold."""

    eq: strawberry.ID | None = strawberry.field(default=None, description="The class with this id.")
    in_: list[strawberry.ID] | None = strawberry.field(
        default=None, name="in", description="One of these classes."
    )
    is_null: bool | None = strawberry.field(default=None, description=_NULL)


def aggregation_key(text: str) -> UUID:
    """Read the id of an Aggregation in a filter."""
    return asked_id(Kind.AGGREGATION, text)


def class_key(text: str) -> UUID:
    """Read the id of a class in a filter."""
    return asked_id(Kind.RECORD_CLASS, text)


def conditions(
    field: str, given: object, *, read: Callable[[Any], Value] = lambda value: value
) -> list[Filter]:
    """Return the conditions that an input of this module says of a field; `read` turns ids into keys."""
    if given is None:
        return []
    return [
        Leaf(
            field, operator, tuple(value if operator is Operator.IS_NULL else read(value) for value in values)
        )
        for operator, values in _said(given)
    ]


def joined(
    own: Sequence[Filter],
    *,
    every: Sequence[Filter] | None,
    some: Sequence[Filter] | None,
    never: Filter | None,
) -> Filter:
    """Return one filter of the conditions of an input, its `and`, its `or` and its `not`."""
    parts = [*own, *(every or ())]
    if some is not None:
        parts.append(AnyOf(tuple(some)))
    if never is not None:
        parts.append(Not(never))
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _said(given: object) -> Iterator[tuple[Operator, Sequence[Any]]]:
    for each in dataclasses.fields(given):  # type: ignore[arg-type]  # every input is a dataclass
        value = getattr(given, each.name)
        if value is not None:
            yield Operator(each.name.rstrip("_")), value if isinstance(value, list) else [value]
