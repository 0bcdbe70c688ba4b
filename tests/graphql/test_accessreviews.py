"""Access reviews over the API: begun, signed line by line, closed."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import parse, validate

from dms.base.ids import Kind, global_id, parse_global_id
from dms.graphql.schema import whole_schema
from dms.rules.access import Action
from tests.statements import counted, forget_decisions

FOLDER = Path(__file__).resolve().parents[2] / "schema" / "operations" / "officer"
START, ATTEST, REVIEWS = (
    (FOLDER / f"access-review-{name}.graphql").read_text(encoding="utf-8")
    for name in ("start", "attest", "list")
)


@pytest.fixture(scope="module")
def officer(world):
    return world.officer("signing-officer")


@pytest.mark.parametrize("text", [START, ATTEST, REVIEWS], ids=["start", "attest", "list"])
def test_examples_are_operations_of_the_schema(text):
    assert validate(whole_schema().core, parse(text)) == []


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


def test_later_page_of_lines_is_of_one_review(api, world, officer):
    reviews = [begun(api, world, officer) for _ in range(2)]
    after = """query ($after: String) { accessReviews(first: 2) { nodes { id lines(first: 1, after: $after) {
      totalCount nodes { id } pageInfo { hasNextPage endCursor } } } } }"""
    first = api.ask(after, {}, as_user=officer).data["accessReviews"]["nodes"]
    chosen = {"first": 1, "lines": 2, "filter": {"nodeId": reviews[1]["nodeId"]}}

    later = """query ($node: ID!, $after: String) {
      accessReviews(first: 1, filter: {nodeId: $node}) { nodes { lines(first: 1, after: $after) {
        nodes { id } pageInfo { hasNextPage } } } } }"""
    asked = {"node": reviews[1]["nodeId"], "after": first[0]["lines"]["pageInfo"]["endCursor"]}
    (found,) = api.ask(later, asked, as_user=officer).data["accessReviews"]["nodes"]

    (whole,) = api.ask(REVIEWS, chosen, as_user=officer).data["accessReviews"]["nodes"]
    assert [each["id"] for each in first] == [reviews[1]["id"], reviews[0]["id"]]
    assert [each["lines"]["totalCount"] for each in first] == [2, 2]
    ids = [line["id"] for line in whole["lines"]["nodes"]]
    assert [first[0]["lines"]["nodes"][0]["id"], found["lines"]["nodes"][0]["id"]] == ids
    assert found["lines"]["pageInfo"]["hasNextPage"] is False


@pytest.mark.parametrize("office", ["officer", "manager"])
def test_page_of_reviews_runs_as_many_statements_as_one_review(api, world, officer, office):
    who = officer if office == "officer" else world.user()
    for number in range(6):
        review = begun(api, world, officer)
        node = parse_global_id(review["nodeId"])[1]
        world.entry(who, node, Action.MANAGE_ACCESS)
        if number % 2:
            attest(api, officer, review, "KEEP", *review["lines"]["nodes"])

    def statements(first):
        counts = []
        forget_decisions(api.house)
        for _ in ("cold", "warm"):
            with counted(api.house) as found:
                asked = api.ask(REVIEWS, {"first": first, "lines": 2}, as_user=who)
            nodes = asked.data["accessReviews"]["nodes"]
            assert (len(nodes), {len(each["lines"]["nodes"]) for each in nodes}) == (first, {2})
            counts.append(len(found))
        return counts

    assert statements(1) == statements(6)
