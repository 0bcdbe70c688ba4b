"""The one way by which things are destroyed: Holds, days, states and approvals judged, then all at once.

Source: the records design, section 3, rules 1 to 4; F50, F53, F54, F56. Lists of things, their approvals and
certificates are the room `disposalbatches`; lists, and the discarding of drafts, end here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, TypeAlias
from uuid import UUID

from dms.access import gate
from dms.access.keyset import Order
from dms.base.canonical import Canonical
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.preservation import PreservationEvent, PreservationKind, PreservationOutcome
from dms.models.search import SubjectKind
from dms.rules import codes, text
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.rules.disposal import APPRAISALS, DECISIONS, DisposalAction, Gone, ItemOutcome, Obstacle
from dms.rules.duedays import RetentionOutcome
from dms.rules.duesteps import RetentionState
from dms.rules.jobs import JobKind, Priority
from dms.rules.retention import RetentionAction
from dms.rules.states import AggregationState, DocumentState
from dms.services import editing, holding, retention
from dms.stores import conditions, destroying, disposals, holds, jobs
from dms.stores.jobs import Order as JobOrder
from dms.stores.records import is_a
from dms.stores.work import Work

Row: TypeAlias = Document | Aggregation

SLICE = 100
"""Things that go in one transaction: whoever places a Hold meanwhile waits seconds, not minutes."""

NO_TITLE = "Destroyed"
"""What a stub without its title is called."""

_EMPTIED = {
    Document: ("authors", "addressees", "description", "source_system", "original_name"),
    Aggregation: ("scope_and_content",),
}
"""What a stub does not keep; it keeps code, dates, place, class, mark, and its title where a list says so."""

_ALLOWS: Mapping[DisposalAction, frozenset[RetentionAction]] = {
    DisposalAction.DESTROY: frozenset({RetentionAction.DESTROY}),
    DisposalAction.TRANSFER: frozenset({RetentionAction.TRANSFER_TO}),
}
"""What the rule of a thing must allow; a review or a sample allows it by the criteria of the list."""

_JUDGED = frozenset({RetentionAction.REVIEW, RetentionAction.SAMPLE, RetentionAction.REPRODUCE_THEN})


_STATES_TO_JUDGE: Mapping[str, Obstacle] = {
    DocumentState.DRAFT: Obstacle.STATE,
    AggregationState.OPEN: Obstacle.STATE,
    DocumentState.DESTROYED: Obstacle.STATE,
}


class Judgement(NamedTuple):
    """Whether a thing may go now, and by which rule."""

    obstacle: Obstacle | None
    rule: str = ""
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What is to be done, and on what a list stands that does it."""

    action: DisposalAction
    has_criteria: bool


@dataclass(frozen=True, slots=True)
class Warrant:
    """An approved list that is being executed; `destroy` asks the database whether it really is."""

    batch_id: UUID
    terms: Terms
    keeps_title: bool


class Asked(NamedTuple):
    """A thing on a list, with the revision that was approved."""

    subject: UUID
    kind: SubjectKind
    revision: int


class Fate(NamedTuple):
    """What became of a thing: why it stayed, or what of it is gone."""

    obstacle: Obstacle | None
    gone: Sequence[Gone] = ()


def things(work: Work, named: Iterable[tuple[SubjectKind, UUID]], *, action: Action) -> dict[UUID, Row]:
    """Return those of these things on which the actor has an action."""
    ids: dict[SubjectKind, list[UUID]] = {kind: [] for kind in SubjectKind}
    for kind, subject in named:
        ids[kind].append(subject)
    found: dict[UUID, Row] = {}
    if ids[SubjectKind.DOCUMENT]:
        found |= gate.visible(work, Document, action).many(ids[SubjectKind.DOCUMENT])
    if ids[SubjectKind.AGGREGATION]:
        found |= gate.visible(work, Aggregation, action).many(ids[SubjectKind.AGGREGATION])
    return found


def judge(work: Work, rows: Sequence[Row], terms: Terms) -> Mapping[UUID, Judgement]:
    """Tell of each thing what keeps a list from doing its work on it now; the caller has released the rows.

    Statements in a number that does not grow with the things, but for one for each copy to be weeded.
    """
    ids = [row.id for row in rows]
    held = holds.standing(work, ids)
    due = {} if terms.action is DisposalAction.WEED else retention.fresh(work, ids)
    today = retention.today(work)
    decided = disposals.decided(work, ids, today=today)
    copies = _copies(work, ids) if terms.action is DisposalAction.WEED else frozenset()
    judged = {}
    for row in rows:
        outcome = due.get(row.id)
        rule = outcome.decisive.rule if outcome is not None else None
        judged[row.id] = Judgement(
            _obstacle(
                row,
                terms,
                held=row.id in held,
                decided=decided.get(row.id),
                outcome=outcome,
                is_copy=row.id in copies,
            ),
            rule="" if rule is None else rule.code,
            due_on=None if outcome is None else outcome.due_on,
        )
    return judged


def destroy(work: Work, asked: Sequence[Asked], *, warrant: Warrant) -> Mapping[UUID, Fate]:
    """Reduce things of an approved list to stubs and destroy the keys of their contents; at most `SLICE`.

    What may not go stays whole, with its obstacle. INVARIANT (one-destroyer): nothing else deletes a key
    of a Document's content but for a newer one of the same Rendition.
    """
    rows, fates = _judged_again(work, asked, warrant=warrant)
    documents = [row for row in rows if is_a(row, Document)]
    fates |= _reduce(work, documents, keeps_title=warrant.keeps_title, note={"batch": warrant.batch_id.hex})
    # What lies in an Aggregation comes before it on a list, and so is gone by now.
    for row in rows:
        if not is_a(row, Document):
            fates[row.id] = _close_up(work, row, warrant=warrant)
    return fates


def hand_over(work: Work, asked: Sequence[Asked], *, warrant: Warrant) -> Mapping[UUID, Fate]:
    """Mark things of an approved list as transferred to another custodian; what is here stays meanwhile."""
    rows, fates = _judged_again(work, asked, warrant=warrant)
    for row in rows:
        state = DocumentState.TRANSFERRED if is_a(row, Document) else AggregationState.TRANSFERRED
        editing.write(work, row, {"state": state}, note={"batch": warrant.batch_id.hex})
        fates[row.id] = Fate(None)
    retention.carried_out(work, rows, RetentionAction.TRANSFER_TO)
    return fates


def keep(work: Work, asked: Sequence[Asked], *, warrant: Warrant) -> Mapping[UUID, Fate]:
    """Keep things of an approved list, for good or until their next review; the lists to come know it."""
    rows, fates = _judged_again(work, asked, warrant=warrant)
    retention.carried_out(work, rows, RetentionAction.REVIEW)
    return fates | {row.id: Fate(None) for row in rows}


def discard(work: Work, document_id: UUID, *, expected_revision: int, reason: str) -> Document:
    """Destroy a draft that never became a record; a stub stays, without a certificate."""
    work.performs(Op.DOCUMENT_DISCARD)
    holding.guard(work)
    row = editing.claim(work, Document, document_id, expected_revision=expected_revision, event="discard")
    note = text.reason(reason)
    holding.require_free(work, row, "discard")
    _reduce(work, [row], keeps_title=False, note={"reason": note})
    return row


def _judged_again(
    work: Work, asked: Sequence[Asked], *, warrant: Warrant
) -> tuple[list[Row], dict[UUID, Fate]]:
    """Return what may go of an approved list, judged as it is now, and the fates of what may not."""
    holding.guard(work)
    disposals.require_warranted(work, warrant.batch_id, [each.subject for each in asked])
    rows = things(work, [(each.kind, each.subject) for each in asked], action=Action.DISPOSE)
    judged = judge(work, list(rows.values()), warrant.terms)
    going, fates = [], {}
    for each in asked:
        row = rows.get(each.subject)
        obstacle = Obstacle.GONE if row is None else judged[row.id].obstacle
        if row is not None and obstacle is None and row.revision != each.revision:
            obstacle = Obstacle.CHANGED
        if row is None or obstacle is not None:
            fates[each.subject] = Fate(obstacle)
        else:
            going.append(row)
    return going, fates


def _obstacle(
    row: Row,
    terms: Terms,
    *,
    held: bool,
    decided: ItemOutcome | None,
    outcome: RetentionOutcome | None,
    is_copy: bool,
) -> Obstacle | None:
    if terms.action in APPRAISALS:
        return _STATES_TO_JUDGE.get(row.state) or _early(outcome, terms)
    if held:
        return Obstacle.HELD
    if decided is not None:
        return DECISIONS[decided]
    event = "transfer" if terms.action is DisposalAction.TRANSFER else "destroy"
    if not editing.permits_by_list(row, event):
        return Obstacle.STATE
    if terms.action is DisposalAction.WEED:
        return None if is_copy else Obstacle.NO_ORIGINAL
    if row.state in {DocumentState.TRANSFERRED, AggregationState.TRANSFERRED}:
        return None  # its days are the other custodian's business; this is the copy that was left here
    return _early(outcome, terms)


def _early(outcome: RetentionOutcome | None, terms: Terms) -> Obstacle | None:
    if outcome is None:
        return Obstacle.NO_DAY
    if outcome.conflict is not None:
        return Obstacle.CONFLICT
    if outcome.due_on is None:
        return Obstacle.NO_DAY
    if outcome.state is not RetentionState.DUE:
        return Obstacle.NOT_DUE
    actions = {medium.action for medium in outcome.media}
    if terms.action in APPRAISALS:
        return None if terms.has_criteria else Obstacle.NEEDS_APPRAISAL
    if actions <= _ALLOWS[terms.action]:
        return None
    if not actions <= _ALLOWS[terms.action] | _JUDGED:
        return Obstacle.OTHER_ACTION
    return None if terms.has_criteria else Obstacle.NEEDS_APPRAISAL


def _copies(work: Work, ids: Sequence[UUID]) -> frozenset[UUID]:
    """Return those of these Documents of which an earlier declared one that the actor sees is the original.

    It has all contents of the copy, and stays as long or longer. What is hidden from the actor is no
    original: that a copy may go would tell of it.
    """
    declared = gate.visible(work, Document, Action.READ_METADATA).where(
        Document.state == DocumentState.DECLARED
    )
    declared = declared.order_by(Order(Document.declared_at))
    originals = {}
    for document_id, sha256 in disposals.bodies(work, ids).items():
        earliest = declared.where(conditions.holds_content([sha256])).page(PageRequest(1)).rows
        if earliest and earliest[0].id != document_id:
            originals[document_id] = earliest[0].id
    both = {*originals, *originals.values()}
    due = retention.fresh(work, both)
    held = {key: {each.sha256 for each in gone} for key, gone in destroying.contents(work, both).items()}
    return frozenset(
        copy
        for copy, original in originals.items()
        if held[copy] <= held[original]
        and due[copy].decisive.standing.rank <= due[original].decisive.standing.rank
    )


def _reduce(
    work: Work, rows: Sequence[Document], *, keeps_title: bool, note: Mapping[str, Canonical]
) -> Mapping[UUID, Fate]:
    """Make stubs of Documents: keys, contents, Renditions and words go in this transaction."""
    if not rows:
        return {}
    ids = [row.id for row in rows]
    contents = destroying.contents(work, ids)
    shredded = destroying.shred(work, ids)
    retention.forget(work, ids)
    for row in rows:
        row.current_version = None
        _empty(work, row, DocumentState.DESTROYED, keeps_title=keeps_title, note=note)
        work.add(
            PreservationEvent(
                id=new_id(),
                document_id=row.id,
                blob_id=None,
                kind=PreservationKind.DELETION,
                outcome=PreservationOutcome.PASSED,
                note=None,
                at=work.now,
            )
        )
    for part, revision in shredded.parts:
        work.changed(part, before=revision, after=None, old={}, new={})
    if shredded.stored:
        jobs.queue(work, [_removal(shredded.stored)])
    return {row.id: Fate(None, contents[row.id]) for row in rows}


def _close_up(work: Work, row: Aggregation, *, warrant: Warrant) -> Fate:
    if row.id not in destroying.emptied(work, [row.id]):
        return Fate(Obstacle.NOT_EMPTY)
    destroying.forget(work, [row.id])
    retention.forget(work, [row.id])
    note: Mapping[str, Canonical] = {"batch": warrant.batch_id.hex}
    _empty(work, row, AggregationState.DESTROYED, keeps_title=warrant.keeps_title, note=note)
    return Fate(None)


def _empty(
    work: Work,
    row: Row,
    state: DocumentState | AggregationState,
    *,
    keeps_title: bool,
    note: Mapping[str, Canonical],
) -> None:
    """Leave of a thing what its stub keeps; the log learns which fields went, and none of their words."""
    gone = [name for name in _EMPTIED[Document if is_a(row, Document) else Aggregation] if getattr(row, name)]
    for name in gone:
        setattr(row, name, None)
    if not keeps_title:
        row.title, row.title_key = NO_TITLE, codes.title_key(NO_TITLE)
        gone.append("title")
    before = row.state
    row.state = state
    row.revision += 1
    row.updated_at = work.now
    row.updated_by = work.actor.principal_id
    work.changed(
        row.id,
        before=row.revision - 1,
        after=row.revision,
        old={"state": before.value},
        new={"state": state.value, "emptied": gone, **note},
    )


def _removal(digests: Sequence[str]) -> JobOrder:
    """Return the job that removes stored bytes which nobody can read any more."""
    return JobOrder(JobKind.CONTENT_REMOVE, {"digests": sorted(digests)}, None, Priority.NORMAL)
