"""Exports of the access log: who may, what of each event leaves, and the events that say so.

Bodies leave as they are: they name things by their ids. A detail may repeat what stands in a Document, so it
leaves only if the account may read all of it, as in the list of events.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

import orjson

from dms.access import gate
from dms.access.keyset import Order
from dms.access.log import exporting
from dms.access.log.eventfilters import EventFilter, Levels
from dms.base.canonical import Canonical, canonical_bytes
from dms.base.errors import Invalid, NotFound, State
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.logexports import ExportState, LogExport
from dms.rules.access import Duty
from dms.rules.accessevents import MAX_OBJECTS, Disclosure, Op, Outcome
from dms.rules.eventselections import Selection
from dms.rules.logexports import Entry, ExportFormat, Statement
from dms.rules.tree import Range
from dms.services import auditing, logentries
from dms.stores.work import Work

PART = MAX_OBJECTS
"""Events of the log that one event of an export stands for."""

MAX_AT_ONCE = 5
"""Exports of one account that may wait or run."""

_AT_ONCE = 500
T = TypeVar("T")

_OPEN_STATES = (ExportState.WAITING, ExportState.RUNNING)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be exported, and how."""

    format: ExportFormat
    wanted: EventFilter = field(default_factory=EventFilter)
    with_objects: bool = False
    """Of CSV: a row for each object."""
    with_details: bool = True
    """Of JSON Lines: salt and detail of the events whose detail the account may read."""

    def values(self) -> dict[str, Canonical]:
        """Return it as an event keeps it."""
        options = {"objects": self.with_objects, "details": self.with_details}
        return {"format": self.format.value, "filter": self.wanted.values(), **options}


@dataclass(frozen=True, slots=True)
class Part:
    """Events as they leave, and the leaf where the next part begins."""

    entries: Sequence[Entry]
    beyond: int


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished export, before anybody gets it."""

    statement: Statement
    events: int
    sha256: str
    size_bytes: int


def asked_by(row: LogExport) -> Asked:
    """Return what was asked for when an export was requested."""
    found = orjson.loads(row.selection)
    levels = found.get("level")
    wanted = EventFilter(
        actor_id=_read(found, "actor", _id),
        object_id=_read(found, "object", _id),
        op=_read(found, "op", Op),
        outcome=_read(found, "outcome", Outcome),
        reason=found.get("reason"),
        since=found.get("since"),
        until=found.get("until"),
        refusals_only=found.get("refusals_only", False),
        selection=_read(found, "selection", Selection),
        disclosure=_read(found, "disclosure", lambda name: Disclosure[name.upper()]),
        levels=None if levels is None else Levels(levels, frozenset(found["marks"])),
        class_id=_read(found, "class", _id),
        address=found.get("address"),
        min_objects=found.get("min_objects"),
    )
    return Asked(row.format, wanted, with_objects=row.with_objects, with_details=row.with_details)


def _kept(wanted: EventFilter) -> str:
    """Write a filter down with the marks that a level meant when it was asked for."""
    levels = wanted.levels
    marked: dict[str, Canonical] = {} if levels is None else {"marks": sorted(levels.security_ids)}
    return canonical_bytes({**wanted.values(), **marked}).decode()


def _id(text: str) -> UUID:
    return UUID(hex=text)


def _read(found: Mapping[str, str], key: str, read: Callable[[str], T]) -> T | None:
    return read(found[key]) if key in found else None


def request(work: Work, asked: Asked) -> LogExport:
    """Ask for an export that the server writes by itself; needs the duty `log.export`."""
    _begin(work, Op.LOG_EXPORT)
    _check(asked)
    account = gate.account_id(work)
    own = gate.vocabulary(work, LogExport).where(LogExport.requested_by == account)
    if own.where(LogExport.state.in_(_OPEN_STATES)).count() >= MAX_AT_ONCE:
        message = f"{MAX_AT_ONCE} of your exports wait or run already: wait for one, or cancel it"
        raise State(message, state=ExportState.WAITING, available=("logExportCancel",))
    row = LogExport(
        id=new_id(),
        requested_by=account,
        requested_at=work.now,
        format=asked.format,
        selection=_kept(asked.wanted),
        with_objects=asked.with_objects,
        with_details=asked.with_details,
        state=ExportState.WAITING,
    )
    work.add(row)
    work.flush()
    work.changed(row.id, before=None, after=1, old={}, new=asked.values())
    return row


def cancel(work: Work, export_id: UUID) -> LogExport:
    """End one of one's own exports that waits or runs."""
    _begin(work, Op.LOG_EXPORT_CANCEL)
    row = _own(work, export_id)
    if row.state not in _OPEN_STATES:
        raise State("the export has ended already", state=row.state)
    return _end(work, row, ExportState.CANCELLED)


def page(work: Work, wanted: PageRequest) -> Page[LogExport]:
    """List exports of everybody, the newest first; needs the duty `log.export`."""
    _begin(work, Op.LOG_EXPORT_LIST)
    return gate.listed(work, LogExport).order_by(Order(LogExport.id, descending=True)).page(wanted)


def find(work: Work, export_id: UUID) -> LogExport:
    """Return an export, or raise `NotFound`; needs the duty `log.export`."""
    _begin(work, Op.LOG_EXPORT_LIST)
    return gate.listed(work, LogExport).one(export_id)


def nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, LogExport]:
    """Return the exports with these ids, by id; none without the duty `log.export`."""
    return auditing.behind(work, LogExport, Duty.LOG_EXPORT).each(ids)


def fetch(work: Work, export_id: UUID) -> LogExport:
    """Return one of one's own exports that is done, to hand its file out.

    Nobody fetches those of others: they may hold details that only their account may read.
    """
    _begin(work, Op.LOG_EXPORT_FETCH)
    row = _own(work, export_id)
    if row.state is not ExportState.DONE:
        work.refuses(row.id, action=Op.LOG_EXPORT_FETCH, reason="state", exists=True)
        raise NotFound(f"there is nothing to fetch: the export is {row.state}")
    work.notes.bytes_sent = row.size_bytes
    work.notes.detail["log_export"] = {"export": row.id.hex, "sha256": row.sha256}
    return row


def require_fetching(work: Work, export_id: UUID) -> None:
    """Ask again, while a file is handed out, whether it still may be."""
    _begin(work, Op.LOG_EXPORT_FETCH)
    _own(work, export_id)


def begin(work: Work, asked: Asked, *, export_id: UUID | None) -> None:
    """Note that an export begins, before anything of it is read; needs the duty `log.export`."""
    _begin(work, Op.LOG_EXPORT)
    _check(asked)
    _note(work, asked, export_id)


def part(work: Work, asked: Asked, *, export_id: UUID | None, within: Range) -> Part:
    """Return the next events of an export, at most as many as one event stands for."""
    _begin(work, Op.LOG_EXPORT)
    found = exporting.part(work, asked.wanted, within=within, limit=PART)
    if asked.format is ExportFormat.JSONL:
        entries = logentries.proving(work, found.exhibits, with_details=asked.with_details)
    else:
        entries = logentries.viewed(work, found.exhibits)
    _note(work, asked, export_id, first=within.first, last=found.beyond - 1, shown=len(entries))
    return Part(entries, found.beyond)


def finish(work: Work, asked: Asked, exported: Exported, *, export_id: UUID | None = None) -> None:
    """Close an export: the event that binds its bytes, without which nobody may get them."""
    _begin(work, Op.LOG_EXPORT)
    work.notes.bytes_sent = exported.size_bytes
    statement = exported.statement
    _note(
        work,
        asked,
        export_id,
        first=statement.first,
        last=statement.last,
        shown=exported.events,
        sha256=exported.sha256,
        bytes=exported.size_bytes,
        checkpoint=statement.checkpoint,
    )


def close(work: Work, export_id: UUID, exported: Exported) -> None:
    """Close an export that ran as a job; `NotFound` if it was cancelled meanwhile."""
    row = _running(work, export_id)
    finish(work, asked_by(row), exported, export_id=export_id)
    statement = exported.statement
    row.finished_at = work.now
    row.sha256, row.size_bytes, row.events = exported.sha256, exported.size_bytes, exported.events
    row.pruned = statement.pruned
    row.gaps = canonical_bytes([[gap.writer.hex, gap.first, gap.count] for gap in statement.gaps]).decode()
    _end(work, row, ExportState.DONE, sha256=exported.sha256, events=exported.events)


def fail(work: Work, export_id: UUID, problem: str) -> None:
    """Note that an export cannot go on; for the server itself."""
    work.performs(Op.LOG_EXPORT)
    row = _running(work, export_id)
    row.problem, row.finished_at = problem, work.now
    _end(work, row, ExportState.FAILED, problem=problem)


def expire(work: Work, export_id: UUID) -> None:
    """Note that the file of an export is removed; for the server itself."""
    work.performs(Op.LOG_EXPORT)
    row = gate.vocabulary(work, LogExport).where(LogExport.state == ExportState.DONE).one(export_id)
    _end(work, row, ExportState.EXPIRED)


def _begin(work: Work, op: Op) -> None:
    work.performs(op)
    gate.require_duty(work, Duty.LOG_EXPORT)


def _check(asked: Asked) -> None:
    wanted = asked.wanted
    if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
        raise Invalid("the period ends before it begins", path=("filter", "until"))


def _note(work: Work, asked: Asked, export_id: UUID | None, **told: Canonical) -> None:
    export = None if export_id is None else export_id.hex
    work.notes.detail["log_export"] = {"export": export, **asked.values(), **told}


def _own(work: Work, export_id: UUID) -> LogExport:
    own = gate.vocabulary(work, LogExport).where(LogExport.requested_by == gate.account_id(work))
    return own.one(export_id)


def _running(work: Work, export_id: UUID) -> LogExport:
    return gate.vocabulary(work, LogExport).where(LogExport.state.in_(_OPEN_STATES)).one(export_id)


def _end(work: Work, row: LogExport, state: ExportState, **told: Canonical) -> LogExport:
    old = {"state": row.state.value}
    row.state, row.lease_until = state, None
    row.revision += 1
    work.flush()
    work.changed(
        row.id, before=row.revision - 1, after=row.revision, old=old, new={"state": state.value, **told}
    )
    return row
