"""Which Holds stand over things, whoever asks; and the row on which Holds and disposal meet."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, insert, select, union, union_all, update

from dms.base.ids import derived_id
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.holds import DisposalGuard, Hold, HoldLine
from dms.models.schemes import RecordClass
from dms.models.searchlists import SearchListLine
from dms.rules.holds import CoverBasis, CoveredKind
from dms.rules.states import HoldState
from dms.stores.sets import in_ids
from dms.stores.work import Work, fetch, session_of

LOCK = "disposal_guard"
"""Table that a mutation locks first on PostgreSQL when it may bring things under a Hold."""


def standing(work: Work, targets: Collection[UUID]) -> Mapping[UUID, tuple[UUID, ...]]:
    """Return the active Holds over each of these Documents, Aggregations and classes, by their number.

    They stand on the thing itself, on an Aggregation above it, on its class or that of an Aggregation above
    it, or on a class above one of those. What no Hold covers is absent. One statement for all targets.
    """
    if not targets:
        return {}
    found: dict[UUID, list[UUID]] = {}
    for row in fetch(work, _standing(), {"targets": targets}):
        found.setdefault(row[0], []).append(row[1])
    return {target: tuple(holds) for target, holds in found.items()}


def watch(work: Work) -> None:
    """Hold off whatever may bring things under a Hold, until this operation has ended.

    On PostgreSQL the operation runs again if such a thing was kept since it began: see `DisposalGuard`.
    """
    if work.locks is not None:  # on SQLite the writer lock keeps everybody else out
        session_of(work).execute(select(DisposalGuard.turn).with_for_update(read=True))


def turn(work: Work) -> None:
    """Make what may bring things under a Hold known to what watches: see `DisposalGuard`.

    INVARIANT (hold-or-destroy): on PostgreSQL the table is locked before the snapshot, so that it waits for
    those who watch already, in turn with those who will, and sees all that they did.
    """
    work.needs_lock(LOCK)
    session_of(work).execute(update(DisposalGuard).values(turn=DisposalGuard.turn + 1))


def next_number(work: Work) -> int:
    """Return the number of the next Hold; the caller has made a `turn`, so that nobody else takes it."""
    found: int = session_of(work).execute(select(func.coalesce(func.max(Hold.number), 0) + 1)).scalar_one()
    return found


def lacking(work: Work, hold_id: UUID, targets: Collection[UUID]) -> frozenset[UUID]:
    """Return those of these targets that no line of a Hold names."""
    statement = select(HoldLine.target_id).where(
        HoldLine.hold_id == hold_id, in_ids(HoldLine.target_id, targets)
    )
    return frozenset(targets) - frozenset(row[0] for row in fetch(work, statement))


def cover(work: Work, lines: Collection[tuple[UUID, CoveredKind, UUID]], *, basis: CoverBasis) -> None:
    """Add lines (Hold, kind, target), which the caller knows to be new, in one statement."""
    rows: Sequence[dict[str, Any]] = [  # values of columns
        {
            "id": derived_id(hold_id, target_id),
            "hold_id": hold_id,
            "kind": kind,
            "target_id": target_id,
            "basis": basis,
            "added_at": work.now,
            "added_by": work.actor.principal_id,
        }
        for hold_id, kind, target_id in lines
    ]
    if rows:
        session_of(work).execute(insert(HoldLine), rows)


def covered_classes(work: Work, hold_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return the classes that lines of these Holds name; classes are open to every user."""
    statement = select(HoldLine.target_id).where(
        in_ids(HoldLine.hold_id, hold_ids), HoldLine.kind == CoveredKind.CLASS
    )
    return frozenset(row[0] for row in fetch(work, statement))


def subjects(work: Work, list_id: UUID) -> frozenset[UUID]:
    """Return what a frozen list names, whoever may see it."""
    statement = select(SearchListLine.subject).where(SearchListLine.list_id == list_id)
    return frozenset(row[0] for row in fetch(work, statement))


@cache
def _standing() -> Select[Any]:
    nodes = _nodes()
    return (
        select(nodes.c.target, Hold.id, Hold.number)
        .join(HoldLine, HoldLine.target_id == nodes.c.node)
        .join(Hold, Hold.id == HoldLine.hold_id)
        .where(Hold.state == HoldState.ACTIVE)
        .distinct()
        .order_by(Hold.number)
    )


def _nodes() -> Any:  # a subquery of (target, node)
    """Return each target with itself and all that stands above it in both trees."""
    asked = in_ids(Document.id, "targets")
    berths = union_all(
        select(Document.id.label("target"), Document.aggregation_id.label("node")).where(asked),
        select(Aggregation.id, Aggregation.id).where(in_ids(Aggregation.id, "targets")),
    ).subquery()
    places = select(berths.c.target, berths.c.node).cte("places", recursive=True)
    places = places.union(
        select(places.c.target, Aggregation.parent_id)
        .join(Aggregation, Aggregation.id == places.c.node)
        .where(Aggregation.parent_id.is_not(None))
    )
    first = union_all(
        select(Document.id.label("target"), Document.record_class_id.label("node")).where(asked),
        select(RecordClass.id, RecordClass.id).where(in_ids(RecordClass.id, "targets")),
        select(places.c.target, Aggregation.record_class_id)
        .join(Aggregation, Aggregation.id == places.c.node)
        .where(Aggregation.record_class_id.is_not(None)),
    ).subquery()
    classes = select(first.c.target, first.c.node).cte("classes", recursive=True)
    classes = classes.union(
        select(classes.c.target, RecordClass.parent_id)
        .join(RecordClass, RecordClass.id == classes.c.node)
        .where(RecordClass.parent_id.is_not(None))
    )
    return union(
        select(Document.id.label("target"), Document.id.label("node")).where(asked),
        select(places.c.target, places.c.node),
        select(classes.c.target, classes.c.node),
    ).subquery()
