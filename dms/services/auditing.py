"""What every question of an auditor to the access log begins and ends with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy import false
from sqlalchemy.orm import DeclarativeBase

from dms.access import gate
from dms.access.reading import Listing
from dms.base.canonical import Canonical
from dms.base.errors import Invalid
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.rules.access import Action, Duty
from dms.rules.accessevents import Op
from dms.stores.work import Work

M = TypeVar("M", bound=DeclarativeBase)

_AT_ONCE = 500


def begin(work: Work, op: Op = Op.LOG_READ) -> None:
    """Note that the log is read, and require the duty `log.read`."""
    work.performs(op)
    gate.require_duty(work, Duty.LOG_READ)


def behind(work: Work, model: type[M], duty: Duty) -> Listing[M]:
    """Start a reading of things that stand behind a duty: empty for all others, as if there were none."""
    reading = gate.listed(work, model)
    return reading if gate.has_duty(work, duty) else reading.where(false())


def note(work: Work, asked: Mapping[str, Canonical], *, shown: int) -> None:
    """Keep in the event of the reading what was asked for, and how much of it was shown."""
    work.notes.detail.setdefault("log_read", []).append({"filter": dict(asked), "shown": shown})


def check_period(since: int | None, until: int | None, *, path: tuple[str, ...]) -> None:
    """Refuse a half-open period that holds no instant."""
    if since is not None and until is not None and since >= until:
        raise Invalid("the period ends before it begins", path=path)


def readable(work: Work, ids: Collection[UUID]) -> dict[UUID, Document | Aggregation]:
    """Return the Documents and Aggregations whose metadata the reader may see: released to him by it."""
    found: dict[UUID, Document | Aggregation] = {}
    for some in batches(ids):
        found.update(gate.visible(work, Document, Action.READ_METADATA).many(some))
        found.update(gate.visible(work, Aggregation, Action.READ_METADATA).many(some))
    return found


def batches(ids: Collection[UUID]) -> list[Sequence[UUID]]:
    """Cut ids into as many as are looked up at once."""
    ordered = sorted(ids)
    return [ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE)]
