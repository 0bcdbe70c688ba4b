"""Roles: offices with their duties, and who holds them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.revisions import LOCK
from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import memberships as links
from dms.graphql import paging, principals
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node
from dms.graphql.paging import After, Before, Connection, First, Last
from dms.graphql.principals import Membership, Role
from dms.graphql.scalars import asked_id
from dms.graphql.words import Duty
from dms.rules.accessevents import Op
from dms.services import memberships, membershipviews


@strawberry.input(description="The gift of a role.")
class RoleAssignInput(Creation):
    """Who gets which role, from when until when, and why."""

    role_id: strawberry.ID = strawberry.field(description="The office that is given.")
    member_id: strawberry.ID = strawberry.field(
        description="A person, service account or group; nothing that you belong to, nor yourself."
    )
    valid_from: Instant | None = strawberry.field(
        default=None, description="From when on; from now on if left out."
    )
    valid_until: Instant | None = strawberry.field(
        default=None, description="Up to and without this instant; until it is withdrawn if left out."
    )
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.input(description="The end of a role for somebody.")
class RoleWithdrawInput:
    """Who loses which role, and why."""

    role_id: strawberry.ID = strawberry.field(description="The office that is taken back.")
    member_id: strawberry.ID = strawberry.field(description="Who holds it by a link of his own.")
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.type(description="What came of giving a role.")
class RoleAssignPayload(Payload):
    """The link, or why not."""

    membership: Membership | None = strawberry.field(default=None, description="The new link.")


@strawberry.type(description="What came of taking a role back.")
class RoleWithdrawPayload(Payload):
    """The link, or why not."""

    membership: Membership | None = strawberry.field(default=None, description="The link, ended.")


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return roles by id, for `node`."""
    found = membershipviews.role_nodes(info.work, ids)
    return principals.shown(info.work, [role.principal for role in found.values()])


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.ROLE_LIST,
        needs=OPEN,
        description="All roles in order of their names, with what they give. Their holders show to "
        "officers, auditors and administrators.",
    )
    def roles(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Role] | None:
        """List roles."""
        page = paging.asked(info, first=first, after=after, last=last, before=before, order="name")
        found = membershipviews.roles(info.work, page.request)
        shown = principals.shown_as(Role, info.work, [role.principal for role in found.rows])
        return page.connection(found.map(lambda role: shown[role.principal.id]))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.ROLE_ASSIGN,
        needs=OPEN,  # an administrator names the first officer, while nobody holds `clearances.manage`
        locks=(LOCK,),
        creates=Made("membership", links.link_nodes),
        description="Give a role to another account, or to a group that you do not belong to. For officers "
        "with the duty `clearances.manage`; while there is none, an administrator names the first.",
    )
    def role_assign(self, info: Info, input: Annotated[RoleAssignInput, INPUT]) -> RoleAssignPayload | None:
        """Give a role."""
        row = memberships.role_assign(
            info.work,
            role_id=asked_id(Kind.ROLE, input.role_id),
            member_id=principals.asked_principal(info.work, input.member_id),
            valid_from=input.valid_from,
            valid_until=input.valid_until,
            reason=input.reason,
        )
        return RoleAssignPayload(membership=principals.shown_links(info.work, [row])[row.id])

    @mutation_field(
        op=Op.ROLE_WITHDRAW,
        needs=Duty.CLEARANCES_MANAGE,
        locks=(LOCK,),
        description="Take a role back, unless its office would be left without a holder.",
    )
    def role_withdraw(
        self, info: Info, input: Annotated[RoleWithdrawInput, INPUT]
    ) -> RoleWithdrawPayload | None:
        """Take a role back."""
        row = memberships.role_withdraw(
            info.work,
            role_id=asked_id(Kind.ROLE, input.role_id),
            member_id=principals.asked_principal(info.work, input.member_id),
            reason=input.reason,
        )
        return RoleWithdrawPayload(membership=principals.shown_links(info.work, [row])[row.id])
