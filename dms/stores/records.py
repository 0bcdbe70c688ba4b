"""Rows as records: what an operation that writes nothing reads, past the ORM, in a third of its time.

A record has the attributes of the mapped class and nothing else: it cannot be changed, and belongs to no
session. An operation that writes gets the mapped objects themselves, which it may change.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, inspect, select
from sqlalchemy.orm import DeclarativeBase

from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of

if TYPE_CHECKING:
    from typing_extensions import TypeIs

M = TypeVar("M", bound=DeclarativeBase)
O = TypeVar("O", bound=DeclarativeBase)  # noqa: E741  the other one
T = TypeVar("T")


def selecting(work: Work, model: type[M]) -> Select[M]:
    """Return the statement that selects whole rows of a class; `read` takes what it becomes."""
    return select(model) if work.writes else select(model.__table__)


def named(work: Work, model: type[M], ids: Collection[UUID], *conditions: ColumnElement[bool]) -> Sequence[M]:
    """Return the rows with these ids that there are."""
    statement = _named(model, as_objects=work.writes)
    return read(work, model, statement.where(*conditions) if conditions else statement, {"ids": ids})


@cache
def _named(model: type[M], *, as_objects: bool) -> Select[M]:
    # Built once: building such a statement costs as much as running it.
    key = inspect(model).primary_key[0]
    return (select(model) if as_objects else select(model.__table__)).where(in_ids(key, "ids"))


def selecting_pairs(work: Work, models: tuple[type[M], type[O]]) -> Select[Any]:
    """Return the statement that selects whole rows of two classes together."""
    parts: tuple[Any, ...] = models if work.writes else tuple(model.__table__ for model in models)
    return select(*parts)


def read(
    work: Work, model: type[M], statement: Select[M], values: Mapping[str, Any] | None = None
) -> Sequence[M]:
    """Return the rows of a statement that began as `selecting`, in its order."""
    session = session_of(work)
    if work.writes:
        return session.execute(statement, values).scalars().all()
    return list(map(_making(model), session.connection().execute(statement, values).all()))


def read_pairs(work: Work, models: tuple[type[M], type[O]], statement: Select[Any]) -> Sequence[tuple[M, O]]:
    """Return the rows of a statement that selects whole rows of two classes: see `selecting_pairs`."""
    session = session_of(work)
    if work.writes:
        return [(row[0], row[1]) for row in session.execute(statement)]
    first, second = models
    make, make_other, width = _making(first), _making(second), len(first.__table__.columns)
    rows = session.connection().execute(statement).all()
    return [(make(row[:width]), make_other(row[width:])) for row in rows]


def is_a(row: object, model: type[T]) -> TypeIs[T]:
    """Tell whether a row, mapped or a record, is one of a mapped class."""
    return isinstance(row, model) or getattr(row, "model", None) is model


@cache
def _making(model: type[M]) -> Callable[[Sequence[Any]], M]:
    """Return what makes a record of a row with all columns of the table, in their order."""
    mapper = inspect(model)
    names = [mapper.get_property_by_column(column).key for column in model.__table__.columns]
    plain = namedtuple(f"{model.__name__}Record", names)  # type: ignore[misc]  # noqa: PYI024  names of columns
    record = type(plain.__name__, (plain,), {"__slots__": (), "model": model})
    return record._make  # type: ignore[attr-defined, no-any-return]
