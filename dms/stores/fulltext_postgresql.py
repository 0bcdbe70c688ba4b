"""Words on PostgreSQL: two vectors beside what entries are filtered by, one of metadata and one of text."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, and_, bindparam, cast, func, not_, update
from sqlalchemy.dialects.postgresql import TSQUERY

from dms.models.search import JOINED, SearchEntry
from dms.rules.layouts import HEAD, METADATA, Field, Laid, as_vector
from dms.rules.matches import Match, as_tsquery

_WHOLE = getattr(func, JOINED)(SearchEntry.head, SearchEntry.body)
"""As the index has it."""


def columns(head: Sequence[Laid]) -> Mapping[str, object]:
    """Return what of the words lies in the entry itself."""
    return {"head": as_vector(head), "body": ""}


def write_new(connection: Connection, heads: Mapping[int, Sequence[Laid]]) -> None:
    """Do nothing: the words came with their entries."""


def write_head(connection: Connection, number: int, head: Sequence[Laid]) -> None:
    """Write the words of the metadata of an entry, whether it has any or not."""
    connection.execute(update(SearchEntry).where(SearchEntry.id == number).values(head=as_vector(head)))


def write_body(connection: Connection, number: int, body: Laid | None) -> None:
    """Write the words of the text of an entry, or take them away."""
    vector = "" if body is None else as_vector([body])
    connection.execute(update(SearchEntry).where(SearchEntry.id == number).values(body=vector))


def forget(connection: Connection, numbers: Sequence[int]) -> None:
    """Do nothing: the words go with their entries."""


def source(*, is_by_words: bool) -> tuple[FromClause, ColumnElement[int]]:  # noqa: ARG001  as SQLite's
    """Return where entries are found, and the number by which they are sorted fastest."""
    return SearchEntry.__table__, SearchEntry.id.expression


def holds(fields: Sequence[Field], head: Collection[str] = ()) -> ColumnElement[bool]:
    """Return the condition of a row of `source`: it holds what `asked` says."""
    found = [_holds("asked", fields)]
    if "within" in head:
        found.append(_matches(SearchEntry.head, "within"))
    if "without" in head:
        found.append(not_(_matches(SearchEntry.head, "without")))
    return and_(*found)


def asked(match: Match, fields: Sequence[Field], head: Mapping[str, Match | None]) -> dict[str, object]:
    """Return what `holds` looks for: this, its head what is `within`, not what is `without`."""
    parts = {name: as_tsquery(part, HEAD) for name, part in head.items() if part is not None}
    return {"asked": as_tsquery(match, fields), **parts}


def lacks(fields: Sequence[Field]) -> ColumnElement[bool]:
    """Return the condition that an entry does not hold what `asked_not` says."""
    return not_(_holds("asked_not", fields))


def asked_not(match: Match, fields: Sequence[Field]) -> dict[str, object]:
    """Return what `lacks` looks for."""
    return {"asked_not": as_tsquery(match, fields)}


def _holds(name: str, fields: Sequence[Field]) -> ColumnElement[bool]:
    return _matches(SearchEntry.head if set(fields) <= set(METADATA) else _WHOLE, name)


def _matches(vector: Any, name: str) -> ColumnElement[bool]:  # a column or an expression of them
    return vector.bool_op("@@")(cast(bindparam(name), TSQUERY))  # type: ignore[no-any-return]  # of SQL
