"""A log that was restored into another PostgreSQL cluster, whose transaction ids begin anew (section 14).

The sequencer tells by them what can no longer come late. Events from the former cluster bear larger ones than
the present one gives out, so new events would be ordered before them, or wait for ever. `adopt` ends the
epoch: it places what is left of the former one, and new events are of the next.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select, text, update

from dms.access.log import sequencer
from dms.models import accessevents
from dms.models.accessevents import Xid8
from dms.stores import upkeep
from dms.stores.engine import Database

_FIRST = UUID(int=0)


def is_displaced(database: Database) -> bool:
    """Tell whether events of the present epoch come from another cluster."""
    if database.is_sqlite:
        return False
    tables = accessevents.tables(database.dialect)
    present = select(tables.head.c.epoch).scalar_subquery()
    later = func.pg_snapshot_xmax(func.pg_current_snapshot(), type_=Xid8())
    found = select(
        select(tables.event.c.xid)
        .where(tables.event.c.epoch >= present, tables.event.c.xid >= later)
        .exists()
    )
    with upkeep.reading_log(database) as connection:
        return bool(connection.execute(found).scalar_one())


def adopt(database: Database) -> int:
    """Place all events of the former cluster and begin the next epoch; returns how many were placed.

    No server may run: it asks for the right of the table's owner, and nothing may be written meanwhile.
    """
    tables = accessevents.tables(database.dialect)
    with upkeep.writing(database, locks=("access_event",)) as connection:
        placed = sequencer.place_rest(connection, tables)
        newest = select(func.max(tables.event.c.epoch)).scalar_subquery()
        epoch = (
            1
            + connection.execute(
                select(func.greatest(tables.head.c.epoch, func.coalesce(newest, 0)))
            ).scalar_one()
        )
        connection.execute(update(tables.head).values(epoch=epoch, xid="0", event_id=_FIRST))
        connection.execute(text(f"ALTER TABLE access_event ALTER COLUMN epoch SET DEFAULT {int(epoch)}"))
    return placed
