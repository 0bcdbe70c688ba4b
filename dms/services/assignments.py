"""Rules bound to things and classes, and bound no more: a second person decides what shortens (F48)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from dms.access import gate, nodes
from dms.access.attached import Attached
from dms.access.keyset import Order
from dms.access.nodes import Node
from dms.base.errors import Conflict, Invalid, OnHold, SecondPerson, State
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.retention import BindingKind, LineState, RetentionAssignment, Target
from dms.rules import duechanges, text
from dms.rules.access import Action, NodeKind
from dms.rules.accessevents import Op
from dms.rules.duedays import RetentionOutcome
from dms.rules.duerules import Reason
from dms.services import holding
from dms.stores import outcomes, retentionreach
from dms.stores.outcomes import Marked
from dms.stores.retentionfacts import Line, Supposed
from dms.stores.work import Work

MOST_JUDGED = 500
"""Of more things than these nobody computes at once what a line does to them: a second person decides."""

KINDS: Mapping[Target, NodeKind] = {
    Target.DOCUMENT: NodeKind.DOCUMENT,
    Target.AGGREGATION: NodeKind.AGGREGATION,
    Target.CLASS: NodeKind.CLASS,
}
_FREE = frozenset({Reason.NO_RULE, Reason.NO_MINIMUM})
"""What says nothing of how long a thing stays, so that a first rule shortens nothing."""


@dataclass(frozen=True, slots=True)
class NewAssignment:
    """A rule to bind, and to what."""

    kind: Target
    target_id: UUID
    rule_id: UUID
    binding: BindingKind
    reason: str


@dataclass(frozen=True, slots=True)
class AssignmentsWanted:
    """Which lines to list."""

    target_id: UUID | None = None
    rule_id: UUID | None = None
    state: LineState | None = None


def assign(work: Work, new: NewAssignment) -> RetentionAssignment:
    """Bind a rule to a Document, an Aggregation or a class (`DISPOSE` there).

    It counts at once, unless it would let something go sooner: then it is proposed, and a second person
    decides. A first rule shortens nothing.
    """
    work.performs(Op.RETENTION_ASSIGN)
    node = nodes.find(work, KINDS[new.kind], node_id=new.target_id)
    nodes.require(work, node, action=Action.DISPOSE)
    note = text.reason(new.reason)
    if not retentionreach.is_rule(work, new.rule_id):
        raise Invalid("there is no such rule: choose one of a schedule", path=("ruleId",))
    line = _line(work, new.kind, new.target_id, rule_id=new.rule_id, kind=new.binding, reason=note)
    _put(
        work, node, line, Supposed(added=(Line(line.id, line.target_id, line.rule_id, line.kind, work.now),))
    )
    return line


def end(work: Work, line_id: UUID, *, reason: str) -> RetentionAssignment:
    """End a line that counts, by a later one (`DISPOSE`); what would shorten waits for a second person."""
    work.performs(Op.RETENTION_END)
    ended = _shown(work, Action.READ_METADATA).one(line_id)
    node = nodes.find(work, KINDS[ended.target_kind], node_id=ended.target_id)
    nodes.require(work, node, action=Action.DISPOSE)
    note = text.reason(reason)
    _require_standing(work, ended)
    line = _line(
        work, ended.target_kind, ended.target_id, rule_id=ended.rule_id, kind=ended.kind, reason=note
    )
    line.ends_id = ended.id
    _put(work, node, line, Supposed(ended=frozenset({ended.id})))
    return line


def approve(work: Work, line_id: UUID, *, note: str | None) -> RetentionAssignment:
    """Let a line count that shortens, as another person than who wrote it (`APPROVE`)."""
    work.performs(Op.RETENTION_APPROVE)
    line, node = _proposed(work, line_id)
    if line.ends_id is not None:
        _require_standing(work, _shown(work, Action.READ_METADATA).one(line.ends_id), but=line.id)
    _require_free(work, node, _reached(work, line))
    line.state, line.effective_at = LineState.IN_EFFECT, work.now
    _decided(work, node, line, note)
    outcomes.mark(work, [Marked(line.target_kind, line.target_id)])
    return line


def reject(work: Work, line_id: UUID, *, note: str) -> RetentionAssignment:
    """Turn down a line that shortens, as another person than who wrote it (`APPROVE`)."""
    work.performs(Op.RETENTION_REJECT)
    line, node = _proposed(work, line_id)
    line.state, line.rejected_at = LineState.REJECTED, work.now
    _decided(work, node, line, text.reason(note, ("note",)))
    return line


def listed(work: Work, request: PageRequest, wanted: AssignmentsWanted) -> Page[RetentionAssignment]:
    """List lines, the newest first: those of classes, and of things whose metadata the actor may read."""
    work.performs(Op.RETENTION_LIST)
    reading = _shown(work, Action.READ_METADATA)
    if wanted.target_id is not None:
        reading = reading.where(RetentionAssignment.target_id == wanted.target_id)
    if wanted.rule_id is not None:
        reading = reading.where(RetentionAssignment.rule_id == wanted.rule_id)
    if wanted.state is not None:
        reading = reading.where(RetentionAssignment.state == wanted.state)
    return reading.order_by(Order(RetentionAssignment.id, descending=True)).page(request)


def each(work: Work, ids: Collection[UUID]) -> Mapping[UUID, RetentionAssignment]:
    """Return those of these lines that are open, or of things whose metadata the actor may read, by id."""
    return _shown(work, Action.READ_METADATA).each(ids)


def _shown(work: Work, action: Action) -> Attached[RetentionAssignment]:
    return gate.attached(
        work,
        RetentionAssignment,
        owner=RetentionAssignment.target_id,
        action=action,
        open_nodes=retentionreach.bound_classes(work),
    )


def _line(
    work: Work, target: Target, target_id: UUID, *, rule_id: UUID, kind: BindingKind, reason: str
) -> RetentionAssignment:
    return RetentionAssignment(
        id=new_id(),
        target_kind=target,
        target_id=target_id,
        rule_id=rule_id,
        kind=kind,
        state=LineState.PROPOSED,
        reason=reason,
        shortens=False,
        created_at=work.now,
        created_by=gate.account_id(work),
    )


def _put(work: Work, node: Node, line: RetentionAssignment, supposed: Supposed) -> None:
    things = _reached(work, line)
    shortened = _shortened(work, line, things, supposed)
    line.shortens = bool(shortened) or (len(things) > MOST_JUDGED and _may_shorten(line))
    if line.shortens:
        _require_free(work, node, shortened or things)
    else:
        line.state, line.effective_at = LineState.IN_EFFECT, work.now
    work.add(line)
    work.flush()
    _note(work, node, line, was=None)
    if not line.shortens:
        outcomes.mark(work, [Marked(line.target_kind, line.target_id)])


def _reached(work: Work, line: RetentionAssignment) -> Sequence[UUID]:
    return retentionreach.below(work, line.target_kind, line.target_id, limit=MOST_JUDGED + 1)


def _may_shorten(line: RetentionAssignment) -> bool:
    """Tell whether a line can let anything go sooner at all: a rule beside the others never does."""
    return line.ends_id is not None or line.kind is BindingKind.OVERRIDE


def _shortened(
    work: Work, line: RetentionAssignment, things: Sequence[UUID], supposed: Supposed
) -> Sequence[UUID]:
    """Return the things that could go sooner than now; none where that takes too long to say."""
    if not _may_shorten(line) or len(things) > MOST_JUDGED:
        return ()
    before = outcomes.computed(work, things)
    after = outcomes.computed(work, things, supposed=supposed)
    return [thing for thing in before if is_shorter(before[thing].outcome, after[thing].outcome)]


def is_shorter(before: RetentionOutcome, after: RetentionOutcome) -> bool:
    """Tell whether a thing, or a medium of it, could go sooner; what no rule kept is not shortened by one."""
    if all(medium.standing.reason in _FREE for medium in before.media):
        return False
    found = duechanges.change(before, after)
    return found is not None and found.is_shorter


def _require_free(work: Work, node: Node, things: Collection[UUID]) -> None:
    """Refuse what shortens while a Hold stands on any of these."""
    if holding.held(work, [*things, node.id]):
        message = "a hold stands on what this would shorten: wait until it is lifted"
        raise gate.refused(work, OnHold(message), object_id=node.id, action=Action.DISPOSE)


def _require_standing(work: Work, line: RetentionAssignment, *, but: UUID | None = None) -> None:
    reading = gate.vocabulary(work, RetentionAssignment).where(RetentionAssignment.ends_id == line.id)
    others = [each for each in reading.rows() if each.state is not LineState.REJECTED and each.id != but]
    if line.ends_id is not None or line.state is not LineState.IN_EFFECT or others:
        raise State("the line does not count, or its end is proposed already", state=str(line.state))


def _proposed(work: Work, line_id: UUID) -> tuple[RetentionAssignment, Node]:
    line = _shown(work, Action.READ_METADATA).one(line_id)
    node = nodes.find(work, KINDS[line.target_kind], node_id=line.target_id)
    nodes.require(work, node, action=Action.APPROVE)
    if line.created_by == gate.account_id(work):
        error = SecondPerson("another person than who wrote it must decide this")
        raise gate.refused(work, error, object_id=node.id, action=Action.APPROVE)
    if line.state is not LineState.PROPOSED:
        raise Conflict(f"the line is in state `{line.state}`: it can no longer be decided")
    return line, node


def _decided(work: Work, node: Node, line: RetentionAssignment, note: str | None) -> None:
    line.decided_by = gate.account_id(work)
    line.decision = None if note is None else text.block(note, ("note",), limit=text.MAX_REASON) or None
    work.flush()
    _note(work, node, line, was=LineState.PROPOSED)


def _note(work: Work, node: Node, line: RetentionAssignment, *, was: LineState | None) -> None:
    revision = node.row.revision if node.row is not None else 1
    work.changed(
        node.id,
        before=revision,
        after=revision,
        old={} if was is None else {"retentionLine": was.value},
        new={
            "retentionLine": line.state.value,
            "line": line.id.hex,
            "rule": line.rule_id.hex,
            "kind": line.kind.value,
            "ends": None if line.ends_id is None else line.ends_id.hex,
            "reason": line.decision if was is not None else line.reason,
        },
    )
