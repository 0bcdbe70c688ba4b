"""Access lists: who may do what on a node and below it, since when, until when and why (F28 to F31)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from dms.access import accessnodes, gate, nodes, revisions, scopes
from dms.access.attached import Attached
from dms.access.keyset import Order
from dms.access.nodes import Node
from dms.base.canonical import Canonical
from dms.base.clock import to_iso
from dms.base.errors import Conflict, Denied, NotFound, SecondPerson, State
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.accesslists import AccessEntry, EntryKind
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.scopes import NodeState
from dms.models.users import EVERYONE_ID, Principal, PrincipalKind
from dms.rules import periods, text
from dms.rules.access import Action, Duty, Effect, NodeKind, Reason, bears
from dms.rules.accessevents import Op
from dms.rules.periods import Period, Validity
from dms.services import consents, validity
from dms.services.consents import Consent
from dms.stores import facts
from dms.stores.work import Work


@dataclass(frozen=True, slots=True)
class EntryDraft:
    """An access entry as it is asked for; without `valid_from` it begins now."""

    principal_id: UUID
    node_kind: NodeKind
    node_id: UUID
    action: Action
    effect: Effect
    valid_from: int | None
    valid_until: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries a list takes; whatever is None does not narrow it."""

    principal_id: UUID | None = None
    action: Action | None = None
    effect: Effect | None = None
    stands: Validity | None = None


@dataclass(frozen=True, slots=True)
class DecidingLine:
    """A line that decided: an access entry, or an action that a role has on the whole Repository."""

    id: UUID | str
    principal: Principal
    node_kind: NodeKind
    node_id: UUID | None
    """None where the caller may not know the node that the line hangs on."""
    action: Action
    effect: Effect
    valid_from: int | None
    valid_until: int | None


@dataclass(frozen=True, slots=True)
class Check:
    """What a decision would be now, and the lines that it rests on."""

    principal_id: UUID
    node_kind: NodeKind
    node_id: UUID
    action: Action
    may: bool
    reason: Reason
    is_explained: bool
    """False for who may know the answer about himself, but not the access list."""
    lines: tuple[DecidingLine, ...]


def grant(work: Work, draft: EntryDraft, *, consent: Consent | None = None) -> AccessEntry:
    """Write an entry on a node; it holds from the next operation on, or from `valid_from`.

    Needs `MANAGE_ACCESS` on the node. Nobody writes an entry that names himself; one that reaches him
    through a group or role is for officers. Who is no officer decides only about actions that he
    holds there, and nothing about `MANAGE_ACCESS`. What gives anything to everyone, to the actor too, or
    of a high level needs the consent of two. `Conflict` if an open entry says the same already.
    """
    work.performs(Op.ACCESS_GRANT)
    node, principal, period = considered(work, draft)
    gives = draft.effect is Effect.ALLOW
    _require_other(work, principal.id, node, gives=gives, consent=consent)
    reason = text.reason(draft.reason)
    _check_new(work, draft, period)
    _require_ready(work, node)
    _require_two_for_level(work, node, gives=gives, consent=consent)
    row = AccessEntry(
        id=new_id(),
        principal_id=principal.id,
        node_kind=node.kind,
        node_id=node.id,
        action=draft.action,
        effect=draft.effect,
        valid_from=period.since,
        valid_until=period.until,
        reason=reason,
        granted_by=work.actor.principal_id,
        granted_at=work.now,
        kind=EntryKind.ORDINARY,
        revision_from=revisions.advance(work, kind="entry", note=reason),
        proposal_id=None if consent is None else consent.proposal_id,
    )
    work.add(row)
    _settle(work, row)
    _require_manager_left(work, node, row, at=period.since)
    work.changed(row.id, before=None, after=row.revision_from, old={}, new=_values(row))
    return row


def considered(work: Work, draft: EntryDraft) -> tuple[Node, Principal, Period]:
    """Return what an entry names and when it holds, if the actor may write such an entry on its node."""
    node = nodes.find(work, draft.node_kind, node_id=draft.node_id)
    nodes.require(work, node, action=Action.MANAGE_ACCESS)
    principal = gate.vocabulary(work, Principal).one(draft.principal_id)
    _require_power(work, node, action=draft.action, effect=draft.effect)
    since = work.now if draft.valid_from is None else draft.valid_from
    return node, principal, periods.checked(since, draft.valid_until)


def managed(work: Work, entry_id: UUID) -> tuple[AccessEntry, Node]:
    """Return an entry with its node, if the actor may end it.

    An entry shows to whom its list shows: `Denied` is for reviewers, for all others it is absent.
    """
    row = _entries(work, open_nodes=facts.open_nodes(work, entry_id=entry_id)).one(entry_id)
    node = nodes.find(work, row.node_kind, node_id=row.node_id)
    try:
        nodes.require(work, node, action=Action.MANAGE_ACCESS)
    except Denied as error:
        if gate.has_duty(work, Duty.ACCESS_REVIEW):
            raise
        raise NotFound from error
    if row.effect is Effect.DENY or bears(row.action, row.effect, Action.MANAGE_ACCESS):
        _require_power(work, node, action=row.action, effect=row.effect)
    return row, node


def discovered(work: Work, entry_id: UUID) -> tuple[AccessEntry, Node]:
    """Return an entry with its node, which the actor may know of; absent costs what hidden costs."""
    row = _entries(work, open_nodes=facts.open_nodes(work)).one(entry_id)
    return row, nodes.find(work, row.node_kind, node_id=row.node_id)


def revoke(work: Work, *, entry_id: UUID, reason: str, consent: Consent | None = None) -> AccessEntry:
    """End an entry now, for good; the next operation is decided without it.

    Needs what granting needs: to end a deny is to give what it took.
    """
    work.performs(Op.ACCESS_REVOKE)
    row, node = managed(work, entry_id)
    gives = row.effect is Effect.DENY
    _require_other(work, row.principal_id, node, gives=gives, consent=consent)
    _require_two_for_level(work, node, gives=gives, consent=consent)
    note = text.reason(reason)
    if row.revision_to is not None:
        raise State("the entry is revoked already", state=Validity.REVOKED)
    row.revision_to = revisions.advance(work, kind="entry", note=note)
    row.revoked_by = work.actor.principal_id
    row.revoked_at = work.now
    row.revoke_reason = note
    _settle(work, row)
    _require_manager_left(work, node, row, at=work.now)
    work.changed(
        row.id, before=row.revision_from, after=row.revision_to, old=_values(row), new={"revoked": note}
    )
    return row


def entries(
    work: Work, request: PageRequest, *, node: tuple[NodeKind, UUID] | None, chosen: EntryFilter
) -> Page[AccessEntry]:
    """List entries, newest first: of one node (`MANAGE_ACCESS` on it), or of all nodes.

    A holder of `access.review` needs no action on a node, and he alone may ask for all: those on the
    Repository, on classes, and on whatever he may discover.
    """
    work.performs(Op.ACCESS_READ)
    if node is not None:
        reading = _on_node(work, nodes.find(work, node[0], node_id=node[1]))
    else:
        gate.require_duty(work, Duty.ACCESS_REVIEW)
        reading = _entries(work, open_nodes=facts.open_nodes(work))
    if chosen.principal_id is not None:
        reading = reading.where(AccessEntry.principal_id == chosen.principal_id)
    if chosen.action is not None:
        reading = reading.where(AccessEntry.action == chosen.action)
    if chosen.effect is not None:
        reading = reading.where(AccessEntry.effect == chosen.effect)
    if chosen.stands is not None:
        reading = reading.where(validity.stands(AccessEntry, chosen.stands, now=work.now))
    return reading.order_by(Order(AccessEntry.id, descending=True)).page(request)


def check(
    work: Work, *, principal_id: UUID | None, node_kind: NodeKind, node_id: UUID, action: Action
) -> Check:
    """Tell whether a principal may now, and why: about oneself, or with `MANAGE_ACCESS` on the node.

    About himself everybody learns the answer for what he may discover; the lines only with
    `MANAGE_ACCESS`. What may not be discovered is `NotFound`, like what does not exist.
    """
    work.performs(Op.ACCESS_CHECK)
    node = nodes.find(work, node_kind, node_id=node_id)
    manages = nodes.decide(work, node, action=Action.MANAGE_ACCESS).may
    if principal_id is None or principal_id == work.actor.principal_id:
        asked_id = gate.account_id(work)
    else:
        nodes.require(work, node, action=Action.MANAGE_ACCESS)
        asked_id = gate.vocabulary(work, Principal).one(principal_id).id
    decision = nodes.decide_for(work, asked_id, node, action=action)
    return Check(
        principal_id=asked_id,
        node_kind=node.kind,
        node_id=node.id,
        action=action,
        may=decision.may,
        reason=decision.reason,
        is_explained=manages,
        lines=_lines(work, decision.line_ids) if manages else (),
    )


def _entries(work: Work, *, open_nodes: frozenset[UUID]) -> Attached[AccessEntry]:
    return gate.attached(
        work, AccessEntry, owner=AccessEntry.node_id, action=Action.DISCOVER, open_nodes=open_nodes
    )


def _on_node(work: Work, node: Node) -> Attached[AccessEntry]:
    if not gate.has_duty(work, Duty.ACCESS_REVIEW):
        nodes.require(work, node, action=Action.MANAGE_ACCESS)
    return _entries(work, open_nodes=frozenset({node.id})).where(AccessEntry.node_id == node.id)


def _require_ready(work: Work, node: Node) -> None:
    if accessnodes.prepare(work, node.kind, node.id) is not NodeState.READY:
        error = State(accessnodes.UNREADY, state="filling", available=("accessNodePrepare",))
        raise gate.refused(work, error, object_id=node.id, action=Action.MANAGE_ACCESS)


def _settle(work: Work, row: AccessEntry) -> None:
    """Send an entry, and let the Document that it names know of it."""
    work.flush()
    if row.node_kind is NodeKind.DOCUMENT:
        scopes.own(work, row.node_id)


def _require_other(
    work: Work, principal_id: UUID, node: Node, *, gives: bool, consent: Consent | None
) -> None:
    """Refuse what names the actor; let two others decide what reaches him, or everyone."""
    if principal_id == work.actor.principal_id:
        message = "nobody writes or ends an entry that names himself: ask another holder of the list"
        raise _refused(work, SecondPerson(message), node)
    reaches = _reaches_actor(work, principal_id)
    if reaches and not _is_officer(work):
        message = "an entry that reaches yourself through a group or role is for a security officer"
        raise _refused(work, SecondPerson(message), node)
    if not reaches or not gives:
        return
    if consent is None:
        what = "what gives to everyone" if principal_id == EVERYONE_ID else "what gives to yourself too"
        raise consents.lacking(work, what, object_id=node.id, action=Action.MANAGE_ACCESS)
    # Everyone is everybody: nobody stands outside who could approve it.
    if not consent.is_trial and principal_id != EVERYONE_ID:
        message = "nobody approves what reaches himself through a group or role: ask another officer"
        raise _refused(work, SecondPerson(message), node)


def _require_two_for_level(work: Work, node: Node, *, gives: bool, consent: Consent | None) -> None:
    if not gives or consent is not None:
        return
    rank = consents.limit(work)
    if facts.bears_above(work, rank, kind=node.kind, node_id=node.id):
        what = f"what gives anything marked above level {rank}"
        raise consents.lacking(work, what, object_id=node.id, action=Action.MANAGE_ACCESS)


def _refused(work: Work, error: SecondPerson, node: Node) -> SecondPerson:
    return gate.refused(work, error, object_id=node.id, action=Action.MANAGE_ACCESS)


def _reaches_actor(work: Work, principal_id: UUID) -> bool:
    if principal_id == EVERYONE_ID:
        return True
    return principal_id in facts.principals_above(work, gate.account_id(work))


def _is_officer(work: Work) -> bool:
    return gate.has_duty(work, Duty.CLEARANCES_MANAGE)


def _require_power(work: Work, node: Node, *, action: Action, effect: Effect) -> None:
    """Refuse, to who is no officer, what would give or take more than he holds himself."""
    if _is_officer(work):
        return
    if bears(action, effect, Action.MANAGE_ACCESS):
        # A deny of DISCOVER refuses MANAGE_ACCESS too, so it is no less.
        gate.require_duty(work, Duty.CLEARANCES_MANAGE)
    nodes.require(work, node, action=action)


def _check_new(work: Work, draft: EntryDraft, period: Period) -> None:
    same = facts.entry_periods(
        work,
        principal_id=draft.principal_id,
        node_id=draft.node_id,
        action=draft.action,
        effect=draft.effect,
    )
    if any(periods.covers(other, period) for other in same):
        raise Conflict("an open entry says the same for this whole period already")


def _require_manager_left(work: Work, node: Node, row: AccessEntry, *, at: int) -> None:
    """Refuse a change after which nobody could undo it."""
    takes = row.effect is Effect.DENY or row.revision_to is not None
    if not takes or not bears(row.action, row.effect, Action.MANAGE_ACCESS):
        return
    if not nodes.has_manager(work, nodes.anew(work, node), at=at):
        raise Conflict("nobody could change the access list here any more: give `MANAGE_ACCESS` first")


def _lines(work: Work, line_ids: tuple[UUID | str, ...]) -> tuple[DecidingLine, ...]:
    found = gate.listed(work, AccessEntry).many([line for line in line_ids if isinstance(line, UUID)])
    known = known_nodes(work, {row.node_id for row in found.values()})
    names = gate.vocabulary(work, Principal).many({row.principal_id for row in found.values()})
    written = [
        DecidingLine(
            id=row.id,
            principal=names[row.principal_id],
            node_kind=row.node_kind,
            node_id=row.node_id if row.node_id in known else None,
            action=row.action,
            effect=row.effect,
            valid_from=row.valid_from,
            valid_until=row.valid_until,
        )
        for row in found.values()
    ]
    return (*written, *(_role_line(work, line) for line in line_ids if isinstance(line, str)))


def known_nodes(work: Work, node_ids: set[UUID]) -> frozenset[UUID]:
    """Return those of these nodes that the actor may know of."""
    return frozenset(
        {
            *(facts.open_nodes(work) & node_ids),
            *gate.visible(work, Document, Action.DISCOVER).many(node_ids),
            *gate.visible(work, Aggregation, Action.DISCOVER).many(node_ids),
        }
    )


def _role_line(work: Work, line: str) -> DecidingLine:
    """Return what a line of `roles.toml` says; its id is `role:<name>:<ACTION>`."""
    _, name, action = line.split(":")
    role = gate.vocabulary(work, Principal).where(
        Principal.kind == PrincipalKind.ROLE, Principal.name == name
    )
    return DecidingLine(
        id=line,
        principal=role.rows()[0],
        node_kind=NodeKind.REPOSITORY,
        node_id=facts.repository_id(work),
        action=Action(action),
        effect=Effect.ALLOW,
        valid_from=None,
        valid_until=None,
    )


def _values(row: AccessEntry) -> dict[str, Canonical]:
    return {
        "principal": row.principal_id.hex,
        "node": row.node_id.hex,
        "action": row.action.value,
        "effect": row.effect.value,
        "from": to_iso(row.valid_from),
        "until": None if row.valid_until is None else to_iso(row.valid_until),
        "reason": row.reason,
        **({} if row.proposal_id is None else {"proposal": row.proposal_id.hex}),
    }
