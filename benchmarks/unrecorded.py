"""The server as it is, but its access log records nothing: only to measure what recording costs."""

from __future__ import annotations

import sys
from dataclasses import replace

from benchmarks.servers import serve
from dms.app import create_app
from dms.base import settings
from dms.house import House, open_house


class Nothing:
    """Closes units of work and leaves no event."""

    def insert(self, work) -> None:
        """Do nothing."""

    record = record_failure = settle = lacks_room = insert


def unrecorded(house: House) -> House:
    """Return an installation that leaves no events of its operations."""
    return replace(house, works=replace(house.works, closing=Nothing()))


if __name__ == "__main__":
    serve(create_app(unrecorded(open_house(settings.load()))), descriptor=int(sys.argv[1]))
