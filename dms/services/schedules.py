"""Retention schedules: bodies of rules that somebody lays down; open to every user (F45)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from dms.access import gate
from dms.access.keyset import Order
from dms.base.errors import Conflict, NotFound
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.schedules import RetentionSchedule
from dms.rules import codes, text
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.services import editing
from dms.services.editing import KEEP, Keep
from dms.stores.work import Work


@dataclass(frozen=True, slots=True)
class ScheduleWords:
    """What a schedule says of itself; what is kept stays, None empties."""

    title: str | Keep = KEEP
    jurisdiction: str | Keep | None = KEEP
    """Where, and for whom, it holds."""
    source: str | Keep | None = KEEP
    """Where its text was taken from."""


def listed(work: Work, request: PageRequest) -> Page[RetentionSchedule]:
    """List the schedules by code."""
    work.performs(Op.SCHEDULE_LIST)
    return gate.listed(work, RetentionSchedule).order_by(Order(RetentionSchedule.code_key)).page(request)


def each(work: Work, ids: Collection[UUID]) -> Mapping[UUID, RetentionSchedule]:
    """Return the schedules with these ids that there are."""
    return gate.listed(work, RetentionSchedule).each(ids)


def find(work: Work, code: str) -> RetentionSchedule:
    """Return a schedule by its code, or raise `NotFound`."""
    work.performs(Op.SCHEDULE_LIST)
    sought = text.sought(code, limit=text.MAX_CODE)
    rows = gate.listed(work, RetentionSchedule).where(RetentionSchedule.code == sought).rows(1)
    if not rows:
        raise NotFound(f"there is no schedule `{code}`: make it first")
    return rows[0]


def create(work: Work, code: str, words: ScheduleWords) -> RetentionSchedule:
    """Make a schedule, which has no edition yet."""
    work.performs(Op.SCHEDULE_CREATE)
    gate.require_duty(work, Duty.SCHEDULES_MANAGE)
    clean = text.code(code, ("code",))
    values = {"title": clean, **_worded(words)}
    row = RetentionSchedule(
        id=new_id(),
        code=clean,
        code_key=codes.code_key(clean),
        created_at=work.now,
        created_by=work.actor.principal_id,
        revision=1,
        **values,
    )
    work.add(row)
    try:
        work.flush()
    except IntegrityError as error:
        message = f"the code `{clean}` is taken by another schedule: choose another"
        raise Conflict(message, path=("code",)) from error
    work.changed(row.id, before=None, after=1, old={}, new=editing.noted({"code": clean, **values}))
    return row


def update(
    work: Work, schedule_id: UUID, words: ScheduleWords, *, expected_revision: int
) -> RetentionSchedule:
    """Change what a schedule says of itself; its rules are worded in editions."""
    work.performs(Op.SCHEDULE_UPDATE)
    row = gate.listed(work, RetentionSchedule).one(schedule_id)
    gate.require_duty(work, Duty.SCHEDULES_MANAGE)
    if row.revision != expected_revision:
        raise gate.refused(work, editing.stale(row.revision), object_id=row.id, action="update")
    values = {name: value for name, value in _worded(words).items() if getattr(row, name) != value}
    if not values:
        return row
    old = editing.noted({name: getattr(row, name) for name in values})
    for name, value in values.items():
        setattr(row, name, value)
    row.revision += 1
    work.flush()
    work.changed(row.id, before=row.revision - 1, after=row.revision, old=old, new=editing.noted(values))
    return row


def _worded(words: ScheduleWords) -> dict[str, str | None]:
    values: dict[str, str | None] = {}
    if words.title is not KEEP:
        values["title"] = text.line(words.title, ("title",))
    for name in ("jurisdiction", "source"):
        given: str | Keep | None = getattr(words, name)
        if given is not KEEP:
            values[name] = editing.described(given, name)
    return values
