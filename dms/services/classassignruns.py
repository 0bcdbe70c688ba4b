"""Orders to class many things: asked for by somebody, carried out as he, seen by nobody else (F13)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement

from dms.access import gate
from dms.access.keyset import Order
from dms.access.reading import Listing, Visible
from dms.base.actor import ActorKind
from dms.base.errors import Denied, Invalid, NotFound, State
from dms.base.ids import derived_id, new_id
from dms.base.paging import Page, PageRequest
from dms.models.aggregations import Aggregation
from dms.models.classassignruns import ClassAssignLine, ClassAssignRun
from dms.models.documents import Document
from dms.models.schemes import UNASSIGNED
from dms.models.search import SubjectKind
from dms.models.users import Principal, PrincipalKind
from dms.rules import text
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.rules.classassignruns import Chosen, RunState
from dms.rules.jobs import JobKind
from dms.services import editing, schemes, searchlists
from dms.stores import classassignruns as lines_of
from dms.stores import conditions, facts, jobs
from dms.stores.jobs import Order as JobOrder
from dms.stores.work import Work

MAX_NAMED = 500
"""Things that one order names by their ids; more are chosen by their class or place."""

OPS = {
    SubjectKind.DOCUMENT: Op.DOCUMENT_CLASS_ASSIGN_MANY,
    SubjectKind.AGGREGATION: Op.AGGREGATION_CLASS_ASSIGN_MANY,
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which things are meant: named, on a frozen list, of a class, or at or below an Aggregation."""

    chosen: Chosen
    ids: tuple[UUID, ...] = ()
    """The things, or the one list, class or Aggregation."""


def ask(
    work: Work, kind: SubjectKind, selection: Selection, *, record_class_id: UUID, reason: str
) -> ClassAssignRun:
    """Order that things get a class in force; a job does it for the actor, who needs `EDIT` on some.

    `NotFound` if the actor may know of none of what is named, `Denied` if he may edit none of it.
    """
    work.performs(OPS[kind])
    chosen = schemes.class_of(work, record_class_id)
    note = text.reason(reason)
    things, total = _things(work, kind, selection, record_class_id=chosen.id)
    row = _begin(work, kind, selection, record_class_id=chosen.id, reason=note, total=total)
    named = [
        {"id": derived_id(row.id, each), "run_id": row.id, "position": position, "object_id": each}
        for position, each in enumerate(things, start=1)
    ]
    lines_of.keep_lines(work, named)
    return row


def apply_rules(work: Work, aggregation_id: UUID | None, *, reason: str) -> ClassAssignRun:
    """Order that Documents which nobody classed get the class that rules or places say now.

    All of those that the actor may edit, or those at or below an Aggregation. `NotFound` if that is hidden.
    """
    work.performs(Op.CLASSRULE_APPLY)
    note = text.reason(reason)
    if aggregation_id is not None:
        gate.visible(work, Aggregation, Action.DISCOVER).one(aggregation_id)
    selection = Selection(Chosen.UNASSIGNED, () if aggregation_id is None else (aggregation_id,))
    unclassed = _unassigned(work, aggregation_id)
    total = visible(work, SubjectKind.DOCUMENT, Action.EDIT).where(*unclassed).count()
    if not total:
        raise Invalid("there is nothing there that you may edit and nobody classed", path=("aggregationId",))
    return _begin(work, SubjectKind.DOCUMENT, selection, record_class_id=None, reason=note, total=total)


def _begin(
    work: Work,
    kind: SubjectKind,
    selection: Selection,
    *,
    record_class_id: UUID | None,
    reason: str,
    total: int,
) -> ClassAssignRun:
    by_itself = selection.chosen is Chosen.THINGS or not selection.ids
    row = ClassAssignRun(
        id=new_id(),
        kind=kind,
        chosen=selection.chosen,
        chosen_id=None if by_itself else selection.ids[0],
        record_class_id=record_class_id,
        reason=reason,
        state=RunState.OPEN,
        total=total,
        asked_by=gate.account_id(work),
        asked_at=work.now,
        revision=1,
    )
    work.add(row)
    work.flush()
    said = {
        "kind": kind,
        "chosen": selection.chosen,
        "chosen_id": row.chosen_id,
        "record_class_id": record_class_id,
        "reason": reason,
        "total": total,
    }
    work.changed(row.id, before=None, after=1, old={}, new=editing.noted(said))
    jobs.queue(work, [JobOrder(JobKind.CLASS_ASSIGN, {"run": row.id.hex}, f"class_assign:{row.id.hex}")])
    return row


def page(work: Work, request: PageRequest) -> Page[ClassAssignRun]:
    """List the actor's orders, the newest first."""
    work.performs(Op.CLASSASSIGNRUN_LIST)
    return own(work).order_by(Order(ClassAssignRun.id, descending=True)).page(request)


def find(work: Work, run_id: UUID) -> ClassAssignRun:
    """Return an order of the actor's, or raise `NotFound`."""
    work.performs(Op.CLASSASSIGNRUN_READ)
    return own(work).one(run_id)


def nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, ClassAssignRun]:
    """Return those of these orders that are the actor's own, by id."""
    return own(work).each(ids)


def lines(
    work: Work, run_ids: Collection[UUID], request: PageRequest
) -> Mapping[UUID, Page[ClassAssignLine]]:
    """Return a page of the lines of each order that this operation has shown, in their order.

    There is no line of what the actor may no longer know of. A later page goes with one order only.
    """
    reading = gate.attached(
        work,
        ClassAssignLine,
        owner=ClassAssignLine.object_id,
        action=Action.DISCOVER,
        open_nodes=lines_of.gone(work, [*run_ids]),
    ).order_by(Order(ClassAssignLine.position))
    if request.after is None:
        return reading.pages(ClassAssignLine.run_id, run_ids, request=request)
    (key,) = run_ids
    return {key: reading.where(ClassAssignLine.run_id == key).page(request)}


def cancel(work: Work, run_id: UUID) -> ClassAssignRun:
    """Call an order off: what was done stays, nothing more is done."""
    work.performs(Op.CLASSASSIGNRUN_CANCEL)
    row = own(work).one(run_id)
    if row.state is not RunState.OPEN:
        raise State("it has ended already", state=row.state.value)
    end(work, row, RunState.CANCELLED)
    return row


def fail(work: Work, run_id: UUID, problem: str) -> None:
    """End an order that cannot go on; for the job, which acts as the system then."""
    work.performs(Op.CLASSASSIGNRUN_CANCEL)
    row = gate.vocabulary(work, ClassAssignRun).one(run_id)
    if row.state is RunState.OPEN:
        row.problem = problem
        end(work, row, RunState.FAILED)


def asker(work: Work, run_id: UUID) -> tuple[UUID, ActorKind]:
    """Return the account that an order was asked for by, and what kind of account it is."""
    row = gate.vocabulary(work, ClassAssignRun).one(run_id)
    principal = gate.vocabulary(work, Principal).one(row.asked_by)
    is_service = principal.kind is PrincipalKind.SERVICE
    return row.asked_by, ActorKind.SERVICE if is_service else ActorKind.USER


def end(work: Work, row: ClassAssignRun, state: RunState) -> None:
    """Note how an order ended."""
    row.state, row.ended_at = state, work.now
    row.revision += 1
    work.flush()
    old, new = {"state": RunState.OPEN.value}, {"state": state.value, "problem": row.problem}
    work.changed(row.id, before=row.revision - 1, after=row.revision, old=old, new=new)


def own(work: Work) -> Listing[ClassAssignRun]:
    """Start a reading of the actor's own orders: what one selects tells of things others may not see."""
    return gate.listed(work, ClassAssignRun).where(ClassAssignRun.asked_by == gate.account_id(work))


def visible(work: Work, kind: SubjectKind, action: Action) -> Visible[Document] | Visible[Aggregation]:
    """Start a reading of things of a kind on which the actor has an action."""
    if kind is SubjectKind.DOCUMENT:
        return gate.visible(work, Document, action)
    return gate.visible(work, Aggregation, action)


def chosen_by(work: Work, row: ClassAssignRun) -> Sequence[ColumnElement[bool]]:
    """Return the conditions on things that are chosen by their class or place."""
    if row.chosen is Chosen.UNASSIGNED:
        return _unassigned(work, row.chosen_id)
    return (_condition(row.kind, row.chosen, row.chosen_id),)


def _unassigned(work: Work, aggregation_id: UUID | None) -> Sequence[ColumnElement[bool]]:
    intake = Document.record_class_id == facts.record_class_id(work, UNASSIGNED)
    if aggregation_id is None:
        return (intake,)
    return intake, conditions.below(Document.aggregation_id, [aggregation_id])


def _things(
    work: Work, kind: SubjectKind, selection: Selection, *, record_class_id: UUID
) -> tuple[Sequence[UUID], int]:
    """Return the things that are named, and how many there are for the actor."""
    if selection.chosen is Chosen.THINGS:
        named = tuple(dict.fromkeys(selection.ids))
        _check_named(work, kind, named)
        return named, len(named)
    if selection.chosen is Chosen.SEARCH_LIST:
        found = searchlists.subjects(work, selection.ids[0], kind=kind)
        if not found:
            raise Invalid("there is nothing of this kind on the list", path=("selection", "searchListId"))
        _check_named(work, kind, found)
        return found, len(found)
    return (), _count(work, kind, selection, record_class_id=record_class_id)


def _check_named(work: Work, kind: SubjectKind, ids: Sequence[UUID]) -> None:
    if not 1 <= len(ids) <= MAX_NAMED:
        raise Invalid(f"name 1 to {MAX_NAMED} things", path=("selection", "ids"))
    rows = visible(work, kind, Action.DISCOVER).each(ids)
    if not rows:
        raise NotFound
    decided = gate.may(work, rows.values(), Action.EDIT)
    if not any(decision.may for decision in decided.values()):
        raise Denied(f"the access list does not give you `{Action.EDIT}` on any of them", action=Action.EDIT)


def _count(work: Work, kind: SubjectKind, selection: Selection, *, record_class_id: UUID) -> int:
    (chosen_id,) = selection.ids
    if selection.chosen is Chosen.AGGREGATION:
        gate.visible(work, Aggregation, Action.DISCOVER).one(chosen_id)
    elif not schemes.named(work, [chosen_id]):
        raise Invalid(
            "there is no such class: choose one of `recordClasses`", path=("selection", "ofClassId")
        )
    elif chosen_id == record_class_id:
        raise Invalid("they have this class already", path=("recordClassId",))
    reading = visible(work, kind, Action.EDIT)
    total = reading.where(_condition(kind, selection.chosen, chosen_id)).count()
    if not total:
        raise Invalid("there is nothing there that you may edit", path=("selection",))
    return total


def _condition(kind: SubjectKind, chosen: Chosen, chosen_id: UUID | None) -> ColumnElement[bool]:
    if chosen is Chosen.RECORD_CLASS:
        model = Document if kind is SubjectKind.DOCUMENT else Aggregation
        return model.record_class_id == chosen_id
    home = Document.aggregation_id if kind is SubjectKind.DOCUMENT else Aggregation.id
    return conditions.below(home, [] if chosen_id is None else [chosen_id])
