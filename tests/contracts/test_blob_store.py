"""The contract of Blob stores, and what the local disk adds to it."""

from __future__ import annotations

import hashlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from dms.base.clock import Instant, system_clock
from dms.base.errors import ConfigurationError, StoreFull, Unavailable
from dms.stores.blobs import (
    BlobDamaged,
    BlobMissing,
    NotDurable,
    StagedGone,
    StagedLeft,
    StoredDigest,
    StoreFailed,
)
from dms.stores.blobs_local import LocalBlobStore

ABSENT = StoredDigest("0" * 64)
FAR = Instant(1 << 62)


def address(content):
    return hashlib.sha256(content).hexdigest()


def put(store, *contents):
    group = store.group()
    digests = [write(group, content) for content in contents]
    group.publish()
    return digests


def write(group, content, *, pieces=1_000_000):
    staged = group.stage(expected_bytes=len(content))
    for at in range(0, len(content), pieces):
        staged.write(content[at : at + pieces])
    return staged.finish()


def read(store, digest):
    with closing(store.open(digest)) as reader:
        return reader.read(0, reader.stored_bytes)


class BlobStoreContract:
    """Run by a subclass with a fixture `store`: a new, empty store."""

    tick = 50_000
    """How coarse its clock is, in microseconds: a file system keeps time in ticks of some milliseconds."""

    @pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
    def test_bytes_come_back_under_their_digest(self, store, size):
        content = os.urandom(size)

        (digest,) = put(store, content)

        assert digest == address(content)
        assert read(store, digest) == content
        assert store.head(digest).stored_bytes == len(content)

    def test_range_gives_exactly_its_bytes(self, store):
        (digest,) = put(store, bytes(range(256)))

        with closing(store.open(digest)) as reader:
            assert reader.stored_bytes == 256
            assert reader.read(10, 5) == bytes([10, 11, 12, 13, 14])
            assert reader.read(255, 1) == b"\xff"
            assert reader.read(256, 0) == b""

    def test_range_beyond_the_end_is_damage(self, store):
        (digest,) = put(store, b"short")

        with closing(store.open(digest)) as reader, pytest.raises(BlobDamaged) as caught:
            reader.read(3, 3)

        assert caught.value.digest == digest

    def test_absent_blob_is_missing(self, store):
        for ask in (store.open, store.head):
            with pytest.raises(BlobMissing) as caught:
                ask(ABSENT)
            assert caught.value.digest == ABSENT

    @pytest.mark.parametrize("bad", ["", "ab", "../" + "a" * 61, "A" * 64, "g" * 64, "a" * 64 + "\n"])
    def test_address_that_is_none_is_refused(self, store, bad):
        for ask in (store.open, store.head, store.delete):
            with pytest.raises(ValueError, match="is no address of a Blob"):
                ask(StoredDigest(bad))

    def test_nothing_is_visible_before_the_group_is_published(self, store):
        group = store.group()
        one, two = write(group, b"one"), write(group, b"two")

        assert list(store.list()) == []
        with pytest.raises(BlobMissing):
            store.open(one)
        group.publish()

        assert {blob.digest for blob in store.list()} == {one, two}

    def test_unfinished_and_aborted_blobs_do_not_come_along(self, store):
        group = store.group()
        kept = write(group, b"kept")
        unfinished = group.stage(expected_bytes=0)
        unfinished.write(b"unfinished")
        aborted = group.stage(expected_bytes=0)
        aborted.write(b"aborted")
        aborted.abort()

        group.publish()

        assert [blob.digest for blob in store.list()] == [kept]
        assert store.sweep_staged(before=FAR) == 0

    def test_aborted_group_leaves_nothing(self, store):
        group = store.group()
        write(group, b"one")
        group.stage(expected_bytes=0).write(b"two")

        group.abort()

        assert list(store.list()) == []
        assert store.sweep_staged(before=FAR) == 0

    def test_abort_after_publish_changes_nothing(self, store):
        group = store.group()
        staged = group.stage(expected_bytes=0)
        digest = staged.finish()
        group.publish()

        staged.abort()
        group.abort()

        assert read(store, digest) == b""

    def test_finished_or_dropped_blob_takes_no_more(self, store):
        group = store.group()
        finished, dropped = group.stage(expected_bytes=0), group.stage(expected_bytes=0)
        finished.finish()
        dropped.abort()

        for staged in (finished, dropped):
            for more in (lambda staged=staged: staged.write(b"x"), staged.finish):
                with pytest.raises(ValueError, match="finished or dropped already"):
                    more()
        group.abort()

    def test_same_bytes_twice_are_one_blob(self, store):
        first = put(store, b"twin", b"twin")
        second = put(store, b"twin")

        assert {*first, *second} == {address(b"twin")}
        assert [blob.stored_bytes for blob in store.list()] == [4]

    def test_empty_group_publishes_nothing(self, store):
        store.group().publish()

        assert list(store.list()) == []

    def test_deleted_blob_is_gone_and_deleting_again_is_no_error(self, store):
        digest, other = put(store, b"gone", b"stays")

        store.delete(digest)
        store.delete(digest)

        assert [blob.digest for blob in store.list()] == [other]
        with pytest.raises(BlobMissing):
            store.head(digest)

    def test_list_is_in_order_and_tells_size_and_age(self, store):
        before = system_clock()
        contents = [bytes([n]) * (n + 1) for n in range(40)]

        put(store, *contents)

        found = list(store.list())
        assert [blob.digest for blob in found] == sorted(address(content) for content in contents)
        assert sum(blob.stored_bytes for blob in found) == 820
        assert all(before - self.tick <= blob.written_at <= system_clock() for blob in found)
        assert found == [store.head(blob.digest) for blob in found]

    def test_sweep_leaves_living_writers_alone(self, store):
        group = store.group()
        digest = write(group, b"still writing")

        assert list(store.list_staged()) == []
        assert store.sweep_staged(before=FAR) == 0
        group.publish()

        assert read(store, digest) == b"still writing"

    def test_paused_bytes_are_found_by_name_and_go_on(self, store):
        group = store.group()
        staged = group.stage(expected_bytes=0)
        staged.write(b"first ")
        staged.pause()

        with closing(store.open_staged(staged.name)) as reader:
            assert (reader.stored_bytes, reader.read(0, 6)) == (6, b"first ")
            assert not staged.wake()
        assert staged.wake()
        with pytest.raises(StagedGone):
            store.open_staged(staged.name)
        staged.write(b"second")
        digest = staged.finish()
        group.publish()

        assert read(store, digest) == b"first second"
        with closing(store.open_staged(staged.name)) as reader:  # until no row names it
            assert reader.read(0, 6) == b"first "
        store.drop_staged(staged.name)
        with pytest.raises(StagedGone):
            store.open_staged(staged.name)
        assert read(store, digest) == b"first second"

    def test_paused_bytes_stay_when_the_writer_gives_up(self, store):
        group = store.group()
        staged = group.stage(expected_bytes=0)
        staged.write(b"acknowledged")
        staged.pause()
        assert staged.wake()
        staged.write(b" and what nobody confirmed")

        group.abort()

        with closing(store.open_staged(staged.name)) as reader:
            assert reader.read(0, 12) == b"acknowledged"
        store.drop_staged(staged.name)
        assert list(store.list_staged()) == []

    def test_paused_bytes_stay_while_they_are_kept_and_can_be_dropped(self, store):
        group = store.group()
        staged = group.stage(expected_bytes=0)
        staged.write(b"waiting")
        staged.pause()

        assert [(left.name, left.stored_bytes) for left in store.list_staged()] == [(staged.name, 7)]
        assert store.sweep_staged(before=FAR, kept=[staged.name]) == 0
        store.drop_staged(staged.name)
        store.drop_staged(staged.name)

        assert list(store.list_staged()) == []
        assert not staged.wake()
        group.abort()

    @pytest.mark.parametrize("bad", ["", "../" + "a" * 29, "A" * 32, "a" * 33])
    def test_name_that_is_none_of_staged_bytes_is_refused(self, store, bad):
        for ask in (store.open_staged, store.drop_staged):
            with pytest.raises(ValueError, match="is no name of staged bytes"):
                ask(bad)

    def test_many_threads_may_put_and_read_at_once(self, store):
        contents = [os.urandom(30_000) for _ in range(32)]

        with ThreadPoolExecutor(8) as pool:
            digests = list(pool.map(lambda content: put(store, content)[0], contents))
            found = list(pool.map(lambda digest: read(store, digest), digests))

        assert found == contents


class TestLocalBlobStore(BlobStoreContract):
    @pytest.fixture
    def root(self, tmp_path):
        LocalBlobStore.set_up(tmp_path / "home" / "blobs")
        return tmp_path / "home" / "blobs"

    @pytest.fixture
    def store(self, root):
        return LocalBlobStore(root, reserve_bytes=0)

    def test_blob_lies_under_the_first_two_digits_for_its_owner_only(self, store, root):
        (digest,) = put(store, b"thing")

        path = root / digest[:2] / digest
        assert path.read_bytes() == b"thing"
        assert stat.S_IMODE(path.stat().st_mode) == 0o400
        assert {stat.S_IMODE(d.stat().st_mode) for d in (root, path.parent, root / "staging")} == {0o700}

    def test_set_up_again_keeps_what_is_there(self, store, root):
        (digest,) = put(store, b"thing")

        LocalBlobStore.set_up(root)

        assert read(store, digest) == b"thing"
        assert len(list(root.iterdir())) == 257

    def test_folder_that_is_no_store_is_refused(self, root, tmp_path):
        (root / "7f").rmdir()

        for folder in (root, tmp_path / "absent", tmp_path):
            with pytest.raises(ConfigurationError, match="is no complete Blob store: run `dms migrate`"):
                LocalBlobStore(folder, reserve_bytes=0)

    def test_strange_files_are_not_listed(self, store, root):
        (digest,) = put(store, b"thing")
        (root / "00" / "notes.txt").write_bytes(b"")
        (root / "00" / ("f" * 64)).write_bytes(b"")

        assert [blob.digest for blob in store.list()] == [digest]

    def test_sweep_removes_what_dead_writers_left_once_it_is_old(self, store, root):
        old, young = root / "staging" / "old", root / "staging" / "young"
        for path, age_s in ((old, 2_000), (young, 1_000)):
            path.write_bytes(b"left")
            os.utime(path, (9_000 - age_s, 9_000 - age_s))

        assert store.sweep_staged(before=Instant(8_000 * 1_000_000)) == 1

        assert [path.name for path in (root / "staging").iterdir()] == ["young"]

    def test_what_dead_writers_left_is_listed_with_size_and_age_and_stays(self, store, root):
        for name, age_s in (("b", 2_000), ("a", 1_000)):
            path = root / "staging" / name
            path.write_bytes(b"left" + name.encode())
            os.utime(path, (9_000 - age_s, 9_000 - age_s))

        found = list(store.list_staged())

        assert found == [
            StagedLeft("a", 5, Instant(8_000 * 1_000_000)),
            StagedLeft("b", 5, Instant(7_000 * 1_000_000)),
        ]
        assert list(store.list_staged()) == found

    def test_deleted_blob_is_read_to_its_end_by_who_has_it_open(self, store):
        (digest,) = put(store, b"thing")

        with closing(store.open(digest)) as reader:
            store.delete(digest)
            assert reader.read(0, 5) == b"thing"

    def test_disk_below_its_reserve_takes_nothing(self, root):
        store = LocalBlobStore(root, reserve_bytes=1 << 62)

        with pytest.raises(StoreFull) as caught:
            store.group().stage(expected_bytes=0)

        assert (caught.value.code, caught.value.status) == ("STORE_FULL", 507)
        assert caught.value.message == (
            "the Blob store has no room for this content: free some space on its disk and try again"
        )
        assert list((root / "staging").iterdir()) == []

    def test_announced_size_that_would_break_the_reserve_is_refused_at_once(self, root):
        free = os.statvfs(root)
        store = LocalBlobStore(root, reserve_bytes=0)

        with pytest.raises(StoreFull):
            store.group().stage(expected_bytes=2 * free.f_bavail * free.f_frsize)

        assert list((root / "staging").iterdir()) == []

    def test_errors_are_answers_that_the_door_can_show(self):
        for error in (BlobMissing, BlobDamaged, StoreFailed, NotDurable):
            assert issubclass(error, Unavailable)
            assert (error.code, error.status) == ("UNAVAILABLE", 503)
