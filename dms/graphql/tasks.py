"""What waits for whoever asks: the queues of other rooms, as far as he may decide what is in them."""

from __future__ import annotations

import strawberry

from dms.graphql import paging
from dms.graphql.accessproposals import AccessProposal, shown_proposals
from dms.graphql.accessreviews import AccessReview, shown_reviews
from dms.graphql.context import Info
from dms.graphql.logalerts import LogAlertHit, shown_hits
from dms.graphql.nodes import nested_field
from dms.graphql.paging import TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.securitychanges import SecurityChange, shown_changes
from dms.services import accessproposalviews, accessreviews, logalerts, securitychanges


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
        found = accessproposalviews.waiting(info.work, page.request)
        return page.connection(found.among(shown_proposals(info.work, found.rows)))

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
        found = securitychanges.waiting(info.work, page.request)
        return page.connection(found.among(shown_changes(info.work, found.rows)))

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
        found = accessreviews.waiting(info.work, page.request)
        return page.connection(found.among(shown_reviews(info.work, found.rows)))

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
        found = logalerts.waiting(info.work, page.request)
        return page.connection(found.among(shown_hits(info.work, found.rows)))
