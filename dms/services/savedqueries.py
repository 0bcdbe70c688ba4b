"""Saved searches: everybody's own, which nobody else knows of.

A saved search keeps what is asked for, never what was found: run again, it finds what its owner may see then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from dms.access import gate
from dms.access.keyset import Order
from dms.access.reading import Listing
from dms.base.canonical import Canonical
from dms.base.errors import Conflict, Invalid, NotFound
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.aggregations import Aggregation
from dms.models.savedqueries import SavedQuery
from dms.rules import query, savedqueries, text
from dms.rules.accessevents import Op
from dms.services import search
from dms.services.search import Asked, Search
from dms.stores.work import Work

MAX_KEPT = 200
"""Saved searches of an account."""

MAX_CONDITIONS = 8_000
"""Characters in which the conditions of one are written down."""


def save(work: Work, asked: Asked, *, name: str) -> SavedQuery:
    """Keep a search under a name that no other of the actor's has.

    `NotFound` if it names a place that the actor may not know of, or that there is none of.
    """
    work.performs(Op.SAVEDQUERY_SAVE)
    typed, conditions = written(work, asked)
    own = _own(work, noted=False)
    kept = SavedQuery(
        id=new_id(),
        owner_id=gate.account_id(work),
        name=text.line(name, ("name",), limit=text.MAX_NAME),
        query=typed,
        conditions=conditions,
        hit_order=asked.order,
        saved_at=work.now,
    )
    if own.where(SavedQuery.name == kept.name).count():
        raise _taken(kept.name)
    if own.count() >= MAX_KEPT:
        raise Conflict(f"you have {MAX_KEPT} saved searches: remove one first")
    work.add(kept)
    try:
        work.flush()
    except IntegrityError as error:  # the actor took it a moment ago
        raise _taken(kept.name) from error
    work.changed(kept.id, before=None, after=1, old={}, new=_values(kept))
    return kept


def remove(work: Work, saved_id: UUID) -> SavedQuery:
    """Forget a saved search of the actor; return it as it was."""
    work.performs(Op.SAVEDQUERY_REMOVE)
    row = _own(work).one(saved_id)
    work.remove(row)
    work.flush()
    work.changed(row.id, before=1, after=None, old=_values(row), new={})
    return row


def page(work: Work, request: PageRequest) -> Page[SavedQuery]:
    """List the actor's saved searches, the newest first."""
    work.performs(Op.SAVEDQUERY_LIST)
    return _own(work).order_by(Order(SavedQuery.id, descending=True)).page(request)


def nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, SavedQuery]:
    """Return the actor's own of these saved searches, by id."""
    return _own(work).each(ids)


def begin(work: Work, saved_id: UUID) -> Search:
    """Begin a saved search of the actor anew; `NotFound` for that of anybody else."""
    row = _own(work).one(saved_id)
    return search.begin(work, Asked(row.query, savedqueries.read(row.conditions), row.hit_order))


def written(work: Work, asked: Asked) -> tuple[str, str]:
    """Return the words and the conditions of a search as they are kept.

    `NotFound` if it names a place that the actor may not know of, or that there is none of.
    """
    search.check(asked)
    named = search.places(asked.conditions)
    if gate.discoverable(work, Aggregation, named) != named:
        raise NotFound
    typed = text.block(asked.text, ("query",), limit=query.MAX_LENGTH)
    conditions = savedqueries.written(asked.conditions)
    if len(conditions) > MAX_CONDITIONS:
        raise Invalid(f"a filter may be {MAX_CONDITIONS} characters long when saved", path=("filter",))
    if not (typed or asked.conditions):
        raise Invalid("say what to search for: words, a filter, or both", path=("query",))
    return typed, conditions


def _own(work: Work, *, noted: bool = True) -> Listing[SavedQuery]:
    reading = gate.listed(work, SavedQuery) if noted else gate.vocabulary(work, SavedQuery)
    return reading.where(SavedQuery.owner_id == gate.account_id(work))


def _taken(name: str) -> Conflict:
    return Conflict(
        f"you have a saved search `{name}`: remove it first, or choose another name", path=("name",)
    )


def _values(row: SavedQuery) -> dict[str, Canonical]:
    return {
        "name": row.name,
        "query": row.query,
        "conditions": row.conditions,
        "order": row.hit_order.value,
    }
