"""Civil dates: ends of months and years, and periods added to a day."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.errors import Invalid
from dms.rules import calendars
from dms.rules.calendars import CALENDAR_YEAR, FiscalYear
from dms.rules.retention import CutOff, Span
from tests import duereference
from tests.duewordings import day

FROM_JULY = FiscalYear(7, 1)


@pytest.mark.parametrize(
    ("before", "span", "after"),
    [
        ("2020-06-30", Span(5), "2025-06-30"),
        ("2020-02-29", Span(1), "2021-02-28"),
        ("2020-02-29", Span(4), "2024-02-29"),
        ("2000-02-29", Span(100), "2100-02-28"),  # 2100 is no leap year
        ("1600-02-29", Span(400), "2000-02-29"),
        ("2020-08-31", Span(0, 6), "2021-02-28"),
        ("2023-08-31", Span(0, 6), "2024-02-29"),
        ("2020-10-31", Span(0, 1), "2020-11-30"),
        ("2020-11-30", Span(0, 25), "2022-12-30"),
        ("2020-01-31", Span(0, 1, 1), "2020-03-01"),  # first the month, then the day
        ("2020-12-31", Span(days=366), "2022-01-01"),
        ("2020-02-28", Span(), "2020-02-28"),
        ("9994-12-31", Span(5), "9999-12-31"),
    ],
)
def test_period_is_added_by_the_calendar(before, span, after):
    assert calendars.add(day(before), span) == day(after)


@pytest.mark.parametrize("span", [Span(1), Span(0, 12), Span(days=1), Span(1000), Span(10**6, 0, 10**6)])
def test_what_ends_after_the_year_9999_is_no_day(span):
    assert calendars.add(date.max, span) is None


@pytest.mark.parametrize(
    ("on", "cut_off", "begins", "end"),
    [
        ("2020-02-10", CutOff.EXACT, CALENDAR_YEAR, "2020-02-10"),
        ("2020-02-10", CutOff.MONTH, CALENDAR_YEAR, "2020-02-29"),
        ("2100-02-10", CutOff.MONTH, CALENDAR_YEAR, "2100-02-28"),
        ("2020-12-31", CutOff.MONTH, CALENDAR_YEAR, "2020-12-31"),
        ("2020-01-01", CutOff.CALENDAR_YEAR, FROM_JULY, "2020-12-31"),
        ("2020-06-30", CutOff.FISCAL_YEAR, FROM_JULY, "2020-06-30"),
        ("2020-07-01", CutOff.FISCAL_YEAR, FROM_JULY, "2021-06-30"),
        ("2020-02-29", CutOff.FISCAL_YEAR, FiscalYear(3, 1), "2020-02-29"),
        ("2021-02-28", CutOff.FISCAL_YEAR, FiscalYear(3, 1), "2021-02-28"),
        ("2020-04-05", CutOff.FISCAL_YEAR, FiscalYear(4, 6), "2020-04-05"),
        ("2020-04-06", CutOff.FISCAL_YEAR, FiscalYear(4, 6), "2021-04-05"),
        ("2020-05-05", CutOff.FISCAL_YEAR, CALENDAR_YEAR, "2020-12-31"),
        ("9999-12-31", CutOff.FISCAL_YEAR, CALENDAR_YEAR, "9999-12-31"),
        ("9999-12-31", CutOff.MONTH, CALENDAR_YEAR, "9999-12-31"),
    ],
)
def test_day_is_put_off_to_the_end_of_its_month_or_year(on, cut_off, begins, end):
    assert calendars.put_off(day(on), cut_off, fiscal_year=begins) == day(end)


def test_fiscal_year_that_ends_after_the_year_9999_has_no_end():
    assert calendars.put_off(date(9999, 7, 1), CutOff.FISCAL_YEAR, fiscal_year=FROM_JULY) is None
    assert calendars.put_off(date(9999, 6, 30), CutOff.FISCAL_YEAR, fiscal_year=FROM_JULY) == date(
        9999, 6, 30
    )


def test_last_day_of_the_calendar_has_no_next():
    assert calendars.next_day(date(2020, 2, 28)) == date(2020, 2, 29)
    assert calendars.next_day(date.max) is None


@pytest.mark.parametrize(("month", "on"), [(1, 1), (2, 28), (9, 1), (10, 1), (12, 31)])
def test_fiscal_year_begins_on_a_day_that_every_year_has(month, on):
    assert calendars.fiscal_year(month, on) == FiscalYear(month, on)


@pytest.mark.parametrize(
    ("month", "on", "message"),
    [
        (2, 29, "a fiscal year cannot begin on day `29` of month `2`: take a day that every year has"),
        (4, 31, "a fiscal year cannot begin on day `31` of month `4`: take a day that every year has"),
        (1, 0, "a fiscal year cannot begin on day `0` of month `1`: take a day that every year has"),
        (13, 1, "`13` is no month: give 1 to 12"),
        (0, 1, "`0` is no month: give 1 to 12"),
    ],
)
def test_fiscal_year_is_refused_on_a_day_that_some_years_lack(month, on, message):
    with pytest.raises(Invalid) as refusal:
        calendars.fiscal_year(month, on, path=("calendar",))

    assert (refusal.value.message, refusal.value.path) == (message, ("calendar",))


@given(st.dates(), st.integers(0, 130), st.integers(0, 25), st.integers(0, 400))
def test_sum_equals_counting_months_and_days_one_by_one(on, years, months, more):
    walked = duereference.month_later(on, years * 12 + months)

    assert calendars.add(on, Span(years, months, more)) == (walked and duereference.day_later(walked, more))


@given(st.dates(), st.sampled_from(CutOff), st.sampled_from([(1, 1), (7, 1), (2, 28), (12, 31)]))
def test_end_equals_walking_there_day_by_day(on, cut_off, begins):
    found = calendars.put_off(on, cut_off, fiscal_year=FiscalYear(*begins))

    assert found == duereference.end_of(on, cut_off, begins)
