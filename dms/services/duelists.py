"""Due lists: what may go, what is overdue, what waits, and what no rule keeps (F52, first half).

Rows are chosen by what is kept and shown as computed anew: see `Due.is_current`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func

from dms.access import gate
from dms.access.attached import Attached
from dms.access.keyset import Order
from dms.base.errors import Invalid, NotFound
from dms.base.paging import Page, PageRequest
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.retention import RetentionOutcome, Target
from dms.models.schedules import RuleEntry
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.rules.duerules import Reason
from dms.rules.duesteps import RetentionState
from dms.rules.retention import RetentionAction
from dms.stores import outcomes, retentionfacts, retentionreach
from dms.stores.outcomes import Computed
from dms.stores.retentionfacts import Calendar
from dms.stores.sets import in_ids
from dms.stores.work import Work


@dataclass(frozen=True, slots=True)
class DueWanted:
    """Which things to list; what is left out does not narrow the list."""

    state: RetentionState | None = None
    due_from: date | None = None
    due_until: date | None = None
    action: RetentionAction | None = None
    kind: Target | None = None
    record_class_id: UUID | None = None
    """With the classes below it."""
    rule_id: UUID | None = None
    without_rule: bool = False
    in_conflict: bool = False


class Due(NamedTuple):
    """A page of things, by their day; those without one come first."""

    page: Page[RetentionOutcome]
    computed: Mapping[UUID, Computed]
    is_current: bool
    """False while things are still computed anew after a change: some may be missing, or be shown with what
    no longer puts them on the list."""
    today: date


class DueYear(NamedTuple):
    """How many things have their day in a year, by what is allowed then."""

    year: int
    action: RetentionAction
    things: int


class Forecast(NamedTuple):
    """What falls due by year, as far as the actor may read it."""

    days: Calendar
    is_current: bool
    years: tuple[DueYear, ...]


def due(work: Work, request: PageRequest, wanted: DueWanted) -> Due:
    """List things by their due day, as far as the actor may read their metadata."""
    work.performs(Op.RETENTION_DUE)
    today = retentionfacts.calendar(work).today
    page = _narrowed(work, wanted, today).order_by(Order(RetentionOutcome.due_key)).page(request)
    found = outcomes.computed(work, [row.id for row in page.rows])
    return Due(page, found, outcomes.is_current(work), today)


def first_due(
    work: Work, wanted: DueWanted, *, but: Collection[UUID], limit: int
) -> Sequence[RetentionOutcome]:
    """Return what is due today by what is kept, the longest due first; the caller shows none of it itself."""
    work.performs(Op.RETENTION_DUE)
    today = retentionfacts.calendar(work).today
    reading = _narrowed(work, replace(wanted, state=RetentionState.DUE), today)
    found: list[RetentionOutcome] = []
    for rows in reading.order_by(Order(RetentionOutcome.due_key)).scan(limit):
        found += [row for row in rows if row.id not in but]
        if len(found) >= limit:
            break
    return found[:limit]


def forecast(work: Work, wanted: DueWanted) -> Forecast:
    """Count what has its day in each year, exactly what `due` would list; by year and action."""
    work.performs(Op.RETENTION_DUE)
    days = retentionfacts.calendar(work)
    reading = _narrowed(work, wanted, days.today).where(RetentionOutcome.due_key != "")
    rows = reading.measured((outcomes.DUE_YEAR, RetentionOutcome.action.expression), (func.count(),))
    found = [DueYear(int(row[0]), RetentionAction(row[1]), row[2]) for row in rows]
    years = sorted(found, key=lambda each: (each.year, list(RetentionAction).index(each.action)))
    return Forecast(days, outcomes.is_current(work), tuple(years))


def named(work: Work, rows: Sequence[RetentionOutcome]) -> Mapping[UUID, Document | Aggregation]:
    """Return the things of a page, for their titles and codes."""
    by_kind = {kind: [row.id for row in rows if row.kind is kind] for kind in Target}
    found: dict[UUID, Document | Aggregation] = {}
    found |= gate.visible(work, Document, Action.READ_METADATA).many(by_kind[Target.DOCUMENT])
    found |= gate.visible(work, Aggregation, Action.READ_METADATA).many(by_kind[Target.AGGREGATION])
    return found


def of(work: Work, ids: Sequence[UUID]) -> Mapping[UUID, Computed]:
    """Return what follows for things whose metadata this operation has released."""
    gate.parts(work, RetentionOutcome, owner=RetentionOutcome.id, of=ids, noted=False)
    return outcomes.computed(work, ids)


def citations(work: Work, found: Sequence[Computed]) -> Mapping[tuple[UUID, UUID], RuleEntry]:
    """Return the wordings of the rules that decide, by edition and rule; schedules are open to every user."""
    rules = [each.outcome.decisive.rule for each in found]
    editions = {rule.edition_id for rule in rules if rule is not None}
    if not editions:
        return {}
    reading = gate.vocabulary(work, RuleEntry).where(
        in_ids(RuleEntry.edition_id, editions),
        in_ids(RuleEntry.rule_id, {rule.rule_id for rule in rules if rule is not None}),
    )
    return {(row.edition_id, row.rule_id): row for row in reading.rows()}


def _narrowed(work: Work, wanted: DueWanted, today: date) -> Attached[RetentionOutcome]:
    row = RetentionOutcome
    reading = gate.attached(work, row, owner=row.id, action=Action.READ_METADATA)
    match wanted.state:
        case None:
            pass
        case RetentionState.DUE:
            reading = reading.where(row.due_key != "", row.due_key <= today.isoformat())
        case RetentionState.RUNNING:
            reading = reading.where(row.due_key > today.isoformat())
        case _:
            reading = reading.where(row.state == wanted.state)
    if wanted.due_from is not None:
        reading = reading.where(row.due_key >= wanted.due_from.isoformat())
    if wanted.due_until is not None:
        if wanted.due_from is not None and wanted.due_until < wanted.due_from:
            raise Invalid("it ends before it begins: put the earlier day first", path=("filter", "dueUntil"))
        reading = reading.where(row.due_key != "", row.due_key <= wanted.due_until.isoformat())
    return _by_rule(work, reading, wanted)


def _by_rule(
    work: Work, reading: Attached[RetentionOutcome], wanted: DueWanted
) -> Attached[RetentionOutcome]:
    row = RetentionOutcome
    if wanted.action is not None:
        reading = reading.where(row.action == wanted.action)
    if wanted.kind is not None:
        reading = reading.where(row.kind == wanted.kind)
    if wanted.record_class_id is not None:
        classes = retentionreach.class_line(work, [wanted.record_class_id])
        if not classes:
            raise NotFound
        reading = reading.where(in_ids(row.class_id, classes))
    if wanted.rule_id is not None:
        reading = reading.where(row.rule_id == wanted.rule_id)
    if wanted.without_rule:
        reading = reading.where(row.reason == Reason.NO_RULE.value)
    if wanted.in_conflict:
        reading = reading.where(row.is_conflict.is_(True))
    return reading
