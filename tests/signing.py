"""A log with files: what was recorded so far gets its place and a signature."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from dms.access.log import founding, sequencer
from dms.jobs.signing import Signing
from dms.stores.engine import WRITE


def signed(house):
    """Sign all that the log holds; returns how many events that are."""
    founding.found(house.log_place)
    sequencer.drain(house.database)
    Signing(house.database, house.log_place).catch_up()
    return sequencer.reached(house.database).size


def damage(house, event_id, *, leaf=False, body=b"{}", column="body"):
    """Change the body of an event, or another column, or the hash in its leaf, past the triggers."""
    table, change = ("access_leaf", "leaf_hash") if leaf else ("access_event", column)
    is_sqlite = house.database.is_sqlite
    past = (
        f"DROP TRIGGER IF EXISTS tr_{table}_update"
        if is_sqlite
        else f"ALTER TABLE {table} DISABLE TRIGGER USER"
    )
    key = UUID(hex=event_id).bytes if is_sqlite else UUID(hex=event_id)
    with house.database.keeper.execution_options(**{WRITE: True}).begin() as connection:
        connection.execute(text(past))
        connection.execute(
            text(f"UPDATE {table} SET {change} = :value WHERE event_id = :id"), {"id": key, "value": body}
        )
