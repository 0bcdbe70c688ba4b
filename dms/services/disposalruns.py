"""Lists of disposal carried out: slice by slice in the name of who started them, then certified (F52, F53).

A slice is one transaction: what it destroys, what became of its lines and its access event are kept together
or not at all. So a crash leaves lines that are done and lines that are planned, and nothing between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

import orjson

from dms.access import gate
from dms.base import canonical
from dms.base.canonical import Canonical
from dms.base.clock import Instant
from dms.base.errors import DmsError, State
from dms.base.ids import Kind, global_id, new_id
from dms.models.disposal import DisposalBatch, DisposalCertificate, DisposalItem
from dms.models.search import SubjectKind
from dms.rules import certificates, text
from dms.rules.accessevents import Op
from dms.rules.certificates import Certified, CertifiedItem, Signature
from dms.rules.disposal import DONE, DisposalAction, Gone, ItemOutcome, Obstacle
from dms.rules.states import BatchState
from dms.services import disposal, disposalbatches, disposalitems, principals
from dms.services.disposal import SLICE, Asked, Fate, Warrant
from dms.stores import disposals
from dms.stores.work import Work

_KINDS = {SubjectKind.DOCUMENT: Kind.DOCUMENT, SubjectKind.AGGREGATION: Kind.AGGREGATION}

_OUTCOMES: Mapping[Obstacle, ItemOutcome] = {
    Obstacle.HELD: ItemOutcome.HELD,
    Obstacle.NOT_EMPTY: ItemOutcome.FAILED,
}
"""What a line has become whose thing stayed; any other obstacle excludes it."""

_ACTS: Mapping[DisposalAction, Callable[..., Mapping[UUID, Fate]]] = {
    DisposalAction.DESTROY: disposal.destroy,
    DisposalAction.WEED: disposal.destroy,
    DisposalAction.TRANSFER: disposal.hand_over,
    DisposalAction.RETAIN: disposal.keep,
    DisposalAction.REVIEW_AGAIN: disposal.keep,
}


def carry_out(work: Work, batch_id: UUID, *, limit: int = SLICE) -> int:
    """Carry out the next lines of a list that was started; return how many there were, 0 at its end."""
    work.performs(Op.DISPOSALBATCH_EXECUTE)
    gate.account_id(work)  # who lost the account meanwhile carries out nothing more
    batch = _executing(work, batch_id)
    items = disposals.items(work, batch.id, outcome=ItemOutcome.PLANNED, limit=min(limit, SLICE))
    if not items:
        return 0
    warrant = Warrant(batch.id, disposalitems.terms_of(batch), keeps_title=batch.keeps_title)
    asked = [Asked(item.subject, item.kind, item.found_revision) for item in items]
    fates = _ACTS[batch.action](work, asked, warrant=warrant)
    for item in items:
        _settle(work, item, fates[item.subject], action=batch.action)
    work.flush()
    return len(items)


def fail_next(work: Work, batch_id: UUID, *, error: DmsError) -> None:
    """Put on record that the next line of a list could not be carried out, so that the others can."""
    work.performs(Op.DISPOSALBATCH_EXECUTE)
    batch = _executing(work, batch_id)
    for item in disposals.items(work, batch.id, outcome=ItemOutcome.PLANNED, limit=1):
        item.outcome, item.done_at = ItemOutcome.FAILED, work.now
        work.refuses(item.subject, action="destroy", reason=error.code.lower(), exists=True)


def progress(work: Work, batch_id: UUID) -> tuple[int, int]:
    """Return how many lines of a list are done, and how many it has."""
    counts = disposals.outcomes(work, batch_id)
    total = sum(counts.values())
    return total - counts.get(ItemOutcome.PLANNED, 0), total


def finish(work: Work, batch_id: UUID) -> None:
    """End the execution of a list on which nothing is planned any more, and certify it if nothing failed."""
    work.performs(Op.DISPOSALBATCH_CERTIFY)
    batch = _executing(work, batch_id)
    counts = disposals.outcomes(work, batch.id)
    if counts.get(ItemOutcome.PLANNED):
        raise State("something on the list is still to be done", state=batch.state)
    if counts.get(ItemOutcome.FAILED):
        _end(work, batch, BatchState.PARTLY_FAILED, {})
    else:
        _end(work, batch, BatchState.EXECUTED, _certify(work, batch))


def settle(work: Work, batch_id: UUID, *, expected_revision: int, reason: str) -> DisposalBatch:
    """Leave out what failed of a list, for a reason, so that what has gone is certified."""
    work.performs(Op.DISPOSALBATCH_SETTLE)
    batch = disposalbatches.claim(work, batch_id, expected_revision=expected_revision, event="settle")
    note = text.reason(reason)
    left = disposals.set_outcome(work, batch.id, of=ItemOutcome.FAILED, to=ItemOutcome.EXCLUDED)
    certified = _certify(work, batch)
    _end(work, batch, BatchState.EXECUTED, {**certified, "reason": note, "excluded": left})
    return batch


def certificate(work: Work, batch_id: UUID) -> DisposalCertificate:
    """Return the certificate of a list, to whoever may read of all that it names; `State` before it ended."""
    work.performs(Op.DISPOSALBATCH_LIST)
    batch = disposalbatches.find(work, batch_id)
    disposalbatches.require_sight(work, batch, event="certificate")
    rows = gate.listed(work, DisposalCertificate).where(DisposalCertificate.batch_id == batch.id).rows(1)
    if not rows:
        message = "a certificate is issued when the list has been carried out"
        raise disposalbatches.refusal(work, batch, "certificate", message)
    return rows[0]


def _executing(work: Work, batch_id: UUID) -> DisposalBatch:
    batch = disposals.batch(work, batch_id)
    if batch.state is not BatchState.EXECUTING:
        raise State(f"the list is {batch.state.value}: nothing of it is carried out", state=batch.state)
    return batch


def _settle(work: Work, item: DisposalItem, fate: Fate, *, action: DisposalAction) -> None:
    item.done_at = work.now
    item.obstacle = fate.obstacle
    if fate.obstacle is None:
        item.outcome = DONE[action]
        item.event_id = work.notes.event_id
        contents: list[Canonical] = [list(gone) for gone in fate.gone]
        item.contents = canonical.canonical_bytes(contents).decode()
    else:
        item.outcome = _OUTCOMES.get(fate.obstacle, ItemOutcome.EXCLUDED)


def _end(work: Work, batch: DisposalBatch, state: BatchState, note: Mapping[str, Canonical]) -> None:
    counts: dict[str, Canonical] = {
        outcome.value: count for outcome, count in disposals.outcomes(work, batch.id).items()
    }
    ended: dict[str, object] = {"ended_at": work.now} if state is BatchState.EXECUTED else {}
    disposalbatches.write(work, batch, {"state": state, **ended}, note={**note, "counts": counts})


def _certify(work: Work, batch: DisposalBatch) -> Mapping[str, Canonical]:
    row = DisposalCertificate(
        id=new_id(),
        batch_id=batch.id,
        number=disposals.next_number(work, DisposalCertificate, lock=disposals.CERTIFICATES),
        issued_at=work.now,
    )
    row.body = certificates.body(_certified(work, batch, number=row.number))
    row.sha256 = canonical.sha256(row.body.encode()).hex()
    work.add(row)
    # INVARIANT (certificate-in-log): the log holds its digest, so that nobody writes another one later.
    return {"certificate": row.number, "sha256": row.sha256}


def _certified(work: Work, batch: DisposalBatch, *, number: int) -> Certified:
    approvals = disposals.approvals(work, [batch])[batch.id]
    steps = (batch.proposed_by, batch.started_by, *(each.by for each in approvals))
    names = principals.named(work, {account for account in steps if account is not None})
    stubs = disposals.stubs(work, batch.id)

    def signed(account: UUID | None, at: int | None) -> Signature:
        if account is None or at is None:
            raise State("a list is certified after it was proposed and started", state=batch.state)
        return Signature(account, names[account].display_name, Instant(at))

    return Certified(
        number=number,
        issued_at=work.now,
        terms=disposalbatches.terms_of(batch),
        list_digest=batch.digest or "",
        proposed=signed(batch.proposed_by, batch.proposed_at),
        approvals=[signed(each.by, each.at) for each in approvals],
        started=signed(batch.started_by, batch.started_at),
        items=[_told(item, *stubs[item.subject], batch=batch) for item in disposals.items(work, batch.id)],
        backup_kept_days=work.memory[disposals.BACKUPS],
    )


def _told(item: DisposalItem, code: str, title: str, *, batch: DisposalBatch) -> CertifiedItem:
    contents: Sequence[Gone] = ()
    if item.contents is not None:
        contents = [Gone(*each) for each in orjson.loads(item.contents)]
    return CertifiedItem(
        position=item.position,
        subject=global_id(_KINDS[item.kind], item.subject),
        code=code,
        title=title if batch.keeps_title else None,
        rule=item.rule,
        due_on=item.due_on,
        outcome=item.outcome,
        obstacle=item.obstacle,
        contents=contents,
        done_at=None if item.done_at is None else Instant(item.done_at),
        event=item.event_id,
    )
