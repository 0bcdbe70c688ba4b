"""What a rule says in an edition: entered from a row, resolved without inventing, compared and bound."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.errors import Invalid
from dms.rules import ruleentries, scheduledoubles, tracks
from dms.rules.retention import Bound
from dms.rules.ruleentries import RuleDifference, Sentences, Wording
from dms.rules.scheduleclauses import Reason
from dms.rules.states import RuleEntryState
from tests.duewordings import track
from tests.schedulerows import ours, reading

RULE = UUID(int=1)
SAID = Wording(
    RULE,
    "1",
    "Tax",
    None,
    None,
    Bound.MINIMUM,
    is_vital=False,
    has_personal_information=False,
    is_confidential=False,
    raw_text='{"retention":"5 years"}',
    state=RuleEntryState.PARSED,
    tracks="[]",
)


def resolved(*said, text="5 years after closed, 24 months after audit", periods="[]", periods_from=None):
    return ruleentries.resolved(
        tuple(map(track, said)), raw_text=text, periods=periods, periods_from=periods_from
    )


def test_row_that_is_understood_is_entered_as_parsed():
    values = ruleentries.entered(reading(ours("5 years after closed", disposal="destroy")))

    assert values["state"] is RuleEntryState.PARSED
    assert values["tracks"] == tracks.written([track("closed, P5Y destroy")])
    assert (values["reasons"], values["triggers"]) == ("", "closed")
    assert values["source_digest"] == ruleentries.source_digest(str(values["raw_text"]))


def test_doubt_beside_a_row_makes_it_a_persons():
    values = ruleentries.entered(reading(ours("5 years after closed")), doubts=[Reason.CONTRADICTED])

    assert (values["state"], values["reasons"]) == (RuleEntryState.NEEDS_REVIEW, "contradicted")
    assert values["tracks"] == tracks.NONE
    assert values["periods"] != tracks.NONE


@given(st.text(max_size=400))
def test_number_is_short_clean_and_of_its_key_alone(key):
    number = ruleentries.number(key)

    assert len(number) <= ruleentries.MAX_NUMBER
    assert "\x00" not in number
    assert ruleentries.number(key) == number


def test_long_keys_that_begin_alike_have_numbers_of_their_own():
    one, other = (ruleentries.number("x" * 300 + end) for end in "ab")

    assert one != other
    assert ruleentries.number("tx/1.1.001") == "tx/1.1.001"


def test_text_of_a_source_is_shown_without_controls_and_cut():
    assert ruleentries.shown("a\x00b\ud800c") == "a b c"
    assert ruleentries.shown("abcdef", limit=4) == "abc…"


def test_rule_of_a_person_is_read_like_a_row():
    read = ruleentries.written(Sentences("1", "Tax", "permanent", citations="Act 5; Act 6"))

    assert read.row.citations == ("Act 5", "Act 6")
    assert read.row.code == "1"
    assert [each.words for each in read.periods] == ["permanent"]


@pytest.mark.parametrize(
    "said",
    [
        "closed, P5Y destroy",
        "closed, P2Y destroy",
        "closed, P24M destroy",
        "until_decided review",
    ],
)
def test_period_that_stands_in_the_text_is_taken(said):
    assert resolved(said) == tracks.written([track(said)])


@pytest.mark.parametrize("said", ["closed, P7Y destroy", "permanent keep_permanently", "closed, P0D destroy"])
def test_period_that_does_not_stand_there_needs_a_source(said):
    with pytest.raises(Invalid, match="does not stand in the text of the rule: say in `periodsFrom`"):
        resolved(said)

    assert resolved(said, periods_from="the law")


def test_column_sentinel_and_words_for_at_once_count_as_standing():
    column = '{"retention_years":30}'

    assert resolved("closed, P30Y destroy", text=column, periods='[[19,21,"P30Y"]]')
    assert resolved("superseded, P0D destroy", text="until superseded")
    assert resolved("closed, P0D destroy", text="x", periods='[[0,1,"P0D"]]')
    assert resolved("permanent keep_permanently", text="Permanent record")


def test_tracks_without_a_day_are_no_reading():
    with pytest.raises(Invalid, match="`no_next_phase`"):
        resolved("closed, P5Y next_phase")


def test_approval_is_bound_to_what_is_said_and_not_to_how_it_is_understood():
    def digest(row, heading=("1",)):
        return ruleentries.edition_digest([row], heading=heading)

    assert digest(SAID) == digest(SAID._replace(state=RuleEntryState.PROPOSED, tracks="[1]"))
    for name, other in (
        ("rule_id", UUID(int=2)),
        ("code", "2"),
        ("title", "x"),
        ("description", "x"),
        ("citations", "x"),
        ("bound", Bound.MAXIMUM),
        ("is_vital", True),
        ("has_personal_information", True),
        ("is_confidential", True),
        ("raw_text", "x"),
    ):
        assert digest(SAID) != digest(SAID._replace(**{name: other})), name
    assert digest(SAID) != digest(SAID, heading=("2",))


def test_order_of_rules_does_not_matter_to_an_approval():
    rows = [SAID, SAID._replace(rule_id=UUID(int=2))]

    one, other = (ruleentries.edition_digest(each, heading=()) for each in (rows, rows[::-1]))

    assert one == other


def test_editions_are_compared_by_rule():
    moved = SAID._replace(code="9", title="x", raw_text="x", is_vital=True, tracks="x")
    gone, new = (SAID._replace(rule_id=UUID(int=number), code=str(number)) for number in (2, 3))

    found = ruleentries.compare([SAID, gone], [moved, new])

    assert [(each.rule_id.int, each.differences) for each in found] == [
        (2, (RuleDifference.REMOVED,)),
        (3, (RuleDifference.ADDED,)),
        (
            1,
            (
                RuleDifference.RECODED,
                RuleDifference.RETITLED,
                RuleDifference.REWORDED,
                RuleDifference.REBOUND,
                RuleDifference.REREAD,
            ),
        ),
    ]
    assert ruleentries.compare([SAID], [SAID]) == ()


def test_rows_that_are_called_the_same_are_told_apart():
    doubles = scheduledoubles.Doubles()
    rows = [ours(said) for said in ("5 years after closed", "6 years after closed", "5 years after closed")]
    readings = [reading(row) for row in (*rows, ours("7 years after closed"))]

    found = [doubles.seen(each) for each in readings]

    key = readings[0].row.key
    assert found[0] is None
    assert [(each.key, each.finding.is_equal) for each in found[1:]] == [
        (f"{key}~2", False),
        (key, True),
        (f"{key}~3", False),
    ]


def test_key_that_a_source_made_itself_is_not_given_again():
    doubles = scheduledoubles.Doubles()
    first = reading(ours("5 years after closed", code="A"))
    taken = reading(ours("5 years after closed", code="A~2"))
    other = reading(ours("6 years after closed", code="A"))

    doubles.seen(taken)
    doubles.seen(first)

    assert doubles.seen(other).key == f"{first.row.key}~3"
