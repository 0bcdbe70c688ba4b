"""Half-open periods: border cases, and properties against a search instant by instant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.errors import Invalid
from dms.rules import periods
from dms.rules.periods import Period, Validity

INSTANTS = range(-1, 12)


@st.composite
def some_periods(draw):
    since = draw(st.integers(0, 9))
    return Period(since, draw(st.none() | st.integers(since + 1, 10)))


def holds(period: Period, instant: int) -> bool:
    return period.since <= instant and (period.until is None or instant < period.until)


def test_period_that_ends_where_it_starts_is_refused():
    with pytest.raises(Invalid, match="^must lie after the start of the period$") as caught:
        periods.checked(10, 10)

    assert caught.value.path == ("valid_until",)


def test_period_of_one_microsecond_is_accepted():
    assert periods.checked(10, 11) == Period(10, 11)


def test_period_without_end_is_accepted():
    assert periods.checked(10, None) == Period(10, None)


def test_period_that_begins_when_the_other_ends_does_not_overlap():
    assert not periods.overlap(Period(0, 5), Period(5, None))


@given(some_periods(), some_periods())
def test_overlap_means_that_some_instant_lies_in_both(one, other):
    shared = any(holds(one, instant) and holds(other, instant) for instant in INSTANTS)

    assert periods.overlap(one, other) is shared
    assert periods.overlap(other, one) is shared


@given(some_periods(), some_periods())
def test_covering_means_that_no_instant_lies_outside(outer, inner):
    assert periods.covers(outer, inner) is all(
        holds(outer, instant) for instant in INSTANTS if holds(inner, instant)
    )


def test_first_overlapping_names_the_one_in_the_way():
    others = [Period(0, 5), Period(8, 9), Period(8, None)]

    assert periods.first_overlapping(Period(5, 9), others) == Period(8, 9)
    assert periods.first_overlapping(Period(5, 8), others) is None


@pytest.mark.parametrize(
    ("now", "expected"),
    [(4, Validity.FUTURE), (5, Validity.LIVE), (6, Validity.LIVE), (7, Validity.EXPIRED)],
)
def test_line_stands_by_its_half_open_period(now, expected):
    assert periods.validity(Period(5, 7), is_revoked=False, now=now) is expected


def test_revoked_line_is_revoked_whatever_its_period():
    assert periods.validity(Period(5, None), is_revoked=True, now=0) is Validity.REVOKED
