"""What every store of sealed bytes keeps to, whatever disk or service lies behind it.

A store knows addresses only, SHA-256 of the stored bytes; `stores.vault` joins it with the keys.
Rows are the caller's: publish first, commit the row, then answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NewType, Protocol

from dms.base.clock import Instant
from dms.base.errors import Unavailable

PIECE_BYTES = 1_048_576
GROUP_BLOBS = 256
GROUP_BYTES = 256 * PIECE_BYTES

StoredDigest = NewType("StoredDigest", str)
"""The address of a Blob: SHA-256 of its stored bytes, 64 lower-case hexadecimal digits."""


_ADDRESS = re.compile(r"[0-9a-f]{64}")


def is_address(name: str) -> bool:
    """Tell whether a name has the form of an address."""
    return _ADDRESS.fullmatch(name) is not None


def key_of(digest: StoredDigest) -> str:
    """Return where in a store a Blob lies: `ab/<64 hex>`; `ValueError` for what is no address."""
    if not is_address(digest):
        raise ValueError(f"`{digest}` is no address of a Blob")
    return f"{digest[:2]}/{digest}"


class BlobMissing(Unavailable):
    """No bytes lie under this address."""

    def __init__(self, digest: StoredDigest) -> None:
        super().__init__("the stored content is missing: ask the administrator to run `dms check`")
        self.digest = digest


class BlobDamaged(Unavailable):
    """The bytes under this address are not those that were put there, or not what their row says."""

    def __init__(self, digest: StoredDigest) -> None:
        super().__init__("the stored content is damaged: ask the administrator to run `dms check`")
        self.digest = digest


class StoreFailed(Unavailable):
    """The store could not read or write; nothing of the attempt is visible, and it may be tried again."""


class StagedGone(Unavailable):
    """What was written of a Blob is gone, or somebody else writes it."""

    def __init__(self) -> None:
        super().__init__("what had arrived of this content is gone: send it again from the beginning")


class NotDurable(Unavailable):
    """The disk would not confirm a write: the process must turn unready and stop, never try again."""


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """What a store knows of a Blob."""

    digest: StoredDigest
    stored_bytes: int
    written_at: Instant


@dataclass(frozen=True, slots=True)
class StagedLeft:
    """Bytes that a writer staged and has not published: it died, or waits for more of them."""

    name: str
    stored_bytes: int
    written_at: Instant


class StagedBlob(Protocol):
    """Bytes on their way into a store. After an error nothing of them is left, unless they were paused.

    What was paused a row may name: it stays under its name, published or not, until `drop_staged`.
    """

    @property
    def name(self) -> str:
        """Return the name under which a later writer finds the bytes."""

    @property
    def stored_bytes(self) -> int:
        """Return how many bytes were written."""

    def write(self, stored: bytes | bytearray) -> None:
        """Append; `StoreFull` or `StoreFailed` if it cannot be done."""

    def pause(self) -> None:
        """Make the bytes durable under their name, and let others at them until `wake`; `NotDurable`."""

    def wake(self) -> bool:
        """Go on after a pause; False if somebody else went on with the bytes, or removed them."""

    def leave(self) -> None:
        """Let the bytes stand for whoever goes on with them."""

    def finish(self) -> StoredDigest:
        """End the writing and return the address, under which nothing is visible yet."""

    def abort(self) -> None:
        """Leave the group and drop bytes that were never paused; without effect on what is published."""


class StagedGroup(Protocol):
    """Blobs that become visible together. At most `GROUP_BLOBS`."""

    def stage(self, *, expected_bytes: int) -> StagedBlob:
        """Begin a Blob of about this size; `StoreFull` if there is no room for it."""

    def publish(self) -> None:
        """Make every finished Blob durable, then visible; `NotDurable` or `StoreFailed`: none of them is."""

    def abort(self) -> None:
        """Drop what is not published."""


class BlobReader(Protocol):
    """One Blob, open for reading."""

    @property
    def stored_bytes(self) -> int:
        """Return how long the Blob is."""

    def read(self, start: int, length: int) -> bytes:
        """Return exactly these stored bytes; `BlobDamaged` if there are fewer."""

    def close(self) -> None:
        """Give back what the reading holds."""


class BlobStore(Protocol):
    """Keeps sealed bytes under their digest. Safe for many threads; every call may block on the disk."""

    @property
    def name(self) -> str:
        """Return the name that rows give this store."""

    def group(self) -> StagedGroup:
        """Begin a group of Blobs; a single one is a group of one."""

    def open(self, digest: StoredDigest) -> BlobReader:
        """Open a Blob; `BlobMissing` if there is none."""

    def head(self, digest: StoredDigest) -> StoredBlob:
        """Return size and age of a Blob; `BlobMissing` if there is none."""

    def delete(self, digest: StoredDigest) -> None:
        """Remove a Blob durably; none under the address is no error."""

    def list(self) -> Iterator[StoredBlob]:
        """Return every visible Blob in the order of the digests, one directory in memory at a time."""

    def open_staged(self, name: str) -> BlobReader:
        """Open what a writer let go of; `StagedGone` if it is not there, or somebody writes it."""

    def drop_staged(self, name: str) -> None:
        """Remove what was paused and no row names any more; without effect if it is gone."""

    def list_staged(self) -> Iterator[StagedLeft]:
        """Return what nobody is writing, in the order of the names."""

    def sweep_staged(self, *, before: Instant, kept: Collection[str] = ()) -> int:
        """Remove what nobody has written since this instant, but for these names; return how many."""
