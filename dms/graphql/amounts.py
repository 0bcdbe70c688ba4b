"""Numbers that an operation's arguments say, as functions of its variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    BooleanValueNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
)

from dms.base.paging import MAX_PAGE, MAX_TOTAL, USUAL_TOTAL
from dms.graphql.costs import TOTAL_STEP, TOTAL_WEIGHT

_DIGITS = 9
"""A longer number is beyond every limit, and need not be read."""


class Unread:
    """Stands for a value of which no number depends."""


UNREAD = Unread()

Reading = Callable[[object], int]
"""Makes a number of a value, whatever it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Amount:
    """The largest of some numbers; a constant if no variable has a say."""

    constant: int
    read: Reading
    variables: tuple[tuple[str, tuple[str, ...], object], ...] = ()
    """Name, path inside of its value, default."""

    def __call__(self, given: Mapping[str, Any]) -> int:
        """Return the number with these variables."""
        found = self.constant
        for name, path, default in self.variables:
            found = max(found, self.read(_dug(given.get(name, default), path)))
        return found


def constant(value: int) -> Amount:
    """Return a number on which nothing has an influence."""
    return Amount(value, length)


def amount(
    asked: Sequence[tuple[ValueNode, tuple[str, ...]]], read: Reading, defaults: Mapping[str, object]
) -> Amount:
    """Return the largest number that these values say, each with the path inside of it."""
    values, variables = [], []
    for node, path in asked:
        inner, rest = _descended(node, path)
        if isinstance(inner, VariableNode):
            name = inner.name.value
            variables.append((name, rest, defaults.get(name)))
        else:
            values.append(literal(inner))
    if not values and not variables:
        values.append(None)
    return Amount(max((read(value) for value in values), default=0), read, tuple(variables))


def literal(node: ValueNode | None) -> object:
    """Return what a literal says, as far as a number may depend on it; never slow, never an error."""
    match node:
        case None | NullValueNode():
            return None
        case IntValueNode(value=digits):
            return int(digits) if len(digits) <= _DIGITS else MAX_TOTAL
        case BooleanValueNode(value=said):
            return said
        case ListValueNode(values=values):
            return [UNREAD] * len(values)
        case ObjectValueNode(fields=fields):
            return {field.name.value: literal(field.value) for field in fields}
        case _:
            return UNREAD


def length(value: object) -> int:
    """Return how many items are asked for: a list's length, or a size as far as one may be."""
    if isinstance(value, list):
        return len(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return min(max(value, 1), MAX_PAGE)  # any other is refused when it is executed
    return int(value is not None)


def weight(value: object) -> int:
    """Return how often a weight counts: at least once."""
    return max(length(value), 1)


def total(value: object) -> int:
    """Return what a total costs that is counted up to this number."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    up_to = min(max(value, 0), MAX_TOTAL) if is_number else USUAL_TOTAL  # type: ignore[call-overload]  # checked
    return TOTAL_WEIGHT + int(up_to) // TOTAL_STEP


def is_included(value: object) -> int:
    """Return 0 for a selection that `@include` leaves out with this value, else 1."""
    return int(value is not False)


def is_not_skipped(value: object) -> int:
    """Return 0 for a selection that `@skip` leaves out with this value, else 1."""
    return int(value is not True)


def _descended(node: ValueNode, path: tuple[str, ...]) -> tuple[ValueNode | None, tuple[str, ...]]:
    """Go into the objects of a literal as far as the path leads, or to a variable."""
    inner: ValueNode | None = node
    for at, name in enumerate(path):
        if not isinstance(inner, ObjectValueNode):
            return (inner, path[at:]) if isinstance(inner, VariableNode) else (None, ())
        inner = next((field.value for field in inner.fields if field.name.value == name), None)
    return inner, ()


def _dug(value: object, path: Sequence[str]) -> object:
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value
