"""The shapes in which events leave."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.rules import logexports
from dms.rules.accessevents import Body, Disclosure, Head, Outcome, Place, Refusal, Release, Share
from dms.rules.logexports import Entry, Gap, Statement

STATEMENT = Statement("archive.example/log/1", "note\n", 10, 2, 8, newer=1, gaps=[Gap(UUID(int=7), 3, 2)])


def head(**values):
    return Head(
        **{
            "at": 1_700_000_000_000_000,
            "writer": UUID(int=1),
            "request": "request",
            "actor_id": UUID(int=2),
            "actor_kind": "user",
            "session": None,
            "roles": ["reader"],
            "clearance": None,
            "ops": ["document.list"],
            "text_sha256": None,
            "outcome": Outcome.RELEASED,
            "reason": None,
            "policy_revision": 5,
            "policy_files": None,
            "withheld": 0,
            "bytes_sent": None,
            "aggregates": 0,
            **values,
        }
    )


def entry(told=None, **values):
    values = {"body": b'{"v":1}', "leaf_hash": "ab" * 32, **values}
    return Entry(3, UUID(int=9), told=told, **values)


def told(share=None, **values):
    return Body(head(**values), share or Share(), Place(UUID(int=9), 4))


def test_line_holds_the_exact_bytes_of_body_and_detail():
    body, detail = '{"é":"\N{SNOWMAN}"}'.encode(), b'{"a":"\\u0000"}'

    line = json.loads(logexports.event_line(entry(body=body, sealed=(b"\1\2", detail)), [b"\0" * 32]))

    assert line == {
        "index": 3,
        "body": body.decode(),
        "detail": {"salt": "0102", "detail": detail.decode()},
        "path": ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="],
    }


def test_body_that_is_no_text_still_leaves_and_proves_nothing():
    line = json.loads(logexports.event_line(entry(body=b"\xff"), None))

    assert hashlib.sha256(line["body"].encode()).digest() != hashlib.sha256(b"\xff").digest()
    assert "path" not in line


def test_header_says_what_is_inside_and_how_complete_it_is():
    found = json.loads(logexports.header(STATEMENT, selection={"actor": "x"}, count=4))

    assert found == {
        "format": "dms-access-log/1",
        "origin": "archive.example/log/1",
        "checkpoint": "note\n",
        "size": 10,
        "first": 2,
        "last": 8,
        "selection": {"actor": "x"},
        "count": 4,
        "newer": 1,
        "pruned": 0,
        "gaps": [[UUID(int=7).hex, 3, 2]],
    }


def test_cell_that_a_spreadsheet_would_run_is_made_safe():
    hostile = entry(told(), source={"user_agent": '=cmd|"x"!A1', "address": "10.0.0.1"}, actor_name="@evil")

    raw = logexports.sheet_header(with_objects=False) + logexports.sheet_rows(hostile, with_objects=False)

    (row,) = csv.DictReader(io.StringIO(raw.decode(), newline=""))
    assert (row["user_agent"], row["actor"]) == ('\'=cmd|"x"!A1', "'@evil")
    assert raw.endswith(b"\r\n")


def test_each_object_has_a_row_with_the_columns_of_its_event():
    share = Share(
        released=[Release(UUID(int=20), 3, Disclosure.CONTENT, 1, UUID(int=30))],
        refused=[Refusal(UUID(int=21), "READ_CONTENT", "no_entry", exists=True)],
    )
    raw = logexports.sheet_header(with_objects=True)
    raw += logexports.sheet_rows(entry(told(share), markings={1: "SECRET"}), with_objects=True)

    shown, refused = csv.DictReader(io.StringIO(raw.decode(), newline=""))

    assert (shown["relation"], shown["marking"], shown["revision_after"]) == ("released", "SECRET", "3")
    assert shown["class_id"] == UUID(int=30).hex
    assert (refused["relation"], refused["refusal_reason"], refused["exists"]) == (
        "refused",
        "no_entry",
        "true",
    )
    assert shown["event_id"] == refused["event_id"] == UUID(int=9).hex


@pytest.mark.parametrize("with_objects", [True, False])
def test_event_without_objects_or_without_a_readable_body_has_a_row_of_its_own(with_objects):
    for each in (entry(told()), entry(fault="event_body")):
        raw = logexports.sheet_header(with_objects=with_objects)
        raw += logexports.sheet_rows(each, with_objects=with_objects)

        (row,) = csv.DictReader(io.StringIO(raw.decode(), newline=""))
        assert (row["index"], row["fault"]) == ("3", each.fault or "")
        assert None not in row.values()


@given(st.lists(st.lists(st.integers(1, 60))))
def test_runs_hold_the_numbers_and_nothing_else(parts):
    runs = []
    for part in parts:
        runs = logexports.merged(runs, part)

    held = {number for low, high in runs for number in range(low, high + 1)}
    assert held == {number for part in parts for number in part}
    assert all(end + 1 < begin for (_, end), (begin, _) in itertools.pairwise(runs))


@given(st.sets(st.integers(1, 60), min_size=1))
def test_holes_are_what_is_missing_between_the_first_and_the_last(numbers):
    runs = logexports.merged([], list(numbers))

    holes = logexports.holes(runs, low=min(numbers), high=max(numbers))

    missing = {first + step for first, count in holes for step in range(count)}
    assert missing == set(range(min(numbers), max(numbers))) - numbers


def test_hole_outside_of_the_range_does_not_count():
    runs = [(1, 2), (5, 6), (9, 9)]

    assert logexports.holes(runs, low=5, high=6) == []
    assert logexports.holes(runs, low=5, high=9) == [(7, 2)]
