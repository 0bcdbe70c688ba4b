"""What a piece of work costs: by the clock, and in CPU time of this thread and of the database's server.

On a machine that others use too, CPU time is what can be compared; the clock tells how long they made it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock, and of CPU."""

    clock_s: float
    cpu_s: float


class Meter:
    """Measures what happens while it is open, on one connection."""

    def __init__(self, connection: Connection) -> None:
        driver = connection.connection.driver_connection
        info = getattr(driver, "info", None)  # psycopg's; SQLite works in this thread
        self._server = None if info is None else Path(f"/proc/{info.backend_pid}/schedstat")
        self.cost = Cost(0.0, 0.0)

    def __enter__(self) -> Meter:
        self._began = self._now()
        return self

    def __exit__(self, *_: object) -> None:
        ended = self._now()
        self.cost = Cost(ended.clock_s - self._began.clock_s, ended.cpu_s - self._began.cpu_s)

    def _now(self) -> Cost:
        server_ns = int(self._server.read_text().split()[0]) if self._server else 0
        return Cost(time.perf_counter(), time.thread_time() + server_ns / 1e9)
