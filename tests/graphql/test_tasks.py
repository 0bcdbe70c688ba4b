"""What waits for somebody: just what he may decide, and nothing of his own."""

from __future__ import annotations

import pytest

from dms.base.ids import Kind, global_id
from dms.rules.access import Action
from tests.graphql.front import opened_front
from tests.graphql.things import Things

TASKS = """{ viewer { tasks {
  accessProposals(first: 100) { totalCount nodes { id } }
  securityChanges(first: 100) { totalCount nodes { id } }
  accessReviews(first: 100) { totalCount nodes { id } }
  logAlertHits(first: 100) { totalCount nodes { id } }
} } }"""

NOTHING = {"accessProposals": [], "securityChanges": [], "accessReviews": [], "logAlertHits": []}


@pytest.fixture(scope="module")
def things(house, world):
    with opened_front(house) as front:
        yield Things(front, world)


def waiting(things, user):
    """The ids in the queues of somebody, with their totals held against them."""
    found = things.front.ask(things.front.issue(user).token, TASKS).data["viewer"]["tasks"]
    assert {name: each["totalCount"] for name, each in found.items()} == {
        name: len(each["nodes"]) for name, each in found.items()
    }
    return {name: [node["id"] for node in each["nodes"]] for name, each in found.items()}


def test_nothing_waits_for_who_may_decide_nothing(things, world):
    for kind in (Kind.ACCESS_PROPOSAL, Kind.SECURITY_CHANGE, Kind.ACCESS_REVIEW, Kind.LOG_ALERT_HIT):
        things.make(kind)

    assert waiting(things, world.user(rank=400)) == NOTHING
    assert waiting(things, world.officer(role="technician")) == NOTHING


def test_proposal_waits_for_every_other_officer(things, world):
    proposal = things.make(Kind.ACCESS_PROPOSAL)

    assert proposal in waiting(things, world.officer())["accessProposals"]
    assert waiting(things, things.proposer)["accessProposals"] == []
    assert waiting(things, world.officer(role="auditor"))["accessProposals"] == []


def test_lowering_waits_for_who_may_approve_it_there(things, world):
    change = things.make(Kind.SECURITY_CHANGE)
    approver = world.holder(things.room, Action.READ_METADATA, Action.APPROVE, rank=400)
    reader = world.holder(things.room, Action.READ_METADATA, rank=400)

    found = waiting(things, approver)
    assert found.pop("securityChanges")[0] == change
    assert not any(found.values())
    assert waiting(things, reader) == NOTHING
    assert waiting(things, things.clerk)["securityChanges"] == []


def test_review_waits_for_whoever_manages_the_list(things, world):
    review = things.make(Kind.ACCESS_REVIEW)
    manager = world.holder(things.room, Action.MANAGE_ACCESS, rank=400)

    assert waiting(things, manager)["accessReviews"][0] == review
    assert waiting(things, world.officer(role="auditor"))["accessReviews"] == []


def test_alert_waits_for_auditors_until_it_is_reviewed(things, world):
    hit = things.log_alert_hit()
    auditor = world.officer(role="auditor")
    shown = global_id(Kind.LOG_ALERT_HIT, hit)

    assert waiting(things, auditor)["logAlertHits"][0] == shown
    review = (
        "mutation ($input: LogAlertReviewInput!) { logAlertReview(input: $input) { errors { message } } }"
    )
    token = things.front.issue(auditor).token
    things.front.ask(token, review, {"input": {"id": shown, "note": "it was an exercise"}})
    assert shown not in waiting(things, auditor)["logAlertHits"]
