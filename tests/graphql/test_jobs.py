"""Jobs through the door: what a person sees of them, and what an administrator does about them."""

from __future__ import annotations

import pytest

from dms.base.ids import Kind, global_id
from dms.rules.jobs import JobKind
from dms.stores import jobs
from dms.stores.jobs import Order

LIST = """query ($filter: JobFilter) { jobs(first: 100, filter: $filter) { totalCount nodes {
  id kind state priority attempts progressDone progressTotal errorCode error askedBy { id } startedAt endedAt
} } }"""
ONE = "query ($id: ID!) { job(id: $id) { id state } node(id: $id) { __typename id } }"
CANCEL = """mutation ($id: ID!) { jobCancel(input: {id: $id}) {
  errors { __typename message } job { state } } }"""
RETRY = """mutation ($id: ID!) { jobRetry(input: {id: $id}) {
  errors { __typename message } job { state attempts } } }"""


@pytest.fixture
def operator(world):
    return world.officer(role="administrator")


@pytest.fixture
def queued(desk, user):
    desk.do(user, lambda work: jobs.queue(work, [Order(JobKind.JOBS_SWEEP)]))


def test_job_shows_how_far_it_is_and_not_what_it_is_about(api, user, queued):
    (job,) = api.ask(LIST, as_user=user).data["jobs"]["nodes"]

    job_id = job.pop("id")
    assert job == {
        "kind": "JOBS_SWEEP",
        "state": "QUEUED",
        "priority": 50,
        "attempts": 0,
        "progressDone": None,
        "progressTotal": None,
        "errorCode": None,
        "error": None,
        "askedBy": {"id": global_id(Kind.USER, user)},
        "startedAt": None,
        "endedAt": None,
    }
    assert api.ask(ONE, {"id": job_id}, as_user=user).data == {
        "job": {"id": job_id, "state": "QUEUED"},
        "node": {"__typename": "Job", "id": job_id},
    }


def test_job_of_another_person_is_absent(api, user, clerk, queued):
    (job,) = api.ask(LIST, as_user=user).data["jobs"]["nodes"]

    assert api.ask(ONE, {"id": job["id"]}, as_user=clerk).data == {"job": None, "node": None}
    assert api.ask(LIST, as_user=clerk).data["jobs"]["nodes"] == []
    (error,) = api.ask(RETRY, {"id": job["id"]}, as_user=clerk).data["jobRetry"]["errors"]
    assert error == {"__typename": "NotFoundError", "message": "not found"}


def test_administrator_cancels_and_the_person_asks_again(api, user, operator, queued):
    (job,) = api.ask(LIST, as_user=user).data["jobs"]["nodes"]
    (error,) = api.ask(CANCEL, {"id": job["id"]}, as_user=user).data["jobCancel"]["errors"]
    assert error["__typename"] == "DutyError"

    cancelled = api.ask(CANCEL, {"id": job["id"]}, as_user=operator).data["jobCancel"]
    found = api.ask(LIST, {"filter": {"states": ["CANCELLED"], "ownOnly": True}}, as_user=user).data["jobs"]
    again = api.ask(RETRY, {"id": job["id"]}, as_user=user).data["jobRetry"]

    assert cancelled == {"errors": [], "job": {"state": "CANCELLED"}}
    assert [node["id"] for node in found["nodes"]] == [job["id"]]
    assert again == {"errors": [], "job": {"state": "QUEUED", "attempts": 0}}
    (error,) = api.ask(RETRY, {"id": job["id"]}, as_user=user).data["jobRetry"]["errors"]
    assert error == {
        "__typename": "StateError",
        "message": "the job is queued: only one that ended badly is tried again",
    }
