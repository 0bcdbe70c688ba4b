"""The vault: content goes in and comes out, the store sees sealed bytes only, the rows the wrapped key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Self, TypeAlias
from uuid import UUID

from dms.stores.blobs import (
    GROUP_BLOBS,
    GROUP_BYTES,
    PIECE_BYTES,
    BlobDamaged,
    BlobReader,
    BlobStore,
    StagedBlob,
    StagedGone,
    StagedGroup,
    StoredDigest,
)
from dms.stores.crypto import (
    HEADER_BYTES,
    SEALED_SEGMENT_BYTES,
    SEGMENT_BYTES,
    KeyStore,
    Opener,
    SealBroken,
    Sealer,
    WrappedKey,
    new_content_key,
    open_tail,
    sealed_size,
)

_PIECE_SEGMENTS = PIECE_BYTES // SEGMENT_BYTES

Tell: TypeAlias = Callable[[bytes], None]
"""Sees content that passes by."""

Pace: TypeAlias = Callable[[int], None]
"""Learns how many bytes were read, and may wait before more of them are."""


@dataclass(frozen=True, slots=True)
class SealedBlob:
    """A sealed Blob as the rows `blob` and `blob_key` hold it. Digests are hexadecimal."""

    blob_id: UUID
    stored_digest: StoredDigest
    stored_bytes: int
    plain_sha256: str
    plain_bytes: int
    kek: str
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Paused:
    """Content of which more is to come: staged bytes by their name, and what does not fill a segment yet."""

    blob_id: UUID
    plain_bytes: int
    staging: str
    kek: str
    wrapped: bytes = field(repr=False)
    tail: bytes = field(repr=False)


class SealedWriter:
    """Takes content in pieces of any size, best of 1 MiB, and seals it on its way into the store.

    Leaving its `with` block without `finish` drops everything.
    """

    def __init__(
        self,
        staged: StagedBlob,
        sealer: Sealer,
        *,
        blob_id: UUID,
        key: WrappedKey,
        keys: KeyStore,
        publish: Callable[[], None],
    ) -> None:
        self._staged = staged
        self._sealer = sealer
        self._blob_id = blob_id
        self._key = key
        self._keys = keys
        self._publish = publish
        self._digest = hashlib.sha256()
        self._is_finished = False
        self.plain_bytes = 0

    @property
    def plain_sha256(self) -> str:
        """Return the digest of the content so far, to compare before `finish` makes it visible."""
        return self._digest.hexdigest()

    def write(self, plain: bytes | memoryview) -> None:
        """Append content; after `StoreFull` or `StoreFailed` only what was paused is left."""
        self._digest.update(plain)
        self.plain_bytes += len(plain)
        stored = self._sealer.seal(plain)
        if stored:
            self._staged.write(stored)

    def finish(self) -> SealedBlob:
        """Seal the end and publish, unless the writer belongs to a group, which publishes later.

        `KeyUnavailable` if the key-encryption key was destroyed while the content came.
        """
        self._keys.unwrap(self._key)  # nobody shall be told that content is kept which nobody can open
        self._staged.write(self._sealer.finish())
        digest = self._staged.finish()
        self._publish()
        self._is_finished = True
        return SealedBlob(
            blob_id=self._blob_id,
            stored_digest=digest,
            stored_bytes=sealed_size(self.plain_bytes),
            plain_sha256=self.plain_sha256,
            plain_bytes=self.plain_bytes,
            kek=self._key.kek,
            wrapped=self._key.wrapped,
        )

    @property
    def staging(self) -> str:
        """Return the name of the staged bytes."""
        return self._staged.name

    def pause(self) -> Paused:
        """Make what came so far durable, and let others at it until `wake`."""
        ready, tail = self._sealer.pause()
        if ready:
            self._staged.write(ready)
        self._staged.pause()
        return Paused(
            self._blob_id,
            self.plain_bytes,
            self.staging,
            kek=self._key.kek,
            wrapped=self._key.wrapped,
            tail=tail,
        )

    def wake(self) -> bool:
        """Go on after a pause; False if somebody else did, or the bytes are gone."""
        return self._staged.wake()

    def leave(self) -> None:
        """Let the staged bytes stand for whoever goes on with them."""
        self._staged.leave()

    def abort(self) -> None:
        """Drop what was written, even if finished; without effect on what was paused or is published."""
        self._staged.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._is_finished:
            self.abort()


class SealedGroup:
    """Blobs of a bulk import: each is finished by its writer, all become visible with `publish`.

    Leaving its `with` block without `publish` drops everything.
    """

    def __init__(self, group: StagedGroup, keys: KeyStore) -> None:
        self._group = group
        self._keys = keys
        self._writers: list[SealedWriter] = []

    @property
    def is_full(self) -> bool:
        """Tell whether it is time to publish: 256 Blobs or 256 MiB."""
        plain_bytes = sum(writer.plain_bytes for writer in self._writers)
        return len(self._writers) >= GROUP_BLOBS or plain_bytes >= GROUP_BYTES

    def writer(self, blob_id: UUID, *, expected_bytes: int = 0) -> SealedWriter:
        """Begin a Blob of the group; an aborted one leaves the others alone."""
        writer = _new_writer(
            self._group, self._keys, blob_id=blob_id, expected_bytes=expected_bytes, publish=_later
        )
        self._writers.append(writer)
        return writer

    def publish(self) -> None:
        """Make every finished Blob durable, then visible; after an error none of them is."""
        self._group.publish()

    def abort(self) -> None:
        """Drop what is not published."""
        self._group.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()


class SealedReader:
    """The content of one Blob, open for reading; closes with its `with` block."""

    def __init__(self, stored: BlobReader, opener: Opener, *, digest: StoredDigest) -> None:
        self._stored = stored
        self._opener = opener
        self._digest = digest

    def pieces(self, start: int, length: int) -> Iterator[bytes]:
        """Give a range of the content in pieces of at most 1 MiB; `BlobDamaged` before a wrong byte.

        Only the segments that the range touches are read and opened.
        """
        if not 0 <= start <= start + length <= self._opener.plain_bytes:
            raise ValueError(f"{length} bytes from {start} on are not within {self._opener.plain_bytes}")
        return self._pieces(start, start + length)

    def _pieces(self, start: int, stop: int) -> Iterator[bytes]:
        while True:
            first = start // SEGMENT_BYTES
            end = min(stop, (first + _PIECE_SEGMENTS) * SEGMENT_BYTES)
            piece = self._piece(start, end - start)
            if piece:
                yield piece
            if end == stop:
                return
            start = end

    def _piece(self, start: int, length: int) -> bytes:
        span = self._opener.span(start, length)
        stored = self._stored.read(span.start, span.length)
        try:
            plain = self._opener.open(span.first, stored)
        except SealBroken as error:
            raise BlobDamaged(self._digest) from error
        skip = start - span.first * SEGMENT_BYTES
        return plain[skip : skip + length]

    def close(self) -> None:
        """Give back what the reading holds."""
        self._stored.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Vault:
    """Joins a store with the keys.

    Safe for many threads; a writer or reader belongs to one at a time.
    """

    def __init__(self, store: BlobStore, keys: KeyStore) -> None:
        self.store = store
        self.keys = keys

    def writer(self, blob_id: UUID, *, expected_bytes: int = 0) -> SealedWriter:
        """Begin a Blob of its own; `StoreFull` if the size that was announced has no room."""
        group = self.store.group()
        return _new_writer(
            group, self.keys, blob_id=blob_id, expected_bytes=expected_bytes, publish=group.publish
        )

    def resume(self, paused: Paused, *, blob_id: UUID, expected_bytes: int, tell: Tell) -> SealedWriter:
        """Begin a Blob with what came of another before its writer ended; `tell` sees the content.

        It is sealed anew under a key of its own: the former writer may have sealed more than was kept, and
        no key seals two different segments of one index. `StagedGone` if the bytes are not there any more.
        """
        key = self.keys.unwrap(WrappedKey(paused.kek, paused.wrapped))
        with ExitStack() as undo:
            stored = undo.enter_context(closing(self.store.open_staged(paused.staging)))
            writer = self.writer(blob_id, expected_bytes=expected_bytes)
            undo.push(writer)
            try:
                for piece in _pieces_of(paused, stored, key):
                    writer.write(piece)
                    tell(piece)
            except SealBroken as error:
                raise StagedGone from error
            stored.close()
            undo.pop_all()
        return writer

    def group(self) -> SealedGroup:
        """Begin a group of a bulk import."""
        return SealedGroup(self.store.group(), self.keys)

    def open(self, blob: SealedBlob) -> SealedReader:
        """Open a Blob for reading, before an answer begins.

        `BlobMissing`, `BlobDamaged` (wrong size or header) or `KeyUnavailable` come from here;
        damage further in comes with the piece it lies in.
        """
        key = self.keys.unwrap(WrappedKey(blob.kek, blob.wrapped))
        with ExitStack() as undo:
            stored = self.store.open(blob.stored_digest)
            undo.callback(stored.close)
            opener = _new_opener(stored, key, blob=blob)
            undo.pop_all()
        return SealedReader(stored, opener, digest=blob.stored_digest)

    def read(self, blob: SealedBlob, *, start: int, length: int) -> Iterator[bytes]:
        """Give a range of the content in pieces of at most 1 MiB; everything happens at the first one."""
        with self.open(blob) as reader:
            yield from reader.pieces(start, length)

    def verify(self, blob: SealedBlob, *, pace: Pace | None = None) -> None:
        """Open the whole Blob and compare the digest of its content; `BlobDamaged` if it differs.

        `pace` is told of every piece that was read.
        """
        digest = hashlib.sha256()
        for piece in self.read(blob, start=0, length=blob.plain_bytes):
            digest.update(piece)
            if pace is not None:
                pace(len(piece))
        if digest.hexdigest() != blob.plain_sha256:
            raise BlobDamaged(blob.stored_digest)

    def verify_stored(self, digest: StoredDigest, *, pace: Pace | None = None) -> None:
        """Hash the stored bytes again, which needs no key; `BlobDamaged` if they are not their address.

        `pace` is told of every piece that was read.
        """
        found = hashlib.sha256()
        with closing(self.store.open(digest)) as stored:
            for start in range(0, stored.stored_bytes, PIECE_BYTES):
                piece = stored.read(start, min(PIECE_BYTES, stored.stored_bytes - start))
                found.update(piece)
                if pace is not None:
                    pace(len(piece))
        if found.hexdigest() != digest:
            raise BlobDamaged(digest)


def _pieces_of(paused: Paused, stored: BlobReader, key: bytes) -> Iterator[bytes]:
    header = stored.read(0, HEADER_BYTES)
    tail = open_tail(key, header=header, tail=paused.tail)
    segments = (paused.plain_bytes - len(tail)) // SEGMENT_BYTES
    size = HEADER_BYTES + segments * SEALED_SEGMENT_BYTES
    opener = Opener(key, blob_id=paused.blob_id, header=header, stored_bytes=size, is_whole=False)
    for start in range(0, opener.plain_bytes, PIECE_BYTES):
        span = opener.span(start, min(PIECE_BYTES, opener.plain_bytes - start))
        yield opener.open(span.first, stored.read(span.start, span.length))
    yield tail


def _new_writer(
    group: StagedGroup,
    keys: KeyStore,
    *,
    blob_id: UUID,
    expected_bytes: int,
    publish: Callable[[], None],
) -> SealedWriter:
    key = new_content_key()
    wrapped = keys.wrap(key)
    staged = group.stage(expected_bytes=sealed_size(expected_bytes))
    sealer = Sealer(key, blob_id=blob_id)
    return SealedWriter(staged, sealer, blob_id=blob_id, key=wrapped, keys=keys, publish=publish)


def _later() -> None:
    """Leave the publishing to the group."""


def _new_opener(stored: BlobReader, key: bytes, *, blob: SealedBlob) -> Opener:
    if stored.stored_bytes != blob.stored_bytes:
        raise BlobDamaged(blob.stored_digest)
    header = stored.read(0, HEADER_BYTES)
    try:
        opener = Opener(key, blob_id=blob.blob_id, header=header, stored_bytes=stored.stored_bytes)
    except SealBroken as error:
        raise BlobDamaged(blob.stored_digest) from error
    if opener.plain_bytes != blob.plain_bytes:
        raise BlobDamaged(blob.stored_digest)
    return opener
