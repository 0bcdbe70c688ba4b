"""What a server does by itself for stored content: it sweeps each hour, and checks what is due.

Several processes may do it at once; they would read some content twice, and remove nothing twice.
"""

from __future__ import annotations

import logging

from dms.base.actor import system_actor
from dms.base.clock import SECOND, Instant
from dms.base.errors import DmsError
from dms.base.ids import new_id
from dms.base.settings import Settings
from dms.jobs.scrubbing import Manner, Scrub
from dms.jobs.sweeping import Broom, Swept
from dms.jobs.threads import Beside
from dms.services.blobs import Choice
from dms.stores.vault import Vault
from dms.stores.work import Works

LOOKS_EVERY_S = 60.0
SWEEPS_EVERY = 60
SWEEPS_STORE_EVERY = 24
"""Uploads are swept each hour, the store once a day: looking through it reads every address."""

_log = logging.getLogger("dms.blobkeeping")


class BlobKeeping(Beside):
    """A thread of the server process, from `start` until `stop`."""

    def __init__(self, works: Works, vault: Vault, settings: Settings) -> None:
        super().__init__("blobs")
        self._works = works
        self._vault = vault
        self._settings = settings

    def _run(self) -> None:
        looks = 0
        while not self._stopped.wait(LOOKS_EVERY_S):
            sweeps, between = divmod(looks, SWEEPS_EVERY)
            try:
                if not between:
                    self.sweep(is_whole=sweeps % SWEEPS_STORE_EVERY == 0)
                self.scrub()
            except DmsError as error:  # it is looked after again soon
                _log.warning("blobkeeping_put_off", extra={"code": error.code})
            except Exception:  # noqa: BLE001  the door of a thread
                _log.exception("blobkeeping_failed")
            looks += 1

    def sweep(self, *, is_whole: bool) -> Swept:
        """Remove uploads that have expired; with `is_whole` stored bytes that nothing names, too."""
        broom = Broom(
            self._works,
            self._vault,
            system_actor(new_id().hex),
            grace_s=self._settings.sweep_grace_s,
            is_rehearsal=False,
            is_stopped=self._stopped.is_set,
        )
        if is_whole:
            return broom.sweep(_silently)
        swept = Swept()
        broom.sweep_uploads(swept)
        return swept

    def scrub(self) -> None:
        """Check what is due, at the speed that is set, until nothing is or the thread shall end."""
        settings = self._settings
        if not settings.scrub_every_s:
            return
        before = Instant(self._works.clock() - settings.scrub_every_s * SECOND)
        manner = Manner(Choice(before), is_deep=False, bytes_per_s=settings.scrub_bytes_per_s)
        actor = system_actor(new_id().hex)
        Scrub(self._works, self._vault, actor, manner=manner, rest=self._stopped.wait).run(_silently)


def _silently(_step: str, _done: int, _total: int | None) -> None:
    """Tell nobody."""
