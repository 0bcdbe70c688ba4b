"""Checking stored content again and again: the longest unchecked first, no faster than one may.

Each check is kept a few seconds after it was made, so a run that is ended goes on where it was.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from dms.access.log.again import asking_again
from dms.base.actor import Actor
from dms.base.clock import monotonic_s
from dms.base.errors import Unavailable
from dms.models.versions import VerifyState
from dms.services import blobs
from dms.services.blobs import Choice, DueBlob, Verdict
from dms.stores.blobs import BlobDamaged, BlobMissing
from dms.stores.crypto import KeyUnavailable
from dms.stores.vault import Vault
from dms.stores.work import Works

SLICE = 64
KEEPS_EVERY_S = 5.0
"""After so many Blobs or seconds what was found is kept, in one transaction."""

Tell = Callable[[str, int, int | None], None]
"""Takes a step, how much of it is done, and how much there is."""

Rest = Callable[[float], bool]
"""Waits so many seconds; True once the work shall end."""

_alarm = logging.getLogger("dms.alarm")
_log = logging.getLogger("dms.scrubbing")


@dataclass(frozen=True, slots=True)
class Manner:
    """What is checked and how: with `is_deep` content is opened too; no more bytes each second, 0 for any."""

    choice: Choice
    is_deep: bool
    bytes_per_s: int


@dataclass(slots=True)
class Tally:
    """What a run has come to; `put_off` are Blobs that the store did not give, which says nothing of them."""

    checked: int = 0
    stored_bytes: int = 0
    put_off: int = 0
    unsound: list[Verdict] = field(default_factory=list)


class Scrub:
    """One run over what is due."""

    def __init__(self, works: Works, vault: Vault, actor: Actor, *, manner: Manner, rest: Rest) -> None:
        self._works = works
        self._vault = vault
        self._actor = actor
        self._manner = manner
        self._pacer = _Pacer(manner.bytes_per_s, rest)
        self._found: list[Verdict] = []
        self._keep_at_s = monotonic_s() + KEEPS_EVERY_S
        self.tally = Tally()

    def run(self, tell: Tell) -> Tally:
        """Check everything that is due; what was found until an interruption is kept."""
        quiet = asking_again(self._works, released=())  # a reading that changes nothing is no news
        total, _ = quiet.read(self._actor, partial(blobs.count_due, choice=self._manner.choice))
        try:
            for blob in self._due(quiet):
                self._check(blob)
                tell("contents", self.tally.checked + len(self._found) + self.tally.put_off, total)
        except _Ended:
            pass
        finally:
            self._keep()
        return self.tally

    def _due(self, quiet: Works) -> Iterator[DueBlob]:
        after: DueBlob | None = None
        choice = self._manner.choice
        while rows := quiet.read(self._actor, partial(blobs.due, choice=choice, after=after, limit=SLICE)):
            yield from rows
            after = rows[-1]

    def _check(self, blob: DueBlob) -> None:
        try:
            self._found.append(self._judge(blob))
        except Unavailable as error:
            self.tally.put_off += 1
            _log.warning("check_put_off", extra={"blob": blob.blob_id.hex, "code": error.code})
        if len(self._found) >= SLICE or monotonic_s() >= self._keep_at_s:
            self._keep()

    def _judge(self, blob: DueBlob) -> Verdict:
        """Look at the stored bytes, with `is_deep` at what they hold; raises what says nothing of them."""
        try:
            self._read(blob)
        except BlobMissing:
            return Verdict(blob, VerifyState.MISSING, "content_missing")
        except BlobDamaged:
            return Verdict(blob, VerifyState.DAMAGED, "content_damaged")
        except KeyUnavailable:
            return Verdict(blob, VerifyState.SOUND, "content_key")
        return Verdict(blob, VerifyState.SOUND)

    def _read(self, blob: DueBlob) -> None:
        if self._vault.store.head(blob.stored_digest).stored_bytes != blob.stored_bytes:
            raise BlobDamaged(blob.stored_digest)
        self._vault.verify_stored(blob.stored_digest, pace=self._pacer.pace)
        if self._manner.is_deep and blob.sealed is not None:
            self._vault.verify(blob.sealed, pace=self._pacer.pace)

    def _keep(self) -> None:
        found, self._found = self._found, []
        self._keep_at_s = monotonic_s() + KEEPS_EVERY_S
        if not found:
            return
        kept = self._works.write(self._actor, partial(blobs.record, verdicts=found))
        unsound = [verdict for verdict in kept if not verdict.is_sound]
        for verdict in unsound:
            named = {"blob": verdict.blob.blob_id.hex, "document": verdict.blob.document_id.hex}
            _alarm.critical(verdict.note, extra=named)
        self.tally.checked += len(kept)
        self.tally.stored_bytes += sum(verdict.blob.stored_bytes for verdict in kept)
        self.tally.unsound += unsound


class _Pacer:
    """Lets so many bytes pass each second on average."""

    def __init__(self, bytes_per_s: int, rest: Rest) -> None:
        self._bytes_per_s = bytes_per_s
        self._rest = rest
        self._free_at_s = monotonic_s()

    def pace(self, count: int) -> None:
        """Wait until these bytes have had their time; raises once the work shall end."""
        wait_s = 0.0
        if self._bytes_per_s:
            now_s = monotonic_s()
            self._free_at_s = max(self._free_at_s, now_s) + count / self._bytes_per_s
            wait_s = self._free_at_s - now_s
        if self._rest(wait_s):
            raise _Ended


class _Ended(Exception):
    """The run ends in the midst of a Blob, of which nothing is said."""
