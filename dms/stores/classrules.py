"""The rules that give Documents their class, whoever registers them."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from sqlalchemy import func, select

from dms.models.classrules import ClassRule
from dms.models.schemes import RecordClass
from dms.rules import classrules
from dms.rules.classrules import Rule
from dms.rules.schemes import ClassStatus
from dms.stores.work import Work, fetch

_COUNTING = (
    select(ClassRule.id, ClassRule.record_class_id, ClassRule.conditions)
    .join(RecordClass, RecordClass.id == ClassRule.record_class_id)
    .where(RecordClass.status == ClassStatus.ACTIVE)
    .order_by(ClassRule.position, ClassRule.id)
)
_LAST = select(func.coalesce(func.max(ClassRule.position), 0), func.count())


def counting(work: Work) -> Sequence[Rule]:
    """Return the rules whose class is in force, in their order."""
    return [Rule(row[0], row[1], classrules.read(orjson.loads(row[2]))) for row in fetch(work, _COUNTING)]


def last(work: Work) -> tuple[int, int]:
    """Return the greatest position, and how many rules there are."""
    ((position, count),) = fetch(work, _LAST)
    return position, count
