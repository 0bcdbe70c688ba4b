"""What waits for whoever asks: the queues of other rooms, as far as he may decide what is in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar
from uuid import UUID

import strawberry

from dms.base.paging import Page, PageRequest
from dms.graphql import paging
from dms.graphql.accessproposals import AccessProposal, shown_proposals
from dms.graphql.accessreviews import AccessReview, shown_reviews
from dms.graphql.context import Info
from dms.graphql.logalerts import LogAlertHit, shown_hits
from dms.graphql.nodes import nested_field
from dms.graphql.paging import TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.securitychanges import SecurityChange, shown_changes
from dms.services import accessproposalviews, accessreviews, logalerts, securitychanges
from dms.stores.work import Work


class _Waiting(Protocol):
    """A row of any queue."""

    id: Any  # mapped by each model in its own way


R = TypeVar("R", bound=_Waiting)
T = TypeVar("T")


@strawberry.type(
    description="What waits for you: only what you may decide yourself. Each list is empty for all others."
)
class ViewerTasks:
    """The queues of one account."""

    @nested_field(
        description="Proposals of others about who may what, the newest first: for those who may decide them."
    )
    def access_proposals(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[AccessProposal]:
        """List the proposals that wait."""
        page = paging.asked(info, first=first, after=after, last=last, before=before, total_up_to=total_up_to)
        return _queue(info.work, page, accessproposalviews.waiting, shown_proposals)

    @nested_field(
        description="Lowerings that others proposed of things on which you have APPROVE, the newest first."
    )
    def security_changes(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[SecurityChange]:
        """List the lowerings that wait."""
        page = paging.asked(info, first=first, after=after, last=last, before=before, total_up_to=total_up_to)
        return _queue(info.work, page, securitychanges.waiting, shown_changes)

    @nested_field(description="Open reviews of access lists that you manage, the newest first.")
    def access_reviews(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[AccessReview]:
        """List the reviews that wait."""
        page = paging.asked(info, first=first, after=after, last=last, before=before, total_up_to=total_up_to)
        return _queue(info.work, page, accessreviews.waiting, shown_reviews)

    @nested_field(
        description="Alerts about the access log that nobody has reviewed, the newest first: for auditors, "
        "but not those about yourself."
    )
    def log_alert_hits(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[LogAlertHit]:
        """List the alerts that wait."""
        page = paging.asked(info, first=first, after=after, last=last, before=before, total_up_to=total_up_to)
        return _queue(info.work, page, logalerts.waiting, shown_hits)


def _queue(
    work: Work,
    page: paging.Asked,
    waiting: Callable[[Work, PageRequest], Page[R]],
    shown: Callable[[Work, Sequence[R]], Mapping[UUID, T]],
) -> Connection[T]:
    """Return a page of what waits, as its own room shows it."""
    found = waiting(work, page.request)
    nodes = shown(work, found.rows)
    return page.connection(found.map(lambda row: nodes[row.id]))
