"""What retention and changes of schedules must know of rules, whoever asks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import and_, func, insert, or_, select, update

from dms.base.ids import new_id
from dms.models.schedules import RetentionRule, RuleEntry, ScheduleEdition
from dms.rules import tracks
from dms.rules.duerules import RuleWording
from dms.rules.ruleentries import Wording
from dms.rules.states import EditionState, RuleEntryState
from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of

_COLUMNS = (
    RuleEntry.rule_id,
    RuleEntry.code,
    RuleEntry.edition_id,
    RuleEntry.bound,
    RuleEntry.tracks,
    RuleEntry.state,
    RuleEntry.reasons,
)
_SAID = tuple(getattr(RuleEntry, name) for name in Wording._fields)


def wordings(work: Work, rule_ids: Collection[UUID]) -> Mapping[UUID, RuleWording]:
    """Return what rules say in the editions in force, by rule; those that no such edition words are absent.

    A rule whose reading nobody has approved yet has no tracks, and `needs_review` says so.
    """
    if not rule_ids:
        return {}
    statement = (
        select(*_COLUMNS)
        .join(ScheduleEdition, ScheduleEdition.id == RuleEntry.edition_id)
        .where(in_ids(RuleEntry.rule_id, rule_ids), ScheduleEdition.state == EditionState.IN_FORCE)
    )
    return {row.rule_id: _wording(row) for row in session_of(work).execute(statement)}


def wordings_of_edition(work: Work, edition_id: UUID) -> Mapping[UUID, RuleWording]:
    """Return what rules say in one edition of any state, by rule: what would hold if it came in force."""
    rows = session_of(work).execute(select(*_COLUMNS).where(RuleEntry.edition_id == edition_id))
    return {row.rule_id: _wording(row) for row in rows}


def in_force(work: Work, schedule_id: UUID) -> UUID | None:
    """Return the id of the edition of a schedule that is in force; None if there is none."""
    statement = select(ScheduleEdition.id).where(
        ScheduleEdition.schedule_id == schedule_id, ScheduleEdition.state == EditionState.IN_FORCE
    )
    return session_of(work).execute(statement).scalar_one_or_none()


def next_number(work: Work, schedule_id: UUID) -> int:
    """Return the number of the next edition of a schedule."""
    statement = select(func.coalesce(func.max(ScheduleEdition.number), 0) + 1)
    found: int = (
        session_of(work).execute(statement.where(ScheduleEdition.schedule_id == schedule_id)).scalar_one()
    )
    return found


def said(work: Work, edition_id: UUID) -> Iterator[Wording]:
    """Return what all rules say in an edition, in no order."""
    statement = select(*_SAID).where(RuleEntry.edition_id == edition_id)
    for row in session_of(work).execute(statement):
        yield Wording(*row)


def has_rules(work: Work, edition_id: UUID) -> bool:
    """Tell whether an edition words any rule."""
    statement = select(RuleEntry.id).where(RuleEntry.edition_id == edition_id).limit(1)
    return session_of(work).execute(statement).first() is not None


def copied(work: Work, edition_id: UUID, *, to: UUID) -> int:
    """Word the rules of an edition in another one just as they were; returns how many."""
    columns = [column for column in RuleEntry.__table__.columns if column.key not in {"id", "edition_id"}]
    session = session_of(work)
    statement = select(*columns).where(RuleEntry.edition_id == edition_id)
    count = 0
    for rows in session.execute(statement).partitions(500):
        values = [{**row._mapping, "id": new_id(), "edition_id": to} for row in rows]  # noqa: SLF001  its API
        session.execute(insert(RuleEntry), values)
        count += len(values)
    return count


def differing(work: Work, former: UUID | None, *, now: UUID) -> frozenset[UUID]:
    """Return the rules on which due days rest otherwise in one edition than in the former one."""
    before = {} if former is None else dict(_resting(work, former))
    after = dict(_resting(work, now))
    return frozenset(
        rule_id for rule_id in before.keys() | after.keys() if before.get(rule_id) != after.get(rule_id)
    )


def rule_of(work: Work, schedule_id: UUID, number: str) -> UUID | None:
    """Return the lasting rule of a schedule that has this number."""
    statement = select(RetentionRule.id).where(
        RetentionRule.schedule_id == schedule_id, RetentionRule.number == number
    )
    return session_of(work).execute(statement).scalar_one_or_none()


def is_worded(work: Work, edition_id: UUID, rule_id: UUID) -> bool:
    """Tell whether an edition words a rule."""
    statement = select(RuleEntry.id).where(RuleEntry.edition_id == edition_id, RuleEntry.rule_id == rule_id)
    return session_of(work).execute(statement).first() is not None


class Imported(NamedTuple):
    """What stands under a number in an edition: the lasting rule, and its entry if there is one."""

    rule_id: UUID
    entry_id: UUID | None
    source_digest: str | None
    state: RuleEntryState | None
    revision: int | None
    is_of_persons: bool
    """Whether somebody wrote it here, or said what it means."""

    @property
    def is_machine_read(self) -> bool:
        """Tell whether only the machine has read it, and understood it wholly."""
        return self.state is RuleEntryState.PARSED and not self.is_of_persons


def imported(
    work: Work, schedule_id: UUID, *, edition_id: UUID | None, numbers: Collection[str]
) -> Mapping[str, Imported]:
    """Return what stands under these numbers, a slice of them, by number."""
    entry = RuleEntry
    statement = (
        select(
            RetentionRule.number,
            RetentionRule.id,
            entry.id,
            entry.source_digest,
            entry.state,
            entry.revision,
            or_(entry.source_file.is_(None), entry.proposed_by.is_not(None)),
        )
        .outerjoin(entry, and_(entry.rule_id == RetentionRule.id, entry.edition_id == edition_id))
        .where(RetentionRule.schedule_id == schedule_id, RetentionRule.number.in_(numbers))
    )
    return {row[0]: Imported(*row[1:]) for row in session_of(work).execute(statement)}


def enter(
    work: Work,
    rules: Sequence[Mapping[str, object]],
    entries: Sequence[Mapping[str, object]],
    changed: Sequence[Mapping[str, object]],
) -> None:
    """Write new rules and entries, and changed entries by their `id`; all values of each are given."""
    session = session_of(work)
    for statement, values in ((insert(RetentionRule), rules), (insert(RuleEntry), entries)):
        if values:
            session.execute(statement, list(values))
    if changed:
        session.execute(update(RuleEntry), list(changed))


def _resting(work: Work, edition_id: UUID) -> Iterator[tuple[UUID, tuple[object, ...]]]:
    statement = select(*_COLUMNS).where(RuleEntry.edition_id == edition_id)
    for row in session_of(work).execute(statement):
        yield row.rule_id, (row.code, row.bound, row.tracks, row.state, row.reasons)


def _wording(row: Any) -> RuleWording:  # a row of `_COLUMNS`
    is_parsed = row.state is RuleEntryState.PARSED
    return RuleWording(
        rule_id=row.rule_id,
        code=row.code,
        edition_id=row.edition_id,
        bound=row.bound,
        tracks=tracks.read(row.tracks) if is_parsed else (),
        # INVARIANT (no-unapproved-period): what is not parsed gives a reason, whatever was found in it.
        needs_review=() if is_parsed else tuple(row.reasons.split()) or (str(row.state),),
    )
