"""How long the access log is kept: its rule, its holds, prunings by two people, and redactions.

Whoever keeps the log (duty `log.prune`) cannot read it: these say how many events there are, never which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from dms.access import gate
from dms.access.log import pruning, redaction, shards
from dms.access.log.pruning import Order
from dms.base.errors import Conflict, Invalid, OnHold, SecondPerson, State
from dms.base.ids import new_id
from dms.models.logretention import LogHold, LogPruning, LogRedaction, LogRule, PruningState
from dms.rules import logretention as rules
from dms.rules import text
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.stores.work import Work

CEILING = "log_kept_months_max"
"""Key of a unit of work's memory under which `house` hands on the longest time that a rule may name."""


@dataclass(frozen=True, slots=True)
class NewHold:
    """What a hold keeps: all events of a period, or those of an actor or naming an object."""

    since: int
    until: int | None
    object_id: UUID | None
    actor_id: UUID | None


def kept_months(work: Work) -> int:
    """Return how many months the newest rule names, or the longest time that is allowed now."""
    ceiling: int = work.memory.get(CEILING, rules.DEFAULT_MONTHS)
    found = gate.vocabulary(work, LogRule).rows()
    newest = max(found, key=lambda row: (row.set_at, row.id), default=None)
    return min(rules.DEFAULT_MONTHS if newest is None else newest.kept_months, ceiling)


def rule(work: Work) -> int:
    """Return how many months events are kept that do not last."""
    _begin(work, Op.LOG_RETENTION_LIST)
    return kept_months(work)


def set_rule(work: Work, *, months: int, reason: str) -> LogRule:
    """Set for how many months events are kept that do not last."""
    keeper = _begin(work, Op.LOG_RULE_SET)
    note = text.reason(reason)
    rules.check_months(months, ceiling=work.memory.get(CEILING, rules.DEFAULT_MONTHS))
    before = kept_months(work)
    row = LogRule(id=new_id(), kept_months=months, reason=note, set_by=keeper, set_at=work.now)
    work.add(row)
    work.flush()
    work.changed(
        row.id, before=None, after=None, old={"months": before}, new={"months": months, "reason": note}
    )
    return row


def place_hold(work: Work, hold: NewHold, *, reason: str) -> LogHold:
    """Keep events from pruning until the hold is lifted."""
    keeper = _begin(work, Op.LOG_HOLD_PLACE)
    note = text.reason(reason)
    if hold.until is not None and hold.until <= hold.since:
        raise Invalid("the period ends before it begins", path=("until",))
    row = LogHold(
        id=new_id(),
        since=hold.since,
        until=hold.until,
        object_id=hold.object_id,
        actor_id=hold.actor_id,
        reason=note,
        placed_by=keeper,
        placed_at=work.now,
    )
    work.add(row)
    work.flush()
    new = {
        "since": hold.since,
        "until": hold.until,
        "object": None if hold.object_id is None else hold.object_id.hex,
        "actor": None if hold.actor_id is None else hold.actor_id.hex,
        "reason": note,
    }
    work.changed(row.id, before=None, after=None, old={}, new=new)
    return row


def lift_hold(work: Work, *, hold_id: UUID, reason: str) -> LogHold:
    """Let go what a hold kept; the next pruning takes it."""
    keeper = _begin(work, Op.LOG_HOLD_LIFT)
    note = text.reason(reason)
    row = gate.vocabulary(work, LogHold).one(hold_id)
    if row.lifted_at is not None:
        raise State("the hold is lifted already", state="lifted")
    row.lifted_at, row.lifted_by, row.lift_reason = work.now, keeper, note
    work.flush()
    work.changed(row.id, before=None, after=None, old={}, new={"lifted": True, "reason": note})
    return row


def holds(work: Work) -> Sequence[LogHold]:
    """Return all holds on the log, lifted ones too."""
    _begin(work, Op.LOG_RETENTION_LIST)
    return gate.listed(work, LogHold).rows()


def prunings(work: Work) -> Sequence[LogPruning]:
    """Return all prunings, whatever became of them."""
    _begin(work, Op.LOG_RETENTION_LIST)
    return gate.listed(work, LogPruning).rows()


def propose(work: Work, *, until: int | None, reason: str) -> LogPruning:
    """Propose to a second person to remove what is older than the rule keeps, or than an earlier month.

    Raises `Invalid` for a later one, `State` where nothing would go, `Unavailable` while some of it is not
    signed. Costs the reading of all events before that month.
    """
    keeper = _begin(work, Op.LOG_PRUNE_PROPOSE)
    note = text.reason(reason)
    months = kept_months(work)
    latest = rules.latest_end(work.now, kept_months=months)
    end = latest if until is None else until
    rules.check_end(end, latest=latest)
    extent = _extent(work, end)
    checkpoint = pruning.covering(work.memory[shards.PLACE], extent.end_index)
    row = LogPruning(
        id=new_id(),
        until=end,
        kept_months=months,
        end_index=extent.end_index,
        n_events=extent.events,
        n_held=extent.held,
        signed_size=checkpoint.size,
        root=checkpoint.root.hex(),
        reason=note,
        state=PruningState.PROPOSED,
        proposed_by=keeper,
        proposed_at=work.now,
    )
    work.add(row)
    work.flush()
    work.changed(row.id, before=None, after=None, old={}, new=_said(row))
    return row


def approve(work: Work, *, pruning_id: UUID) -> LogPruning:
    """Approve what another person proposed: from now on it may be removed.

    The event of it says what goes, by which rule, who proposed and who approved, and the root that proves
    what was there. `Conflict` if the rule has changed to keep more since.
    """
    keeper = _begin(work, Op.LOG_PRUNE_APPROVE)
    row = _open(work, pruning_id)
    if row.proposed_by == keeper:
        error = SecondPerson("another person than its proposer must approve this: ask the other custodian")
        raise gate.refused(work, error, object_id=row.id, action=Op.LOG_PRUNE_APPROVE)
    if row.until > rules.latest_end(work.now, kept_months=kept_months(work)):
        raise Conflict("the rule keeps more than it did: reject this, and propose anew")
    pruning.covering(work.memory[shards.PLACE], row.end_index)
    row.state, row.decided_by, row.decided_at = PruningState.APPROVED, keeper, work.now
    work.flush()
    work.changed(row.id, before=None, after=None, old={}, new={**_said(row), "approver": keeper.hex})
    return row


def reject(work: Work, *, pruning_id: UUID, reason: str) -> LogPruning:
    """Turn a pruning down; whoever proposed it takes it back so."""
    keeper = _begin(work, Op.LOG_PRUNE_REJECT)
    note = text.reason(reason)
    row = _open(work, pruning_id)
    row.state, row.decided_by, row.decided_at = PruningState.REJECTED, keeper, work.now
    work.flush()
    new = {"state": row.state.value, "reason": note}
    work.changed(row.id, before=None, after=None, old={"state": PruningState.PROPOSED.value}, new=new)
    return row


def approved(work: Work, *, pruning_id: UUID) -> Order:
    """Return what `access.log.pruning` carries out; needs the duty, and the approval."""
    _begin(work, Op.LOG_PRUNE)
    row = gate.vocabulary(work, LogPruning).one(pruning_id)
    if row.state is not PruningState.APPROVED:
        raise State(
            f"the pruning is in state `{row.state}`: only an approved one is carried out", state=row.state
        )
    return Order(row.id, row.until, row.end_index)


def finish(work: Work, *, pruning_id: UUID, removed: int) -> LogPruning:
    """Note that a pruning was carried out to its end, and how many events its last run removed."""
    _begin(work, Op.LOG_PRUNE)
    row = gate.vocabulary(work, LogPruning).one(pruning_id)
    row.state, row.finished_at = PruningState.DONE, work.now
    work.flush()
    new = {**_said(row), "removed": removed}
    work.changed(row.id, before=None, after=None, old={"state": PruningState.APPROVED.value}, new=new)
    return row


def order_redaction(work: Work, *, event_id: UUID, reason: str) -> None:
    """Order that the detail of an event is removed; `access.log.redaction` does it. Again is no fault.

    The event of it says which event and why, and nothing of what was there.
    """
    keeper = _begin(work, Op.LOG_REDACT)
    note = text.reason(reason)
    redaction.require_event(work, event_id)
    if pruning.is_held(work, event_id):
        error = OnHold("a hold keeps this event with its detail: lift it first with `dms log hold lift`")
        raise gate.refused(work, error, object_id=event_id, action=Op.LOG_REDACT)
    known = gate.vocabulary(work, LogRedaction).where(LogRedaction.event_id == event_id)
    if not known.count():
        work.add(LogRedaction(event_id=event_id, reason=note, ordered_by=keeper, ordered_at=work.now))
        work.flush()
    work.changed(event_id, before=None, after=None, old={}, new={"redacted": True, "reason": note})


def _begin(work: Work, op: Op) -> UUID:
    work.performs(op)
    gate.require_duty(work, Duty.LOG_PRUNE)
    return gate.account_id(work)


def _extent(work: Work, until: int) -> rules.Extent:
    extent = pruning.extent(work, until)
    if extent.unsequenced:
        raise State(
            "some of these events have no place in the tree yet: run `dms log run`", state="unsequenced"
        )
    if not extent.events:
        raise State(f"nothing before {rules.shown_month(until)} may go", state="empty")
    return extent


def _open(work: Work, pruning_id: UUID) -> LogPruning:
    row = gate.vocabulary(work, LogPruning).one(pruning_id)
    if row.state is not PruningState.PROPOSED:
        raise State(f"the pruning is in state `{row.state}`: nobody decides it any more", state=row.state)
    return row


def _said(row: LogPruning) -> dict[str, str | int | None]:
    return {
        "until": row.until,
        "keptMonths": row.kept_months,
        "endIndex": row.end_index,
        "events": row.n_events,
        "held": row.n_held,
        "signedSize": row.signed_size,
        "root": row.root,
        "reason": row.reason,
        "proposer": row.proposed_by.hex,
        "state": row.state.value,
    }
