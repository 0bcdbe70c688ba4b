"""Imports through the door: one's own, with what was said of single files."""

from __future__ import annotations

import pytest

from dms.base.actor import Actor, ActorKind
from dms.base.clock import system_clock
from dms.base.ids import Kind, global_id
from dms.jobs import imports as job
from dms.jobs.imports import Ground, Wish
from dms.rules.access import Action, Effect
from dms.rules.imports import Duplicates
from dms.services.imports import ImportOrder
from dms.stores.scratch import Scratch
from tests.recorded import last_of

RUNS = """
query ($first: Int, $after: String, $findings: Int) {
  importRuns(first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes {
      source ending filed newVersions skipped refused duplicates filedBytes
      aggregation { id referenceCode }
      findings(first: $findings) { totalCount nodes { path kind reason } pageInfo { endCursor } }
    }
  }
}
"""
LATER = """
query ($after: String!) {
  importRuns(first: 1) { nodes { findings(first: 5, after: $after) { nodes { path } } } }
}
"""


@pytest.fixture
def target(world, clerk):
    code = f"GI{clerk.hex}"
    made = world.aggregation(reference_code=code)
    world.entry(clerk, made, Action.FILE)
    return made, code


@pytest.fixture
def take_in(house, clerk, target, tmp_path):
    """Import a folder of three files, one empty and two alike, and a link."""
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"same")
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to("a")

    def run():
        ground = Ground(
            house.works,
            house.vault,
            Actor(ActorKind.USER, clerk),
            system_clock,
            tell=lambda *_: None,
            is_stopped=lambda: False,
        )
        wish = Wish(ImportOrder(target[1], str(tmp_path)), tmp_path, Duplicates.FILE)
        with Scratch() as scratch:
            return job.run(ground, wish, scratch=scratch)

    return run


def test_runs_come_newest_first_with_counts_and_findings(api, clerk, target, take_in, tmp_path):
    take_in()
    take_in()

    found = api.ask(RUNS, {"first": 5, "findings": 10}, as_user=clerk).data["importRuns"]

    newest, oldest = found["nodes"]
    assert found["totalCount"] == 2
    shown = {"id": global_id(Kind.AGGREGATION, target[0]), "referenceCode": target[1]}
    assert oldest.pop("aggregation") == newest["aggregation"] == shown
    findings = oldest.pop("findings")
    assert oldest == {
        "source": str(tmp_path),
        "ending": "COMPLETE",
        "filed": 3,
        "newVersions": 0,
        "skipped": 0,
        "refused": 1,
        "duplicates": 1,
        "filedBytes": 8,
    }
    assert findings["totalCount"] == 2
    assert [(each["path"], each["kind"]) for each in findings["nodes"]] == [
        ("b", "DUPLICATE"),
        ("link", "REFUSED"),
    ]
    assert (newest["skipped"], newest["refused"], newest["findings"]["totalCount"]) == (3, 1, 4)


def test_findings_are_paged_to_the_last(api, clerk, take_in):
    take_in()
    (run,) = api.ask(RUNS, {"first": 1, "findings": 1}, as_user=clerk).data["importRuns"]["nodes"]

    after = run["findings"]["pageInfo"]["endCursor"]
    (later,) = api.ask(LATER, {"after": after}, as_user=clerk).data["importRuns"]["nodes"]

    assert [each["path"] for each in run["findings"]["nodes"]] == ["b"]
    assert [each["path"] for each in later["findings"]["nodes"]] == ["link"]


def test_imports_of_others_show_to_nobody(api, world, take_in):
    take_in()
    for someone in (world.user(), world.officer(), world.officer(role="administrator")):
        found = api.ask(RUNS, {"first": 5, "findings": 1}, as_user=someone).data["importRuns"]

        assert (found["nodes"], found["totalCount"]) == ([], 0)


def test_aggregation_that_is_hidden_by_now_does_not_show(api, world, clerk, target, take_in):
    take_in()
    world.entry(clerk, target[0], Action.DISCOVER, effect=Effect.DENY)

    (run,) = api.ask(RUNS, {"first": 5, "findings": 1}, as_user=clerk).data["importRuns"]["nodes"]

    assert run["aggregation"] is None


def test_reading_of_runs_is_recorded(api, house, clerk, take_in):
    done = take_in()

    api.ask(RUNS, {"first": 5, "findings": 5}, as_user=clerk)

    event = last_of(house, clerk)
    assert (event["op"], event["outcome"]) == ("importrun.list", "released")
    assert done.run_id.hex in str(event["released"])
