"""Sets of values in a statement: one parameter whatever their number, so that one text serves them all.

SQLite takes a set as JSON, PostgreSQL as an array. A list of parameters would be as long as the set, and
each length a new statement to compile; SQLite stops at 32,766 of them.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Boolean,
    ColumnElement,
    Integer,
    String,
    TypeDecorator,
    Uuid,
    bindparam,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

_LARGE = 800
"""A set of more is hashed by a query of its own; of fewer `= ANY` is as fast or faster (measured)."""


class Numbers(TypeDecorator[Collection[int]]):
    """A set of integers as one parameter."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the array where there is one."""
        return dialect.type_descriptor(ARRAY(Integer()) if dialect.name == "postgresql" else String())

    def process_bind_param(self, value: Collection[int] | None, dialect: Dialect) -> Any:  # driver value
        """Write the set in increasing order."""
        numbers = sorted(value or ())
        return numbers if dialect.name == "postgresql" else json.dumps(numbers)


class Ids(TypeDecorator[Collection[UUID]]):
    """A set of ids as one parameter."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the array where there is one."""
        return dialect.type_descriptor(ARRAY(Uuid()) if dialect.name == "postgresql" else String())

    def process_bind_param(self, value: Collection[UUID] | None, dialect: Dialect) -> Any:  # driver value
        """Write the ids, on SQLite as hexadecimal text."""
        if dialect.name == "postgresql":
            return list(value or ())
        return json.dumps([found.hex for found in value or ()])


class among(FunctionElement[bool]):  # noqa: N801  reads like the test that it writes
    """Test whether a column's value is in a set of numbers or ids."""

    type = Boolean()
    inherit_cache = True
    _is_implicitly_boolean = True  # else SQLite is asked `(..) = 1`, for which it uses no index

    def __init__(self, column: Any, values: Any) -> None:  # a column, and a bound set
        super().__init__(column, values)


def in_numbers(column: Any, values: Collection[int] | str) -> ColumnElement[bool]:  # of integers
    """Return the test that a column's number is one of these; text names the parameter that holds them."""
    return among(column, _bound(values, Numbers()))


def in_many(column: Any, values: Collection[int]) -> ColumnElement[bool]:  # of integers
    """Return the same test for where all rows are read: a large set is hashed on PostgreSQL too."""
    return (
        in_numbers(column, values) if len(values) <= _LARGE else among_many(column, _bound(values, Numbers()))
    )


def in_ids(column: Any, values: Collection[UUID] | str) -> ColumnElement[bool]:  # of ids
    """Return the test that a column's id is one of these; text names the parameter that holds them."""
    return among(column, _bound(values, Ids()))


class GatheredNumbers(TypeDecorator[Collection[int]]):
    """What `gathered` returns."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the array where there is one."""
        return dialect.type_descriptor(ARRAY(Integer()) if dialect.name == "postgresql" else String())

    def process_result_value(self, value: Any, dialect: Dialect) -> Collection[int]:  # driver value
        """Read the numbers; none where no row was found."""
        return (value if dialect.name == "postgresql" else json.loads(value)) or ()


class gathered(FunctionElement[Collection[int]]):  # noqa: N801  reads like the SQL function that it is
    """Gather the numbers of a column, each once, into one value.

    Thousands of rows of one number each would take several times as long to hand over.
    """

    type = GatheredNumbers()
    inherit_cache = True


@compiles(gathered, "sqlite")
def _gathered_as_json(element: gathered, compiler: SQLCompiler, **options: Any) -> str:  # the compiler's own
    return f"json_group_array(DISTINCT {compiler.process(element.clauses, **options)})"


@compiles(gathered, "postgresql")
def _gathered_as_array(element: gathered, compiler: SQLCompiler, **options: Any) -> str:  # the compiler's own
    return f"array_agg(DISTINCT {compiler.process(element.clauses, **options)})"


def _bound(values: Any, kind: Numbers | Ids) -> BindParameter[Any]:  # a set, or a name
    if isinstance(values, str):
        return bindparam(values, type_=kind)
    return bindparam(None, values, type_=kind, unique=True)


class among_many(among):  # noqa: N801  reads like the test that it writes
    """The same test by a hash of the set."""

    inherit_cache = True


@compiles(among_many, "postgresql")
def _as_hash(element: among_many, compiler: SQLCompiler, **options: Any) -> str:  # the compiler's own
    tested, bound = (compiler.process(part, **options) for part in element.clauses.clauses)
    return f"({tested} IN (SELECT unnest({bound})))"


@compiles(among_many, "sqlite")
@compiles(among, "sqlite")
def _as_json(element: among, compiler: SQLCompiler, **options: Any) -> str:  # the compiler's own
    column, values = element.clauses.clauses
    read = "dms_bytes(value)" if isinstance(values.type, Ids) else "value"
    tested, bound = (compiler.process(part, **options) for part in (column, values))
    return f"({tested} IN (SELECT {read} FROM json_each({bound})))"  # noqa: S608  parts that are compiled


@compiles(among, "postgresql")
def _as_array(element: among, compiler: SQLCompiler, **options: Any) -> str:  # the compiler's own
    column, values = element.clauses.clauses
    return f"({compiler.process(column, **options)} = ANY ({compiler.process(values, **options)}))"
