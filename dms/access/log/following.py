"""Following the log in the order of its tree, for rules that look at each event once."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, Row, select

from dms.access.log import searching
from dms.models import accessevents
from dms.rules import logalerts
from dms.rules.accessevents import Body, Disclosure
from dms.rules.logalerts import MOST_EVENTS, Fact, Lost
from dms.stores.work import Work, session_of


def after(connection: Connection, index: int, *, limit: int) -> tuple[Sequence[Fact], int]:
    """Return the facts of the next events, and the leaf where the next ones begin.

    An event that is gone, or that nobody can read, is none; `dms log verify` tells of it.
    """
    tables = accessevents.tables(connection.dialect.name)
    leaf, event = tables.leaf, tables.event
    statement = (
        select(leaf.c.leaf_index, leaf.c.event_id, event.c.body)
        .outerjoin(event, tables.event_of_leaf)
        .where(leaf.c.leaf_index >= index)
        .order_by(leaf.c.leaf_index)
        .limit(limit)
    )
    rows = connection.execute(statement).all()
    facts = [fact for row in rows if (fact := _fact(connection, row)) is not None]
    return facts, rows[-1].leaf_index + 1 if rows else index


def end(work: Work) -> int:
    """Return how many events have their place."""
    head = accessevents.tables(session_of(work).get_bind().dialect.name).head
    size: int = session_of(work).execute(select(head.c.size)).scalar_one()
    return size


def largest(work: Work, actor_id: UUID, *, since: int, until: int) -> tuple[UUID, ...]:
    """Return the events of an account in a period, both ends in it, that name the most objects."""
    event = accessevents.event_table(session_of(work).get_bind().dialect.name)
    statement = (
        select(event.c.event_id)
        .where(event.c.actor_id == actor_id, event.c.at >= since, event.c.at <= until, event.c.n_objects > 0)
        .order_by(event.c.n_objects.desc(), event.c.at)
        .limit(MOST_EVENTS)
    )
    return tuple(session_of(work).execute(statement).scalars())


def _fact(connection: Connection, row: Row[int, UUID, bytes]) -> Fact | None:
    body = None if row.body is None else searching.read(bytes(row.body))
    if body is None:
        return None
    return Fact(row.leaf_index, row.event_id, body, _lost(connection, row.leaf_index, body))


def _lost(connection: Connection, index: int, body: Body) -> Sequence[Lost]:
    """Return what of the refused reads the account had been shown before, at least as far."""
    actor_id = body.head.actor_id
    if actor_id is None:
        return ()
    return [
        Lost(object_id, reason, shown_at)
        for object_id, asked, reason in logalerts.lost_reads(body)
        if (shown_at := _shown_at(connection, actor_id, object_id, asked=asked, before=index)) is not None
    ]


def _shown_at(
    connection: Connection, actor_id: UUID, object_id: UUID, *, asked: Disclosure, before: int
) -> int | None:
    seen = accessevents.tables(connection.dialect.name).seen
    statement = (
        select(seen.c.at)
        .where(
            seen.c.object_id == object_id,
            seen.c.actor_id == actor_id,
            seen.c.leaf_index < before,
            seen.c.disclosure >= asked.value,
        )
        .order_by(seen.c.at.desc())
        .limit(1)
    )
    return connection.execute(statement).scalar_one_or_none()
