"""What follows for things: always computed from what it rests on, and kept for lists (F45 to F49)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from dms.base.actor import ActorKind
from dms.base.errors import Forbidden
from dms.base.ids import new_id
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.retention import RetentionAct, Target, TriggerEvent
from dms.rules import duedays
from dms.rules.accessevents import Op
from dms.rules.retention import RetentionAction, TrackMedium, Trigger
from dms.stores import outcomes, retentionfacts
from dms.stores.outcomes import Marked
from dms.stores.records import is_a
from dms.stores.work import Work

AT_ONCE = 200
"""Things that a job computes in one transaction."""


def fresh(work: Work, ids: Collection[UUID]) -> Mapping[UUID, duedays.RetentionOutcome]:
    """Compute what follows for Documents and Aggregations, in this transaction and from nothing.

    For rules that act upon it, whoever asks; what is neither, or is no more, is absent. On PostgreSQL an
    operation that writes fails, and is run again, if what this rests on was changed beside it.
    """
    return {thing: each.outcome for thing, each in outcomes.computed(work, ids).items()}


def forget(work: Work, ids: Collection[UUID]) -> None:
    """Forget the outcomes of things that are no more: nothing follows for them."""
    outcomes.forget(work, ids)


def rules_changed(work: Work, rule_ids: Collection[UUID]) -> None:
    """Let everything be computed anew on which these rules bear: they say something else from now on."""
    outcomes.mark(work, outcomes.marked_by_rules(work, rule_ids))


def classes_changed(work: Work, class_ids: Collection[UUID]) -> None:
    """Let everything in these classes, and in those below, be computed anew: they were moved or reworded."""
    outcomes.mark(work, [Marked(Target.CLASS, each) for each in class_ids])


def closed(work: Work, row: Aggregation, *, reason: str) -> None:
    """Record that an Aggregation was closed today, and let everything in it count from there."""
    today = retentionfacts.calendar(work).today
    _record(work, row, first_day=today, last_day=today, dates=today.isoformat(), note=reason)


def reopened(work: Work, row: Aggregation, *, reason: str) -> None:
    """Record that the closing of an Aggregation has fallen: what counted from it waits again."""
    _record(work, row, is_revocation=True, note=reason)


def _record(work: Work, row: Aggregation, **said: Any) -> None:  # values of as many types as columns
    event = TriggerEvent(
        id=new_id(),
        target_kind=Target.AGGREGATION,
        target_id=row.id,
        trigger=Trigger.CLOSED.value,
        recorded_at=work.now,
        recorded_by=work.actor.principal_id,
        **said,
    )
    work.add(event)
    outcomes.mark(work, [Marked(Target.AGGREGATION, row.id)])
    outcomes.keep(work, [row.id])


def today(work: Work) -> date:
    """Return the civil day of the Repository."""
    return retentionfacts.calendar(work).today


def carried_out(work: Work, rows: Sequence[Document | Aggregation], action: RetentionAction) -> None:
    """Record that an action of retention was carried out on things today: what waited for it goes on."""
    done_on = today(work)
    for row in rows:
        work.add(
            RetentionAct(
                id=new_id(),
                target_kind=Target.DOCUMENT if is_a(row, Document) else Target.AGGREGATION,
                target_id=row.id,
                action=action,
                medium=TrackMedium.ANY,
                done_on=done_on,
                recorded_at=work.now,
                recorded_by=work.actor.principal_id,
            )
        )
    work.flush()
    outcomes.keep(work, [row.id for row in rows])


def recompute(work: Work) -> int:
    """Compute a slice of what was marked, and then of what time has turned; 0 when nothing is left."""
    work.performs(Op.RETENTION_RECOMPUTE)
    if work.actor.kind is not ActorKind.SYSTEM:
        raise Forbidden("only the system computes outcomes anew")
    return outcomes.advance(work, limit=AT_ONCE) or outcomes.turn(work, limit=AT_ONCE)
