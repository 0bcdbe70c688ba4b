"""Imports of retention schedules: rows of a source become entries of a draft, however often they come.

A run is many units of work: `start`, `take` for each slice of rows, `finish`. `jobs/scheduleimports.py` reads
the files and calls them in this order. INVARIANT (same row, same entry): what a row became is known by its
number and the digest of its text, so the same row again changes nothing, whatever persons did since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from dms.access import gate
from dms.access.keyset import Order
from dms.base.canonical import Canonical
from dms.base.errors import Conflict, NotFound
from dms.base.ids import new_id
from dms.models.imports import RunEnding
from dms.models.scheduleimports import ScheduleImport, ScheduleImportFinding
from dms.models.schedules import RetentionSchedule, ScheduleEdition
from dms.rules import tracks
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.retention import Bound
from dms.rules.scheduleclauses import Reason
from dms.rules.scheduledoubles import RowFinding
from dms.rules.sourcereadings import EnteredRow, PassedRow, ReadTally, Remark
from dms.rules.states import EditionState, RuleEntryState
from dms.services import editions, scheduleeditions, schedules
from dms.services.editions import Heading
from dms.services.schedules import ScheduleWords
from dms.stores import ruleentries as store
from dms.stores.ruleentries import Imported
from dms.stores.work import Work

LOCKS = ("retention_rule",)
"""Locked first by `take` on PostgreSQL, so that two imports of one source do not double its rules."""

_COUNTS = ("rows", "added", "changed", "unchanged", "duplicates", "refused")
_GONE = ("note", "periods_from", "proposed_at", "proposed_by", "approved_at", "approved_by")


class RowOutcome(StrEnum):
    """What became of a row."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    DUPLICATES = "duplicates"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ScheduleOrder:
    """What is imported into which schedule; `title` makes it if it is absent."""

    code: str
    source: str
    source_digest: str
    title: str | None = None


@dataclass(frozen=True, slots=True)
class ScheduleRun:
    """An import that has begun, or goes on behind the first `rows` of its source."""

    id: UUID
    rows: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Target:
    """Where rows go: the draft, or what it would begin with; no id for a schedule that is not there yet."""

    schedule_id: UUID | None
    edition_id: UUID | None
    is_draft: bool


@dataclass(slots=True)
class _Slice:
    # What one slice of rows writes.
    target: Target
    known: Mapping[str, Imported]
    rules: list[dict[str, object]] = field(default_factory=list)
    entries: dict[str, dict[str, object]] = field(default_factory=dict)
    changed: dict[str, dict[str, object]] = field(default_factory=dict)
    doubted: set[str] = field(default_factory=set)
    remarks: list[Remark] = field(default_factory=list)
    outcomes: Counter[RowOutcome] = field(default_factory=Counter)


def prepare(work: Work, order: ScheduleOrder) -> Target:
    """Judge where rows would go; changes nothing, so it serves a dry run. `NotFound` without the schedule."""
    work.performs(Op.SCHEDULE_IMPORT)
    gate.require_duty(work, Duty.SCHEDULES_MANAGE)
    schedule = _schedule(work, order)
    if schedule is None:
        return Target(None, None, is_draft=False)
    draft = _draft(work, schedule.id)
    if draft is not None:
        return Target(schedule.id, draft.id, is_draft=True)
    return Target(schedule.id, store.in_force(work, schedule.id), is_draft=False)


def judge(
    work: Work, target: Target, rows: Sequence[EnteredRow | PassedRow]
) -> tuple[Counter[RowOutcome], Sequence[Remark]]:
    """Tell what would become of rows, and what would be remarked; changes nothing."""
    work.performs(Op.SCHEDULE_IMPORT)
    gate.require_duty(work, Duty.SCHEDULES_MANAGE)
    judged = _judged(work, target, rows)
    return judged.outcomes, judged.remarks


def start(work: Work, order: ScheduleOrder) -> ScheduleRun:
    """Begin an import, or go on with one of the same source that was broken off."""
    target = prepare(work, order)
    schedule_id = target.schedule_id
    if schedule_id is None:
        words = ScheduleWords(title=order.title or order.code)
        schedule_id = schedules.create(work, order.code, words).id
    broken_off = _broken_off(work, schedule_id, order.source_digest)
    if broken_off is not None and broken_off.edition_id in {None, target.edition_id}:
        return _run(broken_off)
    row = ScheduleImport(
        id=new_id(),
        schedule_id=schedule_id,
        edition_id=target.edition_id if target.is_draft else None,
        source=order.source,
        source_digest=order.source_digest,
        started_at=work.now,
        started_by=work.actor.principal_id,
        revision=1,
        parsed=0,
        needs_review=0,
        **dict.fromkeys(_COUNTS, 0),
    )
    work.add(row)
    work.flush()
    new: dict[str, Canonical] = {"schedule": schedule_id.hex, "source": order.source}
    work.changed(row.id, before=None, after=1, old={}, new={**new, "digest": order.source_digest})
    return _run(row)


def take(
    work: Work, run_id: UUID, rows: Sequence[EnteredRow | PassedRow], *, behind: int, tally: ReadTally
) -> tuple[Counter[RowOutcome], Sequence[Remark]]:
    """Enter a slice of rows that begins behind the first `behind`; what comes of it is kept as a whole.

    `Conflict` if another process goes on with the same import, `State` if its edition is no draft any more.
    """
    work.performs(Op.SCHEDULE_IMPORT)
    gate.require_duty(work, Duty.SCHEDULES_MANAGE)
    row = gate.vocabulary(work, ScheduleImport).one(run_id)
    if row.rows != behind or row.finished_at is not None:
        raise Conflict("another import of the same source is under way: wait for it, then run this one again")
    target = _target(work, row)
    judged = _judged(work, target, rows)
    if judged.entries or judged.changed:
        _enter(work, row, judged)
    for remark in judged.remarks:
        work.add(_finding(row.id, remark))
    _count(work, row, judged, tally=tally, rows=len(rows))
    return judged.outcomes, judged.remarks


def finish(work: Work, run_id: UUID, *, ending: RunEnding) -> UUID | None:
    """End an import and say how; returns the draft that took rows, if any did."""
    work.performs(Op.SCHEDULE_IMPORT)
    row = gate.vocabulary(work, ScheduleImport).one(run_id)
    row.ending = ending
    row.finished_at = work.now if ending is RunEnding.COMPLETE else None
    _revise(work, row, {"ending": ending.value})
    return row.edition_id


def _schedule(work: Work, order: ScheduleOrder) -> RetentionSchedule | None:
    try:
        return schedules.find(work, order.code)
    except NotFound:
        if order.title is None:
            raise
        return None


def _draft(work: Work, schedule_id: UUID) -> ScheduleEdition | None:
    drafts = gate.vocabulary(work, ScheduleEdition).where(
        ScheduleEdition.schedule_id == schedule_id, ScheduleEdition.state == EditionState.DRAFT
    )
    rows = drafts.order_by(Order(ScheduleEdition.number, descending=True)).rows(1)
    return rows[0] if rows else None


def _broken_off(work: Work, schedule_id: UUID, source_digest: str) -> ScheduleImport | None:
    runs = gate.vocabulary(work, ScheduleImport).where(
        ScheduleImport.schedule_id == schedule_id,
        ScheduleImport.source_digest == source_digest,
        ScheduleImport.finished_at.is_(None),
    )
    rows = runs.order_by(Order(ScheduleImport.started_at, descending=True)).rows(1)
    return rows[0] if rows else None


def _run(row: ScheduleImport) -> ScheduleRun:
    return ScheduleRun(row.id, row.rows, {name: getattr(row, name) for name in _COUNTS})


def _target(work: Work, row: ScheduleImport) -> Target:
    if row.edition_id is None and (draft := _draft(work, row.schedule_id)) is not None:
        row.edition_id = draft.id
    if row.edition_id is not None:
        return Target(row.schedule_id, row.edition_id, is_draft=True)
    return Target(row.schedule_id, store.in_force(work, row.schedule_id), is_draft=False)


def _judged(work: Work, target: Target, rows: Sequence[EnteredRow | PassedRow]) -> _Slice:
    entered = [row for row in rows if isinstance(row, EnteredRow)]
    numbers = {row.number for row in entered} | {row.contradicts for row in entered if row.contradicts}
    known: Mapping[str, Imported] = {}
    if target.schedule_id is not None and numbers:
        known = store.imported(
            work, target.schedule_id, edition_id=target.edition_id, numbers=sorted(numbers)
        )
    made = _Slice(target, known)
    for row in rows:
        if isinstance(row, EnteredRow):
            _judge(made, row)
        else:
            is_double = row.remark.code is RowFinding.DUPLICATE
            made.outcomes[RowOutcome.DUPLICATES if is_double else RowOutcome.REFUSED] += 1
            made.remarks.append(row.remark)
    return made


def _judge(made: _Slice, row: EnteredRow) -> None:
    known = made.known.get(row.number)
    if row.remark is not None:
        made.remarks.append(row.remark)
    if known is not None and known.source_digest == row.values["source_digest"]:
        made.outcomes[RowOutcome.UNCHANGED] += 1
        return
    values = {**row.values, "source_file": row.place.file, "source_row": row.place.row}
    if known is None or known.entry_id is None:
        made.outcomes[RowOutcome.ADDED] += 1
        made.entries[row.number] = values
    else:
        made.outcomes[RowOutcome.CHANGED] += 1
        made.changed[row.number] = values
        if known.is_of_persons:
            made.remarks.append(_replaced(row))
    if row.contradicts is not None:
        _doubt(made, row.contradicts)


def _doubt(made: _Slice, number: str) -> None:
    """Let neither of two rows hold that are called the same and differ, unless persons read the first."""
    doubts: dict[str, object] = {
        "state": RuleEntryState.NEEDS_REVIEW,
        "reasons": Reason.CONTRADICTED.value,
        "tracks": tracks.NONE,
    }
    waiting = made.entries.get(number) or made.changed.get(number)
    known = made.known.get(number)
    if waiting is not None and waiting["state"] is RuleEntryState.PARSED:
        waiting.update(doubts)
    elif waiting is None and known is not None and known.is_machine_read:
        made.changed[number] = doubts


def _replaced(row: EnteredRow) -> Remark:
    message = f"`{row.number}` says something else now: what persons wrote or read in it is replaced"
    return Remark(row.place, RowFinding.REPLACED, message, str(row.values["raw_text"])[:200])


def _enter(work: Work, row: ScheduleImport, made: _Slice) -> None:
    edition = _claimed(work, row)
    by_number = made.known
    if row.edition_id is None:  # the draft was just begun, and its entries are copies with ids of their own
        row.edition_id = edition.id
        numbers = sorted({*made.entries, *made.changed})
        by_number = store.imported(work, row.schedule_id, edition_id=edition.id, numbers=numbers)
    rules, entries, changed = [], [], []
    editors = gate.account_id(work).hex
    for number, values in made.entries.items():
        lasting = by_number.get(number)
        rule_id = new_id() if lasting is None else lasting.rule_id
        if lasting is None:
            rules.append({"id": rule_id, "schedule_id": row.schedule_id, "number": number})
        entries.append(_new_entry(values, edition_id=edition.id, rule_id=rule_id, editors=editors))
    for number, values in made.changed.items():
        known = by_number[number]
        anew = {**dict.fromkeys(_GONE), "editors": editors} if "raw_text" in values else {}
        changed.append({**values, **anew, "id": known.entry_id, "revision": (known.revision or 0) + 1})
    store.enter(work, rules, entries, changed)
    outcomes = {outcome.value: count for outcome, count in made.outcomes.items()}
    editions.write(work, edition, {}, note={"import": row.id.hex, **outcomes}, edited=True)


def _claimed(work: Work, row: ScheduleImport) -> ScheduleEdition:
    """Return the draft that takes the rows; a new one if the schedule has none."""
    if row.edition_id is None:
        schedule = gate.vocabulary(work, RetentionSchedule).one(row.schedule_id)
        return scheduleeditions.begin(work, schedule, Heading(title=schedule.title))
    found = gate.vocabulary(work, ScheduleEdition).one(row.edition_id)
    return scheduleeditions.claim(work, found.id, expected_revision=found.revision, event="update")


def _new_entry(
    values: Mapping[str, object], *, edition_id: UUID, rule_id: UUID, editors: str
) -> dict[str, object]:
    return {
        **values,
        **dict.fromkeys(_GONE),
        "id": new_id(),
        "edition_id": edition_id,
        "rule_id": rule_id,
        "bound": Bound.MINIMUM,
        "has_personal_information": False,
        "editors": editors,
        "revision": 1,
    }


def _finding(run_id: UUID, remark: Remark) -> ScheduleImportFinding:
    return ScheduleImportFinding(
        id=new_id(),
        run_id=run_id,
        file=remark.place.file,
        row=remark.place.row,
        code=remark.code,
        severity=remark.severity,
        message=remark.message,
        raw=remark.raw,
    )


def _count(work: Work, row: ScheduleImport, made: _Slice, *, tally: ReadTally, rows: int) -> None:
    row.rows += rows
    for outcome, count in made.outcomes.items():
        setattr(row, outcome.value, getattr(row, outcome.value) + count)
    row.parsed, row.needs_review = tally.parsed, tally.needs_review
    row.ending = None
    _revise(work, row, {})


def _revise(work: Work, row: ScheduleImport, new: Mapping[str, Canonical]) -> None:
    row.revision += 1
    work.flush()
    counted: dict[str, Canonical] = {name: getattr(row, name) for name in _COUNTS}
    work.changed(row.id, before=row.revision - 1, after=row.revision, old={}, new={**counted, **new})
