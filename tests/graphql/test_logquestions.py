"""An auditor asks through the door who saw, what somebody saw, and how much was done."""

from __future__ import annotations

import pytest

from dms.access import gate
from dms.access.log import sequencer
from dms.base.clock import to_iso
from dms.base.ids import Kind, global_id, new_id
from dms.models.documents import Document
from dms.rules.access import Action
from dms.rules.accessevents import Op
from tests.factories import actor
from tests.logged import logged
from tests.recorded import last_of
from tests.statements import counted

WHO = """
query ($object: ID!, $first: Int, $after: String, $disclosure: Disclosure,
       $since: DateTime, $until: DateTime) {
  whoSaw(objectId: $object, first: $first, after: $after, disclosure: $disclosure,
         since: $since, until: $until) {
    totalCount totalIsExact pageInfo { hasNextPage endCursor }
    nodes { actor { id name } firstAt lastAt count disclosure ops } } }
"""
WHAT = """
query ($who: ID!, $first: Int, $after: String, $disclosure: Disclosure,
       $since: DateTime, $until: DateTime) {
  whatSaw(principalId: $who, first: $first, after: $after, disclosure: $disclosure,
         since: $since, until: $until) {
    totalCount totalIsExact pageInfo { hasNextPage endCursor }
    nodes { uuid firstAt lastAt count disclosure ops thing { nodeId kind title } } } }
"""
STATISTICS = """
query ($by: [AccessStatisticsBy!]!, $first: Int = 50, $after: String, $since: Date, $until: Date,
       $filter: AccessStatisticsFilter) {
  accessStatistics(groupBy: $by, first: $first, after: $after,
                   since: $since, until: $until, filter: $filter) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { actor { name } recordClass { code } op outcome day events objects } } }
"""


@pytest.fixture
def read(api, person):
    """Lets the person read Documents; returns the event's id."""

    def reads(*documents, op=Op.DOCUMENT_LIST, action=Action.READ_METADATA):
        def body(work):
            work.performs(op)
            gate.visible(work, Document, action).many(documents)
            return work.notes.event_id

        return api.house.works.read(actor(person), body)

    return reads


def sequence(api):
    sequencer.drain(api.house.database)


def at_of(api, event_id):
    return next(to_iso(each.columns["at"]) for each in logged(api.house.database) if each.id == event_id)


def node(api, first, last, **expected):
    return {"firstAt": at_of(api, first), "lastAt": at_of(api, last), **expected}


def test_who_saw_tells_of_people_before_and_after_the_sequencer(api, auditor, person, papers, read):
    first = read(papers[1])
    sequence(api)
    last = read(papers[1], op=Op.DOCUMENT_READ)

    found = api.ask(WHO, {"object": papers[1].hex, "first": 5}, as_user=auditor).data["whoSaw"]

    [line] = found["nodes"]
    assert line.pop("actor")["id"] == global_id(Kind.USER, person)
    assert line == node(
        api, first, last, count=2, disclosure="METADATA", ops=["DOCUMENT_LIST", "DOCUMENT_READ"]
    )
    assert (found["totalCount"], found["totalIsExact"]) == (1, True)


def test_what_somebody_saw_names_only_what_the_auditor_may_read(api, auditor, person, papers, read):
    event = read(*papers)

    found = api.ask(WHAT, {"who": global_id(Kind.USER, person), "first": 5}, as_user=auditor).data["whatSaw"]

    expected = node(api, event, event, count=1, disclosure="METADATA", ops=["DOCUMENT_LIST"])
    shared = {"nodeId": global_id(Kind.DOCUMENT, papers[0]), "kind": "DOCUMENT", "title": "Shared"}
    assert found["nodes"] == [
        {**expected, "uuid": each.hex, "thing": thing}
        for each, thing in sorted({papers[0]: shared, papers[1]: None}.items())
    ]
    assert found["totalCount"] == 2
    own = last_of(api.house, auditor)
    assert [line[0] for lines in own["released"]["metadata"].values() for line in lines] == [papers[0].hex]


def test_title_that_is_not_asked_for_is_not_read(api, auditor, person, papers, read):
    read(*papers)

    api.ask(
        "query ($who: ID!) { whatSaw(principalId: $who, first: 5) { nodes { uuid } } }",
        {"who": global_id(Kind.USER, person)},
        as_user=auditor,
    )

    assert last_of(api.house, auditor)["released"] == {}


def test_period_and_disclosure_narrow(api, auditor, person, papers, read):
    first, second = (read(papers[1]) for _ in range(2))
    since = {"since": at_of(api, second), "first": 5}

    who = api.ask(WHO, {"object": papers[1].hex, **since}, as_user=auditor).data["whoSaw"]
    until = api.ask(
        WHO, {"object": papers[1].hex, "first": 5, "until": at_of(api, first)}, as_user=auditor
    ).data["whoSaw"]
    content = api.ask(
        WHO, {"object": papers[1].hex, "first": 5, "disclosure": "CONTENT"}, as_user=auditor
    ).data["whoSaw"]
    what = api.ask(WHAT, {"who": global_id(Kind.USER, person), **since}, as_user=auditor).data["whatSaw"]

    assert [line["count"] for line in who["nodes"]] == [1]
    assert until["nodes"] == content["nodes"] == []
    assert [line["uuid"] for line in what["nodes"]] == [papers[1].hex]


def test_cursor_goes_on_and_fits_no_other_question(api, auditor, person, papers, read):
    read(*papers)
    asked = {"who": global_id(Kind.USER, person), "first": 1}
    first = api.ask(WHAT, asked, as_user=auditor).data["whatSaw"]
    cursor = first["pageInfo"]["endCursor"]

    second = api.ask(WHAT, {**asked, "after": cursor}, as_user=auditor).data["whatSaw"]
    foreign = api.ask(WHAT, {**asked, "after": cursor, "disclosure": "METADATA"}, as_user=auditor)

    assert {line["uuid"] for line in first["nodes"] + second["nodes"]} == {each.hex for each in papers}
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    assert foreign.codes == ["CURSOR_INVALID"]


def test_questions_are_recorded_with_what_was_asked_and_shown(api, auditor, person, papers, read):
    read(papers[1])
    asked = {"object": papers[1].hex, "first": 5, "disclosure": "METADATA"}

    api.ask(WHO, asked, as_user=auditor)
    api.ask(STATISTICS, {"by": ["DAY"], "filter": {"op": "DOCUMENT_LIST"}}, as_user=auditor)

    told = [each.detail.get("log_read") for each in logged(api.house.database)]
    assert [{"filter": {"who_saw": papers[1].hex, "disclosure": "metadata"}, "shown": 1}] in told
    assert [{"filter": {"statistics": ["day"], "op": "document.list"}, "shown": 1}] in told


def test_period_that_ends_before_it_begins_is_an_invalid_argument(api, auditor, papers):
    backwards = {"since": "2031-01-02T00:00:00Z", "until": "2031-01-01T00:00:00Z", "first": 1}

    replies = [
        api.ask(WHO, {"object": papers[0].hex, **backwards}, as_user=auditor),
        api.ask(STATISTICS, {"by": [], "since": "2031-01-02", "until": "2031-01-02"}, as_user=auditor),
    ]

    assert [reply.codes for reply in replies] == [["ARGUMENT_INVALID"], ["ARGUMENT_INVALID"]]


def test_what_is_not_there_was_seen_by_nobody(api, auditor):
    for text in (new_id().hex, global_id(Kind.DOCUMENT, new_id()), "nonsense"):
        found = api.ask(WHO, {"object": text, "first": 1}, as_user=auditor).data["whoSaw"]
        assert (found["nodes"], found["totalCount"]) == ([], 0)
    found = api.ask(WHAT, {"who": global_id(Kind.USER, new_id()), "first": 1}, as_user=auditor)
    assert found.data["whatSaw"]["nodes"] == []


@pytest.fixture
def things(world, person, read):
    """Six Documents that the person saw in one list."""
    home = world.aggregation()
    world.entry(person, home, Action.READ_METADATA)
    made = [world.document(home) for _ in range(6)]
    read(*made)
    return made


@pytest.mark.parametrize("is_sequenced", [False, True])
def test_page_takes_as_many_statements_however_long_it_is(api, auditor, person, things, is_sequenced):
    if is_sequenced:
        sequence(api)
    who = {"who": global_id(Kind.USER, person)}

    def statements(text, **variables):
        with counted(api.house, of_log=True) as found:
            api.ask(text, variables, as_user=auditor)
        return len(found)

    statements(WHAT, **who, first=1)  # decisions are kept from here on
    assert statements(WHAT, **who, first=2) == statements(WHAT, **who, first=6)
    assert statements(WHO, object=things[0].hex, first=1) == statements(WHO, object=things[0].hex, first=50)
    assert statements(STATISTICS, by=["OP"], first=1) == statements(STATISTICS, by=["OP"], first=50)


def test_statistics_count_by_what_was_asked(api, auditor, person, papers, read):
    event = read(*papers)
    sequence(api)
    read(papers[0], op=Op.DOCUMENT_READ)
    day = at_of(api, event)[:10]
    mine = {"filter": {"actorId": global_id(Kind.USER, person)}}

    by_op = api.ask(STATISTICS, {"by": ["OP", "DAY", "OP"], **mine}, as_user=auditor).data["accessStatistics"]
    total = api.ask(STATISTICS, {"by": [], **mine}, as_user=auditor).data["accessStatistics"]
    by_class = api.ask(STATISTICS, {"by": ["CLASS", "ACTOR"], **mine}, as_user=auditor).data

    nothing = {"actor": None, "recordClass": None, "outcome": None}
    assert by_op["nodes"] == [
        {**nothing, "op": "DOCUMENT_LIST", "day": day, "events": 1, "objects": 2},
        {**nothing, "op": "DOCUMENT_READ", "day": day, "events": 1, "objects": 1},
    ]
    assert total["nodes"] == [{**nothing, "op": None, "day": None, "events": 2, "objects": 3}]
    assert sum(line["objects"] for line in by_class["accessStatistics"]["nodes"]) == 3
    assert all(line["recordClass"]["code"] for line in by_class["accessStatistics"]["nodes"])


def test_statistics_page(api, auditor, person, papers, read):
    read(papers[0])
    read(papers[0], op=Op.DOCUMENT_READ)
    asked = {"by": ["OP"], "filter": {"actorId": global_id(Kind.USER, person)}, "first": 1}

    first = api.ask(STATISTICS, asked, as_user=auditor).data["accessStatistics"]
    after = first["pageInfo"]["endCursor"]
    second = api.ask(STATISTICS, {**asked, "after": after}, as_user=auditor).data["accessStatistics"]

    assert [line["op"] for line in first["nodes"] + second["nodes"]] == ["DOCUMENT_LIST", "DOCUMENT_READ"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (2, True)
    assert second["pageInfo"]["hasNextPage"] is False


def test_filters_of_the_list_are_read(api, auditor, person, papers, read):
    read(papers[1])
    text = """query ($filter: AccessEventFilter) {
      accessEvents(first: 9, filter: $filter) { nodes { op } } }"""
    who = {"actorId": global_id(Kind.USER, person)}

    def found(**narrowed):
        reply = api.ask(text, {"filter": {**who, **narrowed}}, as_user=auditor)
        return [line["op"] for line in reply.data["accessEvents"]["nodes"]]

    [code] = [row[0] for row in api.read("SELECT code FROM security_level ORDER BY rank LIMIT 1")]
    for narrowed in (
        {"objectId": papers[1].hex, "disclosure": "METADATA"},
        {"securityLevel": code},
        {"minObjects": 1},
    ):
        assert found(**narrowed) == ["DOCUMENT_LIST"], narrowed
    for narrowed in (
        {"disclosure": "CONTENT"},
        {"selection": "LOG_ACCESS"},
        {"classId": global_id(Kind.RECORD_CLASS, new_id())},
        {"sourceAddress": "192.0.2.1"},
        {"minObjects": 2},
    ):
        assert found(**narrowed) == [], narrowed
    assert api.ask(text, {"filter": {"securityLevel": "nonsense"}}, as_user=auditor).codes == [
        "ARGUMENT_INVALID"
    ]
