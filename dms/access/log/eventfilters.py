"""Which events of the log are wanted: what SQL can tell of it, and what only the fields of a body tell."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, LargeBinary, cast, exists, func, literal, not_, or_, text
from sqlalchemy import Text as TextType
from sqlalchemy.dialects.postgresql import JSON

from dms.base.canonical import Canonical, canonical_bytes
from dms.models import accessevents
from dms.rules import eventselections
from dms.rules.accessevents import Body, Disclosure, Op, Outcome, Share
from dms.rules.eventselections import BULK_OBJECTS, Selection

_NO_REFUSAL = b'"refused":[]'
_NOTHING_BESIDES = b'"also":[]'
_MANY = 20
"""So many marks at most are looked for as bytes; of more the fields decide alone."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Marks of a level and of those above, with the level as it was asked for."""

    asked: str
    security_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted; what is None or False does not narrow."""

    actor_id: UUID | None = None
    object_id: UUID | None = None
    """An object that the event names as released, changed or refused."""
    op: Op | None = None
    """What the operation did, first or also."""
    outcome: Outcome | None = None
    reason: str | None = None
    """The reason of the whole event or of one of its refusals."""
    since: int | None = None
    until: int | None = None
    """The instants bound a half-open period."""
    refusals_only: bool = False
    """Operations in which anything was refused, even beside what was released."""
    selection: Selection | None = None
    disclosure: Disclosure | None = None
    """The object, or without one any object, was shown at least so far."""
    levels: Levels | None = None
    """Something was shown that bore one of these marks."""
    class_id: UUID | None = None
    """Something was shown that was filed under this class then."""
    address: str | None = None
    """The source address, for as long as the detail is kept."""
    min_objects: int | None = None
    """So many objects, or more, were shown or changed."""

    def values(self) -> dict[str, Canonical]:
        """Return what narrows, as an event of the reading keeps it."""
        found: dict[str, Canonical] = {
            "actor": None if self.actor_id is None else self.actor_id.hex,
            "object": None if self.object_id is None else self.object_id.hex,
            "op": self.op,
            "outcome": self.outcome,
            "reason": self.reason,
            "since": self.since,
            "until": self.until,
            "refusals_only": self.refusals_only or None,
            "selection": self.selection,
            "disclosure": None if self.disclosure is None else self.disclosure.name.lower(),
            "level": None if self.levels is None else self.levels.asked,
            "class": None if self.class_id is None else self.class_id.hex,
            "address": self.address,
            "min_objects": self.min_objects,
        }
        return {name: value for name, value in found.items() if value is not None}

    @property
    def ops(self) -> tuple[frozenset[Op], ...]:
        """Return sets of ops, of each of which the operation did one."""
        own = () if self.op is None else (frozenset({self.op}),)
        ready = eventselections.OPS.get(self.selection) if self.selection else None
        return own if ready is None else (*own, ready)

    @property
    def wants_refusals(self) -> bool:
        """Tell whether only operations count in which anything was refused."""
        return self.refusals_only or self.selection is Selection.REFUSALS

    @property
    def least_objects(self) -> int:
        """Return how many objects must have been shown or changed."""
        bulk = BULK_OBJECTS if self.selection is Selection.BULK_READING else 0
        return max(bulk, self.min_objects or 0)


def column_conditions(event: FromClause, wanted: EventFilter) -> list[ColumnElement[bool]]:
    """Return what the columns tell of a filter."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.actor_id is not None:
        conditions.append(event.c.actor_id == wanted.actor_id)
    if wanted.outcome is not None:
        conditions.append(event.c.outcome == wanted.outcome.value)
    if wanted.selection is Selection.BULK_READING:
        conditions.append(event.c.outcome == Outcome.RELEASED.value)
    if wanted.since is not None:
        conditions.append(event.c.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(event.c.at < wanted.until)
    return conditions


def body_conditions(event: FromClause, wanted: EventFilter, *, is_sqlite: bool) -> list[ColumnElement[bool]]:
    """Return what SQL can tell of a row that no index finds: never less than `fits` lets through."""
    within = _Within(event, is_sqlite=is_sqlite)
    conditions: list[ColumnElement[bool]] = []
    if wanted.least_objects:
        conditions.append(event.c.n_objects >= wanted.least_objects)
    if wanted.object_id is not None:
        conditions.append(within.holds(b'["%s",' % wanted.object_id.hex.encode()))
    for ops in wanted.ops:
        besides = [not_(within.holds(_NOTHING_BESIDES))]
        if len(ops) == 1:
            besides = [within.holds(canonical_bytes(op.value)) for op in ops]
        conditions.append(or_(event.c.op.in_(sorted(op.value for op in ops)), *besides))
    if wanted.reason is not None:
        conditions.append(or_(event.c.reason == wanted.reason, within.holds(canonical_bytes(wanted.reason))))
    if wanted.wants_refusals:
        conditions.append(not_(within.holds(_NO_REFUSAL)))
    return conditions + _conditions_on_shown(event, wanted, within)


def fits(body: Body, wanted: EventFilter) -> bool:
    """Tell whether a body is what `body_conditions` looks for."""
    head, share = body.head, body.share
    reasons = {head.reason, *(refusal.reason for refusal in share.refused)}
    return (
        (wanted.object_id is None or wanted.object_id in _named(share))
        and all(not ops.isdisjoint(head.ops) for ops in wanted.ops)
        and (wanted.reason is None or wanted.reason in reasons)
        and (not wanted.wants_refusals or (bool(share.refused) and head.outcome is not Outcome.OVER_CLAIMED))
        and _shows(share, wanted)
    )


class _Within:
    """Looks for bytes in the body of an event, and for values in its detail."""

    def __init__(self, event: FromClause, *, is_sqlite: bool) -> None:
        self._body = event.c.body
        self._event_id = event.c.event_id
        self._is_sqlite = is_sqlite

    def holds(self, part: bytes) -> ColumnElement[bool]:
        """Tell whether the body holds some bytes."""
        return self._place(self._body, part) > 0

    def came_from(self, address: str) -> ColumnElement[bool]:
        """Tell whether the detail names a source address; false once it was removed."""
        detail = accessevents.detail_table("sqlite" if self._is_sqlite else "postgresql").alias()
        if self._is_sqlite:
            named = func.json_extract(cast(detail.c.detail, TextType), "$.address")
        else:
            named = cast(func.convert_from(detail.c.detail, text("'UTF8'")), JSON)["address"].astext
        return exists().where(
            detail.c.event_id == self._event_id,
            self._place(detail.c.detail, canonical_bytes(address)) > 0,
            named == address,
        )

    def _place(self, column: ColumnElement[bytes], part: bytes) -> ColumnElement[int]:
        find = func.instr if self._is_sqlite else func.pg_catalog.position
        found: ColumnElement[int] = find(column, literal(part, LargeBinary()))
        return found


def _conditions_on_shown(
    event: FromClause, wanted: EventFilter, within: _Within
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.disclosure is not None:
        conditions.append(event.c.n_objects > 0)
    if wanted.levels is not None:
        marks = sorted(wanted.levels.security_ids)
        conditions.append(event.c.n_objects > 0)
        if len(marks) <= _MANY:
            conditions.append(or_(literal(value=False), *(within.holds(b'"%d":[[' % mark) for mark in marks)))
    if wanted.class_id is not None:
        conditions.append(within.holds(canonical_bytes(wanted.class_id.hex)))
    if wanted.address is not None:
        conditions.append(within.came_from(wanted.address))
    return conditions


def _shows(share: Share, wanted: EventFilter) -> bool:
    """Tell whether what was shown is meant: how far, of which level, of which class."""
    levels, least = wanted.levels, wanted.disclosure
    return (
        (
            least is None
            or any(
                line.disclosure >= least and wanted.object_id in {None, line.object_id}
                for line in share.released
            )
        )
        and (levels is None or any(line.security_id in levels.security_ids for line in share.released))
        and (wanted.class_id is None or any(line.class_id == wanted.class_id for line in share.released))
    )


def _named(share: Share) -> set[UUID | None]:
    return {
        *(change.object_id for change in share.changed),
        *(refusal.object_id for refusal in share.refused),
        *(release.object_id for release in share.released),
    }
