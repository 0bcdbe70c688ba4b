"""Who can see a thing, what somebody can see, who could have seen: at any instant, past or future."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.sights import Sight
from dms.base.clock import Instant
from dms.graphql import accesslists, paging, principals
from dms.graphql.accesslists import AskedAction, AskedNode
from dms.graphql.context import Info, query_field
from dms.graphql.paging import After, Before, Connection, First, Last
from dms.graphql.principals import AskedAccount, Principal
from dms.graphql.scalars import shown_id
from dms.graphql.security import MARKED_KINDS
from dms.graphql.words import Action, MarkedKind
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.services import security, sights
from dms.services.security import Classification
from dms.services.sights import AboutAccount, AboutThing, Looker, Seer


@strawberry.type(description="Somebody who can do something with a thing.")
class AccessHolder:
    """An account that can."""

    principal: Principal = strawberry.field(description="The person or service account.")
    line_ids: list[str] = strawberry.field(
        description="The lines by which he can: ids of access entries, or `role:<name>:<ACTION>`."
    )


@strawberry.type(description="A thing with which somebody can do something.")
class AccessibleThing:
    """A Document or Aggregation that an account can see."""

    kind: MarkedKind = strawberry.field(description="What it is.")
    node_id: strawberry.ID = strawberry.field(
        description="Its id; `node` tells more, as far as you may know."
    )
    reference_code: str | None = strawberry.field(description="Its reference code; null if it has none.")
    marking: str = strawberry.field(description="Its security classification today, as displays carry it.")
    line_ids: list[str] = strawberry.field(
        description="The lines by which he can: ids of access entries, or `role:<name>:<ACTION>`."
    )


@strawberry.type(description="A part of a period in which nothing changed for somebody.")
class AccessPeriod:
    """When, and by what."""

    since: Instant = strawberry.field(description="From this instant on.")
    until: Instant = strawberry.field(description="Up to and without this instant.")
    line_ids: list[str] = strawberry.field(
        description="The lines by which he could: ids of access entries, or `role:<name>:<ACTION>`."
    )


@strawberry.type(description="Somebody who could have done something with a thing.")
class PastAccessHolder:
    """An account that could have."""

    principal: Principal = strawberry.field(description="The person or service account.")
    periods: list[AccessPeriod] = strawberry.field(description="When, in order of time.")


def _holder(seer: Seer, names: Mapping[UUID, Principal]) -> AccessHolder:
    return AccessHolder(principal=names[seer.account.id], line_ids=_line_ids(seer.line_ids))


def _past_holder(looker: Looker, names: Mapping[UUID, Principal], *, until: int) -> PastAccessHolder:
    return PastAccessHolder(
        principal=names[looker.account.id],
        periods=[
            AccessPeriod(
                since=Instant(period.since),
                until=Instant(until if period.until is None else period.until),
                line_ids=_line_ids(period.value),
            )
            for period in looker.periods
        ],
    )


def _thing(
    sight: Sight[Document] | Sight[Aggregation], kind: MarkedKind, marks: Mapping[int, Classification]
) -> AccessibleThing:
    return AccessibleThing(
        kind=kind,
        node_id=shown_id(MARKED_KINDS[kind], sight.row.id),
        reference_code=sight.row.reference_code,
        marking=marks[sight.row.security_id].marking,
        line_ids=_line_ids(sight.line_ids),
    )


def _line_ids(found: Iterable[UUID | str]) -> list[str]:
    return [accesslists.line_id(each) for each in found]


_At = Annotated[
    Instant | None, strawberry.argument(description="An instant, past or future; now if left out.")
]


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.ACCESS_WHO,
        needs=Action.MANAGE_ACCESS,
        description="The people and service accounts that can do something with a thing, now or at any "
        "instant, by name. For holders of MANAGE_ACCESS on the thing, and for auditors.",
    )
    def who_can_see(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        node_id: AskedNode,
        action: AskedAction,
        at: _At = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[AccessHolder] | None:
        """List who can."""
        kind, node = accesslists.asked_node(node_id)
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=[kind.value, node.hex, action.value, at],
        )
        found = sights.who_can_see(info.work, AboutThing(kind, node, action, at), page.request)
        names = principals.shown(info.work, [seer.account for seer in found.rows])
        return page.connection(found.map(lambda seer: _holder(seer, names)))

    @query_field(
        op=Op.ACCESS_WHAT,
        needs=Action.MANAGE_ACCESS,
        description="The Documents, or Aggregations, with which somebody can do something, now or at any "
        "instant, in the order in which they were made: those on which you hold MANAGE_ACCESS, or as an "
        "auditor those that you may discover. Of the past a page may be short: go on from `endCursor` while "
        "`hasNextPage`.",
    )
    def what_can_see(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        principal_id: AskedAccount,
        action: AskedAction,
        kind: Annotated[
            MarkedKind, strawberry.argument(description="Documents or Aggregations; Documents if left out.")
        ] = MarkedKind.DOCUMENT,
        at: _At = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[AccessibleThing] | None:
        """List what somebody can see."""
        account = principals.asked_principal(info.work, principal_id)
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=[kind.value, account.hex, action.value, at],
        )
        asked = AboutAccount(account, action, at)
        if kind is MarkedKind.DOCUMENT:
            documents = sights.what_can_see(info.work, Document, asked, page.request)
            marks = security.classifications(info.work, {each.row.security_id for each in documents.rows})
            return page.connection(documents.map(lambda each: _thing(each, kind, marks)))
        found = sights.what_can_see(info.work, Aggregation, asked, page.request)
        marks = security.classifications(info.work, {each.row.security_id for each in found.rows})
        return page.connection(found.map(lambda each: _thing(each, kind, marks)))

    @query_field(
        op=Op.ACCESS_COULD,
        needs=Duty.POLICY_READ,
        description="Who could have done something with a thing at some instant of a period, and when, by "
        "name. Every change of lines, memberships, clearances, place, mark, tree or account begins a new "
        "part. For auditors, and for officers who hold MANAGE_ACCESS on the thing.",
    )
    def could_have_seen(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        node_id: AskedNode,
        action: AskedAction,
        since: Annotated[Instant, strawberry.argument(description="The first instant of the period.")],
        until: Annotated[
            Instant, strawberry.argument(description="The first instant that is no longer in the period.")
        ],
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[PastAccessHolder] | None:
        """List who could have."""
        kind, node = accesslists.asked_node(node_id)
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=[kind.value, node.hex, action.value, since, until],
        )
        asked = AboutThing(kind, node, action)
        found = sights.could_have_seen(info.work, asked, page.request, since=since, until=until)
        names = principals.shown(info.work, [looker.account for looker in found.rows])
        return page.connection(found.map(lambda each: _past_holder(each, names, until=until)))
