"""Frozen lists through the door."""

from __future__ import annotations

import pytest

from dms.base.ids import Kind, global_id, new_id
from dms.models.documents import Document
from dms.rules.access import Action, Effect
from dms.stores import fulltext
from dms.stores.work import session_of
from tests.factories import make_document
from tests.statements import change_policy, counted

LINES = """lines(first: $first, after: $after) {
  totalCount totalIsExact
  nodes { nodeId kind foundRevision foundVersion document { title } aggregation { title } }
  pageInfo { hasNextPage hasPreviousPage endCursor }
}"""
FREEZE = f"""
mutation ($input: SearchListFreezeInput!, $first: Int = 5, $after: String) {{
  searchListFreeze(input: $input) {{
    searchList {{ id title requester note query order frozenBy {{ name }} revision {LINES} }}
    errors {{ __typename message path }}
  }}
}}
"""
UPDATE = """
mutation ($input: SearchListUpdateInput!) {
  searchListUpdate(input: $input) {
    searchList { title requester note revision lines(first: 1) { totalCount } }
    errors { __typename message ... on ConflictError { currentRevision } }
  }
}
"""
REMOVE = """
mutation ($id: ID!, $seen: Int! = 1) {
  searchListRemove(input: {id: $id, expectedRevision: $seen}) {
    removedId errors { __typename message ... on ConflictError { currentRevision } }
  }
}
"""
LIST = """
{ searchLists(first: 5) { totalCount nodes {
  id title filter { kind belowId datedFrom }
  lines(first: 1) { totalCount nodes { document { title } } }
} } }
"""
NODE = f"""
query ($id: ID!, $first: Int = 5, $after: String) {{ node(id: $id) {{ ... on SearchList {{ {LINES} }} }} }}
"""
PLAIN = NODE.replace("endCursor", "")
CHANGE = UPDATE.replace("$input: SearchListUpdateInput!", "$id: ID!").replace(
    "input: $input", 'input: {id: $id, expectedRevision: 1, title: "Mine"}'
)


def freeze(api, user, query, **given):
    reply = api.ask(FREEZE, {"input": {"title": "Letters", "query": query, **given}}, as_user=user)
    return reply.data["searchListFreeze"]


def add(world, folder, *titles):
    """Documents that can be found by their titles, registered one after the other."""

    def body(work):
        made = [make_document(work, folder, title=title) for title in titles]
        fulltext.enter(work, [session_of(work).get(Document, key) for key in made])
        return made

    return world.build(body)


@pytest.fixture(scope="module")
def folder(world):
    return world.aggregation(title="Harbour")


@pytest.fixture
def reader(world, folder):
    """Somebody who may read what lies in the folder."""
    return world.holder(folder, Action.READ_CONTENT)


def test_result_is_frozen_listed_reworded_and_removed(api, world, folder, reader):
    first, second = add(world, folder, "Crane ufq", "Quay ufq")

    made = freeze(api, reader, "ufq", order="OLDEST", requester="E. Whitcombe", filter={"kind": "DOCUMENT"})
    frozen = made["searchList"]
    listed = api.ask(LIST, as_user=reader).data["searchLists"]
    wording = {"id": frozen["id"], "expectedRevision": 1, "note": "sent", "requester": None}
    reworded = api.ask(UPDATE, {"input": wording}, as_user=reader).data["searchListUpdate"]
    removed = api.ask(REMOVE, {"id": frozen["id"], "seen": 2}, as_user=reader).data["searchListRemove"]

    assert made["errors"] == []
    assert (frozen["title"], frozen["requester"], frozen["note"]) == ("Letters", "E. Whitcombe", None)
    assert (frozen["query"], frozen["order"], frozen["revision"]) == ("ufq", "OLDEST", 1)
    assert frozen["lines"]["nodes"] == [
        {
            "nodeId": global_id(Kind.DOCUMENT, key),
            "kind": "DOCUMENT",
            "foundRevision": 1,
            "foundVersion": None,
            "document": {"title": title},
            "aggregation": None,
        }
        for key, title in ((first, "Crane ufq"), (second, "Quay ufq"))
    ]
    assert listed == {
        "totalCount": 1,
        "nodes": [
            {
                "id": frozen["id"],
                "title": "Letters",
                "filter": {"kind": "DOCUMENT", "belowId": None, "datedFrom": None},
                "lines": {"totalCount": 2, "nodes": [{"document": {"title": "Crane ufq"}}]},
            }
        ],
    }
    assert reworded == {
        "searchList": {
            "title": "Letters",
            "requester": None,
            "note": "sent",
            "revision": 2,
            "lines": {"totalCount": 2},
        },
        "errors": [],
    }
    assert removed == {"removedId": frozen["id"], "errors": []}
    assert api.ask(LIST, as_user=reader).data == {"searchLists": {"totalCount": 0, "nodes": []}}


def test_pages_go_on_from_the_cursor_of_a_line(api, world, folder, reader):
    add(world, folder, *[f"Letter {number} pgq" for number in range(3)])
    frozen = freeze(api, reader, "pgq", order="OLDEST")["searchList"]["id"]
    titles, after = [], None

    for more in (True, True, False):
        given = {"id": frozen, "first": 1, "after": after}
        page = api.ask(NODE, given, as_user=reader).data["node"]["lines"]
        titles += [node["document"]["title"] for node in page["nodes"]]
        assert page["pageInfo"]["hasNextPage"] is more
        after = page["pageInfo"]["endCursor"]

    assert titles == ["Letter 0 pgq", "Letter 1 pgq", "Letter 2 pgq"]


def test_cursor_of_one_list_opens_no_other(api, world, folder, reader):
    add(world, folder, "Letter cuq", "Reply cuq")
    one, other = (freeze(api, reader, "cuq")["searchList"] for _ in range(2))

    given = {"id": other["id"], "after": one["lines"]["pageInfo"]["endCursor"]}

    assert api.ask(NODE, given, as_user=reader).codes == ["CURSOR_INVALID"]


@pytest.mark.parametrize("how", ["closed", "unreadable", "erased"])
def test_what_is_hidden_later_is_answered_as_what_was_never_found(api, world, folder, how):
    reader = world.holder(folder, Action.READ_CONTENT)
    word = f"hid{how}q"
    hidden, *_ = add(world, folder, f"Secret {word}", f"Letter {word}", f"Reply {word}")
    frozen = freeze(api, reader, word, order="OLDEST")["searchList"]["id"]
    if how == "erased":
        world.build(lambda work: erase(work, hidden))
    else:
        action = Action.DISCOVER if how == "closed" else Action.READ_METADATA
        world.entry_on_document(reader, hidden, action, effect=Effect.DENY)
    never = freeze(api, reader, word, order="OLDEST")["searchList"]["id"]
    api.ask(PLAIN, {"id": never}, as_user=reader)  # what is read once for all is read

    for size in (1, 5):
        one, other = (asked(api, reader, {"id": each, "first": size}) for each in (frozen, never))
        assert one == other

    content, _ = other
    assert (b"Secret" in content, content.count(b"nodeId"), b'"totalCount":2' in content) == (False, 2, True)


def erase(work, document):
    fulltext.remove(work, [document])
    session_of(work).delete(session_of(work).get(Document, document))


def asked(api, user, given):
    """The answer byte for byte, and how many statements it took before anything was decided."""
    change_policy(api.house)
    with counted(api.house) as statements:
        content = api.ask(PLAIN, given, as_user=user).timeless
    return content, len(statements)


def test_lists_take_as_many_statements_whatever_they_hold(api, world, folder):
    reader = world.holder(folder, Action.READ_CONTENT)
    add(world, folder, *["Letter stq"] * 4)
    counts = []
    for _ in range(2):
        freeze(api, reader, "stq")
        api.ask(LIST, as_user=reader)
        with counted(api.house) as statements:
            api.ask(LIST, as_user=reader)
        counts.append(len(statements))

    assert counts[0] == counts[1]


@pytest.mark.parametrize("text", [PLAIN, REMOVE, CHANGE])
def test_that_of_somebody_else_is_answered_as_one_that_never_was(api, world, officer, text):
    owner = world.user()
    frozen = freeze(api, owner, "letter")["searchList"]["id"]
    never, document = (global_id(kind, new_id()) for kind in (Kind.SEARCH_LIST, Kind.DOCUMENT))

    for user in (world.user(), officer):
        replies = [api.ask(text, {"id": each}, as_user=user).data for each in (frozen, never, document, "x")]
        assert replies == [replies[0]] * 4

    assert api.ask(LIST, as_user=owner).data["searchLists"]["nodes"][0]["title"] == "Letters"


def test_freezing_again_with_the_same_key_freezes_once(api, world, folder, reader):
    key = str(new_id())
    add(world, folder, "Letter keq")
    first = freeze(api, reader, "keq", idempotencyKey=key)
    add(world, folder, "Later keq")

    again = freeze(api, reader, "keq", idempotencyKey=key)
    other = freeze(api, reader, "other", idempotencyKey=key)

    assert (again["searchList"]["id"], again["searchList"]["lines"]["totalCount"]) == (
        first["searchList"]["id"],
        1,
    )
    assert [each["__typename"] for each in other["errors"]] == ["IdempotencyError"]


@pytest.mark.parametrize("text", [UPDATE, REMOVE])
def test_stale_revision_tells_the_one_of_now(api, reader, text):
    frozen = freeze(api, reader, "letter")["searchList"]["id"]

    given = {"id": frozen, "seen": 7, "input": {"id": frozen, "expectedRevision": 7, "title": "Mine"}}
    names = {"seen", "id"} if text is REMOVE else {"input"}
    data = api.ask(text, {name: given[name] for name in names}, as_user=reader).data

    (payload,) = data.values()
    assert [(each["__typename"], each["currentRevision"]) for each in payload["errors"]] == [
        ("ConflictError", 1)
    ]


def test_what_cannot_be_frozen_is_refused_with_its_place(api, reader):
    untaken = freeze(api, reader, "", filter={"languages": ["nul\0"]})

    assert untaken["searchList"]["lines"]["totalCount"] == 0
    assert freeze(api, reader, "") == {
        "searchList": None,
        "errors": [
            {
                "__typename": "ValidationError",
                "message": "say what to search for: words, a filter, or both",
                "path": ["query"],
            }
        ],
    }
