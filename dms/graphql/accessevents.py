"""The access log for auditors: who saw, changed or was refused what, when and why."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.log.eventfilters import EventFilter
from dms.base.clock import Instant
from dms.base.ids import Kind, parse_global_id
from dms.graphql import accesseventviews, paging, principals
from dms.graphql.accesseventviews import AccessEvent
from dms.graphql.context import Info, query_field
from dms.graphql.eventwords import (
    AccessEventOrderField,
    AccessEventSelection,
    Disclosure,
    Op,
    Outcome,
)
from dms.graphql.filters import Direction
from dms.graphql.paging import NARROWS, After, Before, Connection, First, Last
from dms.graphql.scalars import ABSENT, asked_id
from dms.rules.access import Duty
from dms.services import accessevents
from dms.services.accessevents import Wanted
from dms.stores.work import Work


@strawberry.input(description="Which events to list; all that is given must hold.")
class AccessEventFilter:
    """What narrows a list of events."""

    actor_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those of this account, by its id."
    )
    object_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Those that name this object as shown, written or refused: its id, of any kind, or the "
        "`uuid` that an event shows.",
    )
    op: Op | None = strawberry.field(default=None, description="Those that did this, first or besides.")
    outcome: Outcome | None = strawberry.field(default=None, description="Those that ended so.")
    reason: str | None = strawberry.field(
        default=None, description="Those refused or failed for this reason, in whole or in part."
    )
    since: Instant | None = strawberry.field(default=None, description="Those at this instant or later.")
    until: Instant | None = strawberry.field(default=None, description="Those before this instant.")
    refusals_only: bool = strawberry.field(
        default=False, description="Only those in which something was refused, even beside what was shown."
    )
    selection: AccessEventSelection | None = strawberry.field(
        default=None, description="One of the ready-made selections; narrows like the other filters."
    )
    disclosure: Disclosure | None = strawberry.field(
        default=None,
        description="Those that showed so much or more: of `objectId`, or without it of any object.",
    )
    security_level: str | None = strawberry.field(
        default=None,
        description="Those that showed something of this security level, by its code, or of a higher one.",
    )
    class_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Those that showed something that was filed under this class then; not the classes "
        "below it.",
    )
    source_address: str | None = strawberry.field(
        default=None,
        description="Those from this network address, for as long as the detail of the event is kept.",
    )
    min_objects: int | None = strawberry.field(
        default=None, description="Those that showed or changed so many objects or more."
    )


@strawberry.input(description="The order of a list of access events.")
class AccessEventOrderBy:
    """A field and a direction."""

    field: AccessEventOrderField = strawberry.field(default=AccessEventOrderField.AT, description="By what.")
    direction: Direction = strawberry.field(default=Direction.DESC, description="Which way.")


def asked_object(text: str) -> UUID:
    """Read the id of any object, or its bare form; anything else reads as absent."""
    parsed = parse_global_id(text)
    if parsed is not None:
        return parsed[1]
    try:
        return UUID(hex=text)
    except ValueError:
        return ABSENT


def asked_filter(work: Work, asked: AccessEventFilter) -> EventFilter:
    """Read what narrows a list or an export of events."""
    actor = None if asked.actor_id is None else principals.asked_principal(work, asked.actor_id)
    return EventFilter(
        actor_id=actor,
        object_id=None if asked.object_id is None else asked_object(asked.object_id),
        op=asked.op,
        outcome=asked.outcome,
        reason=asked.reason,
        since=asked.since,
        until=asked.until,
        refusals_only=asked.refusals_only,
        selection=asked.selection,
        disclosure=asked.disclosure,
        levels=None if asked.security_level is None else accessevents.levels(work, asked.security_level),
        class_id=None if asked.class_id is None else asked_id(Kind.RECORD_CLASS, asked.class_id),
        address=asked.source_address,
        min_objects=asked.min_objects,
    )


def _wanted(info: Info, *places: str) -> Wanted:
    lines = ("released", "changed", "refused")
    return Wanted(
        things=info.wants(*(f"{place}{line}.thing" for place in places for line in lines)),
        markings=info.wants(*(f"{place}released.marking" for place in places)),
        detail=info.wants(*(f"{place}detail" for place in places)),
    )


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.LOG_READ,
        needs=Duty.LOG_READ,
        description="One event of the access log with all that it names. Your reading is an event too.",
    )
    def access_event(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The event.")]
    ) -> AccessEvent | None:
        """Return one event."""
        event_id = asked_id(Kind.ACCESS_EVENT, id)
        view = accessevents.find(info.work, event_id, wanted=_wanted(info, ""))
        return accesseventviews.shown(view, principals.shown(info.work, [view.actor]))

    @query_field(
        op=Op.LOG_READ,
        needs=Duty.LOG_READ,
        description="The access log. A filter other than account, object, outcome and time reads the events "
        "themselves: in a large log narrow it by one of these, or go on from `endCursor` even if a page "
        "came out short or empty, as long as `hasNextPage` holds. Your reading is an event too.",
    )
    def access_events(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[AccessEventFilter | None, NARROWS] = None,
        order_by: Annotated[
            AccessEventOrderBy | None,
            strawberry.argument(description="The order; the newest first if left out."),
        ] = None,
    ) -> Connection[AccessEvent] | None:
        """List events."""
        found = asked_filter(info.work, filter or AccessEventFilter())
        direction = Direction.DESC if order_by is None else order_by.direction
        page = paging.asked(
            info, first=first, after=after, last=last, before=before, filter=found.values(), order=direction
        )
        views = accessevents.page(
            info.work,
            page.request,
            found=found,
            descending=direction is Direction.DESC,
            wanted=_wanted(info, "nodes.", "edges.node."),
        )
        names = principals.shown(info.work, [view.actor for view in views.rows])
        return page.connection(views.map(lambda view: accesseventviews.shown(view, names)))
