"""A process that answers as fast as it can and is killed; run by tests/faults/test_log_kill.py.

Each line on standard input is one round: a child that reads and writes with several threads, and the
milliseconds from its first answer to its end. The ledger gets a line for each answer, after the answer.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import psycopg  # noqa: F401  here and not anew in every child

from dms.access.log import open_log
from dms.base.actor import system_actor
from dms.base.clock import system_clock
from dms.base.ids import new_id
from dms.base.settings import Settings
from dms.models.users import LoginThrottle
from dms.rules.accessevents import Disclosure, Op
from dms.stores.engine import open_database
from dms.stores.work import Works

READERS = 4
WRITERS = 2


def answer(settings: Settings, ledger: int) -> None:
    """Answer until killed, for a minute at most if nobody is left to do it."""
    signal.alarm(60)
    database = open_database(settings)
    works = Works(database, closing=open_log(database), clock=system_clock)
    bodies = [("read", look)] * READERS + [("write", change)] * WRITERS
    for kind, body in bodies:
        threading.Thread(target=go_on, args=(works, kind, body, ledger), daemon=True).start()
    while True:
        signal.pause()


def go_on(works: Works, kind: str, body, ledger: int) -> None:
    while True:
        request = new_id().hex
        getattr(works, kind)(system_actor(request), body)
        os.write(ledger, f"{kind} {request}\n".encode())


def look(work) -> None:
    work.performs(Op.DOCUMENT_READ)
    work.releases(new_id(), revision=1, disclosure=Disclosure.METADATA)


def change(work) -> None:
    work.performs(Op.USER_CREATE)
    key = work.actor.request_id * 2
    work.add(LoginThrottle(key_sha256=key, failures=0, free_at=0, touched_at=0))
    work.changed(new_id(), before=None, after=1, old={}, new={"key": key})


def main(home: str, url: str, ledger_path: str) -> None:
    settings = Settings(home=Path(home), database_url=url)
    ledger = os.open(ledger_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for line in sys.stdin:
        # This process has one thread and no connection: the child inherits nothing that it shares.
        before = os.fstat(ledger).st_size
        child = os.fork()
        if child == 0:
            answer(settings, ledger)
        while os.fstat(ledger).st_size == before:
            if os.waitpid(child, os.WNOHANG) != (0, 0):
                raise SystemExit("the child ended before its first answer")
            time.sleep(0.005)
        time.sleep(int(line) / 1000)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
