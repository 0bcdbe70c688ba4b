"""Which Documents a list holds, and in which order."""

from __future__ import annotations

from typing import Annotated

import strawberry

from dms.graphql import enums, filters
from dms.graphql.filters import (
    CodeFilter,
    DateFilter,
    DateTimeFilter,
    Direction,
    MediaTypeFilter,
    RecordClassFilter,
    SecurityLevelFilter,
    TextFilter,
)
from dms.graphql.words import DocumentState, Medium
from dms.rules.filters import Filter
from dms.services.documentviews import DocumentOrder

_READ = "The list then holds only what you may read."

enums.show(
    DocumentOrder,
    name="DocumentOrderField",
    description="By what a list of Documents is sorted.",
    values={
        DocumentOrder.CREATED_AT: "When they were registered.",
        DocumentOrder.UPDATED_AT: f"When they were last changed. {_READ}",
        DocumentOrder.TITLE: f"Title without case and accents. {_READ}",
        DocumentOrder.REFERENCE_CODE: "Reference code, numbers by value; those without one come first.",
        DocumentOrder.DATE: f"First day of their dates; those without one come first. {_READ}",
    },
)


@strawberry.input(description="The order of a list of Documents.")
class DocumentOrderBy:
    """Field and direction; the id breaks ties."""

    field: DocumentOrder = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Which way.")


@strawberry.input(description="A condition on where a Document lies; a place you may not know keeps nothing.")
class PlaceFilter:
    """Conditions on the Aggregation by its id; all that are given must hold."""

    eq: strawberry.ID | None = strawberry.field(default=None, description="Directly in this Aggregation.")
    in_: list[strawberry.ID] | None = strawberry.field(
        default=None, name="in", description="Directly in one of these."
    )
    below: strawberry.ID | None = strawberry.field(
        default=None, description="In this Aggregation or anywhere below it."
    )


@strawberry.input(description="A condition on the state of a Document.")
class DocumentStateFilter:
    """Conditions on a state; all that are given must hold."""

    eq: DocumentState | None = strawberry.field(default=None, description="This state.")
    in_: list[DocumentState] | None = strawberry.field(
        default=None, name="in", description="One of these states."
    )


@strawberry.input(description="A condition on what a Document consists of.")
class MediumFilter:
    """Conditions on a medium; all that are given must hold."""

    eq: Medium | None = strawberry.field(default=None, description="This medium.")
    in_: list[Medium] | None = strawberry.field(default=None, name="in", description="One of these media.")


@strawberry.input(
    description="Which Documents to list; all conditions must hold: at most 50, `or` and `not` at most "
    "5 deep. A condition on anything but place, code, mark or registration leaves out what you may know of "
    "but not read."
)
class DocumentFilter:
    """Conditions and how they are joined."""

    aggregation: PlaceFilter | None = strawberry.field(default=None, description="Where it lies.")
    reference_code: CodeFilter | None = strawberry.field(
        default=None, description="By the code that people cite."
    )
    security_level: SecurityLevelFilter | None = strawberry.field(
        default=None, description="The level of its security classification."
    )
    created_at: DateTimeFilter | None = strawberry.field(default=None, description="When it was registered.")
    updated_at: DateTimeFilter | None = strawberry.field(
        default=None, description="When it was last changed."
    )
    title: TextFilter | None = strawberry.field(
        default=None, description="By what it is called; needs READ_METADATA."
    )
    date: DateFilter | None = strawberry.field(default=None, description="The first day of its dates.")
    record_class: RecordClassFilter | None = strawberry.field(
        default=None, description="By the class that it was assigned; needs READ_METADATA."
    )
    state: DocumentStateFilter | None = strawberry.field(
        default=None, description="By how far it has come, draft or declared; needs READ_METADATA."
    )
    medium: MediumFilter | None = strawberry.field(default=None, description="What it consists of.")
    media_type: MediaTypeFilter | None = strawberry.field(
        default=None, description="The media type of its newest Version."
    )
    and_: list[DocumentFilter] | None = strawberry.field(
        default=None, name="and", description="All of these must hold too."
    )
    or_: list[DocumentFilter] | None = strawberry.field(
        default=None, name="or", description="One of these must hold too."
    )
    not_: DocumentFilter | None = strawberry.field(
        default=None, name="not", description="This must not hold."
    )

    def tree(self) -> Filter:
        """Return it as the services take it."""
        return filters.joined(
            [
                *filters.conditions("aggregation", self.aggregation, read=filters.aggregation_key),
                *filters.conditions("referenceCode", self.reference_code),
                *filters.conditions("securityLevel", self.security_level),
                *filters.conditions("createdAt", self.created_at),
                *filters.conditions("updatedAt", self.updated_at),
                *filters.conditions("title", self.title),
                *filters.conditions("date", self.date),
                *filters.conditions("recordClass", self.record_class, read=filters.class_key),
                *filters.conditions("state", self.state),
                *filters.conditions("medium", self.medium),
                *filters.conditions("mediaType", self.media_type),
            ],
            every=None if self.and_ is None else [each.tree() for each in self.and_],
            some=None if self.or_ is None else [each.tree() for each in self.or_],
            never=None if self.not_ is None else self.not_.tree(),
        )


@strawberry.input(one_of=True, description="Which Document: by its id, or by its reference code.")
class DocumentBy:
    """One key."""

    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="By its id, as an answer gave it.")
    reference_code: strawberry.Maybe[str] = strawberry.field(description="By its exact reference code.")


OrderBy = Annotated[
    DocumentOrderBy | None,
    strawberry.argument(description="The order; by registration, the oldest first, if left out."),
]


def ordered(given: DocumentOrderBy | None) -> tuple[DocumentOrder, bool, str]:
    """Return field, whether it descends, and both as text that cursors are bound to."""
    chosen = given or DocumentOrderBy(field=DocumentOrder.CREATED_AT)
    return chosen.field, chosen.direction is Direction.DESC, f"{chosen.field} {chosen.direction}"
