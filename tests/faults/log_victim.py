"""A process that answers, sequences and signs as fast as it can, and is killed; see test_log_kill.py.

Each line on standard input is one round: a child, and where it ends. That is the milliseconds from its first
answer to a kill from outside, or a point by its name and how often it is reached until the child kills
itself there. The ledger gets a line for each answer, after the answer.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import replace
from functools import wraps
from pathlib import Path

import psycopg  # noqa: F401  here and not anew in every child

from dms.access.log import open_log, sequencer, shards, signer, tilestore
from dms.access.log.inserts import Inserts
from dms.access.log.recorder import Recorder
from dms.base.actor import system_actor
from dms.base.clock import system_clock
from dms.base.errors import NotRecorded
from dms.base.ids import new_id
from dms.base.settings import Settings
from dms.jobs.signing import Signing
from dms.models.users import LoginThrottle
from dms.rules.accessevents import Disclosure, Op
from dms.stores.engine import open_database
from dms.stores.work import Works

READERS = 4
WRITERS = 2

PLACES = {
    "insert": (Inserts, "run"),
    "commit": (Works, "_commit"),
    "batch": (Recorder, "_transaction"),
    "sequencing": (sequencer, "_append"),
    "advance": (sequencer, "advance"),
    "tile": (tilestore, "put"),
    "checkpoint": (signer, "_publish"),
    "answer": (None, "answered"),
}
"""Where a child can end itself: before and after each of these."""

POINTS = [f"{when}-{place}" for place in PLACES for when in ("before", "after")]


class Points:
    """Counts how often a point is reached, and kills the process the time that was asked for."""

    def __init__(self, wanted: str = "", times: int = 1) -> None:
        self._wanted = wanted
        self._left = times
        self._lock = threading.Lock()

    def reach(self, point: str) -> None:
        if point != self._wanted:
            return
        with self._lock:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, place: str) -> None:
        """Reach the points before and after a function whenever it is called."""
        owner, name = PLACES[place]
        if owner is None:
            return
        function = getattr(owner, name)

        @wraps(function)
        def watched(*arguments, **named):
            self.reach(f"before-{place}")
            result = function(*arguments, **named)
            self.reach(f"after-{place}")
            return result

        setattr(owner, name, watched)


def answer(settings: Settings, ledger: int, points: Points) -> None:
    """Answer until killed, for a minute at most if nobody is left to do it."""
    signal.alarm(60)
    for place in PLACES:
        points.watch(place)
    database = open_database(settings)
    works = Works(database, closing=open_log(database), clock=system_clock)
    bodies = [("read", look)] * READERS + [("write", change)] * WRITERS
    for kind, body in bodies:
        start(go_on, works, kind, body, ledger, points)
    start(again, lambda: sequencer.advance(database, limit=50))
    signing = Signing(database, shards.place_of(settings))
    start(again, signing.catch_up)
    while True:
        signal.pause()


def start(function, *arguments) -> None:
    threading.Thread(target=function, args=arguments, daemon=True).start()


def again(step) -> None:
    while True:
        step()
        time.sleep(0.01)


def go_on(works: Works, kind: str, body, ledger: int, points: Points) -> None:
    while True:
        request = new_id().hex
        try:
            getattr(works, kind)(system_actor(request), body)
        except NotRecorded:
            continue
        points.reach("before-answer")
        os.write(ledger, f"{kind} {request}\n".encode())
        points.reach("after-answer")


def look(work) -> None:
    work.performs(Op.DOCUMENT_READ)
    work.releases(new_id(), revision=1, disclosure=Disclosure.METADATA)


def change(work) -> None:
    work.performs(Op.USER_CREATE)
    key = work.actor.request_id * 2
    work.add(LoginThrottle(key_sha256=key, failures=0, free_at=0, touched_at=0))
    work.changed(new_id(), before=None, after=1, old={}, new={"key": key})


def points_of(line: str) -> Points:
    name, _, times = line.partition(":")
    return Points(name, int(times)) if times else Points()


def end_of(child: int, line: str, ledger: int, before: int) -> None:
    """Wait until a child has ended as its line says."""
    if ":" in line:
        _, status = os.waitpid(child, 0)
        if os.WTERMSIG(status) != signal.SIGKILL:
            raise SystemExit(f"the child never came to `{line}`: status {status}")
        return
    while os.fstat(ledger).st_size == before:
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            raise SystemExit("the child ended before its first answer")
        time.sleep(0.005)
    time.sleep(int(line) / 1000)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def main(home: str, url: str, ledger_path: str) -> None:
    settings = replace(Settings(home=Path(home)), database_url=url)
    ledger = os.open(ledger_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for line in sys.stdin.read().split():
        # This process has one thread and no connection: the child inherits nothing that it shares.
        before = os.fstat(ledger).st_size
        child = os.fork()
        if child == 0:
            answer(settings, ledger, points_of(line))
        end_of(child, line, ledger, before)


if __name__ == "__main__":
    main(*sys.argv[1:])
