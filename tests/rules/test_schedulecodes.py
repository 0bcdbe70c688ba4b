"""The code table: data that an installation may replace, and that is checked when it is read."""

from __future__ import annotations

import pytest

from dms.base.errors import Invalid
from dms.rules import scheduleclauses, schedulecodes
from dms.rules.retention import CutOff, Endless, RetentionAction, Span
from dms.rules.schedulecodes import Event, Letters


def test_table_that_comes_with_dms_knows_the_letters_of_its_sources():
    table = schedulecodes.table()

    assert sorted(table.codes) == ["AC", "AV", "CE", "CR", "CY", "FE", "FY", "LA", "PM", "SO", "US"]
    assert table.codes["FE"] == Letters(Event("dated", CutOff.FISCAL_YEAR), None)
    assert table.codes["AV"] == Letters(Event("value_ended"), Span())
    assert table.codes["PM"] == Letters(None, Endless.PERMANENT)
    assert table.events["end of fiscal year"] == Event("dated", CutOff.FISCAL_YEAR)
    assert table.actions["shred"] is RetentionAction.DESTROY


def test_table_of_an_installation_takes_the_place_of_ours():
    table = schedulecodes.table(
        """
        code.DE = { event = "custom:death", alone = "P0D" }
        event."custom:death" = ["Death of the member"]
        while.expired = ["while in force"]
        action.destroy = ["pulp"]
        """
    )

    clause = scheduleclauses.read("Keep 3 years after the death of the member, then pulp", table)

    assert (clause.period, clause.triggers, clause.detail) == (Span(years=3), ("custom:death",), "pulp")
    assert scheduleclauses.read("DE", table).period == Span()
    assert scheduleclauses.read("AC + 3", table).reasons == {scheduleclauses.Reason.UNKNOWN_CODE}
    assert scheduleclauses.read("while in force", table).triggers == ("expired",)


@pytest.mark.parametrize(
    ("toml", "meant"),
    [
        ("letters.AC = {}", "letters"),
        ("code = 1", "code"),
        ("code.AC = 1", "code.AC"),
        ("code.AC = {}", "code.AC"),
        ('code.AC = { trigger = "closed" }', "code.AC"),
        ('code.AC = { alone = "P3Y" }', "code.AC"),
        ('code.AC = { event = "closed", cut_off = "week" }', "week"),
        ("event.closed = 1", "event.closed"),
        ("event.closed = [1]", "event.closed"),
        ('event.closed = [" . "]', "event.closed"),
        ('cut_off.week = ["week end"]', "week"),
        ('action.sell = ["sell"]', "action.sell"),
    ],
)
def test_line_that_means_nothing_is_named(toml, meant):
    with pytest.raises(Invalid) as caught:
        schedulecodes.table(toml)

    assert caught.value.message == (
        f"`{meant}` means nothing in a code table: write it as the table that comes with dms does"
    )


@pytest.mark.parametrize(
    "toml", ['code.AC = { event = "ended" }', 'event.ended = ["x"]', 'while.ended = ["x"]']
)
def test_trigger_that_does_not_exist_is_refused(toml):
    with pytest.raises(Invalid, match="^`ended` is no trigger"):
        schedulecodes.table(toml)


def test_text_that_is_no_toml_is_refused():
    with pytest.raises(Invalid, match="^the code table is no TOML: "):
        schedulecodes.table("code = {")
