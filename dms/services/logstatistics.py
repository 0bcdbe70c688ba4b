"""How much was done by whom, with what, on which day: counts from the access log, for auditors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from dms.access import gate
from dms.access.log import statistics
from dms.access.log.derived import NOBODY
from dms.access.log.statistics import Counting, Dimension, Line
from dms.base import paging
from dms.base.canonical import Canonical
from dms.base.errors import Invalid
from dms.base.paging import Page, PageRequest, Position
from dms.models.schemes import RecordClass
from dms.models.users import Principal
from dms.services import auditing, principals
from dms.stores.work import Work


@dataclass(frozen=True, slots=True)
class Statistic:
    """A line of the statistics; what was not counted by is None."""

    actor: Principal | None
    record_class: RecordClass | None
    op: str | None
    outcome: str | None
    day: int | None
    events: int
    objects: int


def page(work: Work, request: PageRequest, *, asked: Counting) -> Page[Statistic]:
    """List counts in the order of what they are counted by; exact. Needs the duty `log.read`.

    All lines are counted for each page. `Limit` beyond 50,000 of them, `Deadline` if it takes too long.
    """
    auditing.begin(work)
    if asked.since is not None and asked.until is not None and asked.since >= asked.until:
        raise Invalid("the period ends before it begins", path=("until",))
    found = sorted((_place(line), line) for line in statistics.lines(work, asked))
    places = [place for place, _ in found]
    after = None if request.after is None else str(request.after.value)
    start, end = paging.cut(places, request, after=after)
    auditing.note(work, written(asked), shown=end - start)
    shown = [line for _, line in found[start:end]]
    return Page(
        _named(work, asked, shown),
        [Position(place, NOBODY) for place in places[start:end]],
        has_next=end < len(found),
        has_previous=start > 0,
        total=len(found) if request.want_total else None,
    )


def _place(line: Line) -> str:
    """Return where a line stands, as text that sorts like its key."""
    return " ".join(f"{each:010}" if isinstance(each, int) else str(each) for each in line.key)


def _named(work: Work, asked: Counting, found: Sequence[Line]) -> list[Statistic]:
    keys = [dict(zip(asked.by, line.key, strict=True)) for line in found]
    actors = principals.named(work, _ids(keys, Dimension.ACTOR))
    classes = gate.vocabulary(work, RecordClass).many(_ids(keys, Dimension.CLASS))
    return [
        Statistic(
            actor=actors.get(_id(key, Dimension.ACTOR)),
            record_class=classes.get(_id(key, Dimension.CLASS)),
            op=_text(key, Dimension.OP),
            outcome=_text(key, Dimension.OUTCOME),
            day=_day(key),
            events=line.counted.events,
            objects=line.counted.objects,
        )
        for key, line in zip(keys, found, strict=True)
    ]


def _ids(keys: Iterable[Mapping[Dimension, object]], dimension: Dimension) -> set[UUID]:
    return {_id(key, dimension) for key in keys} - {NOBODY}


def _id(key: Mapping[Dimension, object], dimension: Dimension) -> UUID:
    found = key.get(dimension)
    return found if isinstance(found, UUID) else NOBODY


def _text(key: Mapping[Dimension, object], dimension: Dimension) -> str | None:
    return str(key[dimension]) if dimension in key else None


def _day(key: Mapping[Dimension, object]) -> int | None:
    found = key.get(Dimension.DAY)
    return found if isinstance(found, int) else None


def written(asked: Counting) -> dict[str, Canonical]:
    """Return what was asked for, as an event keeps it."""
    told: dict[str, Canonical] = {
        "statistics": [each.value for each in asked.by],
        "since_day": asked.since,
        "until_day": asked.until,
        "actor": None if asked.actor_id is None else asked.actor_id.hex,
        "class": None if asked.class_id is None else asked.class_id.hex,
        "op": asked.op,
        "outcome": asked.outcome,
    }
    return {name: value for name, value in told.items() if value is not None}
