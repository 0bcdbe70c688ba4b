"""Lists of Documents through the door: pages, filters and orders."""

from __future__ import annotations

import pytest

from dms.base.ids import Kind, global_id
from dms.rules.access import Action
from tests.factories import at_once

LIST = """
query ($first: Int, $after: String, $last: Int, $before: String,
       $filter: DocumentFilter, $orderBy: DocumentOrderBy) {
  documents(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
    totalCount totalIsExact
    edges { cursor node { id } }
    nodes { id title referenceCode }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


def listing(api, user, **given):
    return api.ask(LIST, {"first": 10, **given}, as_user=user).data["documents"]


@pytest.fixture
@at_once
def shelf(world, clerk):
    """The filter that keeps seven documents, titled 0 to 6, in a folder of their own."""
    folder = world.aggregation()
    world.entry(clerk, folder, Action.READ_METADATA)
    for title in ["0 Zero", "1 One", "2 Two", "3 Three", "4 Four", "5 Five", "6 Six"]:
        world.document(folder, title=title)
    return {"aggregation": {"below": global_id(Kind.AGGREGATION, folder)}}


def test_a_list_is_walked_by_cursors_both_ways(api, clerk, shelf):
    order = {"field": "TITLE", "direction": "DESC"}
    given = {"filter": shelf, "orderBy": order}

    first = listing(api, clerk, first=3, **given)
    second = listing(api, clerk, first=3, after=first["pageInfo"]["endCursor"], **given)
    back = api.ask(
        LIST, {"last": 2, "before": second["pageInfo"]["startCursor"], **given}, as_user=clerk
    ).data["documents"]

    assert [node["title"][0] for node in first["nodes"] + second["nodes"]] == list("654321")
    assert [node["title"][0] for node in back["nodes"]] == list("54")
    assert (first["totalCount"], first["totalIsExact"]) == (7, True)
    assert (second["pageInfo"]["hasNextPage"], back["pageInfo"]["hasPreviousPage"]) == (True, True)
    assert [edge["node"]["id"] for edge in first["edges"]] == [node["id"] for node in first["nodes"]]


def test_a_cursor_belongs_to_its_filter_and_order(api, clerk, shelf):
    cursor = listing(api, clerk, first=2, filter=shelf)["pageInfo"]["endCursor"]

    for given in (
        {"filter": {**shelf, "title": {"contains": "o"}}},
        {"filter": shelf, "orderBy": {"field": "TITLE"}},
        {"filter": None},
    ):
        reply = api.ask(LIST, {"first": 2, "after": cursor, **given}, as_user=clerk)
        assert reply.codes == ["CURSOR_INVALID"]


@pytest.mark.parametrize(
    ("found", "titles"),
    [
        ({"title": {"contains": "T"}}, "23"),
        ({"title": {"startsWith": "4", "contains": "four"}}, "4"),
        ({"or": [{"title": {"eq": "0 ZERO"}}, {"title": {"in": ["1 one"]}}]}, "01"),
        ({"not": {"title": {"contains": "i"}}}, "01234"),
        ({"and": [{"title": {"contains": "o"}}, {"not": {"title": {"contains": "t"}}}]}, "014"),
        ({"state": {"eq": "DRAFT"}, "medium": {"in": ["PHYSICAL"]}}, ""),
        ({"medium": {"eq": "DIGITAL"}, "createdAt": {"gte": "2031-01-01T00:00:00Z"}}, ""),
        ({"date": {"isNull": True}, "referenceCode": {"isNull": True}}, "0123456"),
        ({"securityLevel": {"lte": "open"}}, "0123456"),
        ({"mediaType": {"eq": "text/plain"}}, ""),
        ({"recordClass": {"eq": "nonsense"}}, ""),
        ({"aggregation": {"eq": "nonsense"}}, ""),
        ({"or": []}, ""),
        ({"title": {}}, "0123456"),
    ],
)
def test_filters_join_as_they_are_nested(api, clerk, shelf, found, titles):
    both = {"and": [shelf, found]}

    shown = listing(api, clerk, filter=both)

    assert "".join(sorted(node["title"][0] for node in shown["nodes"])) == titles
    assert shown["totalCount"] == len(titles)


def test_an_unusable_filter_is_refused_with_its_reason(api, clerk):
    deep = {"title": {"eq": "x"}}
    for _ in range(6):
        deep = {"not": deep}

    for found, message in (
        (deep, "a filter may be nested 5 deep at most"),
        ({"or": [{"title": {"eq": "x"}}] * 51}, "a filter may hold 50 conditions at most"),
        ({"securityLevel": {"eq": "cosmic"}}, "there is no level `cosmic`; there are "),
    ):
        reply = api.ask(LIST, {"first": 1, "filter": found}, as_user=clerk)
        assert (reply.codes, reply.body["data"]) == (["ARGUMENT_INVALID"], None)
        assert reply.messages[0].startswith(message)


TOTAL = """query ($upTo: Int!, $filter: DocumentFilter) {
  documents(first: 2, filter: $filter, totalUpTo: $upTo) { totalCount totalIsExact }
}"""


@pytest.mark.parametrize(("up_to", "total"), [(6, (6, False)), (7, (7, True)), (100_000, (7, True))])
def test_a_total_is_counted_as_far_as_was_asked_for(api, clerk, shelf, up_to, total):
    found = api.ask(TOTAL, {"upTo": up_to, "filter": shelf}, as_user=clerk).data["documents"]

    assert (found["totalCount"], found["totalIsExact"]) == total


def test_the_total_of_an_unfiltered_list_is_exact_at_any_size(api, clerk, shelf):
    found = api.ask(TOTAL, {"upTo": 1}, as_user=clerk).data["documents"]

    assert found["totalCount"] >= 7
    assert found["totalIsExact"] is True


@pytest.mark.parametrize("up_to", [0, -1, 100_001])
def test_a_total_is_counted_within_bounds(api, clerk, up_to):
    reply = api.ask(TOTAL, {"upTo": up_to}, as_user=clerk)

    assert (reply.codes, reply.messages) == (
        ["ARGUMENT_INVALID"],
        ["`totalUpTo` must be between 1 and 100000"],
    )


@pytest.mark.parametrize("given", [{"first": 0}, {"first": 101}, {}, {"first": 1, "last": 1}])
def test_a_page_has_one_size_within_bounds(api, clerk, given):
    assert api.ask(LIST, given, as_user=clerk).codes == ["ARGUMENT_INVALID"]
