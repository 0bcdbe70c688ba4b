"""The signer's loop: each second it writes and signs what was sequenced meanwhile.

It runs in a process of its own, so that the process that answers requests never holds the key. A log that
does not continue what was signed is told of again and again, and not signed, until somebody has looked.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from dms.access.log import signer
from dms.access.log.keys import Signer
from dms.access.log.shards import LogPlace
from dms.access.log.signer import LogForked
from dms.stores.engine import Database

EVERY_S = 1.0
AGAIN_S = 60.0
"""How long it rests after it found the log changed, or could not write."""

_alarm = logging.getLogger("dms.alarm")


def catch_up(database: Database, place: LogPlace, signers: Sequence[Signer]) -> int:
    """Sign all that is sequenced; returns how many events were signed."""
    folder, count = place.shard(), 0
    while signed := signer.sign(database, folder, signers):
        count += signed
    return count


def follow(database: Database, place: LogPlace, *, stopped: threading.Event) -> None:
    """Sign until told to stop, and then once more; keys are read anew each time, for their replacement."""
    while not stopped.wait(_rested(database, place)):
        continue
    catch_up(database, place, place.signers())


def _rested(database: Database, place: LogPlace) -> float:
    """Sign what there is, and tell how long to rest."""
    try:
        catch_up(database, place, place.signers())
    except LogForked:
        return AGAIN_S  # the signer has raised the alarm
    except Exception:  # noqa: BLE001  the door of a thread
        _alarm.exception("signing_failed")
        return AGAIN_S
    return EVERY_S
