"""The vault: what goes in comes out, in any range, and nothing else passes for it."""

from __future__ import annotations

import hashlib
import random
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.clock import system_clock
from dms.base.ids import new_id
from dms.stores.blobs import PIECE_BYTES, BlobDamaged, BlobMissing
from dms.stores.blobs_local import LocalBlobStore
from dms.stores.crypto import HEADER_BYTES, SEALED_SEGMENT_BYTES, SEGMENT_BYTES, KeyUnavailable
from dms.stores.keys_file import FileKeyStore
from dms.stores.vault import Vault

NOISE = random.Random(11).randbytes(2 * PIECE_BYTES + 70_000)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("home") / "blobs"


@pytest.fixture(scope="module")
def vault(root):
    LocalBlobStore.set_up(root)
    keys = FileKeyStore.create(root.parent.with_suffix(".keys"), data_folder=root.parent, clock=system_clock)
    return Vault(LocalBlobStore(root, reserve_bytes=0), keys)


@pytest.fixture(scope="module")
def large(vault):
    return put(vault, NOISE)


def put(vault, plain, *, pieces=PIECE_BYTES):
    with vault.writer(new_id(), expected_bytes=len(plain)) as writer:
        for at in range(0, len(plain), pieces):
            writer.write(plain[at : at + pieces])
        return writer.finish()


def read(vault, blob):
    return b"".join(vault.read(blob, start=0, length=blob.plain_bytes))


def path_of(root, blob):
    return root / blob.stored_digest[:2] / blob.stored_digest


def overwrite(path, at, content):
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


@pytest.mark.parametrize("size", [0, 1, SEGMENT_BYTES, PIECE_BYTES, PIECE_BYTES + 1, len(NOISE)])
def test_content_of_any_size_comes_back_with_its_digests(vault, root, size):
    blob = put(vault, NOISE[:size])

    stored = path_of(root, blob).read_bytes()
    assert read(vault, blob) == NOISE[:size]
    assert (blob.plain_bytes, blob.plain_sha256) == (size, hashlib.sha256(NOISE[:size]).hexdigest())
    assert (blob.stored_bytes, blob.stored_digest) == (len(stored), hashlib.sha256(stored).hexdigest())
    vault.verify(blob)
    vault.verify_stored(blob.stored_digest)


@given(st.data())
def test_range_equals_slice(vault, large, data):
    start = data.draw(st.integers(0, len(NOISE)))
    length = data.draw(st.integers(0, len(NOISE) - start))

    pieces = list(vault.read(large, start=start, length=length))

    assert b"".join(pieces) == NOISE[start : start + length]
    assert all(0 < len(piece) <= PIECE_BYTES for piece in pieces)


def test_range_outside_the_content_is_refused(vault, large):
    with pytest.raises(ValueError, match="are not within"):
        list(vault.read(large, start=len(NOISE), length=1))


def test_same_content_twice_shares_nothing(vault):
    first, second = put(vault, b"twin"), put(vault, b"twin")

    assert first.plain_sha256 == second.plain_sha256
    assert first.stored_digest != second.stored_digest
    assert first.wrapped != second.wrapped


def test_writer_left_without_finish_leaves_nothing(vault, root):
    before = list(vault.store.list())

    with vault.writer(new_id()) as writer:
        writer.write(NOISE)

    assert list(vault.store.list()) == before
    assert list((root / "staging").iterdir()) == []


def test_digest_and_length_are_known_before_finish(vault):
    with vault.writer(new_id()) as writer:
        writer.write(b"to be")
        writer.write(b" compared")

        assert writer.plain_bytes == 14
        assert writer.plain_sha256 == hashlib.sha256(b"to be compared").hexdigest()


def test_finished_writer_takes_no_more(vault):
    writer = vault.writer(new_id())
    writer.finish()

    with pytest.raises(ValueError, match="finished or dropped already"):
        writer.finish()


def test_group_becomes_visible_as_one(vault):
    before = {found.digest for found in vault.store.list()}
    contents = [NOISE[:size] for size in (0, 20_000, SEGMENT_BYTES, 3 * SEGMENT_BYTES)]
    blobs = []

    with vault.group() as group:
        for content in contents:
            with group.writer(new_id(), expected_bytes=len(content)) as writer:
                writer.write(content)
                blobs.append(writer.finish())
        with group.writer(new_id()) as unreadable:
            unreadable.write(b"half a file")
        seen_before_publish = {found.digest for found in vault.store.list()}
        group.publish()

    assert seen_before_publish == before
    assert {found.digest for found in vault.store.list()} == before | {b.stored_digest for b in blobs}
    assert [read(vault, blob) for blob in blobs] == contents


def test_group_left_without_publish_leaves_nothing(vault, root):
    with vault.group() as group:
        blob = group.writer(new_id()).finish()

    with pytest.raises(BlobMissing):
        vault.open(blob)
    assert list((root / "staging").iterdir()) == []


def test_group_is_full_at_256_blobs(vault):
    with vault.group() as group:
        fullness = []
        for _ in range(256):
            fullness.append(group.is_full)
            group.writer(new_id()).finish()

        assert fullness == [False] * 256
        assert group.is_full


def test_missing_blob_is_told_before_the_answer_begins(vault):
    blob = put(vault, b"soon gone")
    vault.store.delete(blob.stored_digest)

    with pytest.raises(BlobMissing) as caught:
        vault.open(blob)

    assert caught.value.digest == blob.stored_digest
    assert caught.value.message == "the stored content is missing: ask the administrator to run `dms check`"


def test_shortened_blob_is_told_before_the_answer_begins(vault, root):
    blob = put(vault, NOISE)
    path_of(root, blob).chmod(0o600)
    with path_of(root, blob).open("r+b") as file:
        file.truncate(HEADER_BYTES + SEALED_SEGMENT_BYTES)

    with pytest.raises(BlobDamaged, match="the stored content is damaged"):
        vault.open(blob)


def test_damage_stops_the_piece_it_lies_in_and_no_other(vault, root):
    blob = put(vault, NOISE)
    overwrite(path_of(root, blob), HEADER_BYTES + 16 * SEALED_SEGMENT_BYTES + 9, b"damage")

    with vault.open(blob) as reader:
        pieces = reader.pieces(0, len(NOISE))
        assert next(pieces) == NOISE[:PIECE_BYTES]
        with pytest.raises(BlobDamaged):
            next(pieces)
        after = 17 * SEGMENT_BYTES
        assert b"".join(reader.pieces(after, 100)) == NOISE[after : after + 100]


def test_both_checks_find_a_changed_byte(vault, root):
    blob = put(vault, NOISE)
    overwrite(path_of(root, blob), blob.stored_bytes - 1, b"\0\0")

    with pytest.raises(BlobDamaged):
        vault.verify(blob)
    with pytest.raises(BlobDamaged):
        vault.verify_stored(blob.stored_digest)


@pytest.mark.parametrize("plain", [b"", b"thing"])
def test_row_that_says_something_else_is_found(vault, plain):
    blob, other = put(vault, plain), put(vault, b"other")

    for wrong in (
        replace(blob, blob_id=other.blob_id),
        replace(blob, wrapped=other.wrapped),
        replace(blob, plain_sha256=other.plain_sha256),
        replace(blob, plain_bytes=blob.plain_bytes + 1),
        replace(blob, stored_bytes=blob.stored_bytes + 1),
    ):
        with pytest.raises(BlobDamaged):
            vault.verify(wrong)


def test_blob_whose_wrapped_key_is_gone_or_wrong_does_not_open(vault):
    blob = put(vault, b"shredded")

    with pytest.raises(KeyUnavailable, match="does not open under"):
        vault.open(replace(blob, wrapped=bytes(40)))
    with pytest.raises(KeyUnavailable, match="key-encryption key `ffff` is gone"):
        vault.open(replace(blob, kek="ffff"))


def test_wrapped_key_is_not_printed(vault):
    blob = put(vault, b"thing")

    assert "wrapped" not in repr(blob)


def test_memory_stays_flat_for_a_large_content(vault):
    piece = NOISE[:PIECE_BYTES]
    tracemalloc.start()

    with vault.writer(new_id()) as writer:
        for _ in range(48):
            writer.write(piece)
        blob = writer.finish()
    total = sum(len(part) for part in vault.read(blob, start=0, length=blob.plain_bytes))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert total == 48 * PIECE_BYTES
    assert peak < 8 * PIECE_BYTES


def test_content_whose_key_was_destroyed_while_it_came_is_refused_not_lost(tmp_path):
    root = tmp_path / "home" / "blobs"
    LocalBlobStore.set_up(root)
    keys = FileKeyStore.create(tmp_path / "dms.keys", data_folder=root.parent, clock=system_clock)
    vault = Vault(LocalBlobStore(root, reserve_bytes=0), keys)
    writer = vault.writer(new_id(), expected_bytes=len(NOISE))
    writer.write(NOISE)
    (old,) = keys.list()
    keys.retire(old.kek)
    keys.destroy(old.kek)

    with writer, pytest.raises(KeyUnavailable, match="is gone: content under it is unreadable"):
        writer.finish()

    assert list(vault.store.list()) == []
