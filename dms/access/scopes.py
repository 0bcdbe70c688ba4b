"""Access scopes: where an object hangs in both trees and how it is marked, as one small number.

Each change that moves an object keeps its scope and the scopes' counters in its own transaction
(`access.md` section 4). Access nodes and their closure are `access.accessnodes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute

from dms.access import kept
from dms.base.errors import Unavailable
from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation, Repository
from dms.models.documents import Document
from dms.models.schemes import ClassificationScheme, RecordClass
from dms.models.scopes import AccessNode, AccessScope, AccessScopeChange, NodeState, ScopeFold
from dms.stores import fulltext, upkeep
from dms.stores.engine import Database
from dms.stores.records import is_a
from dms.stores.sets import in_numbers
from dms.stores.work import Work, fetch, session_of

PLACES = "access_node IN ROW SHARE MODE"
"""Lock of an operation that places objects: nobody makes an access node meanwhile."""

_SAID = "triples"

SENT = "slices:sent"
"""Key of an operation's memory: the kinds of statements that a decision has sent."""

FOLD_AT = 500
"""So many changes of counters are kept before somebody folds them into the scopes."""

_FOLD_KEY = 0x646D7366
"""Key of PostgreSQL's advisory lock: one process folds at a time."""

Row: TypeAlias = Document | Aggregation


_ROOF = "roof"
"""Key of the roof in the memory of an operation: what writes keeps nothing for others."""


class Triple(NamedTuple):
    """What a scope says: nearest access node in either tree, and the interned mark."""

    aggregation_node: int
    class_node: int
    security_id: int


@dataclass(frozen=True, slots=True)
class Roof:
    """The nodes above both trees, the Repository and the scheme, with their numbers as access nodes."""

    repository_id: UUID
    scheme_id: UUID
    repository_node: int
    scheme_node: int


def roof(work: Work) -> Roof:
    """Return the nodes above both trees; they never change."""
    known: Roof | None = kept.lasting(work, "roof").get(0) or work.memory.get(_ROOF)
    if known is None:
        (repository_id, repository_node), (scheme_id, scheme_node) = (
            _top(work, column) for column in (Repository.id, ClassificationScheme.id)
        )
        known = work.memory[_ROOF] = Roof(repository_id, scheme_id, repository_node, scheme_node)
        kept.keep_lasting(work, "roof", {0: known})
    return known


def place(work: Work, aggregation_id: UUID | None, class_id: UUID | None) -> tuple[int, int]:
    """Return the nearest access nodes of a place in both trees; None is the roof of a tree."""
    above = roof(work)
    session = session_of(work)
    aggregation = None if aggregation_id is None else session.get(Aggregation, aggregation_id)
    record_class = None if class_id is None else session.get(RecordClass, class_id)
    return (
        above.repository_node if aggregation is None else aggregation.access_node_id,
        above.scheme_node if record_class is None else record_class.access_node_id,
    )


def enter(work: Work, rows: Sequence[Row]) -> None:
    """Give new Documents and Aggregations, not yet sent, their scopes, and count them."""
    work.needs_lock(PLACES)
    counted: Counter[tuple[int, type[Row]]] = Counter()
    known: dict[Triple, int] = {}
    for row in rows:
        if isinstance(row, Aggregation):
            row.access_node_id = place(work, row.parent_id, None)[0]
        triple = _triple(work, row)
        if triple not in known:
            known[triple] = _intern(work, triple)
        row.scope_id = known[triple]
        counted[row.scope_id, type(row)] += 1
    count(work, counted)


def follow(work: Work, row: Row) -> None:
    """Give a row whose place, class or mark has just changed its new scope, and count it there."""
    work.needs_lock(PLACES)
    old, new = row.scope_id, _intern(work, _triple(work, row))
    if new != old:
        row.scope_id = new
        fulltext.move(session_of(work).connection(), [row.id], scope_id=new)
        count(work, {(old, type(row)): -1, (new, type(row)): 1})


def enter_class(work: Work, row: RecordClass) -> None:
    """Tell a new class, not yet sent, its nearest access node."""
    work.needs_lock(PLACES)
    row.access_node_id = place(work, None, row.parent_id)[1]


def own(work: Work, document_id: UUID) -> None:
    """Tell a Document whether an open entry names it, after one was written or revoked."""
    session = session_of(work)
    session.flush()
    named = exists().where(AccessEntry.node_id == document_id, AccessEntry.revision_to.is_(None))
    row = session.get(Document, document_id)
    if row is not None:
        row.has_own_entries = bool(session.execute(select(named)).scalar_one())
        session.flush()


def count(work: Work, changes: Mapping[tuple[int, type[Row]], int]) -> None:
    """Add to the counters of scopes; a fold brings the numbers into them later."""
    documents: Counter[int] = Counter()
    aggregations: Counter[int] = Counter()
    for (scope_id, model), number in changes.items():
        (documents if model is Document else aggregations)[scope_id] += number
    rows = [
        {"scope_id": scope_id, "documents": documents[scope_id], "aggregations": aggregations[scope_id]}
        for scope_id in sorted(documents.keys() | aggregations.keys())
        if documents[scope_id] or aggregations[scope_id]
    ]
    if rows:
        session_of(work).execute(insert(AccessScopeChange), rows)


def intern(work: Work, triples: Iterable[Triple]) -> dict[Triple, int]:
    """Return the numbers of scopes, making those that are new."""
    wanted = sorted(set(triples))
    if not wanted:
        return {}
    session = session_of(work)
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    # On PostgreSQL a row that another transaction just made is a serialization failure: run again.
    values = [{**triple._asdict(), "n_documents": 0, "n_aggregations": 0} for triple in wanted]
    session.execute(make(AccessScope).on_conflict_do_nothing(), values)
    columns = (AccessScope.aggregation_node, AccessScope.class_node, AccessScope.security_id)
    found = select(*columns, AccessScope.id).where(tuple_(*columns).in_(wanted))
    return {Triple(row[0], row[1], row[2]): row[3] for row in session.execute(found)}


def triples(work: Work, scope_ids: Collection[int]) -> dict[int, Triple]:
    """Return what these scopes say; of no scope nothing.

    What a scope says never changes. One that an operation makes may be rolled back, and its number used
    again: only readings keep what they have read.
    """
    known: Mapping[int, Triple] = kept.lasting(work, _SAID)
    unknown = [scope_id for scope_id in scope_ids if scope_id not in known]
    found = {scope_id: known[scope_id] for scope_id in scope_ids if scope_id in known}
    if unknown:
        note_sent(work, "triples")
        rows = fetch(work, _READ_TRIPLES, {"scopes": unknown})
        read = {row[0]: Triple(row[1], row[2], row[3]) for row in rows}
        kept.keep_lasting(work, _SAID, read)
        found |= read
    return found


def note_sent(work: Work, kind: str) -> None:
    """Tell a decision that is being taken which of its statements it has sent."""
    if SENT in work.memory:
        work.memory[SENT].add(kind)


def fold(database: Database) -> int:
    """Bring the kept changes into the counters; returns how many there were, 0 while another folds."""
    with upkeep.writing(database) as connection:
        if database.is_sqlite or _is_alone(connection):
            return _fold(connection)
        return 0


def unfolded(work: Work, model: type[Row]) -> tuple[int, dict[int, int]]:
    """Return how often was folded, and by how much each scope's counter has changed since."""
    key = f"scopes:changed:{model.__tablename__}"
    found: tuple[int, dict[int, int]] | None = work.memory.get(key)
    if found is None:
        rows = fetch(work, _CHANGED_DOCUMENTS if model is Document else _CHANGED_AGGREGATIONS)
        found = rows[0][0], {row[1]: int(row[2]) for row in rows if row[1] is not None}
        if not work.writes:  # an operation that writes goes on counting
            work.memory[key] = found
    return found


def fold_now(work: Work) -> None:
    """Bring the kept changes into the counters as part of an operation that keeps all others out."""
    _fold(session_of(work).connection())


def is_fold_due(database: Database) -> bool:
    """Tell whether so many changes are kept that counting begins to notice."""
    with upkeep.reading(database) as connection:
        kept = select(AccessScopeChange.id).limit(FOLD_AT).subquery()
        found: int = connection.execute(select(func.count()).select_from(kept)).scalar_one()
    return found >= FOLD_AT


def is_filling(database: Database) -> bool:
    """Tell whether objects below some node have still to move to their new scopes."""
    with upkeep.reading(database) as connection:
        waiting = select(AccessNode.id).where(AccessNode.state == NodeState.FILLING).limit(1)
        return connection.execute(waiting).first() is not None


def _is_alone(connection: Connection) -> bool:
    found: bool = connection.execute(select(func.pg_try_advisory_xact_lock(_FOLD_KEY))).scalar_one()
    return found


def _fold(connection: Connection) -> int:
    changes = select(
        AccessScopeChange.id,
        AccessScopeChange.scope_id,
        AccessScopeChange.documents,
        AccessScopeChange.aggregations,
        AccessScope.aggregation_node,
        AccessScope.class_node,
    ).join(AccessScope, AccessScope.id == AccessScopeChange.scope_id)
    rows = connection.execute(changes).all()
    if not rows:
        return 0
    scopes: dict[int, list[int]] = {}
    nodes: Counter[int] = Counter()
    for row in rows:
        totals = scopes.setdefault(row.scope_id, [0, 0])
        totals[0] += row.documents
        totals[1] += row.aggregations
        nodes[row.aggregation_node] += row.documents
        nodes[row.class_node] += row.documents
    _raise_counters(connection, scopes, nodes)
    connection.execute(update(ScopeFold).values(generation=ScopeFold.generation + 1))
    gone = delete(AccessScopeChange).where(AccessScopeChange.id == bindparam("kept"))
    connection.execute(gone, [{"kept": row.id} for row in rows])
    return len(rows)


def _raise_counters(connection: Connection, scopes: Mapping[int, list[int]], nodes: Counter[int]) -> None:
    raised = [{"at": at, "d": totals[0], "a": totals[1]} for at, totals in sorted(scopes.items())]
    raise_scopes = (
        update(AccessScope)
        .where(AccessScope.id == bindparam("at"))
        .values(
            n_documents=AccessScope.n_documents + bindparam("d"),
            n_aggregations=AccessScope.n_aggregations + bindparam("a"),
        )
    )
    connection.execute(raise_scopes, raised)
    lifted = [{"at": at, "d": number} for at, number in sorted(nodes.items()) if number]
    if lifted:
        raise_nodes = update(AccessNode).where(AccessNode.id == bindparam("at"))
        connection.execute(raise_nodes.values(n_documents=AccessNode.n_documents + bindparam("d")), lifted)


def _parts_of(test: ColumnElement[bool]) -> Select[int, int, int, int]:
    parts = (AccessScope.aggregation_node, AccessScope.class_node, AccessScope.security_id)
    return select(AccessScope.id, *parts).where(test)


def _changed(column: InstrumentedAttribute[int]) -> Select[Any]:
    """Select the number of the last fold with each changed scope; without any, with none."""
    columns: list[Any] = [ScopeFold.generation, AccessScopeChange.scope_id]
    return (
        select(*columns, func.sum(column))
        .outerjoin_from(ScopeFold, AccessScopeChange, true())
        .group_by(*columns)
    )


_CHANGED_DOCUMENTS = _changed(AccessScopeChange.documents)
_CHANGED_AGGREGATIONS = _changed(AccessScopeChange.aggregations)
_READ_TRIPLES = _parts_of(in_numbers(AccessScope.id, "scopes"))
_FIND_SCOPE = select(AccessScope.id).where(
    AccessScope.aggregation_node == bindparam("aggregation_node"),
    AccessScope.class_node == bindparam("class_node"),
    AccessScope.security_id == bindparam("security_id"),
)


def _top(work: Work, column: InstrumentedAttribute[UUID]) -> tuple[UUID, int]:
    statement = select(column, AccessNode.id).join(AccessNode, AccessNode.node_id == column)
    for node_id, number in fetch(work, statement):
        return node_id, number
    raise Unavailable("there is no Repository yet: run `dms migrate`")


def _triple(work: Work, row: Row) -> Triple:
    if is_a(row, Document):
        return Triple(*place(work, row.aggregation_id, row.record_class_id), row.security_id)
    return Triple(row.access_node_id, place(work, None, row.record_class_id)[1], row.security_id)


def _intern(work: Work, triple: Triple) -> int:
    found = fetch(work, _FIND_SCOPE, triple._asdict())
    scope_id: int = found[0][0] if found else intern(work, [triple])[triple]
    return scope_id
