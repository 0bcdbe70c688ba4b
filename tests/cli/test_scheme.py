"""`dms scheme` as the shell runs it: classes in from files, an edition out again, and the same file twice."""

from __future__ import annotations

import contextlib

import pytest

from dms.house import open_house
from tests.desk import Desk
from tests.factories import World
from tests.services.schemes import Plan

FILE = """code,title,parent,scope_note
ADM,Administration,,All that runs the house
ADM-1,Meetings,ADM,
ADM-2,Supplies,ADM,
BAD,One,BAD
"""


@pytest.fixture
def office(dms, fresh_settings):
    """An installation with a records manager."""
    assert dms("migrate").code == 0
    with contextlib.closing(open_house(fresh_settings)) as house:
        world = World(house)
        world.officer("manager", role="records_manager")
        world.user("clerk")
        yield Plan(Desk(house, world))


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "plan.csv"
    path.write_text(FILE)
    return path


def test_file_is_taken_into_a_draft_once_and_what_is_in_doubt_is_told(dms, office, source):
    draft = office.draft()

    tried = dms("scheme", "import", str(source), "--as", "manager", "--dry-run", "--json")
    first = dms("scheme", "import", str(source), "--as", "manager", "--json")
    again = dms("scheme", "import", str(source), "--as", "manager", "--json")

    assert (tried.code, first.code, again.code) == (1, 1, 1)
    assert (tried.json()["added"], tried.json()["dryRun"]) == (3, True)
    assert [first.json()[name] for name in ("added", "changed", "unchanged")] == [3, 0, 0]
    assert [again.json()[name] for name in ("added", "changed", "unchanged")] == [0, 0, 3]
    assert [(each["line"], each["remark"]) for each in first.json()["findings"]] == [(5, "cycle")]
    rows = {row.code: row for row in draft.entries()}
    assert rows["ADM-2"].parent_id == rows["ADM"].class_id
    assert rows["ADM"].scope_note == "All that runs the house"


def test_changed_file_moves_and_words_classes_anew_and_leaves_the_rest(dms, office, source, tmp_path):
    draft = office.draft()
    dms("scheme", "import", str(source), "--as", "manager")
    other = tmp_path / "other.json"
    other.write_text('[{"code": "ADM-2", "title": "Stores", "parent": "ADM-1"}]')

    ran = dms("scheme", "import", str(other), "--as", "manager")

    assert (ran.code, ran.out) == (0, "0 added, 1 changed, 0 as they were\n")
    rows = {row.code: row for row in draft.entries()}
    assert (rows["ADM-2"].title, rows["ADM-2"].parent_id) == ("Stores", rows["ADM-1"].class_id)
    assert rows["ADM"].scope_note == "All that runs the house"


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_edition_that_is_written_out_is_read_back_without_a_change(dms, office, source, tmp_path, kind):
    draft = office.draft()
    dms("scheme", "import", str(source), "--as", "manager")
    target = tmp_path / f"out.{kind}"
    number = str(draft.row.number)

    written = dms(
        "scheme", "export", "--edition", number, "--format", kind, "--output", str(target), "--as", "clerk"
    )
    back = dms("scheme", "import", str(target), "--as", "manager", "--json")

    assert (written.code, back.code) == (0, 0)
    assert [back.json()[name] for name in ("added", "changed", "unchanged")] == [0, 0, 3]


def test_draft_is_begun_if_there_is_none(dms, office, source):
    ran = dms("scheme", "import", str(source), "--as", "manager", "--title", "New plan")

    assert ran.out.splitlines()[1] == "3 added, 0 changed, 0 as they were"


def test_import_needs_the_duty_and_a_draft_that_there_is(dms, office, source):
    without = dms("scheme", "import", str(source), "--as", "clerk")
    absent = dms("scheme", "import", str(source), "--as", "manager", "--edition", "99")

    assert (without.code, without.err) == (1, "dms: this needs the duty `schemes.manage`\n")
    assert absent.err == "dms: there is no draft with the number 99: see `schemeEditions`\n"
