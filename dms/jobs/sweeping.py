"""Removing what nobody needs any more: uploads that have expired, and stored bytes that nothing names.

Bytes are published before the row that names them, and a backup copies the rows before the bytes. So what
nothing names stays for a grace period that is longer than either takes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from dms.access.log.again import asking_again
from dms.base.actor import Actor
from dms.base.clock import SECOND, Instant
from dms.base.errors import Unavailable
from dms.services import blobs, uploads
from dms.services.inspections import chunks
from dms.stores.blobs import StoredBlob, StoredDigest
from dms.stores.vault import Vault
from dms.stores.work import Works

Tell = Callable[[str, int, int | None], None]
"""Takes a step, how much of it is done, and how much there is."""


@dataclass(slots=True)
class Swept:
    """What a sweep has removed, or would: uploads, half-written bytes, stored bytes that nothing named."""

    uploads: int = 0
    staged: int = 0
    contents: int = 0
    stored_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Broom:
    """Sweeps one installation for somebody; nothing is removed in a rehearsal.

    `is_stopped` is asked between two pieces.
    """

    works: Works
    vault: Vault
    actor: Actor
    grace_s: int
    is_rehearsal: bool
    is_stopped: Callable[[], bool]

    def sweep(self, tell: Tell) -> Swept:
        """Remove everything that has had its time."""
        swept = Swept()
        if self.is_rehearsal:
            swept.uploads = self._quiet.read(self.actor, uploads.count_expired)
        else:
            self.sweep_uploads(swept)
        self._sweep_staged(swept)
        self._sweep_contents(swept, tell)
        return swept

    def sweep_uploads(self, swept: Swept) -> None:
        """Forget the uploads that have expired, then remove their bytes."""
        while not self.is_stopped():
            gone = self._quiet.write(self.actor, uploads.sweep)
            swept.uploads += gone.count
            self._delete(gone.digests)
            for name in gone.staged:
                self.vault.store.drop_staged(name)
            if not gone.count:
                return

    @property
    def _quiet(self) -> Works:
        """The same works, whose events tell of removals only."""
        return asking_again(self.works, released=())

    @property
    def _before(self) -> Instant:
        return Instant(self.works.clock() - self.grace_s * SECOND)

    def _sweep_staged(self, swept: Swept) -> None:
        before = self._before
        kept = self._quiet.read(self.actor, blobs.waiting)
        left = self.vault.store.list_staged()
        old = [each for each in left if each.written_at < before and each.name not in kept]
        swept.staged += len(old)
        swept.stored_bytes += sum(each.stored_bytes for each in old)
        if old and not self.is_rehearsal:
            self._record([f"staged:{each.name}" for each in old])
            self.vault.store.sweep_staged(before=before, kept=kept)

    def _sweep_contents(self, swept: Swept, tell: Tell) -> None:
        before, seen = self._before, 0
        for slice_ in chunks(self.vault.store.list()):
            if self.is_stopped():
                return
            seen += len(slice_)
            gone = self._unnamed([blob for blob in slice_ if blob.written_at < before])
            swept.contents += len(gone)
            swept.stored_bytes += sum(blob.stored_bytes for blob in gone)
            if gone and not self.is_rehearsal:
                self._record([blob.digest for blob in gone])
                self._delete([blob.digest for blob in gone])
            tell("store", seen, None)

    def _unnamed(self, old: Sequence[StoredBlob]) -> Sequence[StoredBlob]:
        if not old:
            return ()
        digests = [blob.digest for blob in old]
        unnamed = set(self._quiet.read(self.actor, partial(blobs.unnamed, digests=digests)))
        return [blob for blob in old if blob.digest in unnamed]

    def _record(self, things: Collection[str]) -> None:
        self.works.read(self.actor, partial(blobs.remove, things=things))

    def _delete(self, digests: Collection[StoredDigest]) -> None:
        for digest in digests:
            with suppress(Unavailable):  # the next sweep finds what stays
                self.vault.store.delete(digest)
