"""How much was done: from the roll-ups by day, and from the events that are not in them yet.

A class counts what was filed under it when it was shown. An event that showed things of two classes is
counted under both, one that showed nothing with a class under none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, func, select

from dms.access.log import derived, tail
from dms.access.log.derived import ANY_CLASS, Count, Kind
from dms.base.errors import Limit
from dms.rules.accessevents import Op, Outcome
from dms.stores.work import Work, session_of

DAYS = 100
"""So many days are read by one statement; between two the deadline is looked at."""

MAX_LINES = 50_000


class Dimension(StrEnum):
    """By what is counted."""

    ACTOR = "actor"
    CLASS = "class"
    OP = "op"
    OUTCOME = "outcome"
    DAY = "day"


_COLUMNS = {
    Dimension.ACTOR: "actor_id",
    Dimension.CLASS: "class_id",
    Dimension.OP: "op",
    Dimension.OUTCOME: "outcome",
    Dimension.DAY: "day",
}


@dataclass(frozen=True, slots=True)
class Counting:
    """What is counted, and by what; days are since 1970-01-01, UTC, the period is half-open."""

    by: tuple[Dimension, ...]
    since: int | None = None
    until: int | None = None
    actor_id: UUID | None = None
    class_id: UUID | None = None
    op: Op | None = None
    """What the operation did first."""
    outcome: Outcome | None = None

    @property
    def by_class(self) -> bool:
        """Tell whether classes are told apart."""
        return Dimension.CLASS in self.by

    def means(self, kind: Kind) -> bool:
        """Tell whether a line of the roll-ups is counted."""
        return (
            self._means_class(kind.class_id)
            and (self.since is None or kind.day >= self.since)
            and (self.until is None or kind.day < self.until)
            and self.actor_id in {None, kind.actor_id}
            and (self.op is None or self.op.value == kind.op)
            and (self.outcome is None or self.outcome.value == kind.outcome)
        )

    def _means_class(self, class_id: UUID) -> bool:
        if self.class_id is not None:
            return class_id == self.class_id
        return (class_id == ANY_CLASS) != self.by_class


class Line(NamedTuple):
    """What is counted together, in the order of `Counting.by`, and how much of it there is."""

    key: tuple[object, ...]
    counted: Count


def lines(work: Work, asked: Counting) -> list[Line]:
    """Count all that is asked for; `Limit` beyond 50,000 lines, `Deadline` if it takes too long."""
    work.notes.aggregates += 1
    found: dict[tuple[object, ...], Count] = {}
    for key, count in (*_rolled_up(work, asked), *_waiting(work, asked)):
        known = found.get(key, Count(0, 0))
        found[key] = Count(known.events + count.events, known.objects + count.objects)
        if len(found) > MAX_LINES:
            raise Limit(f"there are more than {MAX_LINES:,} lines: ask for a shorter period, or by less")
    return [Line(key, count) for key, count in found.items()]


def _rolled_up(work: Work, asked: Counting) -> Iterator[Line]:
    daily = tail.tables_of(work).daily
    columns = [daily.c[_COLUMNS[each]] for each in asked.by]
    totals = (func.sum(daily.c.n_events), func.sum(daily.c.n_objects))
    source, conditions = _source(work, asked)
    statement = select(*columns, *totals).select_from(source).where(*conditions).group_by(*columns)
    for first, end in _spans(work, asked):
        work.check_deadline()
        for row in session_of(work).execute(statement.where(daily.c.day >= first, daily.c.day < end)):
            if row[-2]:  # nothing: what was only done besides, or no line at all
                yield Line(tuple(row[: len(columns)]), Count(int(row[-2]), int(row[-1])))


def _source(work: Work, asked: Counting) -> tuple[FromClause, list[ColumnElement[bool]]]:
    """Return what is read, and the conditions on it; classes are gone through one by one in the index."""
    daily = tail.tables_of(work).daily
    conditions = [
        *([] if asked.actor_id is None else [daily.c.actor_id == asked.actor_id]),
        *([] if asked.op is None else [daily.c.op == asked.op.value]),
        *([] if asked.outcome is None else [daily.c.outcome == asked.outcome.value]),
    ]
    if asked.class_id is not None or not asked.by_class:
        return daily, [daily.c.class_id == (asked.class_id or ANY_CLASS), *conditions]
    of_class = select(daily.c.class_id).order_by(daily.c.class_id).limit(1)
    first = of_class.where(daily.c.class_id > ANY_CLASS).scalar_subquery()
    classes = select(first.label("class_id")).cte("classes", recursive=True)
    following = of_class.where(daily.c.class_id > classes.c.class_id).scalar_subquery()
    classes = classes.union_all(select(following).where(classes.c.class_id.is_not(None)))
    return classes.join(daily, daily.c.class_id == classes.c.class_id), conditions


def _spans(work: Work, asked: Counting) -> Iterator[tuple[int, int]]:
    """Yield the days asked for, as far as there are roll-ups of them, some at a time."""
    daily = tail.tables_of(work).daily
    # One by one: asked for both at once, SQLite goes through all days.
    ends = (func.min(daily.c.day), func.max(daily.c.day))
    asked_for = [select(end).where(daily.c.class_id == ANY_CLASS).scalar_subquery() for end in ends]
    oldest, newest = session_of(work).execute(select(*asked_for)).one()
    if oldest is None:
        return
    first = oldest if asked.since is None else max(asked.since, oldest)
    end = newest + 1 if asked.until is None else min(asked.until, newest + 1)
    for start in range(first, end, DAYS):
        yield start, min(start + DAYS, end)


def _waiting(work: Work, asked: Counting) -> Iterator[Line]:
    for body in tail.bodies(work, actor_id=asked.actor_id):
        for kind, count in derived.counts(body):
            if count.events and asked.means(kind):
                yield Line(tuple(getattr(kind, _COLUMNS[each]) for each in asked.by), count)
