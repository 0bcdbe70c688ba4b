"""Connections through the endpoint: sizes, cursors, totals."""

import base64
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.paging import Position
from dms.graphql import paging
from dms.stores.cursor_keys import CursorKeys

NUMBERS = """query ($first: Int, $after: String, $last: Int, $before: String, $above: Int! = -1) {
  numbers(first: $first, after: $after, last: $last, before: $before, above: $above) {
    edges { cursor node { number } }
    nodes { number }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount totalIsExact
  }
}"""


def page(probe, **variables):
    return probe.ask(NUMBERS, variables).data["numbers"]


def numbers(found):
    return [node["number"] for node in found["nodes"]]


def test_pages_forward_meet_without_gap_or_overlap(probe):
    first = page(probe, first=4)
    second = page(probe, first=4, after=first["pageInfo"]["endCursor"])
    third = page(probe, first=4, after=second["pageInfo"]["endCursor"])

    assert [numbers(p) for p in (first, second, third)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [p["pageInfo"]["hasNextPage"] for p in (first, second, third)] == [True, True, False]
    assert [p["pageInfo"]["hasPreviousPage"] for p in (first, second, third)] == [False, True, True]


def test_pages_backward_meet_without_gap_or_overlap(probe):
    first = page(probe, last=4)
    second = page(probe, last=4, before=first["pageInfo"]["startCursor"])

    assert [numbers(p) for p in (first, second)] == [[6, 7, 8, 9], [2, 3, 4, 5]]


def test_edges_hold_the_nodes_with_a_cursor_each(probe):
    found = page(probe, first=3)

    assert [edge["node"]["number"] for edge in found["edges"]] == numbers(found)
    assert numbers(page(probe, first=1, after=found["edges"][1]["cursor"])) == [2]


def test_total_is_counted_when_asked_for(probe):
    assert (page(probe, first=1)["totalCount"], page(probe, first=1)["totalIsExact"]) == (10, True)
    assert probe.ask("{ numbers(first: 1, above: 3) { totalCount } }").data == {"numbers": {"totalCount": 6}}


def test_empty_page_has_no_cursors(probe):
    found = page(probe, first=3, above=9)

    assert (found["edges"], found["pageInfo"]["startCursor"], found["pageInfo"]["endCursor"]) == (
        [],
        None,
        None,
    )


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"first": 1, "last": 1},
        {"first": 1, "before": "x"},
        {"last": 1, "after": "x"},
        {"after": "x"},
        {"first": 0},
        {"first": 101},
        {"first": -1},
        {"last": 0},
        {"last": 101},
    ],
)
def test_list_without_one_size_within_bounds_is_refused(probe, sizes):
    reply = probe.ask(NUMBERS, sizes)

    assert (reply.status, reply.codes) == (400, ["ARGUMENT_INVALID"])
    assert "`first`" in reply.messages[0] or "`last`" in reply.messages[0]


@given(st.none() | st.integers() | st.text() | st.binary(), st.uuids())
def test_every_order_value_comes_back_from_its_cursor(value, id):
    with tempfile.TemporaryDirectory() as folder:
        keys = CursorKeys.open(Path(folder))

        assert paging._unseal(keys, paging._seal(keys, Position(value, id), b""), b"") == Position(value, id)


def test_size_is_asked_of_a_nested_list_too(probe):
    assert (
        probe.ask("{ shelf { numbers(first: 2) { totalCount } } }").data["shelf"]["numbers"]["totalCount"]
        == 10
    )

    reply = probe.ask("{ shelf { numbers { totalCount } } }")

    assert (reply.status, reply.codes, reply.body["data"]) == (400, ["ARGUMENT_INVALID"], None)
    assert [event["outcome"] for event in probe.events(reply)] == ["failed"]


def altered(cursor):
    middle = len(cursor) // 2
    return cursor[:middle] + ("A" if cursor[middle] != "A" else "B") + cursor[middle + 1 :]


@pytest.mark.parametrize(
    "forge", [altered, lambda c: c[:-4], lambda c: c + "AAAA", lambda _: "", lambda _: "ÄÖ", str.lower]
)
def test_altered_cursor_is_invalid(probe, forge):
    cursor = page(probe, first=4)["pageInfo"]["endCursor"]

    reply = probe.ask(NUMBERS, {"first": 4, "after": forge(cursor)})

    assert (reply.status, reply.codes) == (400, ["CURSOR_INVALID"])
    assert reply.messages == ["the cursor is not one of this list: begin again without it"]


def test_cursor_of_another_filter_is_invalid(probe):
    cursor = page(probe, first=4)["pageInfo"]["endCursor"]

    assert probe.ask(NUMBERS, {"first": 4, "after": cursor, "above": 2}).codes == ["CURSOR_INVALID"]


def test_cursor_of_another_field_is_invalid(probe):
    cursor = page(probe, first=4)["pageInfo"]["endCursor"]

    reply = probe.ask("query ($c: String) { figures(first: 1, after: $c) { totalCount } }", {"c": cursor})

    assert reply.codes == ["CURSOR_INVALID"]


def test_cursor_of_another_person_is_invalid(probe, world):
    cursor = page(probe, first=4)["pageInfo"]["endCursor"]

    assert probe.ask(NUMBERS, {"first": 4, "after": cursor}, as_user=world.user()).codes == ["CURSOR_INVALID"]


def test_cursor_shows_neither_order_value_nor_id(probe):
    cursor = page(probe, first=4)["pageInfo"]["endCursor"]

    assert b"number" not in base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def test_two_aliases_of_one_list_page_apart(probe):
    reply = probe.ask("{ a: numbers(first: 1) { totalCount } b: numbers(first: 2) { nodes { number } } }")

    assert reply.data == {"a": {"totalCount": 10}, "b": {"nodes": [{"number": 0}, {"number": 1}]}}
