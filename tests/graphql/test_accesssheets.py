"""`accessListImport`: a report line by line, and nothing half done."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import parse, validate

from dms.base.ids import Kind, global_id, new_id
from dms.graphql.schema import whole_schema
from dms.rules.access import Action
from tests.recorded import last_of

EXAMPLE = (
    Path(__file__).resolve().parents[2] / "schema" / "operations" / "officer" / "accesslist-import.graphql"
)
IMPORT = EXAMPLE.read_text(encoding="utf-8")
HEAD = "principal_kind,principal,node_kind,node_id,action,effect,valid_until,reason"


@pytest.fixture(scope="module")
def ana(world):
    return world.user("file-ana")


@pytest.fixture
def line(world, ana):
    node = global_id(Kind.AGGREGATION, world.aggregation())
    return f"user,file-ana,aggregation,{node},%s,allow,%s,works on it"


def ask(api, who, *lines, dry_run=False):
    text = "\n".join([HEAD, *lines])
    reply = api.ask(IMPORT, {"csv": text, "dryRun": dry_run}, as_user=who)
    return reply.data["accessListImport"]


def test_example_is_an_operation_of_the_schema():
    assert validate(whole_schema().core, parse(IMPORT)) == []


def test_file_is_written_and_every_line_told(api, officer, line):
    answer = ask(api, officer, line % ("EDIT", ""), line % ("FILE", "2031-05-04T10:00:00Z"))

    assert answer["errors"] == []
    report = answer["report"]
    assert (report["isWritten"], report["granted"], report["refused"]) == (True, 2, 0)
    assert [(each["line"], each["change"], each["problems"]) for each in report["lines"]] == [
        (2, "GRANT", []),
        (3, "GRANT", []),
    ]
    assert all(each["entryId"] for each in report["lines"])


def test_refused_line_stands_in_the_errors_and_in_the_report(api, officer, line):
    answer = ask(api, officer, line % ("EDIT", ""), line % ("edit", ""))

    assert answer["errors"] == [
        {
            "__typename": "ValidationError",
            "code": "VALIDATION",
            "message": "`edit` is no action",
            "path": ["action"],
        }
    ]
    assert (answer["report"]["isWritten"], answer["report"]["refused"]) == (False, 1)
    assert answer["report"]["lines"][1]["problems"] == [
        {"code": "VALIDATION", "column": "action", "message": "`edit` is no action", "remedy": "write `EDIT`"}
    ]


def test_dry_run_reports_without_an_error_and_without_a_change(api, officer, line):
    answer = ask(api, officer, line % ("EDIT", ""), line % ("edit", ""), dry_run=True)

    assert answer["errors"] == []
    assert (answer["report"]["isDryRun"], answer["report"]["isWritten"]) == (True, False)
    assert (answer["report"]["granted"], answer["report"]["refused"]) == (1, 1)
    assert last_of(api.house, officer)["changed"] == []


def test_file_that_cannot_be_read_is_an_error_without_a_report(api, officer):
    reply = api.ask(IMPORT, {"csv": "a;b", "dryRun": True}, as_user=officer)

    answer = reply.data["accessListImport"]
    assert answer["report"] is None
    assert [(error["code"], error["path"]) for error in answer["errors"]] == [("VALIDATION", ["csv"])]


def test_hidden_node_is_answered_like_an_absent_one_and_like_a_malformed_one(api, world, ana):
    stranger = world.user()
    nodes = [global_id(Kind.AGGREGATION, each) for each in (world.aggregation(), new_id())]

    answers = [
        ask(api, stranger, f"user,file-ana,aggregation,{node},EDIT,allow,,x") for node in (*nodes, "x")
    ]

    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["errors"][0]["__typename"] == "NotFoundError"


def test_manager_learns_which_lines_are_beyond_him(api, world, ana, line):
    manager, place = world.user(), world.aggregation()
    world.entry(manager, place, Action.MANAGE_ACCESS)
    node = global_id(Kind.AGGREGATION, place)

    answer = ask(api, manager, f"user,file-ana,aggregation,{node},EDIT,allow,,x")

    assert [error["__typename"] for error in answer["errors"]] == ["DeniedError"]
