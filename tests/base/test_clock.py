"""Instants: integers inside, UTC outside."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base import clock

moments = st.datetimes(timezones=st.just(UTC))
# 29 February 2024, 23:59:59.999999 UTC.
LEAP = 1_709_251_199_999_999


@given(moments)
def test_a_moment_and_its_instant_name_each_other(moment):
    assert clock.to_datetime(clock.from_datetime(moment)) == moment


@given(moments, moments)
def test_instants_compare_as_the_moments_do(one, other):
    assert (clock.from_datetime(one) < clock.from_datetime(other)) == (one < other)


def test_the_zone_of_a_moment_does_not_change_its_instant():
    utc = datetime(2024, 5, 1, 12, tzinfo=UTC)
    tokyo = datetime(2024, 5, 1, 21, tzinfo=timezone(timedelta(hours=9)))

    assert clock.from_datetime(tokyo) == clock.from_datetime(utc)


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="^a datetime without a time zone names no instant$"):
        clock.from_datetime(datetime(2024, 5, 1, 12))  # noqa: DTZ001  the point


def test_iso_form_has_six_decimals_and_a_z():
    assert clock.to_iso(0) == "1970-01-01T00:00:00.000000Z"
    assert clock.to_iso(LEAP) == "2024-02-29T23:59:59.999999Z"


def test_iso_form_of_an_early_year_keeps_four_digits():
    early = clock.from_datetime(datetime(476, 9, 4, tzinfo=UTC))

    assert clock.to_iso(early) == "0476-09-04T00:00:00.000000Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-02-03T10:00:00",
        "2026-02-03",
        "",
    ],
)
def test_text_that_names_no_instant_of_the_calendar_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        clock.from_iso(text)


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z", "2024-02-29T23:59:59.000001Z"]
)
def test_instant_is_read_as_it_is_written(text):
    assert clock.to_iso(clock.from_iso(text)) == text


def test_the_utc_day_ends_at_midnight_utc():
    assert clock.utc_day(LEAP) == date(2024, 2, 29)
    assert clock.utc_day(LEAP + 1) == date(2024, 3, 1)


def test_system_clock_reads_now_in_microseconds():
    before = time.time_ns() // 1000
    now = clock.system_clock()

    assert before <= now <= time.time_ns() // 1000


def test_monotonic_and_cpu_seconds_never_go_back():
    assert clock.monotonic_s() <= clock.monotonic_s()
    assert clock.cpu_s() <= clock.cpu_s()


def test_the_units_are_microseconds():
    assert (clock.SECOND, clock.MINUTE, clock.HOUR, clock.DAY) == (
        1_000_000,
        60_000_000,
        3_600_000_000,
        86_400_000_000,
    )
