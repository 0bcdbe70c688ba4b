"""What can be done with the arrangement tree: make, describe, close, reopen, rearrange."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.accessnodes import RESTRUCTURES
from dms.access.revisions import LOCK
from dms.access.scopes import PLACES
from dms.base.ids import Kind
from dms.graphql import aggregations as room
from dms.graphql.aggregations import Aggregation
from dms.graphql.context import INPUT, Info, Payload, mutation_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import given
from dms.graphql.scalars import Edtf, asked_id
from dms.graphql.security import SecurityClassificationInput
from dms.graphql.words import Action, ArrangementLevel
from dms.rules.accessevents import Op
from dms.services import aggregations, aggregationviews, holding
from dms.services.aggregations import CODE_LOCK, AggregationChanges, NewAggregation
from dms.services.editing import KEEP

_NOW = "The Aggregation as it is now; null also if you may no longer know of it."


@strawberry.input(description="A new Aggregation.")
class AggregationCreateInput(Creation):
    """What an Aggregation begins with."""

    parent_id: strawberry.ID | None = strawberry.field(
        default=None, description="What it goes under: needs FILE there. Left out: the Repository itself."
    )
    level: ArrangementLevel = strawberry.field(description="Its level in the arrangement.")
    other_level: str | None = strawberry.field(
        default=None, description="The name of the level, if and only if that is `OTHER`."
    )
    reference_code: str | None = strawberry.field(
        default=None,
        description="Its reference code, at most 100 characters, which no other Aggregation has. Left out: "
        "the parent's, `/` and the next number.",
    )
    title: str = strawberry.field(description="Its title, one line of at most 1000 characters.")
    dates: Edtf | None = strawberry.field(default=None, description="When it is from, such as `1890-05`.")
    scope_and_content: str | None = strawberry.field(default=None, description="What it holds.")
    record_class_id: strawberry.ID | None = strawberry.field(
        default=None, description="The class that Documents filed in it get."
    )
    office: str | None = strawberry.field(
        default=None,
        description="The unit that keeps it, at most 100 characters: rules may differ for the office that "
        "answers for the class. Left out: that of the nearest one above.",
    )
    security_classification: SecurityClassificationInput | None = strawberry.field(
        default=None, description="Its mark, not above your clearance. Left out: the parent's, or the lowest."
    )


@strawberry.input(
    description="A changed description of an Aggregation. What is left out stays, null empties what may be."
)
class AggregationUpdateInput:
    """What changes; null empties."""

    id: strawberry.ID = strawberry.field(description="The Aggregation, which must be open.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    title: strawberry.Maybe[str] = strawberry.field(description="The new title.")
    level: strawberry.Maybe[ArrangementLevel] = strawberry.field(description="The new level.")
    other_level: strawberry.Maybe[str | None] = strawberry.field(
        description="The name of the level, if that is `OTHER`."
    )
    reference_code: strawberry.Maybe[str] = strawberry.field(
        description="The new reference code; codes of what lies below stay as they are."
    )
    dates: strawberry.Maybe[Edtf | None] = strawberry.field(description="The new dates of description.")
    scope_and_content: strawberry.Maybe[str | None] = strawberry.field(description="What it holds.")
    record_class_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="The class that Documents filed from now on get."
    )
    office: strawberry.Maybe[str | None] = strawberry.field(description="The unit that keeps it.")


@strawberry.input(description="The class that an Aggregation shall have.")
class AggregationClassAssignInput:
    """Which one, which class, and why."""

    id: strawberry.ID = strawberry.field(description="The Aggregation, open or closed: needs EDIT.")
    record_class_id: strawberry.ID | None = strawberry.field(
        description="The class that Documents filed from now on get; null for that of the one above."
    )
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.input(description="The closing of an Aggregation.")
class AggregationCloseInput:
    """Which one, and why."""

    id: strawberry.ID = strawberry.field(
        description="The Aggregation; nothing below it may be open and no Document in it a draft."
    )
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.input(description="The reopening of a closed Aggregation.")
class AggregationReopenInput:
    """Which one, and why."""

    id: strawberry.ID = strawberry.field(description="The Aggregation; what it lies under must be open.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.input(description="The move of an Aggregation, with all below it, under another one.")
class AggregationRearrangeInput:
    """Which one, where to, and why."""

    id: strawberry.ID = strawberry.field(description="The Aggregation, which must be open: needs EDIT.")
    parent_id: strawberry.ID | None = strawberry.field(
        description="What it goes under: needs FILE there. Null: the Repository itself."
    )
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.type(description="What came of making an Aggregation.")
class AggregationCreatePayload(Payload):
    """The Aggregation, or why not."""

    aggregation: Aggregation | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of changing an Aggregation.")
class AggregationUpdatePayload(Payload):
    """The Aggregation, or why not."""

    aggregation: Aggregation | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of classing an Aggregation.")
class AggregationClassAssignPayload(Payload):
    """The Aggregation, or why not."""

    aggregation: Aggregation | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of closing an Aggregation.")
class AggregationClosePayload(Payload):
    """The Aggregation, or why not."""

    aggregation: Aggregation | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of reopening an Aggregation.")
class AggregationReopenPayload(Payload):
    """The Aggregation, or why not."""

    aggregation: Aggregation | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of rearranging an Aggregation.")
class AggregationRearrangePayload(Payload):
    """The Aggregation, or why not."""

    aggregation: Aggregation | None = strawberry.field(default=None, description=_NOW)


def _read(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Aggregation]:
    names = info.below("aggregation")
    found = aggregationviews.many(info.work, ids, wanted=room.wanted(names))
    return room.shaped(info.work, found.values(), names=names)


def _now(info: Info, row_id: UUID) -> Aggregation | None:
    return _read(info, [row_id]).get(row_id)


def _key(text: str | None, kind: Kind = Kind.AGGREGATION) -> UUID | None:
    return None if text is None else asked_id(kind, text)


def _changes(input: AggregationUpdateInput) -> AggregationChanges:
    record_class = given(input.record_class_id)
    return AggregationChanges(
        title=given(input.title),
        level=given(input.level),
        other_level=given(input.other_level),
        reference_code=given(input.reference_code),
        dates=given(input.dates),
        scope_and_content=given(input.scope_and_content),
        record_class_id=KEEP if record_class is KEEP else _key(record_class, Kind.RECORD_CLASS),
        office=given(input.office),
    )


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.AGGREGATION_CREATE,
        needs=Action.FILE,
        locks=(CODE_LOCK, PLACES),
        creates=Made("aggregation", _read),
        description="Make an Aggregation below one in which you may file, or at the top.",
    )
    def aggregation_create(
        self, info: Info, input: Annotated[AggregationCreateInput, INPUT]
    ) -> AggregationCreatePayload | None:
        """Make an Aggregation."""
        mark = input.security_classification
        new = NewAggregation(
            level=input.level,
            title=input.title,
            parent_id=_key(input.parent_id),
            other_level=input.other_level,
            reference_code=input.reference_code,
            dates=input.dates,
            scope_and_content=input.scope_and_content,
            record_class_id=_key(input.record_class_id, Kind.RECORD_CLASS),
            office=input.office,
            mark=None if mark is None else mark.asked(),
        )
        key = aggregations.create(info.work, new)
        return AggregationCreatePayload(aggregation=_now(info, key), made=key)

    @mutation_field(
        op=Op.AGGREGATION_UPDATE,
        needs=Action.EDIT,
        locks=(PLACES,),
        description="Change the description of an open Aggregation.",
    )
    def aggregation_update(
        self, info: Info, input: Annotated[AggregationUpdateInput, INPUT]
    ) -> AggregationUpdatePayload | None:
        """Describe an Aggregation anew."""
        key = asked_id(Kind.AGGREGATION, input.id)
        aggregations.update(
            info.work, key, expected_revision=input.expected_revision, changes=_changes(input)
        )
        return AggregationUpdatePayload(aggregation=_now(info, key))

    @mutation_field(
        op=Op.AGGREGATION_CLASS_ASSIGN,
        needs=Action.EDIT,
        locks=(PLACES,),
        description="Assign the class that Documents filed in an Aggregation from now on get. Those in it "
        "keep theirs.",
    )
    def aggregation_class_assign(
        self, info: Info, input: Annotated[AggregationClassAssignInput, INPUT]
    ) -> AggregationClassAssignPayload | None:
        """Class an Aggregation."""
        key = asked_id(Kind.AGGREGATION, input.id)
        aggregations.assign_class(
            info.work,
            key,
            record_class_id=_key(input.record_class_id, Kind.RECORD_CLASS),
            expected_revision=input.expected_revision,
            reason=input.reason,
        )
        return AggregationClassAssignPayload(aggregation=_now(info, key))

    @mutation_field(
        op=Op.AGGREGATION_CLOSE,
        needs=Action.EDIT,
        description="Close an Aggregation in which nothing is open or a draft. Nothing is filed in it then.",
    )
    def aggregation_close(
        self, info: Info, input: Annotated[AggregationCloseInput, INPUT]
    ) -> AggregationClosePayload | None:
        """Close an Aggregation."""
        key = asked_id(Kind.AGGREGATION, input.id)
        aggregations.close(info.work, key, expected_revision=input.expected_revision, reason=input.reason)
        return AggregationClosePayload(aggregation=_now(info, key))

    @mutation_field(
        op=Op.AGGREGATION_REOPEN, needs=Action.EDIT, description="Open a closed Aggregation again."
    )
    def aggregation_reopen(
        self, info: Info, input: Annotated[AggregationReopenInput, INPUT]
    ) -> AggregationReopenPayload | None:
        """Reopen an Aggregation."""
        key = asked_id(Kind.AGGREGATION, input.id)
        aggregations.reopen(info.work, key, expected_revision=input.expected_revision, reason=input.reason)
        return AggregationReopenPayload(aggregation=_now(info, key))

    @mutation_field(
        op=Op.AGGREGATION_REARRANGE,
        needs=Action.EDIT,
        locks=(LOCK, RESTRUCTURES, holding.LOCK),
        description="Put an Aggregation with all below it under another one. Who may see it follows its new "
        "place; its reference code stays.",
    )
    def aggregation_rearrange(
        self, info: Info, input: Annotated[AggregationRearrangeInput, INPUT]
    ) -> AggregationRearrangePayload | None:
        """Move an Aggregation."""
        key = asked_id(Kind.AGGREGATION, input.id)
        aggregations.rearrange(
            info.work,
            key,
            parent_id=_key(input.parent_id),
            expected_revision=input.expected_revision,
            reason=input.reason,
        )
        return AggregationRearrangePayload(aggregation=_now(info, key))
