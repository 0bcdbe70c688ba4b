"""The rows of a source one after the other: each comes out once, entered or passed."""

from __future__ import annotations

import json

import pytest

from dms.rules import schedulesheets, schedulesources, sourcereadings, tracks
from dms.rules.retention import Bound
from dms.rules.scheduledoubles import RowFinding, Severity
from dms.rules.schedulerows import Finding
from dms.rules.schedulesheets import RuleLine, SheetFormat
from dms.rules.sourcereadings import EnteredRow, PassedRow, SourceReader
from dms.rules.states import RuleEntryState
from tests.schedulerows import ours

FIVE = "5 years after closed"


def read(reader, *made, name="a.json"):
    return list(reader.read(json.dumps(list(made)).encode(), name=name))


def test_rows_are_entered_or_passed_and_counted():
    reader = SourceReader()
    first, same, other, third = (
        ours(said)
        for said in ("5 years after closed", "5 years after closed", "6 years after closed", "blue")
    )

    found = read(reader, first, same, other, "no row", {**third, "code": "K"})

    assert [type(each) for each in found] == [EnteredRow, PassedRow, EnteredRow, PassedRow, EnteredRow]
    assert found[1].remark.code is RowFinding.DUPLICATE
    assert (found[2].number, found[2].contradicts) == ("17/GAR-01~2", "17/GAR-01")
    assert found[2].remark.severity is Severity.WARNING
    assert found[3].remark.severity is Severity.ERROR
    assert (reader.tally.parsed, reader.tally.needs_review) == (0, 3)


def test_contradiction_of_a_row_that_needs_review_changes_no_count():
    reader = SourceReader()

    read(reader, ours("blue"), ours("6 years after closed"))

    assert (reader.tally.parsed, reader.tally.needs_review) == (0, 2)


def test_file_that_cannot_be_opened_is_one_row():
    passed = SourceReader().refused("a.json", "a named pipe, not a file")

    assert (str(passed.remark.place), passed.remark.message) == ("a.json", "a named pipe, not a file")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.json", True),
        ("x/a.CSV", True),
        ("x/repository.json", False),
        (".a.json", False),
        ("notes.txt", False),
    ],
)
def test_files_of_a_schedule_are_told_by_their_names(name, told):
    assert sourcereadings.is_source(name) is told


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"number": "1", "rawText": ["x"]}, "`rawText` and `number` are no text"),
        ({"number": "1", "rawText": "{"}, None),
        ({"number": "1", "rawText": '{"a":1}'}, "`rawText`: the row is of no known layout"),
    ],
)
def test_export_whose_text_is_no_row_is_unreadable(row, message):
    (found,) = schedulesources.read(json.dumps([row]).encode(), name="a.json")

    assert isinstance(found, Finding)
    assert message is None or found.message == message


@pytest.mark.parametrize("kind", list(SheetFormat))
def test_rule_goes_out_and_comes_in(kind):
    raw_text = json.dumps(ours("5 years after closed"), separators=(",", ":"))
    made = tracks.written([])
    line = RuleLine(
        "=1",
        "=1",
        "T",
        None,
        "a\nb",
        Bound.MINIMUM,
        True,
        False,
        False,
        RuleEntryState.PARSED,
        "",
        made,
        raw_text,
    )
    known = line._replace(number="2", tracks='[{"a":1}]', reasons="flagged")

    data = schedulesheets.written([line, known], kind)

    assert [(row.key, row.raw_text) for row in schedulesources.read(data, name=f"a.{kind}")] == [
        ("=1", raw_text),
        ("2", raw_text),
    ]
    with pytest.raises(schedulesheets.Unfaithful):
        schedulesheets.written([line._replace(raw_text="{}")], kind)
