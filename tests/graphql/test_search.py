"""Search through the door."""

from __future__ import annotations

import pytest

from dms.base.ids import Kind, global_id, new_id
from dms.rules.access import Action, Effect
from dms.stores import fulltext, reindexing
from tests.recorded import last_of

SEARCH = """
query ($query: String!, $filter: SearchFilter, $order: SearchOrder! = RELEVANCE,
       $first: Int, $after: String, $last: Int, $before: String, $upTo: Int! = 1000) {
  search(query: $query, filter: $filter, order: $order) {
    notices
    hits(first: $first, after: $after, last: $last, before: $before, totalUpTo: $upTo) {
      totalCount totalIsExact
      edges { cursor node { nodeId } }
      nodes {
        nodeId kind relevance
        document { id title aggregation { title } recordClass { code } }
        aggregation { id title parent { title } }
        snippets { field text begins ends ranges { start end } }
      }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
    facets(upTo: $upTo) {
      isExact kinds { kind count } aggregations { aggregation { title } count }
      recordClasses { recordClass { code } count } mediaTypes { mediaType count } years { year count }
      securityClassifications { securityClassification { level { rank } } count }
    }
  }
}
"""


@pytest.fixture(scope="module")
def shelf(world):
    """A file with a series of Documents, and one that the reader may not know of."""
    reader, word = world.user(), f"zq{new_id().hex[-10:]}"
    top = world.aggregation(title=f"Fonds of all {word}")
    hidden = world.aggregation(top, title=f"Hidden {word}")
    world.entry(reader, top, Action.READ_CONTENT)
    world.level(200)

    def make(world):
        shown = [
            world.document(top, title=f"Letter {number} {word}", date_key="1950-01-01", current_version=1)
            for number in range(5)
        ]
        return shown, world.document(hidden, title=f"Secret {word}")

    shown, secret = world.at_once(make)

    world.entry(reader, hidden, Action.DISCOVER, effect=Effect.DENY)

    def index(work):
        while reindexing.refresh(work, limit=1_000):
            pass
        fulltext.index_text(work, shown[0], version=1, text=fulltext.analysed(f"nothing but {word}text"))

    world.build(index)
    return reader, word, top, shown, secret


def asked(api, user, query, **variables):
    if not variables.keys() & {"first", "last"}:
        variables["first"] = 20
    return api.ask(SEARCH, {"query": query, **variables}, as_user=user).data["search"]


def ids(found):
    return [node["nodeId"] for node in found["hits"]["nodes"]]


def test_hits_are_shown_with_what_they_are(api, shelf):
    reader, word, top, shown, _ = shelf

    found = asked(api, reader, word)

    assert ids(found) == [
        *(global_id(Kind.DOCUMENT, each) for each in reversed(shown)),
        global_id(Kind.AGGREGATION, top),
    ]
    first, last = found["hits"]["nodes"][0], found["hits"]["nodes"][-1]
    assert first["document"] == {
        "id": first["nodeId"],
        "title": f"Letter 4 {word}",
        "aggregation": {"title": f"Fonds of all {word}"},
        "recordClass": {"code": "unassigned"},
    }
    assert (first["kind"], first["relevance"], first["aggregation"]) == ("DOCUMENT", "HEAD", None)
    assert (last["kind"], last["document"]) == ("AGGREGATION", None)
    assert last["aggregation"]["title"] == f"Fonds of all {word}"
    (snippet,) = first["snippets"]
    (place,) = snippet["ranges"]
    assert snippet["text"][place["start"] : place["end"]] == word
    assert (found["hits"]["totalCount"], found["hits"]["totalIsExact"]) == (6, True)


def test_facets_count_what_was_found(api, shelf):
    reader, word, *_ = shelf

    facets = asked(api, reader, word)["facets"]

    assert facets == {
        "isExact": True,
        "kinds": [{"kind": "DOCUMENT", "count": 5}, {"kind": "AGGREGATION", "count": 1}],
        "aggregations": [{"aggregation": {"title": f"Fonds of all {word}"}, "count": 5}],
        "recordClasses": [{"recordClass": {"code": "unassigned"}, "count": 5}],
        "mediaTypes": [],
        "years": [],
        "securityClassifications": [{"securityClassification": {"level": {"rank": 100}}, "count": 6}],
    }


def test_nothing_in_an_answer_tells_of_what_is_hidden(api, shelf):
    reader, word, *_, secret = shelf

    reply = api.ask(SEARCH, {"query": f"secret {word}", "first": 20}, as_user=reader)
    nowhere = api.ask(SEARCH, {"query": f"secret {word}nowhere", "first": 20}, as_user=reader)

    assert reply.data == nowhere.data
    assert secret.hex not in str(last_of(api.house, reader))


def test_pages_go_on_by_cursor_and_a_cursor_is_good_for_its_search_only(api, shelf):
    reader, word, *_ = shelf
    whole = ids(asked(api, reader, word))

    first = asked(api, reader, word, first=4)
    end = first["hits"]["pageInfo"]["endCursor"]
    second = asked(api, reader, word, first=4, after=end)
    back = asked(api, reader, word, last=4, before=second["hits"]["pageInfo"]["startCursor"])

    assert [*ids(first), *ids(second)] == whole
    assert ids(back) == ids(first)
    for other in ({"query": "letter"}, {"order": "NEWEST"}, {"filter": {"kind": "DOCUMENT"}}):
        given = {"query": word, "first": 4, "after": end, **other}
        reply = api.ask(SEARCH, given, as_user=reader)
        assert reply.codes == ["CURSOR_INVALID"]


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({"kind": "AGGREGATION"}, 1),
        ({"aggregation": {"below": "TOP"}}, 5),
        ({"aggregation": {"eq": "TOP"}}, 5),
        ({"aggregation": {"in": []}}, 0),
        ({"recordClassIds": ["nothing"]}, 0),
        ({"mediaTypes": ["application/pdf"]}, 0),
        ({"languages": ["FR"]}, 0),
        ({"languages": ["und"]}, 1),
        ({"datedFrom": "1949-01-01", "datedTo": "1950-12-31"}, 0),
    ],
)
def test_filter_limits_the_hits(api, shelf, given, count):
    reader, word, top, *_ = shelf
    place = given.get("aggregation")
    if place:
        name = global_id(Kind.AGGREGATION, top)
        given = {"aggregation": {key: name if value == "TOP" else value for key, value in place.items()}}

    assert asked(api, reader, word, filter=given)["hits"]["totalCount"] == count


def test_oddities_are_noticed_and_nothing_is_refused(api, shelf):
    reader, *_ = shelf

    assert asked(api, reader, "")["notices"] == ["NOTHING_WANTED"]
    assert asked(api, reader, '("open in:nowhere')["notices"] == ["OPEN_QUOTE", "OPEN_BRACKET"]
    assert set(asked(api, reader, "-(" * 10_000)["notices"]) >= {"CUT", "TOO_DEEP", "NOTHING_WANTED"}
    assert ids(asked(api, reader, "\0")) == []


def test_search_without_hits_asked_for_reads_none(api, shelf):
    reader, word, *_ = shelf

    reply = api.ask("query ($q: String!) { search(query: $q) { notices } }", {"q": word}, as_user=reader)

    assert reply.data == {"search": {"notices": []}}
    assert last_of(api.house, reader)["op"] == "search.run"
