"""Where idempotency keys are kept: one row for each, written in the transaction that makes the thing.

INVARIANT (made-once): the row comes before anything else is written. Of two requests with one key the second
waits at it: on SQLite for the writer lock, on PostgreSQL for the row, and then it runs again and finds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from dms.base.clock import HOUR
from dms.models.idempotencykeys import IdempotencyKey
from dms.stores import upkeep
from dms.stores.engine import Database
from dms.stores.work import Work, session_of

KEPT = 24 * HOUR
"""How long a key is good for, in microseconds."""

_SWEPT_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Use:
    """What a key was used for; the key as its SHA-256."""

    principal_id: UUID
    key_sha256: str
    mutation: str
    body_sha256: str


@dataclass(frozen=True, slots=True)
class Former:
    """What an account used a key for before."""

    mutation: str
    body_sha256: str
    thing_id: UUID | None


def claim(work: Work, use: Use) -> Former | None:
    """Take a key for this operation; if it is in use, return what it was used for instead."""
    session = session_of(work)
    insert = (sqlite if session.get_bind().dialect.name == "sqlite" else postgresql).insert(IdempotencyKey)
    values = {
        "mutation": use.mutation,
        "body_sha256": use.body_sha256,
        "thing_id": None,
        "used_at": work.now,
    }
    taken = insert.values(principal_id=use.principal_id, key_sha256=use.key_sha256, **values)
    # One that has had its time is free again, swept or not.
    taken = taken.on_conflict_do_update(
        index_elements=[IdempotencyKey.principal_id, IdempotencyKey.key_sha256],
        set_=values,
        where=IdempotencyKey.used_at <= work.now - KEPT,
    )
    if session.execute(taken.returning(IdempotencyKey.used_at)).first() is not None:
        return None
    found = select(IdempotencyKey.mutation, IdempotencyKey.body_sha256, IdempotencyKey.thing_id)
    return Former(*session.execute(found.where(*_same(use))).one())


def keep(work: Work, use: Use, thing_id: UUID) -> None:
    """Write down what a claimed key made."""
    session_of(work).execute(update(IdempotencyKey).where(*_same(use)).values(thing_id=thing_id))


def sweep(database: Database, *, now: int) -> int:
    """Remove the keys that have had their time, some at once; returns how many."""
    key = IdempotencyKey.principal_id, IdempotencyKey.key_sha256
    lapsed = select(*key).where(IdempotencyKey.used_at <= now - KEPT).limit(_SWEPT_AT_ONCE)
    with upkeep.writing(database) as connection:
        return connection.execute(delete(IdempotencyKey).where(tuple_(*key).in_(lapsed))).rowcount


def _same(use: Use) -> tuple[ColumnElement[bool], ...]:
    return IdempotencyKey.principal_id == use.principal_id, IdempotencyKey.key_sha256 == use.key_sha256
