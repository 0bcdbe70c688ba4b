from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.canonical import canonical_bytes
from dms.base.errors import Invalid
from dms.rules.filters import (
    EVERYTHING,
    AllOf,
    AnyOf,
    Leaf,
    Not,
    Operator,
    canonical,
    checked,
    depth,
    fields,
    leaves,
)

LEAF = Leaf("title", Operator.EQ, ("a",))

leaf = st.builds(
    Leaf,
    st.sampled_from(["title", "state"]),
    st.sampled_from(list(Operator)),
    st.tuples(st.one_of(st.text(max_size=3), st.integers(), st.booleans(), st.dates(), st.uuids())),
)
filters = st.recursive(
    leaf,
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.builds(AllOf, st.lists(parts, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(parts, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


def nested(times):
    found = LEAF
    for _ in range(times):
        found = Not(found)
    return found


def test_depth_counts_alternatives_and_negations_inside_each_other():
    nested_twice = AnyOf((LEAF, AllOf((LEAF, Not(LEAF)))))

    found = [LEAF, EVERYTHING, Not(LEAF), AllOf((LEAF, AllOf((LEAF, Not(LEAF))))), AnyOf(()), nested_twice]

    assert [depth(each) for each in found] == [0, 0, 1, 1, 1, 2]


def test_five_deep_and_fifty_conditions_are_the_most():
    assert checked(nested(5)) == nested(5)
    assert checked(AnyOf((LEAF,) * 50)) == AnyOf((LEAF,) * 50)

    with pytest.raises(Invalid, match="^a filter may be nested 5 deep at most$") as refused:
        checked(nested(6))
    assert refused.value.path == ("filter",)
    with pytest.raises(Invalid, match="^a filter may hold 50 conditions at most$"):
        checked(AllOf((AnyOf((LEAF,) * 25), AnyOf((LEAF,) * 26))))


def test_fields_are_those_of_all_conditions_also_below_a_negation():
    state = Leaf("state", Operator.IN, ("draft", "declared"))

    assert fields(AllOf((LEAF, Not(AnyOf((state, LEAF)))))) == {"title", "state"}
    assert fields(EVERYTHING) == frozenset()


def test_the_canonical_form_is_plain():
    found = AllOf(
        (
            Leaf("aggregation", Operator.BELOW, (UUID(int=7),)),
            Not(Leaf("date", Operator.GTE, (date(1890, 5, 17),))),
            AnyOf((Leaf("createdAt", Operator.LTE, (5,)),)),
        )
    )

    assert canonical(found) == {
        "and": [
            ["aggregation", "below", ["00000000000000000000000000000007"]],
            {"not": ["date", "gte", ["1890-05-17"]]},
            {"or": [["createdAt", "lte", [5]]]},
        ]
    }


@given(filters, filters)
def test_different_filters_have_different_canonical_bytes_for_one_kind_of_value(one, other):
    if any(type(a.value) is not type(b.value) for a in leaves(one) for b in leaves(other)):
        return

    assert (one == other) == (canonical_bytes(canonical(one)) == canonical_bytes(canonical(other)))


@given(filters)
def test_every_leaf_is_found_once(found):
    assert len(list(leaves(found))) == repr(found).count("Leaf(")
