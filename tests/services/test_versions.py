"""Versions: numbered without gaps, immutable, and their bytes for those who may read them."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import func, select

from dms.base import errors
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.documents import Document
from dms.models.versions import Blob, BlobKey
from dms.rules.access import Action
from dms.rules.states import DocumentState
from dms.services import versions
from dms.services.versions import NamedUpload
from dms.stores.work import session_of
from tests.factories import at_once

LETTER = b"Dear Sir"
SHA256 = hashlib.sha256(LETTER).hexdigest()


@pytest.fixture
@at_once
def draft(world, clerk):
    fonds = world.aggregation()
    world.entry(clerk, fonds, Action.EDIT)
    world.entry(clerk, fonds, Action.READ_CONTENT)
    return world.document(fonds)


def add(desk, user, document, plain=LETTER, *, revision=1, name="letter.txt", **options):
    upload = NamedUpload(desk.upload(user, plain), name, **options)
    return desk.do(user, versions.add, document, expected_revision=revision, upload=upload)


def numbers(desk, user, document, request):
    return [view.number for view in desk.see(user, versions.page, document, request).rows]


def test_the_first_upload_is_version_one_with_its_name_and_digest(desk, clerk, draft):
    made = add(desk, clerk, draft, name="a/b\\..\\Brief.txt ", sha256=SHA256, note=" As sent.\r\n")

    view = desk.see(clerk, versions.find, made)
    assert (view.document_id, view.number, view.file_name, view.note) == (draft, 1, "Brief.txt", "As sent.")
    assert (view.sha256, view.size_bytes) == (SHA256, 8)
    assert (view.media_type, view.declared_media_type) == ("text/plain", "text/x-letter")
    assert view.created_by == clerk
    row = desk.look(Document, draft)
    assert (row.current_version, row.revision, row.updated_by) == (1, 2, clerk)


def test_adding_a_version_is_recorded_for_document_and_version(desk, clerk, draft):
    made = add(desk, clerk, draft)

    event = desk.event(clerk)
    assert (event["op"], event["outcome"]) == ("version.add", "committed")
    assert [change[:3] for change in event["changed"]] == [[made.hex, None, 1], [draft.hex, 1, 2]]


def test_numbers_have_no_gaps_and_earlier_contents_stay(desk, clerk, draft):
    first = add(desk, clerk, draft)
    with pytest.raises(errors.Conflict):
        add(desk, clerk, draft, b"lost", revision=1)
    second = add(desk, clerk, draft, b"Dear Madam", revision=2)

    assert numbers(desk, clerk, draft, PageRequest(10)) == [1, 2]
    for made, plain in ((first, LETTER), (second, b"Dear Madam")):
        assert desk.bytes_of(desk.see(clerk, versions.content, made)) == plain


def test_equal_bytes_within_a_document_are_kept_once_and_never_shared_with_another(desk, clerk, draft, world):
    other = world.document(desk.look(Document, draft).aggregation_id)
    for document, revision in ((draft, 1), (draft, 2), (other, 1)):
        add(desk, clerk, document, revision=revision)

    def count(work):
        kept = select(func.count()).select_from(Blob).where(Blob.document_id.in_([draft, other]))
        keys = kept.join(BlobKey, BlobKey.blob_id == Blob.id)
        digests = select(Blob.stored_digest).where(Blob.document_id.in_([draft, other]))
        session = session_of(work)
        return session.scalar(kept), session.scalar(keys), len(set(session.scalars(digests)))

    assert world.build(count) == (2, 2, 2)
    assert numbers(desk, clerk, draft, PageRequest(10)) == [1, 2]


def test_an_upload_is_named_once(desk, clerk, draft):
    upload = NamedUpload(desk.upload(clerk), "letter.txt")
    desk.do(clerk, versions.add, draft, expected_revision=1, upload=upload)

    with pytest.raises(errors.Invalid, match="^there is no such upload of yours waiting"):
        desk.do(clerk, versions.add, draft, expected_revision=2, upload=upload)

    assert desk.look(Document, draft).current_version == 1


def test_a_failed_addition_leaves_the_upload_for_another_try(desk, clerk, draft):
    upload = NamedUpload(desk.upload(clerk), "...")

    with pytest.raises(errors.Invalid, match="^the file name holds nothing that can be shown$"):
        desk.do(clerk, versions.add, draft, expected_revision=1, upload=upload)

    again = NamedUpload(upload.upload_id, "letter.txt")
    desk.do(clerk, versions.add, draft, expected_revision=1, upload=again)
    assert desk.look(Document, draft).current_version == 1


def test_a_declared_document_takes_no_version(desk, clerk, world, draft):
    declared = world.document(desk.look(Document, draft).aggregation_id, state=DocumentState.DECLARED)

    with pytest.raises(errors.State) as refused:
        add(desk, clerk, declared)

    assert refused.value.message == "a thing in state `declared` does not permit `versionAdd`"
    assert refused.value.available == ("classAssign", "refile", "securitySet")


def test_who_may_only_read_adds_nothing(desk, world, draft):
    reader = world.user()
    world.entry_on_document(reader, draft, Action.READ_CONTENT)

    with pytest.raises(errors.Denied, match="^the access list does not give you `EDIT` here$"):
        add(desk, reader, draft)

    assert desk.look(Document, draft).current_version is None


def test_bytes_need_read_content(desk, clerk, draft, world):
    made = add(desk, clerk, draft)
    reader = world.user()
    world.entry_on_document(reader, draft, Action.READ_METADATA)

    assert desk.see(reader, versions.find, made).sha256 == SHA256
    with pytest.raises(errors.NotFound, match="^not found$"):
        desk.see(reader, versions.content, made)

    assert desk.event(reader)["refused"][0][:2] == [draft.hex, "READ_CONTENT"]


def test_a_hidden_version_reads_as_absent(desk, clerk, draft, world):
    made = add(desk, clerk, draft)
    stranger = world.user()
    world.entry_on_document(stranger, draft, Action.DISCOVER)

    for who, asked in ((stranger, made), (clerk, new_id())):
        for use_case in (versions.find, versions.content):
            with pytest.raises(errors.NotFound, match="^not found$"):
                desk.see(who, use_case, asked)
    with pytest.raises(errors.NotFound):
        desk.see(stranger, versions.page, draft, PageRequest(10))


def test_a_download_is_recorded_with_document_and_version(desk, clerk, draft):
    made = add(desk, clerk, draft)

    desk.see(clerk, versions.content, made)

    event = desk.event(clerk)
    assert (event["op"], list(event["released"])) == ("content.download", ["content"])
    (released,) = event["released"]["content"].values()
    assert sorted(released) == sorted([[draft.hex, 2, 0], [made.hex, 1, 0]])  # both of the first class


def test_versions_come_in_pages_from_both_ends(desk, clerk, draft):
    for revision in (1, 2, 3):
        add(desk, clerk, draft, b"%d" % revision, revision=revision)

    first = desk.see(clerk, versions.page, draft, PageRequest(2, want_total=True))
    rest = PageRequest(2, after=first.positions[-1])
    last = PageRequest(2, backward=True)

    assert ([view.number for view in first.rows], first.has_next, first.total) == ([1, 2], True, 3)
    assert numbers(desk, clerk, draft, rest) == [3]
    assert numbers(desk, clerk, draft, last) == [2, 3]


def test_pages_of_many_documents_need_their_metadata_released(desk, clerk, draft):
    add(desk, clerk, draft)

    with pytest.raises(errors.NotFound):
        desk.see(clerk, versions.pages, [draft], PageRequest(1))


def test_the_newest_version_of_each_is_found_at_once(desk, clerk, draft, world):
    add(desk, clerk, draft)
    add(desk, clerk, draft, b"two", revision=2)
    empty = world.document(desk.look(Document, draft).aggregation_id)

    def newest(work):
        rows = versions.gate.visible(work, Document, Action.READ_METADATA).many([draft, empty])
        return versions.current(work, rows.values())

    assert {key: view.number for key, view in desk.see(clerk, newest).items()} == {draft: 2}
