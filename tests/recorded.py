"""What the access log holds of an actor, read past every gate."""

from __future__ import annotations

import json

from sqlalchemy import select

from dms.models import accessevents


def events_of(house, actor_id):
    """Return the bodies of an actor's events in the order of this process, whatever its clock says."""
    table = accessevents.event_table(house.database.dialect)
    statement = select(table.c.body).where(table.c.actor_id == actor_id).order_by(table.c.n)
    with house.database.engine.connect() as connection:
        return [json.loads(bytes(row.body)) for row in connection.execute(statement)]


def last_of(house, actor_id):
    """Return the body of an actor's newest event."""
    return events_of(house, actor_id)[-1]
