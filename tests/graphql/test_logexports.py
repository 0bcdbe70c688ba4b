"""Exports of the access log over the API: from asking to the path where the file is fetched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dms.base.ids import Kind, global_id
from dms.jobs.logexporting import LogExporting
from tests.signing import signed


@pytest.fixture(scope="module")
def auditor(world):
    return world.officer(role="auditor")


def example(name):
    """An example operation that a front end can copy."""
    return (Path(__file__).parents[2] / "schema" / "operations" / "auditor" / f"{name}.graphql").read_text()


def ask(api, user, **input):
    reply = api.ask(example("access-event-export"), {"input": input}, as_user=user)
    return reply.data["accessEventExport"]["logExport"]


def test_export_is_done_when_the_server_has_written_it(house, api, world, auditor):
    user = world.user()
    api.ask("{ viewer { user { name } } }", as_user=user)
    signed(house)
    filter = {"actorId": global_id(Kind.USER, user)}

    asked = ask(api, auditor, format="JSONL", filter=filter)
    assert asked["state"] == "WAITING"
    LogExporting(house.works, house.log_place, house.settings).look()

    listed = api.ask(example("log-exports"), {"first": 1}, as_user=auditor).data["logExports"]["nodes"]
    (shown,) = listed
    assert (shown["id"], shown["state"], shown["events"]) == (asked["id"], "DONE", 1)
    assert json.loads(shown["selection"]) == {"actor": user.hex}
    assert shown["contentPath"] == f"/log/exports/{asked['id']}"
    assert (shown["gaps"], shown["pruned"], shown["leavesDone"]) == ([], 0, shown["leavesTotal"])
    other = world.officer(role="auditor")
    (seen,) = api.ask(example("log-exports"), {"first": 1}, as_user=other).data["logExports"]["nodes"]
    assert (seen["digest"], seen["contentPath"]) == (shown["digest"], None)


def test_export_that_waits_can_be_cancelled_once(api, auditor):
    asked = ask(api, auditor, format="CSV", withObjects=True)

    replies = [
        api.ask(example("log-export-cancel"), {"input": {"id": asked["id"]}}, as_user=auditor)
        for _ in range(2)
    ]

    first, second = (reply.data["logExportCancel"] for reply in replies)
    assert first == {"logExport": {"id": asked["id"], "state": "CANCELLED"}, "errors": []}
    assert second["errors"] == [{"__typename": "StateError", "message": "the export has ended already"}]


def test_period_that_ends_before_it_begins_is_refused(api, auditor):
    period = {"since": "2031-01-02T00:00:00Z", "until": "2031-01-01T00:00:00Z"}

    reply = api.ask(
        example("access-event-export"), {"input": {"format": "CSV", "filter": period}}, as_user=auditor
    )

    (error,) = reply.data["accessEventExport"]["errors"]
    assert error["message"] == "the period ends before it begins"
