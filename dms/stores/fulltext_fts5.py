"""Words on SQLite: an FTS5 table whose rows have the numbers of the entries."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

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


def source(*, is_by_words: bool) -> tuple[FromClause, ColumnElement[int]]:
    """Return where entries are found, and the number by which they are sorted fastest."""
    if not is_by_words:
        return SearchEntry.__table__, SearchEntry.id.expression
    return _words.join(SearchEntry, SearchEntry.id == NUMBER), NUMBER


def holds(fields: Sequence[Field], head: Collection[str] = ()) -> ColumnElement[bool]:  # noqa: ARG001  as PostgreSQL's
    """Return the condition of a row of `source`: it holds what `asked` says."""
    return _words.c[WORDS].bool_op("MATCH")(bindparam("asked"))


def asked(match: Match, fields: Sequence[Field], head: Mapping[str, Match | None]) -> dict[str, object]:
    """Return what `holds` looks for: this, its head what is `within`, not what is `without`."""
    query = as_fts5(match, fields)
    for name, operator in (("within", "AND"), ("without", "NOT")):
        if (part := head.get(name)) is not None:
            query = f"({query}) {operator} ({as_fts5(part, HEAD)})"
    return {"asked": query}


def lacks(fields: Sequence[Field]) -> ColumnElement[bool]:  # noqa: ARG001  as PostgreSQL's
    """Return the condition that an entry does not hold what `asked_not` says."""
    holding = _words.c[WORDS].bool_op("MATCH")(bindparam("asked_not"))
    return SearchEntry.id.not_in(select(NUMBER).select_from(_words).where(holding))


def asked_not(match: Match, fields: Sequence[Field]) -> dict[str, object]:
    """Return what `lacks` looks for."""
    return {"asked_not": as_fts5(match, fields)}


def _lines(head: Sequence[Laid]) -> dict[str, str]:
    return {laid.field.value: as_line(laid) for laid in head}


_WRITE_BODY = update(_words).where(_words.c.rowid == bindparam("number")).values(body=bindparam("line"))
