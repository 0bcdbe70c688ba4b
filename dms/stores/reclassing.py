"""Giving many Documents or Aggregations a class at once: a few statements, whatever their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, insert, literal, null, select, update
from sqlalchemy.orm import attributes

from dms.models.aggregations import Aggregation
from dms.models.documents import Document, PlacementHistory
from dms.models.types import Id, UtcTime
from dms.stores.records import is_a
from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of

Rows = Sequence[Document | Aggregation]


def keep_places(work: Work, rows: Rows) -> None:
    """Keep where rows of one kind lie, how they are classed and marked, before that changes."""
    model = _model(rows)
    former = (
        select(func.max(PlacementHistory.valid_until))
        .where(PlacementHistory.object_id == model.id)
        .correlate(model)
        .scalar_subquery()
    )
    lies: Any = Document.aggregation_id if model is Document else null()
    columns: list[Any] = [
        model.id,
        lies,
        model.record_class_id,
        model.security_id,
        func.coalesce(former, model.created_at),
        literal(work.now, UtcTime()),
        literal(work.notes.event_id, Id()),
    ]
    names = ["object_id", "aggregation_id", "class_id", "security_id"]
    names += ["valid_from", "valid_until", "event_id"]
    found = select(*columns).where(in_ids(model.id, [row.id for row in rows]))
    kept = insert(PlacementHistory).from_select(names, found)
    session_of(work).connection().execute(kept)


def write(work: Work, rows: Rows, values: Mapping[str, Any]) -> None:
    """Set the same values in rows of one kind and raise their revisions, in one statement.

    The rows in hand say so too.
    """
    session = session_of(work)
    model = _model(rows)
    told = {**values, "updated_at": work.now, "updated_by": work.actor.principal_id}
    statement = update(model).where(in_ids(model.id, [row.id for row in rows]))
    session.connection().execute(statement.values(**told, revision=model.revision + 1))
    for row in rows:
        for name, value in {**told, "revision": row.revision + 1}.items():
            attributes.set_committed_value(row, name, value)


def _model(rows: Rows) -> type[Document | Aggregation]:
    return Document if is_a(rows[0], Document) else Aggregation
