"""Taking one upload in, step by step in worker threads: judge, seal, compare, keep."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from uuid import UUID

from dms.base.actor import Actor
from dms.base.errors import ArgumentInvalid, Conflict, DmsError, Invalid, NotRecorded, Unavailable
from dms.base.ids import new_id
from dms.models.versions import Upload
from dms.services import uploads
from dms.services.uploads import Allowance, Content
from dms.stores import formats
from dms.stores.blobs import NotDurable
from dms.stores.vault import SealedBlob, SealedWriter, Vault
from dms.stores.work import Works

_alarm = logging.getLogger("dms.alarm")


@dataclass(frozen=True, slots=True)
class Announced:
    """What the head of a request says of its body; SHA-256 (hex) by the header that names it."""

    upload_id: UUID
    size_bytes: int
    media_type: str | None
    digests: Sequence[tuple[str, str]]


class Intake:
    """One upload on its way in.

    INVARIANT (one at a time): a request that is cancelled drops its upload while a step may still run
    in its thread; the lock keeps that step from writing to a file that is closed already.
    """

    def __init__(
        self, works: Works, vault: Vault, allowance: Allowance, *, actor: Actor, announced: Announced
    ) -> None:
        self._works = works
        self._vault = vault
        self._allowance = allowance
        self._actor = actor
        self._announced = announced
        self._lock = Lock()
        self._is_dropped = False
        self._earlier: Upload | None = None
        self._sink: SealedWriter | _Comparison | None = None
        self._head = b""
        self._tail = b""
        self.is_new = False

    def begin(self, *, under_way_bytes: int) -> None:
        """Ask whether the bytes may come, which is on record from here on, and make room for them."""
        with self._lock:
            self._require_kept()
            self._earlier = self._works.read(
                self._actor,
                lambda work: uploads.admit(
                    work,
                    self._announced.upload_id,
                    size_bytes=under_way_bytes,
                    allowance=self._allowance,
                ),
            )
            if self._earlier is None:
                self._sink = self._vault.writer(new_id(), expected_bytes=self._announced.size_bytes)
            elif self._earlier.plain_bytes == self._announced.size_bytes:
                self._sink = _Comparison()  # nothing is stored twice
            else:
                raise _other_content()

    def write(self, chunks: Sequence[bytes]) -> None:
        """Take the next bytes."""
        with self._lock:
            self._write(b"".join(chunks))

    def finish(self, chunks: Sequence[bytes]) -> Upload:
        """Take the last bytes, compare them with what was announced, and keep them under the id."""
        with self._lock:
            self._write(b"".join(chunks))
            sink = self._compared()
            if isinstance(sink, SealedWriter):
                return self._keep(sink)
            return self._repeated(sink)

    def abort(self) -> None:
        """Drop what has not become an upload; without effect on one that has."""
        with self._lock:
            self._is_dropped = True
            if isinstance(self._sink, SealedWriter):
                self._sink.abort()

    def _write(self, plain: bytes) -> None:
        sink = self._require_kept()
        if sink is None or sink.plain_bytes + len(plain) > self._announced.size_bytes:
            raise ArgumentInvalid("the body is longer than `Content-Length` says: send it again")
        self._head += plain[: formats.HEAD_BYTES - len(self._head)]
        self._tail = (self._tail + plain[-formats.TAIL_BYTES :])[-formats.TAIL_BYTES :]
        sink.write(plain)

    def _compared(self) -> SealedWriter | _Comparison:
        """Raise unless the bytes are what the head of the request says, before they become visible."""
        sink = self._require_kept()
        if sink is None or sink.plain_bytes != self._announced.size_bytes:
            raise ArgumentInvalid("the body is shorter than `Content-Length` says: send it again")
        for header, sha256 in self._announced.digests:
            if sha256 != sink.plain_sha256:
                raise Invalid(f"the bytes that came are not those that `{header}` names: send them again")
        return sink

    def _keep(self, sink: SealedWriter) -> Upload:
        content = Content(
            blob=_published(sink),
            store=self._vault.store.name,
            media_type=formats.identify(self._head, tail=self._tail),
            declared_media_type=self._announced.media_type,
        )
        try:
            row = self._works.write(
                self._actor,
                lambda work: uploads.receive(
                    work, self._announced.upload_id, content, allowance=self._allowance
                ),
                locks=("upload",),
            )
        except NotRecorded:
            raise  # nobody knows whether a row names the bytes: the sweep will look
        except DmsError:
            self._remove(content.blob)
            raise
        self.is_new = row.blob_id == content.blob.blob_id
        if not self.is_new:  # the same bytes came at the same time
            self._remove(content.blob)
        return row

    def _repeated(self, sink: _Comparison) -> Upload:
        earlier = self._earlier
        if earlier is None or earlier.plain_sha256 != sink.plain_sha256:
            raise _other_content()
        return earlier

    def _remove(self, blob: SealedBlob) -> None:
        with suppress(Unavailable):  # no row names them: the sweep finds what stays
            self._vault.store.delete(blob.stored_digest)

    def _require_kept(self) -> SealedWriter | _Comparison | None:
        if self._is_dropped:
            raise Conflict("the upload was given up: send it again")
        return self._sink


class _Comparison:
    """Takes the bytes of an upload that is here already, only to compare them."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.plain_bytes = 0

    @property
    def plain_sha256(self) -> str:
        """Return the digest of the bytes so far."""
        return self._digest.hexdigest()

    def write(self, plain: bytes) -> None:
        """Take the next bytes."""
        self._digest.update(plain)
        self.plain_bytes += len(plain)


def _published(sink: SealedWriter) -> SealedBlob:
    try:
        return sink.finish()
    except NotDurable:
        _alarm.critical("disk_not_durable")
        raise


def _other_content() -> Conflict:
    return Conflict("other bytes were sent under this id before: make a new one")
