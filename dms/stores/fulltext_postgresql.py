"""Words on PostgreSQL: two vectors beside what entries are filtered by, one of metadata and one of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, FromClause, and_, cast, not_, update
from sqlalchemy.dialects.postgresql import TSQUERY

from dms.models.search import SearchEntry
from dms.rules.layouts import HEAD, METADATA, Field, Laid, as_vector
from dms.rules.matches import Match, as_tsquery

_WHOLE = SearchEntry.head.op("||")(SearchEntry.body)
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


def source(match: Match | None) -> tuple[FromClause, ColumnElement[int]]:  # noqa: ARG001  as SQLite's
    """Return where entries that hold something are found, and the number by which they are sorted fastest."""
    return SearchEntry.__table__, SearchEntry.id.expression


def holds(
    match: Match, fields: Sequence[Field], *, within: Match | None = None, without: Match | None = None
) -> ColumnElement[bool]:
    """Return the condition of a row of `source`: it holds this, its head `within`, not `without`."""
    found = [_asked(match, fields)]
    if within is not None:
        found.append(SearchEntry.head.bool_op("@@")(_literal(within, HEAD)))
    if without is not None:
        found.append(not_(SearchEntry.head.bool_op("@@")(_literal(without, HEAD))))
    return and_(*found)


def lacks(match: Match, fields: Sequence[Field]) -> ColumnElement[bool]:
    """Return the condition that an entry does not hold this."""
    return not_(_asked(match, fields))


def _asked(match: Match, fields: Sequence[Field]) -> ColumnElement[bool]:
    vector = SearchEntry.head if set(fields) <= set(METADATA) else _WHOLE
    return vector.bool_op("@@")(_literal(match, fields))


def _literal(match: Match, fields: Sequence[Field]) -> ColumnElement[object]:
    return cast(as_tsquery(match, fields), TSQUERY)
