"""Fresh installations in temporary folders, on SQLite and on an embedded PostgreSQL."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from dms.base.settings import Settings
from dms.house import install
from tests import databases

UNBOUNDED = {"graphql_points": 10**9, "graphql_points_per_s": 10**9}
"""One account asks all that is measured: it must not run out of points."""


@contextlib.contextmanager
def fresh(kind: str) -> Iterator[Settings]:
    """Yield the settings of an empty installation on this kind of database."""
    with tempfile.TemporaryDirectory(prefix="dms-bench-") as folder:
        home = Path(folder) / "var"
        if kind == "sqlite":
            settings = Settings(home=home, log_level="error", **UNBOUNDED)
            install(settings)
            yield settings
            return
        run = databases.Run.begin()
        try:
            server = databases.start_server(run.folder)
            server.make_template(f"{run.name}_template")
            url = server.create(f"{run.name}_bench", template=f"{run.name}_template")
            settings = Settings(home=home, database_url=url, log_level="error", **UNBOUNDED)
            install(settings)
            yield settings
        finally:
            run.end()


def as_uuid(value: object) -> UUID:
    """Return an id as plain SQL gives it."""
    return UUID(bytes=value) if isinstance(value, bytes) else UUID(str(value))


def environment(settings: Settings) -> dict[str, str]:
    """Return the variables that name the installation to another process."""
    named = {"DMS_HOME": str(settings.home), "DMS_LOG_LEVEL": settings.log_level}
    if settings.database_url:
        named["DMS_DATABASE_URL"] = settings.database_url
    return named | {f"DMS_{name.upper()}": str(value) for name, value in UNBOUNDED.items()}
