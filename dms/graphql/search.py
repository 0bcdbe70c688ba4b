"""Search through the door: hits with the places of words, totals and facets."""

from __future__ import annotations

from typing import Annotated

import strawberry

from dms.access.hitselects import Relevance
from dms.base.ids import Kind
from dms.graphql import aggregations, documents, paging
from dms.graphql.aggregations import Aggregation
from dms.graphql.context import Info, query_field
from dms.graphql.documents import Document, Names
from dms.graphql.nodes import nested_field
from dms.graphql.paging import TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.scalars import MediaType, shown_id
from dms.graphql.schemes import RecordClass, shown_class
from dms.graphql.searchwords import ExpandBy, Order, QueryText, SearchFilter
from dms.graphql.security import SecurityClassification, shown_classification
from dms.graphql.words import MarkedKind
from dms.models.search import SubjectKind
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.rules.expansions import Expand
from dms.rules.layouts import Field
from dms.rules.query import Notice
from dms.rules.searchlimits import HitOrder
from dms.services import search
from dms.services.search import Asked, Facets, HitView, Search, Wanted


@strawberry.type(
    description="Characters of a snippet from `start` up to `end`, counted from 0 in code points."
)
class SnippetRange:
    """A place in a snippet."""

    start: int = strawberry.field(description="The first character.")
    end: int = strawberry.field(description="The character behind the last one.")


@strawberry.type(
    description="A part of a field around what was found. Plain text: escape it before you show it."
)
class Snippet:
    """Text with the places of words."""

    field: Field = strawberry.field(description="Where it is from.")
    text: str = strawberry.field(description="The part.")
    ranges: list[SnippetRange] = strawberry.field(description="What was found in it.")
    begins: bool = strawberry.field(description="The field begins with it.")
    ends: bool = strawberry.field(description="The field ends with it.")


@strawberry.type(description="A Document or Aggregation that was found. You may read its metadata.")
class SearchHit:
    """A hit."""

    node_id: strawberry.ID = strawberry.field(description="The thing that was found; `node` tells more.")
    kind: MarkedKind = strawberry.field(description="Which of the two it is.")
    relevance: Relevance | None = strawberry.field(
        description="Why it stands here; null in any order but by relevance."
    )
    document: Document | None = strawberry.field(description="The Document, if it is one.")
    aggregation: Aggregation | None = strawberry.field(description="The Aggregation, if it is one.")
    snippets: list[Snippet] = strawberry.field(
        description="Parts that hold what was looked for, one for each field at most; from nothing that you "
        "may not read."
    )


@strawberry.type(description="How many hits are of a kind.")
class SearchKindCount:
    """A line of a facet."""

    kind: MarkedKind = strawberry.field(description="The kind that is counted.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="How many hits lie directly in a place.")
class SearchPlaceCount:
    """A line of a facet."""

    aggregation: Aggregation = strawberry.field(description="The place that is counted.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="How many hits are of a class.")
class SearchClassCount:
    """A line of a facet."""

    record_class: RecordClass = strawberry.field(description="The class that is counted.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="How many hits are of a media type.")
class SearchMediaTypeCount:
    """A line of a facet."""

    media_type: MediaType = strawberry.field(description="The media type that is counted.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="How many hits have dates that begin in a year.")
class SearchYearCount:
    """A line of a facet."""

    year: int = strawberry.field(description="The year that is counted.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="How many hits bear a security classification.")
class SearchClassificationCount:
    """A line of a facet."""

    security_classification: SecurityClassification = strawberry.field(
        description="The mark that is counted."
    )
    count: int = strawberry.field(description="How many.")


@strawberry.type(
    description="What the newest hits are, the most frequent values first, 20 of each at most. Of what you "
    "may not know of nothing is counted."
)
class SearchFacets:
    """Counts of hits."""

    kinds: list[SearchKindCount] = strawberry.field(description="By kind.")
    aggregations: list[SearchPlaceCount] = strawberry.field(
        description="By the place that they lie in directly, as far as you may know of it."
    )
    record_classes: list[SearchClassCount] = strawberry.field(description="By class.")
    media_types: list[SearchMediaTypeCount] = strawberry.field(
        description="By media type of the newest Version."
    )
    years: list[SearchYearCount] = strawberry.field(description="By the year in which their dates begin.")
    security_classifications: list[SearchClassificationCount] = strawberry.field(
        description="By mark, the lowest level first."
    )
    is_exact: bool = strawberry.field(description="False if there are more hits than were counted.")


@strawberry.type(
    description="That a term is a label of a concept, and what was looked for too because of that."
)
class SearchExpansion:
    """An expansion."""

    term: str = strawberry.field(description="What was typed.")
    concept_id: strawberry.ID = strawberry.field(description="The concept; `concept` tells more.")
    concept_label: str = strawberry.field(description="What the concept is called.")
    labels: list[str] = strawberry.field(description="Other labels of it that were looked for too.")
    narrower: list[str] = strawberry.field(
        description="Labels of what lies below it that were looked for too."
    )


@strawberry.type(description="What a search found, of what you may read (READ_METADATA).")
class SearchResults:
    """Hits, facets and notices."""

    begun: strawberry.Private[Search]

    notices: list[Notice] = strawberry.field(description="What was odd about the query; nothing is refused.")

    expansions: list[SearchExpansion] = strawberry.field(
        description="What was looked for besides what was typed; 30 labels at most."
    )

    @nested_field(description="What was found, page by page.")
    def hits(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[SearchHit]:
        """Read a page."""
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=self.begun.asked.bound(),
            order=self.begun.asked.order,
            total_up_to=total_up_to,
        )
        lines = ("nodes", "edges.node")
        selected = info.below(*lines)
        of_documents = Names.below(info, *(f"{line}.document" for line in lines))
        of_aggregations = info.below(*(f"{line}.aggregation" for line in lines))
        wanted = Wanted(
            documents=of_documents.wanted() if "document" in selected else None,
            aggregations=aggregations.wanted(of_aggregations) if "aggregation" in selected else None,
            snippets="snippets" in selected,
        )
        found = search.page(info.work, self.begun, page.request, wanted=wanted)
        shown = documents.shaped(
            info.work, [hit.document for hit in found.rows if hit.document], names=of_documents
        )
        homes = aggregations.shaped(
            info.work, [hit.aggregation for hit in found.rows if hit.aggregation], names=of_aggregations
        )
        return page.connection(found.map(lambda hit: _shown_hit(hit, shown.get(hit.id), homes.get(hit.id))))

    @nested_field(description="Counts of the newest hits.")
    def facets(self, info: Info, up_to: TotalUpTo = TOTAL_UP_TO) -> SearchFacets:
        """Count them."""
        names = info.below("aggregations.aggregation")
        found = search.facets(info.work, self.begun, up_to=up_to, wanted=aggregations.wanted(names))
        places = aggregations.shaped(info.work, [place for place, _ in found.aggregations], names=names)
        return _shown_facets(found, [(places[place.id], count) for place, count in found.aggregations])


def shown_results(begun: Search) -> SearchResults:
    """Shape a search that has been read; its hits and facets are found when they are asked for."""
    expansions = [
        SearchExpansion(
            term=each.term,
            concept_id=shown_id(Kind.CONCEPT, each.concept_id),
            concept_label=each.concept,
            labels=list(each.labels),
            narrower=list(each.narrower),
        )
        for each in begun.expansions
    ]
    return SearchResults(begun=begun, notices=list(begun.notices), expansions=expansions)


def _shown_hit(hit: HitView, document: Document | None, aggregation: Aggregation | None) -> SearchHit:
    is_document = hit.kind is SubjectKind.DOCUMENT
    return SearchHit(
        node_id=shown_id(Kind.DOCUMENT if is_document else Kind.AGGREGATION, hit.id),
        kind=MarkedKind(hit.kind.value),
        relevance=hit.relevance,
        document=document,
        aggregation=aggregation,
        snippets=[
            Snippet(
                field=part.field,
                text=part.text,
                ranges=[SnippetRange(start=each.start, end=each.end) for each in part.ranges],
                begins=part.begins,
                ends=part.ends,
            )
            for part in hit.snippets
        ],
    )


def _shown_facets(found: Facets, places: list[tuple[Aggregation, int]]) -> SearchFacets:
    return SearchFacets(
        kinds=[SearchKindCount(kind=MarkedKind(kind.value), count=count) for kind, count in found.kinds],
        aggregations=[SearchPlaceCount(aggregation=place, count=count) for place, count in places],
        record_classes=[
            SearchClassCount(record_class=shown_class(row), count=count)
            for row, count in found.record_classes
        ],
        media_types=[
            SearchMediaTypeCount(media_type=MediaType(kind), count=count) for kind, count in found.media_types
        ],
        years=[SearchYearCount(year=int(year), count=count) for year, count in found.years],
        security_classifications=[
            SearchClassificationCount(security_classification=shown_classification(mark), count=count)
            for mark, count in found.classifications
        ],
        is_exact=found.is_exact,
    )


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.SEARCH_RUN,
        needs=Action.READ_METADATA,
        description="Search Documents and Aggregations that you may read, by words of their metadata, and of "
        "their text where you may read the content. What you may only know of is not found.",
    )
    def search(
        self,
        info: Info,
        query: QueryText,
        filter: Annotated[
            SearchFilter | None, strawberry.argument(description="Limits beside those that are typed.")
        ] = None,
        order: Order = HitOrder.RELEVANCE,
        expand: ExpandBy = Expand.LABELS,
    ) -> SearchResults | None:
        """Read what is searched for."""
        conditions = () if filter is None else filter.conditions()
        begun = search.begin(info.work, Asked(query, conditions, order, expand))
        return shown_results(begun)
