"""Giving things a class: one slice of many, in one transaction, with the same traces as one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from dms.access import reclassing as places
from dms.access.scopes import Triple
from dms.base.canonical import Canonical
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.retention import Target
from dms.rules.access import Action
from dms.rules.classrules import Classed
from dms.rules.holds import CoveredKind
from dms.services import editing, holding
from dms.stores import fulltext, outcomes, reclassing
from dms.stores.outcomes import Marked
from dms.stores.records import is_a
from dms.stores.work import Work

EVENT = "classAssign"

Thing = Document | Aggregation


def assign(
    work: Work, rows: Sequence[Thing], classed: Classed, *, note: Mapping[str, Canonical]
) -> dict[UUID, str]:
    """Give rows of one kind, on which the actor has `EDIT`, a class in force; those that can be given it.

    Returns why the others cannot, by id: their state, or no `FILE` with this class where they lie. On
    PostgreSQL the operation holds `scopes.PLACES`.
    """
    refusals = {row.id: _unfit(row) for row in rows if EVENT not in editing.transitions(row)}
    fit = [row for row in rows if row.id not in refusals]
    if not fit:
        return refusals
    planned = places.places(work, fit, classed.class_id)
    decisions = places.decide(work, planned)
    for row in fit:
        decision = decisions[row.id]
        if not decision.may:
            work.refuses(row.id, action=Action.FILE, reason=decision.reason, exists=True)
            refusals[row.id] = f"the access list does not give you `{Action.FILE}` with this class there"
    _write(work, [row for row in fit if row.id not in refusals], classed, planned=planned, note=note)
    return refusals


def _write(
    work: Work,
    rows: Sequence[Thing],
    classed: Classed,
    *,
    planned: Mapping[UUID, Triple],
    note: Mapping[str, Canonical],
) -> None:
    if not rows:
        return
    kind = CoveredKind.DOCUMENT if is_a(rows[0], Document) else CoveredKind.AGGREGATION
    values: dict[str, object] = {"record_class_id": classed.class_id}
    if kind is CoveredKind.DOCUMENT:
        values |= {"classed_by": classed.by, "class_rule_id": classed.rule_id}
    former = [editing.changes(row, values) for row in rows]
    work.flush()
    with holding.following(work, {row.id: kind for row in rows}):
        reclassing.keep_places(work, rows)
        reclassing.write(work, rows, values)
        places.follow(work, rows, planned)
        fulltext.reclass(work, rows, classed.class_id)
        if kind is CoveredKind.AGGREGATION:
            outcomes.mark(work, [Marked(Target.AGGREGATION, row.id) for row in rows])
        outcomes.keep(work, [row.id for row in rows])
    for row, (old, new) in zip(rows, former, strict=True):
        work.changed(row.id, before=row.revision - 1, after=row.revision, old=old, new={**new, **note})


def _unfit(row: Thing) -> str:
    return f"a thing in state `{row.state}` does not permit `{EVENT}`"
