"""Kill -9 at each step of a job: it is done all the same, and what it does is kept once."""

from __future__ import annotations

import signal

from sqlalchemy import select
from sqlalchemy.orm import Session

from dms.base.actor import system_actor
from dms.models.jobs import Job
from dms.models.users import LoginThrottle
from dms.rules.jobs import JobKind, JobState
from dms.stores import jobs
from dms.stores.jobs import Order
from tests import forked
from tests.faults.job_victim import POINTS

N_JOBS = 40
AHEAD_S = 3_700
"""Longer than any lease or delay: what the one before held is free again."""


def test_killed_worker_loses_no_job_and_does_none_twice(fresh_house):
    orders = [Order(JobKind.JOBS_SWEEP, {"n": n}) for n in range(N_JOBS)]
    fresh_house.works.write(system_actor("test"), lambda work: jobs.queue(work, orders))
    settings = fresh_house.settings

    codes = []
    for number, point in enumerate([*POINTS, "never"]):
        times = 1 if "take" in point else 3
        arguments = (str(settings.home), settings.database_url, str(number * AHEAD_S), point, str(times))
        ran = forked.run(*arguments, module="tests.faults.job_victim")
        codes.append((point, ran.returncode, ran.stderr))

    assert [code for _, code, _ in codes] == [*[-signal.SIGKILL] * len(POINTS), 0], codes
    with Session(fresh_house.database.engine) as session:
        rows = list(session.execute(select(Job)).scalars())
        kept = session.execute(select(LoginThrottle.key_sha256)).scalars().all()
    assert {(row.state, row.error_code) for row in rows} == {(JobState.DONE, None)}
    assert sorted(kept) == [f"{n:064}" for n in range(N_JOBS)]
    assert max(row.attempts for row in rows) <= 1 + len(POINTS)
