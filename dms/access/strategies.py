"""How a page of visible rows is found: along the order, or from the scopes that show.

A walk reads the order's index and tests each row; it suits who sees much. A gathering starts from the
visible scopes; it suits who sees little. Both give the same rows (`access.md` section 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, not_, select, type_coerce

from dms.access import kept, keyset, predicates, scopes
from dms.access.keyset import Order
from dms.access.predicates import Verdict
from dms.access.standing import Standing
from dms.base.paging import PageRequest, Position
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.types import RawId, read_id
from dms.rules.access import Action
from dms.stores import records
from dms.stores.records import WHOLE, Extent
from dms.stores.sets import in_ids, in_numbers
from dms.stores.work import Work, fetch

R = TypeVar("R", Document, Aggregation)

BUDGET = 20_000
"""A walk that has tested so many rows gives up: the bound promised too much."""

_WIDEST = 2_000
"""Rows that a walk reads at a time, at most."""

_GATHERING_PAYS = 6
"""A walked row costs some times what a gathered one costs, and a bound is often too high."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[R]):
    """What is listed: for whom, by which action, filtered and ordered how."""

    work: Work
    model: type[R]
    standing: Standing
    action: Action
    conditions: tuple[ColumnElement[bool], ...]
    order: Order
    extent: Extent = WHOLE


class _Found(NamedTuple):
    """The id of a row and its place in the order."""

    value: Any  # of the order's column
    id: UUID


def propose(listing: Listing[R], request: PageRequest, *, limit: int) -> Sequence[R]:
    """Return up to `limit` visible rows beyond the request's position, in the direction it reads."""
    found = predicates.verdict(listing.work, listing.standing, action=listing.action)
    if found.is_empty:
        return []
    if found.bound * found.bound <= _GATHERING_PAYS * limit * found.total:
        return _rows(listing, _gather(listing, found, request, limit=limit))
    return _rows(listing, _walk(listing, found, request, limit=limit))


def _walk(listing: Listing[R], found: Verdict, request: PageRequest, *, limit: int) -> Sequence[_Found]:
    """Test rows along the order; the fewer of them show, the wider the steps."""
    shown: list[_Found] = []
    tested, beyond = 0, request
    hits, among = max(found.bound, 1), found.total
    while tested < BUDGET:
        step = min(_WIDEST, max(limit, (limit - len(shown)) * among // hits * 5 // 4))
        rows = _read(listing, _narrow(listing), beyond, limit=step)
        shown += _tested(listing, found, rows)
        if len(shown) >= limit or len(rows) < step:
            return shown[:limit]
        tested += len(rows)
        beyond = replace(beyond, after=_position(listing, rows[-1]))
        hits, among = max(len(shown), 1), tested
    return shown + list(_gather(listing, found, beyond, limit=limit - len(shown)))


def _gather(listing: Listing[R], found: Verdict, request: PageRequest, *, limit: int) -> Sequence[_Found]:
    """Read the rows of the visible scopes, and the Documents that show by an entry of their own."""
    visible = predicates.scopes_shown(listing.work, found, listing.model)
    narrow = _bare(listing).where(in_numbers(listing.model.scope_id, visible))
    if found.own_denied and listing.model is Document:
        hidden = and_(Document.has_own_entries, in_ids(Document.id, found.own_denied))
        narrow = narrow.where(not_(hidden))
    rows = _sorted(listing, narrow, request, limit=limit)
    shown = [_Found(row[1], read_id(row[0])) for row in rows]
    if not found.own_allowed or listing.model is not Document:
        return shown
    own = _narrow(listing).where(in_ids(Document.id, found.own_allowed))
    own = own.where(not_(in_numbers(Document.scope_id, visible)))
    named = _sorted(listing, own, request, limit=None)
    shown += _tested(listing, found, named)
    is_downward = listing.order.descending != request.backward
    shown.sort(key=lambda row: (row.value, row.id), reverse=is_downward)
    return shown[:limit]


def _bare(listing: Listing[R]) -> Select[Any]:
    """Select of each row its id and order value, which the index of a scope's rows holds."""
    columns: list[Any] = [type_coerce(listing.model.id, RawId()).label("id"), listing.order.column]
    return select(*columns).where(*listing.conditions)


def _narrow(listing: Listing[R]) -> Select[Any]:
    """Select of each row what a test needs: id, order value, scope, and whether it has own entries."""
    columns: list[Any] = [listing.model.scope_id]
    if issubclass(listing.model, Document):
        columns.append(Document.has_own_entries)
    return _bare(listing).add_columns(*columns)


def _read(listing: Listing[R], statement: Select[Any], request: PageRequest, *, limit: int) -> Sequence[Any]:
    sorted_ = keyset.beyond(statement, model=listing.model, order=listing.order, request=request)
    return fetch(listing.work, sorted_.limit(limit))


def _sorted(
    listing: Listing[R], statement: Select[Any], request: PageRequest, *, limit: int | None
) -> Sequence[Any]:
    sorted_ = keyset.sorted_apart(statement, model=listing.model, order=listing.order, request=request)
    return fetch(listing.work, sorted_.limit(limit))


def _tested(listing: Listing[R], found: Verdict, rows: Sequence[Any]) -> list[_Found]:
    """Keep the rows that show; what is known of a scope is kept beside the verdict."""
    work = listing.work
    key = (listing.standing.subject, listing.action)
    known: dict[int, bool] = kept.room(work, "shown").get(key) or {}
    unknown = {row[2] for row in rows if row[2] not in known}
    is_document = issubclass(listing.model, Document)
    own = {row[2] for row in rows if is_document and row[3]}
    said = scopes.triples(work, unknown | own) if unknown or own else {}
    if unknown:
        known = {**known, **{scope_id: predicates.shows(found, said[scope_id]) for scope_id in unknown}}
        if not work.writes:
            kept.keep(work, "shown", key, known, weight=len(unknown))
    return [
        _Found(row[1], read_id(row[0]))
        for row in rows
        if (
            predicates.shows_own(found, said[row[2]], read_id(row[0]))
            if is_document and row[3]
            else known[row[2]]
        )
    ]


def _rows(listing: Listing[R], found: Sequence[_Found]) -> Sequence[R]:
    """Read whole rows, in the order in which they were found."""
    if not found:
        return []
    ids = [row.id for row in found]
    named = records.named(listing.work, listing.model, ids, extent=listing.extent)
    rows = {row.id: row for row in named}
    return [rows[row.id] for row in found]


def _position(listing: Listing[R], row: Any) -> Position:
    is_by_id = listing.order.column.key == listing.model.id.key
    return Position(None if is_by_id else row[1], read_id(row[0]))
