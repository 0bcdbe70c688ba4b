"""Editions of retention schedules, written out (F18)."""

from __future__ import annotations

from typing import NamedTuple

from dms.access import gate
from dms.access.keyset import Order
from dms.base.errors import NotFound
from dms.models.schedules import RuleEntry, ScheduleEdition
from dms.rules import schedulesheets
from dms.rules.accessevents import Op
from dms.rules.schedulesheets import RuleLine, SheetFormat
from dms.rules.states import EditionState
from dms.services import ruleentries, schedules
from dms.stores.work import Work


class ExportedEdition(NamedTuple):
    """A file, and what it holds."""

    number: int
    state: EditionState
    rules: int
    data: bytes


def export(work: Work, code: str, *, number: int | None, kind: SheetFormat) -> ExportedEdition:
    """Write an edition of a schedule; without a number the one in force, else the newest."""
    work.performs(Op.SCHEDULE_EXPORT)
    edition = _edition(work, code, number)
    entries = gate.listed(work, RuleEntry).where(RuleEntry.edition_id == edition.id)
    rows = entries.order_by(Order(RuleEntry.code_key)).rows()
    numbers = ruleentries.numbers(work, {row.rule_id for row in rows})
    lines = [_line(row, numbers[row.rule_id]) for row in rows]
    data = schedulesheets.written(lines, kind)
    return ExportedEdition(edition.number, edition.state, len(lines), data)


def _edition(work: Work, code: str, number: int | None) -> ScheduleEdition:
    schedule = schedules.find(work, code)
    editions = gate.listed(work, ScheduleEdition).where(ScheduleEdition.schedule_id == schedule.id)
    rows = editions.order_by(Order(ScheduleEdition.number, descending=True)).rows()
    in_force = [row for row in rows if row.state is EditionState.IN_FORCE]
    wanted = (in_force or rows[:1]) if number is None else [row for row in rows if row.number == number]
    if not wanted:
        which = "no edition" if number is None else f"no edition {number}"
        raise NotFound(f"the schedule `{code}` has {which}")
    return wanted[0]


def _line(row: RuleEntry, number: str) -> RuleLine:
    values = (getattr(row, name) for name in RuleLine._fields if name != "number")
    return RuleLine(number, *values)
