"""Rows as records: what an operation that writes nothing reads, past the ORM, in a third of its time.

A record has the attributes of the mapped class and nothing else: it cannot be changed, and belongs to no
session. An operation that writes gets the mapped objects themselves, which it may change.

An answer rarely shows all of a row, and often what lies beside it: an `Extent` says what the statement
leaves out, and which rows of other classes it joins. It never changes which rows are found.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Select, inspect, select
from sqlalchemy.orm import DeclarativeBase

from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of

if TYPE_CHECKING:
    from typing_extensions import TypeIs

M = TypeVar("M", bound=DeclarativeBase)
O = TypeVar("O", bound=DeclarativeBase)  # noqa: E741  the other one
T = TypeVar("T")

_KEPT_EXTENTS = 512
"""Clients choose what is shown; of what they make up no more statements and kinds of records are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """A row of another class that belongs to each row, or none: where both stand in one statement."""

    model: type[DeclarativeBase]
    on: ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is read of each row, and of what lies beside it. What is left out reads as None."""

    left_out: frozenset[str] = frozenset()
    beside: tuple[tuple[Beside, frozenset[str]], ...] = ()
    """Rows to join in this order, each with what is left out of it."""

    def keeping(self, name: str) -> Extent:
        """Return the extent that leaves all out but this."""
        return Extent(self.left_out - {name}, self.beside) if name in self.left_out else self


WHOLE = Extent()
"""Whole rows, and nothing beside them."""


def selecting(work: Work, model: type[M], extent: Extent = WHOLE) -> Select[M]:
    """Return the statement that selects rows of a class; `read` takes what it becomes."""
    return select(model) if work.writes else _selecting(model, extent)


def named(
    work: Work,
    model: type[M],
    ids: Collection[UUID],
    *conditions: ColumnElement[bool],
    extent: Extent = WHOLE,
) -> Sequence[M]:
    """Return the rows with these ids that there are."""
    statement = _named(model, None if work.writes else extent)
    if conditions:
        statement = statement.where(*conditions)
    return read(work, model, statement, {"ids": ids}, extent=extent)


@lru_cache(_KEPT_EXTENTS)
def _named(model: type[M], extent: Extent | None) -> Select[M]:
    # Built once: building such a statement costs as much as running it.
    key = inspect(model).primary_key[0]
    statement = select(model) if extent is None else _selecting(model, extent)
    return statement.where(in_ids(key, "ids"))


@lru_cache(_KEPT_EXTENTS)
def _selecting(model: type[M], extent: Extent) -> Select[M]:
    columns: list[Any] = [*_columns(model, extent.left_out)]
    for beside, left_out in extent.beside:
        columns += _columns(beside.model, left_out)
    statement = select(*columns)
    if extent.beside:
        statement = statement.select_from(model)
    for beside, _ in extent.beside:
        statement = statement.outerjoin(beside.model, beside.on)
    return cast("Select[M]", statement)  # a record passes for the object


def selecting_pairs(work: Work, models: tuple[type[M], type[O]]) -> Select[Any]:
    """Return the statement that selects whole rows of two classes together."""
    parts: tuple[Any, ...] = models if work.writes else tuple(model.__table__ for model in models)
    return select(*parts)


def read(
    work: Work,
    model: type[M],
    statement: Select[M],
    values: Mapping[str, Any] | None = None,
    *,
    extent: Extent = WHOLE,
) -> Sequence[M]:
    """Return the rows of a statement that began as `selecting` with this extent, in its order."""
    session = session_of(work)
    if work.writes:
        return session.execute(statement, values).scalars().all()
    return list(map(_making(model, extent), session.connection().execute(statement, values).all()))


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


def has_beside(row: object, beside: Beside) -> bool:
    """Tell whether a row was read together with what lies beside it."""
    return beside in getattr(row, "links", ())


def beside_of(row: object, beside: Beside) -> Any:  # a record of the class beside
    """Return what was read beside a row that `has_beside`; None where nothing lies there."""
    links: Mapping[Beside, int] = row.links  # type: ignore[attr-defined]  # of such records
    return row.parts[links[beside]]  # type: ignore[attr-defined]


@cache
def _columns(model: type[DeclarativeBase], left_out: frozenset[str]) -> tuple[Column[Any], ...]:
    named_ = inspect(model).get_property_by_column
    columns = cast("Collection[Column[Any]]", model.__table__.columns)
    return tuple(column for column in columns if named_(column).key not in left_out)


@lru_cache(_KEPT_EXTENTS)
def _making(model: type[M], extent: Extent = WHOLE) -> Callable[[Sequence[Any]], M]:
    """Return what makes a record of a row that has the columns of the extent, in their order."""
    made = _record(model, extent.left_out)
    if not extent.beside:
        return made._make  # type: ignore[attr-defined, no-any-return]
    fields = (*made._fields, "parts")  # type: ignore[attr-defined]
    links = {beside: place for place, (beside, _) in enumerate(extent.beside)}
    make = _class(model, fields, extent.left_out, links=links)._make  # type: ignore[attr-defined]
    width = start = len(fields) - 1
    cuts = []
    for beside, left_out in extent.beside:
        part = _record(beside.model, left_out)
        if _columns(beside.model, left_out)[0].nullable:
            raise ValueError(
                f"the first column of `{beside.model.__name__}` does not tell whether there is a row"
            )
        end = start + len(part._fields)  # type: ignore[attr-defined]
        cuts.append((start, end, part._make))  # type: ignore[attr-defined]
        start = end

    def make_with_parts(row: Sequence[Any]) -> M:
        parts = [None if row[start] is None else make_part(row[start:end]) for start, end, make_part in cuts]
        return make((*row[:width], parts))  # type: ignore[no-any-return]

    return make_with_parts


@lru_cache(_KEPT_EXTENTS)
def _record(model: type[DeclarativeBase], left_out: frozenset[str]) -> type:
    named_ = inspect(model).get_property_by_column
    return _class(model, tuple(named_(column).key for column in _columns(model, left_out)), left_out)


def _class(
    model: type[DeclarativeBase],
    fields: Sequence[str],
    left_out: Collection[str],
    *,
    links: Mapping[Beside, int] | None = None,
) -> type:
    """Return a named tuple with these fields that knows its class; what is left out is None."""
    plain = namedtuple(f"{model.__name__}Record", fields)  # type: ignore[misc]  # noqa: PYI024  names of columns
    body = {"__slots__": (), "model": model, "links": links or {}, **dict.fromkeys(left_out)}
    return type(plain.__name__, (plain,), body)
