"""What alembic runs: one transaction with DDL inside, on either database.

The program passes its settings (`dms.stores.migrations`); the `alembic` command of a developer finds
them in the environment, as `dms` does.
"""

from __future__ import annotations

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, MetaData
from sqlalchemy.dialects.postgresql.base import ischema_names

import dms.models  # noqa: F401  maps every table
from dms.base.settings import load
from dms.models import accessevents, search
from dms.models.types import NAMES, Base
from dms.stores.migrations import migration_engine

ischema_names["xid8"] = accessevents.Xid8  # so that a comparison recognises the column

_MIGRATION_LOCK = 0x646D73
"""Key of PostgreSQL's advisory lock: two processes that start at once migrate one after the other."""


def _metadata(dialect: str) -> MetaData:
    whole = MetaData(naming_convention=NAMES)
    for part in (Base.metadata, accessevents.metadata_of(dialect)):
        for table in part.tables.values():
            table.to_metadata(whole)
    return whole


def _render(kind: str, thing: object, autogenerate: AutogenContext) -> str | bool:
    """Write our column types as `module.Name()`; False leaves the rest to alembic."""
    package, _, module = type(thing).__module__.rpartition(".")
    if kind != "type" or package != "dms.models":
        return False
    autogenerate.imports.add(f"from dms.models import {module}")
    return f"{module}.{type(thing).__name__}()"


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Leave out the partitions of the access log, which come and go by month, and what finds words."""
    if kind == "index":
        return name not in search.VECTOR_INDEXES
    return kind != "table" or name is None or not name.startswith((*accessevents.PARTITIONS, search.WORDS))


def _run(connection: Connection) -> None:
    dialect = connection.dialect.name
    context.configure(
        connection=connection,
        target_metadata=_metadata(dialect),
        render_as_batch=True,
        transactional_ddl=True,
        compare_server_default=False,
        render_item=_render,
        include_name=_is_ours,
    )
    with context.begin_transaction():
        if dialect == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("migrations need a database: run `dms migrate`")

with migration_engine(context.config.attributes.get("settings") or load()).connect() as opened:
    _run(opened)
