"""`dms policy test`: policy files against the real engine, and files that cannot be understood."""

from __future__ import annotations

import importlib
import logging
import re
import sys
import tempfile
from pathlib import Path

import pytest

from dms.base import resources
from dms.cli import main
from dms.rules.access import Action, Reason
from dms.rules.policytests import Difference, Expectation, Found, Subjects, Told, Way, judge
from tests.cli.conftest import Ran

TESTS = resources.folder("policies") / "tests"

GOOD = """
now: 2026-11-21T09:00:00Z
principals: {ana: [], ben: ["role:auditor"]}
clearances: {ana: open, ben: open}
aggregations: {F1: null}
documents: {D1: {in: F1}, D2: {in: F1}}
entries:
  all: {principal: ana, node: F1, action: READ_METADATA, effect: allow}
  not: {principal: ana, node: D2, action: DISCOVER, effect: deny}
expect:
  - {who: ana, action: READ_METADATA, may: [D1], count: 1}
  - {who: ana, action: DISCOVER, of: aggregations, may: [F1]}
  - {who: ben, duties: [log.read, log.export, policy.read]}
"""


YAML = "tag:yaml.org,2002"
NO_TAG = "is not taken: write plain text"
NO_INSTANT = "must be a date and time with its offset, such as `2026-11-21T09:00:00Z`"
ACCOUNT = "account (a principal with a line in `clearances`)"
KNOWN = "write one of ana, ben"


@pytest.fixture
def dms(capsys):
    """Commands that need no installation."""
    root, ours = logging.getLogger(), logging.getLogger("dms")
    before = (root.handlers, root.level, ours.level)

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        return Ran(ended.value.code, *capsys.readouterr())

    yield run
    root.handlers, root.level, ours.level = before
    logging.captureWarnings(False)


@pytest.fixture
def file(tmp_path):
    def write(text, name="test.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_file_that_is_met_is_told_line_by_line(dms, file):
    path = file(GOOD)

    ran = dms("policy", "test", path)

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        str(path),
        "  ok     expect.1 ana READ_METADATA: D1",
        "  ok     expect.2 ana DISCOVER aggregations: F1",
        "  ok     expect.3 ben holds log.export, log.read, policy.read",
        "1 files, 3 expectations: all as expected",
    ]


def test_failed_expectation_shows_what_came_and_which_lines_decided(dms, file):
    text = GOOD.replace("may: [D1], count: 1", "because: {D2: [all]}").replace("[log.read, log.export, ", "[")
    ran = dms("policy", "test", file(text.replace("may: [F1]", "count: 2")))

    assert ran.code == 1
    assert ran.out.splitlines()[1:] == [
        "  FAILED expect.1 ana READ_METADATA",
        "           D2 expected because of lines all; came because of lines all, not",
        "             D2: denied; all (allow READ_METADATA to ana on F1), not (deny DISCOVER to ana on D2)",
        "  FAILED expect.2 ana DISCOVER aggregations",
        "           expected a count of 2; came 1",
        "  FAILED expect.3 ben holds policy.read",
        "           expected policy.read; came log.export, log.read, policy.read",
        "1 files, 3 expectations: 3 not as expected",
    ]


def test_line_of_a_role_and_the_lack_of_any_are_told_in_words(dms, file):
    text = """
now: 2026-11-21T09:00:00Z
principals: {ana: ["role:security_officer"]}
clearances: {ana: open}
aggregations: {F1: null}
documents: {D1: {in: F1}}
expect:
  - {who: ana, action: MANAGE_ACCESS, may: []}
  - {who: ana, action: EDIT, may: [D1]}
  - {who: ana, action: EDIT, because: {D1: allowed}}
  - {who: ana, action: MANAGE_ACCESS, because: {D1: []}}
"""

    lines = dms("policy", "test", file(text)).out.splitlines()

    office = "role:security_officer:MANAGE_ACCESS"
    in_words = "(allow MANAGE_ACCESS to the role security_officer on the repository, from roles.toml)"
    assert lines[1:-1] == [
        "  FAILED expect.1 ana MANAGE_ACCESS: nothing",
        "           expected nothing; every way came to D1; too much D1",
        f"             D1: allowed; {office} {in_words}",
        "           expected a count of 0; came 1",
        "  FAILED expect.2 ana EDIT: D1",
        "           expected D1; every way came to nothing; missing D1",
        "             D1: no_entry; no line bears on it",
        "           expected a count of 1; came 0",
        "  FAILED expect.3 ana EDIT",
        "           D1 expected because of allowed; came because of no_entry",
        "             D1: no_entry; no line bears on it",
        "  FAILED expect.4 ana MANAGE_ACCESS",
        f"           D1 expected because of no line; came because of lines {office}",
        f"             D1: allowed; {office} {in_words}",
    ]


def test_json_holds_the_same_for_programs(dms, file):
    path = file(GOOD.replace("may: [D1], count: 1", "may: [D2]"))

    ran = dms("policy", "test", path, "--json")

    assert ran.code == 1
    found = ran.json()
    assert found["met"] is False
    assert found["files"][0]["file"] == str(path)
    assert found["files"][0]["expectations"][0] == {
        "place": "expect.1",
        "who": "ana",
        "action": "READ_METADATA",
        "met": False,
        "differences": [
            {
                "message": "expected D2; every way came to D1; missing D2; too much D1",
                "decisions": {
                    "D1": "allowed; all (allow READ_METADATA to ana on F1)",
                    "D2": "denied; all (allow READ_METADATA to ana on F1), not (deny DISCOVER to ana on D2)",
                },
            }
        ],
    }
    assert [each["met"] for each in found["files"][0]["expectations"]] == [False, True, True]
    assert found["files"][0]["expectations"][2]["action"] is None


def test_ways_that_part_are_told_apart_even_where_no_list_is_expected():
    expected = Expectation(
        "expect.1", "ana", Action.EDIT, Subjects.DOCUMENTS, 0, None, None, {"D1": frozenset({"1"})}
    )
    told = {"D1": Told(Reason.ALLOWED, frozenset({"1"}))}
    one, both = frozenset({"D1"}), frozenset({"D1", "D2"})
    allowed = {Way.CHECK: one, Way.CASBIN: one, Way.REFERENCE: one, Way.LIST: both}

    assert judge(expected, Found(allowed, 1, told)) == [
        Difference("expected D1; list came to D1, D2; too much D2", ("D2",))
    ]


def test_folder_stands_for_its_files_and_leaves_nothing_behind(dms, file, monkeypatch, tmp_path):
    file(GOOD, "b.yaml")
    file(GOOD, "a.yaml")
    file("no test", "note.txt")
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))

    ran = dms("policy", "test", tmp_path)

    assert [Path(line).name for line in ran.out.splitlines() if line.endswith(".yaml")] == [
        "a.yaml",
        "b.yaml",
    ]
    assert list(room.iterdir()) == []


def test_files_that_come_with_the_policy_are_met(dms):
    ran = dms("policy", "test")

    assert ran.code == 0, ran.out
    assert len([line for line in ran.out.splitlines() if line.endswith(".yaml")]) == len(
        list(TESTS.glob("*"))
    )


def test_example_of_the_officers_guide_is_met(dms, file):
    guide = (Path(__file__).resolve().parents[2] / "docs" / "users" / "officer.md").read_text(
        encoding="utf-8"
    )
    (example,) = re.findall(r"^```yaml\n(.*?)^```", guide, flags=re.MULTILINE | re.DOTALL)

    ran = dms("policy", "test", file(example))

    assert (ran.code, ran.out.splitlines()[-1]) == (0, "1 files, 5 expectations: all as expected")


def test_folder_without_any_file_is_wrong_usage(dms, tmp_path):
    ran = dms("policy", "test", tmp_path)

    assert ran.code == 2
    assert f"there is no file `*.yaml` in `{tmp_path}`" in ran.err


def test_file_that_is_not_there_is_wrong_usage(dms, tmp_path):
    assert dms("policy", "test", tmp_path / "none.yaml").code == 2


def test_all_bad_files_are_named_and_none_is_run(dms, file):
    one = file(GOOD.replace("effect: deny", "effect: Deny"), "1.yaml")
    two = file(GOOD, "2.yaml")
    three = file("[]", "3.yaml")

    ran = dms("policy", "test", one, two, three)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        f"dms: {one}: entries.not.effect: `Deny` is not one of these words: did you mean `deny`?",
        f"dms: {three}: must be a table (`name: ...`), not a list",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("now: [", "it is not YAML (line 1, column 7): expected the node content, but found '<stream end>'"),
        (
            GOOD + "now: 2027-01-01T00:00:00Z\n",
            "the key `now` stands here twice: only one of them would count (line 14, column 1)",
        ),
        (
            "now: !!python/object/apply:os.system [echo]",
            f"the tag `{YAML}:python/object/apply:os.system` {NO_TAG} (line 1, column 6)",
        ),
        (
            "now: !!int 5",
            f"the tag `{YAML}:int` {NO_TAG} (line 1, column 6)",
        ),
        ("a: &x [1]\nb: *x", "an anchor stands for it a second time: write it out (line 1, column 4)"),
        ("a: &x [*x]", "an anchor stands for it a second time: write it out (line 1, column 4)"),
        ("[a]: b", "a key must be one word (line 1, column 1)"),
        ("a: 1\n---\nb: 1", "it is not YAML (line 2, column 1): but found another document"),
        (b"\xff\xfe\x00", "it is not UTF-8 text: save it as UTF-8"),
        ("a: \x07", "it is not YAML: it holds characters that no text has"),
        ("[" * 5000, "it is nested too deep: write a flat table"),
        ("#" * (1 << 20) + "\n", "it is longer than 1048576 bytes: split it"),
        ("", "now: is missing"),
        ("now: null", "now: is missing"),
        (GOOD.replace("2026-11-21T09:00:00Z", "2026-11-21 09:00:00"), f"now: {NO_INSTANT}"),
        (GOOD.replace("who: ben", "who: nope"), f"expect.3.who: there is no {ACCOUNT} `nope`: {KNOWN}"),
    ],
)
def test_file_that_cannot_be_understood_says_where_and_why(dms, file, text, message):
    path = file(text)

    ran = dms("policy", "test", path)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"dms: {path}: {message}\n"


def test_file_that_cannot_be_read_says_so(dms, tmp_path):
    folder = tmp_path / "x.yaml"
    folder.mkdir()
    (folder / "y.yaml").mkdir()

    ran = dms("policy", "test", folder)

    assert ran.code == 2
    assert ran.err == f"dms: {folder / 'y.yaml'}: it cannot be read: Is a directory\n"


def test_words_that_yaml_takes_for_values_stay_words(dms, file):
    text = GOOD.replace("ana", "no").replace("D1", "1.0").replace("D2", "0x1F")

    assert dms("policy", "test", file(text)).code == 0


def test_without_pyyaml_it_says_how_to_get_it(dms, file, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    monkeypatch.delitem(sys.modules, "dms.cli.policyyaml", raising=False)
    monkeypatch.delattr(importlib.import_module("dms.cli"), "policyyaml", raising=False)

    ran = dms("policy", "test", file(GOOD))

    assert (ran.code, ran.out) == (3, "")
    assert ran.err == "dms: policy test files need `yaml`: run `pip install 'dms[policy]'`\n"
