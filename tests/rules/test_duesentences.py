"""What a person reads of a due day."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dms.rules import duesentences
from dms.rules.calendars import FiscalYear
from dms.rules.duefacts import Act
from dms.rules.duerules import Reason
from dms.rules.duesteps import RetentionState, Standing
from dms.rules.retention import OfficeRole, RetentionAction, RetentionTrack, Span, TrackMedium
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
from tests.duewordings import phase as phase_of

BOTH = (TrackMedium.PAPER, TrackMedium.ELECTRONIC)


def told(what, *assignments, **asked):
    return list(duesentences.sentences(follow(what, *assignments, **asked).explanation))


def test_plain_rule_is_told_from_the_trigger_to_the_day():
    assert told("closed 2020-06-30", by_class(rule("4.1", "closed, P5Y"))) == [
        "Rule `4.1` decides, given by its class.",
        "Its track for any medium and any office is taken, as no other one fits more closely.",
        "Phase 1: closing is 2020-06-30.",
        "Counting 5 years from 2020-06-30 gives 2025-06-30, the last day of the period.",
        "From the day after, 2025-07-01, it may be destroyed.",
        "It is due on 2025-07-01.",
    ]


def test_revoked_rough_and_several_days_are_told_with_what_counts():
    wording = rule("R", track("closed and custom:contract_ended, fiscal_year, P1Y6M", TrackMedium.PAPER))
    facts = (
        "closed 2018-01-01; closed revoked; closed 2020-01-01..2020-12-31; custom:contract_ended 2019-05-05"
    )

    assert told(facts, by_hand(wording), fiscal_year=FiscalYear(9, 1)) == [
        "Rule `R` decides, set on the thing itself.",
        "Its track for paper and any office is taken, as it names the medium.",
        "Closing on 2018-01-01 was revoked and does not count.",
        "Phase 1: closing is between 2020-01-01 and 2020-12-31; the last possible day counts.",
        "Phase 1: the event `contract ended` is 2019-05-05.",
        "Of its triggers the latest counts: closing, 2020-12-31.",
        "The period counts from the end of the fiscal year, which begins on 09-01: 2021-08-31.",
        "Counting 1 year, 6 months from 2021-08-31 gives 2023-02-28, the last day of the period.",
        "From the day after, 2023-03-01, it may be destroyed.",
        "It is due since 2023-03-01.",
    ]


def test_phases_are_told_with_how_they_ended():
    what = thing("closed 2020-08-31", acts=[Act(RetentionAction.REVIEW, day("2022-06-01"))])
    text = "closed, P6M then P6M review then calendar_year, P0D then expired, P1D"

    assert told(what, by_folder(rule("R", text.replace("P0D then", "P0D next_phase then"))))[2:] == [
        "Phase 1: closing is 2020-08-31.",
        "Counting 6 months from 2020-08-31 gives 2021-02-28, the last day of the period.",
        "From the day after, 2021-03-01, the next phase begins.",
        "Phase 1 is over since 2021-03-01.",
        "Phase 2 goes on from 2020-08-31, with the 6 months counted before it.",
        "Counting 12 months from 2020-08-31 gives 2021-08-31, the last day of the period.",
        "From the day after, 2021-09-01, it may be reviewed.",
        "Phase 2 ended with the review on 2022-06-01.",
        "Phase 3 goes on from 2022-06-01, where the one before it ended.",
        "The period counts from the end of the calendar year: 2022-12-31.",
        "Counting no time from 2022-12-31 gives 2022-12-31, the last day of the period.",
        "From the day after, 2023-01-01, the next phase begins.",
        "Phase 3 is over since 2023-01-01.",
        "Phase 4 waits for expiry.",
        "It waits for expiry.",
    ]


def test_several_rules_are_told_with_why_they_lost():
    given = [
        by_class(rule("C", "closed, P9Y")),
        by_class(rule("D", "closed, P2Y transfer_to then P10Y"), 5),
        by_folder(rule("E", "closed, P12Y"), 3),
        override(rule("F", "closed, P1Y"), distance=4),
    ]

    assert told("closed 2020-06-30", *given[:3])[5:] == [
        "Rule `C`, given by its class, is shorter than it and decides nothing: it gives 2029-07-01.",
        "Rule `D`, given by its class, is shorter than it and decides nothing: it gives 2032-07-01.",
        "It is due on 2032-07-01.",
    ]
    assert told("closed 2020-06-30", *given[:2])[5:] == [
        "Rule `C`, given by its class, is shorter than it and decides nothing: it gives 2029-07-01.",
        "The action waits for rule `C` too: 2029-07-01.",
        "It is due on 2029-07-01.",
    ]
    assert told("closed 2020-06-30", given[0], given[3])[:2] == [
        "Rule `C` is replaced by `F`, an override set on what it lies in.",
        "Rule `F` decides, as an override set on what it lies in.",
    ]


def test_maxima_and_conflicts_are_told():
    given = [by_class(rule("L", "closed, P5Y")), by_class(maximum("M", "closed, P3Y"))]

    assert told("closed 2021-06-30", *given, by_class(maximum("N", "permanent"), 7))[5:] == [
        "Rule `M`, given by its class, is a maximum; it may be kept until the day before 2024-07-01.",
        "Rule `N`, given by its class, is a maximum; it sets no day ever, as it is kept permanently.",
        "A person must decide: by `M` it may not be kept from 2024-07-01 on, by `L` it must be.",
        "It is due on 2026-07-01.",
    ]


def test_media_are_told_one_after_the_other():
    wording = rule("R", track("permanent", TrackMedium.ELECTRONIC), track("created, P0D", TrackMedium.PAPER))

    assert told(thing("created 2030-01-01", media=BOTH), by_class(wording)) == [
        "Of paper:",
        "Rule `R` decides, given by its class.",
        "Its track for paper and any office is taken, as it names the medium.",
        "Phase 1: creation is 2030-01-01, a day that is still to come.",
        "Counting no time from 2030-01-01 gives 2030-01-01, the last day of the period.",
        "From the day after, 2030-01-02, it may be destroyed.",
        "It is due on 2030-01-02.",
        "Of electronic:",
        "Rule `R` decides, given by its class.",
        "Its track for electronic and any office is taken, as it names the medium.",
        "Phase 1 is permanent.",
        "It is kept permanently.",
        "The whole follows electronic, which must stay longest: no day ever, as it is kept permanently.",
    ]


@pytest.mark.parametrize(
    ("text", "facts", "last"),
    [
        ("P1Y", "", "No day can be told: the rule does not say from when the period counts."),
        ("until_decided review", "", "Phase 1 lasts until a person decides."),
        ("closed and expired and received, P1Y", "", "Phase 1 waits for closing, expiry and receipt."),
        ("closed or expired, P1Y", "", "Phase 1 waits for closing or expiry."),
        ("closed, P1Y", "closed 9999-01-01", "No day can be told: the period would end after the year 9999."),
    ],
)
def test_what_has_no_day_is_told_with_the_reason(text, facts, last):
    assert told(facts, by_class(rule("R", text)))[-2] == last


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ("closed ..2019-12-31", "Phase 1: closing is not after 2019-12-31; the last possible day counts."),
        ("closed 2001-01-01", "Of expiry no day is known; the earliest counts, and one is."),
        (
            "closed 2001-01-01; expired 2000-01-01..; expired revoked",
            "Expiry without a last day was revoked and does not count.",
        ),
    ],
)
def test_days_that_are_not_there_are_told(facts, sentence):
    assert sentence in told(facts, by_class(rule("R", "closed or expired, P1Y")))


def test_phase_that_would_end_before_the_former_one_is_told():
    facts = "closed 2020-01-01; expired 2020-01-01"

    assert told(facts, by_class(rule("R", "closed, P9Y then expired, P1Y")))[-2:] == [
        "Phase 2 cannot end before the one before it: 2029-01-02.",
        "It is due on 2029-01-02.",
    ]


def test_rule_in_review_and_thing_without_a_rule_are_told():
    assert told("", by_class(rule("R", "closed, P1Y", needs_review=("no_period",)))) == [
        "Rule `R` decides, given by its class.",
        "A person must read the source of this rule first (no_period): it tells no day.",
        "It stays, as no day can be told.",
    ]
    assert told("") == [
        "No day can be told: no rule bears on it.",
        "It stays, as no day can be told.",
    ]


def test_track_of_an_office_is_told():
    wording = rule("R", track("closed, P1Y", TrackMedium.ANY, OfficeRole.PRIMARY))

    assert told("", by_class(wording))[1] == (
        "Its track for any medium and the primary office is taken, as it names the office."
    )


def test_track_that_says_the_same_as_all_others_is_told():
    wording = rule("R", track("closed, P1Y", TrackMedium.PAPER), "closed, P1Y")

    assert told(thing("", media=()), by_class(wording))[1] == (
        "Its track for any medium and any office is taken, as all that may fit say the same."
    )


@pytest.mark.parametrize(
    ("what", "wording", "sentence"),
    [
        (
            thing("", media=()),
            rule("R", track("closed, P1Y", TrackMedium.PAPER), "closed, P2Y"),
            "No day can be told: its medium is not known, and the track of the rule rests on it.",
        ),
        (
            thing("", office_role=OfficeRole.ANY),
            rule("R", track("closed, P1Y", office_role=OfficeRole.PRIMARY), "closed, P2Y"),
            "No day can be told: the role of its office is not known, and the track of the rule rests on it.",
        ),
        (
            thing(""),
            rule("R", "closed, P1Y destroy then permanent"),
            "No day can be told: the rule goes on after a phase that destroys.",
        ),
    ],
)
def test_what_is_not_known_or_cannot_be_meant_is_told(what, wording, sentence):
    assert told(what, by_class(wording))[-2:] == [sentence, "It stays, as no day can be told."]


def test_action_is_told_with_what_the_rule_adds():
    phase = replace(phase_of("closed, P1Y transfer_to"), detail="State Archives")

    assert told("closed 2020-06-30", by_class(rule("R", RetentionTrack((phase,)))))[-2] == (
        "From the day after, 2021-07-01, it may be transferred (State Archives)."
    )


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (Standing(RetentionState.RUNNING, day("2030-01-01")), "2030-01-01"),
        (
            Standing(RetentionState.WAITING, waits_for=("closed", "expired")),
            "no day before closing and expiry",
        ),
        (Standing(RetentionState.UNDETERMINED, reason=Reason.NO_RULE), "no day, as no rule bears on it"),
        (Standing(RetentionState.PERMANENT), "no day ever, as it is kept permanently"),
    ],
)
def test_standing_is_told_in_words(standing, words):
    assert duesentences.standing(standing) == words


@pytest.mark.parametrize(
    ("span", "words"),
    [(Span(1, 1, 1), "1 year, 1 month, 1 day"), (Span(5, 0, 30), "5 years, 30 days"), (Span(), "no time")],
)
def test_periods_are_told_in_words(span, words):
    assert duesentences.period(span) == words
