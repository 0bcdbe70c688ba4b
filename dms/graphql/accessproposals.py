"""Proposed changes of who may what: one person proposes, another approves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.revisions import LOCK
from dms.access.scopes import PLACES
from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import enums, paging, principals
from dms.graphql.accesschanges import CHANGES, AccessChangeInput, asked_changes
from dms.graphql.accesslists import shown_node_ids
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.scalars import Digest, asked_id, shown_id, shown_instant
from dms.graphql.words import Action, Effect, NodeKind
from dms.models import accessproposals as models
from dms.models.accessproposals import ProposalState
from dms.rules.accesschanges import ChangeKind
from dms.rules.accessevents import Op
from dms.services import accessproposals, accessproposalviews
from dms.services.accessproposalviews import Said
from dms.stores.work import Work

_LOCKS = (LOCK, PLACES)
"""What entries, links, clearances and marks lock, one by one."""

enums.show(
    ProposalState,
    name="AccessProposalState",
    description="How far a proposal has come.",
    values={
        ProposalState.PROPOSED: "It waits for a second person.",
        ProposalState.APPLIED: "All its changes were made.",
        ProposalState.REJECTED: "It was turned down, or taken back.",
        ProposalState.EXPIRED: "Nobody decided it within seven days.",
    },
)
enums.show(
    ChangeKind,
    name="AccessChangeKind",
    description="What a change of who may what does.",
    values={
        ChangeKind.ENTRY_GRANT: "Writes an access entry.",
        ChangeKind.ENTRY_REVOKE: "Ends an access entry.",
        ChangeKind.LINK_MAKE: "Puts somebody into a group, or gives a role.",
        ChangeKind.LINK_END: "Takes somebody out of a group, or a role away.",
        ChangeKind.CLEARANCE_GRANT: "Gives a clearance.",
        ChangeKind.CLEARANCE_REVOKE: "Ends a clearance.",
        ChangeKind.MARK_SET: "Changes a security classification.",
    },
)


@strawberry.type(description="One change of a proposal. Fields that its kind has no use for are null.")
class AccessChange:
    """What would change."""

    kind: ChangeKind = strawberry.field(description="What it does.")
    is_withheld: bool = strawberry.field(
        description="Whether it is about a thing that you may not know of: nothing else is told then, and "
        "you cannot approve the proposal."
    )
    principal: Principal | None = strawberry.field(
        description="Whom the entry names, who gets into the group, or whose clearance it is."
    )
    group: Principal | None = strawberry.field(description="The group or role.")
    node_kind: NodeKind | None = strawberry.field(description="What the entry is on, or what is marked.")
    node_id: strawberry.ID | None = strawberry.field(description="What the entry is on, or what is marked.")
    action: Action | None = strawberry.field(description="What the entry is about.")
    effect: Effect | None = strawberry.field(description="Whether the entry gives or refuses.")
    level: str | None = strawberry.field(description="The code of the level of a clearance or mark.")
    compartments: list[str] = strawberry.field(description="The codes of its compartments.")
    valid_from: Instant | None = strawberry.field(
        description="From when on; from when it is written if none is said."
    )
    valid_until: Instant | None = strawberry.field(description="Up to and without this instant.")


@strawberry.type(description="Changes of who may what that wait for a second person, or did.")
class AccessProposal(Node):
    """A proposal with what became of it."""

    state: ProposalState = strawberry.field(description="How far it has come.")
    changes: list[AccessChange] = strawberry.field(
        description="What it says, at most 500 changes; all of them are made, or none."
    )
    reason: str = strawberry.field(description="Why; every change is written with this reason.")
    digest: Digest = strawberry.field(
        description="What an approval is bound to: name it to say that you have read just this, and what it "
        "would do. After an edit that says or would do something else it is another."
    )
    proposed_by: Principal | None = strawberry.field(description="Who proposed it.")
    proposed_at: Instant = strawberry.field(description="When it was proposed.")
    edited_by: list[Principal] = strawberry.field(description="Who edited it since; they cannot approve it.")
    expires_at: Instant = strawberry.field(
        description="Up to and without this instant a second person may decide."
    )
    decided_by: Principal | None = strawberry.field(description="Who decided it.")
    decided_at: Instant | None = strawberry.field(description="When it was decided.")
    note: str | None = strawberry.field(description="What the second person remarked.")


@strawberry.input(description="Which proposals to list; what is left out does not narrow the list.")
class AccessProposalFilter:
    """What narrows a list of proposals."""

    state: ProposalState | None = strawberry.field(default=None, description="Only those in this state now.")


@strawberry.input(description="Changes of who may what for a second person to approve.")
class AccessChangeProposeInput(Creation):
    """The changes, and why."""

    changes: list[AccessChangeInput] = strawberry.field(description=CHANGES)
    reason: str = strawberry.field(description="Why; every change is written with this reason.")


@strawberry.input(description="What a proposal shall say instead.")
class AccessChangeEditInput:
    """Which proposal, all of its changes, and why."""

    id: strawberry.ID = strawberry.field(description="The proposal.")
    digest: Digest = strawberry.field(description="The digest of what you have read of it.")
    changes: list[AccessChangeInput] = strawberry.field(
        description=f"All of it, not only what is new. {CHANGES}"
    )
    reason: str = strawberry.field(description="Why; every change is written with this reason.")


@strawberry.input(description="The consent of a second person.")
class AccessChangeApproveInput:
    """Which proposal, what it said, and a remark."""

    id: strawberry.ID = strawberry.field(description="The proposal; not one that you proposed or edited.")
    digest: Digest = strawberry.field(description="The digest of what you have read of it.")
    note: str | None = strawberry.field(default=None, description="A remark.")


@strawberry.input(description="The refusal of a second person, or of who proposed it.")
class AccessChangeRejectInput:
    """Which proposal, and why not."""

    id: strawberry.ID = strawberry.field(description="The proposal.")
    note: str = strawberry.field(description="Why not.")


@strawberry.type(description="What came of proposing changes.")
class AccessChangeProposePayload(Payload):
    """The proposal, or why not."""

    access_proposal: AccessProposal | None = strawberry.field(
        default=None, description="What was proposed, as the second person will read it."
    )


@strawberry.type(description="What came of editing a proposal.")
class AccessChangeEditPayload(Payload):
    """The proposal, or why not."""

    access_proposal: AccessProposal | None = strawberry.field(
        default=None, description="The proposal as it is now."
    )


@strawberry.type(description="What came of approving a proposal.")
class AccessChangeApprovePayload(Payload):
    """The proposal, or why not."""

    access_proposal: AccessProposal | None = strawberry.field(
        default=None, description="The proposal, carried out."
    )


@strawberry.type(description="What came of turning a proposal down.")
class AccessChangeRejectPayload(Payload):
    """The proposal, or why not."""

    access_proposal: AccessProposal | None = strawberry.field(
        default=None, description="The proposal, rejected."
    )


def shown_proposals(work: Work, rows: Sequence[models.AccessProposal]) -> Mapping[UUID, AccessProposal]:
    """Shape proposals, by id."""
    said = {row.id: accessproposalviews.said(work, row) for row in rows}
    told = [each for changes in said.values() for each in changes]
    people = {each for row in rows for each in _people(row)}
    named = {each for change in told for each in (change.principal_id, change.group_id)}
    names = principals.named(work, people | named)
    ids = shown_node_ids(work, [change.node for change in told if change.node is not None])
    return {row.id: _shape(work, row, said[row.id], names=names, ids=ids) for row in rows}


def _people(row: models.AccessProposal) -> Iterable[UUID | None]:
    return row.proposed_by, row.decided_by, *accessproposalviews.editors_of(row)


def _shape(
    work: Work,
    row: models.AccessProposal,
    changes: Iterable[Said],
    *,
    names: Mapping[UUID, Principal],
    ids: Mapping[UUID, strawberry.ID],
) -> AccessProposal:
    editors = sorted(accessproposalviews.editors_of(row))
    return AccessProposal(
        id=shown_id(Kind.ACCESS_PROPOSAL, row.id),
        state=accessproposalviews.state_of(work, row),
        changes=[_shown_change(each, names=names, ids=ids) for each in changes],
        reason=row.reason,
        digest=Digest(row.digest),
        proposed_by=principals.one_of(names, row.proposed_by),
        proposed_at=Instant(row.proposed_at),
        edited_by=[names[each] for each in editors],
        expires_at=Instant(row.expires_at),
        decided_by=principals.one_of(names, row.decided_by),
        decided_at=shown_instant(row.decided_at),
        note=row.decision_note,
    )


def _shown_change(
    said: Said, *, names: Mapping[UUID, Principal], ids: Mapping[UUID, strawberry.ID]
) -> AccessChange:
    return AccessChange(
        kind=said.kind,
        is_withheld=said.is_withheld,
        principal=principals.one_of(names, said.principal_id),
        group=principals.one_of(names, said.group_id),
        node_kind=None if said.node is None else said.node[0],
        node_id=None if said.node is None else ids[said.node[1]],
        action=said.action,
        effect=said.effect,
        level=said.level,
        compartments=list(said.compartments),
        valid_from=shown_instant(said.valid_from),
        valid_until=shown_instant(said.valid_until),
    )


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return proposals by id, for `node`."""
    return shown_proposals(info.work, list(accessproposalviews.nodes(info.work, ids).values()))


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.ACCESSCHANGE_LIST,
        needs=OPEN,
        description="Proposed changes of who may what, the newest first: all for officers and auditors, your "
        "own otherwise.",
    )
    def access_change_proposals(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[AccessProposalFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[AccessProposal] | None:
        """List proposals."""
        chosen = filter or AccessProposalFilter()
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter={"state": chosen.state},
            total_up_to=total_up_to,
        )
        found = accessproposalviews.proposals(info.work, page.request, state=chosen.state)
        shown = shown_proposals(info.work, found.rows)
        return page.connection(found.among(shown))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.ACCESSCHANGE_PROPOSE,
        needs=Action.MANAGE_ACCESS,
        locks=_LOCKS,
        creates=Made("access_proposal", nodes),
        description="Propose changes to a second person, who has seven days. They are tried out with your "
        "rights, and undone. What reaches you through a group, a role or everyone you may propose; what "
        "names you, not.",
    )
    def access_change_propose(
        self, info: Info, input: Annotated[AccessChangeProposeInput, INPUT]
    ) -> AccessChangeProposePayload | None:
        """Propose."""
        changes = asked_changes(info.work, input.changes)
        row = accessproposals.propose(info.work, changes, reason=input.reason)
        return AccessChangeProposePayload(access_proposal=shown_proposals(info.work, [row])[row.id])

    @mutation_field(
        op=Op.ACCESSCHANGE_EDIT,
        needs=Action.MANAGE_ACCESS,
        locks=_LOCKS,
        description="Change what is proposed, within what its proposer could propose; the seven days begin "
        "anew. Whoever edits it cannot approve it.",
    )
    def access_change_edit(
        self, info: Info, input: Annotated[AccessChangeEditInput, INPUT]
    ) -> AccessChangeEditPayload | None:
        """Edit a proposal."""
        row = accessproposals.edit(
            info.work,
            proposal_id=asked_id(Kind.ACCESS_PROPOSAL, input.id),
            digest=input.digest,
            changes=asked_changes(info.work, input.changes),
            reason=input.reason,
        )
        return AccessChangeEditPayload(access_proposal=shown_proposals(info.work, [row])[row.id])

    @mutation_field(
        op=Op.ACCESSCHANGE_APPROVE,
        needs=Action.MANAGE_ACCESS,
        locks=_LOCKS,
        description="Carry out what is proposed, all of it or nothing, as somebody who neither proposed nor "
        "edited it and may make its changes. Refused if what it rests on has changed since, or if who "
        "proposed or edited it could not make its changes any more.",
    )
    def access_change_approve(
        self, info: Info, input: Annotated[AccessChangeApproveInput, INPUT]
    ) -> AccessChangeApprovePayload | None:
        """Consent."""
        row = accessproposals.approve(
            info.work,
            proposal_id=asked_id(Kind.ACCESS_PROPOSAL, input.id),
            digest=input.digest,
            note=input.note,
        )
        return AccessChangeApprovePayload(access_proposal=shown_proposals(info.work, [row])[row.id])

    @mutation_field(
        op=Op.ACCESSCHANGE_REJECT,
        needs=OPEN,
        description="Turn a proposal down, as an officer; whoever proposed it takes it back so.",
    )
    def access_change_reject(
        self, info: Info, input: Annotated[AccessChangeRejectInput, INPUT]
    ) -> AccessChangeRejectPayload | None:
        """Turn down."""
        row = accessproposals.reject(
            info.work, proposal_id=asked_id(Kind.ACCESS_PROPOSAL, input.id), note=input.note
        )
        return AccessChangeRejectPayload(access_proposal=shown_proposals(info.work, [row])[row.id])
