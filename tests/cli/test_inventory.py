"""`dms inventory`: files of what an account may read, each part and the end of them recorded."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
import zipfile
from dataclasses import replace
from datetime import date

import openpyxl
import pytest

from dms.base.clock import Instant
from dms.base.errors import Invalid
from dms.base.ids import Kind, global_id
from dms.house import install, open_house
from dms.jobs import inventory, inventoryfiles
from dms.jobs.inventory import Wish
from dms.jobs.inventoryfiles import Format
from dms.models.aggregations import ArrangementLevel
from dms.rules.access import Action
from dms.rules.security import Mark
from tests.factories import World, actor
from tests.logged import logged

EVIL = '=HYPERLINK("http://example.org")'


@pytest.fixture(scope="module")
def town(settings):
    """A fonds with odd titles that `ana` may read in part, and an account that may read nothing."""
    install(settings)
    house = open_house(settings)
    world = World(house)
    ana, _ = world.user("ana", rank=200), world.user("ben", rank=200)
    top = world.aggregation(title="Fonds & more", level=ArrangementLevel.FONDS, reference_code="F1")
    world.entry(ana, top, Action.READ_METADATA)
    series = world.aggregation(
        top,
        title=EVIL,
        level=ArrangementLevel.OTHER,
        other_level="bundle",
        reference_code="F1/2",
        dates="1901",
        first_day=date(1901, 1, 1),
        last_day=date(1901, 12, 31),
    )
    papers = [
        world.document(series, title=title, mark=Mark(rank))
        for title, rank in [('Straße, "7"\nzwei', 100), ("-5", 200), ("Hidden", 300)]
    ]
    yield {"house": house, "world": world, "ana": ana, "top": top, "series": series, "papers": papers}
    house.close()


@pytest.fixture
def archive(town):
    """The same, and how many events there are before the test."""
    return {**town, "before": len(logged(town["house"].database))}


@pytest.fixture
def dms(settings, town, dms_on):
    """Commands on the town's installation."""
    with dms_on(settings) as run:
        yield run


def exported(archive, kind):
    """Bytes and report of an export that no command line made."""
    works = archive["house"].works
    target = io.BytesIO()
    wish = Wish("F1", kind, "ana")
    found = inventory.export(works, actor(archive["ana"]), wish, target=target, tell=lambda *_: None)
    return target.getvalue(), found


def events(archive, op="inventory.export"):
    found = logged(archive["house"].database)[archive["before"] :]
    return [one for one in found if one.fields["op"] == op]


def test_json_holds_head_and_lines(dms, archive):
    ran = dms("inventory", "--of", "F1", "--format", "json", "--as", "ana")

    found = ran.json()
    lines = found.pop("lines")
    assert ran.code == 0
    assert found["marking"] == "L200"
    assert found["of"] == {
        "id": global_id(Kind.AGGREGATION, archive["top"]),
        "referenceCode": "F1",
        "title": "Fonds & more",
    }
    assert (found["aggregations"], found["documents"], found["madeFor"]) == (1, 2, "ana")
    assert found["note"] == "It holds only what this account may read: there may be more."
    assert found["markings"] == {"OPEN": 2, "L200": 1}
    assert (found["firstDay"], found["lastDay"], found["levels"]) == (
        "1901-01-01",
        "1901-12-31",
        {"other": 1},
    )
    assert [line["title"] for line in lines] == [EVIL, 'Straße, "7"\nzwei', "-5"]
    assert lines[0] == {
        "referenceCode": "F1/2",
        "homeReferenceCode": "F1",
        "kind": "aggregation",
        "level": "bundle",
        "medium": None,
        "title": EVIL,
        "dates": "1901",
        "firstDay": "1901-01-01",
        "lastDay": "1901-12-31",
        "state": "open",
        "marking": "OPEN",
        "contentBytes": None,
        "id": global_id(Kind.AGGREGATION, archive["series"]),
    }
    assert (lines[1]["kind"], lines[1]["medium"], lines[1]["contentBytes"]) == ("document", "digital", 0)


def test_csv_escapes_what_a_spreadsheet_would_run(dms, archive):
    ran = dms("inventory", "--of", "F1", "--as", "ana")

    rows = list(csv.reader(io.StringIO(ran.out, newline="")))
    blank = rows.index([])
    head, titles, lines = dict(rows[:blank]), rows[blank + 1], rows[blank + 2 :]
    assert ran.code == 0
    assert (head["Marking"], head["Inventory"]) == ("L200", "Inventory of F1 Fonds & more")
    assert head["Note"] == inventoryfiles.NOTE
    assert titles == [column.title for column in inventoryfiles.COLUMNS]
    place = titles.index("Title")
    assert [line[place] for line in lines] == [f"'{EVIL}", 'Straße, "7"\nzwei', "'-5"]
    assert ran.out.endswith("\r\n")


def test_xlsx_holds_text_as_text(dms, archive, tmp_path):
    output = tmp_path / "inventory.xlsx"

    ran = dms("inventory", "--of", "F1", "--format", "xlsx", "--as", "ana", "--output", str(output))

    book = openpyxl.load_workbook(output)
    lines = [[cell.value for cell in row] for row in book["Lines"].iter_rows()]
    summary = {row[0].value: row[1].value for row in book["Summary"].iter_rows()}
    place = lines[0].index("Title")
    assert ran.code == 0
    assert [line[place] for line in lines[1:]] == [EVIL, 'Straße, "7"\nzwei', "-5"]
    assert {cell.data_type for row in book["Lines"].iter_rows() for cell in row} <= {"s", "n"}
    assert (summary["Marking"], summary["Documents"]) == ("L200", 2)
    assert book["Lines"].oddHeader.center.text == "L200"
    assert book["Summary"].oddHeader.center.text == "L200"


def test_whole_repository_needs_no_code(dms, archive):
    found = dms("inventory", "--format", "json", "--as", "ana").json()

    assert found["of"] is None
    assert [line["title"] for line in found["lines"]][:2] == ["Fonds & more", EVIL]


def test_each_part_and_the_end_are_events_of_the_account_and_the_operator(dms, archive, tmp_path):
    output = tmp_path / "inventory.csv"

    ran = dms("inventory", "--of", "F1", "--as", "ana", "--output", str(output))

    content = output.read_bytes()
    found = events(archive)
    released = {line[0] for lines in found[1].fields["released"]["metadata"].values() for line in lines}
    shown = {archive["top"], archive["series"], *archive["papers"][:2]}
    assert released == {each.hex for each in shown}
    assert found[-1].detail["exported"] == {
        "format": "csv",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "lines": 3,
        "marking": "L200",
    }
    assert found[-1].fields["bytes"] == len(content)
    assert {one.columns["actor_id"] for one in found} == {archive["ana"]}
    assert len({one.fields["request"] for one in found}) == 1
    assert all(one.detail["operator"] for one in found)
    assert hashlib.sha256(content).hexdigest() in ran.err


def test_file_is_for_its_maker_alone_and_leaves_nothing_beside_it(dms, archive, tmp_path):
    output = tmp_path / "inventory.csv"

    dms("inventory", "--of", "F1", "--as", "ana", "--output", str(output))

    assert list(tmp_path.iterdir()) == [output]
    assert output.stat().st_mode & 0o777 == 0o600


def test_file_that_is_there_is_never_replaced(dms, archive, tmp_path):
    output = tmp_path / "inventory.csv"
    output.write_text("mine")

    ran = dms("inventory", "--of", "F1", "--as", "ana", "--output", str(output))

    assert ran.code == 2
    assert f"`{output}` is there already: choose another name, or remove it" in ran.err
    assert output.read_text() == "mine"
    assert events(archive) == []


def test_folder_that_is_not_there_is_said(dms, archive, tmp_path):
    ran = dms("inventory", "--of", "F1", "--as", "ana", "--output", str(tmp_path / "no" / "inventory.csv"))

    assert ran.code == 2
    assert "cannot be made: No such file or directory" in ran.err


@pytest.mark.parametrize("code", ["F1", "F9"])
def test_hidden_and_absent_aggregations_are_refused_in_the_same_words(dms, archive, tmp_path, code):
    output = tmp_path / "inventory.csv"

    ran = dms("inventory", "--of", code, "--as", "ben", "--output", str(output))

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"dms: there is no Aggregation `{code}` that `ben` may read\n"
    assert list(tmp_path.iterdir()) == []
    assert [one.fields["outcome"] for one in events(archive)] == ["refused"]


def test_command_acts_for_nobody_unless_told(dms, archive, monkeypatch):
    ran = dms("inventory", "--of", "F1")
    monkeypatch.setenv("DMS_AS", "ana")

    assert ran.code == 2
    assert "say for which account: give `--as NAME`, or set DMS_AS" in ran.err
    assert dms("inventory", "--of", "F1").code == 0


def test_account_that_is_not_there_is_refused(dms, archive):
    ran = dms("inventory", "--of", "F1", "--as", "nobody")

    assert (ran.code, ran.out) == (1, "")
    assert "there is no account `nobody`" in ran.err


def test_xlsx_is_not_sent_to_a_terminal(dms, archive, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    ran = dms("inventory", "--of", "F1", "--as", "ana", "--format", "xlsx")

    assert ran.code == 2
    assert "give `--output FILE`" in ran.err


@pytest.mark.parametrize("kind", Format)
def test_equal_lines_at_an_equal_instant_give_equal_bytes(archive, kind):
    archive["house"] = replace(
        archive["house"],
        works=replace(archive["house"].works, clock=lambda: Instant(1_900_000_000_000_000)),
    )

    first, second = exported(archive, kind)[0], exported(archive, kind)[0]

    assert first == second
    if kind is Format.XLSX:
        assert {entry.date_time[0] for entry in zipfile.ZipFile(io.BytesIO(first)).infolist()} == {1980}


def test_sheet_that_would_be_too_long_is_refused_before_it_is_written(archive, monkeypatch):
    monkeypatch.setattr(inventory, "MAX_SHEET_LINES", 2)

    with pytest.raises(Invalid, match="^an xlsx sheet holds at most 2 lines, not 3: choose csv or json$"):
        exported(archive, Format.XLSX)


def test_long_marking_of_a_print_says_where_the_rest_is(archive):
    world = archive["world"]
    compartments = [world.compartment() for _ in range(40)]
    ana = world.user("cleared", rank=200, compartments=compartments)
    world.entry(ana, archive["top"], Action.READ_METADATA)
    world.document(archive["series"], mark=Mark(100, frozenset(compartments)))
    archive["ana"] = ana

    content, report = exported(archive, Format.XLSX)

    book = openpyxl.load_workbook(io.BytesIO(content))
    assert len(report.marking) > 200
    assert book["Summary"]["B1"].value == report.marking
    assert book["Lines"].oddHeader.center.text == report.marking[:200] + ".. (see sheet 1)"


def test_empty_inventory_is_a_file_too(dms, archive):
    found = dms("inventory", "--format", "json", "--as", "ben").json()

    assert (found["lines"], found["marking"], found["aggregations"]) == ([], None, 0)


def test_json_is_one_line_for_each_thing(dms, archive):
    ran = dms("inventory", "--of", "F1", "--format", "json", "--as", "ana")

    assert len(ran.out.splitlines()) == 5
    assert json.loads(ran.out.splitlines()[1].rstrip(","))["referenceCode"] == "F1/2"
