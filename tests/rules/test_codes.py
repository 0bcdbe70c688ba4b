from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.errors import Invalid
from dms.rules import text
from dms.rules.codes import (
    MAX_KEY_BYTES,
    code_key,
    fold,
    made_below,
    number_below,
    numbers_below,
    title_key,
)

codes = st.lists(
    st.sampled_from(["F", "S", "é", "a", "1", "2", "9", "10", "007", "/", "-", ".", " ", "ß"]),
    min_size=1,
    max_size=20,
).map(lambda parts: "".join(parts).strip())


def by_key(*given):
    return sorted(given, key=code_key)


def test_numbers_in_codes_sort_by_value():
    assert by_key("F1/S10", "F10", "F1/S2", "F2", "F1/S1") == ["F1/S1", "F1/S2", "F1/S10", "F2", "F10"]


def test_what_lies_below_a_code_follows_it_before_its_neighbours():
    neighbours = ["F1", "F1/S1", "F1/S1/3", "F1 bis", "F1-A", "F1a", "F2"]

    assert by_key(*reversed(neighbours)) == neighbours


def test_leading_zeros_and_case_do_not_count_in_the_order():
    assert code_key("f007/S1") == code_key("F7/s01")


def test_a_zero_sorts_before_one():
    assert by_key("F1", "F00", "F0/1") == ["F00", "F0/1", "F1"]


def test_numbers_longer_than_any_machine_word_still_sort_by_value():
    assert by_key("1" + "0" * 60, "9" * 60) == ["9" * 60, "1" + "0" * 60]


@given(codes, codes)
def test_the_key_of_what_lies_below_begins_with_the_key_of_the_code(code, rest):
    assert code_key(f"{code}/{rest}").startswith(code_key(code))


@given(st.integers(0, 10**30), st.integers(0, 10**30))
def test_keys_compare_as_the_numbers_in_them(one, other):
    assert (code_key(f"F{one}") < code_key(f"F{other}")) == (one < other)


@given(st.one_of(st.none(), st.sampled_from(["F1", "F1/S2", "Ä 3"])), st.integers(0, 10**12))
def test_a_made_code_lies_in_the_range_of_numbers_and_gives_its_number_back(parent, number):
    start, end = numbers_below(parent)

    key = code_key(made_below(parent, number))

    assert start <= key < end
    assert number_below(parent, key) == number


def test_codes_of_other_parents_lie_outside_the_range_of_numbers():
    start, end = numbers_below("F1")

    outside = ["F1", "F1/S1", "F10/1", "F2/1", "F1-1", "F", "1"]

    assert [code for code in outside if start <= code_key(code) < end] == []


def test_what_lies_deeper_counts_with_the_number_it_lies_below():
    assert number_below("F1", code_key("F1/12/4")) == 12
    assert number_below("F1", code_key("F1/12a")) == 12


def test_a_code_that_would_be_too_long_is_not_made():
    longest = "F" * (text.MAX_CODE - 2)
    assert made_below(longest, 1) == longest + "/1"

    with pytest.raises(Invalid, match="would be longer than 100 characters: give one") as refused:
        made_below(longest, 10)

    assert refused.value.path == ("referenceCode",)


def test_titles_sort_without_case_accents_and_double_spaces():
    assert title_key("  Ärzte   in ÉCOLE und Straße ") == "arzte in ecole und strasse"


def test_a_title_without_letters_keeps_its_signs():
    assert title_key("№ 7 — 会議") == "no 7 — 会議"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=1_000))
def test_a_key_never_exceeds_what_an_index_holds(title):
    key = title_key(title)

    assert len(key.encode()) <= MAX_KEY_BYTES
    assert fold(title).startswith(key)


@given(st.text(max_size=60))
def test_folding_twice_changes_nothing(typed):
    assert fold(fold(typed)) == fold(typed)


def test_heap_of_marks_is_folded_at_once():
    assert title_key("a" + "\u0301\u0316" * 200_000) == "a"
