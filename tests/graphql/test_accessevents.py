"""The access log through the door, as an auditor and as anybody else."""

from __future__ import annotations

import json

import pytest

from dms.access import gate, marks
from dms.base.clock import to_iso
from dms.base.ids import Kind, global_id, new_id
from dms.base.paging import Page, PageRequest, Position
from dms.graphql import paging
from dms.models.documents import Document
from dms.rules.access import Action
from dms.rules.accessevents import Disclosure, Op
from tests.factories import actor
from tests.recorded import last_of

EVENTS = """
query ($first: Int, $after: String, $last: Int, $before: String, $filter: AccessEventFilter,
       $orderBy: AccessEventOrderBy) {
  accessEvents(
    first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy
  ) {
    nodes { id op outcome reason }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
EVENT = """
query ($id: ID!) {
  accessEvent(id: $id) {
    id at op also outcome reason actorKind sessionId requestId roles policyRevision policyFilesDigest
    decidingLines releasedCount changedCount refusedCount aggregates withheld bytesSent part parts writer
    number leafHash isIntact fault
    actor { id kind name displayName }
    released { uuid disclosure revision marking thing { nodeId kind referenceCode title } }
    changed { uuid revisionBefore revisionAfter valuesDigest thing { title } }
    refused { uuid action reason exists thing { title } }
    detail { json withheld }
  }
}
"""


@pytest.fixture
def read(api, person):
    """Lets the person read Documents, and returns the event's id."""

    def reads(*documents, op=Op.DOCUMENT_LIST):
        def body(work):
            work.performs(op)
            gate.visible(work, Document, Action.READ_METADATA).many(documents)
            return work.notes.event_id

        return api.house.works.read(actor(person, "request-7"), body)

    return reads


def shown(event):
    return global_id(Kind.ACCESS_EVENT, event)


def events(api, who, **variables):
    return api.ask(EVENTS, {"first": 50, **variables}, as_user=who).data["accessEvents"]


def test_auditor_reads_one_event_with_all_that_it_names(api, auditor, person, papers, read):
    event = read(*papers)

    found = api.ask(EVENT, {"id": shown(event)}, as_user=auditor).data["accessEvent"]

    assert (found["op"], found["outcome"], found["actorKind"]) == ("DOCUMENT_LIST", "RELEASED", "USER")
    assert (found["id"], found["requestId"], found["isIntact"]) == (shown(event), "request-7", True)
    assert found["actor"]["id"] == global_id(Kind.USER, person)
    titles = {line["uuid"]: line["thing"] for line in found["released"]}
    assert titles[papers[0].hex]["title"] == "Shared"
    assert titles[papers[0].hex]["nodeId"] == global_id(Kind.DOCUMENT, papers[0])
    assert titles[papers[1].hex] is None
    assert {line["disclosure"] for line in found["released"]} == {"METADATA"}
    assert {line["marking"] for line in found["released"]} == {"OPEN"}
    assert (found["releasedCount"], found["changed"], found["refused"]) == (2, [], [])
    assert len(found["decidingLines"]) == 2


def test_title_counts_as_released_to_the_auditor_and_the_event_does_not(api, auditor, papers, read):
    event = read(*papers)

    api.ask(EVENT, {"id": shown(event)}, as_user=auditor)

    own = last_of(api.house, auditor)
    assert own["op"] == "log.read"
    assert [line[0] for lines in own["released"]["metadata"].values() for line in lines] == [papers[0].hex]


def test_reading_without_titles_releases_nothing(api, auditor, papers, read):
    read(*papers)

    events(api, auditor)

    assert last_of(api.house, auditor)["released"] == {}


def test_filter_stands_in_the_event_of_the_reading(api, auditor, person, papers, read):
    read(*papers)
    narrowed = {"actorId": global_id(Kind.USER, person), "objectId": global_id(Kind.DOCUMENT, papers[1])}

    found = events(api, auditor, filter=narrowed)

    assert len(found["nodes"]) == 1
    detail = api.read("SELECT detail FROM access_event_detail")
    read_log = [json.loads(bytes(row[0])).get("log_read") for row in detail]
    assert [{"filter": {"actor": person.hex, "object": papers[1].hex}, "shown": 1}] in read_log


def test_object_is_asked_for_by_id_or_by_its_bare_form(api, auditor, person, papers, read):
    event = read(*papers)
    who = {"actorId": global_id(Kind.USER, person)}

    for text in (global_id(Kind.DOCUMENT, papers[1]), papers[1].hex, str(papers[1])):
        found = events(api, auditor, filter={**who, "objectId": text})
        assert [node["id"] for node in found["nodes"]] == [shown(event)]
    for text in (global_id(Kind.DOCUMENT, new_id()), new_id().hex, "nonsense", ""):
        assert events(api, auditor, filter={**who, "objectId": text})["nodes"] == []


def test_every_filter_narrows(api, auditor, person, papers, read):
    event = read(papers[0])
    read(papers[1], op=Op.VIEWER_READ)
    at = api.ask(EVENT, {"id": shown(event)}, as_user=auditor).data["accessEvent"]["at"]
    who = {"actorId": global_id(Kind.USER, person)}

    def found(**more):
        return [node["id"] for node in events(api, auditor, filter={**who, **more})["nodes"]]

    assert found(op="DOCUMENT_LIST") == [shown(event)]
    assert found(outcome="COMMITTED") == []
    assert found(reason="absent") == []
    assert found(refusalsOnly=True) == []
    assert found(until=at) == []
    assert shown(event) in found(since=at)
    assert len(found()) == 2


def test_account_that_is_not_there_has_no_events(api, auditor):
    for text in (global_id(Kind.USER, new_id()), global_id(Kind.GROUP, auditor), "nonsense"):
        assert events(api, auditor, filter={"actorId": text})["nodes"] == []


def test_pages_follow_each_other_in_both_directions(api, auditor, person, papers, read):
    made = [shown(read(papers[0])) for _ in range(5)]
    who = {"actorId": global_id(Kind.USER, person)}
    oldest = {"field": "AT", "direction": "ASC"}

    first = events(api, auditor, first=2, filter=who, orderBy=oldest)
    second = events(api, auditor, first=2, after=first["pageInfo"]["endCursor"], filter=who, orderBy=oldest)
    back = events(
        api,
        auditor,
        first=None,
        last=2,
        before=second["pageInfo"]["startCursor"],
        filter=who,
        orderBy=oldest,
    )

    assert [node["id"] for node in first["nodes"] + second["nodes"]] == made[:4]
    assert back["nodes"] == first["nodes"]
    assert [node["id"] for node in events(api, auditor, filter=who)["nodes"]] == made[::-1]


def test_cursor_of_another_filter_is_refused(api, auditor, person, papers, read):
    read(papers[0])
    who = {"actorId": global_id(Kind.USER, person)}
    cursor = events(api, auditor, first=1, filter=who)["pageInfo"]["endCursor"]

    reply = api.ask(EVENTS, {"first": 1, "after": cursor}, as_user=auditor)

    assert reply.codes == ["CURSOR_INVALID"]


def test_total_is_counted_when_asked_for(api, auditor, person, papers, read):
    for _ in range(3):
        read(papers[0])
    text = """query ($filter: AccessEventFilter) {
      accessEvents(first: 1, filter: $filter) { totalCount totalIsExact nodes { id } } }"""

    found = api.ask(text, {"filter": {"actorId": global_id(Kind.USER, person)}}, as_user=auditor)

    assert (found.data["accessEvents"]["totalCount"], found.data["accessEvents"]["totalIsExact"]) == (3, True)


@pytest.mark.parametrize(("backward", "end"), [(False, 1), (True, 0)])
def test_page_of_a_search_that_gave_up_ends_where_it_stopped(backward, end):
    row, reached = Position(7, new_id()), Position(5, new_id())
    page = Page([object()], [row], has_next=True, has_previous=True, reached=reached)

    found = paging._ends(page, PageRequest(3, backward=backward))

    assert found[end] == reached
    assert found[1 - end] == row


TEXTS = ["{ accessEvents(first: 1) { nodes { id } } }", '{ accessEvent(id: "x") { id } }']


@pytest.mark.parametrize("text", TEXTS)
def test_others_are_forbidden_and_the_try_is_recorded(api, person, text):
    reply = api.ask(text, as_user=person)

    assert reply.codes == ["FORBIDDEN"]
    assert reply.messages == ["this needs the duty `log.read`"]
    own = last_of(api.house, person)
    assert (own["op"], own["outcome"], own["refused"]) == (
        "log.read",
        "refused",
        [[None, "log.read", "duty", True]],
    )


def test_absent_malformed_and_foreign_ids_are_the_same_null(api, auditor, papers):
    asked = [shown(new_id()), "nonsense", global_id(Kind.DOCUMENT, papers[0])]

    replies = [api.ask(EVENT, {"id": text}, as_user=auditor) for text in asked]

    assert [reply.body.get("errors") for reply in replies] == [None] * 3
    assert [reply.data for reply in replies] == [{"accessEvent": None}] * 3


def test_changes_refusals_and_bytes_show(api, auditor, person):
    thing = new_id()

    def body(work):
        work.performs(Op.USER_UPDATE)
        work.changed(thing, before=1, after=2, old={"name": "a"}, new={"name": "b"})
        work.refuses(None, action="EDIT", reason="denied", exists=True)
        work.notes.bytes_sent = 7
        work.notes.deciding.add("role:auditor:DISCOVER")
        return work.notes.event_id

    event = api.house.works.write(actor(person), body)

    found = api.ask(EVENT, {"id": shown(event)}, as_user=auditor).data["accessEvent"]

    assert found["changed"] == [
        {
            "uuid": thing.hex,
            "revisionBefore": 1,
            "revisionAfter": 2,
            "valuesDigest": found["changed"][0]["valuesDigest"],
            "thing": None,
        }
    ]
    assert found["refused"] == [
        {"uuid": None, "action": "EDIT", "reason": "denied", "exists": True, "thing": None}
    ]
    assert json.loads(found["detail"]["json"])["changes"] == [[thing.hex, {"name": "a"}, {"name": "b"}]]
    assert (found["bytesSent"], found["decidingLines"]) == (7, ["role:auditor:DISCOVER"])


def test_clock_of_the_api_writes_utc(api, auditor, person, papers, read):
    event = read(papers[0])

    found = api.ask(EVENT, {"id": shown(event)}, as_user=auditor).data["accessEvent"]

    [row] = api.read("SELECT max(at) FROM access_event WHERE op = 'document.list'")
    assert found["at"] == to_iso(row[0])


def test_content_and_marks_show_by_name(api, auditor, person, papers):
    def body(work):
        security_id = marks.intern(work, next(iter(marks.all_marks(work).values())))
        work.releases(papers[1], revision=4, disclosure=Disclosure.CONTENT, security_id=security_id)
        return work.notes.event_id

    event = api.house.works.read(actor(person), body)

    found = api.ask(EVENT, {"id": shown(event)}, as_user=auditor).data["accessEvent"]

    assert found["released"] == [
        {"uuid": papers[1].hex, "disclosure": "CONTENT", "revision": 4, "marking": "OPEN", "thing": None}
    ]
