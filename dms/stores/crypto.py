"""How content is sealed under a key of its own, and where the keys that protect those keys live.

A sealed Blob is a header of 32 bytes and then segments of AES-256-GCM. The nonce of a segment is
7 random bytes, its index and a flag on the last one (the STREAM construction of Hoang, Reyhanitabar,
Rogaway and Vizár, 2015), so cutting, reordering and splicing are found, and any segment opens alone.
The header names the Blob and is the associated data of every segment.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dms.base.clock import Instant
from dms.base.errors import Unavailable
from dms.base.ids import random_bytes

KEY_BYTES = 32
HEADER_BYTES = 32
SEGMENT_BYTES = 65_536
TAG_BYTES = 16
SEALED_SEGMENT_BYTES = SEGMENT_BYTES + TAG_BYTES

_MAGIC = b"dmsB"
_FORMAT = 1
_PREFIX_BYTES = 7
_TAIL_NONCE_BYTES = 12
_NO_SEGMENT = 1 << 32
"""An index beyond all: no segment of an unfinished Blob is the last."""
_HEADER = struct.Struct(">4sBI7s16s")


class SealBroken(Unavailable):
    """These stored bytes are not what was sealed under this key for this Blob."""


class KeyUnavailable(Unavailable):
    """The key that sealed content needs is gone, or does not open."""


def new_content_key() -> bytes:
    """Make the random key of one Blob."""
    return random_bytes(KEY_BYTES)


def sealed_size(plain_bytes: int) -> int:
    """Return how many bytes a Blob of this content takes; empty content has one empty segment."""
    return HEADER_BYTES + plain_bytes + TAG_BYTES * _segment_count(plain_bytes)


class Sealer:
    """Seals content that arrives in pieces of any size; holds back one segment at most."""

    __slots__ = ("_cipher", "_header", "_held", "_index", "_prefix", "_start", "_tail_cipher")

    def __init__(self, key: bytes, *, blob_id: UUID) -> None:
        self._cipher = AESGCM(key)
        self._tail_cipher = AESGCM(_tail_key(key))
        self._prefix = random_bytes(_PREFIX_BYTES)
        self._header = _HEADER.pack(_MAGIC, _FORMAT, SEGMENT_BYTES, self._prefix, blob_id.bytes)
        self._start = self._header  # until it was handed out
        self._held = bytearray()
        self._index = 0

    def seal(self, plain: bytes | memoryview) -> bytes | bytearray:
        """Take the next piece and return the stored bytes that are ready: none while they are few."""
        view = memoryview(plain)
        at = SEGMENT_BYTES - len(self._held)
        if len(view) <= at:
            self._held += view
            return b""
        # More follows, so the segment held back is full and not the last; the others go as they lie there.
        self._held += view[:at]
        count = (len(view) - at - 1) // SEGMENT_BYTES
        ends = [at + n * SEGMENT_BYTES for n in range(count + 1)]
        ready = self._seal_all([self._held, *(view[end : end + SEGMENT_BYTES] for end in ends[:-1])])
        self._held[:] = view[ends[-1] :]
        return ready

    def pause(self) -> tuple[bytes, bytes]:
        """Return the stored bytes that are ready, and what is held back, sealed to be kept apart.

        That is sealed under a key of its own: as a segment it is sealed once, when all of it has come.
        """
        nonce = random_bytes(_TAIL_NONCE_BYTES)
        tail = nonce + self._tail_cipher.encrypt(nonce, self._held, self._header)
        start, self._start = self._start, b""
        return start, tail

    def finish(self) -> bytes:
        """Return the remaining stored bytes; the sealer is used up."""
        nonce = _nonce(self._prefix, self._index, is_last=True)
        self._index += 1
        return self._start + self._cipher.encrypt(nonce, self._held, self._header)

    def _seal_all(self, segments: Sequence[bytearray | memoryview]) -> bytearray:
        """Seal whole segments into one place, each without a copy."""
        at = len(self._start)
        ready = bytearray(at + len(segments) * SEALED_SEGMENT_BYTES)
        place = memoryview(ready)
        place[:at], self._start = self._start, b""
        for segment in segments:
            nonce = _nonce(self._prefix, self._index, is_last=False)
            end = at + SEALED_SEGMENT_BYTES
            self._cipher.encrypt_into(nonce, segment, self._header, place[at:end])
            self._index, at = self._index + 1, end
        return ready


@dataclass(frozen=True, slots=True)
class Span:
    """Whole segments: the index of the first, and where they lie in the stored bytes."""

    first: int
    start: int
    length: int


class Opener:
    """Opens segments in any order; `SealBroken` for anything that was not sealed just so."""

    __slots__ = ("_cipher", "_header", "_last", "_prefix", "plain_bytes")

    def __init__(
        self, key: bytes, *, blob_id: UUID, header: bytes, stored_bytes: int, is_whole: bool = True
    ) -> None:
        self._prefix = _read_header(header, blob_id=blob_id)
        self._cipher = AESGCM(key)
        self._header = header
        if is_whole:
            self.plain_bytes = _plain_size(stored_bytes)
            self._last = _segment_count(self.plain_bytes) - 1
        else:  # segments that more would have followed
            self.plain_bytes = (stored_bytes - HEADER_BYTES) // SEALED_SEGMENT_BYTES * SEGMENT_BYTES
            self._last = _NO_SEGMENT

    def span(self, start: int, length: int) -> Span:
        """Return the segments that a range of the content touches; empty content has segment 0."""
        if not 0 <= start <= start + length <= self.plain_bytes:
            raise ValueError(f"{length} bytes from {start} on are not within {self.plain_bytes}")
        first = min(start // SEGMENT_BYTES, self._last)
        last = max(first, (start + length - 1) // SEGMENT_BYTES)
        stop = min((last + 1) * SEGMENT_BYTES, self.plain_bytes)
        stored = stop - first * SEGMENT_BYTES + (last - first + 1) * TAG_BYTES
        return Span(first, HEADER_BYTES + first * SEALED_SEGMENT_BYTES, stored)

    def open(self, first: int, sealed: bytes) -> bytes:
        """Return the content of whole segments in a row, the first of which has this index."""
        view = memoryview(sealed)
        starts = range(0, len(view), SEALED_SEGMENT_BYTES)
        parts = [view[start : start + SEALED_SEGMENT_BYTES] for start in starts]
        return b"".join(self._open_one(first + n, part) for n, part in enumerate(parts))

    def _open_one(self, index: int, part: memoryview) -> bytes:
        nonce = _nonce(self._prefix, index, is_last=index == self._last)
        try:
            return self._cipher.decrypt(nonce, part, self._header)
        except InvalidTag as error:
            raise SealBroken("stored content does not match its key") from error


def open_tail(key: bytes, *, header: bytes, tail: bytes) -> bytes:
    """Return what a paused `Sealer` held back; `SealBroken` for anything else."""
    try:
        return AESGCM(_tail_key(key)).decrypt(tail[:_TAIL_NONCE_BYTES], tail[_TAIL_NONCE_BYTES:], header)
    except (InvalidTag, ValueError) as error:
        raise SealBroken("what was held back does not match its key") from error


def _tail_key(key: bytes) -> bytes:
    return hmac.digest(key, b"dms held back", "sha256")


def _segment_count(plain_bytes: int) -> int:
    return max(1, -(-plain_bytes // SEGMENT_BYTES))


def _plain_size(stored_bytes: int) -> int:
    sealed = stored_bytes - HEADER_BYTES
    plain = sealed - TAG_BYTES * max(1, -(-sealed // SEALED_SEGMENT_BYTES))
    if plain < 0 or sealed_size(plain) != stored_bytes:
        raise SealBroken("stored content has an impossible length")
    return plain


def _read_header(header: bytes, *, blob_id: UUID) -> bytes:
    if len(header) != HEADER_BYTES:
        raise SealBroken("stored content has no whole header")
    magic, form, segment_bytes, prefix, owner = _HEADER.unpack(header)
    if (magic, form, segment_bytes) != (_MAGIC, _FORMAT, SEGMENT_BYTES):
        raise SealBroken("stored content has an unknown format")
    if owner != blob_id.bytes:
        raise SealBroken("stored content belongs to another Blob")
    return bytes(prefix)


def _nonce(prefix: bytes, index: int, *, is_last: bool) -> bytes:
    # INVARIANT (one nonce, one segment): four bytes end at 256 TiB, where to_bytes raises.
    return prefix + index.to_bytes(4, "big") + (b"\x01" if is_last else b"\x00")


class KeyState(StrEnum):
    """What a key-encryption key still does."""

    ACTIVE = "active"
    RETIRED = "retired"
    DESTROYED = "destroyed"


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """What may be known about a key-encryption key; a destroyed one stays listed, for certificates."""

    kek: str
    state: KeyState
    made_at: Instant
    retired_at: Instant | None = None
    destroyed_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """The key of a Blob under a key-encryption key (RFC 3394), as the row `blob_key` holds it."""

    kek: str
    wrapped: bytes


class KeyStore(Protocol):
    """Keeps the key-encryption keys, of which one is active. Safe for many threads."""

    def wrap(self, key: bytes) -> WrappedKey:
        """Wrap the key of a Blob under the active key-encryption key."""

    def unwrap(self, key: WrappedKey) -> bytes:
        """Return the key of a Blob; `KeyUnavailable` if its key-encryption key is gone."""

    def list(self) -> Sequence[KeyEntry]:
        """Return every key-encryption key, oldest first."""

    def retire(self, kek: str) -> KeyEntry:
        """Make a new active key and use this one to unwrap only; return the new one.

        `NotFound` for an unknown key, `State` for one that is not active.
        """

    def destroy(self, kek: str) -> None:
        """Forget a retired key: whatever is still wrapped under it is unreadable from now on.

        `NotFound` for an unknown key, `State` for one that is not retired. The caller must have
        rewrapped the living, and waited for the longest upload since the key was retired.
        """
