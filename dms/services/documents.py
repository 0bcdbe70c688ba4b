"""Documents: registered, described, classed, moved, and declared as records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from dms.access import gate, marks, nodes
from dms.base.errors import Invalid, State
from dms.base.ids import new_id
from dms.models.aggregations import Aggregation
from dms.models.documents import Document, Medium
from dms.models.schemes import UNASSIGNED
from dms.rules import dates, text
from dms.rules.access import Action, NodeKind
from dms.rules.accessevents import Op
from dms.rules.classrules import Classed, ClassedBy
from dms.rules.schemes import ClassStatus
from dms.rules.states import DocumentState
from dms.services import classing, editing, holding, schemes, security, securitychanges, versions
from dms.services.classing import Wording
from dms.services.editing import KEEP, Keep
from dms.services.security import AskedMark
from dms.services.versions import NamedContent, NamedUpload
from dms.stores import editions, facts
from dms.stores.work import Work

MAX_PATH = 4_096
"""Longest name at the source, with its folders."""


@dataclass(frozen=True, slots=True)
class NewDocument:
    """What a Document begins with; class and mark default to those of its Aggregation."""

    aggregation_id: UUID
    title: str
    medium: Medium
    reference_code: str | None = None
    dates: str | None = None
    authors: str | None = None
    addressees: str | None = None
    description: str | None = None
    record_class_id: UUID | None = None
    mark: AskedMark | None = None
    source_system: str | None = None
    original_name: str | None = None
    content: NamedUpload | NamedContent | None = None
    """The first Version."""


@dataclass(frozen=True, slots=True)
class DocumentChanges:
    """New values; what is kept stays, None empties."""

    title: str | Keep = KEEP
    medium: Medium | Keep = KEEP
    reference_code: str | Keep | None = KEEP
    dates: str | Keep | None = KEEP
    authors: str | Keep | None = KEEP
    addressees: str | Keep | None = KEEP
    description: str | Keep | None = KEEP


def register(work: Work, new: NewDocument) -> UUID:
    """Register a draft in an open Aggregation, with its first Version if there is one; needs `FILE` there."""
    return register_all(work, [new])[0]


def register_all(work: Work, drafts: Sequence[NewDocument]) -> list[UUID]:
    """Register drafts together, all or none; as many statements as for one, and some for each berth."""
    work.performs(Op.DOCUMENT_REGISTER)
    homes = _Homes(work)
    berths: dict[tuple[UUID, UUID, AskedMark | None], _Berth] = {}
    made = []
    for new in drafts:
        home = homes.of(new.aggregation_id)
        classed = homes.classed(new)
        key = (home.id, classed.class_id, new.mark)
        if key not in berths:
            berths[key] = _berth(work, home, classed.class_id, new.mark)
        made.append(_draft(work, new, berths[key], classed=classed))
    editing.enter_all(work, made)
    for row, _ in made:
        securitychanges.first_mark(work, row)
    first = [
        (row, versions.received(work, new.content) if isinstance(new.content, NamedUpload) else new.content)
        for (row, _), new in zip(made, drafts, strict=True)
        if new.content is not None
    ]
    versions.attach_first(work, first)
    return [row.id for row, _ in made]


def update(work: Work, row_id: UUID, *, expected_revision: int, changes: DocumentChanges) -> None:
    """Change the description of a draft; needs `EDIT`. A declared Document is frozen.

    Under a Hold what is empty can be filled, and nothing be written over.
    """
    work.performs(Op.DOCUMENT_UPDATE)
    row = editing.claim(work, Document, row_id, expected_revision=expected_revision, event="update")
    values: dict[str, object] = {}
    if changes.title is not KEEP:
        values |= editing.titled(changes.title)
    if changes.medium is not KEEP:
        values["medium"] = changes.medium
    if changes.reference_code not in {KEEP, row.reference_code}:
        values |= editing.coded(work, Document, changes.reference_code)
    if changes.dates is not KEEP:
        values |= _dated(changes.dates)
    for name in ("authors", "addressees", "description"):
        value: str | Keep | None = getattr(changes, name)
        if value is not KEEP:
            values[name] = editing.described(value, name)
    if _overwrites(row, values):
        # What a Hold covers may be added to, never written over.
        holding.require_free(work, row, "update")
    editing.write(work, row, values)


def declare(work: Work, row_id: UUID, *, expected_revision: int) -> None:
    """Declare a draft as a record: from now on its content and description are frozen; needs `EDIT`.

    It must be classed, and have sound content unless it is physical.
    """
    work.performs(Op.DOCUMENT_DECLARE)
    row = editing.claim(work, Document, row_id, expected_revision=expected_revision, event="declare")
    if row.record_class_id == facts.record_class_id(work, UNASSIGNED):
        raise _undeclarable(work, row, "it has no class yet: assign one first")
    if editions.status_of(work, row.record_class_id) is not ClassStatus.ACTIVE:
        raise _undeclarable(work, row, "its class is closed: assign one that is in force first")
    if row.current_version is None and row.medium is not Medium.PHYSICAL:
        raise _undeclarable(work, row, "it has no content yet: add a Version first")
    if facts.has_unsound_content(work, row.id):
        raise _undeclarable(work, row, "its stored content is damaged: tell the administrator")
    values = {
        "state": DocumentState.DECLARED,
        "declared_at": work.now,
        "declared_by": work.actor.principal_id,
    }
    editing.write(work, row, values)


def refile(work: Work, row_id: UUID, *, aggregation_id: UUID, expected_revision: int, reason: str) -> None:
    """Move a Document into another open Aggregation; needs `EDIT` on it and `FILE` there.

    Class and mark stay; who may see it follows its new place.
    """
    work.performs(Op.DOCUMENT_REFILE)
    row = editing.claim(work, Document, row_id, expected_revision=expected_revision, event="refile")
    target = _target(work, aggregation_id)
    note = text.reason(reason)
    if target.id == row.aggregation_id:
        raise Invalid("it lies there already", path=("aggregationId",))
    _require_filing(
        work,
        row.id,
        aggregation_id=target.id,
        class_id=row.record_class_id,
        security_id=row.security_id,
    )
    editing.keep_place(work, row)
    editing.write(work, row, {"aggregation_id": target.id}, note={"reason": note})


def assign_class(
    work: Work, row_id: UUID, *, record_class_id: UUID, expected_revision: int, reason: str
) -> None:
    """Assign a class; needs `EDIT`, and `FILE` with the new class in the place where the Document lies."""
    work.performs(Op.DOCUMENT_CLASS_ASSIGN)
    row = editing.claim(work, Document, row_id, expected_revision=expected_revision, event="classAssign")
    chosen = schemes.class_of(work, record_class_id)
    note = text.reason(reason)
    if chosen.id == row.record_class_id:
        raise Invalid("it has this class already", path=("recordClassId",))
    _require_filing(
        work,
        row.id,
        aggregation_id=row.aggregation_id,
        class_id=chosen.id,
        security_id=row.security_id,
    )
    editing.keep_place(work, row)
    values = {"record_class_id": chosen.id, "classed_by": ClassedBy.HAND, "class_rule_id": None}
    editing.write(work, row, values, note={"reason": note})


@dataclass(frozen=True, slots=True)
class _Berth:
    """Where and how new Documents lie; the actor may file them there so."""

    aggregation: Aggregation
    class_id: UUID
    security_id: int


@dataclass(slots=True)
class _Homes:
    """Where new Documents of one operation go, and which class each gets; each is judged once."""

    work: Work
    _found: dict[UUID, Aggregation] = field(default_factory=dict)
    _asked: dict[UUID, UUID] = field(default_factory=dict)
    _chooser: classing.Chooser = field(init=False)

    def __post_init__(self) -> None:
        """Choose for the same operation."""
        self._chooser = classing.Chooser(self.work)

    def of(self, aggregation_id: UUID) -> Aggregation:
        """Return the open Aggregation into which the actor may file."""
        if aggregation_id not in self._found:
            self._found[aggregation_id] = _target(self.work, aggregation_id)
        return self._found[aggregation_id]

    def classed(self, new: NewDocument) -> Classed:
        """Return the class that was asked for, else by the first rule that fits, else by the place."""
        asked = new.record_class_id
        if asked is None:
            wording = Wording(new.title, new.source_system, new.original_name, new.authors)
            return self._chooser.choose(wording, new.aggregation_id)
        if asked not in self._asked:
            self._asked[asked] = schemes.class_of(self.work, asked).id
        return Classed(self._asked[asked], ClassedBy.HAND)


def _berth(work: Work, aggregation: Aggregation, class_id: UUID, mark: AskedMark | None) -> _Berth:
    security_id = aggregation.security_id if mark is None else security.check_mark(work, mark)
    _require_filing(work, new_id(), aggregation_id=aggregation.id, class_id=class_id, security_id=security_id)
    return _Berth(aggregation, class_id, security_id)


def _draft(
    work: Work, new: NewDocument, berth: _Berth, *, classed: Classed
) -> tuple[Document, Mapping[str, object]]:
    """Return the row of a draft and the values to note of it."""
    values = {
        "aggregation_id": berth.aggregation.id,
        "record_class_id": berth.class_id,
        "classed_by": classed.by,
        "class_rule_id": classed.rule_id,
        "security_id": berth.security_id,
        "medium": new.medium,
        "state": DocumentState.DRAFT,
        **editing.titled(new.title),
        **editing.coded(work, Document, new.reference_code),
        **_dated(new.dates),
        "authors": editing.described(new.authors, "authors"),
        "addressees": editing.described(new.addressees, "addressees"),
        "description": editing.described(new.description, "description"),
        "source_system": _named(new.source_system, "sourceSystem", limit=text.MAX_NAME),
        "original_name": _named(new.original_name, "originalName", limit=MAX_PATH),
    }
    row = Document(
        id=new_id(),
        repository_id=berth.aggregation.repository_id,
        current_version=None if new.content is None else versions.FIRST,
        created_at=work.now,
        created_by=work.actor.principal_id,
        updated_at=work.now,
        updated_by=work.actor.principal_id,
        **values,
    )
    return row, values


def _target(work: Work, aggregation_id: UUID) -> Aggregation:
    """Return the open Aggregation into which the actor may file."""
    row = gate.visible(work, Aggregation, Action.DISCOVER).one(aggregation_id)
    gate.require(work, row, Action.FILE)
    editing.permit(work, row, "file")
    return row


def _require_filing(
    work: Work, row_id: UUID, *, aggregation_id: UUID, class_id: UUID, security_id: int
) -> None:
    """Require `FILE` where the Document will hang in both trees, which no class denies."""
    node = nodes.planned(
        work,
        NodeKind.DOCUMENT,
        row_id,
        aggregation_id=aggregation_id,
        class_id=class_id,
        mark=marks.mark_of(work, security_id),
    )
    nodes.require(work, node, action=Action.FILE)


def _overwrites(row: Document, values: Mapping[str, object]) -> bool:
    return any(getattr(row, name) not in {None, "", value} for name, value in values.items())


def _dated(expression: str | None) -> dict[str, object]:
    read = dates.read(expression)
    return {**editing.dated(read), "date_key": dates.sort_key(read.first_day if read else None)}


def _named(value: str | None, name: str, *, limit: int) -> str | None:
    return None if value is None else text.line(value, (name,), limit=limit)


def _undeclarable(work: Work, row: Document, message: str) -> State:
    return editing.refusal(work, row, "declare", message)
