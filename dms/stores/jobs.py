"""Whose turn it is to do a job, and how far it came: what jobs do themselves are events, this is none.

INVARIANT (fenced): whatever a worker writes about a job names the worker, so one whose lease was taken by
another, or whose job was cancelled, changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, Update, and_, case, delete, func, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from dms.base.canonical import Canonical, canonical_bytes
from dms.base.clock import MINUTE, Clock, Instant
from dms.base.errors import Conflict
from dms.base.ids import new_id
from dms.models.jobs import OPEN, Job
from dms.rules.jobs import MAX_ATTEMPTS, JobKind, JobState, Priority
from dms.stores import upkeep
from dms.stores.engine import Database
from dms.stores.work import Work, session_of

LEASE = MINUTE
"""How long a worker holds a job without a sign of life."""

AT_ONCE = 16
"""Jobs that a worker takes together."""

_FREED: Mapping[str, None] = {"lease_until": None, "leased_by": None}


class LeaseLost(Conflict):
    """The job belongs to another worker by now, or was cancelled: nothing of this try may be kept."""

    def __init__(self) -> None:
        super().__init__("the job was taken by another worker, or cancelled")


@dataclass(frozen=True, slots=True)
class Order:
    """A job that is wanted. Of two with one `dedupe_key` that wait, one is done."""

    kind: JobKind
    payload: Mapping[str, Canonical] = field(default_factory=dict)
    dedupe_key: str | None = None
    priority: int = Priority.NORMAL
    run_at: int | None = None
    """The first instant for it; at once if left out."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A job that a worker holds."""

    id: UUID
    kind: JobKind
    payload: Mapping[str, Any]  # JSON values
    asked_by: UUID | None


@dataclass(frozen=True, slots=True)
class Failure:
    """How a try went wrong; `retry_at` is None if another would be in vain."""

    code: str
    message: str
    retry_at: int | None
    is_counted: bool = True


def queue(work: Work, orders: Sequence[Order], *, asked_by: UUID | None = None) -> None:
    """Queue jobs in the transaction of their cause; `asked_by` is whoever acts if left out.

    One that waits already under the same key is not queued again; one that runs will run once more, since
    it may have read what this transaction changes.
    """
    session = session_of(work)
    session.flush()
    values = _rows(orders, now=work.now, asked_by=asked_by or work.actor.principal_id)
    if values:
        _insert(session.connection(), values)


def keep_recurring(database: Database, clock: Clock, *, every: Mapping[JobKind, int]) -> None:
    """See to it that each job that comes round again waits, so many microseconds after it last began."""
    with upkeep.reading(database) as connection:
        waiting = set(connection.execute(select(Job.kind).where(OPEN, Job.kind.in_(every))).scalars())
        last = select(Job.kind, func.max(Job.started_at)).where(Job.kind.in_(every)).group_by(Job.kind)
        began = {row[0]: row[1] for row in connection.execute(last)}
    now = clock()
    orders = [
        Order(
            kind,
            dedupe_key=kind.value,
            priority=Priority.LEAST,
            run_at=(began.get(kind) or now - span) + span,
        )
        for kind, span in every.items()
        if kind not in waiting
    ]
    if orders:
        with upkeep.racing(database) as connection:
            _insert(connection, _rows(orders, now=now, asked_by=None))


def take(
    database: Database, clock: Clock, *, worker: UUID, kinds: Collection[JobKind], limit: int = AT_ONCE
) -> list[Taken]:
    """Lease the jobs whose turn it is: those that wait, and those whose worker has died."""
    due = _due(clock(), kinds)
    with upkeep.reading(database) as connection:
        if connection.execute(select(Job.id).where(OPEN, due).limit(1)).first() is None:
            return []
    with upkeep.racing(database) as connection:
        now = clock()
        connection.execute(_burying(now))
        chosen = (
            select(Job.id)
            .where(OPEN, _due(now, kinds))
            .order_by(Job.priority, Job.run_at, Job.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("chosen")  # not inside the condition, where PostgreSQL may choose anew for each row
        )
        rows = connection.execute(
            update(Job)
            .where(Job.id.in_(select(chosen.c.id)))
            .values(lease_until=now + LEASE, leased_by=worker)
            .returning(Job.priority, Job.run_at, Job.id, Job.kind, Job.payload, Job.asked_by)
        ).all()
    return [Taken(row.id, JobKind(row.kind), orjson.loads(row.payload), row.asked_by) for row in sorted(rows)]


def begin(database: Database, clock: Clock, job_id: UUID, *, worker: UUID) -> int:
    """Count a try of a leased job, and return how many that makes; `LeaseLost` if it is not held any more."""
    now = clock()
    statement = (
        _held(job_id, worker)
        .where(Job.lease_until >= now)
        .values(
            state=JobState.RUNNING,
            attempts=Job.attempts + 1,
            asked_again=False,
            started_at=now,
            lease_until=now + LEASE,
            progress_done=None,
            progress_total=None,
        )
    )
    with upkeep.racing(database) as connection:
        attempts = connection.execute(statement.returning(Job.attempts)).scalar_one_or_none()
    if attempts is None:
        raise LeaseLost
    return attempts


def renew(database: Database, clock: Clock, *, worker: UUID) -> frozenset[UUID]:
    """Hold what is held for longer; returns what that is."""
    statement = update(Job).where(OPEN, Job.leased_by == worker).values(lease_until=clock() + LEASE)
    with upkeep.racing(database) as connection:
        return frozenset(connection.execute(statement.returning(Job.id)).scalars())


def tell(database: Database, job_id: UUID, *, worker: UUID, done: int, total: int | None) -> None:
    """Keep how far a job has come, for people who wait for it."""
    with upkeep.racing(database) as connection:
        connection.execute(_held(job_id, worker).values(progress_done=done, progress_total=total))


def hold_in(work: Work, job_id: UUID, *, worker: UUID) -> None:
    """Raise `LeaseLost` unless the job is held, in the transaction of a slice that keeps what it did."""
    held = select(Job.id).where(OPEN, Job.id == job_id, Job.leased_by == worker)
    if session_of(work).connection().execute(held).first() is None:
        raise LeaseLost


def finish_in(work: Work, job_id: UUID, *, worker: UUID) -> None:
    """End a job in the transaction that keeps what it did; `LeaseLost` if it is not held any more."""
    session = session_of(work)
    session.flush()
    _finish(session.connection(), job_id, worker=worker, now=work.now)


def finish(database: Database, clock: Clock, job_id: UUID, *, worker: UUID) -> None:
    """End a job that has kept what it did already; `LeaseLost` if it is not held any more."""
    with upkeep.racing(database) as connection:
        _finish(connection, job_id, worker=worker, now=clock())


def fail(
    database: Database, clock: Clock, job_id: UUID, *, worker: UUID, failure: Failure
) -> JobState | None:
    """Note that a try failed; returns what that makes of the job, None if it is not held any more.

    One whose cause came up again while it ran waits, and its tries are counted anew: what the cause changed
    may be what it failed for.
    """
    now = clock()
    again = Job.asked_again
    is_last = and_(~again, Job.attempts >= MAX_ATTEMPTS, literal(failure.is_counted))
    ended, run_at = JobState.DEAD.value, failure.retry_at
    if failure.retry_at is None:
        is_last, ended, run_at = ~again, JobState.FAILED.value, now
    values: dict[str, Any] = {  # expressions of as many types as columns
        "state": case((is_last, ended), else_=JobState.QUEUED.value),
        "ended_at": case((is_last, now)),
        "run_at": run_at,
        "attempts": case((again, 0), else_=Job.attempts - int(not failure.is_counted)),
        "asked_again": False,
    }
    told = {"error_code": failure.code, "error": failure.message}
    statement = _held(job_id, worker).where(Job.state == JobState.RUNNING).values(**values, **told, **_FREED)
    with upkeep.racing(database) as connection:
        return connection.execute(statement.returning(Job.state)).scalar_one_or_none()


def let_go(database: Database, *, worker: UUID) -> None:
    """Let others do what this worker holds at once; a try that was broken off does not count."""
    attempts = case((Job.state == JobState.RUNNING, Job.attempts - 1), else_=Job.attempts)
    statement = (
        update(Job)
        .where(OPEN, Job.leased_by == worker)
        .values(
            state=JobState.QUEUED.value,
            attempts=attempts,
            **_FREED,
        )
    )
    with upkeep.racing(database) as connection:
        connection.execute(statement)


def sweep(database: Database, *, before: int, states: Collection[JobState], limit: int = 1_000) -> int:
    """Forget a slice of the jobs that ended in these states long ago; returns how many."""
    old = select(Job.id).where(Job.state.in_(states), Job.ended_at < before).limit(limit)
    with upkeep.racing(database) as connection:
        return connection.execute(delete(Job).where(Job.id.in_(old.scalar_subquery()))).rowcount


def _due(now: Instant, kinds: Collection[JobKind]) -> Any:  # an SQL expression
    is_free = or_(Job.lease_until.is_(None), Job.lease_until < now)
    waits = and_(Job.state == JobState.QUEUED, Job.run_at <= now, is_free)
    is_left = and_(Job.state == JobState.RUNNING, Job.lease_until < now)
    return and_(Job.kind.in_(kinds), or_(waits, is_left))


def _burying(now: Instant) -> Update:
    """Give up jobs whose workers have died each time: another one would too, unless the cause is new."""
    is_worn = and_(Job.attempts >= MAX_ATTEMPTS, ~Job.asked_again)
    return (
        update(Job)
        .where(OPEN, Job.state == JobState.RUNNING, Job.lease_until < now, is_worn)
        .values(
            state=JobState.DEAD,
            ended_at=now,
            error_code="WORKER_DIED",
            error="the process that did it died each time",
            **_FREED,
        )
    )


def _held(job_id: UUID, worker: UUID) -> Update:
    return update(Job).where(OPEN, Job.id == job_id, Job.leased_by == worker)


def _finish(connection: Connection, job_id: UUID, *, worker: UUID, now: Instant) -> None:
    values = {
        "state": case((Job.asked_again, JobState.QUEUED.value), else_=JobState.DONE.value),
        "ended_at": case((Job.asked_again, None), else_=now),
        "run_at": case((Job.asked_again, now), else_=Job.run_at),
        "attempts": case((Job.asked_again, 0), else_=Job.attempts),
        "asked_again": False,
        "error_code": None,
        "error": None,
    }
    ended = connection.execute(
        _held(job_id, worker).where(Job.state == JobState.RUNNING).values(**values, **_FREED)
    )
    if ended.rowcount != 1:
        raise LeaseLost


def _rows(orders: Sequence[Order], *, now: Instant, asked_by: UUID | None) -> list[dict[str, Any]]:
    """Return the rows to insert, each key once: one statement cannot meet the same row twice."""
    once = {order.dedupe_key or index: order for index, order in enumerate(orders)}
    return [
        {
            "id": new_id(),
            "kind": order.kind.value,
            "payload": canonical_bytes(order.payload).decode(),
            "dedupe_key": order.dedupe_key,
            "priority": int(order.priority),
            "state": JobState.QUEUED,
            "run_at": now if order.run_at is None else order.run_at,
            "attempts": 0,
            "asked_again": False,
            "asked_by": asked_by,
            "created_at": now,
            "revision": 1,
        }
        for order in once.values()
    ]


def _insert(connection: Connection, values: list[dict[str, Any]]) -> None:
    connection.execute(_inserting(connection.dialect.name), values)


@cache
def _inserting(dialect: str) -> sqlite.Insert | postgresql.Insert:
    # Also where nothing changes: the row is locked until the cause is committed, so that no worker begins
    # the waiting job in between, reads what was there before, and is taken for having done both.
    running = or_(Job.asked_again, Job.state == JobState.RUNNING)
    insert: sqlite.Insert | postgresql.Insert
    insert = sqlite.insert(Job) if dialect == "sqlite" else postgresql.insert(Job)
    return insert.on_conflict_do_update(
        index_elements=[Job.dedupe_key], index_where=OPEN, set_={"asked_again": running}
    )
