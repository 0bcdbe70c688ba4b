"""Groups, roles and the links into them, as lists show them.

Accounts, groups and roles are open words; who belongs to what shows to officers, auditors and
administrators, and to the one whom it names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import InstrumentedAttribute

from dms.access import gate
from dms.access.keyset import Order
from dms.access.reading import Listing
from dms.access.standing import policy_of
from dms.base.paging import Page, PageRequest
from dms.models.users import Principal, PrincipalKind, PrincipalLink, PrincipalStatus
from dms.rules import text
from dms.rules.access import Action, Duty
from dms.rules.accessevents import Op
from dms.rules.periods import Validity
from dms.services import validity
from dms.stores.work import Work

_READERS = frozenset(
    {Duty.CLEARANCES_MANAGE, Duty.USERS_MANAGE, Duty.ACCESS_REVIEW, Duty.POLICY_READ, Duty.LOG_READ}
)
"""Whoever holds one of these sees every link; all others see what they are linked to directly."""


class Links(Protocol):
    """What `members` and `belongings` have in common."""

    def __call__(
        self, work: Work, ids: Collection[UUID], request: PageRequest, /, *, stands: Validity | None
    ) -> Mapping[UUID, Page[PrincipalLink]]:
        """Return a page of the links of each of these."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role as the policy files define it, with the principal that access lists name."""

    principal: Principal
    title: str
    duties: tuple[Duty, ...]
    actions: tuple[Action, ...]
    excludes: tuple[str, ...]
    """Names of the roles that may never meet this one in an account."""


def groups(work: Work, request: PageRequest, *, name_starts: str | None = None) -> Page[Principal]:
    """List groups by name; every account may look them up, to name one in an access list."""
    work.performs(Op.GROUP_LIST)
    return named(work, request, kind=PrincipalKind.GROUP, name_starts=name_starts, status=None)


def roles(work: Work, request: PageRequest) -> Page[Role]:
    """List the roles of the policy files by name."""
    work.performs(Op.ROLE_LIST)
    page = _roles(work).order_by(Order(Principal.name)).page(request)
    return page.map(lambda row: role(work, row))


def group_nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Principal]:
    """Return those of these groups that there are, by id."""
    return gate.listed(work, Principal).where(Principal.kind == PrincipalKind.GROUP).many(ids)


def role_nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Role]:
    """Return those of these roles that the policy files have, by id."""
    return {key: role(work, row) for key, row in _roles(work).many(ids).items()}


def role(work: Work, row: Principal) -> Role:
    """Return a role as the policy files define it; one that they have no more gives nothing."""
    files = policy_of(work).files
    definition = files.roles.get(row.name)
    if definition is None:
        return Role(row, row.display_name, (), (), ())
    return Role(
        principal=row,
        title=definition.title,
        duties=tuple(sorted(definition.duties)),
        actions=tuple(sorted(definition.actions)),
        excludes=tuple(
            sorted(name for pair in files.exclusive if row.name in pair for name in pair - {row.name})
        ),
    )


def link_nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, PrincipalLink]:
    """Return those of these links that the actor may see, by id."""
    return _shown(work).each(ids)


def members(
    work: Work, group_ids: Collection[UUID], request: PageRequest, *, stands: Validity | None = None
) -> Mapping[UUID, Page[PrincipalLink]]:
    """Return a page of the links into each group or role, newest first; a later page goes with one.

    Everybody's for officers, auditors and administrators, one's own for all others.
    """
    return _linked(work, PrincipalLink.group_id, group_ids, request=request, stands=stands)


def belongings(
    work: Work, member_ids: Collection[UUID], request: PageRequest, *, stands: Validity | None = None
) -> Mapping[UUID, Page[PrincipalLink]]:
    """Return a page of the links of each account or group to what it belongs to, as `members` does."""
    return _linked(work, PrincipalLink.member_id, member_ids, request=request, stands=stands)


def named(
    work: Work,
    request: PageRequest,
    *,
    kind: PrincipalKind,
    name_starts: str | None,
    status: PrincipalStatus | None,
) -> Page[Principal]:
    """List principals of one kind by name."""
    reading = gate.listed(work, Principal).where(Principal.kind == kind)
    if name_starts is not None:
        reading = reading.where(
            Principal.name.startswith(text.sought(name_starts.lower(), limit=text.MAX_NAME), autoescape=True)
        )
    if status is not None:
        reading = reading.where(Principal.status == status)
    return reading.order_by(Order(Principal.name)).page(request)


def _linked(
    work: Work,
    owner: InstrumentedAttribute[UUID],
    of: Collection[UUID],
    *,
    request: PageRequest,
    stands: Validity | None,
) -> Mapping[UUID, Page[PrincipalLink]]:
    reading = _shown(work).order_by(Order(PrincipalLink.id, descending=True))
    if stands is not None:
        reading = reading.where(validity.stands(PrincipalLink, stands, now=work.now))
    if request.after is None:
        return reading.pages(owner, of, request=request)
    (key,) = of
    return {key: reading.where(owner == key).page(request)}


def _shown(work: Work) -> Listing[PrincipalLink]:
    reading = gate.listed(work, PrincipalLink)
    if _READERS.isdisjoint(gate.standing(work).duties):
        return reading.where(PrincipalLink.member_id == work.actor.principal_id)
    return reading


def _roles(work: Work) -> Listing[Principal]:
    return gate.listed(work, Principal).where(
        Principal.kind == PrincipalKind.ROLE, Principal.name.in_(policy_of(work).files.roles)
    )
