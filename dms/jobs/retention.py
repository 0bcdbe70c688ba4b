"""The jobs that compute anew what follows for things: what was marked, and what time has turned."""

from __future__ import annotations

from dms.jobs.holding import Ground, Held
from dms.services import retention


def recompute(_ground: Ground, held: Held) -> None:
    """Go through what waits, slice by slice; begun again after it was killed, it goes on where it was."""
    done = 0
    while count := held.works.write(held.actor, retention.recompute):
        done += count
        held.tell(done, None)
