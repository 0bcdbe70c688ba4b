"""The entry bundles of the access log: the bodies of events as static files, for auditors only."""

from __future__ import annotations

from dms.access import gate
from dms.access.log import shards
from dms.access.log.shards import LogPlace
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.tiles import Tile
from dms.stores.work import Work


def bundle(work: Work, tile: Tile, *, shard: int) -> bytes:
    """Return the events of a tile as they lie in their file; needs the duty `log.read`."""
    work.performs(Op.LOG_READ)
    gate.require_duty(work, Duty.LOG_READ)
    place: LogPlace = work.memory[shards.PLACE]
    found = place.file(shard, tile.bundle_path)
    asked = {"shard": shard, "file": tile.bundle_path}
    work.notes.detail.setdefault("log_read", []).append({"filter": asked, "shown": tile.width})
    return found
