"""Which Aggregations a list holds, and in which order."""

from __future__ import annotations

from typing import Annotated

import strawberry

from dms.graphql import enums, filters
from dms.graphql.filters import CodeFilter, Direction, RecordClassFilter, SecurityLevelFilter, TextFilter
from dms.graphql.words import AggregationState, ArrangementLevel
from dms.rules.filters import Filter
from dms.services.aggregationviews import AggregationOrder

enums.show(
    AggregationOrder,
    name="AggregationOrderField",
    description="By what a list of Aggregations is sorted.",
    values={
        AggregationOrder.REFERENCE_CODE: "Reference code, numbers by value; what lies below follows at once.",
        AggregationOrder.TITLE: "Title without case and accents. The list then holds only what you may read.",
    },
)


@strawberry.input(description="The order of a list of Aggregations.")
class AggregationOrderBy:
    """Field and direction; the id breaks ties."""

    field: AggregationOrder = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Which way.")


@strawberry.input(
    description="A condition on what an Aggregation lies under; one that you may not know keeps nothing."
)
class ParentFilter:
    """Conditions on the parent by its id; all that are given must hold."""

    eq: strawberry.ID | None = strawberry.field(default=None, description="Directly under this one.")
    in_: list[strawberry.ID] | None = strawberry.field(
        default=None, name="in", description="Directly under one of these."
    )
    below: strawberry.ID | None = strawberry.field(
        default=None, description="Under this one, at whatever depth."
    )
    is_null: bool | None = strawberry.field(
        default=None, description="True: directly under the Repository. False: under another Aggregation."
    )


@strawberry.input(description="A condition on the level in the arrangement.")
class ArrangementLevelFilter:
    """Conditions on a level; all that are given must hold."""

    eq: ArrangementLevel | None = strawberry.field(default=None, description="This level.")
    in_: list[ArrangementLevel] | None = strawberry.field(
        default=None, name="in", description="One of these levels."
    )


@strawberry.input(description="A condition on the state of an Aggregation.")
class AggregationStateFilter:
    """Conditions on a state; all that are given must hold."""

    eq: AggregationState | None = strawberry.field(default=None, description="This state.")
    in_: list[AggregationState] | None = strawberry.field(
        default=None, name="in", description="One of these states."
    )


@strawberry.input(
    description="Which Aggregations to list; all conditions must hold: at most 50, `or` and `not` at most "
    "5 deep. A condition on title, state or class leaves out what you may know of but not read."
)
class AggregationFilter:
    """Conditions and how they are joined."""

    parent: ParentFilter | None = strawberry.field(default=None, description="What it lies under.")
    level: ArrangementLevelFilter | None = strawberry.field(
        default=None, description="By its rank in the arrangement, such as series or file."
    )
    reference_code: CodeFilter | None = strawberry.field(
        default=None, description="By the code that people cite."
    )
    security_level: SecurityLevelFilter | None = strawberry.field(
        default=None, description="The level of its security classification."
    )
    title: TextFilter | None = strawberry.field(
        default=None, description="By what it is called; needs READ_METADATA."
    )
    state: AggregationStateFilter | None = strawberry.field(
        default=None, description="By whether it still takes something in; needs READ_METADATA."
    )
    record_class: RecordClassFilter | None = strawberry.field(default=None, description="Its own class.")
    and_: list[AggregationFilter] | None = strawberry.field(
        default=None, name="and", description="All of these must hold too."
    )
    or_: list[AggregationFilter] | None = strawberry.field(
        default=None, name="or", description="One of these must hold too."
    )
    not_: AggregationFilter | None = strawberry.field(
        default=None, name="not", description="This must not hold."
    )

    def tree(self) -> Filter:
        """Return it as the services take it."""
        return filters.joined(
            [
                *filters.conditions("parent", self.parent, read=filters.aggregation_key),
                *filters.conditions("level", self.level),
                *filters.conditions("referenceCode", self.reference_code),
                *filters.conditions("securityLevel", self.security_level),
                *filters.conditions("title", self.title),
                *filters.conditions("state", self.state),
                *filters.conditions("recordClass", self.record_class, read=filters.class_key),
            ],
            every=None if self.and_ is None else [each.tree() for each in self.and_],
            some=None if self.or_ is None else [each.tree() for each in self.or_],
            never=None if self.not_ is None else self.not_.tree(),
        )


@strawberry.input(one_of=True, description="Which Aggregation: by its id, or by its reference code.")
class AggregationBy:
    """One key."""

    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="By its id, as an answer gave it.")
    reference_code: strawberry.Maybe[str] = strawberry.field(description="By its exact reference code.")


OrderBy = Annotated[
    AggregationOrderBy | None,
    strawberry.argument(description="The order; by reference code if left out."),
]


def ordered(given: AggregationOrderBy | None) -> tuple[AggregationOrder, bool, str]:
    """Return field, whether it descends, and both as text that cursors are bound to."""
    chosen = given or AggregationOrderBy(field=AggregationOrder.REFERENCE_CODE)
    return chosen.field, chosen.direction is Direction.DESC, f"{chosen.field} {chosen.direction}"
