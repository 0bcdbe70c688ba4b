"""Saved searches through the door: everybody's own, kept, run again and removed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import paging
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node
from dms.graphql.paging import TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.scalars import MediaType, asked_id, shown_id
from dms.graphql.search import SearchResults, shown_results
from dms.graphql.searchwords import SearchFilter
from dms.graphql.words import MarkedKind
from dms.models import savedqueries as models
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.rules.savedqueries import read
from dms.rules.searchlimits import HitOrder
from dms.services import savedqueries
from dms.services.search import Asked


@strawberry.type(description="What a search that was kept is limited by; all that are given must hold.")
class SavedQueryFilter:
    """The filter as it was given; a place that you may no longer know of only finds nothing."""

    kind: MarkedKind | None = strawberry.field(default=None, description="Only things of this kind.")
    aggregation_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Directly in one of these."
    )
    below_id: strawberry.ID | None = strawberry.field(
        default=None, description="In this Aggregation or anywhere below it."
    )
    record_class_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="One of these classes."
    )
    media_types: list[MediaType] | None = strawberry.field(
        default=None, description="The newest Version is of one of these media types."
    )
    languages: list[str] | None = strawberry.field(
        default=None, description="The text is in one of these languages."
    )
    dated_from: date | None = strawberry.field(
        default=None, description="The first day of its dates is this one or later."
    )
    dated_to: date | None = strawberry.field(
        default=None, description="The first day of its dates is this one or earlier."
    )


@strawberry.type(description="A search that you saved; it keeps what you ask for, never what was found.")
class SavedQuery(Node):
    """A saved search; nobody else knows of it."""

    name: str = strawberry.field(description="What you called it.")
    query: str = strawberry.field(description="What is looked for, as it was typed.")
    filter: SavedQueryFilter | None = strawberry.field(description="Limits beside those that were typed.")
    order: HitOrder = strawberry.field(description="By what the hits are sorted.")
    saved_at: Instant = strawberry.field(description="When you saved it.")


@strawberry.input(description="A search to keep.")
class SavedQuerySaveInput(Creation):
    """A name, and what is searched for."""

    name: str = strawberry.field(
        description="What to call it: 1 to 100 characters, and no other saved search of yours."
    )
    query: str = strawberry.field(
        default="", description="What is looked for, as in `search`: up to 1,000 characters."
    )
    filter: SearchFilter | None = strawberry.field(
        default=None, description="Limits beside those that are typed."
    )
    order: HitOrder = strawberry.field(default=HitOrder.RELEVANCE, description="By what the hits are sorted.")


@strawberry.input(description="A saved search to forget.")
class SavedQueryRemoveInput:
    """Which one."""

    id: strawberry.ID = strawberry.field(description="The saved search, one of yours.")


@strawberry.type(description="What came of saving a search.")
class SavedQuerySavePayload(Payload):
    """The saved search, or why not."""

    saved_query: SavedQuery | None = strawberry.field(default=None, description="The saved search.")


@strawberry.type(description="What came of removing a saved search.")
class SavedQueryRemovePayload(Payload):
    """The saved search, or why not."""

    saved_query: SavedQuery | None = strawberry.field(
        default=None, description="The saved search as it was; it is gone."
    )


def _shown(rows: Iterable[models.SavedQuery]) -> dict[UUID, SavedQuery]:
    return {row.id: _shape(row) for row in rows}


def _shape(row: models.SavedQuery) -> SavedQuery:
    return SavedQuery(
        id=shown_id(Kind.SAVED_QUERY, row.id),
        name=row.name,
        query=row.query,
        filter=shown_filter(row.conditions),
        order=row.hit_order,
        saved_at=Instant(row.saved_at),
    )


def shown_filter(written: str) -> SavedQueryFilter | None:
    """Show conditions that were kept, if there are any; of two on the place directly, what both allow."""
    found: dict[str, list[Any]] = {}  # values as the conditions of each name have them
    for each in read(written):
        values = list(dict.fromkeys(each.values))
        found[each.of] = [value for value in found.get(each.of, values) if value in values]
    if not found:
        return None
    below, days = found.get("below"), found.get("date")
    homes, classes, media = (found.get(name) for name in ("aggregation", "recordClass", "mediaType"))
    return SavedQueryFilter(
        kind=MarkedKind(found["kind"][0]) if "kind" in found else None,
        aggregation_ids=None if homes is None else [shown_id(Kind.AGGREGATION, each) for each in homes],
        below_id=shown_id(Kind.AGGREGATION, below[0]) if below else None,
        record_class_ids=None if classes is None else [shown_id(Kind.RECORD_CLASS, each) for each in classes],
        media_types=None if media is None else [MediaType(each.text) for each in media],
        languages=found.get("language"),
        dated_from=_day(days[0].first) if days else None,
        dated_to=_day(days[0].last) if days else None,
    )


def _day(key: str | None) -> date | None:
    return None if key is None else date.fromisoformat(key)


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return the caller's own of these saved searches by id, for `node`."""
    return _shown(savedqueries.nodes(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.SAVEDQUERY_LIST,
        needs=OPEN,
        description="The searches that you saved, the newest first; nobody else knows of them.",
    )
    def saved_queries(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[SavedQuery] | None:
        """List saved searches."""
        page = paging.asked(info, first=first, after=after, last=last, before=before, total_up_to=total_up_to)
        found = savedqueries.page(info.work, page.request)
        return page.connection(found.among(_shown(found.rows)))

    @query_field(
        op=Op.SEARCH_RUN,
        needs=Action.READ_METADATA,
        description="Search again what you saved: what you may read now is found now.",
    )
    def saved_query_run(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The saved search, one of yours.")],
    ) -> SearchResults | None:
        """Run a saved search."""
        begun = savedqueries.begin(info.work, asked_id(Kind.SAVED_QUERY, id))
        return shown_results(begun)


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.SAVEDQUERY_SAVE,
        needs=OPEN,
        creates=Made("saved_query", nodes),
        description=f"Keep a search for yourself, {savedqueries.MAX_KEPT} at most. What it finds is not.",
    )
    def saved_query_save(
        self, info: Info, input: Annotated[SavedQuerySaveInput, INPUT]
    ) -> SavedQuerySavePayload | None:
        """Save a search."""
        conditions = () if input.filter is None else input.filter.conditions()
        row = savedqueries.save(info.work, Asked(input.query, conditions, input.order), name=input.name)
        return SavedQuerySavePayload(saved_query=_shape(row))

    @mutation_field(op=Op.SAVEDQUERY_REMOVE, needs=OPEN, description="Remove a search that you saved.")
    def saved_query_remove(
        self, info: Info, input: Annotated[SavedQueryRemoveInput, INPUT]
    ) -> SavedQueryRemovePayload | None:
        """Remove a saved search."""
        row = savedqueries.remove(info.work, asked_id(Kind.SAVED_QUERY, input.id))
        return SavedQueryRemovePayload(saved_query=_shape(row))
