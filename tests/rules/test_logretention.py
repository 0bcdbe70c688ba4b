"""How long the log is kept: whole months, counted back from the present one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.clock import from_iso, to_datetime, to_iso
from dms.base.errors import Invalid
from dms.rules import logretention as rules


@pytest.mark.parametrize(
    ("now", "months", "end"),
    [
        ("2026-11-22T10:00:00Z", 36, "2023-11-01T00:00:00.000000Z"),
        ("2026-11-01T00:00:00Z", 1, "2026-10-01T00:00:00.000000Z"),
        ("2026-01-31T23:59:59Z", 1, "2025-12-01T00:00:00.000000Z"),
        ("2026-12-31T23:59:59Z", 12, "2025-12-01T00:00:00.000000Z"),
    ],
)
def test_what_lies_in_whole_months_before_may_go(now, months, end):
    assert to_iso(rules.latest_end(from_iso(now), kept_months=months)) == end


@given(
    now=st.integers(from_iso("2000-01-01T00:00:00Z"), from_iso("2100-01-01T00:00:00Z")),
    months=st.integers(1, 600),
)
def test_nothing_goes_that_is_younger_than_the_rule_says(now, months):
    end, present = to_datetime(rules.latest_end(now, kept_months=months)), to_datetime(now)

    assert (present.year - end.year) * 12 + present.month - end.month == months
    assert (end.day, end.hour, end.minute, end.second, end.microsecond) == (1, 0, 0, 0, 0)


def test_longer_than_there_were_years_is_refused():
    with pytest.raises(Invalid, match="nothing can be that old"):
        rules.latest_end(from_iso("2026-11-22T10:00:00Z"), kept_months=30_000)


def test_month_is_read_as_its_first_instant_and_written_back():
    assert rules.month(" 2026-11 ") == from_iso("2026-11-01T00:00:00Z")
    assert rules.shown_month(rules.month("2026-11")) == "2026-11"


@pytest.mark.parametrize("typed", ["2026", "2026-13", "2026-00", "0000-01", "11-2026", "2026-11-01", ""])
def test_what_is_no_month_is_refused(typed):
    with pytest.raises(Invalid, match=f"`{typed}` is no month: write it like 2026-11"):
        rules.month(typed)


@pytest.mark.parametrize("months", [0, -1, 37])
def test_rule_outside_the_bounds_is_refused(months):
    with pytest.raises(Invalid, match=f"keep them between 1 and 36 months, not {months}"):
        rules.check_months(months, ceiling=36)


def test_rule_at_its_bounds_is_taken():
    rules.check_months(1, ceiling=36)
    rules.check_months(36, ceiling=36)


def test_pruning_that_reaches_into_what_is_kept_is_refused():
    latest = rules.month("2023-11")

    rules.check_end(latest, latest=latest)
    with pytest.raises(Invalid, match="the rule keeps everything from 2023-11 on"):
        rules.check_end(latest + 1, latest=latest)
