"""The relative index: everyday terms that lead to classes; everybody reads it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from dms.access import gate
from dms.access.keyset import Order
from dms.base.canonical import Canonical
from dms.base.errors import Invalid
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.indexes import RelativeIndexEntry
from dms.models.schemes import RecordClass
from dms.rules import relativeindex, text
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.concepts import label_key
from dms.rules.relativeindex import Faulty, IndexEntryKind, Line
from dms.rules.schemes import ClassStatus
from dms.services import schemes
from dms.stores.work import Work


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What an entry says; one of class and target leads on."""

    term: str
    qualifier: str = ""
    kind: IndexEntryKind = IndexEntryKind.ENTRY
    class_id: UUID | None = None
    target: str | None = None


def listed(
    work: Work, request: PageRequest, *, begins: str | None = None, class_id: UUID | None = None
) -> Page[RelativeIndexEntry]:
    """List entries by term; those that begin so, or that lead to a class."""
    work.performs(Op.RELATIVEINDEXENTRY_LIST)
    reading = gate.listed(work, RelativeIndexEntry)
    if begins is not None:
        key = label_key(text.sought(begins, limit=text.MAX_TITLE))
        reading = reading.where(
            RelativeIndexEntry.term_key >= key, RelativeIndexEntry.term_key < key + "\U0010ffff"
        )
    if class_id is not None:
        reading = reading.where(RelativeIndexEntry.class_id == class_id)
    return reading.order_by(Order(RelativeIndexEntry.term_key)).page(request)


def each(work: Work, ids: Collection[UUID]) -> Mapping[UUID, RelativeIndexEntry]:
    """Return the entries with these ids that there are."""
    return gate.listed(work, RelativeIndexEntry).each(ids)


def faults(work: Work) -> tuple[Faulty, ...]:
    """Return what is wrong with the entries: orphans, doubles, blind references."""
    work.performs(Op.RELATIVEINDEXENTRY_LIST)
    rows = gate.vocabulary(work, RelativeIndexEntry).rows()
    active = gate.vocabulary(work, RecordClass).where(RecordClass.status == ClassStatus.ACTIVE).rows()
    lines = (Line(*(getattr(row, name) for name in Line._fields)) for row in rows)
    return relativeindex.faults(lines, {row.id for row in active})


def add(work: Work, new: NewEntry) -> RelativeIndexEntry:
    """Add an entry that leads to a class in force, or to another term, which may follow later."""
    work.performs(Op.RELATIVEINDEXENTRY_ADD)
    gate.require_duty(work, Duty.DESCRIPTIONS_MANAGE)
    term = text.line(new.term, ("term",))
    qualifier = text.line(new.qualifier, ("qualifier",)) if new.qualifier.strip() else ""
    if not label_key(term):
        raise Invalid("needs a letter or a digit", path=("term",))
    class_id, target = _led(work, new)
    row = RelativeIndexEntry(
        id=new_id(),
        term=term,
        term_key=label_key(f"{term} {qualifier}"),
        qualifier=qualifier,
        class_id=class_id,
        target=target,
        created_at=work.now,
        created_by=work.actor.principal_id,
    )
    row.kind = new.kind
    work.add(row)
    work.flush()
    work.changed(row.id, before=None, after=1, old={}, new=_noted(row))
    return row


def remove(work: Work, entry_id: UUID) -> RelativeIndexEntry:
    """Remove an entry; the access log keeps what it said."""
    work.performs(Op.RELATIVEINDEXENTRY_REMOVE)
    gate.require_duty(work, Duty.DESCRIPTIONS_MANAGE)
    row = gate.listed(work, RelativeIndexEntry).one(entry_id)
    work.remove(row)
    work.flush()
    work.changed(row.id, before=1, after=None, old=_noted(row), new={})
    return row


def _led(work: Work, new: NewEntry) -> tuple[UUID | None, str | None]:
    if new.kind is IndexEntryKind.ENTRY:
        if new.class_id is None or new.target is not None:
            raise Invalid("an entry leads to a class, and to no term", path=("recordClassId",))
        return schemes.class_of(work, new.class_id).id, None
    if new.target is None or new.class_id is not None:
        raise Invalid("a reference leads to a term, and to no class", path=("target",))
    target = text.line(new.target, ("target",))
    if label_key(target) == label_key(new.term):
        raise Invalid("a term does not lead to itself", path=("target",))
    return None, target


def _noted(row: RelativeIndexEntry) -> dict[str, Canonical]:
    return {
        "term": row.term,
        "qualifier": row.qualifier,
        "kind": row.kind.value,
        "class": None if row.class_id is None else row.class_id.hex,
        "target": row.target,
    }
