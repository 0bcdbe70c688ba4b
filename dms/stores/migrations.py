"""Bring a database to the shape of the models, and tell whether it is there."""

from __future__ import annotations

from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, NullPool, create_engine, event

from dms.base import resources
from dms.base.settings import Settings


def upgrade(settings: Settings, *, revision: str = "head") -> None:
    """Run every pending migration in one transaction; a second process waits and finds none left."""
    command.upgrade(_config(settings), revision)


def downgrade(settings: Settings, *, revision: str) -> None:
    """Undo the migrations after this revision; `base` undoes all."""
    command.downgrade(_config(settings), revision)


def check(settings: Settings) -> None:
    """Raise alembic's `CommandError` if the models say more or other than the migrations."""
    command.check(_config(settings))


def head_revision() -> str | None:
    """Return the newest revision that this version of the program ships; None before the first."""
    return ScriptDirectory(str(resources.folder("alembic"))).get_current_head()


def current_revision(settings: Settings) -> str | None:
    """Return the revision the database is at; None for an empty one. A missing file stays missing."""
    if settings.is_sqlite and not settings.sqlite_path.exists():
        return None
    engine = migration_engine(settings)
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_current(settings: Settings) -> bool:
    """Tell whether the database is at the newest revision."""
    head = head_revision()
    return head is not None and current_revision(settings) == head


def migration_engine(settings: Settings) -> Engine:
    """Return an engine that keeps no connection and whose transactions hold DDL on both databases."""
    engine = create_engine(settings.sqlalchemy_url, poolclass=NullPool)
    if settings.is_sqlite:
        settings.home.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", _leave_transactions_to_us)
        event.listen(engine, "begin", _begin_as_only_writer)
    return engine


def _leave_transactions_to_us(dbapi_connection: Any, _record: object) -> None:  # the driver's own class
    dbapi_connection.isolation_level = None


def _begin_as_only_writer(connection: Any) -> None:  # a Connection, but the event is untyped
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _config(settings: Settings) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.folder("alembic")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["settings"] = settings
    return config
