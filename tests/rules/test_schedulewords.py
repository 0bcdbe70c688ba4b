"""Periods in words: their numbers, units and places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.rules import schedulewords
from dms.rules.retention import Span
from dms.rules.schedulewords import Worded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 years", Span(years=5)),
        ("5-year", Span(years=5)),
        ("(5) yrs", Span(years=5)),
        ("six (6) Months", Span(months=6)),
        ("Ninety Days", Span(days=90)),
        ("twenty one years", Span(years=21)),
        ("Thirty-Five years", Span(years=35)),
        ("one hundred years", Span(years=100)),
        ("hundred days", Span(days=100)),
        ("zero years", Span()),
        ("3 weeks", Span(days=21)),
        ("1 year, 2 months and 10 days", Span(1, 2, 10)),
        ("1 year 6 months", Span(1, 6)),
    ],
)
def test_period_is_read_whole(text, expected):
    assert schedulewords.periods(f"keep {text}.") == [Worded(5, 5 + len(text), expected)]


@pytest.mark.parametrize(
    "text", ["2.5 years", "1/2 years", "$5 years", "A5 years", "5,000 years", "year 5", "5"]
)
def test_what_is_no_whole_number_of_units_is_no_period(text):
    assert schedulewords.periods(text) == []


@pytest.mark.parametrize(
    "text", ["5 fiscal years", "six (7) months", "2 additional weeks", "1 year 2 full months"]
)
def test_period_of_which_more_is_said_is_not_plain(text):
    (found,) = schedulewords.periods(text)

    assert not found.is_plain


def test_parts_that_do_not_belong_together_stay_apart():
    found = schedulewords.periods("2 years, 3 years; 6 months 1 year")

    assert [str(each.span) for each in found] == ["P2Y", "P3Y", "P6M", "P1Y"]


@pytest.mark.parametrize(
    ("number", "expected"), [(9, False), (99, True), (999, True), (998, False), (1001, True)]
)
def test_sentinel_is_made_of_nines_or_beyond_the_calendar(number, expected):
    assert schedulewords.is_sentinel(number) is expected


def test_template_keeps_words_and_numbers_the_periods():
    text = "Keep\x002  years\nthen 3 DAYS"

    assert schedulewords.template(text, schedulewords.periods(text)) == "keep \x000\x00 then \x001\x00"


@given(st.text())
def test_periods_are_found_in_order_and_do_not_overlap(text):
    places = [place for each in schedulewords.periods(text) for place in (each.start, each.end)]

    assert places == sorted(places)


@given(
    st.integers(0, 9999), st.sampled_from(["year", "month", "day"]), st.text(alphabet="xyz ;:", max_size=9)
)
def test_period_in_digits_is_found_wherever_it_stands(number, unit, around):
    text = f"{around} {number} {unit}s {around}"

    (found,) = schedulewords.periods(text)

    assert text[found.start : found.end] == f"{number} {unit}s"
    assert found.span == Span(**{f"{unit}s": number})
