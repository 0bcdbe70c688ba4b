"""Filters of lists: conditions on fields joined by and, or, not, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeAlias, assert_never
from uuid import UUID

from dms.base.canonical import Canonical
from dms.base.errors import Invalid

MAX_DEPTH = 5
MAX_LEAVES = 50

Value: TypeAlias = str | int | bool | date | UUID
"""What a field is compared with; instants are integers, closed sets their text."""


class Operator(StrEnum):
    """How a field is compared."""

    EQ = "eq"
    IN = "in"
    GTE = "gte"
    LTE = "lte"
    STARTS_WITH = "starts_with"
    CONTAINS = "contains"
    IS_NULL = "is_null"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One condition on one field; all operators but IN take one value."""

    field: str
    operator: Operator
    values: tuple[Value, ...]

    @property
    def value(self) -> Value:
        """Return the one value of an operator that takes one."""
        return self.values[0]


@dataclass(frozen=True, slots=True)
class AllOf:
    """True if every part is; true without parts."""

    parts: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True if some part is; false without parts."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True if the part is not."""

    part: Filter


Filter: TypeAlias = Leaf | AllOf | AnyOf | Not

EVERYTHING = AllOf()
"""The filter that keeps everything."""


def checked(found: Filter, path: tuple[str, ...] = ("filter",)) -> Filter:
    """Return the filter; `Invalid` if it is nested too deep or holds too many conditions."""
    if depth(found) > MAX_DEPTH:
        raise Invalid(f"a filter may be nested {MAX_DEPTH} deep at most", path=path)
    if sum(1 for _ in leaves(found)) > MAX_LEAVES:
        raise Invalid(f"a filter may hold {MAX_LEAVES} conditions at most", path=path)
    return found


def depth(found: Filter) -> int:
    """Return how many `or` and `not` stand inside each other; an `and` only lists conditions."""
    own = 0 if isinstance(found, AllOf | Leaf) else 1
    return own + max((depth(part) for part in _parts(found)), default=0)


def leaves(found: Filter) -> Iterator[Leaf]:
    """Yield every condition."""
    if isinstance(found, Leaf):
        yield found
    for part in _parts(found):
        yield from leaves(part)


def fields(found: Filter) -> frozenset[str]:
    """Return the fields that the filter looks at."""
    return frozenset(leaf.field for leaf in leaves(found))


def canonical(found: Filter) -> Canonical:
    """Return the filter as a plain value: equal for equal filters, to bind cursors to it."""
    match found:
        case Leaf():
            return [found.field, found.operator.value, [_plain(value) for value in found.values]]
        case AllOf():
            return {"and": [canonical(part) for part in found.parts]}
        case AnyOf():
            return {"or": [canonical(part) for part in found.parts]}
        case Not():
            return {"not": canonical(found.part)}
        case _:
            assert_never(found)


def _parts(found: Filter) -> tuple[Filter, ...]:
    match found:
        case Leaf():
            return ()
        case AllOf() | AnyOf():
            return found.parts
        case Not():
            return (found.part,)
        case _:
            assert_never(found)


def _plain(value: Value) -> Canonical:
    match value:
        case UUID():
            return value.hex
        case date():
            return value.isoformat()
        case _:
            return value
