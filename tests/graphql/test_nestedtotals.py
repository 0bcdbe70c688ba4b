"""Totals of lists below others: exact, or counted as far as was asked for, each parent by itself."""

from __future__ import annotations

import pytest

from dms.base.ids import Kind, global_id
from dms.models.users import PrincipalKind
from dms.rules.access import Action
from dms.rules.security import Mark
from tests.statements import counted, forget_decisions

CHILDREN = """
query ($ids: [ID!]!, $upTo: Int!, $first: Int = 1, $after: String) {
  nodes(ids: $ids) { ... on Aggregation {
    children(first: $first, after: $after, totalUpTo: $upTo) {
      totalCount totalIsExact pageInfo { endCursor }
    }
  } }
}
"""
MEMBERS = """
query ($id: ID!, $upTo: Int!) { node(id: $id) { ... on Group {
  members(first: 1, totalUpTo: $upTo) { totalCount totalIsExact }
} } }
"""


@pytest.fixture(scope="module")
def reader(world):
    return world.user(rank=100)


@pytest.fixture(scope="module")
def parents(world, reader):
    """One with three below and a fourth that is hidden, and one with nothing."""
    full, empty = world.aggregation(), world.aggregation()
    for parent in (full, empty):
        world.entry(reader, parent, Action.DISCOVER)
    for _ in range(3):
        world.aggregation(full)
    world.aggregation(full, mark=Mark(300))
    return [global_id(Kind.AGGREGATION, parent) for parent in (full, empty)]


def totals(api, reader, parents, **given):
    found = api.ask(CHILDREN, {"ids": parents, **given}, as_user=reader).data["nodes"]
    return [(each["children"]["totalCount"], each["children"]["totalIsExact"]) for each in found]


@pytest.mark.parametrize(
    ("up_to", "expected"), [(1, (1, False)), (2, (2, False)), (3, (3, True)), (100_000, (3, True))]
)
def test_each_parent_is_counted_as_far_as_was_asked_for(api, reader, parents, up_to, expected):
    assert totals(api, reader, parents, upTo=up_to) == [expected, (0, True)]


def test_a_later_page_is_counted_like_the_first(api, reader, parents):
    reply = api.ask(CHILDREN, {"ids": parents[:1], "upTo": 2}, as_user=reader)
    after = reply.data["nodes"][0]["children"]["pageInfo"]["endCursor"]

    assert totals(api, reader, parents[:1], upTo=2, after=after) == [(2, False)]
    assert totals(api, reader, parents[:1], upTo=3, after=after) == [(3, True)]


def test_totals_of_all_parents_take_one_statement(api, world, reader, parents):
    alone = parents[:1]
    forget_decisions(api.house)
    with counted(api.house) as few:
        totals(api, reader, alone, upTo=2)
    forget_decisions(api.house)
    with counted(api.house) as many:
        totals(api, reader, parents, upTo=2)

    assert len(few) == len(many)


def test_links_are_counted_so_too(api, world):
    officer, group = world.officer(), world.principal(PrincipalKind.GROUP)
    for _ in range(2):
        world.link(world.user(), group)
    asked = {"id": global_id(Kind.GROUP, group)}

    found = [
        api.ask(MEMBERS, {**asked, "upTo": up_to}, as_user=officer).data["node"]["members"]
        for up_to in (1, 2)
    ]

    assert found == [{"totalCount": 1, "totalIsExact": False}, {"totalCount": 2, "totalIsExact": True}]


@pytest.mark.parametrize("up_to", [0, -1, 100_001])
def test_a_total_below_another_list_is_counted_within_bounds(api, reader, parents, up_to):
    reply = api.ask(CHILDREN, {"ids": parents, "upTo": up_to}, as_user=reader)

    assert (reply.codes, reply.messages) == (
        ["ARGUMENT_INVALID"],
        ["`totalUpTo` must be between 1 and 100000"],
    )


def test_counting_far_below_every_parent_is_priced(api, reader, parents):
    near = api.ask(CHILDREN, {"ids": parents, "upTo": 1}, as_user=reader)
    far = api.ask(CHILDREN, {"ids": parents, "upTo": 100_000}, as_user=reader)

    asked = [reply.body["extensions"]["cost"]["requested"] for reply in (near, far)]
    # One for each 200, for both fields of the total, for each of two parents.
    assert asked[1] - asked[0] == 2 * 2 * 500
