"""Text that people type: what is kept, refused, and looked up."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.errors import Invalid
from dms.rules import text

LINE = ("title",)


@given(st.text())
def test_line_that_is_kept_is_stripped_normal_and_without_controls(typed):
    try:
        kept = text.line(typed, LINE)
    except Invalid:
        return

    assert kept == kept.strip() != ""
    assert text.line(kept, LINE) == kept
    assert not any(text.is_control(char) for char in kept)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (" ", "must not be empty"),
        ("x" * 1_001, "must be at most 1000 characters, not 1001"),
        ("a\0b", "holds a control character (U+0000): remove it"),
        ("a\u202eb", "holds a control character (U+202E): remove it"),
        ("a\nb", "holds a control character (U+000A): remove it"),
    ],
)
def test_line_that_is_refused_says_why(typed, message):
    with pytest.raises(Invalid) as refused:
        text.line(typed, LINE)

    assert (refused.value.message, refused.value.path) == (message, LINE)


def test_block_keeps_its_lines_and_tabs():
    assert text.block(" one\r\n\ttwo ", LINE) == "one\n\ttwo"


def test_reason_is_never_optional():
    with pytest.raises(Invalid, match="^a reason is needed$"):
        text.reason(" \n ")


@given(st.text(), st.integers(1, 50))
def test_looked_up_text_fits_into_any_statement_and_stays_itself(typed, limit):
    found = text.sought(typed, limit=limit)

    assert len(found) <= limit + 1
    assert "\0" not in found
    assert found == typed or len(typed) > limit or "\0" in typed


@given(st.text(min_size=1))
def test_what_nothing_stored_can_be_is_not_found_by_another_name(typed):
    kept = "x" * 10

    assert text.sought(typed + "\0", limit=10) != kept
    assert text.sought(kept + typed, limit=10) != kept


def test_heap_of_marks_on_a_letter_is_cut_before_it_is_normalised():
    heap = "\u0301\u0316" * 200_000  # sorting so many would take an hour

    assert text.without_heaps(f"a{heap}b{heap}") == f"a{heap[:30]}b{heap[:30]}"
    assert len(text.line(f"a{heap}", LINE)) == 30
    assert text.file_name(f"a{heap}.txt").endswith(".txt")


def test_marks_that_scripts_need_are_kept():
    assert text.without_heaps("Việt e\u0301\u0316 \u05e9\u05bc\u05c1\u05b8") == (
        "Việt e\u0301\u0316 \u05e9\u05bc\u05c1\u05b8"
    )


def test_all_that_normalising_would_sort_counts_as_a_mark():
    sorted_away = [
        char
        for char in map(chr, range(0x20000))
        if unicodedata.combining(unicodedata.normalize("NFKD", char)[:1] or "a")
    ]

    assert {text.without_heaps(char * 40) for char in sorted_away} == {char * 30 for char in sorted_away}
