"""The declarative base and the column types that both databases share."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Enum, LargeBinary, MetaData, SmallInteger, String, Uuid
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from dms.base.ids import from_bytes

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Mother of every mapped class."""

    metadata = MetaData(naming_convention=NAMES)


class Id(TypeDecorator[UUID]):
    """A UUID: native on PostgreSQL, 16 bytes on SQLite."""

    impl = LargeBinary(16)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the native type where there is one."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Uuid())
        return dialect.type_descriptor(LargeBinary(16))

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> Any:  # driver value
        """Write 16 bytes where the database has no UUID."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.bytes

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # noqa: ARG002  as SQLAlchemy's
        """Read the 16 bytes back; psycopg gives UUIDs."""
        return None if dialect.name == "postgresql" else _from_driver


def _from_driver(value: bytes | None) -> UUID | None:
    return None if value is None else from_bytes(value)


class RawId(Id):
    """A UUID as its driver gives it, for ids of which few are ever looked at: `read_id` reads one."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        """Leave it as it is."""


def read_id(raw: UUID | bytes) -> UUID:
    """Return the UUID that a driver gave."""
    return raw if isinstance(raw, UUID) else from_bytes(raw)


class Digest(TypeDecorator[str]):
    """A SHA-256: 64 hexadecimal characters in Python, 32 bytes in the database."""

    impl = LargeBinary(32)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Write the raw bytes."""
        return None if value is None else bytes.fromhex(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # noqa: ARG002  as SQLAlchemy's
        """Read them as lower-case hexadecimal."""
        return _as_hexadecimal


def _as_hexadecimal(value: bytes | None) -> str | None:
    return None if value is None else bytes(value).hex()


class UtcTime(TypeDecorator[int]):
    """An instant: UTC microseconds as a 64-bit integer, equal and comparable on both databases."""

    impl = BigInteger
    cache_ok = True


class LevelRank(TypeDecorator[int]):
    """Rank of a security level. A number, never a name: names would compare alphabetically."""

    impl = SmallInteger
    cache_ok = True


class SortKey(TypeDecorator[str]):
    """Text compared by code points on both databases, whatever the locale of the server."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Pin the collation where the server would otherwise choose one."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(String(collation="C"))
        return dialect.type_descriptor(String())


class unindexed(FunctionElement[Any]):  # noqa: N801  reads like the SQL function it stands for
    """A column that only tests rows: SQLite then walks the index of the order or of the filter.

    Without statistics its planner takes the index of any `IN` list, and sorts what that finds.
    """

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:  # of any type, which it keeps
        super().__init__(column)
        self.type = column.type


@compiles(unindexed)
def _plainly(element: unindexed, compiler: SQLCompiler, **options: Any) -> str:  # the compiler's own
    return compiler.process(element.clauses.clauses[0], **options)


@compiles(unindexed, "sqlite")
def _with_plus(element: unindexed, compiler: SQLCompiler, **options: Any) -> str:  # the compiler's own
    return "+" + compiler.process(element.clauses.clauses[0], **options)


def closed(kinds: type[StrEnum], *, name: str) -> Enum:
    """Return a column type for a closed set: its values as text with a CHECK of this name."""
    return Enum(
        kinds,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=40,
        values_callable=lambda members: [member.value for member in members],
    )
