"""Groups, and the dated links by which accounts belong to them and to roles."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.revisions import LOCK
from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import paging, principals
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Group, Membership
from dms.graphql.scalars import asked_id
from dms.graphql.words import Duty
from dms.rules.accessevents import Op
from dms.services import memberships, membershipviews


@strawberry.input(description="Which groups to list; what is left out does not narrow the list.")
class GroupFilter:
    """What narrows a list of groups."""

    name_starts_with: str | None = strawberry.field(
        default=None, description="Only those whose name begins with this."
    )


@strawberry.input(description="A new group.")
class GroupCreateInput(Creation):
    """What a group begins with."""

    name: str = strawberry.field(
        description="Lower-case letters, digits, `.`, `-`, `_`; no other group has it. It never changes."
    )
    display_name: str = strawberry.field(description="Its name as people know it.")


@strawberry.input(description="A new member of a group.")
class GroupMemberAddInput(Creation):
    """Who belongs to what, from when until when, and why."""

    group_id: strawberry.ID = strawberry.field(description="The group that gets a member.")
    member_id: strawberry.ID = strawberry.field(
        description="A person, service account or other group; nothing that you belong to, nor yourself."
    )
    valid_from: Instant | None = strawberry.field(
        default=None, description="From when on; from now on if left out."
    )
    valid_until: Instant | None = strawberry.field(
        default=None, description="Up to and without this instant; until somebody ends it if left out."
    )
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.input(description="The end of a membership.")
class GroupMemberRemoveInput:
    """Who leaves what, and why."""

    group_id: strawberry.ID = strawberry.field(description="The group that loses a member.")
    member_id: strawberry.ID = strawberry.field(description="Its member; not yourself.")
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.type(description="What came of making a group.")
class GroupCreatePayload(Payload):
    """The group, or why not."""

    group: Group | None = strawberry.field(default=None, description="The new group.")


@strawberry.type(description="What came of adding a member.")
class GroupMemberAddPayload(Payload):
    """The link, or why not."""

    membership: Membership | None = strawberry.field(default=None, description="The new link.")


@strawberry.type(description="What came of taking a member out.")
class GroupMemberRemovePayload(Payload):
    """The link, or why not."""

    membership: Membership | None = strawberry.field(default=None, description="The link, ended.")


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return groups by id, for `node`."""
    return principals.shown(info.work, membershipviews.group_nodes(info.work, ids).values())


def link_nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return links by id, for `node`."""
    return principals.shown_links(info.work, membershipviews.link_nodes(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.GROUP_LIST,
        needs=OPEN,
        description="All groups in order of their names. Their members show to officers, auditors and "
        "administrators.",
    )
    def groups(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[GroupFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[Group] | None:
        """List groups."""
        starts = filter.name_starts_with if filter else None
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=starts,
            order="name",
            total_up_to=total_up_to,
        )
        found = membershipviews.groups(info.work, page.request, name_starts=starts)
        by_id = principals.shown_as(Group, info.work, found.rows)
        return page.connection(found.among(by_id))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.GROUP_CREATE,
        needs=Duty.CLEARANCES_MANAGE,
        creates=Made("group", nodes),
        description="Make a group without members. For officers with the duty `clearances.manage`.",
    )
    def group_create(
        self, info: Info, input: Annotated[GroupCreateInput, INPUT]
    ) -> GroupCreatePayload | None:
        """Make a group."""
        row = memberships.create_group(info.work, name=input.name, display_name=input.display_name)
        return GroupCreatePayload(group=principals.shown_as(Group, info.work, [row])[row.id])

    @mutation_field(
        op=Op.GROUP_MEMBER_ADD,
        needs=Duty.CLEARANCES_MANAGE,
        locks=(LOCK,),
        creates=Made("membership", link_nodes),
        description="Put another account, or a group that you do not belong to, into a group; it acts at "
        "once or from `validFrom` on.",
    )
    def group_member_add(
        self, info: Info, input: Annotated[GroupMemberAddInput, INPUT]
    ) -> GroupMemberAddPayload | None:
        """Put a member into a group."""
        row = memberships.member_add(
            info.work,
            group_id=asked_id(Kind.GROUP, input.group_id),
            member_id=principals.asked_principal(info.work, input.member_id),
            valid_from=input.valid_from,
            valid_until=input.valid_until,
            reason=input.reason,
        )
        return GroupMemberAddPayload(membership=principals.shown_links(info.work, [row])[row.id])

    @mutation_field(
        op=Op.GROUP_MEMBER_REMOVE,
        needs=Duty.CLEARANCES_MANAGE,
        locks=(LOCK,),
        description="Take a member out of a group; the next operation is decided without the link.",
    )
    def group_member_remove(
        self, info: Info, input: Annotated[GroupMemberRemoveInput, INPUT]
    ) -> GroupMemberRemovePayload | None:
        """Take a member out of a group."""
        row = memberships.member_remove(
            info.work,
            group_id=asked_id(Kind.GROUP, input.group_id),
            member_id=principals.asked_principal(info.work, input.member_id),
            reason=input.reason,
        )
        return GroupMemberRemovePayload(membership=principals.shown_links(info.work, [row])[row.id])
