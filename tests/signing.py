"""A log with files: what was recorded so far gets its place and a signature."""

from __future__ import annotations

from dms.access.log import founding, sequencer
from dms.jobs.signing import Signing


def signed(house):
    """Sign all that the log holds; returns how many events that are."""
    founding.found(house.log_place)
    while sequencer.advance(house.database):
        pass
    Signing(house.database, house.log_place).catch_up()
    return sequencer.reached(house.database).size
