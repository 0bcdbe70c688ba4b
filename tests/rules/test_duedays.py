"""Due days at their borders: months that clip, phases, acts, media, overrides, and what gives no day."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest

from dms.rules import duesentences, duesteps
from dms.rules.calendars import FiscalYear
from dms.rules.duefacts import Act
from dms.rules.duerules import Reason
from dms.rules.duesteps import RetentionState
from dms.rules.retention import OfficeRole, RetentionAction, RetentionTrack, TrackMedium
from tests.duewordings import (
    by_class,
    by_folder,
    by_hand,
    day,
    follow,
    maximum,
    override,
    rule,
    thing,
    track,
)

PAPER, ELECTRONIC = TrackMedium.PAPER, TrackMedium.ELECTRONIC
BOTH = (PAPER, ELECTRONIC)


def one(text, facts, **asked):
    return follow(facts, by_class(rule("R", text)), **asked)


def named(steps):
    return [type(step).__name__ for step in steps]


@pytest.mark.parametrize(
    ("text", "facts", "due_on"),
    [
        ("closed, P5Y", "closed 2020-06-30", "2025-07-01"),
        ("closed, P5Y", "closed 2020-02-29", "2025-03-01"),
        ("closed, P100Y", "closed 2000-02-29", "2100-03-01"),  # 2100 has no 29 February
        ("closed, P100Y", "closed 1924-02-29", "2024-03-01"),
        ("closed, P0D", "closed 2020-12-31", "2021-01-01"),
        ("closed, P2W", "closed 2020-02-20", "2020-03-06"),
        ("closed, P1M", "closed 2021-01-31", "2021-03-01"),
        ("closed, P1Y6M", "closed 2020-08-31", "2022-03-01"),
        # a back-dated or a future day counts like any other
        ("closed, P1Y", "closed 0001-01-01", "0002-01-02"),
        ("expired, P1Y", "expired 2030-12-31", "2032-01-01"),
        # six months and six months are a year, also from a day that February lacks
        ("closed, P6M then P6M", "closed 2020-08-31", "2021-09-01"),
        ("closed, P6M then P6M then P6M then P6M", "closed 2020-08-31", "2022-09-01"),
        # after days a phase goes on from the day that they reach
        ("closed, P30D then P1M", "closed 2021-01-31", "2021-04-03"),
        # a cut-off of a later phase puts off the end of the former one
        ("closed, P6M then calendar_year, P1Y", "closed 2020-08-31", "2023-01-01"),
        # own triggers of a later phase count, but it ends with the former one at the earliest
        ("closed, P2Y then expired, P5Y", "closed 2020-01-01; expired 2022-01-01", "2027-01-02"),
        ("closed, P9Y then expired, P1Y", "closed 2020-01-01; expired 2020-01-01", "2029-01-02"),
        ("closed, P9Y then expired, P1Y then P1Y", "closed 2020-01-01; expired 2020-01-01", "2030-01-02"),
        ("closed, P1Y", "closed 9998-12-30", "9999-12-31"),
    ],
)
def test_due_day_is_the_day_after_cut_off_and_period(text, facts, due_on):
    found = one(text, facts)

    assert found.due_on == day(due_on)
    assert found.decisive.action is RetentionAction.DESTROY


@pytest.mark.parametrize(
    ("text", "facts", "reason"),
    [
        ("closed, P1Y", "closed 9998-12-31", Reason.BEYOND_CALENDAR),  # the day after is not there
        ("closed, P1000Y", "closed 9500-01-01", Reason.BEYOND_CALENDAR),
        ("closed, fiscal_year, P0D", "closed 9999-07-01", Reason.BEYOND_CALENDAR),
        ("closed, P900Y then P900Y", "closed 9000-01-01", Reason.BEYOND_CALENDAR),
        ("P1Y", "closed 2020-01-01", Reason.NO_TRIGGER),
        ("until_decided review", "closed 2020-01-01", Reason.UNTIL_DECIDED),
        ("closed, P1Y then until_decided review", "closed 2020-01-01", Reason.UNTIL_DECIDED),
        ("closed, P1Y next_phase", "closed 2020-01-01", Reason.NO_NEXT_PHASE),
        ("closed, P1Y next_phase", "", Reason.NO_NEXT_PHASE),
    ],
)
def test_what_gives_no_day_has_a_reason_and_raises_nothing(text, facts, reason):
    found = follow(facts, by_class(rule("R", text)), fiscal_year=FiscalYear(7, 1))

    assert (found.state, found.due_on) == (RetentionState.UNDETERMINED, None)
    assert found.decisive.standing.reason is reason


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ([], Reason.NO_RULE),
        ([maximum("M", "closed, P1Y")], Reason.NO_MINIMUM),
        ([rule("R", "closed, P1Y", needs_review=("no_period", "unknown_code"))], Reason.NEEDS_REVIEW),
        ([rule("R", track("closed, P1Y", ELECTRONIC))], Reason.NO_TRACK),
        ([rule("R", track("closed, P1Y", TrackMedium.ANY, OfficeRole.OTHER))], Reason.NO_TRACK),
        ([rule("R", "closed, P1Y", "closed, P2Y")], Reason.SEVERAL_TRACKS),
        (
            [rule("R", track("closed, P1Y", PAPER), track("closed, P9Y", office_role=OfficeRole.PRIMARY))],
            Reason.SEVERAL_TRACKS,
        ),
        ([rule("R", RetentionTrack(()))], Reason.NO_PHASE),
        ([rule("R", "closed, P5Y destroy then permanent keep_permanently")], Reason.AFTER_DESTRUCTION),
        ([rule("R", "closed, P5Y destroy then P1Y")], Reason.AFTER_DESTRUCTION),
    ],
)
def test_thing_without_a_rule_that_fits_is_undetermined(rules, reason):
    found = follow("closed 2001-01-01", *map(by_class, rules))

    assert (found.state, found.decisive.standing.reason) == (RetentionState.UNDETERMINED, reason)
    assert (found.due_on, found.decisive.phase, found.decisive.action) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "facts", "waits_for"),
    [
        ("closed, P5Y", "", ("closed",)),
        ("closed, P5Y", "closed 2001-01-01; closed revoked", ("closed",)),
        ("closed and expired, P5Y", "closed 2001-01-01", ("expired",)),
        ("closed or expired, P5Y", "", ("closed", "expired")),
        ("dated, P5Y", "dated 1990-01-01..", ("dated",)),
        ("closed, P1Y then expired, P5Y", "closed 2001-01-01", ("expired",)),
        ("closed, P1Y then P5Y", "", ("closed",)),
    ],
)
def test_thing_waits_for_triggers_that_have_no_day(text, facts, waits_for):
    found = one(text, facts)

    assert (found.state, found.decisive.standing.waits_for) == (RetentionState.WAITING, waits_for)
    assert found.due_on is None


@pytest.mark.parametrize(
    "text",
    [
        "permanent keep_permanently",
        "permanent",
        "closed, P5Y keep_permanently",
        "expired, P5Y then permanent keep_permanently",
        "until_decided next_phase then permanent keep_permanently",
        "permanent then closed, P5Y",
    ],
)
def test_track_that_ends_in_keeping_is_permanent_from_the_start(text):
    found = one(text, "closed 2001-01-01")

    assert (found.state, found.due_on) == (RetentionState.PERMANENT, None)
    assert found.decisive.action is RetentionAction.KEEP_PERMANENTLY


def test_state_turns_to_due_on_the_day_itself():
    states = [one("closed, P5Y", "closed 2020-06-30", today=day(on)) for on in ("2025-06-30", "2025-07-01")]

    assert [each.state for each in states] == [RetentionState.RUNNING, RetentionState.DUE]
    assert [each.turns_on for each in states] == [day("2025-07-01"), None]


def test_phases_pass_by_time_and_tell_where_the_thing_should_lie():
    text = "closed, P1Y then P2Y then P7Y"
    asked = [
        one(text, "closed 2020-03-31", today=day(on)) for on in ("2021-03-31", "2021-04-01", "2023-04-01")
    ]

    assert [each.decisive.phase for each in asked] == [0, 1, 2]
    assert [each.decisive.lifecycle_phase for each in asked] == ["current", "semi_current", "archival"]
    assert [each.turns_on for each in asked] == [day("2021-04-01"), day("2023-04-01"), day("2030-04-01")]
    assert {each.due_on for each in asked} == {day("2030-04-01")}


def test_phase_after_a_transfer_counts_from_the_transfer():
    text = "closed, P2Y transfer_to then P1Y"
    facts = "closed 2020-06-30"
    early, done = (
        thing(facts, acts=[Act(RetentionAction.TRANSFER_TO, day(on))]) for on in ("2022-06-30", "2022-09-30")
    )

    before, too_early, after = (
        follow(each, by_class(rule("R", text))) for each in (thing(facts), early, done)
    )

    assert (before.decisive.action, before.due_on) == ("transfer_to", day("2022-07-01"))
    assert (too_early.decisive.action, too_early.due_on) == ("transfer_to", day("2022-07-01"))
    assert (after.decisive.action, after.due_on) == ("destroy", day("2023-10-01"))
    assert (after.decisive.phase, after.state) == (1, RetentionState.DUE)


@pytest.mark.parametrize(("done_on", "action"), [("2022-06-30", "review"), ("2022-07-01", "destroy")])
def test_act_counts_from_its_day_on(done_on, action):
    what = thing("closed 2020-06-30", acts=[Act(RetentionAction.REVIEW, day(done_on))])

    assert follow(what, by_class(rule("R", "closed, P2Y review then P9Y"))).decisive.action == action


def test_one_review_does_not_stand_for_two():
    what = thing("closed 2010-06-30", acts=[Act(RetentionAction.REVIEW, day("2020-05-05"))])

    found = follow(what, by_class(rule("R", "closed, P5Y review then closed, P8Y review then P1Y")))

    assert (found.decisive.phase, found.decisive.action, found.due_on) == (1, "review", day("2018-07-01"))


def test_thing_whose_last_action_was_carried_out_stays_due():
    what = thing("closed 2010-06-30", acts=[Act(RetentionAction.TRANSFER_TO, day("2020-05-05"))])

    found = follow(what, by_class(rule("R", "closed, P5Y transfer_to")))

    assert (found.state, found.due_on, found.decisive.phase) == ("due", day("2015-07-01"), 0)


def test_reproduction_of_one_medium_leads_on_only_there():
    done = Act(RetentionAction.REPRODUCE_THEN, day("2021-01-31"), PAPER)
    wording = rule("R", "closed, P0D reproduce_then then P1Y")

    found = follow(thing("closed 2020-06-30", media=BOTH, acts=[done]), by_class(wording))

    assert [each.action for each in found.media] == ["destroy", "reproduce_then"]
    assert [each.standing.due_on for each in found.media] == [day("2022-02-01"), day("2020-07-01")]


@pytest.mark.parametrize(
    ("texts", "decides"),
    [
        (["closed, P3Y", "closed, P5Y"], "R1"),
        (["closed, P5Y", "closed, P5Y"], "R0"),  # of equal ones the nearest
        (["closed, P900Y", "expired, P1D"], "R1"),
        (["expired, P1D", "until_decided review"], "R1"),
        (["until_decided review", "permanent keep_permanently"], "R1"),
        (["P1Y", "closed, P900Y"], "R0"),
    ],
)
def test_longest_rule_wins_and_what_has_no_day_beats_every_day(texts, decides):
    given = [by_folder(rule(f"R{number}", text), distance=number) for number, text in enumerate(texts)]

    found = follow("closed 2020-06-30", *given)

    assert found.decisive.rule.code == decides
    assert [step.code for step in found.explanation if isinstance(step, duesteps.Lost)] == [
        "R1" if decides == "R0" else "R0"
    ]


def test_rules_are_compared_by_their_last_action_and_none_is_overtaken():
    transfer_first = by_class(rule("A", "closed, P2Y transfer_to then P8Y"))
    shorter = by_folder(rule("B", "closed, P5Y"))

    found = follow("closed 2020-06-30", transfer_first, shorter)

    # B alone would let it be destroyed while A still keeps it; A alone would let it go to others before B
    assert (found.decisive.rule.code, found.decisive.action) == ("A", "transfer_to")
    assert found.due_on == day("2025-07-01")
    assert named(found.explanation)[-3:] == ["Lost", "HeldBack", "Concluded"]


def test_action_waits_for_the_trigger_of_a_shorter_rule():
    found = follow(
        "closed 2020-06-30",
        by_class(rule("A", "closed, P2Y transfer_to then permanent keep_permanently")),
        by_folder(rule("B", "expired, P1Y")),
    )

    assert (found.state, found.decisive.standing.waits_for) == (RetentionState.WAITING, ("expired",))
    assert found.decisive.action == "transfer_to"


def test_override_replaces_a_longer_rule():
    given = [by_class(rule("C", "closed, P50Y")), by_hand(rule("T", "permanent"), number=1)]

    found = follow("closed 2020-06-30", *given, override(rule("O", "closed, P1Y"), number=2))

    assert (found.decisive.rule.code, found.due_on) == ("O", day("2021-07-01"))
    assert named(found.explanation)[:2] == ["Replaced", "Replaced"]


@pytest.mark.parametrize(
    ("minimum", "facts", "latest_on", "is_conflict"),
    [
        ("closed, P5Y", "closed 2020-06-30", "2023-07-01", True),
        ("closed, P3Y", "closed 2020-06-30", "2023-07-01", False),  # on that day it may go, and must
        ("closed, P2Y", "closed 2020-06-30", "2023-07-01", False),
        ("permanent", "closed 2030-06-30", "2033-07-01", True),
        ("expired, P1Y", "closed 2030-06-30", "2033-07-01", False),  # that day has not come
        ("expired, P1Y", "closed 2021-05-14", "2024-05-15", True),  # it is today
        ("expired, P1Y", "closed 2021-05-15", "2024-05-16", False),
        ("closed, P5Y", "", None, False),
    ],
)
def test_maximum_before_the_minimum_is_a_conflict_for_a_person(minimum, facts, latest_on, is_conflict):
    least, most = by_class(rule("L", minimum)), by_class(maximum("M", "closed, P3Y"))

    found = follow(facts, least, most)

    assert found.decisive.latest_on == (latest_on and day(latest_on))
    assert (found.conflict is not None) == is_conflict
    assert found.due_on == follow(facts, least).due_on
    if found.conflict:
        assert (found.conflict.minimum.code, found.conflict.maximum.code) == ("L", "M")
        assert (found.conflict.due_on, found.conflict.latest_on) == (found.due_on, day(latest_on))


def test_earliest_of_several_maxima_counts():
    given = [by_class(maximum(f"M{years}", f"closed, P{years}Y"), years) for years in (5, 2, 9)]

    found = follow("closed 2020-06-30", by_class(rule("L", "closed, P3Y")), *given)

    assert found.conflict.maximum.code == "M2"
    assert found.decisive.latest_on == day("2022-07-01")


def test_media_follow_their_own_tracks_and_the_whole_goes_with_the_last():
    wording = rule("R", track("closed, P2Y", PAPER), track("closed, P9Y"))

    found = follow(thing("closed 2020-06-30", media=BOTH), by_class(wording))

    assert [(each.medium, each.state, each.standing.due_on) for each in found.media] == [
        (PAPER, "due", day("2022-07-01")),
        (ELECTRONIC, "running", day("2029-07-01")),
    ]
    assert (found.state, found.due_on, found.decisive.medium) == ("running", day("2029-07-01"), ELECTRONIC)
    assert named(found.explanation)[-1] == "LastToGo"


@pytest.mark.parametrize(
    ("media", "office_role", "tracks", "reason"),
    [
        ((), OfficeRole.PRIMARY, [track("permanent", PAPER), track("closed, P2Y")], Reason.UNKNOWN_MEDIUM),
        (
            (TrackMedium.ANY,),
            OfficeRole.PRIMARY,
            [track("closed, P2Y", PAPER), track("closed, P9Y")],
            Reason.UNKNOWN_MEDIUM,
        ),
        (
            (PAPER, TrackMedium.ANY),
            OfficeRole.PRIMARY,
            [track("closed, P2Y", PAPER), track("closed, P9Y")],
            Reason.UNKNOWN_MEDIUM,
        ),
        (
            (PAPER,),
            OfficeRole.ANY,
            [track("closed, P30Y", office_role=OfficeRole.PRIMARY), track("closed, P2Y")],
            Reason.UNKNOWN_OFFICE,
        ),
    ],
)
def test_thing_of_unknown_medium_or_office_has_no_day_where_the_track_rests_on_it(
    media, office_role, tracks, reason
):
    what = thing("closed 2010-06-30", media=media, office_role=office_role)

    found = follow(what, by_class(rule("R", *tracks)), by_folder(rule("S", "closed, P1Y")))

    assert (found.state, found.decisive.standing.reason) == (RetentionState.UNDETERMINED, reason)
    assert found.due_on is None


def test_thing_of_unknown_medium_and_office_has_a_day_where_nothing_rests_on_them():
    wording = rule("R", track("closed, P9Y", PAPER), track("closed, P9Y"))

    found = follow(thing("closed 2020-06-30", media=(), office_role=OfficeRole.ANY), by_class(wording))

    assert (found.decisive.medium, found.due_on) == (TrackMedium.ANY, day("2029-07-01"))


def test_explanation_goes_from_the_rule_to_the_day():
    found = follow(
        "closed 2019-03-01; closed revoked; closed 2020-01-01..2020-06-30; expired 2019-01-01",
        by_class(rule("R", "closed and expired, fiscal_year, P5Y")),
        by_folder(rule("S", "closed, P1Y")),
        by_class(maximum("M", "closed, P1Y")),
        fiscal_year=FiscalYear(9, 1),
    )

    assert named(found.explanation) == [
        "RuleApplied",
        "TrackTaken",
        "Revoked",
        "Happened",
        "Happened",
        "Chosen",
        "PutOff",
        "Summed",
        "DayAfter",
        "Lost",
        "Limited",
        "Conflicting",
        "Concluded",
    ]


def test_every_kind_of_step_has_its_sentence():
    assert set(duesentences._WRITERS) == set(get_args(duesteps.Step))


def test_day_of_the_outcome_is_asked_of_nobody_but_the_caller():
    found = [one("closed, P5Y", "closed 2020-06-30", today=on) for on in (date.min, date.max)]

    assert [each.state for each in found] == ["running", "due"]
