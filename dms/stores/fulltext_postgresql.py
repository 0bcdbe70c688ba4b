"""Words on PostgreSQL: two vectors beside what entries are filtered by, one of metadata and one of text."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    bindparam,
    cast,
    func,
    not_,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from dms.base.errors import Busy
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


def erase(connection: Connection) -> None:
    """Write the index and the planner's statistics anew, without rows that are gone; needs autocommit.

    What a snapshot can still see is kept by VACUUM, so those of others must have ended first: `Busy` if one
    of this database lasts longer than a moment.
    """
    _outlast_readers(connection)
    connection.execute(text("VACUUM (FULL, ANALYZE) search_entry"))
    # The statistics name the most frequent words, and keep what they replaced.
    _outlast_readers(connection)
    connection.execute(text("VACUUM (FULL) pg_catalog.pg_statistic"))


def _outlast_readers(connection: Connection) -> None:
    """Wait until no snapshot, of today or to come, can see what was taken out before now."""
    now = connection.execute(text("SELECT CAST(pg_current_xact_id() AS text)")).scalar_one()
    for _ in range(_LOOKS):
        if not connection.execute(_OLDER_SNAPSHOTS, {"now": now}).scalar_one():
            return
        time.sleep(_REST_S)
    raise Busy("somebody reads what is to be erased: try again in a moment")


_LOOKS = 100
_REST_S = 0.02
# Three things keep old rows: a writer of any database of the cluster, since a new snapshot, VACUUM's too,
# reaches back to the oldest one; a reader of this database; a session that begins, which reads before it
# shows itself.
_OLDER_SNAPSHOTS = text(
    "SELECT pg_snapshot_xmin(pg_current_snapshot()) < CAST(CAST(:now AS text) AS xid8) "
    "OR EXISTS (SELECT 1 FROM pg_stat_activity WHERE (datname = current_database() OR datname IS NULL) "
    "AND pid <> pg_backend_pid() "
    "AND age(backend_xmin) >= age(CAST(CAST(CAST(:now AS text) AS xid8) AS xid))) "
    "OR EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'virtualxid' "
    "AND NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pg_stat_activity.pid = pg_locks.pid))"
)
