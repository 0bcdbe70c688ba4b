"""Editions as values: what binds an approval, in which order classes are hung, how two editions differ."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.rules import schemes
from dms.rules.schemes import Difference, MappingKind, Successor, Wording


def wording(number, parent=None, **values):
    said = {"code": f"C{number}", "title": "About", "is_closed": False, **values}
    notes = dict.fromkeys(("scope_note", "includes", "excludes", "primary_office"))
    return Wording(key(number), None if parent is None else key(parent), **{**notes, **said})


def key(number):
    return UUID(int=number)


@st.composite
def trees(draw):
    """Classes that each lie below an earlier one, or at the top."""
    count = draw(st.integers(1, 12))
    rows = []
    for number in range(count):
        parent = draw(st.none() | st.integers(0, number - 1)) if number else None
        rows.append(wording(number, parent, is_closed=draw(st.booleans()), title=draw(st.sampled_from("ab"))))
    return rows


@given(trees(), st.randoms())
def test_each_class_follows_the_one_it_lies_below(rows, random):
    random.shuffle(rows)

    seen = set()
    for row in schemes.from_the_top(rows):
        assert row.parent_id is None or row.parent_id in seen
        seen.add(row.class_id)

    assert seen == {row.class_id for row in rows}


@given(trees(), st.randoms())
def test_digest_does_not_depend_on_the_order_of_rows(rows, random):
    heading = (1, "Plan", None, None)
    before = schemes.edition_digest(rows, (), heading=heading)
    random.shuffle(rows)

    assert schemes.edition_digest(rows, (), heading=heading) == before


@pytest.mark.parametrize("name", [name for name in Wording._fields if name != "class_id"])
def test_digest_binds_every_word_of_a_class(name):
    row = wording(1)
    other = row._replace(**{name: {"parent_id": key(2), "is_closed": True}.get(name, "other")})

    digests = {schemes.edition_digest([each], (), heading=()) for each in (row, other)}

    assert len(digests) == 2


def test_digest_binds_mappings_and_heading():
    row, gone = wording(1), Successor(key(1), key(2), MappingKind.EXACT)

    digests = {
        schemes.edition_digest([row], mappings, heading=heading)
        for mappings, heading in (
            ((), ("a",)),
            ((), ("b",)),
            ([gone], ("a",)),
            ([gone._replace(kind=MappingKind.SPLIT)], ("a",)),
        )
    }

    assert len(digests) == 4


def test_what_is_no_word_of_a_class_is_refused():
    with pytest.raises(TypeError, match="^a value of type `float` says nothing of a class$"):
        schemes.edition_digest([wording(1)._replace(title=1.5)], (), heading=())


def test_line_ends_where_a_circle_would_begin():
    parents = {key(1): key(2), key(2): key(1)}

    assert schemes.line_above(parents, key(1)) == (key(1), key(2))


def test_height_counts_the_longest_line_below():
    parents = {key(1): None, key(2): key(1), key(3): key(2), key(4): key(1)}

    assert [schemes.height(parents, key(number)) for number in (1, 2, 4)] == [3, 2, 1]
    assert schemes.height(parents, None) == 1


def test_open_classes_below_closed_or_missing_ones_are_orphans():
    rows = [
        wording(1, is_closed=True),
        wording(2, 1),
        wording(3, 9),
        wording(4, 1, is_closed=True),
        wording(5, 2),
    ]

    assert [row.code for row in schemes.orphans(rows)] == ["C2", "C3"]


@given(trees())
def test_edition_does_not_differ_from_itself(rows):
    assert schemes.compare(rows, rows) == ()


@given(trees(), trees())
def test_comparing_the_other_way_round_tells_the_opposite(one, other):
    forth = {row.class_id: row.differences for row in schemes.compare(one, other)}
    back = {row.class_id: row.differences for row in schemes.compare(other, one)}

    turned = {(Difference.ADDED,): (Difference.CLOSED,), (Difference.CLOSED,): (Difference.ADDED,)}
    assert back == {class_id: turned.get(told, told) for class_id, told in forth.items()}


def test_differences_are_named():
    before = [wording(1), wording(2), wording(3), wording(4, is_closed=True), wording(5, is_closed=True)]
    after = [
        wording(1, 2, code="D", title="Other", scope_note="words"),
        wording(3, is_closed=True),
        wording(4),
        wording(6),
    ]

    found = schemes.compare(before, after)

    everything = (Difference.MOVED, Difference.RECODED, Difference.RETITLED, Difference.REWORDED)
    assert [(row.class_id.int, row.differences) for row in found] == [
        (2, (Difference.CLOSED,)),
        (3, (Difference.CLOSED,)),
        (4, (Difference.ADDED,)),
        (6, (Difference.ADDED,)),
        (1, everything),
    ]
