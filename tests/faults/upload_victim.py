"""A process that takes uploads over HTTP until it is killed; see test_uploads_kill.py.

Its arguments: the data folder, the address of the database, and at which step to kill itself. A step is
the moment before or after a call that changes files, or a commit; 0 leaves the killing to others.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from dms.access.log.recorder import Recorder
from dms.base.settings import Settings
from dms.house import House, open_house
from dms.stores.work import Works
from dms.web import uploads
from dms.web.hops import Places
from dms.web.middleware import middlewares
from dms.web.resumable import Resumable

CALLS = [
    *((os, name) for name in ("write", "fsync", "rename", "link", "unlink")),
    (Works, "_commit"),
    (Recorder, "_transaction"),
]


class Steps:
    """Counts steps, and kills the process at the one that was asked for."""

    def __init__(self, deadly: int) -> None:
        self._left = deadly
        self._lock = threading.Lock()

    def take(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, owner, name) -> None:
        """Take a step before and after a function whenever it is called."""
        function = getattr(owner, name)

        @wraps(function)
        def watched(*arguments, **options):
            self.take()
            result = function(*arguments, **options)
            self.take()
            return result

        setattr(owner, name, watched)


def application(house: House, threads: ThreadPoolExecutor) -> Starlette:
    places = Places(most=uploads.PLACES, most_each=uploads.PLACES_EACH)
    works, vault, settings = house.works, house.vault, house.settings
    routes = [
        *uploads.routes(works, vault, settings=settings, threads=threads, places=places),
        *Resumable(works, vault, settings=settings, threads=threads, places=places).routes(),
    ]
    middleware = middlewares(database=house.database, clock=works.clock)
    return Starlette(routes=routes, middleware=middleware)


def main(home: str, url: str, deadly: str) -> None:
    signal.alarm(120)  # nobody may be left to end it
    house = open_house(Settings(home=Path(home), database_url=url, password_preset="test"))
    listening = socket.create_server(("127.0.0.1", 0))
    with ThreadPoolExecutor(4) as threads:
        config = uvicorn.Config(application(house, threads), log_config=None, lifespan="off", ws="none")
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        steps = Steps(int(deadly))
        for owner, name in CALLS:
            steps.watch(owner, name)
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main(*sys.argv[1:])
