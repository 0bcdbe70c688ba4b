"""Words on SQLite: an FTS5 table whose rows have the numbers of the entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    bindparam,
    column,
    delete,
    insert,
    select,
    table,
    update,
)

from dms.models.search import WORDS, SearchEntry
from dms.rules.layouts import HEAD, Field, Laid, as_line
from dms.rules.matches import Match, as_fts5

_words = table(WORDS, column("rowid"), column(WORDS), *(column(field.value) for field in Field))

NUMBER: ColumnElement[int] = _words.c.rowid
"""In its order FTS5 finds rows, either way, so that a page of the newest ends as soon as it is full."""


def columns(head: Sequence[Laid]) -> Mapping[str, object]:  # noqa: ARG001  as PostgreSQL's
    """Return what of the words lies in the entry itself."""
    return {}


def write_new(connection: Connection, heads: Mapping[int, Sequence[Laid]]) -> None:
    """Write the words of the metadata of new entries."""
    rows = [{"rowid": number, "body": "", **_lines(head)} for number, head in heads.items()]
    connection.execute(insert(_words), rows)


def write_head(connection: Connection, number: int, head: Sequence[Laid]) -> None:
    """Write the words of the metadata of an entry, whether it has any or not."""
    known = update(_words).where(_words.c.rowid == number).values(**_lines(head))
    if not connection.execute(known).rowcount:
        write_new(connection, {number: head})


def write_body(connection: Connection, number: int, body: Laid | None) -> None:
    """Write the words of the text of an entry, or take them away."""
    line = "" if body is None else as_line(body)
    connection.execute(_WRITE_BODY, {"number": number, "line": line})


def forget(connection: Connection, numbers: Sequence[int]) -> None:
    """Take all words of entries away."""
    gone = delete(_words).where(_words.c.rowid == bindparam("number"))
    connection.execute(gone, [{"number": number} for number in numbers])


def source(match: Match | None) -> tuple[FromClause, ColumnElement[int]]:
    """Return where entries that hold something are found, and the number by which they are sorted fastest."""
    if match is None:
        return SearchEntry.__table__, SearchEntry.id.expression
    return _words.join(SearchEntry, SearchEntry.id == NUMBER), NUMBER


def holds(
    match: Match, fields: Sequence[Field], *, within: Match | None = None, without: Match | None = None
) -> ColumnElement[bool]:
    """Return the condition of a row of `source`: it holds this, its head `within`, not `without`."""
    asked = as_fts5(match, fields)
    if within is not None:
        asked = f"({asked}) AND ({as_fts5(within, HEAD)})"
    if without is not None:
        asked = f"({asked}) NOT ({as_fts5(without, HEAD)})"
    return _asked(asked)


def lacks(match: Match, fields: Sequence[Field]) -> ColumnElement[bool]:
    """Return the condition that an entry does not hold this."""
    return SearchEntry.id.not_in(select(NUMBER).select_from(_words).where(_asked(as_fts5(match, fields))))


def _lines(head: Sequence[Laid]) -> dict[str, str]:
    return {laid.field.value: as_line(laid) for laid in head}


def _asked(query: str) -> ColumnElement[bool]:
    return _words.c[WORDS].bool_op("MATCH")(query)


_WRITE_BODY = update(_words).where(_words.c.rowid == bindparam("number")).values(body=bindparam("line"))
