"""`dms jobs`: what the server does later: look, try again, cancel, and do it in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

import click

from dms.base import logging as operational_log
from dms.base.clock import SteadyClock, to_iso
from dms.base.paging import MAX_PAGE, PageRequest
from dms.cli.following import told_to_stop
from dms.cli.frame import emit, json_option, opened, operator, settings_of
from dms.cli.logprune import ID
from dms.jobs.holding import Ground
from dms.jobs.working import Working, workers
from dms.models.jobs import Job
from dms.rules.jobs import JobKind, JobState
from dms.services import jobs
from dms.services.jobs import JobFilter


@click.group()
def command() -> None:
    """Look at jobs, try them again, cancel them, and do them."""


@command.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in JobState]),
    help="Only jobs in this state; repeat it for several.",
)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([kind.value for kind in JobKind]),
    help="Only jobs of this kind; repeat it for several.",
)
@click.option(
    "--limit", type=click.IntRange(1, MAX_PAGE), default=20, show_default=True, help="How many at most."
)
@json_option
@click.pass_context
def list_(
    ctx: click.Context, *, states: Sequence[str], kinds: Sequence[str], limit: int, as_json: bool
) -> None:
    """List jobs, the newest first."""
    wanted = JobFilter(tuple(map(JobState, states)), tuple(map(JobKind, kinds)))
    with opened(ctx) as house:
        body = partial(jobs.page, request=PageRequest(limit), wanted=wanted)
        rows = house.works.read(operator(), body).rows
    lines = [_line(row) for row in rows] or ["none"]
    emit({"jobs": [_values(row) for row in rows]}, as_json=as_json, lines=lines)


@command.command()
@click.argument("job_id", metavar="ID", type=ID)
@json_option
@click.pass_context
def retry(ctx: click.Context, *, job_id: UUID, as_json: bool) -> None:
    """Queue a job again that failed, was given up or cancelled."""
    with opened(ctx) as house:
        row = house.works.write(operator(), partial(jobs.retry, job_id=job_id))
    emit(_values(row), as_json=as_json, lines=[_line(row)])


@command.command()
@click.argument("job_id", metavar="ID", type=ID)
@json_option
@click.pass_context
def cancel(ctx: click.Context, *, job_id: UUID, as_json: bool) -> None:
    """End a job that waits or runs; what it has kept so far stays."""
    with opened(ctx) as house:
        row = house.works.write(operator(), partial(jobs.cancel, job_id=job_id))
    emit(_values(row), as_json=as_json, lines=[_line(row)])


@command.command()
@click.option("--until-idle", is_flag=True, help="End when no job's turn has come.")
@json_option
@click.pass_context
def work(ctx: click.Context, *, until_idle: bool, as_json: bool) -> None:
    """Do jobs until told to stop, beside servers or in place of their own workers.

    SIGTERM or Ctrl-C ends it; what is in hand goes back into the queue.
    """
    with opened(ctx, clock=SteadyClock()) as house:
        operational_log.configure(settings_of(ctx).log_level)
        ground = Ground(house.works, house.vault, house.settings)
        if until_idle:
            working = Working(ground)
            working.recur()
            taken = working.drain()
            emit({"taken": taken}, as_json=as_json, lines=[f"{taken} jobs taken"])
            return
        stopped = told_to_stop()
        at_work = workers(ground, count=1)
        for each in at_work:
            each.start()
        emit({"working": True}, as_json=as_json, lines=["working"])
        stopped.wait()
        for each in at_work:
            each.stop()


def _line(row: Job) -> str:
    told = "" if row.error is None else f": {row.error}"
    return f"{row.id} {row.kind} {row.state.value}, {row.attempts} tries, from {to_iso(row.run_at)}{told}"


def _values(row: Job) -> dict[str, Any]:  # JSON values
    return {
        "id": str(row.id),
        "kind": row.kind,
        "state": row.state.value,
        "priority": row.priority,
        "run_at": to_iso(row.run_at),
        "attempts": row.attempts,
        "progress": {"done": row.progress_done, "total": row.progress_total},
        "error": None if row.error_code is None else {"code": row.error_code, "message": row.error},
        "asked_by": None if row.asked_by is None else str(row.asked_by),
        "created_at": to_iso(row.created_at),
        "started_at": None if row.started_at is None else to_iso(row.started_at),
        "ended_at": None if row.ended_at is None else to_iso(row.ended_at),
    }
