"""Uploads in parts beside a disk that is full or fails, and a database that does not commit."""

from __future__ import annotations

import errno
import os

import pytest

from dms.base.errors import Busy, NotRecorded, StoreFull
from dms.services import partialuploads
from dms.stores.work import Works
from tests.web.transfers import error_of, transfers
from tests.web.tus import NOISE, Tus, content_of, row_of


@pytest.fixture(scope="module")
def desk(house):
    with transfers(house) as made:
        yield made


@pytest.fixture
def tus(desk, clerk):
    return Tus(desk, clerk)


class Full:
    """A store whose disk fills up after some writes."""

    def __init__(self, store):
        self._store, self.writes = store, 10**9

    def __getattr__(self, name):
        return getattr(self._store, name)

    def group(self):
        return _FullGroup(self, self._store.group())


class _FullGroup:
    def __init__(self, store, group):
        self._store, self._group = store, group

    def __getattr__(self, name):
        return getattr(self._group, name)

    def stage(self, *, expected_bytes):
        staged = self._group.stage(expected_bytes=expected_bytes)
        return _FullFile(self._store, staged)


class _FullFile:
    def __init__(self, store, staged):
        self._store, self._staged = store, staged

    def __getattr__(self, name):
        return getattr(self._staged, name)

    def write(self, stored):
        self._store.writes -= 1
        if self._store.writes < 0:
            raise StoreFull("the Blob store has no room for this content: free some space and try again")
        self._staged.write(stored)


def test_a_disk_that_fills_up_in_the_middle_loses_no_part_that_was_kept(house, clerk):
    store = Full(house.vault.store)
    with transfers(house, store=store) as desk:
        tus = Tus(desk, clerk)
        path = tus.start(len(NOISE))
        tus.patch(path, 0, NOISE[:300_000])
        store.writes = 0

        full = tus.patch(path, 300_000, NOISE[300_000:])
        store.writes = 10**9

        assert error_of(full)[:2] == (507, "STORE_FULL")
        assert tus.offset(path) == 300_000
        tus.resume(path, NOISE, chunk_bytes=1_000_000)
        assert content_of(house, row_of(house, tus, path)) == NOISE


@pytest.mark.parametrize("name", ["write", "fsync", "link"])
def test_a_disk_that_fails_at_any_step_loses_no_part_that_was_kept(house, desk, tus, monkeypatch, name):
    staged, stored = desk.staged(), desk.stored()
    path = tus.start(len(NOISE))
    tus.patch(path, 0, NOISE[:300_000])

    with monkeypatch.context() as patched:
        patched.setattr(os, name, refused)
        failed = tus.patch(path, 300_000, NOISE[300_000:])

    assert (failed.status_code, tus.offset(path), desk.stored()) == (503, 300_000, stored)
    tus.resume(path, NOISE, chunk_bytes=1_000_000)
    assert content_of(house, row_of(house, tus, path)) == NOISE
    assert desk.staged() == staged


def refused(*_arguments, **_options):
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_last_commit_that_fails_loses_no_part_that_was_kept(house, desk, tus, monkeypatch):
    staged, stored = desk.staged(), desk.stored()
    path = tus.start(len(NOISE))
    tus.patch(path, 0, NOISE[:300_000])

    def busy(*_arguments, **_options):
        raise Busy("the database is busy writing: try again in a moment")

    with monkeypatch.context() as patched:
        patched.setattr(partialuploads, "complete", busy)
        assert tus.patch(path, 300_000, NOISE[300_000:]).status_code == 503

    assert (tus.offset(path), desk.stored()) == (300_000, stored)
    tus.resume(path, NOISE, chunk_bytes=1_000_000)
    assert content_of(house, row_of(house, tus, path)) == NOISE
    assert desk.staged() == staged


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_commit_of_which_nobody_knows_loses_no_part_that_was_kept(house, desk, tus, monkeypatch, is_kept):
    path = tus.start(len(NOISE))
    tus.patch(path, 0, NOISE[:300_000])
    write = Works.write

    def doubtful(works, actor, body, **options):
        if is_kept:
            write(works, actor, body, **options)
        raise NotRecorded("nobody knows whether this was kept: look before you repeat it")

    with transfers(house) as other, monkeypatch.context() as patched:
        again = Tus(other, tus.user)
        patched.setattr(Works, "write", doubtful)
        assert again.patch(path, 300_000, NOISE[300_000:400_000]).status_code == 503

    assert tus.offset(path) == (400_000 if is_kept else 300_000)
    tus.resume(path, NOISE, chunk_bytes=1_000_000)
    assert content_of(house, row_of(house, tus, path)) == NOISE
