"""Principals as other things name them: names are open to every user."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from dms.access import gate
from dms.models.users import Principal, PrincipalKind
from dms.stores.work import Work


def named(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Principal]:
    """Return the principals that an answer names, by id, in one reading."""
    return gate.vocabulary(work, Principal).many(ids)


def nodes(work: Work, ids: Collection[UUID], *, kind: PrincipalKind) -> Mapping[UUID, Principal]:
    """Return those of these principals of one kind that there are, by id."""
    return gate.listed(work, Principal).where(Principal.kind == kind).many(ids)


def is_kind(work: Work, principal_id: UUID, *, kind: PrincipalKind) -> bool:
    """Tell whether there is a principal of this kind and id."""
    found = gate.vocabulary(work, Principal).many([principal_id])
    return principal_id in found and found[principal_id].kind is kind
