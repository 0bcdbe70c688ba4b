"""What each field of the schema costs: declared in `prices`, shown in the SDL as `@cost`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

import strawberry
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_introspection_type,
    is_list_type,
)
from strawberry.schema_directive import Location

SIZES = ("first", "last")
"""The arguments that say how long a page is."""

TOTALS = frozenset({"totalCount", "totalIsExact"})
"""The fields of a connection for which its whole list is counted."""

TOTAL_UP_TO = "totalUpTo"
"""The argument that says how far it is counted."""
TOTAL_WEIGHT, TOTAL_STEP = 5, 200
"""A total costs 5 points and one for each 200 that may be counted."""

WRITING = 10
"""What a mutation costs, at least."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a field costs: `weight` for itself, once, and what is below it as often as it has items."""

    weight: int = 1
    sized_by: tuple[str, ...] = ()
    """Arguments, or fields of them as in `input.ids`: a number, or the length of a list, multiplies what is
    below a list, or the weight of what is none. The largest counts."""
    items: int | None = None
    """How many items a list is taken to have that no argument sizes."""


_ERRORS = Cost(0, items=1)
"""The expected failures of a payload."""


@strawberry.schema_directive(
    name="cost",
    locations=[Location.FIELD_DEFINITION],
    description="What a field costs in points. Without it: 1 for each object, nothing for a value. A total "
    f"costs one more for each {TOTAL_STEP} that may be counted.",
)
class CostDirective:
    """Shows a `Cost` in the SDL."""

    items: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The number of items that a list without a size is taken to have.",
    )
    sized_by: list[str] | None = strawberry.field(
        default=strawberry.UNSET,
        description="The arguments whose number, or number of items, multiplies what each item costs, or "
        "else the weight.",
    )
    weight: int = strawberry.field(description="The points of the field itself, once, whatever it finds.")


class Shape(Enum):
    """How a field multiplies what is below it."""

    VALUE = "value"
    OBJECT = "object"
    LIST = "list"
    CONNECTION = "connection"
    PAGE = "page"
    """The items of a connection, sized by its field."""
    TOTAL = "total"
    OPAQUE = "opaque"
    """An answer of graphql-core's own, which is priced as a whole."""


@dataclass(frozen=True, slots=True)
class FieldCost:
    """What is known of a field when an operation is priced."""

    shape: Shape
    work: int
    """What its finding costs, apart from the objects found: never given back."""
    below: str
    """The name of the type below."""
    sized_by: tuple[tuple[str, ...], ...] = ()
    items: int = 1


Costs = Mapping[str, Mapping[str, FieldCost]]
"""By type and field."""

_INTROSPECTION = {
    "__schema": FieldCost(Shape.OPAQUE, 2_000, "__Schema"),
    "__type": FieldCost(Shape.OPAQUE, 100, "__Type"),
}


def declare(core: GraphQLSchema, prices: Mapping[str, Cost]) -> Costs:
    """Return the cost of every field, and show in the SDL those that are not plain.

    `prices` has them by coordinate, as in `Query.documents`. `TypeError` names a root field, or a list of
    objects, that is not among them.
    """
    found: dict[str, dict[str, FieldCost]] = {}
    for kind in _own_types(core):
        is_root = kind in {core.query_type, core.mutation_type}
        found[kind.name] = dict(_INTROSPECTION) if kind is core.query_type else {}
        for name, field in kind.fields.items():
            place = f"{kind.name}.{name}"
            shape = _shape(kind.name, name, field)
            if shape is Shape.TOTAL and place in prices:
                shape = Shape.VALUE  # counted whole, however far `totalUpTo` says
            cost = prices.get(place) or _usual(name, shape)
            # INVARIANT (no price, no field): what could be asked for without end does not start.
            if cost is None or (is_root and place not in prices):
                raise TypeError(f"the field `{place}` needs a cost: name it in dms/graphql/prices.py")
            _show(field, cost, shape)
            found[kind.name][name] = _field_cost(cost, shape, field)
    return found


def is_connection(name: str) -> bool:
    """Tell whether a type of this name is a connection."""
    return name.endswith("Connection")


def _own_types(core: GraphQLSchema) -> Iterator[GraphQLObjectType | GraphQLInterfaceType]:
    for kind in core.type_map.values():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not is_introspection_type(kind):
            yield kind


def _shape(parent: str, name: str, field: GraphQLField) -> Shape:
    named = get_named_type(field.type)
    if is_connection(parent) and name in TOTALS:
        return Shape.TOTAL
    if not is_composite_type(named):
        return Shape.VALUE
    if is_list_type(get_nullable_type(field.type)):
        return Shape.PAGE if is_connection(parent) else Shape.LIST
    return Shape.CONNECTION if is_connection(named.name) else Shape.OBJECT


def _usual(name: str, shape: Shape) -> Cost | None:
    """Return the cost of a field that need not say it; None if it must."""
    match shape:
        case Shape.TOTAL:
            return Cost(TOTAL_WEIGHT)
        case Shape.CONNECTION:
            return Cost(1, sized_by=SIZES)
        case Shape.LIST:
            return _ERRORS if name == "errors" else None
        case _:
            return Cost(int(shape is Shape.OBJECT))


def _field_cost(cost: Cost, shape: Shape, field: GraphQLField) -> FieldCost:
    # The weight of an object holds the object itself, which may be given back.
    is_one = shape in {Shape.OBJECT, Shape.CONNECTION}
    paths = tuple(tuple(path.split(".")) for path in cost.sized_by)
    below = get_named_type(field.type).name
    return FieldCost(shape, cost.weight - is_one, below, paths, 1 if cost.items is None else cost.items)


def _show(field: GraphQLField, cost: Cost, shape: Shape) -> None:
    definition = field.extensions["strawberry-definition"]
    others = [each for each in definition.directives if not isinstance(each, CostDirective)]
    is_plain = cost in {Cost(int(shape is Shape.OBJECT)), _ERRORS} or shape is Shape.PAGE
    # Set anew, since schemas that are built share the definitions.
    definition.directives = others if is_plain else [*others, _directive(cost)]


def _directive(cost: Cost) -> CostDirective:
    sized_by = list(cost.sized_by) or strawberry.UNSET
    items = strawberry.UNSET if cost.items is None else cost.items
    return CostDirective(weight=cost.weight, sized_by=sized_by, items=items)
