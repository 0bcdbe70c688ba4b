"""The arrangement tree: Aggregations with what lies above and below them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.base.paging import Page
from dms.graphql import paging, principals
from dms.graphql.aggregationfilters import AggregationBy, AggregationFilter, OrderBy, ordered
from dms.graphql.context import Info, query_field
from dms.graphql.described import Described
from dms.graphql.nodes import Node, Siblings, nested_field, unshown
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.retention import RetentionOutcome, shown_outcomes
from dms.graphql.scalars import Edtf, asked_id, shown_edtf, shown_id
from dms.graphql.schemes import RecordClass, shown_class
from dms.graphql.security import SecurityClassification, shown_classification
from dms.graphql.words import Action, AggregationState, ArrangementLevel
from dms.rules.accessevents import Op
from dms.rules.filters import EVERYTHING, canonical
from dms.services import aggregationviews, duelists
from dms.services.aggregationviews import AggregationView, Wanted
from dms.stores.work import Work

PEOPLE = frozenset({"createdBy", "updatedBy"})
"""Fields that name people."""

METADATA = PEOPLE | {
    "title",
    "dates",
    "firstDay",
    "lastDay",
    "scopeAndContent",
    "state",
    "updatedAt",
    "office",
    "retention",
}
"""Fields of the row itself that need READ_METADATA."""


@strawberry.type(
    description="A node of the arrangement tree, from fonds to file. Of one that you may only know of "
    "(DISCOVER), all fields that need READ_METADATA are null."
)
class Aggregation(Described):
    """An Aggregation as far as it shows."""

    key: strawberry.Private[UUID]
    parent_key: strawberry.Private[UUID | None]
    siblings: strawberry.Private[Siblings[AggregationView]]

    created_at: Instant = strawberry.field(description="When it was made here.")
    level: ArrangementLevel = strawberry.field(description="Its level in the arrangement (ISAD(G) 3.1.4).")
    other_level: str | None = strawberry.field(description="The name of the level if it is `OTHER`.")
    reference_code: str = strawberry.field(
        description="The code by which it is cited (ISAD(G) 3.1.1); no other Aggregation has it."
    )
    is_code_generated: bool = strawberry.field(
        description="The code was made by the server, not given by an archivist."
    )
    security_classification: SecurityClassification | None = strawberry.field(
        description="How secret it is. What lies in it bears marks of its own."
    )
    title: str | None = strawberry.field(description="Its title (ISAD(G) 3.1.2). Needs READ_METADATA.")
    dates: Edtf | None = strawberry.field(
        description="Dates of description (ISAD(G) 3.1.3). Needs READ_METADATA."
    )
    scope_and_content: str | None = strawberry.field(
        description="What it holds (ISAD(G) 3.3.1). Needs READ_METADATA."
    )
    office: str | None = strawberry.field(
        description="The unit that keeps it; null where that of the nearest one above does. Needs "
        "READ_METADATA."
    )
    state: AggregationState | None = strawberry.field(
        description="Whether it still takes something in. Needs READ_METADATA."
    )
    record_class: RecordClass | None = strawberry.field(
        description="Its own class, which Documents filed in it get; none if it has none of its own. "
        "Needs READ_METADATA."
    )
    created_by: Principal | None = strawberry.field(
        description="Who made it; none if a command did. Needs READ_METADATA."
    )

    @nested_field(description="What it lies under; null at the top, or if you may not know of that.")
    def parent(self, info: Info) -> Aggregation | None:
        """Read the parents of all siblings at once."""

        def read(views: Mapping[UUID, AggregationView]) -> Mapping[UUID, Aggregation]:
            ids = {view.parent_id for view in views.values() if view.parent_id is not None}
            names = info.below("")
            found = aggregationviews.many(info.work, ids, wanted=wanted(names))
            return shaped(info.work, found.values(), names=names)

        if self.parent_key is None:
            return None
        return self.siblings.once(info, read).get(self.parent_key)

    @nested_field(description="What lies above it, the topmost first; what you may not know of is left out.")
    def ancestors(self, info: Info) -> list[Aggregation]:
        """Read what lies above all siblings at once."""

        def read(views: Mapping[UUID, AggregationView]) -> Mapping[UUID, list[Aggregation]]:
            names = info.below("")
            lines = aggregationviews.above(info.work, views.keys(), wanted=wanted(names))
            shown = shaped(
                info.work, {v.id: v for line in lines.values() for v in line}.values(), names=names
            )
            return {key: [shown[view.id] for view in line] for key, line in lines.items()}

        return self.siblings.once(info, read)[self.key]

    @nested_field(description="What lies directly below it, as far as you may know of it.")
    def children(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order_by: OrderBy = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[Aggregation]:
        """Read the first pages of all siblings at once; a later page is of one of them."""
        order, descending, named = ordered(order_by)
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=self.key.hex,
            order=named,
            total_up_to=total_up_to,
        )

        def read(views: Mapping[UUID, AggregationView]) -> Mapping[UUID, Page[Aggregation]]:
            names = info.below("nodes", "edges.node")
            pages = aggregationviews.children(
                info.work, views, page.request, order=order, descending=descending, wanted=wanted(names)
            )
            shown = shaped(info.work, [v for each in pages.values() for v in each.rows], names=names)
            return {key: each.among(shown) for key, each in pages.items()}

        pages = self.siblings.pages(info, self.key, page.request, read=read)
        return page.connection(pages[self.key])

    @nested_field(description="What follows for it, and when. Null without READ_METADATA.")
    def retention(self, info: Info) -> RetentionOutcome | None:
        """Compute the outcomes of all siblings at once."""

        def read(views: Mapping[UUID, AggregationView]) -> Mapping[UUID, RetentionOutcome]:
            readable = [key for key, view in views.items() if view.described is not None]
            return shown_outcomes(info.work, duelists.of(info.work, readable))

        return self.siblings.once(info, read).get(self.key)

    @nested_field(description="How many Documents that you may know of lie in it, exactly.")
    def document_count(
        self,
        info: Info,
        below: Annotated[  # noqa: FBT002  arguments arrive by name
            bool, strawberry.argument(description="Count those that lie anywhere below it too.")
        ] = False,
    ) -> int:
        """Count for all siblings at once."""
        found = self.siblings.once(
            info, lambda views: aggregationviews.document_counts(info.work, views.keys(), below=below)
        )
        return found.get(self.key, 0)


def wanted(names: frozenset[str]) -> Wanted:
    """Return what the services must read for an answer that selects these fields of Aggregations."""
    return Wanted(
        metadata=bool(names & METADATA),
        left_out=unshown(names, aggregationviews.SPARE),
        classification="securityClassification" in names,
        record_class="recordClass" in names,
        transitions="availableTransitions" in names,
        actions="viewerActions" in names,
    )


def shaped(
    work: Work, views: Iterable[AggregationView], *, names: frozenset[str]
) -> Mapping[UUID, Aggregation]:
    """Shape Aggregations for an answer that selects these fields of them, by id."""
    siblings = Siblings({view.id: view for view in views})
    people: Mapping[UUID, Principal] = {}
    if names & PEOPLE:
        rows = [view.described for view in siblings.views.values() if view.described is not None]
        people = principals.named(work, [each for row in rows for each in (row.created_by, row.updated_by)])
    return {key: _shape(view, siblings, people) for key, view in siblings.views.items()}


def _shape(
    view: AggregationView, siblings: Siblings[AggregationView], people: Mapping[UUID, Principal]
) -> Aggregation:
    row = view.described
    return Aggregation(
        id=shown_id(Kind.AGGREGATION, view.id),
        key=view.id,
        parent_key=view.parent_id,
        siblings=siblings,
        revision=view.revision,
        created_at=Instant(view.created_at),
        level=view.level,
        other_level=view.other_level,
        reference_code=view.reference_code,
        is_code_generated=view.generated,
        security_classification=(shown_classification(view.classification) if view.classification else None),
        title=row.title if row else None,
        dates=shown_edtf(row.dates) if row else None,
        first_day=row.first_day if row else None,
        last_day=row.last_day if row else None,
        scope_and_content=row.scope_and_content if row else None,
        office=row.office if row else None,
        state=row.state if row else None,
        record_class=shown_class(view.record_class) if view.record_class else None,
        created_by=principals.one_of(people, row.created_by) if row else None,
        updated_at=Instant(row.updated_at) if row else None,
        updated_by=principals.one_of(people, row.updated_by) if row else None,
        available_transitions=list(view.transitions),
        viewer_actions=list(view.actions),
    )


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return Aggregations by id, for `node`."""
    names = info.below("")
    return shaped(
        info.work, aggregationviews.nodes(info.work, ids, wanted=wanted(names)).values(), names=names
    )


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.AGGREGATION_READ,
        needs=Action.DISCOVER,
        description="One Aggregation; null if there is none, or none that you may know of.",
    )
    def aggregation(
        self, info: Info, by: Annotated[AggregationBy, strawberry.argument(description="By which key.")]
    ) -> Aggregation | None:
        """Read an Aggregation."""
        names = info.below("")
        if by.id is not None:
            key = asked_id(Kind.AGGREGATION, by.id.value)
            view = aggregationviews.find(info.work, key, wanted=wanted(names))
        else:
            code = by.reference_code.value if by.reference_code else ""
            view = aggregationviews.find_by_code(info.work, code, wanted=wanted(names))
        return shaped(info.work, [view], names=names)[view.id]

    @query_field(
        op=Op.AGGREGATION_LIST,
        needs=Action.DISCOVER,
        description="Aggregations that you may know of. If they are filtered or sorted by what needs "
        "READ_METADATA, those that you may read; so the same list may then be shorter.",
    )
    def aggregations(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[AggregationFilter | None, NARROWS] = None,
        order_by: OrderBy = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[Aggregation] | None:
        """List Aggregations."""
        tree = EVERYTHING if filter is None else filter.tree()
        order, descending, named = ordered(order_by)
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=canonical(tree),
            order=named,
            total_up_to=total_up_to,
        )
        names = info.below("nodes", "edges.node")
        found = aggregationviews.page(
            info.work, page.request, found=tree, order=order, descending=descending, wanted=wanted(names)
        )
        shown = shaped(info.work, found.rows, names=names)
        return page.connection(found.among(shown))
