"""Lists of disposal: put together by one person, approved by others, started by a person (F52).

Who has `DISPOSE` or `APPROVE` on the Repository knows of the lists; which things one names is read through
the gate (`disposalitems`). Whoever proposes, approves or starts a list must see all of it. What a started
list does is `disposalruns`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import false

from dms.access import gate, nodes
from dms.access.keyset import Order
from dms.access.reading import Listing
from dms.base.canonical import Canonical
from dms.base.clock import utc_day
from dms.base.errors import Conflict, Denied, Invalid, SecondPerson, State
from dms.base.ids import new_id, random_bytes
from dms.base.paging import Page, PageRequest
from dms.models.disposal import DisposalApproval, DisposalBatch, DisposalItem
from dms.rules import disposal as rules
from dms.rules import states, text
from dms.rules.access import Action, NodeKind
from dms.rules.accessevents import Op
from dms.rules.disposal import DisposalAction, ItemOutcome, Terms
from dms.rules.jobs import JobKind, Priority
from dms.rules.states import BatchState
from dms.services import editing
from dms.services.editing import KEEP, Keep
from dms.stores import disposals, jobs
from dms.stores.jobs import Order as JobOrder
from dms.stores.work import Work

_NEEDED: Mapping[str, Action] = {
    "update": Action.DISPOSE,
    "add": Action.DISPOSE,
    "remove": Action.DISPOSE,
    "sample": Action.DISPOSE,
    "propose": Action.DISPOSE,
    "execute": Action.DISPOSE,
    "retry": Action.DISPOSE,
    "settle": Action.DISPOSE,
    "cancel": Action.DISPOSE,
    "return": Action.APPROVE,
    "approve": Action.APPROVE,
}
"""The action on the Repository that each transition needs."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What a list says of itself."""

    title: str | Keep = KEEP
    authority: str | Keep = KEEP
    """The law, schedule or decision by which it is done."""
    criteria: str | Keep | None = KEEP
    """By what the things were judged; wanted where their rules ask for a review or a sample."""
    keeps_title: bool | Keep = KEEP
    quorum: int | Keep = KEEP
    waiting_days: int | Keep = KEEP
    review_on: date | Keep | None = KEEP
    """The day of the next review: wanted of a list that puts it off, and of no other."""


def listed(work: Work, request: PageRequest, *, state: BatchState | None = None) -> Page[DisposalBatch]:
    """List the lists, the newest first."""
    work.performs(Op.DISPOSALBATCH_LIST)
    reading = _known(work)
    if state is not None:
        reading = reading.where(DisposalBatch.state == state)
    return reading.order_by(Order(DisposalBatch.number, descending=True)).page(request)


def find(work: Work, batch_id: UUID) -> DisposalBatch:
    """Return a list, or raise `NotFound`."""
    work.performs(Op.DISPOSALBATCH_LIST)
    return _known(work).one(batch_id)


def each(work: Work, ids: Collection[UUID]) -> Mapping[UUID, DisposalBatch]:
    """Return those of these lists that there are."""
    return _known(work).each(ids)


def approvals(work: Work, batches: Sequence[DisposalBatch]) -> Mapping[UUID, Sequence[disposals.Approved]]:
    """Return who approved each of these lists as it was proposed last."""
    return disposals.approvals(work, batches)


def create(work: Work, action: DisposalAction, heading: Heading) -> DisposalBatch:
    """Begin a list; what a random sample would be drawn by is drawn and kept now, before there are lines."""
    work.performs(Op.DISPOSALBATCH_CREATE)
    nodes.require(work, _repository(work), action=Action.DISPOSE)
    row = DisposalBatch(
        id=new_id(),
        number=disposals.next_number(work, DisposalBatch, lock=disposals.BATCHES),
        action=action,
        criteria=None,
        keeps_title=True,
        quorum=1,
        waiting_days=0,
        seed=random_bytes(32).hex(),
        state=BatchState.DRAFT,
        n_items=0,
        editors=gate.account_id(work).hex,
        revision=1,
        created_at=work.now,
        created_by=gate.account_id(work),
    )
    values = _headed(heading)
    for name, value in values.items():
        setattr(row, name, value)
    _check_review(work, row)
    work.add(row)
    work.flush()
    note = {**editing.noted(values), "number": row.number, "action": action.value, "seed": row.seed}
    work.changed(row.id, before=None, after=1, old={}, new=note)
    return row


def update(work: Work, batch_id: UUID, heading: Heading, *, expected_revision: int) -> DisposalBatch:
    """Change what a draft says of itself."""
    work.performs(Op.DISPOSALBATCH_UPDATE)
    row = claim(work, batch_id, expected_revision=expected_revision, event="update")
    values = {name: value for name, value in _headed(heading).items() if getattr(row, name) != value}
    if values:
        write(work, row, values, edited=True)
        _check_review(work, row)
    return row


def propose(work: Work, batch_id: UUID, *, expected_revision: int) -> DisposalBatch:
    """Put a draft before those who approve; from now on it is bound to its digest."""
    work.performs(Op.DISPOSALBATCH_PROPOSE)
    row = claim(work, batch_id, expected_revision=expected_revision, event="propose")
    if not disposals.outcomes(work, row.id).get(ItemOutcome.PLANNED):
        raise refusal(work, row, "propose", "nothing on it would go: add something first")
    require_sight(work, row, event="propose")
    values = {
        "state": BatchState.PROPOSED,
        "digest": digest_of(work, row),
        "proposed_at": work.now,
        "proposed_by": gate.account_id(work),
    }
    write(work, row, values)
    return row


def send_back(work: Work, batch_id: UUID, *, expected_revision: int, reason: str) -> DisposalBatch:
    """Give a list back to those who wrote it; approvals that it has count no more."""
    work.performs(Op.DISPOSALBATCH_RETURN)
    row = claim(work, batch_id, expected_revision=expected_revision, event="return")
    note = text.reason(reason)
    cleared = ("digest", "proposed_at", "proposed_by", "approved_at")
    write(work, row, {"state": BatchState.DRAFT, **dict.fromkeys(cleared)}, note={"reason": note})
    return row


def approve(
    work: Work, batch_id: UUID, *, expected_revision: int, digest: str, note: str | None = None
) -> DisposalBatch:
    """Approve a list as nobody who wrote or proposed it; the last approval that it asks for sets it free.

    `digest` is that of the list which the actor has looked through.
    """
    work.performs(Op.DISPOSALBATCH_APPROVE)
    row = claim(work, batch_id, expected_revision=expected_revision, event="approve")
    account = gate.account_id(work)
    given = disposals.approvals(work, [row])[row.id]
    if account.hex in row.editors.split() or account == row.proposed_by:
        raise _second(work, row, "another person than those who wrote or proposed it must decide this")
    if account in {each.by for each in given}:
        raise _second(work, row, "you have approved it already: it waits for another person")
    require_sight(work, row, event="approve")
    if digest != row.digest or row.digest != digest_of(work, row):
        raise Conflict(
            "it is not the list that you have seen: read it again",
            path=("digest",),
            current_revision=row.revision,
        )
    remark = None if note is None else text.block(note, ("note",), limit=text.MAX_REASON)
    work.add(
        DisposalApproval(
            id=new_id(),
            batch_id=row.id,
            digest=row.digest,
            proposed_at=row.proposed_at,
            approved_by=account,
            note=remark,
            at=work.now,
        )
    )
    is_last = len(given) + 1 >= row.quorum
    values: dict[str, object] = {"state": BatchState.APPROVED, "approved_at": work.now} if is_last else {}
    write(work, row, values, note={"digest": row.digest, "approvals": len(given) + 1, "note": remark})
    return row


def cancel(work: Work, batch_id: UUID, *, expected_revision: int, reason: str) -> DisposalBatch:
    """Give up a list that nobody has started."""
    work.performs(Op.DISPOSALBATCH_CANCEL)
    row = claim(work, batch_id, expected_revision=expected_revision, event="cancel")
    note = text.reason(reason)
    write(work, row, {"state": BatchState.CANCELLED, "ended_at": work.now}, note={"reason": note})
    return row


def execute(work: Work, batch_id: UUID, *, expected_revision: int) -> DisposalBatch:
    """Start an approved list once its waiting is over; a job carries it out in the name of who starts it.

    A list whose job has ended before its end goes on in the name of who starts it again.
    """
    work.performs(Op.DISPOSALBATCH_EXECUTE)
    row = claim(work, batch_id, expected_revision=expected_revision, event="execute")
    require_sight(work, row, event="execute")
    if row.state is BatchState.EXECUTING:
        if disposals.is_under_way(work, _job_key(row)):
            raise refusal(work, row, "execute", "a job carries it out: look how far it is")
    else:
        _check_free(work, row)
    _start(work, row)
    return row


def retry(work: Work, batch_id: UUID, *, expected_revision: int) -> DisposalBatch:
    """Try again what failed of a list; what has gone is gone."""
    work.performs(Op.DISPOSALBATCH_RETRY)
    row = claim(work, batch_id, expected_revision=expected_revision, event="retry")
    require_sight(work, row, event="retry")
    disposals.set_outcome(work, row.id, of=ItemOutcome.FAILED, to=ItemOutcome.PLANNED)
    _start(work, row)
    return row


def claim(work: Work, batch_id: UUID, *, expected_revision: int, event: str) -> DisposalBatch:
    """Return a list that the actor may now change in this way.

    Refusals come in this order: `NotFound`, `Denied`, `Conflict` for a stale revision, `State`.
    """
    row = _known(work).one(batch_id)
    nodes.require(work, _repository(work), action=_NEEDED[event])
    if row.revision != expected_revision:
        raise gate.refused(work, editing.stale(row.revision), object_id=row.id, action=event)
    if event not in states.available(states.BATCH, row.state):
        raise refusal(work, row, event, f"a list in state `{row.state}` does not permit `{event}`")
    return row


def transitions(work: Work, row: DisposalBatch) -> tuple[str, ...]:
    """Return what the state of a list permits and the actor's office allows, in alphabetical order."""
    permitted = states.available(states.BATCH, row.state)
    repository = _repository(work)
    may = {action: nodes.decide(work, repository, action=action).may for action in set(_NEEDED.values())}
    return tuple(event for event in permitted if may[_NEEDED[event]])


def refusal(work: Work, row: DisposalBatch, event: str, message: str) -> State:
    """Note and return the error that what a list is or holds does not permit the event."""
    error = State(message, state=str(row.state), available=transitions(work, row))
    return gate.refused(work, error, object_id=row.id, action=event)


def write(
    work: Work,
    row: DisposalBatch,
    values: Mapping[str, object],
    *,
    note: Mapping[str, Canonical] | None = None,
    edited: bool = False,
) -> None:
    """Set values, raise the revision and note it all; who `edited` it can no longer approve it."""
    old = editing.noted({name: getattr(row, name) for name in values})
    for name, value in values.items():
        setattr(row, name, value)
    if edited:
        row.editors = " ".join(sorted({*row.editors.split(), gate.account_id(work).hex}))
    row.revision += 1
    work.flush()
    new = {**editing.noted(values), **(note or {})}
    work.changed(row.id, before=row.revision - 1, after=row.revision, old=old, new=new)


def require_sight(work: Work, row: DisposalBatch, *, event: str) -> None:
    """Raise `Denied` unless the actor may read of everything that a list names: nobody answers for less."""
    seen = gate.attached(work, DisposalItem, owner=DisposalItem.subject, action=Action.READ_METADATA)
    if seen.where(DisposalItem.batch_id == row.id).count() != row.n_items:
        error = Denied("you may not see all of this list: somebody who may must do this", action=event)
        raise gate.refused(work, error, object_id=row.id, action=event)


def terms_of(row: DisposalBatch) -> Terms:
    """Return what a list says of itself."""
    values = {name: getattr(row, name) for name in Terms._fields}
    values["review_on"] = None if row.review_on is None else row.review_on.isoformat()
    return Terms(**values)


def digest_of(work: Work, row: DisposalBatch) -> str:
    """Return the digest of a list as it is now."""
    return rules.list_digest(terms_of(row), disposals.lines(work, row.id))


def _start(work: Work, row: DisposalBatch) -> None:
    account = gate.account_id(work)
    write(work, row, {"state": BatchState.EXECUTING, "started_at": work.now, "started_by": account})
    payload = {"batch": row.id.hex, "by": account.hex}
    jobs.queue(work, [JobOrder(JobKind.DISPOSAL_EXECUTE, payload, _job_key(row), Priority.SOON)])


def _check_free(work: Work, row: DisposalBatch) -> None:
    """Refuse a list whose waiting is not over, or that is not what was approved."""
    free_on = utc_day(row.approved_at or 0) + timedelta(days=row.waiting_days)
    if utc_day(work.now) < free_on:
        raise refusal(
            work, row, "execute", f"it waits until {free_on.isoformat()}: start it on or after that day"
        )
    if row.digest != digest_of(work, row):
        raise refusal(work, row, "execute", "it differs from what was approved: tell the administrator")


def _job_key(row: DisposalBatch) -> str:
    return f"{JobKind.DISPOSAL_EXECUTE}:{row.id.hex}"


def _headed(heading: Heading) -> dict[str, object]:
    values: dict[str, object] = {}
    if heading.title is not KEEP:
        values["title"] = text.line(heading.title, ("title",))
    if heading.authority is not KEEP:
        values["authority"] = text.reason(heading.authority, ("authority",))
    if heading.criteria is not KEEP:
        given = None if heading.criteria is None else text.block(heading.criteria, ("criteria",))
        values["criteria"] = given or None
    if heading.keeps_title is not KEEP:
        values["keeps_title"] = heading.keeps_title
    if heading.review_on is not KEEP:
        values["review_on"] = heading.review_on
    if heading.quorum is not KEEP:
        values["quorum"] = _within(heading.quorum, 1, rules.MAX_QUORUM, "quorum")
    if heading.waiting_days is not KEEP:
        values["waiting_days"] = _within(heading.waiting_days, 0, rules.MAX_WAITING_DAYS, "waitingDays")
    return values


def _check_review(work: Work, row: DisposalBatch) -> None:
    puts_off = row.action is DisposalAction.REVIEW_AGAIN
    if puts_off and (row.review_on is None or row.review_on <= utc_day(work.now)):
        raise Invalid("name the day of the next review, after today", path=("reviewOn",))
    if not puts_off and row.review_on is not None:
        raise Invalid("only a list that puts a review off names the day of the next", path=("reviewOn",))


def _within(number: int, least: int, most: int, name: str) -> int:
    if not least <= number <= most:
        raise Invalid(f"write a number from {least} to {most}", path=(name,))
    return number


def _second(work: Work, row: DisposalBatch, message: str) -> SecondPerson:
    return gate.refused(work, SecondPerson(message), object_id=row.id, action="approve")


def _known(work: Work) -> Listing[DisposalBatch]:
    """Start a reading of lists for whoever has an office in disposal; for others there are none."""
    repository = _repository(work)
    offices = (Action.DISPOSE, Action.APPROVE)
    reading = gate.listed(work, DisposalBatch)
    if any(nodes.decide(work, repository, action=action).may for action in offices):
        return reading
    return reading.where(false())


def _repository(work: Work) -> nodes.Node:
    return nodes.find(work, NodeKind.REPOSITORY, node_id=gate.standing(work).roof.repository_id)
