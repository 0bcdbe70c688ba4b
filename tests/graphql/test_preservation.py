"""What was done with a content, as its Version shows it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import select

from dms.base.actor import system_actor
from dms.base.clock import Instant
from dms.base.ids import Kind, global_id, new_id
from dms.jobs.scrubbing import Manner, Scrub
from dms.models.preservation import PreservationEvent, PreservationKind, PreservationOutcome
from dms.models.versions import ContentFile
from dms.rules.access import Action, Effect
from dms.services import versions
from dms.services.blobs import Choice
from dms.services.versions import NamedUpload
from dms.stores.work import session_of
from tests.recorded import last_of
from tests.statements import change_policy, counted

EVENTS = """preservationEvents(first: $first, after: $after) {
  totalCount totalIsExact nodes { id documentId kind outcome note } pageInfo { hasNextPage endCursor }
}"""
ONE = f"query ($id: ID!, $first: Int = 5, $after: String) {{ version(by: {{id: $id}}) {{ {EVENTS} }} }}"
LISTED = f"""query ($id: ID!, $first: Int = 5, $after: String) {{
  versions(documentId: $id, first: 5) {{ nodes {{ number {EVENTS} }} }}
}}"""
WHOLE = f"query ($id: ID!, $first: Int = 5, $after: String) {{ document(by: {{id: $id}}) {{ {EVENTS} }} }}"
NUMBERS = """query ($id: ID!, $first: Int = 5, $after: String) { document(by: {id: $id}) {
  versions(first: $first, after: $after) { nodes { number } pageInfo { endCursor } } } }"""
NODE = "query ($id: ID!) { node(id: $id) { id ... on PreservationEvent { kind outcome note } } }"


@dataclass
class Shelf:
    """A folder in which somebody files contents, and what was done with these."""

    desk: object
    folder: UUID
    clerk: UUID

    def filed(self, *contents):
        """A Document with these contents as its Versions; returns it with their ids."""
        document, made = self.desk.world.document(self.folder), []
        for seen, content in enumerate(contents, start=1):
            upload = NamedUpload(self.desk.upload(self.clerk, content), "a.txt")
            made.append(
                self.desk.do(self.clerk, versions.add, document, expected_revision=seen, upload=upload)
            )
        return document, made

    def did(self, document, version, *notes):
        """Let things be done with the content of a Version, one after the other; returns their ids."""
        ids = [new_id() for _ in notes]

        def body(work):
            blob = session_of(work).scalar(
                select(ContentFile.blob_id).where(ContentFile.version_id == version)
            )
            for at, (key, note) in enumerate(zip(ids, notes, strict=True), start=1_000):
                work.add(reading(key, document, blob, note=note, at=Instant(at)))

        self.desk.world.build(body)
        return ids


def reading(key, document, blob, *, note, at):
    return PreservationEvent(
        id=key,
        document_id=document,
        blob_id=blob,
        kind=PreservationKind.FORMAT_IDENTIFICATION,
        outcome=PreservationOutcome.PASSED,
        note=note,
        at=at,
    )


@pytest.fixture(scope="module")
def shelf(desk, world):
    folder = world.aggregation()
    clerk = world.holder(folder, Action.EDIT, Action.READ_METADATA)
    return Shelf(desk, folder, clerk)


def notes(connection):
    return [node["note"] for node in connection["nodes"]]


def of_version(api, user, version, **given):
    asked = {"id": global_id(Kind.VERSION, version), **given}
    return api.ask(ONE, asked, as_user=user).data["version"]["preservationEvents"]


def test_check_of_the_stored_bytes_shows_on_the_version(api, house, shelf):
    document, (version,) = shelf.filed(b"checked")

    manner = Manner(Choice(Instant(1 << 60)), is_deep=False, bytes_per_s=0)
    Scrub(house.works, house.vault, system_actor("scrub"), manner=manner, rest=lambda _: False).run(
        lambda *_: None
    )

    shown = of_version(api, shelf.clerk, version)
    (event,) = shown["nodes"]
    assert (shown["totalCount"], event["documentId"]) == (1, global_id(Kind.DOCUMENT, document))
    assert (event["kind"], event["outcome"], event["note"]) == ("FIXITY_CHECK", "PASSED", None)


def test_history_is_paged_from_the_newest_on(api, shelf):
    document, (version,) = shelf.filed(b"paged")
    shelf.did(document, version, "one", "two", "three")

    first = of_version(api, shelf.clerk, version, first=2)
    second = of_version(api, shelf.clerk, version, first=2, after=first["pageInfo"]["endCursor"])

    assert (notes(first), first["pageInfo"]["hasNextPage"]) == (["three", "two"], True)
    assert (notes(second), second["pageInfo"]["hasNextPage"]) == (["one"], False)
    assert [page["totalCount"] for page in (first, second)] == [3, 3]


def test_each_version_shows_its_own_and_the_same_bytes_share_it(api, shelf):
    document, made = shelf.filed(b"first", b"second", b"first", b"never read")
    shelf.did(document, made[0], "of the first")
    shelf.did(document, made[1], "of the second")
    _, (twin,) = shelf.filed(b"first")

    asked = {"id": global_id(Kind.DOCUMENT, document)}
    rows = api.ask(LISTED, asked, as_user=shelf.clerk).data["versions"]["nodes"]

    assert {row["number"]: notes(row["preservationEvents"]) for row in rows} == {
        1: ["of the first"],
        2: ["of the second"],
        3: ["of the first"],
        4: [],
    }
    assert notes(of_version(api, shelf.clerk, twin)) == []


def test_document_tells_of_all_its_contents_and_of_those_that_are_gone(api, desk, shelf):
    document, made = shelf.filed(b"of one", b"of two")
    shelf.did(document, made[0], "one")
    shelf.did(document, made[1], "two", "three")
    gone = reading(new_id(), document, new_id(), note="gone", at=Instant(9_000))
    desk.world.build(lambda work: work.add(gone))
    asked = {"id": global_id(Kind.DOCUMENT, document), "first": 3}

    pages = []
    for _ in range(2):
        pages.append(api.ask(WHOLE, asked, as_user=shelf.clerk).data["document"]["preservationEvents"])
        asked["after"] = pages[-1]["pageInfo"]["endCursor"]

    first, second = (notes(page) for page in pages)
    assert (first[:2], sorted((first[2], *second))) == (["gone", "three"], ["one", "two"])
    assert [page["totalCount"] for page in pages] == [4, 4]


@pytest.mark.parametrize("text", ["preservationEvents", "versions"])
def test_later_page_of_what_may_only_be_known_of_is_null(api, desk, world, shelf, text):
    reader = world.holder(shelf.folder, Action.READ_METADATA)
    document, made = shelf.filed(b"page one", b"page two")
    shelf.did(document, made[0], "one", "two")
    asked = {"id": global_id(Kind.DOCUMENT, document), "first": 1}
    query = WHOLE if text == "preservationEvents" else NUMBERS
    page = api.ask(query, asked, as_user=reader).data["document"][text]
    world.entry_on_document(reader, document, Action.READ_METADATA, effect=Effect.DENY)

    asked["after"] = page["pageInfo"]["endCursor"]

    assert api.ask(query, asked, as_user=reader).data == {"document": {text: None}}


def test_versions_take_as_many_statements_whatever_was_done(api, house, shelf):
    document, made = shelf.filed(b"few", b"many")
    asked, counts = {"id": global_id(Kind.DOCUMENT, document)}, []
    for _ in range(2):
        shelf.did(document, made[1], *"abc")
        api.ask(LISTED, asked, as_user=shelf.clerk)
        with counted(house) as statements:
            api.ask(LISTED, asked, as_user=shelf.clerk)
        counts.append(len(statements))

    assert counts[0] == counts[1]


def test_event_is_read_by_its_id_and_the_reading_names_it(api, house, shelf):
    document, (version,) = shelf.filed(b"by id")
    (key,) = shelf.did(document, version, "fmt/412 (reader 1)")
    asked = {"id": global_id(Kind.PRESERVATION_EVENT, key)}

    assert api.ask(NODE, asked, as_user=shelf.clerk).data["node"] == {
        **asked,
        "kind": "FORMAT_IDENTIFICATION",
        "outcome": "PASSED",
        "note": "fmt/412 (reader 1)",
    }
    assert key.hex in str(last_of(house, shelf.clerk)["released"])


@pytest.mark.parametrize("action", [Action.DISCOVER, Action.READ_METADATA])
def test_history_of_what_may_not_be_read_is_answered_as_none(api, house, world, shelf, action):
    reader = world.holder(shelf.folder, Action.READ_METADATA)
    document, (version,) = shelf.filed(b"hidden")
    (key,) = shelf.did(document, version, "secret")
    world.entry_on_document(reader, document, action, effect=Effect.DENY)
    api.ask(LISTED, {"id": "none"}, as_user=reader)  # what is read once for all is read

    for text, hidden, kind in (
        (NODE, key, Kind.PRESERVATION_EVENT),
        (NODE, version, Kind.VERSION),
        (ONE, version, Kind.VERSION),
        (LISTED, document, Kind.DOCUMENT),
    ):
        answers = []
        for each in (hidden, new_id()):
            change_policy(house)
            with counted(house) as statements:
                content = api.ask(text, {"id": global_id(kind, each)}, as_user=reader).timeless
            answers.append((content, len(statements)))
        assert answers[0] == answers[1]
        assert b"null" in answers[0][0]
