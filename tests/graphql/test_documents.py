"""Documents through the door: the main job of the product as a front end does it."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
from graphql import get_named_type, get_nullable_type, is_leaf_type

from dms.base.ids import Kind, global_id, new_id, parse_global_id
from dms.graphql import documents
from dms.graphql.schema import whole_schema
from dms.models.schemes import UNASSIGNED
from dms.rules.access import Action
from dms.rules.security import Mark
from tests.statements import counted, forget_decisions

ERRORS = """
errors {
  __typename message code path
  ... on ConflictError { currentRevision } ... on StateError { state available } ... on DeniedError { action }
}
"""
REGISTER = (
    "mutation ($input: DocumentRegisterInput!) { documentRegister(input: $input) { "
    + ERRORS
    + """
    document {
      id revision title state medium referenceCode dates firstDay lastDay
      aggregation { id } recordClass { code } securityClassification { marking }
      currentVersion { number fileName digest sizeBytes mediaType contentPath }
    }
} }"""
)
UPDATE = (
    "mutation ($input: DocumentUpdateInput!) { documentUpdate(input: $input) { "
    + ERRORS
    + " document { revision title dates authors } } }"
)
DECLARE = (
    "mutation ($input: DocumentDeclareInput!) { documentDeclare(input: $input) { "
    + ERRORS
    + " document { revision state declaredAt declaredBy { id } availableTransitions } } }"
)
REFILE = (
    "mutation ($input: DocumentRefileInput!) { documentRefile(input: $input) { "
    + ERRORS
    + " document { aggregation { id } revision } } }"
)
CLASS_ASSIGN = (
    "mutation ($input: DocumentClassAssignInput!) { documentClassAssign(input: $input) { "
    + ERRORS
    + " document { recordClass { id code } } } }"
)
LIST = (
    "query ($filter: DocumentFilter) { documents(first: 10, filter: $filter) { totalCount nodes { title } } }"
)
EVERYTHING = """
query ($filter: DocumentFilter, $first: Int!) {
  documents(first: $first, filter: $filter) {
    totalCount
    nodes {
      id revision createdAt referenceCode title medium state dates firstDay lastDay authors addressees
      description sourceSystem originalName declaredAt updatedAt availableTransitions viewerActions
      aggregation {
        id referenceCode title level recordClass { id code } securityClassification { marking }
        parent { id title } ancestors { id } documentCount
      }
      recordClass { id code title schemeId parentId }
      securityClassification { marking level { code rank } compartments { code } }
      currentVersion { id number createdBy { name } }
      versions(first: 2) { totalCount nodes { id number createdBy { name } } }
      createdBy { name } updatedBy { name } declaredBy { name }
    }
  }
}
"""


@pytest.fixture
def folder(world, clerk):
    made = world.aggregation()
    for action in (Action.FILE, Action.EDIT, Action.READ_CONTENT):
        world.entry(clerk, made, action)
    return made


def id_of(document):
    return global_id(Kind.DOCUMENT, document)


def place_of(aggregation):
    return global_id(Kind.AGGREGATION, aggregation)


def change(api, user, mutation, **given):
    reply = api.ask(mutation, {"input": given}, as_user=user)
    (payload,) = reply.data.values()
    return payload


def listing(api, user, found):
    return api.ask(LIST, {"filter": found}, as_user=user).data["documents"]


def within(folder):
    return {"aggregation": {"below": place_of(folder)}}


def test_a_letter_is_registered_with_its_bytes(api, desk, clerk, folder):
    upload = desk.upload(clerk, b"Dear Sir")

    payload = change(
        api,
        clerk,
        REGISTER,
        aggregationId=place_of(folder),
        title="Letter",
        referenceCode="G/1",
        dates="1890-05",
        upload={
            "id": str(upload),
            "fileName": "letter.txt",
            "digest": hashlib.sha256(b"Dear Sir").hexdigest(),
        },
    )

    assert payload["errors"] == []
    shown = payload["document"]
    version = shown.pop("currentVersion")
    content_path = version.pop("contentPath")
    assert shown == {
        "id": shown["id"],
        "revision": 1,
        "title": "Letter",
        "state": "DRAFT",
        "medium": "DIGITAL",
        "referenceCode": "G/1",
        "dates": "1890-05",
        "firstDay": "1890-05-01",
        "lastDay": "1890-05-31",
        "aggregation": {"id": place_of(folder)},
        "recordClass": {"code": "unassigned"},
        "securityClassification": {"marking": "OPEN"},
    }
    assert version == {
        "number": 1,
        "fileName": "letter.txt",
        "digest": hashlib.sha256(b"Dear Sir").hexdigest(),
        "sizeBytes": 8,
        "mediaType": "text/plain",
    }
    kind, _ = parse_global_id(content_path.removeprefix("/content/versions/"))
    assert kind is Kind.VERSION


def test_the_whole_life_of_a_draft(api, desk, clerk, folder, world):
    record_class = world.record_class()
    upload = {"id": str(desk.upload(clerk)), "fileName": "letter.txt"}
    made = change(
        api, clerk, REGISTER, aggregationId=place_of(folder), title="Letter", dates="1890", upload=upload
    )["document"]

    changed = change(
        api, clerk, UPDATE, id=made["id"], expectedRevision=1, title="Complaint", dates=None, authors="Amt"
    )
    refused = change(api, clerk, DECLARE, id=made["id"], expectedRevision=2)
    classed = change(
        api,
        clerk,
        CLASS_ASSIGN,
        id=made["id"],
        expectedRevision=2,
        recordClassId=global_id(Kind.RECORD_CLASS, record_class),
        reason="read it",
    )
    declared = change(api, clerk, DECLARE, id=made["id"], expectedRevision=3)
    frozen = change(api, clerk, UPDATE, id=made["id"], expectedRevision=4, title="New")

    assert changed["document"] == {"revision": 2, "title": "Complaint", "dates": None, "authors": "Amt"}
    assert refused == {
        "errors": [
            {
                "__typename": "StateError",
                "message": "it has no class yet: assign one first",
                "code": "STATE",
                "path": [],
                "state": "draft",
                "available": [
                    "classAssign",
                    "declare",
                    "discard",
                    "refile",
                    "securitySet",
                    "update",
                    "versionAdd",
                ],
            }
        ],
        "document": None,
    }
    assert classed["document"]["recordClass"]["id"] == global_id(Kind.RECORD_CLASS, record_class)
    assert (declared["document"]["state"], declared["document"]["revision"]) == ("DECLARED", 4)
    assert declared["document"]["declaredBy"] == {"id": global_id(Kind.USER, clerk)}
    assert declared["document"]["availableTransitions"] == ["classAssign", "refile"]
    assert frozen["errors"][0]["available"] == ["classAssign", "refile", "securitySet"]


def test_a_stale_revision_shows_the_current_one_and_changes_nothing(api, clerk, folder, world):
    document = world.document(folder)
    change(api, clerk, UPDATE, id=id_of(document), expectedRevision=1, title="First")

    payload = change(api, clerk, UPDATE, id=id_of(document), expectedRevision=1, title="Second")

    assert payload == {
        "errors": [
            {
                "__typename": "ConflictError",
                "message": "it was changed since you read it: read it again, then change what you see",
                "code": "CONFLICT",
                "path": ["expectedRevision"],
                "currentRevision": 2,
            }
        ],
        "document": None,
    }
    assert listing(api, clerk, within(folder))["nodes"] == [{"title": "First"}]


def test_refiling_answers_with_the_new_place(api, clerk, folder, world):
    document, target = world.document(folder), world.aggregation(folder)

    payload = change(
        api,
        clerk,
        REFILE,
        id=id_of(document),
        aggregationId=place_of(target),
        expectedRevision=1,
        reason="sorted",
    )

    assert payload["document"] == {"aggregation": {"id": place_of(target)}, "revision": 2}


def test_a_document_moved_to_where_one_may_only_file_is_answered_masked(api, clerk, folder, world):
    document, target = world.document(folder), world.aggregation()
    world.entry(clerk, target, Action.FILE)
    given = {
        "id": id_of(document),
        "aggregationId": place_of(target),
        "expectedRevision": 1,
        "reason": "sorted",
    }

    payload = change(api, clerk, REFILE.replace("revision }", "revision title state }"), **given)

    assert payload == {
        "errors": [],
        "document": {"aggregation": {"id": place_of(target)}, "revision": 2, "title": None, "state": None},
    }


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"title": " "}, ("ValidationError", ["title"], "must not be empty")),
        ({"referenceCode": "/x"}, ("ValidationError", ["referenceCode"], None)),
        ({"dates": "yesterday"}, ("ValidationError", ["dates"], None)),
        ({"recordClassId": "nonsense"}, ("ValidationError", ["recordClassId"], None)),
        ({"upload": {"id": "nonsense", "fileName": "x"}}, ("ValidationError", ["upload", "id"], None)),
        ({"securityClassification": {"level": "cosmic"}}, ("ValidationError", None, None)),
        ({"aggregationId": "nonsense"}, ("NotFoundError", [], "not found")),
    ],
)
def test_unusable_input_is_a_typed_error_at_its_field(api, clerk, folder, given, refusal):
    payload = change(api, clerk, REGISTER, **{"aggregationId": place_of(folder), "title": "T", **given})

    kind, path, message = refusal
    (error,) = payload["errors"]
    assert (error["__typename"], payload["document"]) == (kind, None)
    assert path is None or error["path"] == path
    assert message is None or error["message"] == message


def test_a_failed_registration_leaves_nothing(api, desk, clerk, folder):
    upload = {"id": str(desk.upload(clerk)), "fileName": "..."}

    change(api, clerk, REGISTER, aggregationId=place_of(folder), title="T", upload=upload)

    assert listing(api, clerk, within(folder))["totalCount"] == 0


def test_hidden_absent_and_malformed_answer_alike_byte_for_byte(api, folder, world):
    document = world.document(folder)
    stranger = world.user()
    asked = [id_of(document), id_of(new_id()), "nonsense", place_of(folder), global_id(Kind.DOCUMENT, folder)]
    look = "query ($id: ID!) { document(by: {id: $id}) { id } node(id: $id) { id } nodes(ids: [$id]) { id } }"

    reads = {json.dumps(api.ask(look, {"id": each}, as_user=stranger).data) for each in asked}
    writes = {
        json.dumps(change(api, stranger, UPDATE, id=each, expectedRevision=1, title="\x00")) for each in asked
    }

    assert reads == {'{"document": null, "node": null, "nodes": [null]}'}
    assert len(writes) == 1


def test_a_reference_code_finds_its_document(api, clerk, folder, world):
    document = world.document(folder, reference_code="Find/1")
    look = "query ($code: String!) { document(by: {referenceCode: $code}) { id } }"

    assert api.ask(look, {"code": "Find/1"}, as_user=clerk).data == {"document": {"id": id_of(document)}}
    for who, code in ((clerk, "Find/2"), (world.user(), "Find/1")):
        assert api.ask(look, {"code": code}, as_user=who).data == {"document": None}


def test_exactly_one_key_is_asked_for(api, clerk):
    for by in ("{}", '{id: "a", referenceCode: "b"}', "{id: null}"):
        reply = api.ask(f"{{ document(by: {by}) {{ id }} }}", as_user=clerk)
        assert set(reply.codes) == {"ARGUMENT_INVALID"}


def test_what_may_only_be_discovered_is_masked(api, desk, folder, world, clerk):
    stranger = world.user()
    document = world.document(folder, reference_code="Mask/1")
    world.entry_on_document(stranger, document, Action.DISCOVER)

    (shown,) = api.ask(EVERYTHING, {"first": 5}, as_user=stranger).data["documents"]["nodes"]

    masked = {name: value for name, value in shown.items() if name in documents.METADATA}
    assert set(masked.values()) == {None}
    assert (shown["recordClass"], shown["currentVersion"], shown["aggregation"]) == (None, None, None)
    assert (shown["availableTransitions"], shown["viewerActions"]) == ([], ["DISCOVER"])
    assert (shown["referenceCode"], shown["revision"]) == ("Mask/1", 1)
    assert shown["securityClassification"]["marking"] == "OPEN"
    shorter = listing(api, stranger, {"not": {"title": {"eq": "none"}}})
    assert shorter == {"totalCount": 0, "nodes": []}


def test_every_field_of_a_document_is_either_open_or_masked():
    fields = whole_schema().core.type_map["Document"].fields
    open_fields = {
        "id",
        "revision",
        "createdAt",
        "referenceCode",
        "aggregation",
        "securityClassification",
        "viewerActions",
    }
    apart = {"recordClass", "currentVersion", "availableTransitions"}

    assert set(fields) == open_fields | apart | documents.METADATA
    for name in documents.METADATA | apart - {"availableTransitions"}:
        assert not str(fields[name].type).endswith("!"), name
        assert "READ_METADATA" in fields[name].description, name


def ids_in(value):
    match value:
        case dict():
            own = {value["id"]} if "id" in value else set()
            return own.union(*(ids_in(item) for item in value.values()))
        case list():
            return set().union(*(ids_in(item) for item in value))
        case _:
            return set()


def test_the_event_lists_what_the_answer_shows_and_nothing_else(api, desk, clerk, folder, world):
    inner = world.aggregation(folder, record_class_id=world.record_class())
    for place in (folder, inner):
        upload = {"id": str(desk.upload(clerk)), "fileName": "x"}
        change(api, clerk, REGISTER, aggregationId=place_of(place), title="T", upload=upload)
    world.document(inner, mark=Mark(300))

    reply = api.ask(EVERYTHING, {"first": 10, "filter": within(folder)}, as_user=clerk)

    (event,) = api.events(reply)
    released = {line[0] for marks in event["released"].values() for lines in marks.values() for line in lines}
    things = {
        key.hex
        for kind, key in map(parse_global_id, ids_in(reply.data))
        if kind in {Kind.DOCUMENT, Kind.AGGREGATION, Kind.VERSION}
    }
    assert released == things
    assert (event["op"], event["aggregate"] > 0) == ("document.list", True)


def test_a_page_costs_the_same_number_of_statements_whatever_its_size(api, desk, clerk, folder, world):
    for _ in range(4):
        inner = world.aggregation(folder, record_class_id=world.record_class())
        for _ in range(2):
            upload = {"id": str(desk.upload(clerk)), "fileName": "x"}
            change(api, clerk, REGISTER, aggregationId=place_of(inner), title="T", upload=upload)

    costs = []
    for first in (1, 8):
        forget_decisions(desk.house)
        with counted(desk.house) as statements:
            reply = api.ask(EVERYTHING, {"first": first, "filter": within(folder)}, as_user=clerk)
        costs.append((len(reply.data["documents"]["nodes"]), len(statements)))

    assert [shown for shown, _ in costs] == [1, 8]
    assert costs[0][1] == costs[1][1]


def test_links_that_are_not_selected_are_not_read(api, house, clerk, folder, world):
    world.document(folder)
    plain = "query ($filter: DocumentFilter) { documents(first: 5, filter: $filter) { nodes { id } } }"

    with counted(house) as statements:
        reply = api.ask(plain, {"filter": within(folder)}, as_user=clerk)

    tables = " ".join(statements)
    assert [name for name in ("version", "content_file", "security_level") if f"FROM {name}" in tables] == []
    (event,) = api.events(reply)
    assert list(event["released"]) == ["existence"]


LINKED = """
  id referenceCode title dates authors medium state revision createdAt recordClass { code }
  securityClassification { level { code marking } compartments { code } }
  currentVersion { number mediaType sizeBytes digest }
  aggregation { id referenceCode title }
"""


def test_a_root_field_and_its_links_take_one_statement_beside_those_of_access(
    api, desk, clerk, folder, world
):
    for title in "ABC":
        upload = {"id": str(desk.upload(clerk)), "fileName": "x"}
        change(api, clerk, REGISTER, aggregationId=place_of(folder), title=title, upload=upload)
    asked = {
        "page": (
            f"query ($f: DocumentFilter) {{ documents(first: 9, filter: $f) {{ nodes {{ {LINKED} }} }} }}",
            {"f": within(folder)},
        ),
        "one": (
            f"query ($id: ID!) {{ document(by: {{id: $id}}) {{ {LINKED} }} }}",
            {"id": id_of(world.document(folder))},
        ),
    }

    sent = {}
    for name, (text, variables) in asked.items():
        api.ask(text, variables, as_user=clerk)
        with counted(desk.house) as statements:
            api.ask(text, variables, as_user=clerk)
        sent[name] = [re.findall(r"(?:FROM|JOIN) (\w+)", statement) for statement in statements]

    links = {"document", "aggregation", "record_class", "version", "content_file"}
    shown = links - {"document", "aggregation"}  # those are asked for access too
    for name in asked:
        assert [links <= set(tables) for tables in sent[name] if shown & set(tables)] == [True]
    assert len(sent["one"]) == 2


@pytest.mark.parametrize("kind", ["documents", "aggregations"])
def test_each_field_alone_shows_what_it_shows_among_all(api, desk, clerk, folder, kind):
    upload = {"id": str(desk.upload(clerk)), "fileName": "x"}
    change(
        api,
        clerk,
        REGISTER,
        aggregationId=place_of(folder),
        title="T",
        dates="2019/2020",
        authors="A",
        addressees="B",
        description="C",
        sourceSystem="D",
        originalName="E",
        upload=upload,
    )
    fields = shown_fields("Document" if kind == "documents" else "Aggregation")

    def node(selection):
        reply = api.ask(f"{{ {kind}(last: 1) {{ nodes {{ {selection} }} }} }}", as_user=clerk)
        return reply.data[kind]["nodes"][0]

    everything = node(" ".join(fields.values()))

    assert {name: node(text)[name] for name, text in fields.items()} == everything
    assert len([value for value in everything.values() if value is not None]) > 12


def shown_fields(type_name):
    """Return each field of a type without arguments that must be given, with the least selection below it."""
    shown = {}
    for name, field in whole_schema().core.type_map[type_name].fields.items():
        inner = getattr(get_named_type(field.type), "fields", None)
        if inner is None:
            shown[name] = name
        elif "id" in inner:
            shown[name] = f"{name} {{ id }}"
        elif "nodes" in inner:
            shown[name] = f"{name}(first: 3) {{ nodes {{ id }} }}"
        else:
            leaf = next(each for each, below in inner.items() if is_leaf_type(get_nullable_type(below.type)))
            shown[name] = f"{name} {{ {leaf} }}"
    return shown


def test_later_pages_of_versions_belong_to_one_document(api, desk, clerk, folder, world):
    documents_ = [world.document(folder) for _ in range(2)]
    add = (
        "mutation ($i: VersionAddInput!) { versionAdd(input: $i) { errors { message } version { number } } }"
    )
    for document in documents_:
        for revision in (1, 2, 3):
            upload = {"id": str(desk.upload(clerk, b"%d" % revision)), "fileName": "x"}
            given = {"documentId": id_of(document), "expectedRevision": revision, "upload": upload}
            payload = api.ask(add, {"i": given}, as_user=clerk).data["versionAdd"]
            assert payload == {"errors": [], "version": {"number": revision}}
    look = """query ($id: ID!, $after: String) { document(by: {id: $id}) {
      versions(first: 2, after: $after) { nodes { number } pageInfo { endCursor hasNextPage } } } }"""

    first = api.ask(look, {"id": id_of(documents_[0])}, as_user=clerk).data["document"]["versions"]
    cursor = first["pageInfo"]["endCursor"]
    rest = api.ask(look, {"id": id_of(documents_[0]), "after": cursor}, as_user=clerk).data["document"]
    foreign = api.ask(look, {"id": id_of(documents_[1]), "after": cursor}, as_user=clerk)

    assert [node["number"] for node in first["nodes"]] == [1, 2]
    assert rest["versions"] == {"nodes": [{"number": 3}], "pageInfo": rest["versions"]["pageInfo"]}
    assert foreign.codes == ["CURSOR_INVALID"]


def test_unassigned_is_the_class_of_what_nobody_classed(api, clerk, folder, world):
    payload = change(api, clerk, REGISTER, aggregationId=place_of(folder), title="T")

    assert payload["document"]["recordClass"] == {"code": UNASSIGNED}
