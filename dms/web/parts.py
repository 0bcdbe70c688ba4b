"""One part of an upload on its way in, step by step in worker threads.

The writer is asked for with the first bytes that shall be kept, so a part that is refused before costs only
itself: what came of the upload is not read back for it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Lock
from uuid import UUID

from dms.base.actor import Actor
from dms.base.errors import ArgumentInvalid, Conflict, DmsError, Invalid, NotFound, NotRecorded, Unavailable
from dms.base.ids import new_id
from dms.models.versions import PartialUpload
from dms.services import partialuploads
from dms.services.partialuploads import Place, Standing, standing_of
from dms.services.uploads import Allowance, Content
from dms.stores import formats
from dms.stores.blobs import PIECE_BYTES, NotDurable, StagedGone
from dms.stores.vault import Paused, Vault
from dms.stores.work import Works
from dms.web.writers import Ends, Waiting, Writers

HELD_BYTES = 8 * PIECE_BYTES
"""A part with a checksum is held in memory up to here, and judged before anything of it is written."""


_alarm = logging.getLogger("dms.alarm")


class ChecksumDiffers(Invalid):
    """The bytes of a part are not those that its checksum names; nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a request says of the part that it brings; the checksum with its algorithm, in hexadecimal."""

    upload_id: UUID
    offset: int
    checksum: tuple[str, str] | None

    def place(self, row: PartialUpload) -> Place:
        """Return where it goes on, as the row was when the part began."""
        return Place(self.upload_id, self.offset, row.staging)


class PartIntake:
    """One part on its way in.

    INVARIANT (one at a time): a request that is cancelled ends its part while a step may still run in its
    thread; the lock keeps that step from writing to a file that is closed already.
    """

    def __init__(
        self,
        works: Works,
        vault: Vault,
        writers: Writers,
        *,
        actor: Actor,
        part: Part,
        allowance: Allowance,
    ) -> None:
        self._works = works
        self._vault = vault
        self._writers = writers
        self._actor = actor
        self._part = part
        self._allowance = allowance
        self._lock = Lock()
        self._row: PartialUpload | None = None
        self._waiting: Waiting | None = None
        self._open: Waiting | None = None
        self._held: list[bytes] = []
        self._arrived = 0
        self._sum = hashlib.new(part.checksum[0], usedforsecurity=False) if part.checksum else None

    def begin(self) -> int:
        """Find the upload, which nobody else may write meanwhile; return how many bytes it still wants."""
        with self._lock:
            part = self._part
            find = partial(partialuploads.find_partial, upload_id=part.upload_id, offset=part.offset)
            row = self._works.read(self._actor, find)
            self._waiting = self._writers.take(row.id)
            self._row = row
            return row.length_bytes - row.plain_bytes

    def write(self, chunks: Sequence[bytes]) -> None:
        """Take the next bytes."""
        with self._lock:
            self._write(b"".join(chunks))

    def finish(self, chunks: Sequence[bytes]) -> Standing:
        """Take the last bytes of the part, compare them with the checksum, and keep them."""
        with self._lock:
            self._write(b"".join(chunks))
            if self._sum is not None and self._part.checksum != (self._sum.name, self._sum.hexdigest()):
                raise ChecksumDiffers("the bytes of this part are not those that `Upload-Checksum` names")
            self._pour()
            return self._keep()

    def cut(self, chunks: Sequence[bytes]) -> None:
        """Keep what came of a part whose line broke, unless a checksum speaks of all of it."""
        with self._lock:
            if self._row is None or self._sum is not None:
                return
            with suppress(DmsError):  # the sender asks for the offset, which has not moved then
                self._write(b"".join(chunks))
                self._keep()

    def close(self) -> None:
        """Drop what was not kept; without effect on what was."""
        with self._lock:
            row, waiting, spoilt = self._row, self._waiting, self._open
            self._row = self._waiting = self._open = None
            self._held.clear()
            if row is None:
                return
            if spoilt is not None:
                self._drop(spoilt, row)
            self._writers.put(row.id, waiting)

    def _awakened(self, row: PartialUpload) -> Waiting:
        if self._open is None:
            waiting, self._waiting = self._waiting, None
            self._open = self._awake(waiting, row)
        return self._open

    def _awake(self, waiting: Waiting | None, row: PartialUpload) -> Waiting:
        if waiting is not None:
            writer = waiting.writer
            if (writer.staging, writer.plain_bytes) == (row.staging, row.plain_bytes) and writer.wake():
                return waiting
            writer.leave()
        if row.staging is None:
            writer = self._vault.writer(new_id(), expected_bytes=row.length_bytes)
            return Waiting(row.owner_id, writer, Ends())
        return self._read_back(row, row.staging)

    def _read_back(self, row: PartialUpload, staging: str) -> Waiting:
        paused = Paused(row.blob_id, row.plain_bytes, staging, row.kek, wrapped=row.wrapped, tail=row.tail)
        ends, size = Ends(), row.length_bytes
        try:
            writer = self._vault.resume(paused, blob_id=new_id(), expected_bytes=size, tell=ends.see)
        except StagedGone as error:
            raise NotFound("what had arrived of this upload is gone: begin a new one") from error
        return Waiting(row.owner_id, writer, ends)

    def _write(self, plain: bytes) -> None:
        row = self._required()
        if row.plain_bytes + self._arrived + len(plain) > row.length_bytes:
            raise ArgumentInvalid("the part goes beyond `Upload-Length`: nothing of it is kept")
        self._arrived += len(plain)
        self._held.append(plain)
        if self._sum is not None:
            self._sum.update(plain)
        if self._sum is None or self._arrived > HELD_BYTES:
            self._pour()

    def _pour(self) -> None:
        """Write what is held."""
        row = self._required()
        while self._held:
            if plain := self._held.pop(0):
                waiting = self._awakened(row)
                waiting.ends.see(plain)
                waiting.writer.write(plain)

    def _keep(self) -> Standing:
        row = self._required()
        if not self._arrived and row.plain_bytes < row.length_bytes:
            return standing_of(row)
        waiting = self._awakened(row)
        if waiting.writer.plain_bytes == row.length_bytes:
            return self._complete(row, waiting)
        with _alarmed():
            paused = waiting.writer.pause()
        kept = self._advance(row, paused)
        self._clear(row, names=paused.staging)
        self._writers.put(row.id, waiting)
        return kept

    def _advance(self, row: PartialUpload, paused: Paused) -> Standing:
        advance = partial(partialuploads.advance, part=self._part.place(row), paused=paused)
        try:
            return self._works.write(self._actor, advance)
        except NotRecorded:
            raise  # nobody knows which of the staged bytes the row names: the sweep will look
        except DmsError:
            if paused.staging != row.staging:
                self._vault.store.drop_staged(paused.staging)
            raise

    def _complete(self, row: PartialUpload, waiting: Waiting) -> Standing:
        with _alarmed():
            blob = waiting.writer.finish()
        media_type = formats.identify(waiting.ends.head, tail=waiting.ends.tail)
        content = Content(blob, self._vault.store.name, media_type, row.declared_media_type)
        complete = partial(
            partialuploads.complete,
            part=self._part.place(row),
            content=content,
            allowance=self._allowance,
        )
        try:
            whole = self._works.write(self._actor, complete, locks=("upload",))
        except NotRecorded:
            raise  # nobody knows whether a row names the bytes: the sweep will look
        except DmsError:
            with suppress(Unavailable):  # no row names them: the sweep finds what stays
                self._vault.store.delete(blob.stored_digest)
            raise
        self._clear(row, names=None)
        self._writers.put(row.id, None)
        return whole

    def _required(self) -> PartialUpload:
        if self._row is None:
            raise Conflict("the part was given up: ask for the offset and send the rest")
        return self._row

    def _clear(self, row: PartialUpload, *, names: str | None) -> None:
        """End the part; staged bytes go that the row named and does not name any more."""
        self._row = self._open = None
        if row.staging is not None and row.staging != names:
            self._vault.store.drop_staged(row.staging)

    def _drop(self, waiting: Waiting, row: PartialUpload) -> None:
        if waiting.writer.staging == row.staging:
            waiting.writer.leave()  # the row still names what came before
        else:
            waiting.writer.abort()


@contextmanager
def _alarmed() -> Iterator[None]:
    try:
        yield
    except NotDurable:
        _alarm.critical("disk_not_durable")
        raise
