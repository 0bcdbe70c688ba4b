"""How rules are understood that the machine did not read: resolved by one person, approved by another.

All of it reads the same text, so it needs no new edition and holds in one that is in force. What a text
means, it means wherever it stands: a reading is that of the rule in every edition that still lives and has
the same text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from dms.access import gate
from dms.access.keyset import Order
from dms.base.canonical import Canonical
from dms.base.errors import SecondPerson, State
from dms.models.schedules import RuleEntry, ScheduleEdition
from dms.rules import ruleentries as rules
from dms.rules import states, text, tracks
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.retention import RetentionTrack
from dms.rules.scheduleclauses import Reason
from dms.rules.states import EditionState, RuleEntryState
from dms.services import editing, editions, retention
from dms.stores.sets import in_ids
from dms.stores.work import Work

_LIVING = (EditionState.DRAFT, EditionState.IN_REVIEW, EditionState.APPROVED, EditionState.IN_FORCE)
_APPROVERS = frozenset({"approve", "return"})


def resolve(
    work: Work,
    entry_id: UUID,
    made: Sequence[RetentionTrack],
    *,
    expected_revision: int,
    reason: str,
    periods_from: str | None = None,
) -> RuleEntry:
    """Say what a rule means that needs review; it counts once a second person has approved it.

    Each period stands in the text of the rule, or `periods_from` says where it comes from.
    """
    work.performs(Op.RULEENTRY_RESOLVE)
    row = _claim(work, entry_id, expected_revision=expected_revision, event="resolve")
    source = None if periods_from is None else text.block(periods_from, ("periodsFrom",)) or None
    read = rules.resolved(tuple(made), raw_text=row.raw_text, periods=row.periods, periods_from=source)
    values = {
        "state": RuleEntryState.PROPOSED,
        "tracks": read,
        "periods_from": source,
        "note": text.reason(reason),
        "proposed_at": work.now,
        "proposed_by": work.actor.principal_id,
        "approved_at": None,
        "approved_by": None,
    }
    _write(work, row, values, edited=True)
    return row


def approve(work: Work, entry_id: UUID, *, expected_revision: int) -> RuleEntry:
    """Approve what a rule is said to mean, as nobody who wrote or resolved it; due days rest on it at once.

    It needs `APPROVE` on the Repository.
    """
    work.performs(Op.RULEENTRY_APPROVE)
    row = _claim(work, entry_id, expected_revision=expected_revision, event="approve")
    if gate.account_id(work).hex in row.editors.split() or row.proposed_by == work.actor.principal_id:
        error = SecondPerson("another person than those who wrote or resolved it must decide this")
        raise gate.refused(work, error, object_id=row.id, action="approve")
    values = {
        "state": RuleEntryState.PARSED,
        "reasons": "",
        "approved_at": work.now,
        "approved_by": work.actor.principal_id,
    }
    _write(work, row, values)
    return row


def send_back(work: Work, entry_id: UUID, *, expected_revision: int, reason: str) -> RuleEntry:
    """Give a proposed reading back for review (`APPROVE` on the Repository)."""
    work.performs(Op.RULEENTRY_RETURN)
    row = _claim(work, entry_id, expected_revision=expected_revision, event="return")
    values = {
        "state": RuleEntryState.NEEDS_REVIEW,
        "tracks": tracks.NONE,
        "periods_from": None,
        "note": text.reason(reason),
        "proposed_at": None,
        "proposed_by": None,
    }
    _write(work, row, values)
    return row


def flag(work: Work, entry_id: UUID, *, expected_revision: int, reason: str) -> RuleEntry:
    """Doubt how a rule was read, by a machine or by persons: it yields no due day until it is resolved."""
    work.performs(Op.RULEENTRY_FLAG)
    row = _claim(work, entry_id, expected_revision=expected_revision, event="flag")
    values = {
        "state": RuleEntryState.NEEDS_REVIEW,
        "reasons": Reason.FLAGGED.value,
        "tracks": tracks.NONE,
        "periods_from": None,
        "note": text.reason(reason),
        **dict.fromkeys(("proposed_at", "proposed_by", "approved_at", "approved_by")),
    }
    _write(work, row, values)
    return row


def transitions(work: Work, rows: Sequence[RuleEntry]) -> Sequence[tuple[str, ...]]:
    """Return of each entry what its state permits and the actor's office allows, in alphabetical order."""
    may = {True: editions.may_approve(work), False: gate.has_duty(work, Duty.SCHEDULES_MANAGE)}
    return [
        tuple(event for event in states.available(states.RULE_ENTRY, row.state) if may[event in _APPROVERS])
        for row in rows
    ]


def _claim(work: Work, entry_id: UUID, *, expected_revision: int, event: str) -> RuleEntry:
    row = gate.listed(work, RuleEntry).one(entry_id)
    if event in _APPROVERS:
        editions.require_approver(work)
    else:
        gate.require_duty(work, Duty.SCHEDULES_MANAGE)
    if row.revision != expected_revision:
        raise gate.refused(work, editing.stale(row.revision), object_id=row.id, action=event)
    if event not in states.available(states.RULE_ENTRY, row.state):
        raise _refusal(work, row, event, f"a rule in state `{row.state}` does not permit `{event}`")
    edition = gate.vocabulary(work, ScheduleEdition).one(row.edition_id)
    if edition.state not in _LIVING:
        raise _refusal(work, row, event, f"its edition is {edition.state}: nothing rests on it any more")
    return row


def _write(work: Work, row: RuleEntry, values: Mapping[str, object], *, edited: bool = False) -> None:
    for each in _alike(work, row):
        old = editing.noted({name: getattr(each, name) for name in values})
        for name, value in values.items():
            setattr(each, name, value)
        if edited:
            each.editors = editions.with_editor(work, each.editors)
        each.revision += 1
        work.flush()
        new: dict[str, Canonical] = {**editing.noted(values), "rule": each.rule_id.hex}
        work.changed(each.id, before=each.revision - 1, after=each.revision, old=old, new=new)
    # Marked though nothing may rest on it: whether one of them is in force costs as much to ask.
    retention.rules_changed(work, [row.rule_id])


def _alike(work: Work, row: RuleEntry) -> Sequence[RuleEntry]:
    """Return the entries of the same rule with the same text in all editions that still live."""
    entries = gate.vocabulary(work, RuleEntry).where(
        RuleEntry.rule_id == row.rule_id, RuleEntry.raw_text == row.raw_text
    )
    found = entries.order_by(Order(RuleEntry.id)).rows()
    living = (
        gate.vocabulary(work, ScheduleEdition)
        .where(in_ids(ScheduleEdition.id, [each.edition_id for each in found]))
        .rows()
    )
    ids = {edition.id for edition in living if edition.state in _LIVING}
    return [each for each in found if each.edition_id in ids]


def _refusal(work: Work, row: RuleEntry, event: str, message: str) -> State:
    error = State(message, state=str(row.state), available=transitions(work, [row])[0])
    return gate.refused(work, error, object_id=row.id, action=event)
