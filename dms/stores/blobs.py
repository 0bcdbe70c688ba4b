"""What every store of sealed bytes keeps to, whatever disk or service lies behind it.

A store knows addresses only, SHA-256 of the stored bytes; `stores.vault` joins it with the keys.
Rows are the caller's: publish first, commit the row, then answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NewType, Protocol

from dms.base.clock import Instant
from dms.base.errors import Unavailable

PIECE_BYTES = 1_048_576
GROUP_BLOBS = 256
GROUP_BYTES = 256 * PIECE_BYTES

StoredDigest = NewType("StoredDigest", str)
"""The address of a Blob: SHA-256 of its stored bytes, 64 lower-case hexadecimal digits."""


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
    """Bytes that a writer staged and never published, since it died."""

    name: str
    stored_bytes: int
    written_at: Instant


class StagedBlob(Protocol):
    """Bytes on their way into a store. After an error nothing of them is left."""

    def write(self, stored: bytes) -> None:
        """Append; `StoreFull` or `StoreFailed` if it cannot be done."""

    def finish(self) -> StoredDigest:
        """End the writing and return the address, under which nothing is visible yet."""

    def abort(self) -> None:
        """Drop the bytes and leave the group; without effect on what is published or gone."""


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

    def list_staged(self) -> Iterator[StagedLeft]:
        """Return what dead writers staged, in the order of the names; what is being written is not listed."""

    def sweep_staged(self, *, before: Instant) -> int:
        """Remove what dead writers staged before this instant and return how many there were."""
