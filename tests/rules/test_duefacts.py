"""Which of the recorded events count."""

from __future__ import annotations

import pytest

from dms.rules import duefacts
from tests.duewordings import day, events, phase


def counting(facts):
    return {name: event.last_day for name, event in duefacts.sorted_out(events(facts)).counting.items()}


@pytest.mark.parametrize(
    ("facts", "counts"),
    [
        ("", {}),
        ("closed 2019-01-01", {"closed": "2019-01-01"}),
        ("closed 2019-01-01; closed revoked", {}),
        ("closed 2019-01-01; closed revoked; closed 2021-01-01", {"closed": "2021-01-01"}),
        ("closed revoked; closed 2018-01-01", {"closed": "2018-01-01"}),
        # a correction is a later line, wherever its day lies
        ("closed 2021-01-01; closed 2019-01-01", {"closed": "2019-01-01"}),
        # what was reopened is open, however often its closing was corrected
        ("closed 2021-01-01; closed 2019-01-01; closed revoked", {}),
        ("closed 2019-01-01; created 2018-01-01; closed revoked", {"created": "2018-01-01"}),
        # recorded late, an action before the last one changes nothing
        ("last_action 2021-01-01; last_action 2019-01-01", {"last_action": "2021-01-01"}),
        (
            "last_action 2021-01-01; last_action revoked; last_action 2019-01-01",
            {"last_action": "2019-01-01"},
        ),
        ("last_action 2021-01-01; last_action 2019-01-01..", {"last_action": None}),
    ],
)
def test_last_event_that_was_not_revoked_counts(facts, counts):
    assert counting(facts) == {name: on and day(on) for name, on in counts.items()}


def test_revoked_events_are_told_in_their_order():
    found = duefacts.sorted_out(
        events("closed 2019-01-01; closed revoked; closed 2020-01-01; closed revoked; closed revoked")
    )

    assert [event.last_day for event in found.revoked["closed"]] == [day("2019-01-01"), day("2020-01-01")]
    assert found.counting == {}


@pytest.mark.parametrize(
    ("wording", "facts", "trigger", "missing"),
    [
        ("closed and expired, P1Y", "closed 2020-01-01; expired 2019-01-01", "closed", ()),
        ("closed or expired, P1Y", "closed 2020-01-01; expired 2019-01-01", "expired", ()),
        ("closed and expired, P1Y", "closed 2020-01-01", None, ("expired",)),
        ("closed or expired, P1Y", "closed 2020-01-01", "closed", ("expired",)),
        ("closed or expired, P1Y", "closed 2020-01-01; expired 2019-01-01..", "closed", ("expired",)),
        ("closed or expired, P1Y", "", None, ("closed", "expired")),
        ("dated, P1Y", "dated 2019-01-01..", None, ("dated",)),
        # of two imprecise ones the last possible days are compared
        ("closed and expired, P1Y", "closed 2019-01-01..2019-12-31; expired 2019-06-01", "closed", ()),
        ("closed or expired, P1Y", "closed 2019-01-01..2019-12-31; expired 2019-06-01", "expired", ()),
    ],
)
def test_latest_or_earliest_of_several_triggers_counts(wording, facts, trigger, missing):
    found = duefacts.start(phase(wording), duefacts.sorted_out(events(facts)))

    assert (found.event and found.event.trigger, found.missing) == (trigger, missing)
