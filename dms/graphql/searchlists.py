"""Frozen lists through the door: what was found once, kept, read again, reworded and removed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.base.paging import Page
from dms.graphql import aggregations, documents, paging, principals
from dms.graphql.aggregations import Aggregation
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.documents import Document, Names
from dms.graphql.nodes import Node, Siblings, given, nested_field
from dms.graphql.paging import TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.savedqueries import SavedQueryFilter, shown_filter
from dms.graphql.scalars import asked_id, shown_id
from dms.graphql.searchwords import SearchFilter
from dms.graphql.words import MarkedKind
from dms.models import searchlists as models
from dms.models.search import SubjectKind
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.rules.searchlimits import HitOrder
from dms.services import searchlists
from dms.services.search import Asked, Wanted
from dms.services.searchlists import MAX_LINES, MAX_LISTS, LineView, Wording
from dms.stores.work import Work


@strawberry.type(
    description="Something that was found, as it is now. You may read its metadata: there are no lines of "
    "what you may not read any more, or what is gone."
)
class SearchListLine:
    """A line of a list."""

    node_id: strawberry.ID = strawberry.field(description="The thing that was found; `node` tells more.")
    kind: MarkedKind = strawberry.field(description="Which of the two it is.")
    found_revision: int = strawberry.field(
        description="Its revision when it was found; if it has another one now, it was changed since."
    )
    found_version: int | None = strawberry.field(
        description="The number of its newest Version when it was found; null if it had none."
    )
    document: Document | None = strawberry.field(description="The Document, if it is one.")
    aggregation: Aggregation | None = strawberry.field(description="The Aggregation, if it is one.")


@strawberry.type(
    description="What you found on a day, frozen: which things, and what you had searched for. Nobody else "
    "knows of it. It keeps no word of what was found."
)
class SearchList(Node):
    """A frozen list."""

    key: strawberry.Private[UUID]
    siblings: strawberry.Private[Siblings[models.SearchList]]

    title: str = strawberry.field(description="What it is about, such as the subject of a request.")
    requester: str | None = strawberry.field(description="Who asked for it, in your words.")
    note: str | None = strawberry.field(description="What you remarked on it.")
    query: str = strawberry.field(description="What was looked for, as it was typed.")
    filter: SavedQueryFilter | None = strawberry.field(description="Limits beside those that were typed.")
    order: HitOrder = strawberry.field(description="By what it was sorted, and is still.")
    frozen_by: Principal = strawberry.field(description="Who searched.")
    frozen_at: Instant = strawberry.field(description="When it was found.")
    revision: int = strawberry.field(description="Raised by every change; name it when you change it.")

    @nested_field(
        description="What was found and you may still read, in its order. Of anything else there is no line, "
        "no count and no gap, so it may be shorter than it was."
    )
    def lines(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[SearchListLine]:
        """Read the first pages of all siblings at once; a later page is of one of them."""
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=self.key.hex,
            total_up_to=total_up_to,
        )

        def read(rows: Mapping[UUID, models.SearchList]) -> Mapping[UUID, Page[SearchListLine]]:
            places = ("nodes", "edges.node")
            selected = info.below(*places)
            of_documents = Names.below(info, *(f"{place}.document" for place in places))
            of_aggregations = info.below(*(f"{place}.aggregation" for place in places))
            wanted = Wanted(
                documents=of_documents.wanted() if "document" in selected else None,
                aggregations=aggregations.wanted(of_aggregations) if "aggregation" in selected else None,
            )
            found = searchlists.lines(info.work, rows.keys(), page.request, wanted=wanted)
            views = [line for each in found.values() for line in each.rows]
            shown = documents.shaped(
                info.work, [line.document for line in views if line.document], names=of_documents
            )
            homes = aggregations.shaped(
                info.work, [line.aggregation for line in views if line.aggregation], names=of_aggregations
            )
            return {key: each.map(lambda line: _line(line, shown, homes)) for key, each in found.items()}

        return page.connection(self.siblings.pages(info, self.key, page.request, read=read)[self.key])


@strawberry.input(description="A search whose result is frozen.")
class SearchListFreezeInput(Creation):
    """What is searched for, and what it is for."""

    title: str = strawberry.field(
        description="What it is about, such as the subject of a request: 1 to 1,000 characters."
    )
    requester: str | None = strawberry.field(
        default=None, description="Who asked for it, in your words: up to 1,000 characters."
    )
    note: str | None = strawberry.field(
        default=None, description="A remark of your own, in up to 10,000 characters."
    )
    query: str = strawberry.field(
        default="", description="What is looked for, as in `search`: up to 1,000 characters."
    )
    filter: SearchFilter | None = strawberry.field(
        default=None, description="Limits beside those that are typed."
    )
    order: HitOrder = strawberry.field(
        default=HitOrder.RELEVANCE, description="By what the list is sorted, for good."
    )


@strawberry.input(description="A change of what is said of a frozen list. What is left out stays as it is.")
class SearchListUpdateInput:
    """Which list, and what to say of it."""

    id: strawberry.ID = strawberry.field(description="The list, one of yours.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    title: strawberry.Maybe[str] = strawberry.field(description="What it is about.")
    requester: strawberry.Maybe[str | None] = strawberry.field(
        description="Who asked for it; null for nobody."
    )
    note: strawberry.Maybe[str | None] = strawberry.field(description="Your remark; null for none.")


@strawberry.input(description="A frozen list to forget.")
class SearchListRemoveInput:
    """Which list."""

    id: strawberry.ID = strawberry.field(description="The list, one of yours.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")


@strawberry.type(description="What came of freezing a result.")
class SearchListFreezePayload(Payload):
    """The list, or why not."""

    search_list: SearchList | None = strawberry.field(default=None, description="The frozen list.")


@strawberry.type(description="What came of rewording a list.")
class SearchListUpdatePayload(Payload):
    """The list, or why not."""

    search_list: SearchList | None = strawberry.field(default=None, description="The list as it is now.")


@strawberry.type(description="What came of removing a list.")
class SearchListRemovePayload(Payload):
    """Its id, or why not."""

    removed_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id that the list had; it is gone with its lines."
    )


def _line(
    view: LineView, shown: Mapping[UUID, Document], homes: Mapping[UUID, Aggregation]
) -> SearchListLine:
    row = view.row
    is_document = row.kind is SubjectKind.DOCUMENT
    return SearchListLine(
        node_id=shown_id(Kind.DOCUMENT if is_document else Kind.AGGREGATION, row.subject),
        kind=MarkedKind(row.kind.value),
        found_revision=row.found_revision,
        found_version=row.found_version,
        document=shown.get(row.subject),
        aggregation=homes.get(row.subject),
    )


def _shown(work: Work, rows: Iterable[models.SearchList]) -> dict[UUID, SearchList]:
    found = {row.id: row for row in rows}
    names = principals.named(work, [row.owner_id for row in found.values()])
    siblings = Siblings(found)
    return {
        key: SearchList(
            id=shown_id(Kind.SEARCH_LIST, key),
            key=key,
            siblings=siblings,
            title=row.title,
            requester=row.requester,
            note=row.note,
            query=row.query,
            filter=shown_filter(row.conditions),
            order=row.hit_order,
            frozen_by=names[row.owner_id],
            frozen_at=Instant(row.frozen_at),
            revision=row.revision,
        )
        for key, row in found.items()
    }


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return the caller's own of these lists by id, for `node`."""
    return _shown(info.work, searchlists.nodes(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.SEARCHLIST_LIST,
        needs=OPEN,
        description="The results that you froze, the newest first; nobody else knows of them.",
    )
    def search_lists(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[SearchList] | None:
        """List frozen lists."""
        page = paging.asked(info, first=first, after=after, last=last, before=before, total_up_to=total_up_to)
        found = searchlists.page(info.work, page.request)
        return page.connection(found.among(_shown(info.work, found.rows)))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.SEARCHLIST_FREEZE,
        needs=Action.READ_METADATA,
        creates=Made("search_list", nodes),
        description=f"Search, and freeze all that you find as a list: {MAX_LINES} lines at most, or narrow "
        f"the search. {MAX_LISTS:,} lists at most. That nothing was found can be frozen too.",
    )
    def search_list_freeze(
        self, info: Info, input: Annotated[SearchListFreezeInput, INPUT]
    ) -> SearchListFreezePayload | None:
        """Freeze a result."""
        conditions = () if input.filter is None else input.filter.conditions()
        row = searchlists.freeze(
            info.work,
            Asked(input.query, conditions, input.order),
            title=input.title,
            requester=input.requester,
            note=input.note,
        )
        return SearchListFreezePayload(search_list=_shown(info.work, [row])[row.id])

    @mutation_field(
        op=Op.SEARCHLIST_UPDATE,
        needs=OPEN,
        description="Change title, requester or note of a list that you froze; its lines never change.",
    )
    def search_list_update(
        self, info: Info, input: Annotated[SearchListUpdateInput, INPUT]
    ) -> SearchListUpdatePayload | None:
        """Reword a list."""
        row = searchlists.update(
            info.work,
            asked_id(Kind.SEARCH_LIST, input.id),
            expected_revision=input.expected_revision,
            wording=Wording(given(input.title), given(input.requester), given(input.note)),
        )
        return SearchListUpdatePayload(search_list=_shown(info.work, [row])[row.id])

    @mutation_field(
        op=Op.SEARCHLIST_REMOVE, needs=OPEN, description="Remove a list that you froze, with its lines."
    )
    def search_list_remove(
        self, info: Info, input: Annotated[SearchListRemoveInput, INPUT]
    ) -> SearchListRemovePayload | None:
        """Remove a list."""
        row = searchlists.remove(
            info.work, asked_id(Kind.SEARCH_LIST, input.id), expected_revision=input.expected_revision
        )
        return SearchListRemovePayload(removed_id=shown_id(Kind.SEARCH_LIST, row.id))
