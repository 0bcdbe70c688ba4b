"""Cross-references through the door: both ends, hidden ends, the sheet."""

from __future__ import annotations

import pytest

from dms.base.ids import Kind, global_id, new_id
from dms.rules.access import Action
from tests.factories import at_once

ADD = """mutation ($input: CrossReferenceAddInput!) {
  crossReferenceAdd(input: $input) {
    crossReference { id kind inverse source { title } target { nodeId title kind } citation }
    errors { __typename message path }
  }
}"""
LIST = """query ($filter: CrossReferenceFilter, $id: ID!) {
  crossReferences(first: 20, filter: $filter) { totalCount nodes { kind inverse source { title } } }
  crossReferenceSheet(nodeId: $id) { text }
}"""


@at_once
def made(world):
    home, apart = world.aggregation(), world.aggregation()
    clerk, reader = world.user(), world.user()
    for node in (home, apart):
        world.entry(clerk, node, Action.EDIT)
    world.entry(reader, home, Action.READ_METADATA)
    names = ("Old by-law", "New by-law")
    shown = [world.document(home, title=title) for title in names]
    return clerk, reader, *shown, world.document(apart, title="Secret draft")


@pytest.fixture
def ends(world):
    clerk, reader, *documents = made(world)
    return clerk, reader, *(global_id(Kind.DOCUMENT, each) for each in documents)


def test_reference_tells_both_ends_and_is_made_once(api, ends):
    clerk, _, old, new, _ = ends
    given = {"sourceId": new, "kind": "SUPERSEDES", "targetId": old, "reason": "voted"}

    one, two = (
        api.ask(ADD, {"input": {**given, "idempotencyKey": key}}, as_user=clerk).data["crossReferenceAdd"]
        for key in [str(new_id())] * 2
    )

    assert one == two
    told = one["crossReference"]
    assert (told["kind"], told["inverse"]) == ("SUPERSEDES", "SUPERSEDED_BY")
    assert told["source"] == {"title": "New by-law"}
    assert told["target"] == {"nodeId": old, "title": "Old by-law", "kind": "DOCUMENT"}
    for end in (old, new):
        listed = api.ask(LIST, {"filter": {"nodeId": end}, "id": end}, as_user=clerk).data
        assert listed["crossReferences"]["totalCount"] == 1
    assert (
        "superseded by\n  New by-law\n"
        in api.ask(LIST, {"id": old}, as_user=clerk).data["crossReferenceSheet"]["text"]
    )


def test_reference_to_what_is_hidden_is_as_none_at_all(api, ends):
    clerk, reader, old, _, secret = ends
    asked = {"filter": {"nodeId": old}, "id": old}
    before = api.ask(LIST, asked, as_user=reader).timeless
    given = {"sourceId": old, "kind": "RELATED", "targetId": secret, "reason": "same matter"}
    made_id = api.ask(ADD, {"input": given}, as_user=clerk).data["crossReferenceAdd"]["crossReference"]["id"]

    after = api.ask(LIST, asked, as_user=reader)

    assert after.timeless == before
    assert after.data["crossReferences"]["totalCount"] == 0
    look = "query ($id: ID!) { node(id: $id) { id } }"
    assert api.ask(look, {"id": made_id}, as_user=reader).data == {"node": None}
    assert api.ask(look, {"id": made_id}, as_user=clerk).data == {"node": {"id": made_id}}


def test_ids_of_other_things_find_nothing(api, ends):
    clerk, _, old, _, _ = ends
    foreign = global_id(Kind.USER, clerk)
    given = {"sourceId": old, "kind": "SEE", "targetId": foreign, "reason": "x"}

    found = api.ask(ADD, {"input": given}, as_user=clerk).data["crossReferenceAdd"]

    assert [error["__typename"] for error in found["errors"]] == ["NotFoundError"]
    assert api.ask(LIST, {"id": foreign}, as_user=clerk).data["crossReferenceSheet"] is None
