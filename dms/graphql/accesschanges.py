"""Changes of who may what, as they are asked to be rehearsed or proposed together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import principals
from dms.graphql.accesslists import asked_node
from dms.graphql.scalars import asked_id
from dms.graphql.security import SecurityClassificationInput
from dms.graphql.words import Action, Effect
from dms.rules import accesschanges as rules
from dms.rules.access import NodeKind
from dms.rules.accesschanges import MAX_CHANGES, Change
from dms.stores.work import Work


@strawberry.input(description="Something that would begin and end.")
class DatedChange:
    """From when until when."""

    valid_from: Instant | None = strawberry.field(
        default=None, description="From when on; from when it is written if left out."
    )
    valid_until: Instant | None = strawberry.field(
        default=None, description="Up to and without this instant; until it is ended if left out."
    )


@strawberry.input(description="An access entry that would be written.")
class EntryGrantChange(DatedChange):
    """Who, what, where, from when until when."""

    node_id: strawberry.ID = strawberry.field(
        description="A Document, Aggregation, class, scheme or the Repository; it holds there and below."
    )
    principal_id: strawberry.ID = strawberry.field(
        description="A person, group, role, service account or everyone."
    )
    action: Action = strawberry.field(description="What it is about.")
    effect: Effect = strawberry.field(
        default=Effect.ALLOW, description="Whether it gives or refuses; it gives if left out."
    )

    def asked(self, work: Work) -> Change:
        """Return it as the services take it."""
        kind, node_id = asked_node(self.node_id)
        return rules.EntryGrant(
            principals.asked_principal(work, self.principal_id),
            kind,
            node_id,
            self.action,
            self.effect,
            self.valid_from,
            self.valid_until,
        )


@strawberry.input(description="An access entry that would be ended.")
class EntryRevokeChange:
    """Which one."""

    access_entry_id: strawberry.ID = strawberry.field(description="The access entry that ends.")

    def asked(self, work: Work) -> Change:
        """Return it as the services take it."""
        del work
        return rules.EntryRevoke(asked_id(Kind.ACCESS_ENTRY, self.access_entry_id))


@strawberry.input(description="A membership that would begin.")
class MemberAddChange(DatedChange):
    """Who, where, from when until when."""

    group_id: strawberry.ID = strawberry.field(description="The group that somebody gets into.")
    member_id: strawberry.ID = strawberry.field(description="A person, service account or group.")

    def asked(self, work: Work) -> Change:
        """Return it as the services take it."""
        return rules.LinkMake(
            principals.asked_principal(work, self.member_id),
            asked_id(Kind.GROUP, self.group_id),
            self.valid_from,
            self.valid_until,
        )


@strawberry.input(description="A membership that would end.")
class MemberRemoveChange:
    """Who, where."""

    group_id: strawberry.ID = strawberry.field(description="The group that somebody leaves.")
    member_id: strawberry.ID = strawberry.field(description="A person, service account or group.")

    def asked(self, work: Work) -> Change:
        """Return it as the services take it."""
        member = principals.asked_principal(work, self.member_id)
        return rules.LinkEnd(member, asked_id(Kind.GROUP, self.group_id))


@strawberry.input(description="A role that would be given.")
class RoleAssignChange(DatedChange):
    """To whom, from when until when."""

    role_id: strawberry.ID = strawberry.field(description="The office that somebody gets.")
    member_id: strawberry.ID = strawberry.field(description="A person, service account or group.")

    def asked(self, work: Work) -> Change:
        """Return it as the services take it."""
        return rules.LinkMake(
            principals.asked_principal(work, self.member_id),
            asked_id(Kind.ROLE, self.role_id),
            self.valid_from,
            self.valid_until,
        )


@strawberry.input(description="A role that would be taken back.")
class RoleWithdrawChange:
    """From whom."""

    role_id: strawberry.ID = strawberry.field(description="The office that somebody loses.")
    member_id: strawberry.ID = strawberry.field(description="A person, service account or group.")

    def asked(self, work: Work) -> Change:
        """Return it as the services take it."""
        member = principals.asked_principal(work, self.member_id)
        return rules.LinkEnd(member, asked_id(Kind.ROLE, self.role_id))


@strawberry.input(description="A clearance that would be given.")
class ClearanceGrantChange(DatedChange):
    """To whom, how high, from when until when."""

    user_id: strawberry.ID = strawberry.field(description="A person or service account.")
    level: str = strawberry.field(description="The code of the highest level.")
    compartments: list[str] = strawberry.field(
        default_factory=list, description="The codes of all compartments; none if left out."
    )

    def asked(self, work: Work) -> Change:
        """Return it as the services take it."""
        return rules.ClearanceGrant(
            principals.asked_principal(work, self.user_id),
            self.level,
            tuple(sorted(set(self.compartments))),
            self.valid_from,
            self.valid_until,
        )


@strawberry.input(description="A clearance that would be ended.")
class ClearanceRevokeChange:
    """Which one."""

    clearance_id: strawberry.ID = strawberry.field(description="The clearance that ends.")

    def asked(self, work: Work) -> Change:
        """Return it as the services take it."""
        del work
        return rules.ClearanceRevoke(asked_id(Kind.CLEARANCE, self.clearance_id))


@strawberry.input(description="A classification that a thing would bear.")
class MarkSetChange:
    """Which mark."""

    expected_revision: int = strawberry.field(description="The revision of it that you have seen.")
    security_classification: SecurityClassificationInput = strawberry.field(
        description="The whole new classification: what is left out is dropped."
    )

    def mark_on(self, kind: NodeKind, node_id: UUID) -> Change:
        """Return it as the services take it."""
        mark = self.security_classification
        return rules.MarkSet(
            kind, node_id, mark.level, tuple(sorted(set(mark.compartments))), self.expected_revision
        )


@strawberry.input(description="A classification that a Document would bear.")
class DocumentSecurityChange(MarkSetChange):
    """Which Document."""

    document_id: strawberry.ID = strawberry.field(description="The Document that gets another mark.")

    def asked(self, work: Work) -> Change:
        """Return it as the services take it."""
        del work
        return self.mark_on(NodeKind.DOCUMENT, asked_id(Kind.DOCUMENT, self.document_id))


@strawberry.input(description="A classification that an Aggregation would bear.")
class AggregationSecurityChange(MarkSetChange):
    """Which Aggregation."""

    aggregation_id: strawberry.ID = strawberry.field(
        description="The Aggregation; what lies in it keeps its own."
    )

    def asked(self, work: Work) -> Change:
        """Return it as the services take it."""
        del work
        return self.mark_on(NodeKind.AGGREGATION, asked_id(Kind.AGGREGATION, self.aggregation_id))


@strawberry.input(one_of=True, description="One change of who may what: exactly one of these.")
class AccessChangeInput:
    """What kind of change, and which."""

    entry_grant: strawberry.Maybe[EntryGrantChange] = strawberry.field(description="Write an access entry.")
    entry_revoke: strawberry.Maybe[EntryRevokeChange] = strawberry.field(description="End an access entry.")
    member_add: strawberry.Maybe[MemberAddChange] = strawberry.field(description="Put somebody into a group.")
    member_remove: strawberry.Maybe[MemberRemoveChange] = strawberry.field(
        description="Take somebody out of a group."
    )
    role_assign: strawberry.Maybe[RoleAssignChange] = strawberry.field(description="Give a role.")
    role_withdraw: strawberry.Maybe[RoleWithdrawChange] = strawberry.field(description="Take a role back.")
    clearance_grant: strawberry.Maybe[ClearanceGrantChange] = strawberry.field(
        description="Give a clearance."
    )
    clearance_revoke: strawberry.Maybe[ClearanceRevokeChange] = strawberry.field(
        description="End a clearance."
    )
    document_security: strawberry.Maybe[DocumentSecurityChange] = strawberry.field(
        description="Change the classification of a Document."
    )
    aggregation_security: strawberry.Maybe[AggregationSecurityChange] = strawberry.field(
        description="Change the classification of an Aggregation."
    )


CHANGES = f"Up to {MAX_CHANGES} changes, each about something else; they are written in this order."
"""Describes a list of changes."""


def asked_changes(work: Work, changes: Sequence[AccessChangeInput]) -> tuple[Change, ...]:
    """Read changes; ids that name nothing of their kind read as absent."""
    return tuple(_asked(work, change) for change in changes)


def _asked(work: Work, change: AccessChangeInput) -> Change:
    given = (getattr(change, each.name) for each in dataclasses.fields(change))
    asked: Change = next(each.value for each in given if each is not None).asked(work)
    return asked
