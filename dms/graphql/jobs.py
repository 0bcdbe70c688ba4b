"""Jobs: what the server does later, how far it came, and what it gave up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import enums, paging, principals
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.scalars import BigInt, asked_id, shown_big, shown_id, shown_instant
from dms.models import jobs as models
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.jobs import JobKind, JobState
from dms.services import jobs
from dms.services.jobs import JobFilter
from dms.stores.work import Work

enums.show(
    JobKind,
    description="What a job does.",
    values={
        JobKind.CLASS_ASSIGN: "Give many Documents or Aggregations a class, for whoever asked.",
        JobKind.CONTENT_CATCH_UP: "Queue the reading of contents that no reader of today has read.",
        JobKind.CONTENT_OCR: "Read by OCR the pages of a content that hold no text.",
        JobKind.CONTENT_READ: "Tell the format of a content, read its text, and make its thumbnail.",
        JobKind.CONTENT_SCRUB: "Read stored contents again, to see that they are still what was put there.",
        JobKind.CONTENT_SWEEP: "Remove stored bytes that nothing names any more.",
        JobKind.CONTENT_REMOVE: "Remove stored bytes of what was destroyed.",
        JobKind.DISPOSAL_EXECUTE: "Carry out a list of disposal.",
        JobKind.JOBS_SWEEP: "Forget jobs that ended long ago.",
        JobKind.RETENTION_RECOMPUTE: "Compute anew what follows for things after their rules changed.",
        JobKind.RETENTION_TURN: "Compute anew what follows for things that time has turned.",
        JobKind.SEARCH_CATCH_UP: "Queue the indexing of texts by which nothing is found yet.",
        JobKind.SEARCH_INDEX: "Let a Document be found by the words of its text.",
        JobKind.UPLOADS_SWEEP: "Remove uploads that nobody filed in time.",
    },
)
enums.show(
    JobState,
    description="How far a job has come.",
    values={
        JobState.QUEUED: "It waits for its time, or for a worker.",
        JobState.RUNNING: "A worker does it.",
        JobState.DONE: "It was done.",
        JobState.FAILED: "It can never be done, for the reason given.",
        JobState.DEAD: "It was tried eight times in vain, and given up.",
        JobState.CANCELLED: "Who operates the system no longer wanted it.",
    },
)


@strawberry.type(
    description="Something that the server does later, by itself. It does not say what it is about: where "
    "that is shown, so is what came of it."
)
class Job(Node):
    """A job."""

    kind: JobKind = strawberry.field(description="What it does.")
    state: JobState = strawberry.field(description="How far it has come.")
    priority: int = strawberry.field(description="Lower ones come first.")
    run_at: Instant = strawberry.field(description="The first moment at which it is done, or tried again.")
    attempts: int = strawberry.field(description="How often it was tried.")
    progress_done: BigInt | None = strawberry.field(description="How much of it is done, where it tells.")
    progress_total: BigInt | None = strawberry.field(
        description="How much there is to do, where it is known."
    )
    error_code: str | None = strawberry.field(description="Why its last try failed, as a word for programs.")
    error: str | None = strawberry.field(description="Why its last try failed.")
    asked_by: Principal | None = strawberry.field(
        description="Whose operation caused it; none if the system did."
    )
    created_at: Instant = strawberry.field(description="When it was queued.")
    started_at: Instant | None = strawberry.field(description="When its last try began.")
    ended_at: Instant | None = strawberry.field(description="When it ended, whatever came of it.")


@strawberry.input(name="JobFilter", description="Which jobs are wanted; what is left out does not narrow.")
class JobFilterInput:
    """What narrows."""

    states: list[JobState] | None = strawberry.field(default=None, description="In one of these states.")
    kinds: list[JobKind] | None = strawberry.field(default=None, description="Of one of these kinds.")
    own_only: bool = strawberry.field(default=False, description="Only those that you caused.")

    def asked(self) -> JobFilter:
        """Return it as the service takes it."""
        return JobFilter(tuple(self.states or ()), tuple(self.kinds or ()), own_only=self.own_only)


@strawberry.input(description="A job that is to be tried again.")
class JobRetryInput:
    """Which job."""

    id: strawberry.ID = strawberry.field(description="The job.")


@strawberry.input(description="A job that is no longer wanted.")
class JobCancelInput:
    """Which job."""

    id: strawberry.ID = strawberry.field(description="The job.")


@strawberry.type(description="What came of queueing a job again.")
class JobRetryPayload(Payload):
    """The job, or why not."""

    job: Job | None = strawberry.field(default=None, description="The job as it is now, queued.")


@strawberry.type(description="What came of cancelling a job.")
class JobCancelPayload(Payload):
    """The job, or why not."""

    job: Job | None = strawberry.field(default=None, description="The job as it is now, cancelled.")


def _shown(work: Work, rows: Iterable[models.Job]) -> dict[UUID, Job]:
    found = list(rows)
    names = principals.named(work, [row.asked_by for row in found])
    return {row.id: _shape(row, principals.one_of(names, row.asked_by)) for row in found}


def _shape(row: models.Job, asked_by: Principal | None) -> Job:
    return Job(
        id=shown_id(Kind.JOB, row.id),
        kind=JobKind(row.kind),
        state=row.state,
        priority=row.priority,
        run_at=Instant(row.run_at),
        attempts=row.attempts,
        progress_done=shown_big(row.progress_done),
        progress_total=shown_big(row.progress_total),
        error_code=row.error_code,
        error=row.error,
        asked_by=asked_by,
        created_at=Instant(row.created_at),
        started_at=shown_instant(row.started_at),
        ended_at=shown_instant(row.ended_at),
    )


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return jobs by id, for `node`."""
    return _shown(info.work, jobs.nodes(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.JOB_READ,
        needs=OPEN,
        description="One job: one that you caused, or any if you operate the system (`system.operate`).",
    )
    def job(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The job.")]
    ) -> Job | None:
        """Return one job."""
        row = jobs.find(info.work, asked_id(Kind.JOB, id))
        return _shown(info.work, [row])[row.id]

    @query_field(
        op=Op.JOB_LIST,
        needs=OPEN,
        description="Jobs, the newest first: those that you caused; all if you operate the system "
        "(`system.operate`). Those that were done are forgotten after a week, others after 90 days.",
    )
    def jobs(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[JobFilterInput | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[Job] | None:
        """List jobs."""
        wanted = (filter or JobFilterInput()).asked()
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=wanted.values(),
            total_up_to=total_up_to,
        )
        found = jobs.page(info.work, page.request, wanted=wanted)
        shown = _shown(info.work, found.rows)
        return page.connection(found.among(shown))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.JOB_RETRY,
        needs=OPEN,
        description="Queue a job again that failed, was given up or cancelled: one that you caused, or any "
        "if you operate the system.",
    )
    def job_retry(self, info: Info, input: Annotated[JobRetryInput, INPUT]) -> JobRetryPayload | None:
        """Queue a job again."""
        row = jobs.retry(info.work, asked_id(Kind.JOB, input.id))
        return JobRetryPayload(job=_shown(info.work, [row])[row.id])

    @mutation_field(
        op=Op.JOB_CANCEL,
        needs=Duty.SYSTEM_OPERATE,
        description="End a job that waits or runs. What it has kept so far stays; it keeps nothing more.",
    )
    def job_cancel(self, info: Info, input: Annotated[JobCancelInput, INPUT]) -> JobCancelPayload | None:
        """Cancel a job."""
        row = jobs.cancel(info.work, asked_id(Kind.JOB, input.id))
        return JobCancelPayload(job=_shown(info.work, [row])[row.id])
