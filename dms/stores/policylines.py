"""The lines of the policy as a whole, for commands that judge, export or prove it: ids, words, periods.

Like `stores.facts` these readings bypass the access gate; none returns a title or a content.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, assert_never
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.schemes import RecordClass
from dms.models.users import Principal, PrincipalKind, PrincipalLink, PrincipalStatus
from dms.rules.access import NodeKind
from dms.rules.periods import Period
from dms.rules.policylines import EntryLine, LinkLine, PrincipalLine
from dms.stores import facts
from dms.stores.sets import in_ids, in_numbers
from dms.stores.work import Work, session_of

SLICE = 2_000


def principals(work: Work) -> dict[UUID, PrincipalLine]:
    """Return every principal by its id."""
    rows = session_of(work).execute(select(Principal.id, Principal.kind, Principal.name, Principal.status))
    return {
        row[0]: PrincipalLine(row[0], row[1].value, row[2], row[3] is PrincipalStatus.ACTIVE) for row in rows
    }


def links(work: Work) -> Iterator[LinkLine]:
    """Yield the memberships that nobody has ended, whatever their period, in the order of their ids."""
    columns = (
        PrincipalLink.id,
        PrincipalLink.member_id,
        PrincipalLink.group_id,
        PrincipalLink.valid_from,
        PrincipalLink.valid_until,
    )
    statement = select(*columns).where(PrincipalLink.revision_to.is_(None))
    for row in _streamed(work, statement.order_by(PrincipalLink.id)):
        yield LinkLine(row[0], row[1], row[2], Period(row[3], row[4]))


def entries(work: Work) -> Iterator[EntryLine]:
    """Yield the access entries that nobody has revoked, whatever their period, in the order of their ids."""
    columns = (
        AccessEntry.id,
        AccessEntry.principal_id,
        AccessEntry.node_kind,
        AccessEntry.node_id,
        AccessEntry.action,
        AccessEntry.effect,
        AccessEntry.valid_from,
        AccessEntry.valid_until,
    )
    statement = select(*columns).where(AccessEntry.revision_to.is_(None))
    for row in _streamed(work, statement.order_by(AccessEntry.id)):
        yield EntryLine(row[0], row[1], row[2], row[3], row[4], row[5], Period(row[6], row[7]))


def above(work: Work, kind: NodeKind, node_ids: Collection[UUID]) -> Mapping[UUID, frozenset[UUID]]:
    """Return those of these nodes that there are, each with all that stands above everything it reaches.

    Walks the trees themselves, not the closure over access nodes.
    """
    roofs = _roofs(work)
    found: dict[UUID, frozenset[UUID]] = {}
    for some in _chunks(node_ids):
        for node, nodes in _above(work, kind, some).items():
            found[node] = nodes | {node} | roofs
    return found


def documents(work: Work) -> int:
    """Count all Documents."""
    return session_of(work).execute(select(func.count()).select_from(Document)).scalar_one()


def documents_at(work: Work, places: Collection[int]) -> Sequence[Document]:
    """Return the Documents at these places, counted from 0 in the order of their ids."""
    place = (func.row_number().over(order_by=Document.id) - 1).label("place")
    numbered = select(Document.id, place).subquery()
    chosen = select(numbered.c.id).where(in_numbers(numbered.c.place, places))
    rows = session_of(work).execute(select(Document).where(Document.id.in_(chosen)).order_by(Document.id))
    return rows.scalars().all()


def accounts(work: Work) -> Sequence[UUID]:
    """Return the ids of all accounts, of people and of services, disabled ones too."""
    statement = select(Principal.id).where(Principal.kind.in_([PrincipalKind.USER, PrincipalKind.SERVICE]))
    return session_of(work).execute(statement.order_by(Principal.id)).scalars().all()


def _streamed(work: Work, statement: Any) -> Iterator[Any]:  # a statement with any columns
    """Yield the rows of a statement, of which no more than a slice is in memory at a time."""
    yield from session_of(work).execute(statement, execution_options={"yield_per": SLICE})


def _above(work: Work, kind: NodeKind, some: Collection[UUID]) -> Mapping[UUID, frozenset[UUID]]:
    match kind:
        case NodeKind.REPOSITORY:
            return {node: frozenset() for node in some if node == facts.repository_id(work)}
        case NodeKind.CLASS:
            scheme = {node: frozenset[UUID]() for node in some if node == facts.scheme_id(work)}
            return scheme | _climbed(work, RecordClass, some)
        case NodeKind.AGGREGATION:
            return _climbed(work, Aggregation, some)
        case NodeKind.DOCUMENT:
            return _above_documents(work, some)
        case _:
            assert_never(kind)


def _above_documents(work: Work, some: Collection[UUID]) -> Mapping[UUID, frozenset[UUID]]:
    columns = (Document.id, Document.aggregation_id, Document.record_class_id)
    rows = session_of(work).execute(select(*columns).where(in_ids(Document.id, some))).all()
    folders = _climbed(work, Aggregation, {row[1] for row in rows})
    classes = _climbed(work, RecordClass, {row[2] for row in rows})
    return {row[0]: folders[row[1]] | classes[row[2]] for row in rows}


def _climbed(
    work: Work, model: type[Aggregation | RecordClass], starts: Collection[UUID]
) -> dict[UUID, frozenset[UUID]]:
    """Return those of these nodes that there are, each with itself and all above it in its tree."""
    up = (
        select(model.id.label("start"), model.id.label("node"), model.parent_id)
        .where(in_ids(model.id, starts))
        .cte(recursive=True)
    )
    parent = aliased(model)
    up = up.union(select(up.c.start, parent.id, parent.parent_id).join(parent, parent.id == up.c.parent_id))
    found: dict[UUID, set[UUID]] = {}
    for start, node in session_of(work).execute(select(up.c.start, up.c.node)):
        found.setdefault(start, set()).add(node)
    return {start: frozenset(nodes) for start, nodes in found.items()}


def _roofs(work: Work) -> frozenset[UUID]:
    roofs = (facts.repository_id(work), facts.scheme_id(work))
    return frozenset(each for each in roofs if each is not None)


def _chunks(ids: Collection[UUID]) -> Iterator[list[UUID]]:
    waiting = iter(ids)
    while chunk := list(islice(waiting, SLICE)):
        yield chunk
