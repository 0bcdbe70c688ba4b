"""Principals: people, groups, roles, programs and everyone, and the dated links between them.

A principal is one type wherever it is named, so that an id belongs to one type. What its types hold leads
back to principals, hence all of them stand here; the rooms of `users`, `memberships` and `roles` hold what
is asked for and done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind, parse_global_id
from dms.base.paging import Page
from dms.graphql import enums, paging
from dms.graphql.context import Info
from dms.graphql.nodes import Node, Siblings, nested_field
from dms.graphql.paging import TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.scalars import ABSENT, shown_id, shown_instant
from dms.graphql.words import Action, Duty, PrincipalKind, Validity
from dms.models import users as models
from dms.models.users import PrincipalStatus
from dms.services import membershipviews, principals, validity
from dms.stores.work import Work

P = TypeVar("P", bound="Principal")

_KINDS = {
    PrincipalKind.USER: Kind.USER,
    PrincipalKind.GROUP: Kind.GROUP,
    PrincipalKind.ROLE: Kind.ROLE,
    PrincipalKind.SERVICE: Kind.SERVICE,
    PrincipalKind.EVERYONE: Kind.EVERYONE,
}
_PRINCIPAL_KINDS = {kind: principal for principal, kind in _KINDS.items()}

enums.show(
    PrincipalStatus,
    name="AccountStatus",
    description="Whether an account counts.",
    values={
        PrincipalStatus.ACTIVE: "Its holder can log in and act.",
        PrincipalStatus.DISABLED: "It is refused everywhere; what it did and holds stays on record.",
    },
)

AskedAccount = Annotated[strawberry.ID, strawberry.argument(description="The person or service account.")]
"""For the argument of a question about one account; `asked_principal` reads it."""

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
    up_to: int
    stands: Validity | None


@strawberry.interface(
    description="Somebody who can be named in an access list: a person, group, role, program, or everyone."
)
class Principal(Node):
    """A principal with its names; these are open to every user."""

    kind: PrincipalKind = strawberry.field(description="What it is.")
    name: str = strawberry.field(description="Its unique name among its kind; it never changes.")
    display_name: str = strawberry.field(description="Its name as people know it.")
    row_id: strawberry.Private[UUID]
    siblings: strawberry.Private[Siblings[models.Principal]]


@strawberry.type(description="A dated link by which somebody belongs to a group or holds a role.")
class Membership(Node):
    """A link with who made it and why."""

    member: Principal = strawberry.field(description="The person, service account or group that belongs.")
    group: Principal = strawberry.field(description="The group or role that it belongs to.")
    valid_from: Instant = strawberry.field(description="From this instant on.")
    valid_until: Instant | None = strawberry.field(
        description="Up to and without this instant; without one it holds until somebody ends it."
    )
    validity: Validity = strawberry.field(description="Where it stands now.")
    reason: str = strawberry.field(description="Why it was made.")
    granted_by: Principal | None = strawberry.field(description="Who made it; null if a command did.")


def _links(read: membershipviews.Links, *, description: str) -> Any:  # what Strawberry makes a field of
    """Make the nested list of the links that `read` finds of a principal."""

    @nested_field(description=description)
    def links(  # noqa: PLR0917  arguments arrive by name
        self: Principal,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        validity: Standing = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[Membership]:
        asked = Asked(first, after, last=last, before=before, up_to=total_up_to, stands=validity)
        return _linked(info, self, read, asked)

    return links


@strawberry.type(description="Somebody who can log in and belong to groups.")
class Account(Principal):
    """What accounts of people and of programs show alike."""

    status: PrincipalStatus = strawberry.field(description="Whether it counts.")
    created_at: Instant = strawberry.field(description="When it was made.")
    revision: int = strawberry.field(description="Raised by every change; name it in yours.")

    memberships: Connection[Membership] = _links(
        membershipviews.belongings,
        description="The groups that it belongs to and the roles that it holds by links of its own, the "
        "newest first: yours; everybody's for officers, auditors and administrators, empty for all others.",
    )


@strawberry.type(description="The account of a person. Its names are open to every user.")
class User(Account):
    """An account; its links are read when they are asked for."""


@strawberry.type(description="The account of a program. Its names are open to every user.")
class ServiceAccount(Account):
    """An account that logs in with a key."""


@strawberry.type(description="Everybody who has an account.")
class Everyone(Principal):
    """The one principal to which all accounts belong."""


@strawberry.type(description="Accounts and other groups that get access together.")
class Group(Principal):
    """A group; its links are read when they are asked for."""

    created_at: Instant = strawberry.field(description="When it was made.")

    members: Connection[Membership] = _links(
        membershipviews.members,
        description="Who belongs to it, the newest link first. Officers, auditors and administrators see "
        "all links; you see your own.",
    )

    memberships: Connection[Membership] = _links(
        membershipviews.belongings,
        description="The groups that it belongs to and the roles that its members hold through it, the "
        "newest link first. For officers, auditors and administrators; empty for all others.",
    )


@strawberry.type(description="An office with its duties, as the policy files of this installation give it.")
class Role(Principal):
    """A role; its links are read when they are asked for."""

    duties: list[Duty] = strawberry.field(
        description="The powers that it gives; empty for a role that the policy files have no more."
    )
    actions: list[Action] = strawberry.field(
        description="What it allows on everything that its holder's clearance reaches."
    )
    excludes: list[str] = strawberry.field(
        description="The names of the roles that nobody may hold together with it."
    )

    holders: Connection[Membership] = _links(
        membershipviews.members,
        description="Who holds it, the newest link first; the members of a group that holds it hold it too. "
        "Officers, auditors and administrators see all links; you see your own.",
    )


KINDS = (User, ServiceAccount, Group, Role, Everyone)
"""What a principal may be; for the schema, since no field names each of them."""


def _linked(info: Info, of: Principal, read: membershipviews.Links, asked: Asked) -> Connection[Membership]:
    """Return the links of one principal; the first pages of all its siblings are read together."""
    page = paging.asked(
        info,
        first=asked.first,
        after=asked.after,
        last=asked.last,
        before=asked.before,
        filter={"of": of.row_id.hex, "validity": asked.stands},
        total_up_to=asked.up_to,
    )

    def pages(rows: Mapping[UUID, models.Principal]) -> Mapping[UUID, Page[Membership]]:
        found = read(info.work, rows.keys(), page.request, stands=asked.stands)
        links = shown_links(info.work, [row for each in found.values() for row in each.rows])
        return {key: each.among(links) for key, each in found.items()}

    return page.connection(of.siblings.pages(info, of.row_id, page.request, read=pages)[of.row_id])


def shown(work: Work, rows: Iterable[models.Principal | None]) -> Mapping[UUID, Principal]:
    """Shape the principals of one list, by id; None is left out, for things that no account made."""
    kinds: dict[PrincipalKind, dict[UUID, models.Principal]] = {}
    for row in rows:
        if row is not None:
            kinds.setdefault(row.kind, {})[row.id] = row
    return {
        key: _SHAPES[kind](work, row, siblings)
        for kind, found in kinds.items()
        for siblings in [Siblings(found)]
        for key, row in found.items()
    }


def shown_as(kind: type[P], work: Work, rows: Iterable[models.Principal]) -> Mapping[UUID, P]:
    """Shape the principals of one list that are all of one kind, by id."""
    return {key: each for key, each in shown(work, rows).items() if isinstance(each, kind)}


def named(work: Work, ids: Iterable[UUID | None]) -> Mapping[UUID, Principal]:
    """Return the principals that an answer names, by id, in one reading."""
    found = principals.named(work, {each for each in ids if each is not None})
    return shown(work, found.values())


def one_of(found: Mapping[UUID, Principal], principal_id: UUID | None) -> Principal | None:
    """Return one of the principals found; None for a thing that no account made."""
    return None if principal_id is None else found.get(principal_id)


def asked_principal(work: Work, text: str) -> UUID:
    """Read the id of a principal of any kind; a malformed one, or one of a wrong kind, reads as absent."""
    parsed = parse_global_id(text)
    kind = None if parsed is None else _PRINCIPAL_KINDS.get(parsed[0])
    if parsed is None or kind is None or not principals.is_kind(work, parsed[1], kind=kind):
        return ABSENT
    return parsed[1]


def service_nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return accounts of programs by id, for `node`."""
    return shown(info.work, principals.nodes(info.work, ids, kind=PrincipalKind.SERVICE).values())


def everyone_nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return everyone by its id, for `node`."""
    return shown(info.work, principals.nodes(info.work, ids, kind=PrincipalKind.EVERYONE).values())


def shown_links(work: Work, rows: Collection[models.PrincipalLink]) -> Mapping[UUID, Membership]:
    """Shape links, by id, with the names in them."""
    names = named(work, [each for row in rows for each in (row.member_id, row.group_id, row.granted_by)])
    return {
        row.id: Membership(
            id=shown_id(Kind.PRINCIPAL_LINK, row.id),
            member=names[row.member_id],
            group=names[row.group_id],
            valid_from=Instant(row.valid_from),
            valid_until=shown_instant(row.valid_until),
            validity=validity.of(row, now=work.now),
            reason=row.reason,
            granted_by=one_of(names, row.granted_by),
        )
        for row in rows
    }


_Shaping = Callable[[Work, models.Principal, Siblings[models.Principal]], Principal]


def _account(kind: type[User | ServiceAccount]) -> _Shaping:
    def shape(_work: Work, row: models.Principal, siblings: Siblings[models.Principal]) -> Principal:
        return kind(
            id=shown_id(_KINDS[row.kind], row.id),
            kind=row.kind,
            name=row.name,
            display_name=row.display_name,
            row_id=row.id,
            siblings=siblings,
            status=row.status,
            created_at=Instant(row.created_at),
            revision=row.revision,
        )

    return shape


def _everyone(_work: Work, row: models.Principal, siblings: Siblings[models.Principal]) -> Principal:
    return Everyone(
        id=shown_id(Kind.EVERYONE, row.id),
        kind=row.kind,
        name=row.name,
        display_name=row.display_name,
        row_id=row.id,
        siblings=siblings,
    )


def _group(_work: Work, row: models.Principal, siblings: Siblings[models.Principal]) -> Principal:
    return Group(
        id=shown_id(Kind.GROUP, row.id),
        kind=row.kind,
        name=row.name,
        display_name=row.display_name,
        row_id=row.id,
        siblings=siblings,
        created_at=Instant(row.created_at),
    )


def _role(work: Work, row: models.Principal, siblings: Siblings[models.Principal]) -> Principal:
    found = membershipviews.role(work, row)
    return Role(
        id=shown_id(Kind.ROLE, row.id),
        kind=row.kind,
        name=row.name,
        display_name=found.title,
        row_id=row.id,
        siblings=siblings,
        duties=list(found.duties),
        actions=list(found.actions),
        excludes=list(found.excludes),
    )


_SHAPES: Mapping[PrincipalKind, _Shaping] = {
    PrincipalKind.USER: _account(User),
    PrincipalKind.GROUP: _group,
    PrincipalKind.ROLE: _role,
    PrincipalKind.SERVICE: _account(ServiceAccount),
    PrincipalKind.EVERYONE: _everyone,
}
