"""Blobs on a disk of this machine: `ab/<64 hex>` under a root, made durable by fsync.

Order of a put: stage on the same disk, fsync, rename, fsync of the directory. A crash in between
leaves a staged file or an unreferenced Blob, both for the sweep, and never half a Blob.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from dms.base.clock import Instant
from dms.base.errors import ConfigurationError, StoreFull
from dms.base.ids import random_bytes
from dms.stores.blobs import (
    BlobDamaged,
    BlobMissing,
    NotDurable,
    StagedLeft,
    StoredBlob,
    StoredDigest,
    StoreFailed,
)

FSYNC_THREADS = 8

_STAGING = "staging"
_DIRECTORIES = tuple(f"{number:02x}" for number in range(256))
_ADDRESS = re.compile(r"[0-9a-f]{64}")
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

T = TypeVar("T")


class LocalBlobStore:
    """The `BlobStore` under a folder of this machine; `set_up` has made the folder."""

    name = "local"

    def __init__(self, root: Path, *, reserve_bytes: int) -> None:
        if not (root.is_dir() and {_STAGING, *_DIRECTORIES} <= _names(root)):
            raise ConfigurationError(f"`{root}` is no complete Blob store: run `dms migrate` to set it up")
        self._root = root
        self._reserve_bytes = reserve_bytes

    @classmethod
    def set_up(cls, root: Path) -> None:
        """Make the folder and its 257 directories, durably; what exists stays."""
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = [root / name for name in (_STAGING, *_DIRECTORIES)]
        for directory in made:
            directory.mkdir(mode=0o700, exist_ok=True)
        for directory in (root.parent, root, *made):
            _fsync_directory(directory)

    def group(self) -> LocalGroup:
        """Begin a group of Blobs; a single one is a group of one."""
        return LocalGroup(self._root, reserve_bytes=self._reserve_bytes)

    def open(self, digest: StoredDigest) -> LocalReader:
        """Open a Blob; `BlobMissing` if there is none."""
        with _in_our_words(digest):
            return LocalReader(os.open(self._path(digest), os.O_RDONLY), digest=digest)

    def head(self, digest: StoredDigest) -> StoredBlob:
        """Return size and age of a Blob; `BlobMissing` if there is none."""
        with _in_our_words(digest):
            return _stored_blob(digest, self._path(digest).stat())

    def delete(self, digest: StoredDigest) -> None:
        """Remove a Blob durably; none under the address is no error."""
        path = self._path(digest)
        with _in_our_words(digest):
            path.unlink(missing_ok=True)
        _fsync_directory(path.parent)

    def list(self) -> Iterator[StoredBlob]:
        """Return every visible Blob in the order of the digests, one directory in memory at a time."""
        for name in _DIRECTORIES:
            yield from self._list_directory(name)

    def list_staged(self) -> Iterator[StagedLeft]:
        """Return what dead writers staged, in the order of the names; what is being written is not listed."""
        staging = self._root / _STAGING
        with _in_our_words():
            for name in sorted(_names(staging)):
                with _dead(staging / name) as status:
                    if status is not None:
                        yield StagedLeft(name, status.st_size, Instant(status.st_mtime_ns // 1000))

    def sweep_staged(self, *, before: Instant) -> int:
        """Remove what dead writers staged before this instant and return how many there were."""
        staging = self._root / _STAGING
        with _in_our_words():
            return sum(_remove_if_dead(staging / name, before=before) for name in _names(staging))

    def _list_directory(self, name: str) -> Sequence[StoredBlob]:
        with _in_our_words():
            names = sorted(_names(self._root / name))
        found = []
        for entry in names:
            if _ADDRESS.fullmatch(entry) and entry.startswith(name):
                with suppress(BlobMissing):  # deleted meanwhile
                    found.append(self.head(StoredDigest(entry)))
        return found

    def _path(self, digest: StoredDigest) -> Path:
        return _address(self._root, digest)


class LocalReader:
    """An open Blob file; one that is deleted meanwhile can be read to its end."""

    __slots__ = ("_descriptor", "_digest", "stored_bytes")

    def __init__(self, descriptor: int, *, digest: StoredDigest) -> None:
        self._descriptor = descriptor
        self._digest = digest
        self.stored_bytes = os.fstat(descriptor).st_size

    def read(self, start: int, length: int) -> bytes:
        """Return exactly these stored bytes; `BlobDamaged` if there are fewer."""
        with _in_our_words(self._digest):
            stored = os.pread(self._descriptor, length, start)
        if len(stored) != length:
            raise BlobDamaged(self._digest)
        return stored

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class LocalGroup:
    """Staged files that become visible together."""

    def __init__(self, root: Path, *, reserve_bytes: int) -> None:
        self._root = root
        self._reserve_bytes = reserve_bytes
        self._staged: list[StagedFile] = []

    def stage(self, *, expected_bytes: int) -> StagedFile:
        """Begin a Blob of about this size; `StoreFull` if there is no room for it."""
        staging = self._root / _STAGING
        with _in_our_words():
            _require_room(os.statvfs(staging), expected_bytes, reserve_bytes=self._reserve_bytes)
            staged = StagedFile(staging / random_bytes(16).hex(), reserve_bytes=self._reserve_bytes)
        self._staged.append(staged)
        return staged

    def publish(self) -> None:
        """Make every finished Blob durable, then visible; `NotDurable` or `StoreFailed`: none of them is."""
        finished = {_address(self._root, file.digest): file for file in self._staged if file.digest}
        placed: list[Path] = []
        try:
            _in_threads(StagedFile.make_durable, list(finished.values()))
            with _in_our_words():
                for path, file in finished.items():
                    if file.place(path):
                        placed.append(path)
            _in_threads(_fsync_directory, sorted({path.parent for path in finished}))
        except BaseException:
            for path in placed:
                _remove(path)
            raise
        finally:
            self.abort()

    def abort(self) -> None:
        """Drop what is not published."""
        for file in self._staged:
            file.abort()
        self._staged.clear()


class StagedFile:
    """A Blob that is being written. Its lock tells the sweep that the writer lives."""

    __slots__ = ("_descriptor", "_hash", "_path", "_reserve_bytes", "digest")

    def __init__(self, path: Path, *, reserve_bytes: int) -> None:
        self._path = path
        self._reserve_bytes = reserve_bytes
        self._hash = hashlib.sha256()
        self.digest: StoredDigest | None = None
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.abort()
            raise

    def write(self, stored: bytes) -> None:
        """Append; `StoreFull` or `StoreFailed` if it cannot be done, and then nothing is left."""
        self._require_open()
        try:
            with _in_our_words():
                _require_room(os.fstatvfs(self._descriptor), len(stored), reserve_bytes=self._reserve_bytes)
                view = memoryview(stored)
                while view:
                    view = view[os.write(self._descriptor, view) :]
        except BaseException:
            self.abort()
            raise
        self._hash.update(stored)

    def finish(self) -> StoredDigest:
        """End the writing and return the address, under which nothing is visible yet."""
        self._require_open()
        self.digest = StoredDigest(self._hash.hexdigest())
        return self.digest

    def make_durable(self) -> None:
        """Have the disk confirm the bytes; `NotDurable` is final."""
        _fsync(self._descriptor)

    def place(self, path: Path) -> bool:
        """Move the file to its address; False if the same bytes stand there, which then stay."""
        if path.exists():
            return False
        self._path.rename(path)
        return True

    def abort(self) -> None:
        """Drop the bytes; without effect on what is published or gone."""
        self.digest = None
        if self._descriptor >= 0:
            _remove(self._path)
            os.close(self._descriptor)
            self._descriptor = -1

    def _require_open(self) -> None:
        if self._descriptor < 0 or self.digest is not None:
            raise ValueError("the Blob is finished or dropped already: begin a new one")


def _names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def _address(root: Path, digest: str) -> Path:
    if not _ADDRESS.fullmatch(digest):
        raise ValueError(f"`{digest}` is no address of a Blob")
    return root / digest[:2] / digest


def _stored_blob(digest: StoredDigest, status: os.stat_result) -> StoredBlob:
    return StoredBlob(digest, status.st_size, Instant(status.st_mtime_ns // 1000))


@contextmanager
def _in_our_words(digest: StoredDigest | None = None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if digest is not None and isinstance(error, FileNotFoundError):
            raise BlobMissing(digest) from error
        if error.errno in _NO_ROOM:
            raise _full() from error
        raise StoreFailed(f"the Blob store does not answer ({error.strerror}): try again later") from error


def _require_room(disk: os.statvfs_result, wanted_bytes: int, *, reserve_bytes: int) -> None:
    if disk.f_bavail * disk.f_frsize - wanted_bytes < reserve_bytes:
        raise _full()


def _full() -> StoreFull:
    return StoreFull("the Blob store has no room for this content: free some space on its disk and try again")


def _in_threads(step: Callable[[T], None], items: Sequence[T]) -> None:
    if len(items) == 1:
        step(items[0])
        return
    with ThreadPoolExecutor(FSYNC_THREADS) as pool:
        for _ in pool.map(step, items):
            pass  # raises what a step raised, after all have ended


def _fsync_directory(path: Path) -> None:
    with _in_our_words():
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _fsync(descriptor)
    finally:
        os.close(descriptor)


def _fsync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        # INVARIANT (no second fsync): the system may have dropped the pages, so success proves nothing.
        raise NotDurable("the disk did not confirm a write: stop the server and check the disk") from error


def _remove(path: Path) -> None:
    with suppress(OSError):  # what stays is invisible and goes with the sweep
        path.unlink(missing_ok=True)


def _remove_if_dead(path: Path, *, before: Instant) -> bool:
    with _dead(path) as status:
        if status is None or status.st_mtime_ns // 1000 >= before:
            return False
        path.unlink()
        return True


@contextmanager
def _dead(path: Path) -> Iterator[os.stat_result | None]:
    """Hold a staged file whose writer is gone; None if it was published meanwhile, or its writer lives."""
    with ExitStack() as undo:
        status = None
        with suppress(FileNotFoundError, BlockingIOError):
            file = undo.enter_context(path.open("rb"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            status = os.fstat(file.fileno())
        yield status
