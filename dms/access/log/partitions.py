"""The months of the access log on PostgreSQL: made ahead, and looked after.

An event whose month was not made falls into the rest of its half, so that nothing is refused for it; then
the month cannot be made beside it, until `mend` has moved it.
"""

from __future__ import annotations

import logging

from sqlalchemy import Connection, text

from dms.models.accessevents import PARTITIONS
from dms.stores import upkeep
from dms.stores.engine import Database

AHEAD = 3
"""So many months are made beyond the present one."""

_alarm = logging.getLogger("dms.alarm")


def prepare(database: Database) -> int:
    """Make the months that are due and raise an alarm if any event has none; returns how many were made.

    On the embedded database there are none. It takes the rights of the log's owner, whoever asks.
    """
    if database.is_sqlite:
        return 0
    with upkeep.writing(database) as connection:
        made = int(
            connection.execute(text("SELECT access_log_make_months(:ahead)"), {"ahead": AHEAD}).scalar_one()
        )
    if astray := _astray(database):
        _alarm.error("log_month_missing", extra={"tables": astray})
    return made


def mend(database: Database) -> int:
    """Give events that fell into no month theirs; returns how many. Nobody writes to the log meanwhile."""
    if database.is_sqlite:
        return 0  # there are no months
    if not _astray(database):
        return 0
    owner = database.engine.execution_options(isolation_level="READ COMMITTED")
    with owner.begin() as connection:
        return int(connection.execute(text("SELECT access_log_mend()")).scalar_one())


def _astray(database: Database) -> list[str]:
    with upkeep.reading(database) as connection:
        return [f"{half}_other" for half in PARTITIONS if _is_filled(connection, f"{half}_other")]


def _is_filled(connection: Connection, table: str) -> bool:
    # Whoever may only add events sees that a table has pages, not what is in it.
    size = text("SELECT pg_relation_size(to_regclass(:table))")
    return bool(connection.execute(size, {"table": table}).scalar_one())
