"""Registers through the door: numbered, corrected, sent again, with links that hide."""

from __future__ import annotations

import pytest

from dms.base.clock import utc_day
from dms.base.ids import Kind, global_id, new_id
from dms.rules.access import Action
from tests.factories import at_once

CREATE = """mutation ($input: RegisterCreateInput!) {
  registerCreate(input: $input) {
    register { id code direction numbering pattern entryCount } errors { __typename message path }
  }
}"""
ADD = """mutation ($input: RegisterEntryAddInput!) {
  registerEntryAdd(input: $input) {
    registerEntry { id code number year document { id } } errors { __typename message path }
  }
}"""
CORRECT = """mutation ($input: RegisterEntryCorrectInput!) {
  registerEntryCorrect(input: $input) {
    registerEntry { code subject isVoid corrections { number subject isVoid reason } }
    errors { __typename message path }
  }
}"""
ENTRIES = """query ($filter: RegisterEntryFilter) {
  registerEntries(first: 20, filter: $filter) {
    totalCount nodes { code subject document { id title } corrections { document { id } } }
  }
}"""


@at_once
def made(world):
    home, apart = world.aggregation(), world.aggregation()
    clerk, reader = world.user(), world.user()
    for action in (Action.EDIT, Action.FILE):
        world.entry(clerk, home, action)
    world.entry(clerk, apart, Action.READ_METADATA)
    world.entry(reader, home, Action.READ_METADATA)
    return home, clerk, reader, world.document(apart, title="Petition")


class Office:
    """A register, asked for by GraphQL alone."""

    def __init__(self, api, world):
        self.api = api
        self.home, self.clerk, self.reader, self.hidden = made(world)
        self.day = utc_day(api.house.works.clock()).isoformat()
        self.register = self.create()["register"]

    def create(self, **values):
        given = {"aggregationId": global_id(Kind.AGGREGATION, self.home), "title": "Mail"}
        given |= {"code": f"R-{new_id().hex}", "direction": "IN", **values}
        return self.ask(CREATE, given)["registerCreate"]

    def add(self, **values):
        given = {"registerId": self.register["id"], "day": self.day, "subject": "Roof", "sender": "Smith"}
        return self.ask(ADD, {**given, **values})["registerEntryAdd"]

    def ask(self, text, given):
        return self.api.ask(text, {"input": given}, as_user=self.clerk).data

    def entries(self, user, **narrowing):
        asked = {"filter": {"registerId": self.register["id"], **narrowing}}
        return self.api.ask(ENTRIES, asked, as_user=user)


@pytest.fixture
def office(api, world):
    return Office(api, world)


def test_register_is_opened_and_numbered_by_its_pattern(office):
    year = int(office.day[:4])

    first, second = office.add(), office.add()

    assert {key: office.register[key] for key in ("direction", "numbering", "pattern", "entryCount")} == {
        "direction": "IN",
        "numbering": "PER_YEAR",
        "pattern": "{year}/{counter:4}",
        "entryCount": 0,
    }
    assert first["registerEntry"]["code"] == f"{year}/0001"
    assert (second["registerEntry"]["number"], second["registerEntry"]["year"]) == (2, year)


def test_request_that_is_sent_again_gets_the_same_number(office):
    key = str(new_id())

    first, again, other = (office.add(idempotencyKey=each) for each in (key, key, str(new_id())))

    assert first["registerEntry"] == again["registerEntry"]
    assert other["registerEntry"]["number"] == 2


def test_one_operation_with_a_field_that_fails_has_no_gap(office):
    text = """mutation ($good: RegisterEntryAddInput!, $bad: RegisterEntryAddInput!) {
      one: registerEntryAdd(input: $good) { registerEntry { number } errors { path } }
      two: registerEntryAdd(input: $bad) { registerEntry { number } errors { path } }
      three: registerEntryAdd(input: $good) { registerEntry { number } errors { path } }
    }"""
    good = {"registerId": office.register["id"], "day": office.day, "subject": "Roof", "sender": "Smith"}

    found = office.api.ask(text, {"good": good, "bad": {**good, "sender": None}}, as_user=office.clerk).data

    assert found["two"] == {"registerEntry": None, "errors": [{"path": ["sender"]}]}
    assert [found[name]["registerEntry"]["number"] for name in ("one", "three")] == [1, 2]


def test_correction_stands_beside_what_was_written(office):
    entry = office.add()["registerEntry"]
    key = str(new_id())
    given = {"entryId": entry["id"], "subject": "Roof of the school", "reason": "misread"}

    for _ in range(2):
        found = office.ask(CORRECT, {**given, "idempotencyKey": key})["registerEntryCorrect"]

    lines = [{"number": 1, "subject": "Roof of the school", "isVoid": False, "reason": "misread"}]
    assert found["registerEntry"] == {
        "code": entry["code"],
        "subject": "Roof",
        "isVoid": False,
        "corrections": lines,
    }


def test_link_to_a_hidden_document_is_as_none(office):
    hidden = global_id(Kind.DOCUMENT, office.hidden)
    linked = office.add(documentId=hidden)["registerEntry"]

    told = office.entries(office.clerk).data["registerEntries"]
    kept = office.entries(office.reader).data["registerEntries"]
    asked = office.entries(office.reader, documentId=hidden).data["registerEntries"]

    assert told["nodes"][0]["document"] == {"id": hidden, "title": "Petition"}
    assert kept["nodes"] == [{"code": linked["code"], "subject": "Roof", "document": None, "corrections": []}]
    assert (kept["totalCount"], asked["totalCount"]) == (1, 0)


def test_entries_with_and_without_a_hidden_link_are_the_same_bytes(api, world):
    linked, plain = Office(api, world), Office(api, world)
    linked.add(documentId=global_id(Kind.DOCUMENT, linked.hidden))
    plain.add()

    assert linked.entries(linked.reader).timeless == plain.entries(plain.reader).timeless


def test_stranger_finds_no_register(office, world):
    look = "query ($id: ID!) { node(id: $id) { id } registers(first: 5) { totalCount } }"

    found = office.api.ask(look, {"id": office.register["id"]}, as_user=world.user()).data

    assert found == {"node": None, "registers": {"totalCount": 0}}


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"pattern": "{counter}"}, ["pattern"]),
        ({"pattern": "{year}"}, ["pattern"]),
        ({"pattern": "{year}{parent}{counter}"}, ["pattern"]),
        ({"code": " "}, ["code"]),
        ({"title": ""}, ["title"]),
    ],
)
def test_register_that_could_not_number_is_refused(office, given, path):
    refused = office.create(**given)

    assert refused["register"] is None
    assert [(error["__typename"], error["path"]) for error in refused["errors"]] == [
        ("ValidationError", path)
    ]
