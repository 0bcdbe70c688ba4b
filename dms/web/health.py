"""`/healthz` and `/readyz`: for the machines that decide whether to restart, or to send requests.

`/healthz` touches nothing: it tells that the process answers. `/readyz` runs every check; it shows
their names and no reasons, which stand in the operational log.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import orjson
from sqlalchemy import insert, select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dms.access.log import AccessLog
from dms.access.policy import Policy
from dms.base.clock import Clock, monotonic_s
from dms.base.errors import Unavailable
from dms.base.ids import new_id, random_bytes
from dms.base.settings import Settings
from dms.models.accesslists import PolicyHead
from dms.models.users import LoginThrottle
from dms.stores import migrations, upkeep
from dms.stores.blobs import BlobMissing, StoredDigest
from dms.stores.engine import Database
from dms.stores.vault import Vault

Check = Callable[[], None]
"""Returns if all is well, raises otherwise."""

FRESH_S = 1.0
"""How long a result counts, so that nobody can make the checks a burden."""

_log = logging.getLogger("dms.health")


class Health:
    """The two routes; `checks` by name, run one after the other in a thread of their own."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="health")
        self._stopping = threading.Event()
        self._results: Mapping[str, bool] = {}
        self._until_s = 0.0

    def routes(self) -> list[Route]:
        """Return the routes for the application."""
        return [
            Route("/healthz", self.healthz, methods=["GET"]),
            Route("/readyz", self.readyz, methods=["GET"]),
        ]

    def stop(self) -> None:
        """Be unready from now on: the server is about to stop."""
        self._stopping.set()

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    async def healthz(self, _: Request) -> Response:
        """Answer."""
        return Response(b'{"alive":true}', media_type="application/json")

    async def readyz(self, _: Request) -> Response:
        """Run the checks: 200 if all are well, else 503."""
        results = await asyncio.get_running_loop().run_in_executor(self._thread, self._run)
        ready = all(results.values()) and not self._stopping.is_set()
        shown = {name: "ok" if well else "failed" for name, well in results.items()}
        body = {"ready": ready, "stopping": self._stopping.is_set(), "checks": shown}
        return Response(orjson.dumps(body), status_code=200 if ready else 503, media_type="application/json")

    def _run(self) -> Mapping[str, bool]:
        if monotonic_s() >= self._until_s:
            self._results = {name: _is_well(name, check) for name, check in self._checks.items()}
            self._until_s = monotonic_s() + FRESH_S
        return self._results


def checks_of(
    settings: Settings, *, database: Database, policy: Policy, log: AccessLog, vault: Vault, clock: Clock
) -> Mapping[str, Check]:
    """Return the checks of an open installation."""
    return {
        "database": lambda: database_is_writable(database),
        "migrations": lambda: migrations_are_at_head(settings),
        "policy": lambda: policy_is_in_force(database, policy),
        "accessLog": lambda: log_is_writable(log),
        "clock": lambda: clock_is_believed(clock),
        "store": lambda: store_is_writable(vault),
        "disk": lambda: disk_has_room(settings.home, reserve_bytes=settings.disk_reserve_bytes),
    }


def database_is_writable(database: Database) -> None:
    """Write a row and take it back; a replica or a read-only file raises here."""
    row = {"key_sha256": random_bytes(32).hex(), "failures": 0, "free_at": 0, "touched_at": 0}
    with upkeep.writing(database) as connection:
        undone = connection.begin_nested()
        connection.execute(insert(LoginThrottle).values(**row))
        undone.rollback()


def migrations_are_at_head(settings: Settings) -> None:
    """Raise if the database has another shape than this program expects."""
    if not migrations.is_current(settings):
        raise Unavailable("migrations are pending: run `dms migrate`")


def policy_is_in_force(database: Database, policy: Policy) -> None:
    """Raise if the policy files of this process are not the ones that the database names."""
    with upkeep.reading(database) as connection:
        in_force = connection.execute(select(PolicyHead.files_sha256)).scalar_one_or_none()
    if in_force != policy.files.sha256:
        raise Unavailable("the policy files differ from the ones in force: run `dms policy apply`")


def log_is_writable(log: AccessLog) -> None:
    """Raise if events cannot be written, or one could not be a moment ago."""
    if log.is_troubled:
        raise Unavailable("the access log cannot be written")


def clock_is_believed(clock: Clock) -> None:
    """Raise while the clock has been set and nobody knows the time."""
    clock()


def store_is_writable(vault: Vault) -> None:
    """Begin a Blob and drop it, and ask the store for one that it cannot have."""
    with vault.writer(new_id(), expected_bytes=1) as writer:
        writer.write(b".")
        writer.abort()
    with suppress(BlobMissing):
        vault.store.head(StoredDigest("0" * 64))


def disk_has_room(folder: Path, *, reserve_bytes: int) -> None:
    """Raise if less than the reserve is left where the data lie."""
    disk = os.statvfs(folder)
    if disk.f_bavail * disk.f_frsize < reserve_bytes:
        raise Unavailable("the disk has less room than `DMS_DISK_RESERVE_BYTES`")


def _is_well(name: str, check: Check) -> bool:
    try:
        check()
    except Exception:  # noqa: BLE001  a door: whatever is wrong, it is not ready
        _log.exception("not_ready", extra={"check": name})
        return False
    return True
