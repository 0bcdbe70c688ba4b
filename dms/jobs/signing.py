"""The signer's loop: each second it writes and signs what was sequenced meanwhile.

It runs in a process of its own, so that the process that answers requests never holds the key. A log that
does not continue what was signed is told of again and again, and not signed, until somebody has looked.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from dms.access.log import signer, stamps
from dms.access.log.cosigning import Cosigner
from dms.access.log.shards import LogPlace
from dms.access.log.signer import LogForked
from dms.access.log.stamps import Authority
from dms.base.clock import DAY, monotonic_s, system_clock
from dms.base.errors import DmsError
from dms.stores.engine import Database

EVERY_S = 1.0
COSIGNS_EVERY_S = 10.0
STAMPS_AGAIN_S = 900.0
AGAIN_S = 60.0
"""How long it rests after it found the log changed, could not write, or too few witnesses agreed."""

_alarm = logging.getLogger("dms.alarm")


@dataclass(slots=True)
class Signing:
    """Signs the log of one installation, and asks others to witness and to stamp it."""

    database: Database
    place: LogPlace
    cosigner: Cosigner | None = None
    authority: Authority | None = None
    _next: dict[str, float] = field(default_factory=dict)
    """When something is due again, by its name."""

    def catch_up(self) -> int:
        """Sign all that is sequenced; returns how many events were signed."""
        folder, signers, count = self.place.shard(), self.place.signers(), 0
        while signed := signer.sign(self.database, folder, signers):
            count += signed
        return count

    def witness(self) -> int:
        """Ask the witnesses for their cosignatures; returns how many stand under the newest checkpoint."""
        if self.cosigner is None:
            return 0
        agreed = self.cosigner.ask(self.place.shard())
        if agreed < self.cosigner.policy.quorum:
            self._next["witness"] = monotonic_s() + AGAIN_S  # each try may hold up the signer
            _alarm.error("witnesses_missing", extra={"agreed": agreed, "quorum": self.cosigner.policy.quorum})
        return agreed

    def stamp(self) -> None:
        """Have the newest checkpoint stamped if the last stamp is a day old."""
        if self.authority is None:
            return
        last = stamps.last_stamp(self.place.shard())
        if last is None or system_clock() - last >= DAY:
            self.authority.stamp(self.place.shard())

    def follow(self, *, stopped: threading.Event) -> None:
        """Sign until told to stop, and then once more; keys are read anew each time, as they may change."""
        while not stopped.wait(self._rested()):
            continue
        self.catch_up()

    def _rested(self) -> float:
        """Do what is due, and tell how long to rest."""
        try:
            self.catch_up()
        except LogForked:
            return AGAIN_S  # the signer has raised the alarm
        except Exception:  # noqa: BLE001  the door of a thread
            _alarm.exception("signing_failed")
            return AGAIN_S
        self._if_due("witness", self.witness, every_s=COSIGNS_EVERY_S)
        self._if_due("stamp", self.stamp, every_s=STAMPS_AGAIN_S)
        return EVERY_S

    def _if_due(self, name: str, step: Callable[[], object], *, every_s: float) -> None:
        now = monotonic_s()
        if now < self._next.get(name, 0.0):
            return
        self._next[name] = now + every_s
        try:
            step()
        except DmsError as error:
            _alarm.error(f"{name}_failed", extra={"error": error.message})
        except Exception:  # noqa: BLE001  the door of a thread
            _alarm.exception(f"{name}_failed")
