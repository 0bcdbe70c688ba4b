"""Access lists taken out as CSV: what an account may know of them, in parts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, assert_never
from uuid import UUID

from dms.access import gate, nodes
from dms.access.attached import Attached
from dms.access.keyset import Order
from dms.access.reading import Visible
from dms.base.clock import to_iso
from dms.base.errors import NotFound
from dms.base.ids import Kind, global_id, parse_global_id
from dms.base.paging import MAX_PAGE, PageRequest, Position
from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.schemes import RecordClass
from dms.models.users import Principal
from dms.rules import text
from dms.rules.access import Action, Duty, NodeKind
from dms.rules.accessevents import MAX_OBJECTS, Op
from dms.rules.accesssheets import Column, NodeWord
from dms.rules.periods import Validity
from dms.rules.schemes import ClassStatus
from dms.services import repository, validity
from dms.stores import conditions, facts
from dms.stores.work import Work

R = TypeVar("R", Document, Aggregation)

PART = MAX_OBJECTS - 4 * MAX_PAGE
"""Objects after which a part of an export ends: a page more names at most an entry and a node each."""

Record = Mapping[Column, str]

KINDS = {
    NodeWord.REPOSITORY: Kind.REPOSITORY,
    NodeWord.AGGREGATION: Kind.AGGREGATION,
    NodeWord.SCHEME: Kind.SCHEME,
    NodeWord.CLASS: Kind.RECORD_CLASS,
    NodeWord.DOCUMENT: Kind.DOCUMENT,
}
NODE_KINDS = {
    NodeWord.REPOSITORY: NodeKind.REPOSITORY,
    NodeWord.AGGREGATION: NodeKind.AGGREGATION,
    NodeWord.SCHEME: NodeKind.CLASS,
    NodeWord.CLASS: NodeKind.CLASS,
    NodeWord.DOCUMENT: NodeKind.DOCUMENT,
}


@dataclass(frozen=True, slots=True)
class Wish:
    """Which entries an export takes: of a node and all below it, or all; standing so now, or all."""

    node: tuple[NodeKind, UUID] | None
    stands: Validity | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines of an export, and where the next part begins: None after the last."""

    records: Sequence[Record]
    beyond: Position | None


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished export, before anybody gets it."""

    sha256: str
    size_bytes: int
    lines: int


def node_of(work: Work, *, shown_id: str | None, code: str | None) -> tuple[NodeKind, UUID]:
    """Return the node that a person names by its id, or by the code of an Aggregation, Document or class."""
    if shown_id is not None:
        parsed = parse_global_id(shown_id)
        word = next((word for word, kind in KINDS.items() if parsed and kind is parsed[0]), None)
        if parsed is None or word is None:
            raise NotFound
        return NODE_KINDS[word], parsed[1]
    for word in (NodeWord.AGGREGATION, NodeWord.DOCUMENT, NodeWord.CLASS):
        found = ids_of(work, word, [code or ""])
        if found:
            return NODE_KINDS[word], found[code or ""]
    raise NotFound


def part(work: Work, wish: Wish, *, after: Position | None) -> Part:
    """Return the next entries as lines of an export, oldest first, as many as one event names.

    Needs `MANAGE_ACCESS` on the node, or the duty `access.review`; the latter for all nodes.
    """
    work.performs(Op.ACCESSLIST_EXPORT)
    reading = _asked(work, wish).order_by(Order(AccessEntry.id))
    found: list[Record] = []
    while True:
        page = reading.page(PageRequest(MAX_PAGE, after=after))
        found.extend(records(work, page.rows).values())
        if not page.has_next:
            return Part(found, None)
        after = page.positions[-1]
        if len(work.notes.released) > PART:
            return Part(found, after)


def count(work: Work, wish: Wish) -> int:
    """Return how many entries an export will hold."""
    work.performs(Op.ACCESSLIST_EXPORT)
    return _asked(work, wish).count()


def finish(work: Work, exported: Exported) -> None:
    """Close an export: the event that binds its bytes, without which nobody may get them."""
    work.performs(Op.ACCESSLIST_EXPORT)
    work.notes.bytes_sent = exported.size_bytes
    work.notes.detail["exported"] = {
        "format": "csv",
        "sha256": exported.sha256,
        "bytes": exported.size_bytes,
        "lines": exported.lines,
    }


def records(work: Work, rows: Collection[AccessEntry]) -> Mapping[UUID, Record]:
    """Return entries as the lines of an export, by id."""
    ids = {each for row in rows for each in (row.principal_id, row.granted_by, row.revoked_by) if each}
    names = gate.vocabulary(work, Principal).many(ids)
    codes = _codes(work, rows)
    roof = repository.scheme_id(work)
    return {row.id: _record(work, row, names=names, codes=codes, scheme_id=roof) for row in rows}


def known(work: Work) -> Attached[AccessEntry]:
    """Start a reading of the entries that the actor may know of, on whatever nodes."""
    if gate.has_duty(work, Duty.ACCESS_REVIEW):
        action, open_nodes = Action.DISCOVER, facts.open_nodes(work)
    else:
        action, open_nodes = Action.MANAGE_ACCESS, managed(work)
    return gate.attached(work, AccessEntry, owner=AccessEntry.node_id, action=action, open_nodes=open_nodes)


def entry_nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, AccessEntry]:
    """Return those of these entries that the actor may know of, by id."""
    return known(work).each(ids)


def ids_of(work: Work, word: NodeWord, codes: Collection[str]) -> dict[str, UUID]:
    """Return the ids of what bears these codes and may be known of."""
    wanted = sorted({text.sought(code, limit=text.MAX_CODE) for code in codes})
    match word:
        case NodeWord.AGGREGATION:
            return _coded(gate.visible(work, Aggregation, Action.DISCOVER), wanted)
        case NodeWord.DOCUMENT:
            return _coded(gate.visible(work, Document, Action.DISCOVER), wanted)
        case NodeWord.CLASS:
            coded = gate.vocabulary(work, RecordClass).where(RecordClass.code.in_(wanted))
            # Drafts and closed classes may bear the code of one in force.
            in_force = coded.where(RecordClass.status == ClassStatus.ACTIVE).rows()
            return {row.code: row.id for row in in_force}
        case NodeWord.REPOSITORY | NodeWord.SCHEME:
            return {}
        case _:
            assert_never(word)


def _coded(reading: Visible[R], codes: Sequence[str]) -> dict[str, UUID]:
    found: dict[str, UUID] = {}
    for start in range(0, len(codes), MAX_PAGE):
        some = reading.where(reading.model.reference_code.in_(codes[start : start + MAX_PAGE]))
        for row in some.page(PageRequest(MAX_PAGE)).rows:
            found[row.reference_code or ""] = row.id
    return found


def _asked(work: Work, wish: Wish) -> Attached[AccessEntry]:
    if wish.node is None:
        gate.require_duty(work, Duty.ACCESS_REVIEW)
        reading = known(work)
    else:
        node = nodes.find(work, wish.node[0], node_id=wish.node[1])
        if not gate.has_duty(work, Duty.ACCESS_REVIEW):
            nodes.require(work, node, action=Action.MANAGE_ACCESS)
        reading = known(work)
        if node.id not in {facts.repository_id(work), facts.scheme_id(work)}:
            reading = reading.where(conditions.at_or_below(AccessEntry.node_id, node.id))
    if wish.stands is not None:
        reading = reading.where(validity.stands(AccessEntry, wish.stands, now=work.now))
    return reading


def managed(work: Work) -> frozenset[UUID]:
    """Return those of the nodes open to every user whose lists the actor manages."""
    repository_id = facts.repository_id(work)
    found = set()
    for node_id in facts.open_nodes(work):
        kind = NodeKind.REPOSITORY if node_id == repository_id else NodeKind.CLASS
        if nodes.decide(work, nodes.find(work, kind, node_id=node_id), action=Action.MANAGE_ACCESS).may:
            found.add(node_id)
    return frozenset(found)


def _codes(work: Work, rows: Collection[AccessEntry]) -> Mapping[UUID, str]:
    """Return the codes of the nodes of entries that the actor may know."""
    of: dict[NodeKind, set[UUID]] = {kind: set() for kind in NodeKind}
    for row in rows:
        of[row.node_kind].add(row.node_id)
    documents = gate.visible(work, Document, Action.DISCOVER).many(of[NodeKind.DOCUMENT])
    aggregations = gate.visible(work, Aggregation, Action.DISCOVER).many(of[NodeKind.AGGREGATION])
    classes = gate.vocabulary(work, RecordClass).many(of[NodeKind.CLASS])
    return {
        **{key: document.reference_code or "" for key, document in documents.items()},
        **{key: aggregation.reference_code for key, aggregation in aggregations.items()},
        **{key: each.code if each.status is ClassStatus.ACTIVE else "" for key, each in classes.items()},
    }


def _record(
    work: Work,
    row: AccessEntry,
    *,
    names: Mapping[UUID, Principal],
    codes: Mapping[UUID, str],
    scheme_id: UUID | None,
) -> Record:
    word = NodeWord.SCHEME if row.node_id == scheme_id else NodeWord(row.node_kind.value)
    return {
        Column.CHANGE: "",
        Column.ENTRY_ID: global_id(Kind.ACCESS_ENTRY, row.id),
        Column.PRINCIPAL_KIND: names[row.principal_id].kind.value,
        Column.PRINCIPAL: names[row.principal_id].name,
        Column.NODE_KIND: word.value,
        Column.NODE_CODE: codes.get(row.node_id, ""),
        Column.NODE_ID: global_id(KINDS[word], row.node_id),
        Column.ACTION: row.action.value,
        Column.EFFECT: row.effect.value,
        Column.VALID_FROM: to_iso(row.valid_from),
        Column.VALID_UNTIL: written(row.valid_until),
        Column.REASON: row.reason,
        Column.GRANTED_BY: names[row.granted_by].name if row.granted_by else "",
        Column.GRANTED_AT: to_iso(row.granted_at),
        Column.VALIDITY: validity.of(row, now=work.now).value,
        Column.REVOKED_BY: names[row.revoked_by].name if row.revoked_by else "",
        Column.REVOKED_AT: written(row.revoked_at),
        Column.REVOKE_REASON: row.revoke_reason or "",
    }


def written(instant: int | None) -> str:
    """Write an instant as a cell; empty for none."""
    return "" if instant is None else to_iso(instant)
