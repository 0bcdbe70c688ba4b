"""The effect of a change on due days, shown first."""

from __future__ import annotations

import pytest

from dms.rules import duechanges
from dms.rules.duechanges import DueChange, Effect
from dms.rules.duesteps import RetentionState
from dms.rules.retention import TrackMedium
from tests.duewordings import by_class, day, follow, maximum, rule, thing, track

FACTS = "closed 2020-06-30; created 2019-12-31"


def one(text, facts=FACTS):
    return follow(facts, by_class(rule("R", text)))


OUTCOMES = {
    "due": one("closed, P3Y"),
    "later": one("closed, P10Y"),
    "reviewed": one("closed, P10Y review"),
    "waiting": one("expired, P3Y"),
    "waiting for another": one("superseded, P3Y"),
    "undecided": one("until_decided review"),
    "without a trigger": one("P3Y"),
    "permanent": one("permanent keep_permanently"),
    "ruled otherwise": follow(FACTS, by_class(rule("S", "closed, P10Y"))),
    "in conflict": follow(FACTS, by_class(rule("R", "closed, P10Y")), by_class(maximum("M", "closed, P2Y"))),
    "without a rule": follow(FACTS),
}


@pytest.mark.parametrize(
    ("before", "after", "kinds", "moved_days", "is_shorter"),
    [
        ("due", "due", None, None, None),
        ("due", "later", ["later", "no_longer_due"], 2557, False),
        ("later", "due", ["earlier", "falls_due"], -2557, True),
        ("later", "reviewed", ["other_action"], 0, False),
        ("later", "ruled otherwise", ["other_rule"], 0, False),
        ("later", "in conflict", ["conflict_began"], 0, False),
        ("in conflict", "later", ["conflict_ended"], 0, False),
        ("later", "waiting", ["lost_day"], None, False),
        ("waiting", "later", ["got_day"], None, True),
        ("waiting", "waiting for another", ["waits_for_other"], None, False),
        ("later", "permanent", ["became_permanent", "other_action"], None, False),
        ("permanent", "later", ["got_day", "no_longer_permanent", "other_action"], None, True),
        ("permanent", "waiting", ["no_longer_permanent", "waits_for_other", "other_action"], None, True),
        ("reviewed", "undecided", ["became_undetermined"], None, False),
        ("without a trigger", "undecided", ["other_reason", "other_action"], None, False),
        ("without a rule", "later", ["got_day", "other_action", "other_rule"], None, True),
    ],
)
def test_change_says_how_a_thing_is_touched(before, after, kinds, moved_days, is_shorter):
    found = duechanges.change(OUTCOMES[before], OUTCOMES[after])

    days = OUTCOMES[before].due_on, OUTCOMES[after].due_on
    assert found == (None if kinds is None else DueChange(tuple(kinds), *days, moved_days, is_shorter))


def test_medium_that_goes_earlier_is_told_though_the_whole_stays():
    both = thing(FACTS, media=(TrackMedium.PAPER, TrackMedium.ELECTRONIC))
    held = track("closed, P50Y", TrackMedium.ELECTRONIC)
    before, after = (
        follow(both, by_class(rule("R", track(text, TrackMedium.PAPER), held)))
        for text in ("closed, P20Y", "closed, P10Y")
    )

    found = duechanges.change(before, after)

    assert found == DueChange(("earlier",), day("2070-07-01"), day("2070-07-01"), 0, is_shorter=True)


def test_thing_that_has_other_media_now_is_compared_as_a_whole():
    before, after = (
        follow(thing(FACTS, media=(medium,)), by_class(rule("R", text)))
        for medium, text in ((TrackMedium.PAPER, "closed, P9Y"), (TrackMedium.ELECTRONIC, "closed, P8Y"))
    )

    assert duechanges.change(before, after).kinds == ("earlier",)


def test_effect_counts_things_by_what_happens_to_them():
    before = dict.fromkeys("abcd", OUTCOMES["later"])
    after = {
        "d": OUTCOMES["due"],
        "a": OUTCOMES["later"],
        "b": OUTCOMES["permanent"],
        "c": OUTCOMES["due"],
        "new": OUTCOMES["due"],
    }

    found = duechanges.changes(before, after)

    assert list(found) == ["d", "b", "c"]
    assert duechanges.effect(4, found.values()) == Effect(
        things=4,
        changed=3,
        shorter=2,
        kinds={"earlier": 2, "became_permanent": 1, "falls_due": 2, "other_action": 1},
    )
    assert OUTCOMES["due"].state is RetentionState.DUE
