from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.errors import Invalid
from dms.rules.dates import Dates, parse, sort_key

FORMS = (
    "write `1890`, `1890-05` or `1890-05-17`, put `X` for a digit that is not known, as in `189X`, "
    "add `?` or `~` if it is not certain, join two with `/` for a period and put `..` for an open end"
)


@pytest.mark.parametrize(
    ("typed", "first_day", "last_day"),
    [
        ("1890", date(1890, 1, 1), date(1890, 12, 31)),
        ("1890-05", date(1890, 5, 1), date(1890, 5, 31)),
        ("1900-02", date(1900, 2, 1), date(1900, 2, 28)),
        ("2000-02", date(2000, 2, 1), date(2000, 2, 29)),
        ("1890-05-17", date(1890, 5, 17), date(1890, 5, 17)),
        ("1890~", date(1890, 1, 1), date(1890, 12, 31)),
        ("1890-05?", date(1890, 5, 1), date(1890, 5, 31)),
        ("1890%", date(1890, 1, 1), date(1890, 12, 31)),
        ("1890/1900", date(1890, 1, 1), date(1900, 12, 31)),
        ("1890-05/1890", date(1890, 5, 1), date(1890, 12, 31)),
        ("1890~/1900-03-04?", date(1890, 1, 1), date(1900, 3, 4)),
        ("1890/..", date(1890, 1, 1), None),
        ("../1890", None, date(1890, 12, 31)),
        ("189X", date(1890, 1, 1), date(1899, 12, 31)),
        ("18XX?", date(1800, 1, 1), date(1899, 12, 31)),
        ("1890-XX", date(1890, 1, 1), date(1890, 12, 31)),
        ("1890-XX-XX", date(1890, 1, 1), date(1890, 12, 31)),
        ("1892-02-XX~", date(1892, 2, 1), date(1892, 2, 29)),
        ("189X/1904-05", date(1890, 1, 1), date(1904, 5, 31)),
        ("1890/", date(1890, 1, 1), None),
        ("/1890", None, date(1890, 12, 31)),
        ("0001", date(1, 1, 1), date(1, 12, 31)),
        ("9999-12-31", date(9999, 12, 31), date(9999, 12, 31)),
    ],
)
def test_an_expression_covers_its_first_to_its_last_day(typed, first_day, last_day):
    assert parse(typed) == Dates(typed, first_day, last_day)


def test_spaces_around_the_ends_are_dropped():
    assert parse(" 1890 / 1900 ").expression == "1890/1900"


@pytest.mark.parametrize(
    "typed",
    [
        "about 1890",
        "17.5.1890",
        "18",
        "18 90",
        "1X90",
        "1XXX",
        "XXXX",
        "189X-05",
        "1890-XX-05",
        "1890-1X",
        "189x",
        "1890-5",
        "1890??",
        "1890-05-17T10:00",
        "/",
        "../",
        "../..",
        "..",
        "1890/1900/1910",
        "-0044",
        "１８９０",
    ],
)
def test_what_is_not_understood_is_refused_with_the_forms_that_are(typed):
    with pytest.raises(Invalid) as refused:
        parse(typed)

    assert refused.value.message == f"`{typed}` is no date that can be read: {FORMS}"
    assert refused.value.path == ("dates",)


@pytest.mark.parametrize(
    "typed", ["1890-13", "1890-02-30", "0000", "1890-00", "1890-05-00", "00XX", "1890-21", "1890-13-XX"]
)
def test_a_day_that_no_calendar_has_is_refused(typed):
    with pytest.raises(Invalid, match=f"^`{typed}` is no date of the calendar$"):
        parse(typed)


def test_a_period_that_ends_before_it_begins_is_refused():
    with pytest.raises(Invalid, match="^`1900/1890` ends before it begins: put the earlier date first$"):
        parse("1900/1890")


def test_controls_and_endless_text_are_refused_before_they_are_repeated():
    with pytest.raises(Invalid, match="holds a control character"):
        parse("18\x1b90")
    with pytest.raises(Invalid, match="must be at most 100 characters, not 5000"):
        parse("1" * 5000)


@given(st.dates(), st.dates())
def test_any_two_days_in_order_make_a_period(one, other):
    earlier, later = sorted((one, other))

    read = parse(f"{earlier.isoformat()}/{later.isoformat()}")

    assert (read.first_day, read.last_day) == (earlier, later)


@given(st.dates(), st.dates())
def test_the_sort_key_orders_as_the_days_do(one, other):
    assert (sort_key(one) < sort_key(other)) == (one < other)


def test_an_unknown_day_sorts_first():
    assert sort_key(None) == ""
