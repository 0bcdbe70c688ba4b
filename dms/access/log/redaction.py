"""Redaction: the detail of one event goes; its digest stays in the body, which is provable as before."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete, select, text

from dms.access.log.verify import absent
from dms.base.errors import NotFound
from dms.models import accessevents
from dms.stores import upkeep
from dms.stores.engine import Database
from dms.stores.work import Work


def require_event(work: Work, event_id: UUID) -> None:
    """Raise `NotFound` unless the log holds the event."""
    if absent(work, [event_id]):
        raise NotFound(f"the access log holds no event `{event_id}`")


def carry_out(database: Database, event_id: UUID) -> bool:
    """Remove the detail of an event whose redaction was ordered; tells whether it was still there."""
    if not database.is_sqlite:
        with upkeep.keeping(database) as connection:
            asked = text("SELECT access_log_redact(:event)")
            return bool(connection.execute(asked, {"event": event_id}).scalar_one())
    detail = accessevents.detail_table(database.dialect)
    named = detail.c.event_id == event_id
    with upkeep.keeping(database) as connection:
        was_there = connection.execute(select(detail.c.event_id).where(named)).first() is not None
        connection.execute(delete(detail).where(named))
    return was_there
