"""The whole access log of a database, in commit order, read past every gate."""

from __future__ import annotations

import json
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from dms.models import accessevents


@dataclass(frozen=True)
class Logged:
    """One event: its columns, the fields of its body, and its detail."""

    columns: dict
    body: bytes
    salt: bytes | None
    detail_bytes: bytes | None

    @property
    def id(self) -> UUID:
        return self.columns["event_id"]

    @property
    def fields(self) -> dict:
        return json.loads(self.body)

    @property
    def detail(self) -> dict:
        return json.loads(self.detail_bytes)


def logged(database, *, request: str | None = None) -> list[Logged]:
    """Every event, or those of one request."""
    event = accessevents.event_table(database.dialect)
    detail = accessevents.detail_table(database.dialect)
    order = [event.c.seq] if database.is_sqlite else [event.c.epoch, event.c.xid, event.c.n]
    statement = (
        select(*event.columns, detail.c.salt, detail.c.detail)
        .join_from(event, detail, event.c.event_id == detail.c.event_id, isouter=True)
        .order_by(*order)
    )
    with database.engine.connect() as connection:
        found = [_logged(dict(row._mapping)) for row in connection.execute(statement)]
    return [one for one in found if request is None or one.fields["request"] == request]


def _logged(row: dict) -> Logged:
    body, salt, detail = row.pop("body"), row.pop("salt"), row.pop("detail")
    return Logged(row, bytes(body), salt and bytes(salt), detail and bytes(detail))
