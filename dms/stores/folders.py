"""A folder of this machine as a bulk import reads it: in order, through no link, and nothing but files.

Every name is looked up from the open folder down, one part at a time and without following links, so
nobody can lead the reading elsewhere while it goes on, and no path is too long.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dms.base.clock import Instant
from dms.base.errors import ConfigurationError, Invalid

PIECE_BYTES = 1_048_576

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe would wait for its writer

_KINDS = (
    (stat.S_ISLNK, "a symbolic link: import what it points to from where it lies"),
    (stat.S_ISFIFO, "a named pipe, not a file"),
    (stat.S_ISSOCK, "a socket, not a file"),
    (stat.S_ISCHR, "a device, not a file"),
    (stat.S_ISBLK, "a device, not a file"),
)


class Unfit(Invalid):
    """Something in the folder cannot be taken as a file at rest; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that lies in the folder; `path` is relative, with `/` between its parts.

    `unfit` is the reason why it cannot be taken, known before it is opened.
    """

    path: bytes
    size_bytes: int = 0
    unfit: str | None = None


class Folder:
    """An open folder. Not safe for several threads."""

    def __init__(self, root: Path) -> None:
        try:
            self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise ConfigurationError(f"`{root}` is no folder that can be read ({error.strerror})") from error

    def entries(self) -> Iterator[Entry]:
        """Yield all that is no folder, in the order of the bytes of the paths' parts.

        Holds the names of one folder per depth in memory. A folder that cannot be read is an unfit entry.
        """
        waiting = [self._below(b"")]
        while waiting:
            found = next(waiting[-1], None)
            if found is None:
                waiting.pop()
            elif isinstance(found, Entry):
                yield found
            else:
                waiting.append(self._below(found))

    def open(self, path: bytes) -> OpenFile:
        """Open a file to read it once; `Unfit` if it is none, is gone or must not be read."""
        try:
            with self._parent(path) as (name, parent):
                _require_file(os.stat(name, dir_fd=parent, follow_symlinks=False))
                descriptor = os.open(name, _FILE, dir_fd=parent)
        except OSError as error:
            raise _unfit(error, "before it was read") from error
        try:
            return OpenFile(self, path, descriptor)
        except Unfit:
            os.close(descriptor)
            raise

    def status(self, path: bytes) -> os.stat_result:
        """Return what the folder says of a path now, without following a link."""
        with self._parent(path) as (name, parent):
            return os.stat(name, dir_fd=parent, follow_symlinks=False)

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._root)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _below(self, prefix: bytes) -> Iterator[Entry | bytes]:
        """Yield what lies directly in a folder: entries, and the paths of folders to go on with."""
        try:
            with self._parent(prefix + b".") as (_, directory), os.scandir(directory) as found:
                names = sorted(os.fsencode(entry.name) for entry in found)
        except OSError as error:
            reason = f"the folder cannot be read ({error.strerror}): nothing in it was looked at"
            yield Entry(prefix.rstrip(b"/"), unfit=reason)
            return
        for name in names:
            yield self._look(prefix + name)

    def _look(self, path: bytes) -> Entry | bytes:
        try:
            status = self.status(path)
        except OSError as error:
            return Entry(path, unfit=_unfit(error, "before it was read").message)
        if stat.S_ISDIR(status.st_mode):
            return path + b"/"
        return Entry(path, status.st_size, _why_unfit(status))

    def _parent(self, path: bytes) -> _Parent:
        return _Parent(self._root, path)


class OpenFile:
    """An open file of a folder: its pieces, and the assurance that it lay still meanwhile."""

    def __init__(self, folder: Folder, path: bytes, descriptor: int) -> None:
        self._folder = folder
        self._path = path
        self._descriptor = descriptor
        self._before = os.fstat(descriptor)
        _require_file(self._before)

    @property
    def size_bytes(self) -> int:
        """Return how long the file was when it was opened."""
        return self._before.st_size

    @property
    def modified_at(self) -> Instant:
        """Return when its content was last changed."""
        return Instant(self._before.st_mtime_ns // 1000)

    def pieces(self) -> Iterator[bytes]:
        """Give the content from the beginning in pieces of at most 1 MiB.

        Raises `Unfit` at the end if it is not what was opened any more: then none of it counts.
        """
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        read_bytes = 0
        while piece := self._read(min(PIECE_BYTES, self.size_bytes - read_bytes + 1)):
            read_bytes += len(piece)
            if read_bytes > self.size_bytes:
                raise _changed()
            yield piece
        self._require_rest(read_bytes)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, size: int) -> bytes:
        try:
            return os.read(self._descriptor, size)
        except OSError as error:
            raise Unfit(f"cannot be read ({error.strerror})") from error

    def _require_rest(self, read_bytes: int) -> None:
        try:
            after = self._folder.status(self._path)
        except OSError as error:
            raise _unfit(error, "while it was read") from error
        if read_bytes != self.size_bytes or _state(after) != _state(self._before):
            raise _changed()


class _Parent:
    """Opens the folder that holds the last part of a path, for the length of a `with`."""

    __slots__ = ("_descriptor", "_name", "_path", "_root")

    def __init__(self, root: int, path: bytes) -> None:
        self._root = root
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> tuple[bytes, int]:
        *parts, name = self._path.split(b"/")
        at = self._root
        try:
            for part in parts:
                below = os.open(part, _DIRECTORY, dir_fd=at)
                self._release()
                self._descriptor = at = below
        except OSError:
            self._release()
            raise
        return name, at

    def __exit__(self, *_: object) -> None:
        self._release()

    def _release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _why_unfit(status: os.stat_result) -> str | None:
    if stat.S_ISREG(status.st_mode):
        return None
    return next((reason for is_kind, reason in _KINDS if is_kind(status.st_mode)), "not a file")


def _require_file(status: os.stat_result) -> None:
    reason = _why_unfit(status)
    if reason is not None:
        raise Unfit(reason)


def _state(status: os.stat_result) -> tuple[int, ...]:
    # The change time tells of an edit that put the modification time back.
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _unfit(error: OSError, when: str) -> Unfit:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Unfit(f"vanished {when}")
    return Unfit(f"cannot be read ({error.strerror})")


def _changed() -> Unfit:
    return Unfit("changed while it was read: import it again when it is at rest")
