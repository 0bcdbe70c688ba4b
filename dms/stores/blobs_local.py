"""Blobs on a disk of this machine: `ab/<64 hex>` under a root, made durable by fsync.

Order of a put: stage on the same disk, fsync, rename, fsync of the directory. A crash in between
leaves a staged file or an unreferenced Blob, both for the sweep, and never half a Blob.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from dms.base.clock import Instant
from dms.base.errors import ConfigurationError
from dms.stores.blobs import BlobMissing, StagedLeft, StoredBlob, StoredDigest, is_address, key_of
from dms.stores.staging import (
    FileReader,
    StagedFile,
    Staging,
    fsync_directory,
    in_our_words,
    in_threads,
    remove,
)

FSYNC_THREADS = 8

_DIRECTORIES = tuple(f"{number:02x}" for number in range(256))


class LocalBlobStore:
    """The `BlobStore` under a folder of this machine; `set_up` has made the folder."""

    name = "local"

    def __init__(self, root: Path, *, reserve_bytes: int) -> None:
        if not (root.is_dir() and set(_DIRECTORIES) <= _names(root)):
            raise ConfigurationError(f"`{root}` is no complete Blob store: run `dms migrate` to set it up")
        self._root = root
        self._staging = Staging(root, reserve_bytes=reserve_bytes)

    @classmethod
    def set_up(cls, root: Path) -> None:
        """Make the folder and its 257 directories, durably; what exists stays."""
        Staging.set_up(root)
        made = [root / name for name in _DIRECTORIES]
        for directory in made:
            directory.mkdir(mode=0o700, exist_ok=True)
        for directory in (root, *made):
            fsync_directory(directory)

    def group(self) -> LocalGroup:
        """Begin a group of Blobs; a single one is a group of one."""
        return LocalGroup(self._root, self._staging)

    def open(self, digest: StoredDigest) -> FileReader:
        """Open a Blob; `BlobMissing` if there is none."""
        with in_our_words(digest):
            return FileReader(os.open(self._path(digest), os.O_RDONLY), digest=digest)

    def head(self, digest: StoredDigest) -> StoredBlob:
        """Return size and age of a Blob; `BlobMissing` if there is none."""
        with in_our_words(digest):
            return _stored_blob(digest, self._path(digest).stat())

    def delete(self, digest: StoredDigest) -> None:
        """Remove a Blob durably; none under the address is no error."""
        path = self._path(digest)
        with in_our_words(digest):
            path.unlink(missing_ok=True)
        fsync_directory(path.parent)

    def list(self) -> Iterator[StoredBlob]:
        """Return every visible Blob in the order of the digests, one directory in memory at a time."""
        for name in _DIRECTORIES:
            yield from self._list_directory(name)

    def open_staged(self, name: str) -> FileReader:
        """Open what a writer let go of; `StagedGone` if it is not there, or somebody writes it."""
        return self._staging.open(name)

    def drop_staged(self, name: str) -> None:
        """Remove what a writer let go of; without effect if it is gone."""
        self._staging.drop(name)

    def list_staged(self) -> Iterator[StagedLeft]:
        """Return what nobody is writing, in the order of the names."""
        return self._staging.list_dead()

    def sweep_staged(self, *, before: Instant, kept: Collection[str] = ()) -> int:
        """Remove what nobody has written since this instant, but for these names; return how many."""
        return self._staging.sweep(before=before, kept=kept)

    def _list_directory(self, name: str) -> Sequence[StoredBlob]:
        with in_our_words():
            names = sorted(_names(self._root / name))
        found = []
        for entry in names:
            if is_address(entry) and entry.startswith(name):
                with suppress(BlobMissing):  # deleted meanwhile
                    found.append(self.head(StoredDigest(entry)))
        return found

    def _path(self, digest: StoredDigest) -> Path:
        return self._root / key_of(digest)


class LocalGroup:
    """Staged files that become visible together."""

    def __init__(self, root: Path, staging: Staging) -> None:
        self._root = root
        self._staging = staging
        self._staged: list[StagedFile] = []

    def stage(self, *, expected_bytes: int) -> StagedFile:
        """Begin a Blob of about this size; `StoreFull` if there is no room for it."""
        staged = self._staging.begin(expected_bytes=expected_bytes)
        self._staged.append(staged)
        return staged

    def publish(self) -> None:
        """Make every finished Blob durable, then visible; `NotDurable` or `StoreFailed`: none of them is."""
        finished = {self._root / key_of(file.digest): file for file in self._staged if file.digest}
        placed: list[Path] = []
        try:
            in_threads(StagedFile.make_durable, list(finished.values()), threads=FSYNC_THREADS)
            with in_our_words():
                for path, file in finished.items():
                    if file.place(path):
                        placed.append(path)
            in_threads(fsync_directory, sorted({path.parent for path in finished}), threads=FSYNC_THREADS)
        except BaseException:
            for path in placed:
                remove(path)
            raise
        finally:
            self.abort()

    def abort(self) -> None:
        """Drop what is not published."""
        for file in self._staged:
            file.abort()
        self._staged.clear()


def _names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def _stored_blob(digest: StoredDigest, status: os.stat_result) -> StoredBlob:
    return StoredBlob(digest, status.st_size, Instant(status.st_mtime_ns // 1000))
