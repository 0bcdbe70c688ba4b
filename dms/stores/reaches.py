"""What access entries reach as a whole: what stands above their nodes and principals, and the scopes.

Like `stores.facts` these readings bypass the access gate; they return ids, periods and counts, never a row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import aliased

from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.schemes import RecordClass
from dms.models.scopes import AccessScope, AccessScopeChange
from dms.models.users import Principal, PrincipalKind, PrincipalLink, PrincipalStatus
from dms.rules.periods import Period
from dms.stores.work import Work, session_of


def nodes_above(work: Work, node_ids: Collection[UUID]) -> Mapping[UUID, frozenset[UUID]]:
    """Return each node with all above it whose lines also speak of everything below the node.

    That is both trees for a Document and its own tree for any other: a class says nothing of the Documents
    in an Aggregation that bears it. The Repository and the scheme are left out.
    """
    places = _places(work, node_ids)
    above = {
        **_climbed(work, Aggregation, {each for each, _ in places.values() if each}),
        **_climbed(work, RecordClass, {each for _, each in places.values() if each}),
    }
    return {
        node: frozenset({node}).union(*(above.get(start, ()) for start in places.get(node, ()) if start))
        for node in node_ids
    }


def groups_above(work: Work) -> Mapping[UUID, list[tuple[UUID, Period]]]:
    """Return the active groups that each principal is in now or will be, with the period of each link."""
    statement = (
        select(
            PrincipalLink.member_id,
            PrincipalLink.group_id,
            PrincipalLink.valid_from,
            PrincipalLink.valid_until,
        )
        .join(Principal, Principal.id == PrincipalLink.group_id)
        .where(
            PrincipalLink.revision_to.is_(None),
            Principal.kind == PrincipalKind.GROUP,
            Principal.status == PrincipalStatus.ACTIVE,
        )
    )
    found: dict[UUID, list[tuple[UUID, Period]]] = {}
    for member, group, since, until in session_of(work).execute(statement):
        found.setdefault(member, []).append((group, Period(since, until)))
    return found


def spread(work: Work) -> tuple[int, int]:
    """Return how many access scopes hold Documents, and how many Documents those are; reads all scopes."""
    counted = union_all(
        select(AccessScope.id.label("scope"), AccessScope.n_documents.label("n")),
        select(AccessScopeChange.scope_id, AccessScopeChange.documents),
    ).subquery()
    held = func.sum(counted.c.n).label("n")
    scopes = select(held).group_by(counted.c.scope).having(held > 0).subquery()
    row = session_of(work).execute(select(func.count(), func.sum(scopes.c.n)).select_from(scopes)).one()
    return row[0], int(row[1] or 0)


def _places(work: Work, node_ids: Collection[UUID]) -> dict[UUID, tuple[UUID | None, UUID | None]]:
    """Return the Aggregation and the class at which the way up begins, by node."""
    session = session_of(work)
    documents = select(Document.id, Document.aggregation_id, Document.record_class_id)
    found: dict[UUID, tuple[UUID | None, UUID | None]] = {node: (None, node) for node in node_ids}
    for aggregation_id in session.execute(
        select(Aggregation.id).where(Aggregation.id.in_(node_ids))
    ).scalars():
        found[aggregation_id] = (aggregation_id, None)
    for row in session.execute(documents.where(Document.id.in_(node_ids))):
        found[row[0]] = (row[1], row[2])
    return found


def _climbed(
    work: Work, model: type[Aggregation | RecordClass], starts: Collection[UUID]
) -> dict[UUID, set[UUID]]:
    up = (
        select(model.id.label("start"), model.id.label("node"), model.parent_id)
        .where(model.id.in_(starts))
        .cte(recursive=True)
    )
    parent = aliased(model)
    up = up.union(select(up.c.start, parent.id, parent.parent_id).join(parent, parent.id == up.c.parent_id))
    found: dict[UUID, set[UUID]] = {}
    for start, node in session_of(work).execute(select(up.c.start, up.c.node)):
        found.setdefault(start, set()).add(node)
    return found
