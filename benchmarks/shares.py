"""Where the time of a request goes: stacks of the working threads, sampled.

The innermost frame that belongs to a part names it: time inside SQLAlchemy below the decision is SQL,
not decision. Waiting threads are left out.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter

PARTS = (
    ("SQL", ("sqlalchemy", "sqlite3", "psycopg")),
    ("event", ("dms/access/log", "dms/rules/accessevents", "dms/base/canonical")),
    ("decision", ("casbin", "simpleeval", "dms/access/", "dms/rules/access", "dms/rules/security")),
    ("executor", ("graphql/", "strawberry")),
    ("the rest", ("dms/", "starlette", "uvicorn", "orjson")),
)

_WAITING = {"_take", "wait", "get", "select", "poll", "acquire", "_worker", "sleep", "_wait_for_tstate_lock"}

INTERVAL_S = 0.0007


class Sampler:
    """Samples all threads but its own while it is open."""

    def __init__(self) -> None:
        self._found: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def shares(self) -> dict[str, float]:
        """Return the share of each part, 0..1."""
        total = sum(self._found.values()) or 1
        return {name: self._found[name] / total for name, _ in PARTS}

    def _run(self) -> None:
        own = threading.get_ident()
        while not self._stop.is_set():
            for ident, frame in sys._current_frames().items():
                if ident != own:
                    self._note(frame)
            time.sleep(INTERVAL_S)

    def _note(self, frame) -> None:
        if frame.f_code.co_name in _WAITING:
            return
        while frame is not None:
            place = frame.f_code.co_filename
            for name, marks in PARTS:
                if any(mark in place for mark in marks):
                    self._found[name] += 1
                    return
            frame = frame.f_back
