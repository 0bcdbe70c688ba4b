"""Changes of who may what that two people decide: one proposes, another approves; all of it or nothing.

A proposal is tried out before it is kept, with the proposer's rights, and undone; the approval does the
same with the approver's rights, for good. Both go through the use cases of single changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import assert_never
from uuid import UUID

from dms.access import gate, marks, revisions
from dms.base.errors import Conflict, DmsError, DoorError, SecondPerson, State
from dms.base.ids import new_id
from dms.models.accessproposals import AccessProposal, ProposalState
from dms.models.users import PrincipalKind
from dms.rules import accesschanges as rules
from dms.rules import text
from dms.rules.access import Duty
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
from dms.services import (
    accesslists,
    accesspreviews,
    accessproposalviews,
    clearances,
    memberships,
    proposers,
    securitychanges,
)
from dms.services.consents import Consent
from dms.services.security import AskedMark
from dms.stores.work import Work


def propose(work: Work, changes: Sequence[Change], *, reason: str) -> AccessProposal:
    """Propose changes to a second person, who has seven days.

    Needs of the proposer what the changes themselves need; what reaches him through a group, a role or
    everyone he may propose, what names him he may not. Raises whatever stands against a change, with its
    number in the path.
    """
    work.performs(Op.ACCESSCHANGE_PROPOSE)
    proposer = gate.account_id(work)
    rules.check(changes)
    note = text.reason(reason)
    proposal_id = new_id()
    basis = _tried(work, changes, reason=note, consent=Consent(proposal_id, proposer, is_trial=True))
    row = AccessProposal(
        id=proposal_id,
        changes=rules.text(changes),
        reason=note,
        digest=rules.digest_of(changes, reason=note, basis_sha256=basis),
        basis_sha256=basis,
        base_revision=revisions.head(work)[0],
        state=ProposalState.PROPOSED,
        proposed_by=proposer,
        proposed_at=work.now,
        editors="",
        expires_at=work.now + rules.PROPOSAL_LASTS,
    )
    work.add(row)
    work.flush()
    work.changed(
        row.id, before=None, after=row.base_revision, old={}, new={"digest": row.digest, "reason": note}
    )
    return row


def edit(
    work: Work, *, proposal_id: UUID, digest: str, changes: Sequence[Change], reason: str
) -> AccessProposal:
    """Change what is proposed, as who could propose it himself; he may not approve it any more.

    An approval of what it said before no longer fits. `Conflict` if it says something else than `digest`,
    `SecondPerson` if who proposed or edited it before could not propose this.
    """
    work.performs(Op.ACCESSCHANGE_EDIT)
    row = _open_proposal(work, proposal_id)
    editor = gate.account_id(work)
    _expect(row, digest)
    rules.check(changes)
    note = text.reason(reason)
    consent = Consent(row.id, row.proposed_by, is_trial=True)
    others = _authors(row) - {editor}
    proposers.require_active(work, others, proposal_id=row.id, op=Op.ACCESSCHANGE_EDIT)
    row.basis_sha256 = _tried(work, changes, reason=note, consent=consent, authors=others)
    before = row.digest
    row.changes = rules.text(changes)
    row.reason = note
    row.digest = rules.digest_of(changes, reason=note, basis_sha256=row.basis_sha256)
    row.base_revision = revisions.head(work)[0]
    row.expires_at = work.now + rules.PROPOSAL_LASTS
    row.editors = marks.encode(accessproposalviews.editors_of(row) | {editor})
    work.flush()
    old, new = {"digest": before}, {"digest": row.digest, "reason": note}
    work.changed(row.id, before=row.base_revision, after=row.base_revision, old=old, new=new)
    return row


def approve(work: Work, *, proposal_id: UUID, digest: str, note: str | None) -> AccessProposal:
    """Carry a proposal out, as somebody who neither proposed nor edited it and may make its changes.

    `SecondPerson` also if who proposed or edited it could not make its changes any more. `Conflict` if it
    says something else than `digest`, or if since the proposal anything changed that it rests on: whom it
    reaches, and what differs for them. Documents registered meanwhile change nothing of it.
    """
    work.performs(Op.ACCESSCHANGE_APPROVE)
    row = _open_proposal(work, proposal_id)
    _require_other(work, row)
    _expect(row, digest)
    remark = None if note is None else text.block(note, ("note",), limit=text.MAX_REASON)
    changes = accessproposalviews.changes_of(row)
    proposers.require_active(work, _authors(row), proposal_id=row.id, op=Op.ACCESSCHANGE_APPROVE)
    _require_basis(work, row, changes)
    consent = Consent(row.id, row.proposed_by, is_trial=False)
    _carry_out(work, changes, reason=row.reason, consent=consent, authors=_authors(row))
    row.applied_revision = revisions.advance(work, kind="proposal", note=row.reason)
    _decide(work, row, state=ProposalState.APPLIED, note=remark)
    return row


def reject(work: Work, *, proposal_id: UUID, note: str) -> AccessProposal:
    """Turn a proposal down; whoever proposed it takes it back so."""
    work.performs(Op.ACCESSCHANGE_REJECT)
    row = _open_proposal(work, proposal_id)
    _decide(work, row, state=ProposalState.REJECTED, note=text.reason(note, ("note",)))
    return row


def _tried(
    work: Work,
    changes: Sequence[Change],
    *,
    reason: str,
    consent: Consent,
    authors: Collection[UUID] = (),
) -> str:
    """Carry changes out and undo it; return the digest of what their effects rest on."""
    basis = accesspreviews.basis(work, changes)
    ops = list(work.notes.ops)
    try:
        with work.savepoint():
            _carry_out(work, changes, reason=reason, consent=consent, authors=authors)
            _undo()
    except _Undone:
        work.notes.ops[:] = ops
    return basis


class _Undone(Exception):
    """Takes back what was only tried."""


def _undo() -> None:
    raise _Undone


def _carry_out(
    work: Work, changes: Sequence[Change], *, reason: str, consent: Consent, authors: Collection[UUID]
) -> None:
    """Make the changes one by one; the authors must be able to make each, as things then are, too."""
    op = Op.ACCESSCHANGE_EDIT if consent.is_trial else Op.ACCESSCHANGE_APPROVE
    for number, change in enumerate(changes):
        with _numbered(number):
            proposers.require_able(work, authors, change, proposal_id=consent.proposal_id, op=op)
            _do(work, change, reason=reason, consent=consent)
        work.check_deadline()


@contextmanager
def _numbered(number: int) -> Iterator[None]:
    """Tell which change an error speaks of."""
    try:
        yield
    except DoorError:
        raise
    except DmsError as error:
        error.path = ("changes", str(number), *error.path)
        raise


def _do(work: Work, change: Change, *, reason: str, consent: Consent) -> None:
    match change:
        case EntryGrant():
            accesslists.grant(work, accesspreviews.draft_of(change, reason=reason), consent=consent)
        case EntryRevoke():
            accesslists.revoke(work, entry_id=change.entry_id, reason=reason, consent=consent)
        case LinkMake():
            _link(work, change, reason=reason, consent=consent)
        case LinkEnd():
            _unlink(work, change, reason=reason, consent=consent)
        case ClearanceGrant():
            clearances.grant(
                work,
                user_id=change.user_id,
                asked=AskedMark(change.level, change.compartments),
                valid_from=change.valid_from,
                valid_until=change.valid_until,
                reason=reason,
                consent=consent,
            )
        case ClearanceRevoke():
            clearances.revoke(work, clearance_id=change.clearance_id, reason=reason)
        case MarkSet():
            securitychanges.set_by_two(
                work,
                kind=accesspreviews.MARKED[change.object_kind],
                object_id=change.object_id,
                asked=AskedMark(change.level, change.compartments),
                reason=reason,
                expected_revision=change.expected_revision,
                consent=consent,
            )
        case _:
            assert_never(change)


def _link(work: Work, change: LinkMake, *, reason: str, consent: Consent) -> None:
    member, group = memberships.pair(work, member_id=change.member_id, group_id=change.group_id)
    period = {"valid_from": change.valid_from, "valid_until": change.valid_until}
    if group.kind is PrincipalKind.ROLE:
        memberships.role_assign(
            work, role_id=group.id, member_id=member.id, **period, reason=reason, consent=consent
        )
    else:
        memberships.member_add(
            work, group_id=group.id, member_id=member.id, **period, reason=reason, consent=consent
        )


def _unlink(work: Work, change: LinkEnd, *, reason: str, consent: Consent) -> None:
    member, group = memberships.pair(work, member_id=change.member_id, group_id=change.group_id)
    if group.kind is PrincipalKind.ROLE:
        memberships.role_withdraw(work, role_id=group.id, member_id=member.id, reason=reason, consent=consent)
    else:
        memberships.member_remove(
            work, group_id=group.id, member_id=member.id, reason=reason, consent=consent
        )


def _open_proposal(work: Work, proposal_id: UUID) -> AccessProposal:
    """Return a proposal that waits, for who may decide or edit it: officers, and whoever proposed it."""
    row = accessproposalviews.reading(work).one(proposal_id)
    if gate.account_id(work) != row.proposed_by and not accessproposalviews.stands_in(work):
        gate.require_duty(work, Duty.CLEARANCES_MANAGE)
    state = accessproposalviews.state_of(work, row)
    if state is not ProposalState.PROPOSED:
        message = f"the proposal is in state `{state}`: nothing changes it; propose anew what is still needed"
        raise State(message, state=state)
    return row


def _require_other(work: Work, row: AccessProposal) -> None:
    if gate.account_id(work) in _authors(row):
        message = "another person than its proposer and its editors must approve this: ask another officer"
        error = SecondPerson(message)
        raise gate.refused(work, error, object_id=row.id, action=Op.ACCESSCHANGE_APPROVE)


def _authors(row: AccessProposal) -> frozenset[UUID]:
    """Return who proposed or edited it: they stand behind what it says now."""
    return frozenset({row.proposed_by, *accessproposalviews.editors_of(row)})


def _require_basis(work: Work, row: AccessProposal, changes: Sequence[Change]) -> None:
    """Raise `Conflict` if what the effects rest on has changed; tell first if nobody stands behind it."""
    if revisions.head(work)[0] == row.base_revision:
        return
    if accesspreviews.basis(work, changes) == row.basis_sha256:
        return
    for number, change in enumerate(changes):
        with _numbered(number):
            proposers.require_able(
                work, _authors(row), change, proposal_id=row.id, op=Op.ACCESSCHANGE_APPROVE
            )
    raise Conflict(
        "whom it reaches, or what differs for them, has changed since: rehearse it again; then let its "
        "proposer edit it, be it without a change, and approve the new digest"
    )


def _expect(row: AccessProposal, digest: str) -> None:
    if digest != row.digest:
        raise Conflict(
            "it says something else than this digest: read it again with `accessChangeProposals`, and name "
            "the digest that you then see",
            path=("digest",),
        )


def _decide(work: Work, row: AccessProposal, *, state: ProposalState, note: str | None) -> None:
    row.state = state
    row.decided_by = work.actor.principal_id
    row.decided_at = work.now
    row.decision_note = note
    work.flush()
    work.changed(
        row.id,
        before=row.base_revision,
        after=row.applied_revision or row.base_revision,
        old={"state": ProposalState.PROPOSED.value},
        new={"state": state.value, "note": note},
    )
