"""The arrangement tree: Aggregations in the levels of ISAD(G), made, described, closed and moved."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from dms.access import accessnodes, gate, marks, nodes
from dms.base.errors import Invalid
from dms.base.ids import new_id
from dms.models.aggregations import Aggregation, ArrangementLevel, ParentHistory
from dms.models.scopes import NodeState
from dms.rules import codes, dates, text
from dms.rules.access import Action, NodeKind
from dms.rules.accessevents import Op
from dms.rules.security import Mark
from dms.rules.states import AggregationState
from dms.services import editing, retention, schemes, security, securitychanges
from dms.services.editing import KEEP, Keep
from dms.services.security import AskedMark
from dms.stores import facts
from dms.stores.work import Work

CODE_LOCK = "aggregation"
"""Table that a mutation locks first on PostgreSQL when it may make a reference code."""


@dataclass(frozen=True, slots=True)
class NewAggregation:
    """What a new Aggregation begins with; without a parent it stands directly below the Repository."""

    level: ArrangementLevel
    title: str
    parent_id: UUID | None = None
    other_level: str | None = None
    reference_code: str | None = None
    """Given by an archivist; None lets the server make one."""
    dates: str | None = None
    scope_and_content: str | None = None
    record_class_id: UUID | None = None
    office: str | None = None
    """The unit that keeps it."""
    mark: AskedMark | None = None


@dataclass(frozen=True, slots=True)
class AggregationChanges:
    """New values; what is kept stays, None empties."""

    title: str | Keep = KEEP
    level: ArrangementLevel | Keep = KEEP
    other_level: str | Keep | None = KEEP
    reference_code: str | Keep = KEEP
    dates: str | Keep | None = KEEP
    scope_and_content: str | Keep | None = KEEP
    record_class_id: UUID | Keep | None = KEEP
    office: str | Keep | None = KEEP


def create(work: Work, new: NewAggregation) -> UUID:
    """Make an Aggregation below an open one, or at the top; the actor needs `FILE` there."""
    work.performs(Op.AGGREGATION_CREATE)
    parent = _target(work, new.parent_id)
    class_id = new.record_class_id and schemes.class_of(work, new.record_class_id).id
    security_id = _first_mark(work, new.mark, parent)
    row_id = new_id()
    _require_filing(work, row_id, parent=parent, class_id=class_id, mark=marks.mark_of(work, security_id))
    values = {
        "parent_id": _id_of(parent),
        **_levelled(new.level, new.other_level),
        **_first_code(work, new.reference_code, parent),
        **editing.titled(new.title),
        **editing.dated(dates.read(new.dates)),
        "scope_and_content": editing.described(new.scope_and_content, "scopeAndContent"),
        "record_class_id": class_id,
        "office": _office(new.office),
        "security_id": security_id,
        "state": AggregationState.OPEN,
    }
    row = Aggregation(
        id=row_id,
        repository_id=gate.standing(work).roof.repository_id,
        created_at=work.now,
        created_by=work.actor.principal_id,
        updated_at=work.now,
        updated_by=work.actor.principal_id,
        **values,
    )
    editing.enter(work, row, values)
    securitychanges.first_mark(work, row)
    return row_id


def update(work: Work, row_id: UUID, *, expected_revision: int, changes: AggregationChanges) -> None:
    """Change the description of an open Aggregation."""
    work.performs(Op.AGGREGATION_UPDATE)
    row = editing.claim(work, Aggregation, row_id, expected_revision=expected_revision, event="update")
    values: dict[str, object] = {}
    if changes.title is not KEEP:
        values |= editing.titled(changes.title)
    if changes.level is not KEEP or changes.other_level is not KEEP:
        level = row.level if changes.level is KEEP else changes.level
        values |= _levelled(level, row.other_level if changes.other_level is KEEP else changes.other_level)
    if changes.reference_code not in {KEEP, row.reference_code}:
        values |= {**editing.coded(work, Aggregation, changes.reference_code), "generated": False}
    if changes.dates is not KEEP:
        values |= editing.dated(dates.read(changes.dates))
    if changes.scope_and_content is not KEEP:
        values["scope_and_content"] = editing.described(changes.scope_and_content, "scopeAndContent")
    if changes.record_class_id not in {KEEP, row.record_class_id}:
        values["record_class_id"] = _new_class(work, row, changes.record_class_id)
        editing.keep_place(work, row)
    editing.write(work, row, values)


def assign_class(
    work: Work, row_id: UUID, *, record_class_id: UUID | None, expected_revision: int, reason: str
) -> None:
    """Assign the class that Documents filed from now on get, or none; also where nothing more is filed.

    Needs `EDIT`, and `FILE` with the new class.
    """
    work.performs(Op.AGGREGATION_CLASS_ASSIGN)
    row = editing.claim(work, Aggregation, row_id, expected_revision=expected_revision, event="classAssign")
    note = text.reason(reason)
    if record_class_id == row.record_class_id:
        raise Invalid("it has this class already", path=("recordClassId",))
    chosen = _new_class(work, row, record_class_id)
    editing.keep_place(work, row)
    editing.write(work, row, {"record_class_id": chosen}, note={"reason": note})


def close(work: Work, row_id: UUID, *, expected_revision: int, reason: str) -> None:
    """Close an Aggregation in which nothing is open or unfinished: nothing is filed there any more."""
    work.performs(Op.AGGREGATION_CLOSE)
    row = editing.claim(work, Aggregation, row_id, expected_revision=expected_revision, event="close")
    note = text.reason(reason)
    if facts.has_open_children(work, row.id):
        raise editing.refusal(work, row, "close", "an Aggregation below is still open: close it first")
    if facts.has_drafts(work, row.id):
        raise editing.refusal(work, row, "close", "a Document in it is still a draft: declare it first")
    retention.closed(work, row, reason=note)
    editing.write(work, row, {"state": AggregationState.CLOSED}, note={"reason": note})


def reopen(work: Work, row_id: UUID, *, expected_revision: int, reason: str) -> None:
    """Open a closed Aggregation again; the one above it must be open."""
    work.performs(Op.AGGREGATION_REOPEN)
    row = editing.claim(work, Aggregation, row_id, expected_revision=expected_revision, event="reopen")
    note = text.reason(reason)
    above = row.parent_id and facts.aggregation_state(work, row.parent_id)
    if above not in {None, AggregationState.OPEN}:
        raise editing.refusal(work, row, "reopen", "the Aggregation above is not open: open it first")
    retention.reopened(work, row, reason=note)
    editing.write(work, row, {"state": AggregationState.OPEN}, note={"reason": note})


def rearrange(
    work: Work, row_id: UUID, *, parent_id: UUID | None, expected_revision: int, reason: str
) -> None:
    """Put an Aggregation with all below it under another parent, or at the top.

    It needs `EDIT` here and `FILE` there, and changes who may see what lies below. On PostgreSQL the
    operation holds `revisions.LOCK`, so that no two of them close a circle together.
    """
    work.performs(Op.AGGREGATION_REARRANGE)
    row = editing.claim(work, Aggregation, row_id, expected_revision=expected_revision, event="rearrange")
    parent = _target(work, parent_id)
    note = text.reason(reason)
    _check_line(work, row, parent)
    mark = marks.mark_of(work, row.security_id)
    _require_filing(work, row.id, parent=parent, class_id=row.record_class_id, mark=mark)
    work.add(
        ParentHistory(
            node_id=row.id,
            parent_id=row.parent_id,
            valid_from=facts.arranged_since(work, row.id) or row.created_at,
            valid_until=work.now,
            event_id=work.notes.event_id,
        )
    )
    if accessnodes.prepare(work, NodeKind.AGGREGATION, row.id) is not NodeState.READY:
        raise editing.refusal(work, row, "rearrange", accessnodes.UNREADY)
    editing.write(work, row, {"parent_id": _id_of(parent)}, note={"reason": note})
    accessnodes.rearranged(work, row)


def _target(work: Work, parent_id: UUID | None) -> Aggregation | None:
    """Return the open Aggregation under which the actor may file; None is the Repository itself."""
    if parent_id is None:
        repository = nodes.find(work, NodeKind.REPOSITORY, node_id=gate.standing(work).roof.repository_id)
        nodes.require(work, repository, action=Action.FILE)
        return None
    parent = gate.visible(work, Aggregation, Action.DISCOVER).one(parent_id)
    gate.require(work, parent, Action.FILE)
    editing.permit(work, parent, "file")
    return parent


def _id_of(parent: Aggregation | None) -> UUID | None:
    return None if parent is None else parent.id


def _require_filing(
    work: Work, row_id: UUID, *, parent: Aggregation | None, class_id: UUID | None, mark: Mark
) -> None:
    """Require `FILE` where the Aggregation will hang in both trees, which no class denies."""
    node = nodes.planned(
        work, NodeKind.AGGREGATION, row_id, aggregation_id=_id_of(parent), class_id=class_id, mark=mark
    )
    nodes.require(work, node, action=Action.FILE)


def _office(office: str | None) -> str | None:
    return None if office is None else text.line(office, ("office",), limit=text.MAX_NAME)


def _first_mark(work: Work, asked: AskedMark | None, parent: Aggregation | None) -> int:
    if asked is not None:
        return security.check_mark(work, asked)
    if parent is not None:
        return parent.security_id
    return marks.intern(work, Mark(min(facts.level_ranks(work).values())))


def _first_code(work: Work, given: str | None, parent: Aggregation | None) -> dict[str, object]:
    if given is not None:
        return {**editing.coded(work, Aggregation, given), "generated": False}
    parent_code = None if parent is None else parent.reference_code
    made = codes.made_below(parent_code, facts.next_number(work, parent_code))
    return {**editing.coded(work, Aggregation, made), "generated": True}


def _levelled(level: ArrangementLevel, other_level: str | None) -> dict[str, object]:
    if level is ArrangementLevel.OTHER:
        if other_level is None:
            raise Invalid("say which level `other` is", path=("otherLevel",))
        clean = text.line(other_level, ("otherLevel",), limit=text.MAX_NAME)
        return {"level": level, "other_level": clean}
    if other_level is not None:
        raise Invalid("goes with the level `other` only", path=("otherLevel",))
    return {"level": level, "other_level": None}


def _new_class(work: Work, row: Aggregation, class_id: UUID | None) -> UUID | None:
    if class_id is None:
        return None
    chosen = schemes.class_of(work, class_id).id
    mark = marks.mark_of(work, row.security_id)
    node = nodes.planned(
        work, NodeKind.AGGREGATION, row.id, aggregation_id=row.id, class_id=chosen, mark=mark
    )
    nodes.require(work, node, action=Action.FILE)
    return chosen


def _check_line(work: Work, row: Aggregation, parent: Aggregation | None) -> None:
    if _id_of(parent) == row.parent_id:
        raise Invalid("it lies there already", path=("parentId",))
    if parent is not None and row.id in {parent.id, *facts.lines_above(work, [parent.id])[parent.id]}:
        message = "an Aggregation cannot lie under itself or under what lies below it"
        raise Invalid(message, path=("parentId",))
