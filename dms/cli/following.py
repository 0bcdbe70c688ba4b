"""For commands that go on until they are told to stop; they open nothing but the database."""

from __future__ import annotations

import fcntl
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dms.base.errors import ConfigurationError
from dms.base.settings import Settings
from dms.stores import migrations
from dms.stores.engine import Database, open_database


@contextmanager
def database_of(settings: Settings) -> Iterator[Database]:
    """Open the database alone for the length of a `with`; it must be migrated."""
    if not migrations.is_current(settings):
        raise ConfigurationError("migrations are pending: run `dms migrate` first")
    database = open_database(settings)
    try:
        yield database
    finally:
        database.dispose()


@contextmanager
def only_server(settings: Settings) -> Iterator[None]:
    """Hold the lock file of the embedded database: a second server stops here."""
    if not settings.is_sqlite:
        yield
        return
    with Path(settings.home, "server.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigurationError(
                f"another server already serves `{settings.home}`: stop it, or choose another data folder"
            ) from error
        yield


def told_to_stop(*, until_eof: bool = False) -> threading.Event:
    """Return what is set on SIGTERM or Ctrl-C, or once standard input ends: then its starter has ended."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    if until_eof:
        threading.Thread(target=_wait_for_eof, args=(stopped,), daemon=True).start()
    return stopped


def _wait_for_eof(stopped: threading.Event) -> None:
    while sys.stdin.buffer.read(1):
        continue
    stopped.set()
