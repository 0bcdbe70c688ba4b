"""Versions, classes and nodes through the door."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dms.base.ids import Kind, global_id, new_id
from dms.jobs.holding import Ground
from dms.jobs.working import Working
from dms.rules.access import Action
from tests import scans

ADD = """
mutation ($input: VersionAddInput!) {
  versionAdd(input: $input) {
    errors { __typename message path }
    version { id documentId number note fileName digest sizeBytes mediaType declaredMediaType contentPath
              createdBy { id } }
  }
}
"""


@pytest.fixture
def draft(world, clerk):
    fonds = world.aggregation()
    world.entry(clerk, fonds, Action.EDIT)
    return world.document(fonds)


def id_of(document):
    return global_id(Kind.DOCUMENT, document)


def add(api, desk, user, document, *, revision=1, plain=b"Dear Sir", **upload):
    given = {"id": str(desk.upload(user, plain)), "fileName": "letter.txt", **upload}
    variables = {"documentId": id_of(document), "expectedRevision": revision, "upload": given}
    return api.ask(ADD, {"input": variables}, as_user=user).data["versionAdd"]


def test_an_upload_becomes_a_version(api, desk, clerk, draft):
    payload = add(api, desk, clerk, draft, note="as sent")

    version = payload["version"]
    assert payload["errors"] == []
    assert version == {
        **version,
        "documentId": id_of(draft),
        "number": 1,
        "note": "as sent",
        "fileName": "letter.txt",
        "sizeBytes": 8,
        "mediaType": "text/plain",
        "declaredMediaType": "text/x-letter",
        "contentPath": f"/content/versions/{version['id']}",
        "createdBy": {"id": global_id(Kind.USER, clerk)},
    }


def test_a_wrong_digest_is_refused_at_its_field(api, desk, clerk, draft):
    payload = add(api, desk, clerk, draft, digest="0" * 64)

    (error,) = payload["errors"]
    assert (error["__typename"], error["path"]) == ("ValidationError", ["upload", "digest"])
    assert payload["version"] is None


def test_versions_are_listed_and_read(api, desk, clerk, draft, world):
    made = [add(api, desk, clerk, draft, revision=n, plain=b"%d" % n)["version"]["id"] for n in (1, 2)]
    look = """query ($document: ID!, $id: ID!) {
      versions(documentId: $document, first: 5) { totalCount nodes { id number } }
      version(by: {id: $id}) { number digest }
      first: version(by: {place: {documentId: $document, number: 1}}) { number }
      third: version(by: {place: {documentId: $document, number: 3}}) { number }
    }"""

    shown = api.ask(look, {"document": id_of(draft), "id": made[1]}, as_user=clerk).data
    hidden = api.ask(look, {"document": id_of(draft), "id": made[1]}, as_user=world.user()).data

    assert shown["versions"] == {
        "totalCount": 2,
        "nodes": [{"id": made[0], "number": 1}, {"id": made[1], "number": 2}],
    }
    assert shown["version"]["number"] == 2
    assert (shown["first"], shown["third"]) == ({"number": 1}, None)
    assert hidden == dict.fromkeys(("versions", "version", "first", "third"))


def test_nodes_keep_their_order_and_hide_what_is_hidden(api, desk, clerk, draft, world):
    version = add(api, desk, clerk, draft)["version"]["id"]
    hidden = id_of(world.document(world.aggregation()))
    record_class = global_id(Kind.RECORD_CLASS, world.record_class())
    level = global_id(Kind.SECURITY_LEVEL, new_id())
    asked = [record_class, hidden, version, "nonsense", id_of(draft), id_of(new_id()), level, version]
    look = """query ($ids: [ID!]!) { nodes(ids: $ids) {
      __typename id
      ... on Document { title currentVersion { id } } ... on Version { number } ... on RecordClass { code }
    } }"""

    reply = api.ask(look, {"ids": asked}, as_user=clerk)

    shown = reply.data["nodes"]
    assert [node and node["__typename"] for node in shown] == [
        "RecordClass",
        None,
        "Version",
        None,
        "Document",
        None,
        None,
        "Version",
    ]
    assert [node["id"] for node in shown if node] == [record_class, version, id_of(draft), version]
    assert shown[4]["currentVersion"] == {"id": version}
    (event,) = api.events(reply)
    assert event["op"] == "node.read"
    assert len(event["refused"]) == 4


def test_at_most_a_hundred_nodes_are_asked_for(api, clerk):
    look = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"

    assert len(api.ask(look, {"ids": ["x"] * 100}, as_user=clerk).data["nodes"]) == 100
    reply = api.ask(look, {"ids": ["x"] * 101}, as_user=clerk)

    assert (reply.codes, reply.messages) == (
        ["ARGUMENT_INVALID"],
        ["at most 100 ids may be asked for at a time"],
    )


def test_classes_are_open_to_every_user(api, world):
    upper = world.record_class()
    lower = world.record_class(upper)
    look = """query ($parent: ID) {
      schemes(first: 5) { nodes { id code title } }
      recordClasses(first: 50, filter: {parentId: $parent}) { totalCount nodes { id schemeId parentId } }
    }"""

    parent = global_id(Kind.RECORD_CLASS, upper)
    shown = api.ask(look, {"parent": parent}, as_user=world.user(rank=None)).data

    (scheme,) = shown["schemes"]["nodes"]
    assert scheme["code"] == "main"
    assert shown["recordClasses"]["nodes"] == [
        {"id": global_id(Kind.RECORD_CLASS, lower), "schemeId": scheme["id"], "parentId": parent}
    ]
    by_scheme = "query ($id: ID) { recordClasses(first: 1, filter: {schemeId: $id}) { totalCount } }"
    assert (
        api.ask(by_scheme, {"id": scheme["id"]}, as_user=world.user()).data["recordClasses"]["totalCount"]
        >= 3
    )
    assert (
        api.ask(by_scheme, {"id": "nonsense"}, as_user=world.user()).data["recordClasses"]["totalCount"] == 0
    )


READ = """
query ($id: ID!, $rendition: ID!) {
  version(by: { id: $id }) {
    declaredDiffers
    format { formatId name basis risk }
    steps { step outcome reason }
    renditions { id kind mediaType sizeBytes isCut contentPath versionId }
  }
  node(id: $rendition) { __typename id }
}
"""


def test_version_shows_what_was_made_of_its_content(api, desk, house, clerk, draft):
    version = add(api, desk, clerk, draft, plain=b"a,b\n1,2\n")["version"]["id"]
    before = api.ask(READ, {"id": version, "rendition": version}, as_user=clerk).data["version"]
    Working(Ground(house.works, house.vault, house.settings)).drain()

    found = api.ask(READ, {"id": version, "rendition": version}, as_user=clerk).data["version"]

    assert (before["format"], before["steps"], before["renditions"]) == (None, [], [])
    (text,) = found.pop("renditions")
    assert found == {
        "declaredDiffers": True,
        "format": {
            "formatId": "x-fmt/111",
            "name": found["format"]["name"],
            "basis": "media type",
            "risk": "LOW",
        },
        "steps": [
            {"step": "IDENTIFY", "outcome": "DONE", "reason": None},
            {"step": "TEXT", "outcome": "DONE", "reason": None},
            {"step": "THUMBNAIL", "outcome": "NOTHING", "reason": "UNSUPPORTED"},
        ],
    }
    assert text == {
        "id": text["id"],
        "kind": "TEXT",
        "mediaType": "text/plain",
        "sizeBytes": 8,
        "isCut": False,
        "contentPath": f"/content/renditions/{text['id']}",
        "versionId": version,
    }
    node = api.ask(READ, {"id": version, "rendition": text["id"]}, as_user=clerk).data["node"]
    assert node == {"__typename": "Rendition", "id": text["id"]}


OCR = """
query ($id: ID!) {
  version(by: { id: $id }) {
    steps { step outcome reason }
    renditions { kind recognition { program languages pages } }
  }
}
"""


def test_text_that_was_read_by_ocr_says_so(api, desk, clerk, draft, tmp_path):
    house = desk.house
    page = scans.tiff(scans.written("x", size=(200, 100)))
    upload = str(desk.upload(clerk, page, media_type="image/tiff"))
    version = add(api, desk, clerk, draft, id=upload)["version"]["id"]
    settings = replace(house.settings, ocr=True, ocr_program=scans.stand_in(tmp_path, "eng"))
    Working(Ground(house.works, house.vault, settings)).drain()

    found = api.ask(OCR, {"id": version}, as_user=clerk).data["version"]

    assert found["steps"][1:3] == [
        {"step": "OCR", "outcome": "DONE", "reason": None},
        {"step": "TEXT", "outcome": "NOTHING", "reason": "NO_TEXT"},
    ]
    recognition = {"program": "tesseract 9.8.7", "languages": ["eng"], "pages": 1}
    assert {"kind": "TEXT", "recognition": recognition} in found["renditions"]
    assert {"kind": "THUMBNAIL", "recognition": None} in found["renditions"]


def test_rendition_of_a_document_that_may_not_be_read_is_absent(api, desk, world, clerk, draft):
    house = desk.house
    version = add(api, desk, clerk, draft)["version"]["id"]
    Working(Ground(house.works, house.vault, house.settings)).drain()
    shown = api.ask(READ, {"id": version, "rendition": version}, as_user=clerk).data["version"]["renditions"]

    found = api.ask(READ, {"id": version, "rendition": shown[0]["id"]}, as_user=world.user()).data

    assert found == {"version": None, "node": None}
