"""Rehearsing changes of who may what: who would gain and lose how many Documents. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from dms.access import gate, nodes, rehearsals
from dms.access.affected import Link, Overlay
from dms.access.comparisons import Effects
from dms.base.errors import Conflict, DmsError, DoorError, Invalid, State
from dms.base.ids import new_id
from dms.models.accesslists import AccessEntry
from dms.models.documents import Document
from dms.models.security import Clearance, MarkedKind
from dms.models.users import Principal
from dms.rules import accesschanges as rules
from dms.rules import periods
from dms.rules.access import Action, Duty, Line, NodeKind, live
from dms.rules.accesschanges import (
    Change,
    ClearanceGrant,
    ClearanceRevoke,
    EntryGrant,
    EntryRevoke,
    LinkEnd,
    LinkMake,
    MarkSet,
)
from dms.rules.accessevents import Op
from dms.rules.periods import Period, Validity
from dms.rules.security import Mark
from dms.services import accesslists, clearances, memberships, security, securitychanges
from dms.services.accesslists import EntryDraft
from dms.services.security import AskedMark
from dms.stores.work import Work

MARKED = {NodeKind.DOCUMENT: MarkedKind.DOCUMENT, NodeKind.AGGREGATION: MarkedKind.AGGREGATION}

MAX_REHEARSED = rehearsals.MAX_ACCOUNTS

USUAL_ACTIONS = (Action.DISCOVER, Action.READ_CONTENT)
"""The actions that are rehearsed if none is asked for."""


@dataclass(frozen=True, slots=True)
class NodeEffect:
    """What changes below one of the changed nodes, by one action."""

    kind: NodeKind
    id: UUID
    action: Action
    n_gaining: int
    """Accounts that gain something below it."""
    n_losing: int
    most_gained: int
    """The most Documents below it that one account gains."""
    most_lost: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What changes would do, or why they cannot be rehearsed."""

    problems: tuple[DmsError, ...]
    """What stands against single changes; nothing is rehearsed if anything does."""
    at: int
    n_accounts: int = 0
    """Accounts that the changes reach, whether anything differs for them or not."""
    n_rehearsed: int = 0
    """Of how many of them the effects tell."""
    is_whole: bool = True
    """Whether the numbers count all Documents, or only those that the actor may discover himself."""
    effects: tuple[Effects, ...] = ()
    nodes: tuple[NodeEffect, ...] = ()
    accounts: Mapping[UUID, Principal] = field(default_factory=dict)
    samples: Mapping[UUID, Document] = field(default_factory=dict)
    basis_sha256: str = ""


@dataclass(slots=True)
class _Sketch:
    """An overlay as it grows, change by change."""

    at: int
    is_judged: bool = True
    """Whether whoever asks must be one who may make the changes."""
    granted: list[Line] = field(default_factory=list)
    revoked: set[UUID] = field(default_factory=set)
    made: set[Link] = field(default_factory=set)
    ended: set[Link] = field(default_factory=set)
    cleared: dict[UUID, Mark] = field(default_factory=dict)
    uncleared: set[UUID] = field(default_factory=set)
    marked: dict[UUID, Mark] = field(default_factory=dict)
    named: set[UUID] = field(default_factory=set)
    nodes: dict[UUID, NodeKind] = field(default_factory=dict)

    def overlay(self) -> Overlay:
        """Return what it has become."""
        return Overlay(
            at=self.at,
            granted=tuple(self.granted),
            revoked=frozenset(self.revoked),
            made=frozenset(self.made),
            ended=frozenset(self.ended),
            cleared=self.cleared,
            uncleared=frozenset(self.uncleared),
            marked=self.marked,
            named=frozenset(self.named),
        )


def preview(
    work: Work,
    changes: Sequence[Change],
    *,
    actions: Sequence[Action] = USUAL_ACTIONS,
    at: int | None = None,
) -> Preview:
    """Tell what the changes would do to whom now, or at a later instant, for each action.

    Needs for each change what the change itself needs. Officers are told whole numbers, all others only of
    what they may discover themselves; samples are always such. Up to `rehearsals.MAX_ACCOUNTS` accounts.
    """
    work.performs(Op.ACCESSCHANGE_PREVIEW)
    rules.check(changes)
    instant = _instant(work, at)
    sketch = _Sketch(instant)
    problems = sketched(work, sketch, changes)
    if problems:
        return Preview(tuple(problems), instant)
    return _rehearsed(work, sketch, tuple(dict.fromkeys(actions)))


def basis(work: Work, changes: Sequence[Change]) -> str:
    """Return the digest of what the effects of changes rest on now: see `rehearsals.Rehearsal`.

    Whoever asks must be able to discover what the changes name; whether he may make them is not judged.
    Raises what stands against the first change that cannot be rehearsed.
    """
    sketch = _Sketch(work.now, is_judged=False)
    for error in sketched(work, sketch, changes):
        raise error
    found = rehearsals.rehearse(
        work, sketch.overlay(), changed=sketch.nodes, actions=USUAL_ACTIONS, sees_whole_numbers=True
    )
    return found.basis_sha256


def sketched(work: Work, sketch: _Sketch, changes: Sequence[Change]) -> list[DmsError]:
    """Judge each change and lay it over what is there; return what stands against them, by number."""
    problems: list[DmsError] = []
    refusals = len(work.notes.refusals)
    for number, change in enumerate(changes):
        try:
            _sketch_one(work, sketch, change)
        except DoorError:
            raise
        except DmsError as error:
            error.path = ("changes", str(number), *error.path)
            problems.append(error)
    if len(work.notes.refusals) == refusals:  # what the gate refuses it notes itself
        for code in sorted({error.code for error in problems}):
            work.refuses(None, action=Op.ACCESSCHANGE_PREVIEW, reason=code.lower(), exists=True)
    return problems


def _sketch_one(work: Work, sketch: _Sketch, change: Change) -> None:
    if sketch.is_judged and isinstance(change, LinkMake | LinkEnd | ClearanceGrant | ClearanceRevoke):
        gate.require_duty(work, Duty.CLEARANCES_MANAGE)
    match change:
        case EntryGrant():
            _grant(work, sketch, change)
        case EntryRevoke():
            _revoke(work, sketch, change)
        case LinkMake():
            member, group = memberships.pair(work, member_id=change.member_id, group_id=change.group_id)
            sketch.named.add(member.id)
            if _is_live(sketch, change):
                sketch.made.add((member.id, group.id))
        case LinkEnd():
            member, group = memberships.pair(work, member_id=change.member_id, group_id=change.group_id)
            memberships.open_link(work, member, group)
            sketch.named.add(member.id)
            sketch.ended.add((member.id, group.id))
        case ClearanceGrant():
            _clear(work, sketch, change)
        case ClearanceRevoke():
            held = gate.listed(work, Clearance).one(change.clearance_id)
            _require_open(held)
            sketch.named.add(held.user_id)
            sketch.uncleared.add(held.id)
        case MarkSet():
            _mark(work, sketch, change)


def _grant(work: Work, sketch: _Sketch, change: EntryGrant) -> None:
    if sketch.is_judged:
        node, principal, _ = accesslists.considered(work, draft_of(change, reason=""))
    else:
        node = nodes.find(work, change.node_kind, node_id=change.node_id)
        principal = gate.vocabulary(work, Principal).one(change.principal_id)
    sketch.named.add(principal.id)
    sketch.nodes[node.id] = node.kind
    if _is_live(sketch, change):
        line = Line(
            id=new_id(),
            principal_id=principal.id,
            node_id=node.id,
            action=change.action,
            effect=change.effect,
            valid_from=sketch.at if change.valid_from is None else change.valid_from,
            valid_until=change.valid_until,
        )
        sketch.granted.append(line)


def _revoke(work: Work, sketch: _Sketch, change: EntryRevoke) -> None:
    take = accesslists.managed if sketch.is_judged else accesslists.discovered
    row, node = take(work, change.entry_id)
    _require_open(row)
    sketch.revoked.add(row.id)
    sketch.named.add(row.principal_id)
    sketch.nodes[node.id] = node.kind


def _mark(work: Work, sketch: _Sketch, change: MarkSet) -> None:
    asked = AskedMark(change.level, change.compartments)
    if not sketch.is_judged:
        node = nodes.find(work, change.object_kind, node_id=change.object_id)
        sketch.marked[node.id] = security.resolve_mark(work, asked)
        return
    thing, _, mark = securitychanges.considered(
        work,
        kind=MARKED[change.object_kind],
        object_id=change.object_id,
        asked=asked,
        expected_revision=change.expected_revision,
    )
    sketch.marked[thing.id] = mark


def _clear(work: Work, sketch: _Sketch, change: ClearanceGrant) -> None:
    account = clearances.holder(work, change.user_id)
    mark = security.resolve_mark(work, AskedMark(change.level, change.compartments), path=())
    period = Period(work.now if change.valid_from is None else change.valid_from, change.valid_until)
    held = gate.vocabulary(work, Clearance).where(
        Clearance.user_id == account.id, Clearance.revision_to.is_(None)
    )
    kept = [Period(row.valid_from, row.valid_until) for row in held.rows() if row.id not in sketch.uncleared]
    if periods.first_overlapping(period, kept):
        raise Conflict("the account holds a clearance in this period: revoke that one first")
    sketch.named.add(account.id)
    if _is_live(sketch, change):
        sketch.cleared[account.id] = mark


def _rehearsed(work: Work, sketch: _Sketch, actions: tuple[Action, ...]) -> Preview:
    is_whole = gate.has_duty(work, Duty.CLEARANCES_MANAGE)
    found = rehearsals.rehearse(
        work, sketch.overlay(), changed=sketch.nodes, actions=actions, sees_whole_numbers=is_whole
    )
    work.notes.aggregates += len(found.effects)
    named = {account for effect in found.effects for account in effect.accounts}
    samples = {each for effect in found.effects for each in (*effect.gained_samples, *effect.lost_samples)}
    return Preview(
        problems=(),
        at=sketch.at,
        n_accounts=found.n_accounts,
        n_rehearsed=found.n_rehearsed,
        is_whole=is_whole,
        effects=found.effects,
        nodes=_by_node(found.effects, sketch.nodes, actions),
        accounts=gate.vocabulary(work, Principal).many(named),
        samples=gate.visible(work, Document, Action.DISCOVER).many(samples),
        basis_sha256=found.basis_sha256,
    )


def _by_node(
    effects: Sequence[Effects], changed: Mapping[UUID, NodeKind], actions: Sequence[Action]
) -> tuple[NodeEffect, ...]:
    return tuple(
        NodeEffect(
            kind,
            node_id,
            action,
            n_gaining=sum(len(each.accounts) for each in found if each.gained.by_node[node_id]),
            n_losing=sum(len(each.accounts) for each in found if each.lost.by_node[node_id]),
            most_gained=max((each.gained.by_node[node_id] for each in found), default=0),
            most_lost=max((each.lost.by_node[node_id] for each in found), default=0),
        )
        for node_id, kind in changed.items()
        for action in actions
        for found in [[each for each in effects if each.action is action]]
    )


def draft_of(change: EntryGrant, *, reason: str) -> EntryDraft:
    """Return the entry that a change would write."""
    return EntryDraft(
        principal_id=change.principal_id,
        node_kind=change.node_kind,
        node_id=change.node_id,
        action=change.action,
        effect=change.effect,
        valid_from=change.valid_from,
        valid_until=change.valid_until,
        reason=reason,
    )


def _is_live(sketch: _Sketch, change: EntryGrant | LinkMake | ClearanceGrant) -> bool:
    since = sketch.at if change.valid_from is None else change.valid_from
    return live(since, change.valid_until, sketch.at)


def _instant(work: Work, at: int | None) -> int:
    if at is None:
        return work.now
    if at < work.now:
        raise Invalid(
            "only what is to come can be rehearsed: leave it out, or name a later instant", path=("at",)
        )
    return at


def _require_open(row: AccessEntry | Clearance) -> None:
    if row.revision_to is not None:
        raise State("it is revoked already", state=Validity.REVOKED)
