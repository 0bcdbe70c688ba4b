"""Access reviews over the API: begun, signed line by line, closed."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import parse, validate

from dms.base.ids import Kind, global_id
from dms.graphql.schema import build_schema
from dms.rules.access import Action

FOLDER = Path(__file__).resolve().parents[2] / "schema" / "operations"
START, ATTEST, REVIEWS = (
    (FOLDER / f"access-review-{name}.graphql").read_text(encoding="utf-8")
    for name in ("start", "attest", "list")
)


@pytest.fixture(scope="module")
def officer(world):
    return world.officer("signing-officer")


@pytest.mark.parametrize("text", [START, ATTEST, REVIEWS], ids=["start", "attest", "list"])
def test_examples_are_operations_of_the_schema(text):
    assert validate(build_schema().core, parse(text)) == []


def begun(api, world, officer):
    place = world.aggregation()
    for action in (Action.EDIT, Action.FILE):
        world.entry(world.user(), place, action)
    answer = api.ask(
        START, {"nodeId": global_id(Kind.AGGREGATION, place), "reason": "yearly"}, as_user=officer
    ).data["accessReviewStart"]
    assert answer["errors"] == []
    return answer["accessReview"]


def attest(api, officer, review, verdict, *lines):
    asked = {
        "id": review["id"],
        "lineIds": [line["id"] for line in lines],
        "verdict": verdict,
        "note": "as of today",
    }
    return api.ask(ATTEST, asked, as_user=officer).data["accessReviewAttest"]


def test_review_goes_from_frozen_lines_to_closed(api, world, officer):
    review = begun(api, world, officer)
    first, second = review["lines"]["nodes"]
    assert (review["state"], review["lineCount"], review["openCount"]) == ("OPEN", 2, 2)
    assert [line["state"] for line in (first, second)] == ["OPEN", "OPEN"]

    kept = attest(api, officer, review, "KEEP", first)["accessReview"]
    ended = attest(api, officer, review, "REVOKE", second)["accessReview"]

    assert (kept["state"], kept["openCount"], ended["state"], ended["openCount"]) == ("OPEN", 1, "CLOSED", 0)
    chosen = {"first": 10, "filter": {"nodeId": review["nodeId"], "state": "CLOSED"}}
    (found,) = api.ask(REVIEWS, chosen, as_user=officer).data["accessReviews"]["nodes"]
    assert (found["id"], found["closedBy"]["name"]) == (review["id"], "signing-officer")
    assert [(line["state"], line["note"]) for line in found["lines"]["nodes"]] == [
        ("KEPT", "as of today"),
        ("REVOKED", "as of today"),
    ]
    assert found["lines"]["nodes"][1]["accessEntry"]["validity"] == "REVOKED"


def test_line_that_is_decided_is_a_state_error(api, world, officer):
    review = begun(api, world, officer)
    first, _ = review["lines"]["nodes"]
    attest(api, officer, review, "KEEP", first)

    (error,) = attest(api, officer, review, "KEEP", first)["errors"]

    assert (error["__typename"], error["path"], error["message"]) == (
        "StateError",
        ["lineIds"],
        "a line is in state `kept`: leave it out",
    )


def test_lines_are_paged(api, world, officer):
    review = begun(api, world, officer)

    chosen = {"first": 10, "lines": 1, "filter": {"nodeId": review["nodeId"]}}
    (found,) = api.ask(REVIEWS, chosen, as_user=officer).data["accessReviews"]["nodes"]

    assert (len(found["lines"]["nodes"]), found["lines"]["pageInfo"]["hasNextPage"]) == (1, True)
