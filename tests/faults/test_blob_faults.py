"""Failing calls, a full disk and kill -9: nothing half visible, nothing acknowledged lost."""

from __future__ import annotations

import errno
import os
import random
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import hypothesis
import pytest

from dms.base.clock import Instant, system_clock
from dms.base.errors import StoreFull
from dms.base.ids import new_id
from dms.stores.blobs import PIECE_BYTES, NotDurable, StoreFailed
from dms.stores.blobs_local import LocalBlobStore
from dms.stores.keys_file import FileKeyStore
from dms.stores.vault import Vault

FAR = Instant(1 << 62)
WRITES_PER_BLOB = 2
BLOBS = 3


@pytest.fixture
def home(tmp_path):
    LocalBlobStore.set_up(tmp_path / "var" / "blobs")
    FileKeyStore.create(tmp_path / "var.keys", data_folder=tmp_path / "var", clock=system_clock)
    return tmp_path / "var"


@pytest.fixture
def vault(home):
    return open_vault(home)


def open_vault(home):
    keys = FileKeyStore(home.with_name("var.keys"), data_folder=home, clock=system_clock)
    return Vault(LocalBlobStore(home / "blobs", reserve_bytes=0), keys)


def put(vault, *contents):
    """Put contents in one group, in two writes each."""
    with vault.group() as group:
        blobs = [put_one(group, content) for content in contents]
        group.publish()
    return blobs


def put_one(group, content):
    with group.writer(new_id()) as writer:
        writer.write(content)
        return writer.finish()


def leftovers(home):
    return [path for path in (home / "blobs").rglob("*") if path.is_file()]


class Failing:
    """Stands for a call of the operating system and refuses the one numbered `at`."""

    def __init__(self, call, *, at, number):
        self.call, self.at, self.number = call, at, number
        self.seen = []
        self.lock = threading.Lock()

    def __call__(self, *args):
        with self.lock:
            self.seen.append(args)
            refuse = len(self.seen) == self.at
        if refuse:
            raise OSError(self.number, os.strerror(self.number))
        return self.call(*args)


@pytest.mark.parametrize(
    ("name", "at", "number", "expected"),
    [
        *[("write", n + 1, errno.EIO, StoreFailed) for n in range(BLOBS * WRITES_PER_BLOB)],
        *[("write", n + 1, errno.ENOSPC, StoreFull) for n in range(BLOBS * WRITES_PER_BLOB)],
        *[("fsync", n + 1, errno.EIO, NotDurable) for n in range(BLOBS + 1)],  # files, then a directory
        ("fsync", 1, errno.ENOSPC, NotDurable),
        *[("rename", n + 1, errno.EIO, StoreFailed) for n in range(BLOBS)],
        ("rename", 2, errno.ENOSPC, StoreFull),
    ],
)
def test_failing_call_leaves_nothing_of_the_group(home, vault, monkeypatch, *, name, at, number, expected):
    monkeypatch.setattr(os, name, Failing(getattr(os, name), at=at, number=number))

    with pytest.raises(expected):
        put(vault, *[os.urandom(70_000) for _ in range(BLOBS)])

    monkeypatch.undo()
    assert leftovers(home) == []
    (kept,) = put(vault, b"a new start finds the store in order")
    vault.verify(kept)


def test_failed_fsync_is_never_tried_again(vault, monkeypatch):
    failing = Failing(os.fsync, at=1, number=errno.EIO)
    monkeypatch.setattr(os, "fsync", failing)
    writer = vault.writer(new_id())

    with pytest.raises(NotDurable, match="the disk did not confirm a write: stop the server"):
        writer.finish()
    with pytest.raises(ValueError, match="finished or dropped already"):
        writer.finish()

    assert len(failing.seen) == 1


def test_failed_fsync_of_a_deletion_is_told(vault, monkeypatch):
    (blob,) = put(vault, b"thing")
    monkeypatch.setattr(os, "fsync", Failing(os.fsync, at=1, number=errno.EIO))

    with pytest.raises(NotDurable):
        vault.store.delete(blob.stored_digest)


def test_failure_spares_an_equal_blob_that_was_there_before(home, monkeypatch):
    store = LocalBlobStore(home / "blobs", reserve_bytes=0)
    for last in (False, True):
        group = store.group()
        staged = group.stage(expected_bytes=0)
        staged.write(b"twin")
        digest = staged.finish()
        if last:
            monkeypatch.setattr(os, "fsync", Failing(os.fsync, at=2, number=errno.EIO))
            with pytest.raises(NotDurable):
                group.publish()
        else:
            group.publish()

    assert store.head(digest).stored_bytes == 4


def test_writes_that_the_system_cuts_short_are_continued(vault, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, piece: real(descriptor, piece[:10_007]))
    content = os.urandom(300_000)

    (blob,) = put(vault, content)

    assert b"".join(vault.read(blob, start=0, length=blob.plain_bytes)) == content


def test_failing_read_is_told_and_is_no_damage(vault, monkeypatch):
    (blob,) = put(vault, b"thing")
    monkeypatch.setattr(os, "pread", Failing(os.pread, at=2, number=errno.EIO))

    with pytest.raises(StoreFailed, match=r"does not answer \(Input/output error\): try again later"):
        list(vault.read(blob, start=0, length=5))


def test_refused_open_file_is_told(home, vault, monkeypatch):
    monkeypatch.setattr(os, "open", Failing(os.open, at=1, number=errno.EMFILE))

    with pytest.raises(StoreFailed, match="Too many open files"):
        vault.store.group().stage(expected_bytes=0)

    assert leftovers(home) == []


def test_refused_lock_leaves_nothing(home, vault, monkeypatch):
    from dms.stores import staging

    monkeypatch.setattr(staging.fcntl, "flock", Failing(staging.fcntl.flock, at=1, number=errno.ENOLCK))

    with pytest.raises(StoreFailed, match="No locks available"):
        vault.store.group().stage(expected_bytes=0)

    assert leftovers(home) == []


def test_disk_that_fills_up_midway_leaves_nothing(home, vault):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = vault.writer(new_id())

    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * PIECE_BYTES, hard))
    try:
        with pytest.raises(StoreFull):
            write_pieces(writer, 5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert writer.plain_bytes == 4 * PIECE_BYTES
    assert leftovers(home) == []
    with pytest.raises(ValueError, match="finished or dropped already"):
        writer.finish()


def write_pieces(writer, count):
    for _ in range(count):
        writer.write(bytes(PIECE_BYTES))


def test_reserve_reached_midway_leaves_nothing(home, vault, monkeypatch):
    writer = vault.writer(new_id())
    writer.write(bytes(PIECE_BYTES))
    full = os.statvfs_result((4096, 4096, 100, 0, 0, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "fstatvfs", lambda _: full)

    with pytest.raises(StoreFull):
        writer.write(bytes(PIECE_BYTES))

    assert leftovers(home) == []


CHILD = """
import itertools, os, random, signal, sys
from pathlib import Path
from dms.base.ids import new_id
from tests.faults.test_blob_faults import open_vault, put_one

home, name, at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
vault = open_vault(home)
calls = itertools.count(1)

def deadly(real):
    def call(*args):
        if next(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args)
    return call

if name:
    setattr(os, name, deadly(getattr(os, name)))
print("ready", flush=True)
while True:
    with vault.group() as group:
        sizes = [random.randrange(200_000) for _ in range(random.choice((1, 3, 20)))]
        blobs = [put_one(group, os.urandom(size)) for size in sizes]
        group.publish()
    print("".join(blob.stored_digest + "\\n" for blob in blobs), end="", flush=True)
"""


def run_child(home, *, name="", at=0, seconds=None):
    """Run a child that stores Blobs until it dies, and return the addresses that it acknowledged."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(home), name, str(at)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path.cwd(),
    )
    with child:
        assert child.stdout.readline() == "ready\n"
        if seconds is not None:
            time.sleep(seconds)
            child.kill()
        lines = child.stdout.read().splitlines(keepends=True)
    assert child.returncode == -9
    return {line.strip() for line in lines if line.endswith("\n")}


def assert_in_order(home, *, acknowledged):
    vault = open_vault(home)
    found = {blob.digest for blob in vault.store.list()}
    assert acknowledged <= found
    for digest in found:
        vault.verify_stored(digest)
    vault.store.sweep_staged(before=FAR)
    assert {path.name for path in leftovers(home)} == found


@pytest.mark.parametrize(
    ("name", "at"),
    [("write", 2), ("fsync", 1), ("rename", 1), ("rename", 30), ("fsync", 60)],
)
def test_kill_at_a_call_loses_nothing_acknowledged_and_leaves_whole_blobs_only(home, name, at):
    acknowledged = run_child(home, name=name, at=at)

    assert_in_order(home, acknowledged=acknowledged)


def test_kill_at_any_moment_loses_nothing_acknowledged_and_leaves_whole_blobs_only(home):
    acknowledged = set()
    for _ in range(hypothesis.settings().max_examples // 25):  # 2 while developing, 200 in the deep profile
        acknowledged |= run_child(home, seconds=random.uniform(0.01, 0.3))

    assert_in_order(home, acknowledged=acknowledged)
