"""Saved searches through the door."""

from __future__ import annotations

import pytest

from dms.base.ids import Kind, global_id, new_id
from dms.rules.access import Action

SAVE = """
mutation ($input: SavedQuerySaveInput!) {
  savedQuerySave(input: $input) { savedQuery { id name query order } errors { __typename message path } }
}
"""
REMOVE = """
mutation ($id: ID!) {
  savedQueryRemove(input: {id: $id}) { savedQuery { id } errors { __typename message path } }
}
"""
LIST = """
{ savedQueries(first: 5) { totalCount nodes {
  id name
  filter { kind aggregationIds belowId recordClassIds mediaTypes languages datedFrom datedTo }
} } }
"""
RUN = "query ($id: ID!) { savedQueryRun(id: $id) { notices hits(first: 5) { totalCount } } }"
NODE = "query ($id: ID!) { node(id: $id) { ... on SavedQuery { name } } }"


def save(api, user, **given):
    reply = api.ask(SAVE, {"input": {"name": "Letters", "query": "letter", **given}}, as_user=user)
    return reply.data["savedQuerySave"]


def test_search_is_saved_listed_run_and_removed(api, world):
    user = world.user()

    saved = save(api, user, order="NEWEST")["savedQuery"]
    given = {"id": saved["id"]}

    assert (saved["name"], saved["query"], saved["order"]) == ("Letters", "letter", "NEWEST")
    assert api.ask(LIST, as_user=user).data["savedQueries"]["nodes"] == [
        {"id": saved["id"], "name": "Letters", "filter": None}
    ]
    assert api.ask(NODE, given, as_user=user).data == {"node": {"name": "Letters"}}
    assert api.ask(RUN, given, as_user=user).data == {
        "savedQueryRun": {"notices": [], "hits": {"totalCount": 0}}
    }
    assert api.ask(REMOVE, given, as_user=user).data["savedQueryRemove"] == {
        "savedQuery": given,
        "errors": [],
    }
    assert api.ask(LIST, as_user=user).data == {"savedQueries": {"totalCount": 0, "nodes": []}}


def test_filter_is_shown_as_it_was_given(api, world):
    user = world.user()
    top = world.aggregation()
    world.entry(user, top, Action.DISCOVER)
    place, other = (global_id(Kind.AGGREGATION, world.aggregation(top)) for _ in range(2))
    record_class = global_id(Kind.RECORD_CLASS, new_id())
    asked = {
        "kind": "DOCUMENT",
        "aggregation": {"eq": place, "in": [other, place], "below": other},
        "recordClassIds": [record_class],
        "mediaTypes": ["application/pdf"],
        "languages": ["FR"],
        "datedFrom": "1890-01-01",
        "datedTo": "1914-07-28",
    }

    assert save(api, user, filter=asked)["errors"] == []

    assert api.ask(LIST, as_user=user).data["savedQueries"]["nodes"][0]["filter"] == {
        "kind": "DOCUMENT",
        "aggregationIds": [place],
        "belowId": other,
        "recordClassIds": [record_class],
        "mediaTypes": ["application/pdf"],
        "languages": ["fr"],
        "datedFrom": "1890-01-01",
        "datedTo": "1914-07-28",
    }


@pytest.mark.parametrize("text", [RUN, NODE, REMOVE])
def test_that_of_somebody_else_is_answered_as_one_that_never_was(api, world, text):
    user = world.user()
    saved = save(api, world.user())["savedQuery"]["id"]
    never, document = (global_id(kind, new_id()) for kind in (Kind.SAVED_QUERY, Kind.DOCUMENT))

    replies = [
        api.ask(text, {"id": each}, as_user=user).data for each in (saved, never, document, "nonsense")
    ]

    assert replies == [replies[0]] * 4
    assert replies[0] in (
        {"savedQueryRun": None},
        {"node": None},
        {
            "savedQueryRemove": {
                "savedQuery": None,
                "errors": [{"__typename": "NotFoundError", "message": "not found", "path": []}],
            }
        },
    )


def test_saving_again_with_the_same_key_saves_once(api, world):
    user, key = world.user(), str(new_id())

    first, second = (save(api, user, idempotencyKey=key) for _ in range(2))

    assert first == second
    assert first["errors"] == []
    assert api.ask(LIST, as_user=user).data["savedQueries"]["totalCount"] == 1


def test_what_cannot_be_kept_is_refused_with_its_place(api, world):
    user = world.user()
    long = save(api, user, query="OR " * 10_000)["errors"]

    assert [(each["__typename"], each["path"]) for each in long] == [("ValidationError", ["query"])]
    assert save(api, user, name="")["errors"] == [
        {"__typename": "ValidationError", "message": "must not be empty", "path": ["name"]}
    ]
