"""What events say they changed, in the order of their ids: for whoever looks whether it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from sqlalchemy import select

from dms.access.log.verify import UNREADABLE, tables_of
from dms.stores.work import Work, session_of

_FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Changed:
    """What an event changed: things that are there after it, and things that are gone."""

    event_id: UUID
    present: Sequence[UUID] = ()
    gone: Sequence[UUID] = ()


def page(work: Work, *, after: UUID | None, limit: int) -> Sequence[Changed]:
    """Return the next events that changed something; of a body that nobody can read nothing is said."""
    event, _ = tables_of(work)
    statement = (
        select(event.c.event_id, event.c.body)
        .where(event.c.event_id > (after or _FIRST), event.c.lasting)
        .order_by(event.c.event_id)
        .limit(limit)
    )
    return [_changed(row.event_id, bytes(row.body)) for row in session_of(work).execute(statement)]


def _changed(event_id: UUID, body: bytes) -> Changed:
    try:
        found = [(UUID(hex=line[0]), line[2]) for line in orjson.loads(body)["changed"]]
    except UNREADABLE:
        return Changed(event_id)
    return Changed(
        event_id,
        # An event that changed something of the installation itself names itself.
        [thing for thing, after in found if after is not None and thing != event_id],
        [thing for thing, after in found if after is None],
    )
