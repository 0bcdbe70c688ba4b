"""Jobs as people see them: whoever asked for one sees it, and who operates the system sees all.

A job shows what kind it is and how far it came, never what it is about: who operates the system need not
know of a Document to see that its text could not be read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from dms.access import gate
from dms.access.keyset import Order
from dms.access.reading import Listing
from dms.base.canonical import Canonical
from dms.base.errors import Conflict, State
from dms.base.paging import Page, PageRequest
from dms.models.jobs import Job
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.jobs import ENDED_BADLY, OPEN, JobKind, JobState
from dms.stores.work import Work


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are wanted; what is empty or None does not narrow."""

    states: tuple[JobState, ...] = ()
    kinds: tuple[JobKind, ...] = ()
    own_only: bool = False

    def values(self) -> list[Canonical]:
        """Return what narrows."""
        return [sorted(self.states), sorted(self.kinds), self.own_only]


def page(work: Work, request: PageRequest, *, wanted: JobFilter) -> Page[Job]:
    """List jobs, the newest first: one's own, with the duty `system.operate` all."""
    work.performs(Op.JOB_LIST)
    reading = _seen(work)
    if wanted.own_only:
        reading = reading.where(Job.asked_by == gate.account_id(work))
    if wanted.states:
        reading = reading.where(Job.state.in_(wanted.states))
    if wanted.kinds:
        reading = reading.where(Job.kind.in_([kind.value for kind in wanted.kinds]))
    return reading.order_by(Order(Job.id, descending=True)).page(request)


def find(work: Work, job_id: UUID) -> Job:
    """Return a job, or raise `NotFound`."""
    work.performs(Op.JOB_READ)
    return _seen(work).one(job_id)


def nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Job]:
    """Return those of these jobs that the actor may see, by id."""
    return _seen(work).each(ids)


def retry(work: Work, job_id: UUID) -> Job:
    """Queue a job again that ended without being done; its tries are counted anew."""
    work.performs(Op.JOB_RETRY)
    row = _seen(work).one(job_id)
    if row.state not in ENDED_BADLY:
        raise State(
            f"the job is {row.state.value}: only one that ended badly is tried again", state=row.state
        )
    old = row.state
    row.state, row.attempts, row.run_at, row.ended_at = JobState.QUEUED, 0, work.now, None
    return _changed(work, row, old)


def cancel(work: Work, job_id: UUID) -> Job:
    """End a job that waits or runs; needs the duty `system.operate`, since the house needs what it does.

    What a running one has kept so far stays; it keeps nothing from now on.
    """
    work.performs(Op.JOB_CANCEL)
    gate.require_duty(work, Duty.SYSTEM_OPERATE)
    row = _seen(work).one(job_id)
    if row.state not in OPEN:
        raise State("the job has ended already", state=row.state, available=("jobRetry",))
    old = row.state
    row.state, row.ended_at, row.lease_until, row.leased_by = JobState.CANCELLED, work.now, None, None
    return _changed(work, row, old)


def _seen(work: Work) -> Listing[Job]:
    reading = gate.listed(work, Job)
    if gate.has_duty(work, Duty.SYSTEM_OPERATE):
        return reading
    return reading.where(Job.asked_by == gate.account_id(work))


def _changed(work: Work, row: Job, old: JobState) -> Job:
    row.revision += 1
    try:
        work.flush()
    except IntegrityError as error:
        raise Conflict("the same is queued again already: look at the open jobs") from error
    work.changed(
        row.id,
        before=row.revision - 1,
        after=row.revision,
        old={"state": old.value},
        new={"state": row.state.value},
    )
    return row
