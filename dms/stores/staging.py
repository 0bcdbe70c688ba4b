"""Where bytes are written before any store takes them: files on a disk of this machine.

Each has a random name and the lock of its writer, by which a sweep tells the living from the dead. An
upload that comes in parts lets go of its file between two parts and finds it again by name.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
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
    StagedGone,
    StagedLeft,
    StoredDigest,
    StoreFailed,
)

_FOLDER = "staging"
_NAME = re.compile(r"[0-9a-f]{32}")
T = TypeVar("T")

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Staging:
    """The folder under a root; `set_up` has made it."""

    def __init__(self, root: Path, *, reserve_bytes: int) -> None:
        self.folder = root / _FOLDER
        self._reserve_bytes = reserve_bytes
        if not self.folder.is_dir():
            raise ConfigurationError(f"`{root}` is no complete Blob store: run `dms migrate` to set it up")

    @classmethod
    def set_up(cls, root: Path) -> None:
        """Make the folder durably, for its owner only; what exists stays."""
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        (root / _FOLDER).mkdir(mode=0o700, exist_ok=True)
        for directory in (root.parent, root, root / _FOLDER):
            fsync_directory(directory)

    def begin(self, *, expected_bytes: int) -> StagedFile:
        """Begin a file of about this size; `StoreFull` if there is no room for it."""
        with in_our_words():
            _require_room(os.statvfs(self.folder), expected_bytes, reserve_bytes=self._reserve_bytes)
            return StagedFile(self.folder / random_bytes(16).hex(), reserve_bytes=self._reserve_bytes)

    def open(self, name: str) -> FileReader:
        """Open what a writer let go of; `StagedGone` if it is not there, or somebody writes it."""
        with in_our_words():
            try:
                descriptor = os.open(self._path(name), os.O_RDONLY)
            except FileNotFoundError as error:
                raise StagedGone from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(descriptor)
                raise StagedGone from error
            return FileReader(descriptor, digest=None)

    def drop(self, name: str) -> None:
        """Remove what a writer let go of; without effect if it is gone."""
        remove(self._path(name))

    def list_dead(self) -> Iterator[StagedLeft]:
        """Return what nobody is writing, in the order of the names."""
        with in_our_words():
            for name in sorted(path.name for path in self.folder.iterdir()):
                with _dead(self.folder / name) as status:
                    if status is not None:
                        yield StagedLeft(name, status.st_size, Instant(status.st_mtime_ns // 1000))

    def sweep(self, *, before: Instant, kept: Collection[str]) -> int:
        """Remove what nobody has written since this instant, but for these names; return how many."""
        with in_our_words():
            paths = [path for path in self.folder.iterdir() if path.name not in kept]
            return sum(_remove_if_dead(path, before=before) for path in paths)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"`{name}` is no name of staged bytes")
        return self.folder / name


class StagedFile:
    """Bytes that are being written. Their lock tells the sweep that the writer lives.

    INVARIANT (named bytes stay): once paused, a row may name the file, so neither an error nor publishing
    takes its name away; `Staging.drop` does, when no row names it any more.
    """

    __slots__ = ("_descriptor", "_hash", "_is_named", "_reserve_bytes", "digest", "path")

    def __init__(self, path: Path, *, reserve_bytes: int) -> None:
        self.path = path
        self._reserve_bytes = reserve_bytes
        self._hash = hashlib.sha256()
        self.digest: StoredDigest | None = None
        self._is_named = False
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.abort()
            raise

    @property
    def name(self) -> str:
        """Return the name under which a later writer finds the bytes."""
        return self.path.name

    @property
    def stored_bytes(self) -> int:
        """Return how many bytes were written."""
        return os.fstat(self._descriptor).st_size

    def write(self, stored: bytes | bytearray) -> None:
        """Append; `StoreFull` or `StoreFailed` if it cannot be done, which ends the writing."""
        self._require_open()
        try:
            with in_our_words():
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

    def pause(self) -> None:
        """Have the disk confirm bytes and name, and let go of the lock until `wake`."""
        self._require_open()
        self._is_named = True
        self.make_durable()
        fsync_directory(self.path.parent)
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def wake(self) -> bool:
        """Take the lock again; False if somebody else went on with the bytes, or removed them."""
        self._require_open()
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return os.fstat(self._descriptor).st_nlink > 0

    def place(self, path: Path) -> bool:
        """Bring the file to its address; False if the same bytes stand there, which then stay."""
        if path.exists():
            return False
        if self._is_named:
            path.hardlink_to(self.path)
        else:
            self.path.rename(path)
        return True

    def abort(self) -> None:
        """End the writing and drop bytes that nobody names; without effect on what is published or gone."""
        if self._descriptor >= 0 and not self._is_named:
            remove(self.path)
        self.leave()

    def leave(self) -> None:
        """Let go of the file and let it stand, for whoever goes on with it."""
        self.digest = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _require_open(self) -> None:
        if self._descriptor < 0 or self.digest is not None:
            raise ValueError("the Blob is finished or dropped already: begin a new one")


class FileReader:
    """An open file of sealed bytes; one that is deleted meanwhile can be read to its end."""

    __slots__ = ("_descriptor", "_digest", "stored_bytes")

    def __init__(self, descriptor: int, *, digest: StoredDigest | None) -> None:
        self._descriptor = descriptor
        self._digest = digest
        self.stored_bytes = os.fstat(descriptor).st_size

    def read(self, start: int, length: int) -> bytes:
        """Return exactly these stored bytes; `BlobDamaged` if there are fewer, `StagedGone` if staged."""
        with in_our_words(self._digest):
            stored = os.pread(self._descriptor, length, start)
        if len(stored) != length:
            raise StagedGone if self._digest is None else BlobDamaged(self._digest)
        return stored

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@contextmanager
def in_our_words(digest: StoredDigest | None = None) -> Iterator[None]:
    """Raise what the operating system says in the words of a store."""
    try:
        yield
    except OSError as error:
        if digest is not None and isinstance(error, FileNotFoundError):
            raise BlobMissing(digest) from error
        if error.errno in _NO_ROOM:
            raise _full() from error
        raise StoreFailed(f"the Blob store does not answer ({error.strerror}): try again later") from error


def fsync_directory(path: Path) -> None:
    """Have the disk confirm the names in a directory; `NotDurable` is final."""
    with in_our_words():
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file if that can be done: what stays is invisible and goes with the sweep."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def in_threads(step: Callable[[T], None], items: Sequence[T], *, threads: int) -> None:
    """Run a step for each item, several at once if there are several; the first error is raised."""
    if len(items) == 1:
        step(items[0])
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(step, items):
            pass  # raises what a step raised, after all have ended


def _fsync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        # INVARIANT (no second fsync): the system may have dropped the pages, so success proves nothing.
        raise NotDurable("the disk did not confirm a write: stop the server and check the disk") from error


def _require_room(disk: os.statvfs_result, wanted_bytes: int, *, reserve_bytes: int) -> None:
    if disk.f_bavail * disk.f_frsize - wanted_bytes < reserve_bytes:
        raise _full()


def _full() -> StoreFull:
    return StoreFull("the Blob store has no room for this content: free some space on its disk and try again")


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
