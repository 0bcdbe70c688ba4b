"""Keyset pages: rows after a position of an order, never an offset."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute

from dms.base.paging import Page, PageRequest, Position
from dms.models.types import Id
from dms.stores import records
from dms.stores.records import WHOLE, Extent
from dms.stores.work import Work

M = TypeVar("M", bound=DeclarativeBase)
S = TypeVar("S", bound=Select[Any])


@dataclass(frozen=True, slots=True)
class Order:
    """An indexed, non-null column to sort by; the id breaks ties in the same direction."""

    column: InstrumentedAttribute[Any]  # the type of the order value varies
    descending: bool = False


def id_column(model: type[DeclarativeBase]) -> InstrumentedAttribute[UUID]:
    """Return the id column of a mapped class."""
    column: InstrumentedAttribute[UUID] = model.id  # type: ignore[attr-defined]  # every model here has one
    return column


def fetch(
    work: Work,
    statement: Select[M],
    *,
    model: type[M],
    order: Order | None,
    request: PageRequest,
    limit: int | None,
) -> Sequence[M]:
    """Return up to `limit` rows beyond the request's position, in the direction it reads."""
    sorted_ = beyond(statement, model=model, order=order or Order(id_column(model)), request=request)
    return records.read(work, model, sorted_.limit(limit))


def beyond(statement: S, *, model: type[DeclarativeBase], order: Order, request: PageRequest) -> S:
    """Return the statement from the request's position on, sorted in the direction it reads."""
    downward = order.descending != request.backward
    if request.after is not None:
        statement = statement.where(_beyond(model, order, request.after, downward=downward))
    return statement.order_by(*_keys(model, order, downward=downward))


def sorted_apart(
    statement: Select[Any], *, model: type[DeclarativeBase], order: Order, request: PageRequest
) -> Select[Any]:
    """Return the same for a statement whose first two columns are id and order value, found first.

    A planner that may sort by walking the order's index would walk all of it for a few rows.
    """
    downward = order.descending != request.backward
    if request.after is not None:
        statement = statement.where(_beyond(model, order, request.after, downward=downward))
    found = statement.cte("found").prefix_with("MATERIALIZED")
    row_id, value = list(found.c)[:2]
    return select(*found.c).order_by(*(key.desc() if downward else key.asc() for key in (value, row_id)))


def fetch_each(
    work: Work,
    statement: Select[M],
    *,
    model: type[M],
    owner: InstrumentedAttribute[Any],  # a link to the owners, nullable or not
    of: Collection[UUID],
    order: Order | None,
    request: PageRequest,
    extent: Extent = WHOLE,
) -> dict[UUID, list[M]]:
    """Return up to `size + 1` rows of each owner from the end that the request reads from."""
    chosen = order or Order(id_column(model))
    keys = _keys(model, chosen, downward=chosen.descending != request.backward)
    place = func.row_number().over(partition_by=owner, order_by=keys)
    ranked = (
        statement.with_only_columns(id_column(model).label("id"), place.label("place"))
        .where(owner.in_(of))
        .subquery()
    )
    rows = (
        records.selecting(work, model, extent)
        .join(ranked, ranked.c.id == id_column(model))
        .where(ranked.c.place <= request.size + 1)
        .order_by(*keys)
    )
    found: dict[UUID, list[M]] = {owner_id: [] for owner_id in of}
    for row in records.read(work, model, rows, extent=extent):
        found[getattr(row, owner.key)].append(row)
    return found


def position(row: DeclarativeBase, order: Order | None) -> Position:
    """Return where a row stands in the order."""
    row_id: UUID = row.id  # type: ignore[attr-defined]  # every model here has one
    if order is None or order.column.key == "id":
        return Position(None, row_id)
    return Position(getattr(row, order.column.key), row_id)


def page_of(rows: Sequence[M], *, order: Order | None, request: PageRequest) -> Page[M]:
    """Cut `size + 1` rows in reading direction to a page in display order."""
    more = len(rows) > request.size
    shown = list(rows[: request.size])
    if request.backward:
        shown.reverse()
    beyond = request.after is not None
    return Page(
        rows=shown,
        positions=[position(row, order) for row in shown],
        has_next=beyond if request.backward else more,
        has_previous=more if request.backward else beyond,
    )


def _keys(model: type[M], order: Order, *, downward: bool) -> list[ColumnElement[Any]]:
    keys: list[ColumnElement[Any]] = [order.column.expression, id_column(model).expression]
    return [key.desc() if downward else key.asc() for key in keys]


def _beyond(model: type[M], order: Order, after: Position, *, downward: bool) -> ColumnElement[bool]:
    key = id_column(model)
    if order.column.key == key.key:
        return key < after.id if downward else key > after.id
    place = tuple_(order.column, key)
    bound = tuple_(literal(after.value, order.column.type), literal(after.id, Id()))
    return place < bound if downward else place > bound
