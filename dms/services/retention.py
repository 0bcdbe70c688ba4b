"""What follows for things: always computed from what it rests on, and kept for lists (F45 to F49)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from dms.access import gate
from dms.base import clock
from dms.base.actor import ActorKind
from dms.base.canonical import Canonical
from dms.base.errors import Forbidden, Invalid, State
from dms.base.ids import new_id
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.retention import RetentionAct, Target, TriggerEvent
from dms.rules import calendars, duedays
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.retention import RetentionAction, TrackMedium, Trigger
from dms.stores import outcomes, retentionfacts
from dms.stores.outcomes import Marked
from dms.stores.records import is_a
from dms.stores.retentionfacts import Calendar
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
    folders = [row.id for row in rows if is_a(row, Aggregation)]  # it counts for what lies in them, too
    outcomes.mark(work, [Marked(Target.AGGREGATION, each) for each in folders])
    outcomes.keep(work, [row.id for row in rows])


def set_calendar(work: Work, *, fiscal_month: int, fiscal_day: int, zone: str) -> Calendar:
    """Say when the fiscal year begins and whose civil days count, before any rule is bound to anything.

    Later it would move days, some of them forward, without anybody having looked at them.
    """
    work.performs(Op.RETENTION_CALENDAR)
    gate.require_duty(work, Duty.SCHEDULES_MANAGE)
    begins = calendars.fiscal_year(fiscal_month, fiscal_day, path=("fiscalDay",))
    try:
        clock.zone_of(zone)
    except ValueError as error:
        message = f"`{zone}` is no time zone: name one as `Europe/Rome` or `UTC`"
        raise Invalid(message, path=("zone",)) from error
    before = retentionfacts.calendar(work)
    if (before.fiscal_year, before.zone) == (begins, zone):
        return before
    if retentionfacts.is_any_bound(work):
        raise State("rules are bound to things: days cannot be counted otherwise any more", state="bound")
    after = retentionfacts.set_calendar(work, begins, zone)
    repository = gate.standing(work).roof.repository_id
    work.changed(repository, before=1, after=1, old=_said(before), new=_said(after))
    outcomes.mark(work, [outcomes.EVERYTHING])
    return after


def _said(days: Calendar) -> Mapping[str, Canonical]:
    begins = days.fiscal_year
    return {"fiscalYearBegin": [begins.begin_month, begins.begin_day], "zone": days.zone}


def recompute(work: Work) -> int:
    """Compute a slice of what was marked, and then of what time has turned; 0 when nothing is left."""
    work.performs(Op.RETENTION_RECOMPUTE)
    if work.actor.kind is not ActorKind.SYSTEM:
        raise Forbidden("only the system computes outcomes anew")
    return outcomes.advance(work, limit=AT_ONCE) or outcomes.turn(work, limit=AT_ONCE)
