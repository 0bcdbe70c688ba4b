"""Inventories: what an Aggregation, or the whole Repository, holds of what one may read."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import strawberry

from dms.base.ids import Kind
from dms.graphql import paging
from dms.graphql.context import Info, query_field
from dms.graphql.nodes import nested_field
from dms.graphql.paging import After, Before, Connection, First, Last
from dms.graphql.scalars import BigInt, Edtf, asked_id, shown_big, shown_edtf, shown_id
from dms.graphql.security import SecurityClassification, shown_classification
from dms.graphql.words import AggregationState, ArrangementLevel, DocumentState, MarkedKind, Medium
from dms.models import aggregations as models
from dms.models.documents import Document
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.services import inventory
from dms.services.inventory import Holdings, Line
from dms.stores.records import is_a

_COUNTS = frozenset(
    {
        "aggregationCount",
        "documentCount",
        "levels",
        "media",
        "aggregationStates",
        "documentStates",
        "securityClassifications",
        "highestClassification",
        "firstDay",
        "lastDay",
        "contentBytes",
    }
)
"""Fields for which everything below is counted."""


@strawberry.type(description="How many Aggregations of an inventory are of a level of description.")
class InventoryLevelCount:
    """A line of `levels`."""

    level: ArrangementLevel = strawberry.field(description="The rank in the arrangement that is counted.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="How many Documents of an inventory are of a medium.")
class InventoryMediumCount:
    """A line of `media`."""

    medium: Medium = strawberry.field(description="What the Documents that are counted consist of.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="How many Aggregations of an inventory are in a state.")
class InventoryAggregationStateCount:
    """A line of `aggregation_states`."""

    state: AggregationState = strawberry.field(
        description="How far the Aggregations that are counted have come."
    )
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="How many Documents of an inventory are in a state.")
class InventoryDocumentStateCount:
    """A line of `document_states`."""

    state: DocumentState = strawberry.field(description="How far the Documents that are counted have come.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="How many things of an inventory bear a security classification.")
class InventoryClassificationCount:
    """A line of `security_classifications`."""

    security_classification: SecurityClassification = strawberry.field(
        description="The mark that the things that are counted bear."
    )
    count: int = strawberry.field(description="How many Aggregations and Documents together.")


@strawberry.type(description="An Aggregation or Document of an inventory.")
class InventoryLine:
    """One line."""

    node_id: strawberry.ID = strawberry.field(description="The Aggregation or Document; `node` tells more.")
    kind: MarkedKind = strawberry.field(description="Which of the two it is.")
    reference_code: str | None = strawberry.field(description="Its reference code, if it has one.")
    home_reference_code: str | None = strawberry.field(
        description="The code of the Aggregation that it lies in; null at the top, or if you may not know of "
        "that."
    )
    title: str = strawberry.field(description="What the thing is called.")
    level: ArrangementLevel | None = strawberry.field(description="Level of an Aggregation.")
    medium: Medium | None = strawberry.field(description="Medium of a Document.")
    aggregation_state: AggregationState | None = strawberry.field(
        description="How far it has come, if it is an Aggregation."
    )
    document_state: DocumentState | None = strawberry.field(
        description="How far it has come, if it is a Document."
    )
    marking: str = strawberry.field(description="The security text that it carries.")
    dates: Edtf | None = strawberry.field(description="Dates of description.")
    first_day: date | None = strawberry.field(description="The first day that the dates cover.")
    last_day: date | None = strawberry.field(description="The last day that the dates cover.")
    content_bytes: BigInt | None = strawberry.field(description="Size of all Versions of a Document.")


@strawberry.type(
    description="What lies anywhere below an Aggregation, or in the whole Repository. It holds only what you "
    "may read (READ_METADATA): there may be more."
)
class Inventory:
    """Counts, and the lines by reference code."""

    of: strawberry.Private[models.Aggregation | None]

    aggregation_id: strawberry.ID | None = strawberry.field(
        description="The Aggregation; null for the whole Repository."
    )
    reference_code: str | None = strawberry.field(
        description="The code of the Aggregation that it is of; null for the whole Repository."
    )
    title: str | None = strawberry.field(
        description="What that Aggregation is called; null for the whole Repository."
    )
    aggregation_count: int = strawberry.field(default=0, description="How many Aggregations lie below.")
    document_count: int = strawberry.field(default=0, description="How many Documents lie below.")
    levels: list[InventoryLevelCount] = strawberry.field(
        default_factory=list, description="Aggregations by level of description, the highest first."
    )
    media: list[InventoryMediumCount] = strawberry.field(
        default_factory=list, description="Documents by medium."
    )
    aggregation_states: list[InventoryAggregationStateCount] = strawberry.field(
        default_factory=list, description="Aggregations by state."
    )
    document_states: list[InventoryDocumentStateCount] = strawberry.field(
        default_factory=list, description="Documents by state."
    )
    security_classifications: list[InventoryClassificationCount] = strawberry.field(
        default_factory=list, description="Both by security classification, the lowest level first."
    )
    highest_classification: SecurityClassification | None = strawberry.field(
        default=None,
        description="The lowest classification that covers all of it, with the Aggregation itself; displays "
        "and prints of the inventory carry its marking. Null if there is nothing.",
    )
    first_day: date | None = strawberry.field(default=None, description="The first day of any dates inside.")
    last_day: date | None = strawberry.field(default=None, description="The last day of any dates inside.")
    content_bytes: BigInt = strawberry.field(
        default=BigInt(0), description="Size of all Versions of all Documents."
    )

    @nested_field(
        description="Aggregations and Documents by reference code, numbers by value; a Document without a "
        "code follows the Aggregation that it lies in."
    )
    def lines(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[InventoryLine]:
        """List what lies below."""
        of = None if self.of is None else self.of.id.hex
        page = paging.asked(info, first=first, after=after, last=last, before=before, filter=of)
        return page.connection(inventory.lines(info.work, self.of, page.request).map(_shown_line))


@strawberry.input(one_of=True, description="Which Aggregation: by its id, or by its reference code.")
class InventoryOf:
    """One key."""

    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="By its id, as an answer gave it.")
    reference_code: strawberry.Maybe[str] = strawberry.field(description="By its exact reference code.")


def _shown(of: models.Aggregation | None) -> Inventory:
    return Inventory(
        of=of,
        aggregation_id=None if of is None else shown_id(Kind.AGGREGATION, of.id),
        reference_code=None if of is None else of.reference_code,
        title=None if of is None else of.title,
    )


def _tell(shown: Inventory, found: Holdings) -> None:
    shown.aggregation_count, shown.document_count = found.aggregations, found.documents
    shown.levels = [InventoryLevelCount(level=kind, count=count) for kind, count in found.levels]
    shown.media = [InventoryMediumCount(medium=kind, count=count) for kind, count in found.media]
    shown.aggregation_states = [
        InventoryAggregationStateCount(state=state, count=count) for state, count in found.aggregation_states
    ]
    shown.document_states = [
        InventoryDocumentStateCount(state=state, count=count) for state, count in found.document_states
    ]
    shown.security_classifications = [
        InventoryClassificationCount(security_classification=shown_classification(mark), count=count)
        for mark, count in found.classifications
    ]
    shown.highest_classification = None if found.highest is None else shown_classification(found.highest)
    shown.first_day, shown.last_day = found.first_day, found.last_day
    shown.content_bytes = BigInt(found.content_bytes)


def _shown_line(line: Line) -> InventoryLine:
    row = line.row
    is_document = is_a(row, Document)
    return InventoryLine(
        node_id=shown_id(Kind.DOCUMENT if is_document else Kind.AGGREGATION, row.id),
        kind=MarkedKind.DOCUMENT if is_document else MarkedKind.AGGREGATION,
        reference_code=row.reference_code,
        home_reference_code=line.home_code,
        title=row.title,
        level=None if is_a(row, Document) else row.level,
        medium=row.medium if is_a(row, Document) else None,
        aggregation_state=None if is_a(row, Document) else row.state,
        document_state=row.state if is_a(row, Document) else None,
        marking=line.marking,
        dates=shown_edtf(row.dates),
        first_day=row.first_day,
        last_day=row.last_day,
        content_bytes=shown_big(line.content_bytes),
    )


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.INVENTORY_READ,
        needs=Action.READ_METADATA,
        description="What an Aggregation holds, with all below it; of the whole Repository if none is named.",
    )
    def inventory(
        self,
        info: Info,
        of: Annotated[
            InventoryOf | None, strawberry.argument(description="Which Aggregation; all if left out.")
        ] = None,
    ) -> Inventory | None:
        """Count what lies below, if counts are asked for."""
        root = _root(info, of)
        shown = _shown(root)
        if info.below("") & _COUNTS:
            _tell(shown, inventory.holdings(info.work, root))
        return shown


def _root(info: Info, of: InventoryOf | None) -> models.Aggregation | None:
    if of is None:
        return inventory.root(info.work)
    if of.id is not None:
        return inventory.root(info.work, row_id=asked_id(Kind.AGGREGATION, of.id.value))
    code = of.reference_code.value if of.reference_code else ""
    return inventory.root(info.work, reference_code=code)
