"""Access reviews: a frozen list, and the signature under each of its lines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.revisions import LOCK
from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.base.paging import Page
from dms.graphql import accesslists, enums, paging, principals
from dms.graphql.accesslists import AccessEntry, asked_node, shown_node_ids
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node, Siblings, nested_field
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.scalars import asked_id, shown_id, shown_instant
from dms.graphql.words import Action, NodeKind
from dms.models import accessreviews as models
from dms.models.accessreviews import ReviewState
from dms.rules.accessevents import Op
from dms.services import accessreviews
from dms.services.accessreviews import MAX_AT_ONCE, MAX_LINES, Line, Standing, Verdict
from dms.stores.work import Work

enums.show(
    ReviewState,
    name="AccessReviewState",
    description="How far a review has come.",
    values={
        ReviewState.OPEN: "Some line waits for a decision.",
        ReviewState.CLOSED: "Every line is decided.",
    },
)
enums.show(
    Standing,
    name="AccessReviewLineState",
    description="Where a line of a review stands.",
    values={
        Standing.OPEN: "It waits for a decision.",
        Standing.KEPT: "Somebody signed that it is needed.",
        Standing.REVOKED: "The entry was ended by this review.",
        Standing.REVOKED_ELSEWHERE: "The entry was ended meanwhile, not by this review.",
    },
)
enums.show(
    Verdict,
    name="AccessReviewVerdict",
    description="What is decided about lines of a review.",
    values={Verdict.KEEP: "They are needed.", Verdict.REVOKE: "Their entries end now."},
)


@strawberry.type(description="A line of a review: an entry, and what was decided about it.")
class AccessReviewLine(Node):
    """A line with its signature."""

    state: Standing = strawberry.field(description="Where it stands now.")
    access_entry: AccessEntry = strawberry.field(description="The entry, as it is now.")
    decided_by: Principal | None = strawberry.field(description="Who signed; none while it is open.")
    decided_at: Instant | None = strawberry.field(description="When.")
    note: str | None = strawberry.field(description="Why, in the words of who signed.")


@strawberry.type(description="A review of an access list as it stood when the review began.")
class AccessReview(Node):
    """A review with its counts."""

    key: strawberry.Private[UUID]
    siblings: strawberry.Private[Siblings[models.AccessReview]]

    node_kind: NodeKind = strawberry.field(description="Whose list it is.")
    node_id: strawberry.ID = strawberry.field(description="Whose list it is.")
    includes_below: bool = strawberry.field(description="Whether the lists of all below are in it too.")
    reason: str = strawberry.field(description="Why it was begun.")
    state: ReviewState = strawberry.field(description="How far it has come.")
    started_by: Principal = strawberry.field(description="Who began it.")
    started_at: Instant = strawberry.field(description="When it was begun, and the list frozen.")
    closed_by: Principal | None = strawberry.field(description="Who decided the last line.")
    closed_at: Instant | None = strawberry.field(description="When it was closed.")
    line_count: int = strawberry.field(description="How many lines it has that you may know of.")
    open_count: int = strawberry.field(description="How many of them wait for a decision.")

    @nested_field(description="Its lines that you may know of, in the order in which they were written.")
    def lines(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[AccessReviewLine]:
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

        def read(rows: Mapping[UUID, models.AccessReview]) -> Mapping[UUID, Page[AccessReviewLine]]:
            found = accessreviews.lines(info.work, rows.keys(), page.request)
            shown = _shown_lines(info.work, (line for each in found.values() for line in each.rows))
            return {key: each.map(lambda line: shown[line.row.id]) for key, each in found.items()}

        return page.connection(self.siblings.pages(info, self.key, page.request, read=read)[self.key])


@strawberry.input(description="Which reviews to list; what is left out does not narrow the list.")
class AccessReviewFilter:
    """What narrows a list of reviews."""

    node_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those of this Document, Aggregation, class, scheme or Repository."
    )
    state: ReviewState | None = strawberry.field(default=None, description="Those in this state.")


@strawberry.input(description="The beginning of a review.")
class AccessReviewStartInput(Creation):
    """Whose list, and why."""

    node_id: strawberry.ID = strawberry.field(
        description="The Document, Aggregation, class, scheme or Repository whose list it is."
    )
    include_below: bool = strawberry.field(
        default=False,
        description=f"Whether to take the lists of all below too; at most {MAX_LINES} lines in all.",
    )
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.input(description="A decision about lines of a review.")
class AccessReviewAttestInput:
    """Which lines, what, and why."""

    id: strawberry.ID = strawberry.field(description="The review.")
    line_ids: list[strawberry.ID] = strawberry.field(
        description=f"Lines of it that are open, at most {MAX_AT_ONCE}; none that names yourself."
    )
    verdict: Verdict = strawberry.field(description="Whether they are needed, or end now.")
    note: str = strawberry.field(description="Why; auditors read it beside your name.")


@strawberry.input(description="The end of a review whose last lines were revoked elsewhere.")
class AccessReviewCloseInput:
    """Which review."""

    id: strawberry.ID = strawberry.field(description="The review; no line of it is open any more.")


@strawberry.type(description="What came of beginning a review.")
class AccessReviewStartPayload(Payload):
    """The review, or why not."""

    access_review: AccessReview | None = strawberry.field(
        default=None, description="The review that was begun, with its frozen list."
    )


@strawberry.type(description="What came of deciding about lines.")
class AccessReviewAttestPayload(Payload):
    """The review, or why not."""

    access_review: AccessReview | None = strawberry.field(
        default=None, description="The review; closed if those were its last open lines."
    )


@strawberry.type(description="What came of closing a review.")
class AccessReviewClosePayload(Payload):
    """The review, or why not."""

    access_review: AccessReview | None = strawberry.field(default=None, description="The review, closed.")


def shown_reviews(work: Work, rows: Iterable[models.AccessReview]) -> Mapping[UUID, AccessReview]:
    """Shape reviews, by id."""
    found = list(rows)
    names = principals.named(work, [each for row in found for each in (row.started_by, row.closed_by)])
    ids = shown_node_ids(work, [(row.node_kind, row.node_id) for row in found])
    counts = accessreviews.counts(work, [row.id for row in found])
    siblings = Siblings({row.id: row for row in found})
    return {
        row.id: AccessReview(
            key=row.id,
            siblings=siblings,
            id=shown_id(Kind.ACCESS_REVIEW, row.id),
            node_kind=row.node_kind,
            node_id=ids[row.node_id],
            includes_below=row.includes_below,
            reason=row.reason,
            state=row.state,
            started_by=names[row.started_by],
            started_at=Instant(row.started_at),
            closed_by=principals.one_of(names, row.closed_by),
            closed_at=shown_instant(row.closed_at),
            line_count=counts[row.id][0],
            open_count=counts[row.id][1],
        )
        for row in found
    }


def _shown_lines(work: Work, lines: Iterable[Line]) -> Mapping[UUID, AccessReviewLine]:
    found = list(lines)
    names = principals.named(work, [line.row.decided_by for line in found])
    entries = accesslists.shown_entries(work, [line.entry for line in found])
    return {
        line.row.id: AccessReviewLine(
            id=shown_id(Kind.ACCESS_REVIEW_LINE, line.row.id),
            state=line.standing,
            access_entry=entries[line.entry.id],
            decided_by=principals.one_of(names, line.row.decided_by),
            decided_at=shown_instant(line.row.decided_at),
            note=line.row.note,
        )
        for line in found
    }


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return reviews by id, for `node`."""
    return shown_reviews(info.work, accessreviews.review_nodes(info.work, ids).values())


def line_nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return lines of reviews by id, for `node`."""
    return _shown_lines(info.work, accessreviews.line_nodes(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.ACCESSREVIEW_LIST,
        needs=OPEN,
        description="Reviews of access lists, the newest first: of nodes whose lists you manage; with the "
        "duty `access.review` of all nodes that you may discover.",
    )
    def access_reviews(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[AccessReviewFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[AccessReview] | None:
        """List reviews."""
        asked = filter or AccessReviewFilter()
        node = None if asked.node_id is None else asked_node(asked.node_id)
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=[None if node is None else [node[0].value, node[1].hex], asked.state],
            total_up_to=total_up_to,
        )
        found = accessreviews.reviews(info.work, page.request, node=node, state=asked.state)
        shown = shown_reviews(info.work, found.rows)
        return page.connection(found.among(shown))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.ACCESSREVIEW_START,
        needs=Action.MANAGE_ACCESS,
        creates=Made("access_review", nodes),
        description="Begin a review: the open entries of a list, as far as you may know them, are frozen.",
    )
    def access_review_start(
        self, info: Info, input: Annotated[AccessReviewStartInput, INPUT]
    ) -> AccessReviewStartPayload | None:
        """Begin a review."""
        row = accessreviews.start(
            info.work,
            node=asked_node(input.node_id),
            includes_below=input.include_below,
            reason=input.reason,
        )
        return AccessReviewStartPayload(access_review=shown_reviews(info.work, [row])[row.id])

    @mutation_field(
        op=Op.ACCESSREVIEW_ATTEST,
        needs=Action.MANAGE_ACCESS,
        locks=(LOCK,),
        description="Keep lines of a review with your signature, or revoke their entries, under the rules of "
        "revoking. The review closes when no line is open any more.",
    )
    def access_review_attest(
        self, info: Info, input: Annotated[AccessReviewAttestInput, INPUT]
    ) -> AccessReviewAttestPayload | None:
        """Decide about lines."""
        row = accessreviews.attest(
            info.work,
            review_id=asked_id(Kind.ACCESS_REVIEW, input.id),
            line_ids=[asked_id(Kind.ACCESS_REVIEW_LINE, each) for each in input.line_ids],
            verdict=input.verdict,
            note=input.note,
        )
        return AccessReviewAttestPayload(access_review=shown_reviews(info.work, [row])[row.id])

    @mutation_field(
        op=Op.ACCESSREVIEW_CLOSE,
        needs=Action.MANAGE_ACCESS,
        description="Close a review of which no line is open, since the last ones were revoked elsewhere.",
    )
    def access_review_close(
        self, info: Info, input: Annotated[AccessReviewCloseInput, INPUT]
    ) -> AccessReviewClosePayload | None:
        """Close a review."""
        row = accessreviews.close(info.work, review_id=asked_id(Kind.ACCESS_REVIEW, input.id))
        return AccessReviewClosePayload(access_review=shown_reviews(info.work, [row])[row.id])
