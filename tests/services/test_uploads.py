"""Uploads: one's own, within the quota, named once, gone when they expire."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import select

from dms.base import errors
from dms.base.actor import system_actor
from dms.base.clock import DAY
from dms.base.ids import new_id
from dms.models.versions import Upload, UploadState
from dms.services import partialuploads, uploads
from dms.services.uploads import Allowance
from dms.stores.work import session_of
from tests.desk import GENEROUS

LETTER = b"Dear Sir"
SHA256 = hashlib.sha256(LETTER).hexdigest()


def row_of(desk, user, upload_id):
    own_id = uploads.row_id(user, upload_id)

    def read(work):
        return session_of(work).execute(select(Upload).where(Upload.id == own_id)).scalar_one_or_none()

    return desk.world.build(read)


def test_received_bytes_wait_under_the_id_that_was_chosen(desk, clerk):
    upload_id = desk.upload(clerk, LETTER)

    row = row_of(desk, clerk, upload_id)
    assert (row.owner_id, row.state, row.plain_bytes) == (clerk, UploadState.RECEIVED, 8)
    assert (row.plain_sha256, row.media_type, row.declared_media_type) == (
        SHA256,
        "text/plain",
        "text/x-letter",
    )
    assert row.expires_at - row.created_at == DAY
    event = desk.event(clerk)
    assert (event["op"], event["outcome"]) == ("upload.finish", "committed")
    assert event["changed"][0][0] == uploads.row_id(clerk, upload_id).hex


def test_an_upload_that_is_new_and_fits_is_admitted(desk, clerk):
    asked = {"size_bytes": 10, "allowance": Allowance(quota_bytes=10, quota_count=1_000, expiry_s=1)}

    assert desk.see(clerk, uploads.admit, new_id(), **asked) is None
    assert desk.event(clerk)["op"] == "upload.start"


def test_the_same_bytes_again_are_the_same_upload(desk, clerk):
    upload_id = desk.upload(clerk, LETTER)
    first = row_of(desk, clerk, upload_id)

    desk.upload(clerk, LETTER, upload_id=upload_id)

    assert row_of(desk, clerk, upload_id).stored_digest == first.stored_digest
    known = desk.see(clerk, uploads.admit, upload_id, size_bytes=8, allowance=GENEROUS)
    assert known.id == first.id


def test_other_bytes_under_the_same_id_are_a_conflict(desk, clerk):
    upload_id = desk.upload(clerk, LETTER)

    with pytest.raises(errors.Conflict, match="^other bytes were sent under this id before: make a new one$"):
        desk.upload(clerk, b"other", upload_id=upload_id)


def test_two_accounts_that_choose_the_same_id_have_two_uploads(desk, clerk, world):
    upload_id = desk.upload(clerk, LETTER)
    other = world.user()

    assert desk.see(other, uploads.admit, upload_id, size_bytes=1, allowance=GENEROUS) is None
    desk.upload(other, b"another letter", upload_id=upload_id)

    assert desk.do(clerk, uploads.take, upload_id, sha256=None).blob.plain_bytes == 8
    assert desk.do(other, uploads.take, upload_id, sha256=None).blob.plain_bytes == 14


def test_a_chosen_id_that_names_something_else_does_not_stand_for_it_in_the_log(desk, clerk, world):
    document_id = world.document(world.aggregation())

    desk.upload(clerk, upload_id=document_id)

    assert document_id.hex not in str(desk.event(clerk))


def test_the_id_of_an_expired_upload_is_not_used_again(desk, clerk):
    upload_id = desk.upload(clerk, allowance=Allowance(quota_bytes=100, quota_count=1_000, expiry_s=0))

    for again in (
        lambda: desk.see(clerk, uploads.admit, upload_id, size_bytes=8, allowance=GENEROUS),
        lambda: desk.upload(clerk, upload_id=upload_id),
    ):
        with pytest.raises(errors.Conflict, match="^the upload under this id has expired: make a new one$"):
            again()


def test_the_quota_counts_all_that_waits(desk, clerk):
    small = Allowance(quota_bytes=20, quota_count=1_000, expiry_s=60)
    desk.upload(clerk, LETTER, allowance=small)
    desk.upload(clerk, LETTER, allowance=small)

    with pytest.raises(uploads.OverQuota, match="may hold 20 bytes") as refused:
        desk.upload(clerk, LETTER, allowance=small)
    with pytest.raises(uploads.OverQuota):
        desk.see(clerk, uploads.admit, new_id(), size_bytes=5, allowance=small)

    assert (refused.value.code, refused.value.status) == ("LIMIT", 413)
    assert desk.see(clerk, uploads.admit, new_id(), size_bytes=4, allowance=small) is None


def test_the_quota_counts_empty_uploads_and_those_in_parts_too(desk, clerk):
    two = Allowance(quota_bytes=20, quota_count=2, expiry_s=60)
    desk.upload(clerk, b"", allowance=two)
    begun = desk.do(
        clerk, partialuploads.start, new_id(), length_bytes=0, told=None, media_type=None, allowance=two
    )

    refusals = []
    for use_case, options in (
        (partialuploads.start, {"length_bytes": 0, "told": None, "media_type": None}),
        (uploads.admit, {"size_bytes": 0}),
    ):
        with pytest.raises(uploads.OverQuota) as refused:
            desk.do(clerk, use_case, new_id(), **options, allowance=two)
        refusals.append((refused.value.code, refused.value.status, refused.value.message))

    message = (
        "you may have 2 uploads that no Document names yet: file or cancel some of them first, "
        "or wait until they expire"
    )
    assert (begun.offset, refusals) == (0, [("LIMIT", 413, message)] * 2)
    with pytest.raises(uploads.OverQuota):
        desk.upload(clerk, b"", allowance=two)


def test_what_is_named_counts_no_more_and_is_named_once(desk, clerk):
    small = Allowance(quota_bytes=8, quota_count=1_000, expiry_s=60)
    upload_id = desk.upload(clerk, LETTER, allowance=small)

    taken = desk.do(clerk, uploads.take, upload_id, sha256=SHA256)

    assert (taken.blob.plain_sha256, taken.media_type) == (SHA256, "text/plain")
    assert desk.see(clerk, uploads.admit, new_id(), size_bytes=8, allowance=small) is None
    with pytest.raises(errors.Invalid, match="^there is no such upload of yours waiting"):
        desk.do(clerk, uploads.take, upload_id, sha256=None)


def test_a_named_upload_keeps_no_key(desk, clerk):
    upload_id = desk.upload(clerk)

    desk.do(clerk, uploads.take, upload_id, sha256=None)

    row = row_of(desk, clerk, upload_id)
    assert (row.state, row.kek, row.wrapped) == (UploadState.USED, "", b"")


def test_another_digest_than_the_senders_is_refused_and_the_upload_stays(desk, clerk):
    upload_id = desk.upload(clerk, LETTER)

    with pytest.raises(errors.Invalid) as refused:
        desk.do(clerk, uploads.take, upload_id, sha256="0" * 64)

    assert refused.value.message == f"the bytes that arrived have the digest `{SHA256}`: send them again"
    assert refused.value.path == ("upload", "digest")
    assert row_of(desk, clerk, upload_id).state is UploadState.RECEIVED


def test_a_foreign_upload_reads_as_absent(desk, clerk, world):
    upload_id = desk.upload(clerk)
    said = []
    for asked in (upload_id, new_id()):
        with pytest.raises(errors.Invalid) as refused:
            desk.do(world.user(), uploads.take, asked, sha256=None)
        said.append((refused.value.message, refused.value.path))

    assert said[0] == said[1]


def test_expired_uploads_are_of_no_use_and_are_swept(desk, clerk):
    gone = Allowance(quota_bytes=100, quota_count=1_000, expiry_s=0)
    upload_id = desk.upload(clerk, LETTER, allowance=gone)
    digest = row_of(desk, clerk, upload_id).stored_digest
    kept = desk.upload(clerk)

    with pytest.raises(errors.Invalid, match="^there is no such upload of yours waiting"):
        desk.do(clerk, uploads.take, upload_id, sha256=None)
    swept = desk.house.works.write(system_actor("sweep"), uploads.sweep)

    assert digest in swept.digests
    assert row_of(desk, clerk, upload_id) is None
    assert row_of(desk, clerk, kept) is not None
    assert desk.house.works.write(system_actor("sweep"), uploads.sweep).count == 0
