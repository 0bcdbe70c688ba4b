"""Reading the rule of a row: every form, every reason for review, and no period that is not in the text."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.rules import schedulecolumns, scheduledoubles, schedules, schedulewords
from dms.rules.retention import Endless, LifecyclePhase, RetentionAction, Span, TrackMedium
from dms.rules.scheduleclauses import Reason
from dms.rules.schedulerows import FindingCode, Role
from dms.rules.schedules import ParseState
from tests.schedulerows import TABLE, nested, older, ours, reading, rows

AC = "Closed (or terminated, completed, expired, or settled)"


def told(made):
    """The tracks of a reading, short: medium, period, triggers, which, cut-off, action, detail."""
    read = reading(made)
    assert read.reasons == ()
    assert read.state is ParseState.PARSED
    return [
        (
            track.medium.value,
            str(phase.period),
            "+".join(phase.triggers),
            phase.which.value,
            phase.cut_off.value,
            phase.action.value,
            phase.detail,
        )
        for track in read.tracks
        for phase in track.phases
    ]


def one(period, trigger, action="review", *, which="latest", cut_off="exact", detail=""):
    return [("any", period, trigger, which, cut_off, action, detail)]


def reasons(made):
    read = reading(made)
    assert read.state is ParseState.NEEDS_REVIEW
    assert read.tracks == ()
    return [reason.value for reason in read.reasons]


@pytest.mark.parametrize(
    ("retention", "expected"),
    [
        ("AC + 3", one("P3Y", "closed")),
        ("FE+7", one("P7Y", "dated", cut_off="fiscal_year")),
        ("CE + 90 days", one("P90D", "dated", cut_off="calendar_year")),
        ("AV", one("P0D", "value_ended")),
        ("PM", one("permanent", "", "keep_permanently")),
        ("permanent", one("permanent", "", "keep_permanently")),
        ("Keep permanently.", one("permanent", "", "keep_permanently")),
        ("until superseded", one("P0D", "superseded")),
        ("Retain until superseded, then shred", one("P0D", "superseded", "destroy", detail="shred")),
        ("Retain until closed plus 2 years. Destroy", one("P2Y", "closed", "destroy")),
        ("Retain from creation, and for 2 years", one("P2Y", "created")),
        ("5 years after closed", one("P5Y", "closed")),
        ("Keep for at least six (6) years from the date of receipt", one("P6Y", "received")),
        ("Retain twenty-five years following registration; destroy", one("P25Y", "registered", "destroy")),
        ("one year and 6 months after last action", one("P1Y6M", "last_action")),
        ("2 weeks after closed", one("P14D", "closed")),
        ("one hundred years after closed", one("P100Y", "closed")),
        ("0 years after closed", one("P0D", "closed")),
        ("for the life of the asset", one("P0D", "asset_gone")),
        ("Retain for\nuseful life.", one("P0D", "value_ended")),
        ("destroy 5 years after closed", one("P5Y", "closed", "destroy")),
        ("Shred records when superseded", one("P0D", "superseded", "destroy", detail="shred")),
        (
            "Transfer to the county museum 10 years after closed",
            one("P10Y", "closed", "transfer_to", detail="county museum"),
        ),
        (
            "3 years after the end of the fiscal year in which the records were created",
            one("P3Y", "created", cut_off="fiscal_year"),
        ),
        ("1 year after audit or last action, whichever is later", one("P1Y", "custom:audited+last_action")),
        (
            "1 year after audit or last action, whichever comes first",
            one("P1Y", "custom:audited+last_action", which="earliest"),
        ),
        ("until the earlier of closed and audited", one("P0D", "closed+custom:audited", which="earliest")),
    ],
)
def test_sentence_of_our_own_layout_is_understood_whole(retention, expected):
    assert told(ours(retention)) == expected


@pytest.mark.parametrize(
    ("retention", "expected"),
    [
        ("US", ["no_period"]),
        ("until", ["no_period", "unknown_code"]),
        ("from creation", ["no_period"]),
        ("destroy after closed", ["no_period", "unknown_code"]),
        ("destroy after 5 years after closed", ["unknown_code"]),
        (".", ["no_period"]),
        ("5 years", ["no_trigger"]),
        ("Keep 5 years", ["no_trigger"]),
        ("destroy in office after 5 years", ["no_trigger"]),
        ("transfer to archives after 10 years", ["no_trigger"]),
        ("999 years after closed", ["sentinel_period"]),
        ("2 years after closed or 5 years after audit", ["several_periods", "unknown_code"]),
        (
            "2 years after closed or 5 years after audit, whichever is longer",
            ["several_periods", "later_of_unknown"],
        ),
        ("until closed or the moon falls, whichever is later", ["later_of_unknown"]),
        ("until closed or audited, whichever is wetter", ["later_of_unknown"]),
        ("until closed or audited, whichever is later, or so", ["later_of_unknown"]),
        ("until closed or audited", ["later_of_unknown"]),
        ("5 years after closed, whichever is later", ["later_of_unknown"]),
        ("5 years, whichever is longer", ["no_trigger", "later_of_unknown"]),
        ("5 years after closed or completed, whichever is later", ["later_of_unknown"]),
        ("until the later of closed and completed", ["later_of_unknown"]),
        ("until the later of closed", ["later_of_unknown"]),
        ("5 years after closed or until audited", ["later_of_unknown"]),
        ("Retain until superseded or 2 years", ["unknown_code"]),
        ("until rain or shine", ["unknown_code"]),
        (
            "5 years after the later of closed and end of fiscal year",
            ["later_of_unknown"],
        ),
        ("See the general schedule", ["refers_elsewhere"]),
        ("Transfer to the personnel file", ["refers_elsewhere"]),
        ("______ years after closed", ["no_period", "blank_in_source", "unknown_code"]),
        ("until superseded. Agency policy: ________", ["blank_in_source"]),
        ("XX + 3", ["unknown_code"]),
        ("XX + 3 years", ["unknown_code"]),
        ("XX", ["no_period", "unknown_code"]),
        ("PM + 3 years", ["unknown_code"]),
        ("five years after the moon falls", ["unknown_code"]),
        ("5 years after the end of the fiscal year in which it rained", ["unknown_code"]),
        ("5 years after closed, then think again", ["unknown_code"]),
        ("5 years after closed, then transfer to archives, then destroy", ["unknown_code"]),
        ("5 years after closed, then transfer to archives or destroy", ["unknown_code"]),
        ("5 years after closed, then transfer to archives and destroy", ["unknown_code"]),
        ("5 years after closed, then transfer to archives until audited", ["unknown_code"]),
        ("5 years after closed. Transfer to archives, destroy", ["unknown_code"]),
        ("Transfer to archives or vault 3 years after closed", ["unknown_code"]),
        ("Transfer to archives 5 years after closed, then destroy", ["unknown_code"]),
        ("Transfer to the pond: deep end 5 years after closed", ["unknown_code"]),
        ("Paper: see the other list; Electronic: 5 years after closed", ["refers_elsewhere"]),
        ("5 years after closed thence", ["unknown_code"]),
        ("3 fiscal years after closed", ["unknown_code"]),
        ("six (7) years after closed", ["unknown_code"]),
        ("2.5 years after closed", ["no_period", "unknown_code"]),
        ("5 to 7 years after closed", ["unknown_code"]),
        ("do not keep 5 years after closed", ["unknown_code"]),
        ("for useful\x01life", ["no_period", "unknown_code"]),
    ],
)
def test_what_is_not_wholly_understood_needs_review(retention, expected):
    assert reasons(ours(retention)) == expected


def test_rule_without_words_is_blank_in_source():
    assert reasons(ours("  ")) == ["blank_in_source"]
    assert reasons(nested("tx")) == ["blank_in_source"]


def test_row_without_title_is_blank_in_source():
    assert reasons(ours("AC + 3", title=" ")) == ["blank_in_source"]


def test_what_was_understood_stands_beside_the_reasons():
    read = reading(ours("3 fiscal years after closed"))

    assert read.triggers == ("closed",)
    assert [(each.words, each.period) for each in read.periods] == [("3 fiscal years", Span(years=3))]


def test_each_medium_has_a_track_of_its_own():
    made = ours(
        "Paper: 2 years after closed; Electronic: permanent. Microfilm: until superseded",
        disposal="Paper: shred; Electronic: permanent",
    )

    assert told(made) == [
        ("paper", "P2Y", "closed", "latest", "exact", "destroy", "shred"),
        ("electronic", "permanent", "", "latest", "exact", "keep_permanently", ""),
        ("microform", "P0D", "superseded", "latest", "exact", "review", ""),
    ]


def test_medium_named_twice_needs_review():
    assert reasons(ours("Paper: 2 years after closed; Paper: 3 years after closed")) == ["several_periods"]


def test_place_of_each_period_is_kept_with_its_words():
    made = ours('Paper: "2 years" after closed;\nElectronic: five years after closed', title="Tür\t\x01")

    read = reading(made)

    assert [each.words for each in read.periods] == ["2 years", "five years"]
    assert all(
        read.row.raw_text[each.start : each.end] == each.words and each.words in json.dumps(made)
        for each in read.periods
    )


@pytest.mark.parametrize(
    ("disposal", "expected"),
    [
        ("destroy", one("P5Y", "closed", "destroy")),
        ("review", one("P5Y", "closed", "review")),
        ("Archives", one("P5Y", "closed", "transfer_to", detail="archives")),
        ("transfer to Orchard House", one("P5Y", "closed", "transfer_to", detail="orchard house")),
        ("Transfer to State Archives", one("P5Y", "closed", "transfer_to", detail="state archives")),
    ],
)
def test_disposal_of_its_own_column_is_read(disposal, expected):
    assert told(ours("5 years after closed", disposal=disposal)) == expected


@pytest.mark.parametrize(
    ("retention", "disposal", "expected"),
    [
        ("5 years after closed", "sell", ["unknown_code"]),
        ("5 years after closed", "transfer to archives if asked", ["unknown_code"]),
        ("5 years after closed", "transfer to archives unless empty", ["unknown_code"]),
        ("5 years after closed", "transfer to archives when full", ["unknown_code"]),
        ("5 years after closed", "transfer to archives after audit", ["unknown_code"]),
        ("5 years after closed", "transfer to archives/destroy", ["unknown_code"]),
        ("5 years after closed", "permanent", ["several_periods"]),
        ("5 years after closed, then destroy", "archives", ["unknown_code"]),
        ("5 years after closed", "destroy after 3 years", ["several_periods", "unknown_code"]),
        ("5 years after closed", "Paper: shred", ["unknown_code"]),
        ("permanent", "destroy", ["several_periods"]),
    ],
)
def test_disposal_that_is_against_the_rule_needs_review(retention, disposal, expected):
    assert reasons(ours(retention, disposal=disposal)) == expected


def test_permanent_record_that_goes_to_the_archives_stays_permanent_there():
    assert told(ours("permanent", disposal="archives")) == one(
        "permanent", "", "keep_permanently", detail="archives"
    )


def test_letters_and_years_of_texas_are_one_rule():
    assert told(nested("tx", letters="AC", event=AC, years=3)) == one("P3Y", "closed")
    assert told(nested("tx", letters="FE", event="Fiscal Year End", years=0)) == one(
        "P0D", "dated", cut_off="fiscal_year"
    )
    assert told(nested("tx", letters="LA", event="", months=6)) == one("P6M", "asset_gone")
    assert told(nested("tx", letters="AC", event=f"{AC} 90 days", days="90")) == one("P90D", "closed")
    assert told(nested("tx", letters="CR", event="Creation", weeks="2")) == one("P14D", "created")


def test_position_of_a_column_shows_its_name():
    read = reading(nested("tx", letters="AC", event=AC, days="90"))

    assert [each.words for each in read.periods] == ['"retention_days":"90"']


def test_as_long_as_needs_no_number():
    made = nested("tx", letters="AV", event="As Long as Administratively Valuable")

    assert told(made) == one("P0D", "value_ended")
    assert [each.words for each in reading(made).periods] == ["As Long as Administratively Valuable"]


def test_letters_that_mean_until_stand_for_themselves():
    made = nested("tx", letters="AV")

    assert told(made) == one("P0D", "value_ended")
    assert [each.words for each in reading(made).periods] == ["AV"]


def test_999_beside_the_word_is_permanent():
    expected = one("permanent", "", "keep_permanently")

    assert told(nested("tx", letters="PM", event="Permanent", years=999)) == expected
    assert told(nested("tx", letters="PM", years=999)) == expected
    assert told(nested("oh", event="Permanent", years=999)) == expected
    assert told(nested("nc", event="PERMANENT (appraisal required) ∞", years=999)) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"letters": "AC", "event": AC}, ["no_period"]),
        ({"letters": "US", "event": "Superseded"}, ["no_period"]),
        ({"event": "closed"}, ["no_period"]),
        ({"event": "2 years", "years": 2}, ["no_trigger"]),
        ({"event": "in office", "years": 2}, ["no_trigger"]),
        ({"event": "2 years"}, ["no_trigger"]),
        ({"letters": "AC", "event": AC, "years": 999}, ["no_period", "sentinel_period"]),
        ({"event": "closed", "years": 999}, ["no_period", "sentinel_period"]),
        ({"event": "441", "years": 1855}, ["no_period", "sentinel_period", "unknown_code"]),
        ({"letters": "AC", "event": AC, "years": 3, "months": 6}, ["several_periods"]),
        ({"letters": "AC", "event": f"{AC} 90 days", "days": "30"}, ["several_periods"]),
        ({"letters": "PM", "event": "Permanent", "years": 5}, ["several_periods"]),
        ({"letters": "PM", "event": "Superseded", "years": 5}, ["no_period", "unknown_code"]),
        ({"letters": "AC", "event": "Superseded", "years": 5}, ["unknown_code"]),
        ({"letters": "AC", "event": f"{AC} and", "years": 5}, ["unknown_code"]),
        ({"letters": "SEE", "event": "5", "years": 2}, ["unknown_code"]),
        ({"letters": "AC", "event": AC, "years": "some"}, ["unknown_code"]),
    ],
)
def test_columns_that_do_not_make_one_rule_need_review(fields, expected):
    assert reasons(nested("tx", **fields)) == expected


@pytest.mark.parametrize(
    ("remark", "expected"),
    [
        ("If paper is scanned, it may be shredded after 6 months.", ["several_periods", "later_of_unknown"]),
        ("Minutes are kept permanently.", ["several_periods"]),
        ("The old rule was FE+3.", ["several_periods"]),
        ("AC = end of the season.", ["unknown_code"]),
        ("Must be retained until the suit is over.", ["later_of_unknown"]),
        ("Keep with the parcel, whichever ends last", ["later_of_unknown"]),
        ("Destroy when scanned.", ["later_of_unknown"]),
        ("Same retention as GAR-02.", ["refers_elsewhere"]),
        ("Retain in accordance with GAR-02.", ["refers_elsewhere"]),
        ("In a lawsuit the forms must be kept according\nto the terms of GAR-02.", ["refers_elsewhere"]),
        ("See GAR-02 for retention.", ["refers_elsewhere"]),
        ("See Note 2.", ["refers_elsewhere"]),
    ],
)
def test_remark_against_the_rule_needs_review(remark, expected):
    assert reasons(nested("tx", letters="AC", event=AC, years=5, remark=remark)) == expected


@pytest.mark.parametrize(
    "remark",
    [
        "Some are archival; transfer to the county museum.",
        "Of historical value.",
        "NOTE: do not\npurge the drawings",
        "Exception: the roses.",
        "Unless the gardener objects.",
        "Minors until age of consent.",
        "Count litigation files apart.",
        "The museum looks at them before disposal.",
    ],
)
def test_remark_that_may_keep_records_from_destruction_needs_review(remark):
    fields = {"letters": "AC", "event": AC, "years": 3, "remark": remark}

    assert reasons(nested("tx", action="Destroy", **fields)) == ["unknown_code"]
    assert told(nested("tx", **fields)) == one("P3Y", "closed")


def test_remark_that_keeps_nothing_from_destruction_leaves_it():
    made = nested("tx", letters="AC", event=AC, years=3, action="Destroy", remark="Vital record. Donotella.")

    assert told(made) == one("P3Y", "closed", "destroy")


@pytest.mark.parametrize(
    "remark",
    [
        "See GAR-02 for seeds.",
        "Exceeds the AC of others: AC + 5.",
        "Vital record.",
        "Plan of 1999.",
        "XY = Z, XY 3",
        "AC = Closed.",
    ],
)
def test_remark_about_anything_else_is_none_of_the_rule(remark):
    assert told(nested("tx", letters="AC", event=AC, years=5, remark=remark)) == one("P5Y", "closed")


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("The museum must keep these for 3 years.", ["several_periods"]),
        ("Held permanently.", ["several_periods"]),
        ("garbled AC 2 lines", ["several_periods"]),
        ("Kept in accordance with GAR-02.", ["refers_elsewhere"]),
    ],
)
def test_description_that_speaks_of_keeping_needs_review(description, expected):
    assert reasons(nested("tx", letters="AC", event=AC, years=5, description=description)) == expected


def test_description_may_name_any_period_of_the_world():
    made = nested("tx", letters="AC", event=AC, years=5, description="Five-year plans. Seeds are stored dry.")

    assert told(made) == one("P5Y", "closed")


def test_permanent_record_may_be_said_to_be_permanent_twice():
    made = nested(
        "tx", letters="PM", event="Permanent", years=999, description="Held permanently.", remark="Forever!"
    )

    assert told(made) == one("permanent", "", "keep_permanently")


def test_columns_of_north_carolina_lose_their_marks():
    assert told(nested("nc", event="Complete : ΩTHEN: *", years=5)) == one("P5Y", "closed")
    assert told(nested("nc", event="FROM: Creation", years=1)) == one("P1Y", "created")


def test_remark_of_north_carolina_is_an_instruction():
    legacy = "Legacy Item Number mapped to Functional Schedule chapter 07."

    assert reasons(nested("nc", event="Complete", years=5, remark="Count them.")) == ["unknown_code"]
    assert told(nested("nc", event="Complete", years=5, remark=legacy)) == one("P5Y", "closed")


def test_custody_of_permanent_records_is_a_phase_of_its_own():
    said = (
        "Transfer to the State Records Center when reference value ends "
        "for immediate transfer to the custody of the Archives."
    )

    read = reading(nested("nc", event="PERMANENT (archival) ∞", years=999, remark=said))

    (track,) = read.tracks
    first, last = track.phases
    assert (first.triggers, first.period, first.action) == (
        ("value_ended",),
        Span(),
        RetentionAction.TRANSFER_TO,
    )
    assert (last.lifecycle_phase, last.period) == (LifecyclePhase.ARCHIVAL, Endless.PERMANENT)
    assert [each.words for each in read.periods] == ["PERMANENT", "when"]


def test_custody_at_an_unknown_event_needs_review():
    said = (
        "Transfer to State Records Center when it rains "
        "for immediate transfer to the custody of the Archives."
    )

    assert reasons(nested("nc", event="Permanent", years=999, remark=said)) == ["unknown_code"]


def test_sentence_and_column_of_the_older_layout_agree():
    said = "RETAIN UNTIL: Complete PLUS: 5 years ΩTHEN: Destroy*"

    assert told(older(said, years=5)) == one("P5Y", "closed", "destroy")
    assert told(older(said)) == one("P5Y", "closed", "destroy")
    assert reasons(older(said, years=3)) == ["several_periods"]
    assert reasons(older(said, years=999)) == ["sentinel_period"]
    assert reasons(older("SEE FUNCTIONAL SCHEDULE")) == ["refers_elsewhere"]


def test_sentence_of_alabama_rules_and_its_letters_fill_the_gap():
    audit = 'Temporary Record. Retain 1 year after audit. **Next files**[]{.indexref entry="Next"}'

    assert told(nested("al", event="CR", years=1, action=audit)) == one("P1Y", "custom:audited")
    assert told(nested("al", event="CR", years=3, action="Temporary Record. Retain 3 years.")) == one(
        "P3Y", "created"
    )
    assert reasons(nested("al", event="PM", years=999, action="Temporary Record. Retain 3 years.")) == [
        "no_trigger",
        "sentinel_period",
    ]
    assert reasons(nested("al", event="AC", action="Retain 5 years, whichever is later")) == [
        "no_trigger",
        "later_of_unknown",
    ]
    assert told(nested("al", event="PM", years=999, action="PERMANENT RECORD. Retain in office.")) == one(
        "permanent", "", "keep_permanently"
    )


def test_several_media_with_one_period_between_them_need_review():
    made = nested("oh", event="Paper: case is closed ; Electronic", years=5, action="Paper: Shred")

    assert reasons(made) == ["no_trigger", "several_media_one_period"]


def test_medium_of_ohio_keeps_its_method():
    made = nested("oh", event="Paper: In office, case is closed", years=5, action="Paper: Wastepaper")

    assert told(made) == [("paper", "P5Y", "closed", "latest", "exact", "destroy", "wastepaper")]


def test_words_before_the_first_medium_leave_the_text_whole():
    assert reasons(ours("Copies. Paper: 2 years after closed")) == ["unknown_code"]


def test_equal_rows_are_equal_duplicates_though_written_otherwise():
    readings = [
        reading(nested("nc", event="Complete", years=5)),
        reading(older("RETAIN UNTIL: Complete PLUS: 5 years THEN: Destroy", years=5)),
        reading(older("RETAIN UNTIL: Complete PLUS: 6 years THEN: Destroy", years=6)),
        reading(ours("5 years after closed", code="GAR-02")),
    ]

    same, other = scheduledoubles.duplicates(readings)

    assert (same.code, same.is_equal, str(same.same_as)) == (
        FindingCode.DUPLICATE,
        True,
        "garden.json, row 1",
    )
    assert same.message == "`17/GAR-01` stands already in garden.json, row 1, and asks for the same"
    assert (other.is_equal, other.message[-11:]) == (False, "and differs")


def test_every_row_is_counted_once():
    found = rows(ours("5 years after closed"), ours("5 years"), ours("5 years"), "no row", name="a.json")
    readings = [schedules.read_rule(row, TABLE) for row in found[:3]]
    findings = [found[3], *scheduledoubles.duplicates(readings)]

    tally = schedules.report(readings, findings, source="garden")["garden"]

    assert (tally.rows, tally.parsed, tally.needs_review, tally.refused, tally.duplicates) == (4, 1, 2, 1, 2)
    assert tally.reasons == {Reason.NO_TRIGGER: 2, Reason.UNREADABLE_ROW: 1}
    assert set(schedules.report(readings, findings)) == {"dms", ""}


LINE = """
retain keep until after from closed superseded audit or and whichever is later then destroy permanent
Paper: Electronic: ; . , 5 999 years six (6) months + AC FE US PM the end of fiscal year see ____ 0 days
transfer to archives when * Ω for useful life ﬁ İ
"""
WORDS = st.sampled_from([*LINE.split(), "\n", "\x00"])
TEXTS = st.text() | st.lists(WORDS, max_size=14).map(" ".join)


@given(
    TEXTS, TEXTS, TEXTS, st.sampled_from(["tx", "nc", "al", "oh", "dms", "older"]), st.none() | st.integers()
)
def test_every_text_gives_a_reading_whose_periods_stand_in_it(said, done, remark, layout, years):
    if layout == "dms":
        made = ours(said, disposal=done, remarks=remark)
    elif layout == "older":
        made = older(said, years=years, action=done, remark=remark)
    else:
        made = nested(layout, event=said, years=years, action=done, remark=remark)
    try:
        json.dumps(made, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return  # half a surrogate pair: no JSON

    read = reading(made)

    assert (read.state is ParseState.PARSED) == (not read.reasons) == bool(read.tracks)
    for each in read.periods:
        assert read.row.raw_text[each.start : each.end] == each.words
        assert is_worded(each)
    found = {each.period for each in read.periods}
    assert all(phase.period in found for track in read.tracks for phase in track.phases)


def is_worded(each):
    """Whether a period is said by its words, by a reader of its own."""
    words = each.words.lower()
    if each.period is Endless.PERMANENT:
        return "permanent" in words or words == "pm"
    if each.period == Span():
        return any(word in words for word in ("until", "when", "life", "as long as", "0", "av"))
    numbers = [each.period.years, each.period.months, each.period.days, each.period.days // 7]
    return any(number and str(number) in words for number in numbers) or any(
        word in words for word, number in schedulewords.NUMBERS.items() if number
    )


@pytest.mark.parametrize(
    "said",
    [
        "until ",
        "whichever ",
        "5 years ",
        "(((((",
        "___",
        "one ",
        "Paper: ",
        "destroy, ",
        "***",
        "then ",
        "   ",
        ":Ω",
    ],
)
def test_long_text_costs_in_proportion(said):
    shorter, longer = 4_000, 32_000

    def took(size):
        made = nested("tx", event=said * (size // len(said)), remark=said * (size // len(said)), years=3)
        (row,) = rows(made)
        start = time.process_time()
        schedules.read_rule(row, TABLE)
        return time.process_time() - start

    assert took(longer) < 40 * max(took(shorter), 0.002)


def test_row_without_the_columns_of_a_period_has_none():
    (row,) = rows(ours("AC + 3"))

    assert schedulecolumns.columns(row) == []
    assert row.passage(Role.YEARS) is None
    assert [track.medium for track in schedules.read_rule(row, TABLE).tracks] == [TrackMedium.ANY]
