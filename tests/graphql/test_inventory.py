"""Inventories through the door."""

from __future__ import annotations

from datetime import date

import pytest

from dms.base.ids import Kind, global_id, new_id
from dms.models.aggregations import ArrangementLevel
from dms.rules.access import Action
from dms.rules.security import Mark
from tests.recorded import last_of

COUNTS = """
query ($of: InventoryOf) {
  inventory(of: $of) {
    aggregationId referenceCode title aggregationCount documentCount
    levels { level count } media { medium count }
    aggregationStates { state count } documentStates { state count }
    securityClassifications { securityClassification { marking } count }
    highestClassification { marking } firstDay lastDay contentBytes
  }
}
"""
LINES = """
query ($of: InventoryOf, $first: Int, $after: String, $last: Int, $before: String) {
  inventory(of: $of) {
    lines(first: $first, after: $after, last: $last, before: $before) {
      totalCount totalIsExact
      nodes {
        nodeId kind referenceCode homeReferenceCode title level medium aggregationState documentState marking
        dates firstDay lastDay contentBytes
      }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}
"""


@pytest.fixture
def reader(world):
    return world.user(rank=200)


@pytest.fixture
def fonds(world, reader):
    """A fonds with a series and three Documents, one of them hidden by its mark."""
    number = new_id().hex[-8:]
    code = f"G{number}"
    top = world.aggregation(title="Fonds", level=ArrangementLevel.FONDS, reference_code=code)
    world.entry(reader, top, Action.READ_METADATA)
    series = world.aggregation(
        top,
        title="Series",
        level=ArrangementLevel.SERIES,
        reference_code=f"{code}/1",
        dates="1901",
        first_day=date(1901, 1, 1),
        last_day=date(1901, 12, 31),
    )
    paper = world.document(series, title="Paper", mark=Mark(200))
    coded = world.document(series, title="Coded", reference_code=f"{code}/1/1")
    world.document(series, title="Hidden", mark=Mark(300))
    return {"code": code, "top": top, "series": series, "paper": paper, "coded": coded}


def by_id(fonds):
    return {"id": global_id(Kind.AGGREGATION, fonds["top"])}


def ask(api, who, text, of, **variables):
    return api.ask(text, {"of": of, **variables}, as_user=who).data["inventory"]


def test_counts_are_of_all_that_one_may_read(api, reader, fonds):
    found = ask(api, reader, COUNTS, by_id(fonds))

    assert found == {
        "aggregationId": global_id(Kind.AGGREGATION, fonds["top"]),
        "referenceCode": fonds["code"],
        "title": "Fonds",
        "aggregationCount": 1,
        "documentCount": 2,
        "levels": [{"level": "SERIES", "count": 1}],
        "media": [{"medium": "DIGITAL", "count": 2}],
        "aggregationStates": [{"state": "OPEN", "count": 1}],
        "documentStates": [{"state": "DRAFT", "count": 2}],
        "securityClassifications": [
            {"securityClassification": {"marking": "OPEN"}, "count": 2},
            {"securityClassification": {"marking": "L200"}, "count": 1},
        ],
        "highestClassification": {"marking": "L200"},
        "firstDay": "1901-01-01",
        "lastDay": "1901-12-31",
        "contentBytes": 0,
    }


def test_lines_stand_by_code(api, reader, fonds):
    found = ask(api, reader, LINES, {"referenceCode": fonds["code"]}, first=10)["lines"]

    assert [node["title"] for node in found["nodes"]] == ["Series", "Paper", "Coded"]
    assert (found["totalCount"], found["totalIsExact"]) == (3, True)
    series, paper, _ = found["nodes"]
    assert series == {
        "nodeId": global_id(Kind.AGGREGATION, fonds["series"]),
        "kind": "AGGREGATION",
        "referenceCode": f"{fonds['code']}/1",
        "homeReferenceCode": fonds["code"],
        "title": "Series",
        "level": "SERIES",
        "medium": None,
        "aggregationState": "OPEN",
        "documentState": None,
        "marking": "OPEN",
        "dates": "1901",
        "firstDay": "1901-01-01",
        "lastDay": "1901-12-31",
        "contentBytes": None,
    }
    assert (paper["medium"], paper["documentState"], paper["marking"], paper["contentBytes"]) == (
        "DIGITAL",
        "DRAFT",
        "L200",
        0,
    )


def test_pages_of_lines_follow_each_other(api, reader, fonds):
    of = by_id(fonds)
    first = ask(api, reader, LINES, of, first=2)["lines"]
    second = ask(api, reader, LINES, of, first=2, after=first["pageInfo"]["endCursor"])["lines"]
    back = ask(api, reader, LINES, of, last=2, before=second["pageInfo"]["startCursor"])["lines"]

    assert [node["title"] for node in second["nodes"]] == ["Coded"]
    assert back["nodes"] == first["nodes"]
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)


def test_cursor_of_another_aggregation_is_refused(api, reader, fonds):
    cursor = ask(api, reader, LINES, by_id(fonds), first=1)["lines"]["pageInfo"]["endCursor"]
    other = {"id": global_id(Kind.AGGREGATION, fonds["series"])}

    reply = api.ask(LINES, {"of": other, "first": 1, "after": cursor}, as_user=reader)

    assert reply.codes == ["CURSOR_INVALID"]


def test_answer_and_event_name_the_same_things(api, reader, fonds):
    ask(api, reader, LINES, by_id(fonds), first=10)

    found = last_of(api.house, reader)
    released = {line[0] for lines in found["released"]["metadata"].values() for line in lines}
    assert released == {fonds[name].hex for name in ("top", "series", "paper", "coded")}
    assert found["op"] == "inventory.read"


def test_counts_alone_release_only_the_aggregation_asked_for(api, reader, fonds):
    ask(api, reader, COUNTS, by_id(fonds))

    found = last_of(api.house, reader)
    released = {line[0] for lines in found["released"]["metadata"].values() for line in lines}
    assert released == {fonds["top"].hex}
    assert found["aggregate"] == 2


def test_whole_repository_shows_without_naming_anything(api, reader, fonds):
    found = ask(api, reader, COUNTS, None)

    assert (found["aggregationId"], found["title"]) == (None, None)
    assert (found["aggregationCount"], found["documentCount"]) == (2, 2)


def test_hidden_absent_and_malformed_are_the_same_null(api, world, fonds):
    stranger = world.user()
    asked = [by_id(fonds), {"id": global_id(Kind.AGGREGATION, new_id())}, {"id": "nonsense"}]
    asked += [{"referenceCode": fonds["code"]}, {"referenceCode": "no such code"}]

    replies = [api.ask(COUNTS, {"of": of}, as_user=stranger) for of in asked]

    assert len({reply.timeless for reply in replies}) == 1
    assert replies[0].data == {"inventory": None}
    assert last_of(api.house, stranger)["outcome"] == "refused"
