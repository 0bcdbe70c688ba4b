"""Groups, and the dated links by which accounts belong to them and to roles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeVar
from uuid import UUID

import strawberry

from dms.access.revisions import LOCK
from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.base.paging import Page
from dms.graphql import paging, principals
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node, Siblings, nested_field
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.scalars import asked_id, shown_id, shown_instant
from dms.graphql.words import Duty, Validity
from dms.models import users as models
from dms.models.users import PrincipalKind
from dms.rules.accessevents import Op
from dms.services import memberships, membershipviews, validity
from dms.services import principals as open_principals
from dms.stores.work import Work

V = TypeVar("V")

Standing = Annotated[
    Validity | None, strawberry.argument(description="Only those that stand so now; all of them if left out.")
]
"""For the argument that narrows a list of links."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The arguments of a nested list of links."""

    first: int | None
    after: str | None
    last: int | None
    before: str | None
    stands: Validity | None


@strawberry.type(description="A dated link by which somebody belongs to a group or holds a role.")
class Membership(Node):
    """A link with who made it and why."""

    member: Principal = strawberry.field(description="The person, service account or group that belongs.")
    group: Principal = strawberry.field(description="The group or role that it belongs to.")
    member_group: Group | None = strawberry.field(
        description="The member with its own members, if it is a group: they belong too."
    )
    valid_from: Instant = strawberry.field(description="From this instant on.")
    valid_until: Instant | None = strawberry.field(
        description="Up to and without this instant; without one it holds until somebody ends it."
    )
    validity: Validity = strawberry.field(description="Where it stands now.")
    reason: str = strawberry.field(description="Why it was made.")
    granted_by: Principal | None = strawberry.field(description="Who made it.")


@strawberry.type(description="Accounts and other groups that get access together.")
class Group(Node):
    """A group; its links are read when they are asked for."""

    name: str = strawberry.field(description="Its unique name among groups.")
    display_name: str = strawberry.field(description="Its name as people know it.")
    created_at: Instant = strawberry.field(description="When it was made.")
    row_id: strawberry.Private[UUID]
    siblings: strawberry.Private[Siblings[models.Principal]]

    @nested_field(
        description="Who belongs to it, the newest link first. Officers, auditors and administrators see "
        "all links; you see your own."
    )
    def members(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        validity: Standing = None,
    ) -> Connection[Membership]:
        """List the links into it."""
        read = membershipviews.members
        asked = Asked(first, after, last=last, before=before, stands=validity)
        return linked(info, self.siblings, self.row_id, read=read, asked=asked)

    @nested_field(
        description="The groups that it belongs to and the roles that its members hold through it, the "
        "newest link first. For officers, auditors and administrators; empty for all others."
    )
    def memberships(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        validity: Standing = None,
    ) -> Connection[Membership]:
        """List the links out of it."""
        read = membershipviews.belongings
        asked = Asked(first, after, last=last, before=before, stands=validity)
        return linked(info, self.siblings, self.row_id, read=read, asked=asked)


@strawberry.input(description="Which groups to list; what is left out does not narrow the list.")
class GroupFilter:
    """What narrows a list of groups."""

    name_starts: str | None = strawberry.field(
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


def linked(
    info: Info, siblings: Siblings[V], key: UUID, *, read: membershipviews.Links, asked: Asked
) -> Connection[Membership]:
    """Return the links of one principal; the first pages of all its siblings are read together."""
    page = paging.asked(
        info,
        first=asked.first,
        after=asked.after,
        last=asked.last,
        before=asked.before,
        filter={"of": key.hex, "validity": asked.stands},
    )

    def pages(views: Mapping[UUID, V]) -> Mapping[UUID, Page[Membership]]:
        return _pages(info.work, read(info.work, views.keys(), page.request, stands=asked.stands))

    return page.connection(siblings.pages(info, key, page.request, read=pages)[key])


def shown_groups(rows: Iterable[models.Principal]) -> Mapping[UUID, Group]:
    """Shape the groups of one list, by id."""
    found = {row.id: row for row in rows}
    siblings = Siblings(found)
    return {
        key: Group(
            id=shown_id(Kind.GROUP, key),
            name=row.name,
            display_name=row.display_name,
            created_at=Instant(row.created_at),
            row_id=key,
            siblings=siblings,
        )
        for key, row in found.items()
    }


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return groups by id, for `node`."""
    return shown_groups(membershipviews.group_nodes(info.work, ids).values())


def _pages(work: Work, pages: Mapping[UUID, Page[models.PrincipalLink]]) -> Mapping[UUID, Page[Membership]]:
    links = shown(work, [row for page in pages.values() for row in page.rows])
    return {key: page.map(lambda row: links[row.id]) for key, page in pages.items()}


def shown(work: Work, rows: Collection[models.PrincipalLink]) -> Mapping[UUID, Membership]:
    """Shape links, by id, with the names in them."""
    named = {each for row in rows for each in (row.member_id, row.group_id, row.granted_by) if each}
    found = open_principals.named(work, named)
    members = {found[row.member_id] for row in rows}
    groups = shown_groups(row for row in members if row.kind is PrincipalKind.GROUP)
    names = {key: principals.shown(row) for key, row in found.items()}
    return {row.id: _shape(row, names=names, groups=groups, now=work.now) for row in rows}


def _shape(
    row: models.PrincipalLink,
    *,
    names: Mapping[UUID, Principal],
    groups: Mapping[UUID, Group],
    now: int,
) -> Membership:
    return Membership(
        id=shown_id(Kind.PRINCIPAL_LINK, row.id),
        member=names[row.member_id],
        group=names[row.group_id],
        member_group=groups.get(row.member_id),
        valid_from=Instant(row.valid_from),
        valid_until=shown_instant(row.valid_until),
        validity=validity.of(row, now=now),
        reason=row.reason,
        granted_by=principals.one_of(names, row.granted_by),
    )


def link_nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return links by id, for `node`."""
    return shown(info.work, membershipviews.link_nodes(info.work, ids).values())


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
        starts = filter.name_starts if filter else None
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
        by_id = shown_groups(found.rows)
        return page.connection(found.map(lambda row: by_id[row.id]))


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
        return GroupCreatePayload(group=shown_groups([row])[row.id])

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
        return GroupMemberAddPayload(membership=shown(info.work, [row])[row.id])

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
        return GroupMemberRemovePayload(membership=shown(info.work, [row])[row.id])
