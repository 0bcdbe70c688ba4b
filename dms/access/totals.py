"""Totals beside pages: how many rows there are, counted no further than was asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute

from dms.access import keyset
from dms.base.paging import Page, PageRequest
from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of

T = TypeVar("T")
M = TypeVar("M", bound=DeclarativeBase)


def counted(
    work: Work, model: type[M], conditions: Sequence[ColumnElement[bool]], *, up_to: int | None
) -> tuple[int, bool]:
    """Return how many rows there are, `up_to` at most, and whether that is all of them."""
    work.notes.aggregates += 1
    statement = select(func.count()).select_from(model).where(*conditions)
    if up_to is not None:
        some = select(keyset.id_column(model)).where(*conditions).limit(up_to + 1)
        statement = select(func.count()).select_from(some.subquery())
    found: int = session_of(work).execute(statement).scalar_one()
    return (found, True) if up_to is None else (min(found, up_to), found <= up_to)


def with_total(
    page: Page[M], request: PageRequest, total: Callable[[int | None], tuple[int, bool]]
) -> Page[M]:
    """Return the page with its total if that was asked for, counted as far as was asked for."""
    if not request.want_total:
        return page
    found, is_exact = total(request.total_up_to)
    return replace(page, total=found, total_is_exact=is_exact)


def with_totals(
    pages: Mapping[UUID, Page[T]],
    request: PageRequest,
    *,
    work: Work,
    model: type[DeclarativeBase],
    conditions: Sequence[ColumnElement[bool]],
    owner: InstrumentedAttribute[Any],  # a link to the owners, nullable or not
) -> dict[UUID, Page[T]]:
    """Return the pages with their totals if these were asked for, all counted in one statement."""
    if not request.want_total:
        return dict(pages)
    totals = _each(work, model, conditions, owner=owner, of=pages.keys(), up_to=request.total_up_to)
    most = request.total_up_to
    return {
        key: replace(
            page,
            total=total if most is None else min(total, most),
            total_is_exact=most is None or total <= most,
        )
        for key, page in pages.items()
        for total in [totals.get(key, 0)]
    }


def _each(
    work: Work,
    model: type[DeclarativeBase],
    conditions: Sequence[ColumnElement[bool]],
    *,
    owner: InstrumentedAttribute[Any],
    of: Collection[UUID],
    up_to: int | None,
) -> Mapping[UUID, int]:
    """Return how many rows each owner has; one more than `up_to` stands for any number beyond it."""
    work.notes.aggregates += 1
    (link,) = owner.property.columns[0].foreign_keys
    owners = link.column.table.alias()
    key = owners.c[link.column.name]
    # Each owner's rows are counted by themselves: a group by would read all of them before it is cut.
    some = select(keyset.id_column(model)).where(owner == key, *conditions).correlate(owners)
    if up_to is not None:
        some = some.limit(up_to + 1)
    number = select(func.count()).select_from(some.subquery()).scalar_subquery()
    statement = select(key, number).where(in_ids(key, of))
    return {row[0]: row[1] for row in session_of(work).execute(statement)}
