"""The index of search made anew, in pieces: what nobody has entered, and what an older analyser has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import Select, func, select, update

from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.search import NOT_YET, SearchEntry
from dms.rules import analyser
from dms.stores import fulltext
from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of

Model: TypeAlias = type[Aggregation] | type[Document]

_MODELS: tuple[Model, ...] = (Aggregation, Document)

_IS_OLD = SearchEntry.analyser != analyser.VERSION


def waiting(work: Work) -> int:
    """Count the things that nobody, or an older analyser, has entered."""
    session = session_of(work)
    found = session.execute(select(func.count()).select_from(SearchEntry).where(_IS_OLD)).scalar_one()
    for model in _MODELS:
        found += session.execute(select(func.count()).select_from(_absent(model).subquery())).scalar_one()
    return found


def entries(work: Work) -> int:
    """Count what is entered."""
    return session_of(work).execute(select(func.count()).select_from(SearchEntry)).scalar_one()


def begin_anew(work: Work) -> None:
    """Let `refresh` analyse everything again."""
    session_of(work).connection().execute(update(SearchEntry).values(analyser=NOT_YET))


def refresh(work: Work, *, limit: int) -> int:
    """Enter up to `limit` waiting things, and forget entries of what is gone; returns how many it was.

    Each piece is a transaction of its own, so who begins again goes on where it ended. Words of texts stay
    until jobs have read the texts again.
    """
    rows: list[fulltext.Row] = []
    for model in _MODELS:
        absent = _absent(model).order_by(model.created_at, model.id).limit(limit - len(rows))
        rows += _rows(work, model, session_of(work).execute(absent).scalars().all())
    fulltext.enter_all(session_of(work).connection(), rows)
    return len(rows) + _again(work, limit=limit - len(rows))


def _again(work: Work, *, limit: int) -> int:
    connection = session_of(work).connection()
    old = select(SearchEntry.subject, SearchEntry.id).where(_IS_OLD).order_by(SearchEntry.id).limit(limit)
    numbers: dict[UUID, int] = {row.subject: row.id for row in connection.execute(old)}
    rows = [row for model in _MODELS for row in _rows(work, model, list(numbers))]
    for row in rows:
        fulltext.write_again(connection, row, numbers[row.id])
    gone = numbers.keys() - {row.id for row in rows}
    if gone:
        fulltext.remove(work, gone)
    return len(numbers)


def disagreeing(work: Work, *, limit: int) -> Sequence[UUID]:
    """Return some things whose entries tell another access scope than they do."""
    found: list[UUID] = []
    for model in _MODELS:
        other = select(model.id).join(SearchEntry, SearchEntry.subject == model.id)
        other = other.where(SearchEntry.scope_id != model.scope_id)
        found += session_of(work).execute(other.limit(limit)).scalars()
    return found[:limit]


def _absent(model: Model) -> Select[UUID]:
    return (
        select(model.id)
        .outerjoin(SearchEntry, SearchEntry.subject == model.id)
        .where(SearchEntry.id.is_(None))
    )


def _rows(work: Work, model: Model, ids: Sequence[UUID]) -> list[fulltext.Row]:
    statement = select(model).where(in_ids(model.id, ids)).order_by(model.created_at, model.id)
    rows: Sequence[fulltext.Row] = session_of(work).execute(statement).scalars().all()  # type: ignore[assignment]  # of `model`
    return list(rows)
