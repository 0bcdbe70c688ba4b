"""Lists of disposal: put together by one person, approved by others, started by a person."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import paging, principals
from dms.graphql.context import INPUT, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.disposalwords import BatchState, DisposalAction
from dms.graphql.nodes import Node, given
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.scalars import asked_id, shown_id, shown_instant
from dms.graphql.words import Action
from dms.models import disposal as models
from dms.rules.accessevents import Op
from dms.services import disposalbatches
from dms.services.disposalbatches import Heading
from dms.stores import disposals
from dms.stores.work import Work

NOW = "The list as it is now."


@strawberry.type(description="That a person approved a list.")
class DisposalApproval:
    """An approval."""

    approved_by: Principal | None = strawberry.field(description="Who approved it.")
    note: str | None = strawberry.field(description="What was remarked.")
    approved_at: Instant = strawberry.field(description="When.")


@strawberry.type(
    description="A list of things that are disposed of together. Only who disposes or approves knows of it; "
    "which things it names is read with `disposalItems`."
)
class DisposalBatch(Node):
    """A list."""

    number: int = strawberry.field(description="1, 2, 3 and so on, without gaps.")
    action: DisposalAction = strawberry.field(description="What it is for.")
    title: str = strawberry.field(description="Its name.")
    authority: str = strawberry.field(description="The law, schedule or decision by which it is done.")
    criteria: str | None = strawberry.field(
        description="By what the things were judged, where their rules ask for a review or a sample."
    )
    keeps_title: bool = strawberry.field(description="Whether the stubs keep their titles.")
    quorum: int = strawberry.field(description="How many must approve it.")
    waiting_days: int = strawberry.field(
        description="Days that pass between the last approval and the first day on which it can be started."
    )
    review_on: date | None = strawberry.field(
        description="The day of the next review, of a list that puts it off."
    )
    seed: str = strawberry.field(
        description="What a random sample is drawn by; drawn when the list was begun."
    )
    state: BatchState = strawberry.field(description="How far it has come.")
    digest: str | None = strawberry.field(
        description="SHA-256 (hexadecimal) of the list as it was proposed: who approves names it."
    )
    revision: int = strawberry.field(description="Raised by every change; name it in yours.")
    approvals: list[DisposalApproval] = strawberry.field(
        description="Who approved it since it was proposed last, in the order in which they did."
    )
    created_at: Instant = strawberry.field(description="When it was begun.")
    created_by: Principal | None = strawberry.field(description="Who began it.")
    proposed_at: Instant | None = strawberry.field(description="When it was proposed.")
    proposed_by: Principal | None = strawberry.field(description="Who proposed it.")
    approved_at: Instant | None = strawberry.field(description="When its last approval came.")
    started_at: Instant | None = strawberry.field(description="When it was started last.")
    started_by: Principal | None = strawberry.field(description="Who started it; the job acts for them.")
    ended_at: Instant | None = strawberry.field(description="When it was executed or cancelled.")
    available_transitions: list[str] = strawberry.field(
        description="What its state permits and your office allows."
    )


@strawberry.input(description="Which lists to show; what is left out does not narrow.")
class DisposalBatchesFilter:
    """What narrows."""

    state: BatchState | None = strawberry.field(default=None, description="Those in this state.")


@strawberry.input(description="A new list of disposal, without things on it.")
class DisposalBatchCreateInput(Creation):
    """What a list begins with."""

    action: DisposalAction = strawberry.field(description="What it is for; this never changes.")
    title: str = strawberry.field(description="Its name, one line.")
    authority: str = strawberry.field(
        description="The law, schedule or decision by which it is done, in up to 1,000 characters."
    )
    criteria: str | None = strawberry.field(
        default=None,
        description="By what the things were judged; wanted where their rules ask for a review or a sample.",
    )
    keeps_title: bool = strawberry.field(
        default=True, description="Whether the stubs keep their titles: no, if a title tells too much."
    )
    quorum: int = strawberry.field(default=1, description="How many must approve it: 1 to 5.")
    waiting_days: int = strawberry.field(
        default=0, description="Days between the last approval and the execution: 0 to 365."
    )
    review_on: date | None = strawberry.field(
        default=None,
        description="The day of the next review: wanted of a list that puts it off, and of no other.",
    )


@strawberry.input(
    description="What a draft says of itself. What is left out stays, null empties what may be."
)
class DisposalBatchUpdateInput:
    """What changes."""

    id: strawberry.ID = strawberry.field(description="The list, a draft.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    title: strawberry.Maybe[str] = strawberry.field(description="The new name.")
    authority: strawberry.Maybe[str] = strawberry.field(description="The new authority.")
    criteria: strawberry.Maybe[str | None] = strawberry.field(description="The new criteria.")
    keeps_title: strawberry.Maybe[bool] = strawberry.field(description="Whether the stubs keep their titles.")
    quorum: strawberry.Maybe[int] = strawberry.field(description="How many must approve it: 1 to 5.")
    waiting_days: strawberry.Maybe[int] = strawberry.field(
        description="Days between the last approval and the execution: 0 to 365."
    )
    review_on: strawberry.Maybe[date | None] = strawberry.field(description="The day of the next review.")


@strawberry.type(description="What came of beginning a list.")
class DisposalBatchCreatePayload(Payload):
    """The list, or why not."""

    disposal_batch: DisposalBatch | None = strawberry.field(default=None, description=NOW)


@strawberry.type(description="What came of changing a draft.")
class DisposalBatchUpdatePayload(Payload):
    """The list, or why not."""

    disposal_batch: DisposalBatch | None = strawberry.field(default=None, description=NOW)


def shown_batches(work: Work, rows: Iterable[models.DisposalBatch]) -> Mapping[UUID, DisposalBatch]:
    """Shape lists, by id."""
    found = list(rows)
    approvals = disposalbatches.approvals(work, found)
    accounts = {each for row in found for each in (row.created_by, row.proposed_by, row.started_by)}
    accounts |= {each.by for given_ in approvals.values() for each in given_}
    names = principals.named(work, accounts)
    return {row.id: _shape(work, row, names, approvals[row.id]) for row in found}


def _shape(
    work: Work,
    row: models.DisposalBatch,
    names: Mapping[UUID, Principal],
    approvals: Iterable[disposals.Approved],
) -> DisposalBatch:
    return DisposalBatch(
        id=shown_id(Kind.DISPOSAL_BATCH, row.id),
        number=row.number,
        action=row.action,
        title=row.title,
        authority=row.authority,
        criteria=row.criteria,
        keeps_title=row.keeps_title,
        quorum=row.quorum,
        waiting_days=row.waiting_days,
        review_on=row.review_on,
        seed=row.seed,
        state=row.state,
        digest=row.digest,
        revision=row.revision,
        approvals=[
            DisposalApproval(
                approved_by=principals.one_of(names, each.by), note=each.note, approved_at=Instant(each.at)
            )
            for each in approvals
        ],
        created_at=Instant(row.created_at),
        created_by=principals.one_of(names, row.created_by),
        proposed_at=shown_instant(row.proposed_at),
        proposed_by=principals.one_of(names, row.proposed_by),
        approved_at=shown_instant(row.approved_at),
        started_at=shown_instant(row.started_at),
        started_by=principals.one_of(names, row.started_by),
        ended_at=shown_instant(row.ended_at),
        available_transitions=list(disposalbatches.transitions(work, row)),
    )


def shown_batch(work: Work, row: models.DisposalBatch) -> DisposalBatch:
    """Shape one list."""
    return shown_batches(work, [row])[row.id]


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, DisposalBatch]:
    """Return lists by id, for `node`."""
    return shown_batches(info.work, disposalbatches.each(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.DISPOSALBATCH_LIST,
        needs=Action.DISPOSE,
        description="Lists of disposal, the newest first; none for who neither disposes nor approves.",
    )
    def disposal_batches(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[DisposalBatchesFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[DisposalBatch] | None:
        """List lists."""
        state = None if filter is None else filter.state
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=state,
            total_up_to=total_up_to,
        )
        found = disposalbatches.listed(info.work, page.request, state=state)
        return page.connection(found.among(shown_batches(info.work, found.rows)))

    @query_field(
        op=Op.DISPOSALBATCH_LIST,
        needs=Action.DISPOSE,
        description="One list of disposal; null if there is none.",
    )
    def disposal_batch(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The list.")]
    ) -> DisposalBatch | None:
        """Read a list."""
        return shown_batch(info.work, disposalbatches.find(info.work, key_of(id)))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.DISPOSALBATCH_CREATE,
        needs=Action.DISPOSE,
        creates=Made("disposal_batch", nodes),
        locks=(disposals.BATCHES,),
        description="Begin a list of disposal; it needs `DISPOSE` on the Repository.",
    )
    def disposal_batch_create(
        self, info: Info, input: Annotated[DisposalBatchCreateInput, INPUT]
    ) -> DisposalBatchCreatePayload | None:
        """Begin a list."""
        heading = Heading(
            title=input.title,
            authority=input.authority,
            criteria=input.criteria,
            keeps_title=input.keeps_title,
            quorum=input.quorum,
            waiting_days=input.waiting_days,
            review_on=input.review_on,
        )
        row = disposalbatches.create(info.work, input.action, heading)
        return DisposalBatchCreatePayload(disposal_batch=shown_batch(info.work, row))

    @mutation_field(
        op=Op.DISPOSALBATCH_UPDATE, needs=Action.DISPOSE, description="Change what a draft says of itself."
    )
    def disposal_batch_update(
        self, info: Info, input: Annotated[DisposalBatchUpdateInput, INPUT]
    ) -> DisposalBatchUpdatePayload | None:
        """Change a draft."""
        heading = Heading(
            title=given(input.title),
            authority=given(input.authority),
            criteria=given(input.criteria),
            keeps_title=given(input.keeps_title),
            quorum=given(input.quorum),
            waiting_days=given(input.waiting_days),
            review_on=given(input.review_on),
        )
        row = disposalbatches.update(
            info.work, key_of(input.id), heading, expected_revision=input.expected_revision
        )
        return DisposalBatchUpdatePayload(disposal_batch=shown_batch(info.work, row))


def key_of(given_id: strawberry.ID) -> UUID:
    """Return the list that an id names."""
    return asked_id(Kind.DISPOSAL_BATCH, given_id)
