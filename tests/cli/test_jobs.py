"""`dms jobs`: looked at, tried again, cancelled, and done in a process of their own."""

from __future__ import annotations

import pytest

from dms.base.actor import system_actor
from dms.base.ids import new_id
from dms.rules.jobs import JobKind
from dms.stores import jobs
from dms.stores.jobs import Order
from tests.logged import logged


@pytest.fixture
def queued(fresh_house):
    orders = [Order(JobKind.JOBS_SWEEP, dedupe_key="k")]
    fresh_house.works.write(system_actor("test"), lambda work: jobs.queue(work, orders))


def test_job_is_cancelled_tried_again_and_done(dms_on, fresh_house, queued):
    with dms_on(fresh_house.settings) as dms:
        (listed,) = dms("jobs", "list", "--json").json()["jobs"]
        cancelled = dms("jobs", "cancel", listed["id"], "--json").json()
        refused = dms("jobs", "cancel", listed["id"])
        again = dms("jobs", "retry", listed["id"])
        worked = dms("jobs", "work", "--until-idle")
        done = dms("jobs", "list", "--state", "done", "--kind", "jobs.sweep")

    assert (listed["kind"], listed["state"], listed["attempts"]) == ("jobs.sweep", "queued", 0)
    assert cancelled["state"] == "cancelled"
    assert (refused.code, refused.err) == (1, "dms: the job has ended already\n")
    assert again.out.startswith(f"{listed['id']} jobs.sweep queued, 0 tries, from ")
    assert (worked.code, worked.out[-11:]) == (0, "jobs taken\n")
    assert f"{listed['id']} jobs.sweep done, 1 tries" in done.out
    ops = [event.fields["op"] for event in logged(fresh_house.database)]
    assert [op for op in ops if op.startswith("job.")][:4] == [
        "job.list",
        "job.cancel",
        "job.cancel",
        "job.retry",
    ]


def test_job_that_does_not_exist_is_not_found(dms_on, fresh_house):
    with dms_on(fresh_house.settings) as dms:
        ran = dms("jobs", "retry", str(new_id()))

    assert (ran.code, ran.err) == (1, "dms: not found\n")
