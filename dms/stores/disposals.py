"""What must be known of lists of disposal, whoever asks: their lines, approvals and numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import and_, delete, func, insert, select, update

from dms.base.errors import State
from dms.models.aggregations import Aggregation
from dms.models.disposal import DisposalApproval, DisposalBatch, DisposalCertificate, DisposalItem
from dms.models.documents import Document
from dms.models.jobs import OPEN, Job
from dms.models.versions import ContentFile, FileRole, Version
from dms.rules.disposal import DECISIONS, ItemOutcome, Line
from dms.rules.states import BatchState
from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of

BACKUPS = "backup_kept_days"
"""Key of the equipment of works under which it stands how many days backups are kept; 0 if nobody said."""

BATCHES = "disposal_batch"
CERTIFICATES = "disposal_certificate"
"""Tables that are locked to number the next row without a gap."""

_OPEN = (ItemOutcome.PLANNED, ItemOutcome.FAILED)
_BESIDE = (BatchState.CANCELLED, BatchState.EXECUTED)


class Approved(NamedTuple):
    """An approval as a certificate tells of it."""

    by: UUID
    at: int
    note: str | None


def batch(work: Work, batch_id: UUID) -> DisposalBatch:
    """Return a list that its job carries out."""
    return session_of(work).get_one(DisposalBatch, batch_id)


def next_number(work: Work, model: type[DisposalBatch | DisposalCertificate], *, lock: str) -> int:
    """Return the number that follows the last one; nobody else takes it in this moment."""
    work.needs_lock(lock)
    found: int = session_of(work).execute(select(func.coalesce(func.max(model.number), 0) + 1)).scalar_one()
    return found


def approvals(work: Work, batches: Sequence[DisposalBatch]) -> Mapping[UUID, list[Approved]]:
    """Return who approved each of these lists as it was proposed last, in the order in which they did."""
    given, proposed = DisposalApproval, {batch.id: (batch.digest, batch.proposed_at) for batch in batches}
    rows = session_of(work).execute(
        select(given.batch_id, given.digest, given.proposed_at, given.approved_by, given.at, given.note)
        .where(in_ids(given.batch_id, proposed))
        .order_by(given.at, given.id)
    )
    found: dict[UUID, list[Approved]] = {key: [] for key in proposed}
    for batch_id, digest, proposed_at, by, at, note in rows:
        if (digest, proposed_at) == proposed[batch_id]:
            found[batch_id].append(Approved(by, at, note))
    return found


def require_warranted(work: Work, batch_id: UUID, subjects: Sequence[UUID]) -> None:
    """Raise `State` unless a list is being executed, was approved by as many as it asks for, and names these.

    None of those who wrote or proposed it counts as one who approved it.
    """
    batch = session_of(work).get(DisposalBatch, batch_id)
    if batch is None or batch.state is not BatchState.EXECUTING:
        raise State("only an approved list that a person has started is carried out", state="none")
    authors = {*batch.editors.split(), *([] if batch.proposed_by is None else [batch.proposed_by.hex])}
    approvers = {each.by.hex for each in approvals(work, [batch])[batch.id]} - authors
    named = session_of(work).execute(
        select(func.count()).where(
            DisposalItem.batch_id == batch_id,
            in_ids(DisposalItem.subject, subjects),
            DisposalItem.outcome.in_(_OPEN),
        )
    )
    if len(approvers) < batch.quorum or named.scalar_one() != len(set(subjects)):
        raise State("the list was not approved like this: return it and propose it again", state=batch.state)


def lines(work: Work, batch_id: UUID) -> list[Line]:
    """Return the lines of a list, in their order."""
    item = DisposalItem
    told = (item.position, item.kind, item.subject, item.found_revision, item.outcome, item.rule, item.due_on)
    listed = select(*told).where(item.batch_id == batch_id).order_by(item.position)
    rows = session_of(work).execute(listed)
    return [Line(*row) for row in rows]


def outcomes(work: Work, batch_id: UUID) -> Mapping[ItemOutcome, int]:
    """Return how many lines of a list ended how."""
    rows = session_of(work).execute(
        select(DisposalItem.outcome, func.count())
        .where(DisposalItem.batch_id == batch_id)
        .group_by(DisposalItem.outcome)
    )
    return {row[0]: row[1] for row in rows}


def items(
    work: Work, batch_id: UUID, *, outcome: ItemOutcome | None = None, limit: int | None = None
) -> Sequence[DisposalItem]:
    """Return lines of a list in their order, the first ones of those with an outcome."""
    found = select(DisposalItem).where(DisposalItem.batch_id == batch_id).order_by(DisposalItem.position)
    if outcome is not None:
        found = found.where(DisposalItem.outcome == outcome)
    return session_of(work).execute(found.limit(limit)).scalars().all()


def set_outcome(work: Work, batch_id: UUID, *, of: ItemOutcome, to: ItemOutcome) -> int:
    """Give all lines of a list with one outcome another; return how many there were."""
    session = session_of(work)
    session.flush()
    changed = session.execute(
        update(DisposalItem)
        .where(DisposalItem.batch_id == batch_id, DisposalItem.outcome == of)
        .values(outcome=to)
        .returning(DisposalItem.position)
    )
    return len(changed.all())


def write_lines(work: Work, batch_id: UUID, rows: Sequence[dict[str, Any]]) -> None:  # values of columns
    """Write all lines of a list anew, in one order."""
    session = session_of(work)
    session.execute(delete(DisposalItem).where(DisposalItem.batch_id == batch_id))
    if rows:
        session.execute(insert(DisposalItem), list(rows))


def decided(work: Work, subjects: Collection[UUID], *, today: date) -> Mapping[UUID, ItemOutcome]:
    """Return how the last list that judged each of these things decided, where that keeps it from others."""
    rows = session_of(work).execute(
        select(DisposalItem.subject, DisposalItem.outcome, DisposalBatch.review_on)
        .join(DisposalBatch, DisposalBatch.id == DisposalItem.batch_id)
        .where(
            in_ids(DisposalItem.subject, subjects),
            DisposalItem.outcome.in_(DECISIONS),
            DisposalBatch.state == BatchState.EXECUTED,
        )
        .order_by(DisposalBatch.ended_at, DisposalBatch.number)
    )
    last = {subject: (outcome, review_on) for subject, outcome, review_on in rows}
    return {
        subject: outcome
        for subject, (outcome, review_on) in last.items()
        if review_on is None or today < review_on
    }


def listed_elsewhere(work: Work, subjects: Collection[UUID], *, batch_id: UUID) -> frozenset[UUID]:
    """Return those of these things that another list names on which something may still be done."""
    rows = session_of(work).execute(
        select(DisposalItem.subject)
        .join(DisposalBatch, DisposalBatch.id == DisposalItem.batch_id)
        .where(
            in_ids(DisposalItem.subject, subjects),
            DisposalItem.batch_id != batch_id,
            DisposalItem.outcome.in_(_OPEN),
            DisposalBatch.state.not_in(_BESIDE),
        )
    )
    return frozenset(rows.scalars())


def depths(work: Work, aggregation_ids: Collection[UUID]) -> Mapping[UUID, int]:
    """Return how many Aggregations lie above each, the Aggregation itself included."""
    base = select(Aggregation.id.label("of"), Aggregation.parent_id.label("up")).where(
        in_ids(Aggregation.id, aggregation_ids)
    )
    chain = base.cte("chain", recursive=True)
    chain = chain.union_all(
        select(chain.c.of, Aggregation.parent_id).join(Aggregation, Aggregation.id == chain.c.up)
    )
    rows = session_of(work).execute(select(chain.c.of, func.count()).group_by(chain.c.of))
    return {row[0]: row[1] for row in rows}


def bodies(work: Work, document_ids: Collection[UUID]) -> Mapping[UUID, str]:
    """Return the digest of the body of the newest Version of each Document that has one."""
    rows = session_of(work).execute(
        select(Document.id, ContentFile.sha256)
        .join(Version, and_(Version.document_id == Document.id, Version.number == Document.current_version))
        .join(ContentFile, and_(ContentFile.version_id == Version.id, ContentFile.role == FileRole.BODY))
        .where(in_ids(Document.id, document_ids))
    )
    return {row[0]: row[1] for row in rows}


def stubs(work: Work, batch_id: UUID) -> Mapping[UUID, tuple[str, str]]:
    """Return reference code and title of the things that a list names, as they are now."""
    found: dict[UUID, tuple[str, str]] = {}
    for model in (Document, Aggregation):
        rows = session_of(work).execute(
            select(model.id, model.reference_code, model.title)
            .join(DisposalItem, DisposalItem.subject == model.id)
            .where(DisposalItem.batch_id == batch_id)
        )
        found |= {row[0]: (row[1] or "", row[2]) for row in rows}
    return found


def is_under_way(work: Work, key: str) -> bool:
    """Tell whether a job with this key is still to be done."""
    found = select(Job.id).where(Job.dedupe_key == key, OPEN)
    return session_of(work).execute(found).first() is not None
