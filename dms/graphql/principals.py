"""Principals as other things name them: who granted, who may, who proposed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.ids import Kind, parse_global_id
from dms.graphql.scalars import ABSENT, shown_id
from dms.graphql.words import PrincipalKind
from dms.models import users as models
from dms.services import principals
from dms.stores.work import Work

_KINDS = {
    PrincipalKind.USER: Kind.USER,
    PrincipalKind.GROUP: Kind.GROUP,
    PrincipalKind.ROLE: Kind.ROLE,
    PrincipalKind.SERVICE: Kind.SERVICE,
    PrincipalKind.EVERYONE: Kind.EVERYONE,
}
_PRINCIPAL_KINDS = {kind: principal for principal, kind in _KINDS.items()}

AskedAccount = Annotated[strawberry.ID, strawberry.argument(description="The person or service account.")]
"""For the argument of a question about one account; `asked_principal` reads it."""


@strawberry.type(
    description="Somebody who can be named in an access list: a person, group, role, program, or everyone."
)
class Principal:
    """A principal with its names."""

    id: strawberry.ID = strawberry.field(description="The id of the account, group or role.")
    kind: PrincipalKind = strawberry.field(description="What it is.")
    name: str = strawberry.field(description="Its unique name among its kind.")
    display_name: str = strawberry.field(description="Its name as people know it.")


def shown(row: models.Principal) -> Principal:
    """Shape a principal."""
    return Principal(
        id=shown_id(_KINDS[row.kind], row.id),
        kind=row.kind,
        name=row.name,
        display_name=row.display_name,
    )


def named(work: Work, ids: Iterable[UUID | None]) -> Mapping[UUID, Principal]:
    """Return the principals that an answer names, by id, in one reading."""
    found = principals.named(work, {each for each in ids if each is not None})
    return {key: shown(row) for key, row in found.items()}


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
