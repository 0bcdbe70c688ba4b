"""Database roles of PostgreSQL: who may do what with the log's tables, and whether the present one may more.

The application adds events and reads none; a sequencer orders them, a signer and auditors read, and whoever
prunes calls functions of the owner that look for an approval. On the embedded database there are no roles.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import Engine, Table, text

from dms.models import accessevents
from dms.models.types import Base
from dms.stores import upkeep
from dms.stores.engine import Database

ROLES: Mapping[str, str] = {
    "application": "the server and commands: DMS_DATABASE_URL",
    "sequencer": "`dms log run --follow`: its DMS_DATABASE_URL",
    "signer": "`dms log sign --follow`: its DMS_DATABASE_URL",
    "auditor": "questions to the log, and `dms log verify`: DMS_LOG_READER_URL",
    "retention": "pruning and redaction: DMS_LOG_KEEPER_URL",
}
"""The roles, and what uses each."""

_log = logging.getLogger("dms.log")

_EVENTS = ("access_event", "access_event_detail")
_LOG = (*_EVENTS, "access_leaf", "access_seen", "access_daily", "access_log_head")
_KEPT = ("log_rule", "log_hold", "log_pruning", "log_redaction")
_VERSION = "alembic_version"

_FUNCTIONS: Mapping[str, Sequence[str]] = {
    "application": ("access_log_make_months(integer)",),
    "retention": (
        "access_log_prune_details(uuid, uuid, integer)",
        "access_log_drop_month(uuid)",
        "access_log_forget(uuid)",
        "access_log_redact(uuid)",
    ),
}

_MORE = """
SELECT lower(p) || ' ' || t FROM unnest(CAST(:tables AS text[])) t, unnest(CAST(:rights AS text[])) p
WHERE has_table_privilege(to_regclass(t), p) AND NOT (p = 'INSERT' AND t = ANY (CAST(:events AS text[])))
ORDER BY 1
"""


def statements(prefix: str) -> Iterator[str]:
    """Yield the SQL that makes the roles and gives them their rights, for the owner to run."""
    yield "-- Run this in the database of dms, as the role that owns it and runs `dms migrate`."
    for role, use in ROLES.items():
        yield f"CREATE ROLE {_named(prefix, role)} LOGIN; -- {use}"
    everybody = ", ".join(_named(prefix, role) for role in ROLES)
    yield "-- A temporary table or another schema could stand before the log's tables and swallow events."
    yield (
        "DO $$ BEGIN EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());"
        f" EXECUTE format('GRANT CONNECT ON DATABASE %I TO {everybody}', current_database());"
        " EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', current_schema());"
        f" EXECUTE format('GRANT USAGE ON SCHEMA %I TO {everybody}', current_schema()); END $$;"
    )
    yield f"GRANT SELECT ON {_VERSION} TO {everybody};"
    for role, rights in _rights().items():
        for right, tables in rights.items():
            yield f"GRANT {right} ON {', '.join(tables)} TO {_named(prefix, role)};"
    yield (
        "DO $$ BEGIN EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO"
        f" {_named(prefix, 'application')}', current_schema()); END $$;"
    )
    for role, functions in _FUNCTIONS.items():
        for function in functions:
            yield f"GRANT EXECUTE ON FUNCTION {function} TO {_named(prefix, role)};"


def excess(database: Database) -> Sequence[str]:
    """Return what the role may do with the log beyond adding events, such as `delete access_leaf`."""
    if database.is_sqlite:
        return []
    values = {
        "tables": list(_LOG),
        "rights": ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"],
        "events": list(_EVENTS),
    }
    with upkeep.reading(database) as connection:
        return connection.execute(text(_MORE), values).scalars().all()


def warn(database: Database) -> None:
    """Write one line into the operational log if the server's role may do more than add events."""
    if found := excess(database):
        _log.warning("log_role_may_more", extra={"rights": found, "remedy": "see `dms log roles`"})


def apart(database: Database) -> Mapping[Table, Engine]:
    """Return which tables a unit of work reads under the auditor's role, in a transaction of its own."""
    if database.reader is None:
        return {}
    return dict.fromkeys(accessevents.metadata_of(database.dialect).tables.values(), database.reader)


def _rights() -> Mapping[str, Mapping[str, Sequence[str]]]:
    ours = sorted(Base.metadata.tables)
    derived = ("access_seen", "access_daily")
    return {
        "application": {"SELECT, INSERT, UPDATE, DELETE": ours, "INSERT": _EVENTS},
        "sequencer": {
            "SELECT": ("access_event",),
            "INSERT": _EVENTS,
            "SELECT, INSERT": ("access_leaf",),
            "SELECT, INSERT, UPDATE, DELETE": derived,
            "SELECT, UPDATE": ("access_log_head",),
        },
        "signer": {"SELECT": ("access_event", "access_leaf", "access_log_head")},
        "auditor": {"SELECT": (*_LOG, *_KEPT)},
    }


def _named(prefix: str, role: str) -> str:
    return f"{prefix}_{role}"
