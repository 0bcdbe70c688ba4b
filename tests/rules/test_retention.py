"""Periods and triggers as rules of retention write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.errors import Invalid
from dms.rules import retention
from dms.rules.retention import Endless, Span


@given(st.builds(Span, st.integers(0, 900), st.integers(0, 99), st.integers(0, 999)))
def test_what_is_written_is_read_again(span):
    assert retention.period(str(span)) == span


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("P5Y", Span(5)),
        ("P1Y6M", Span(1, 6)),
        ("P2W", Span(days=14)),
        ("P0D", Span()),
        ("P0Y", Span()),
        ("permanent", Endless.PERMANENT),
        ("until_decided", Endless.UNTIL_DECIDED),
    ],
)
def test_periods_are_read(typed, read):
    assert retention.period(typed) == read


@pytest.mark.parametrize(
    "typed", ["", "P", "5Y", "P5", "P1.5Y", "P-5Y", "PT5H", "p5y", "P5Y ", "P5D1Y", "P\u0665Y"]
)
def test_what_is_no_period_is_refused(typed):
    with pytest.raises(Invalid) as refusal:
        retention.period(typed, ("phases", "0", "period"))

    assert refusal.value.path == ("phases", "0", "period")
    assert str(refusal.value).startswith(f"`{typed}` is no period: write `P7Y`")


@pytest.mark.parametrize("typed", ["P1001Y", "P12012M", "P999Y24M", "P366000D"])
def test_periods_of_more_than_a_thousand_years_are_refused(typed):
    with pytest.raises(Invalid, match="write `permanent` for what never ends"):
        retention.period(typed)


@pytest.mark.parametrize("name", [*retention.Trigger, "custom:contract_ended"])
def test_triggers_are_known_by_name(name):
    assert retention.trigger(name) == name


@pytest.mark.parametrize("name", ["", "Closed", "custom:", "custom:A", "custom:a b", "in office"])
def test_unknown_trigger_is_refused(name):
    with pytest.raises(Invalid, match="is no trigger: take one of `dated`"):
        retention.trigger(name)
