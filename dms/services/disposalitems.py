"""What lists of disposal name: put on and taken off, sampled, and looked at before the deed.

A line shows to whom the thing shows that it names. What may not go now is not put on a list, and why is told;
it is judged again when the list is carried out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from dms.access import gate
from dms.access.attached import Attached
from dms.access.keyset import Order
from dms.base.canonical import Canonical
from dms.base.errors import Invalid, NotFound
from dms.base.ids import derived_id, random_bytes
from dms.base.paging import Page, PageRequest
from dms.models.aggregations import Aggregation
from dms.models.disposal import DisposalBatch, DisposalItem
from dms.models.documents import Document
from dms.models.search import SubjectKind
from dms.rules import disposal as rules
from dms.rules import text
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.rules.disposal import ItemOutcome, Obstacle, SamplingPlan
from dms.services import disposal, disposalbatches, duelists, search
from dms.services.aggregationviews import AggregationView
from dms.services.disposal import Judgement, Row, Terms
from dms.services.documentviews import DocumentView
from dms.services.duelists import DueWanted
from dms.services.search import Wanted
from dms.stores import conditions, disposals
from dms.stores.records import is_a
from dms.stores.sets import in_ids
from dms.stores.work import Work

MAX_IDS = 500
"""Things that one call names."""

MAX_DUE = 1_000
"""Things of a due list that one call looks at."""

_JUDGED_AT_ONCE = 500


class Refused(NamedTuple):
    """A thing that was not put on a list, and why."""

    subject: UUID
    kind: SubjectKind
    obstacle: Obstacle


class Added(NamedTuple):
    """What came of putting things on a list."""

    batch: DisposalBatch
    added: int
    refused: Sequence[Refused]


class ItemView(NamedTuple):
    """A line of a list, of a thing whose metadata the actor may read."""

    item: DisposalItem
    obstacle: Obstacle | None
    """Why it stayed; of a planned line, what would keep it from going now."""
    document: DocumentView | None
    aggregation: AggregationView | None


def page(
    work: Work, batch_id: UUID, request: PageRequest, *, outcome: ItemOutcome | None, wanted: Wanted
) -> Page[ItemView]:
    """List the lines of a list in their order: those of things whose metadata the actor may read.

    Planned ones are judged as if the list were carried out now: the trial before the deed.
    """
    batch = disposalbatches.find(work, batch_id)
    reading = _lines(work, batch.id)
    if outcome is not None:
        reading = reading.where(DisposalItem.outcome == outcome)
    found = reading.order_by(Order(DisposalItem.position)).page(request)
    things = search.things(work, {(item.kind, item.subject) for item in found.rows}, wanted)
    planned = [item for item in found.rows if item.outcome is ItemOutcome.PLANNED]
    named = disposal.things(
        work, [(item.kind, item.subject) for item in planned], action=Action.READ_METADATA
    )
    judged = disposal.judge(work, list(named.values()), terms_of(batch))

    def view(item: DisposalItem) -> ItemView:
        obstacle = judged[item.subject].obstacle if item.subject in judged else item.obstacle
        return ItemView(
            item, obstacle, things.documents.get(item.subject), things.aggregations.get(item.subject)
        )

    return found.map(view)


def add(work: Work, batch_id: UUID, ids: Collection[UUID], *, expected_revision: int) -> Added:
    """Put things on a draft, an Aggregation with all in it; what may not go now is told and left."""
    work.performs(Op.DISPOSALBATCH_ADD)
    row = disposalbatches.claim(work, batch_id, expected_revision=expected_revision, event="add")
    found = _with_contents(work, ids)
    return _add(work, row, list(found.values()), known=_known(work, row))


def add_due(work: Work, batch_id: UUID, wanted: DueWanted, *, expected_revision: int) -> Added:
    """Put on a draft what is due and of which the actor may dispose, the longest due first.

    At most `MAX_DUE` things are looked at in one call, so call again until nothing is added. Aggregations
    bring nothing with them: what lies in them has a day of its own.
    """
    work.performs(Op.DISPOSALBATCH_ADD)
    row = disposalbatches.claim(work, batch_id, expected_revision=expected_revision, event="add")
    known = _known(work, row)
    due = duelists.first_due(work, wanted, but=known, limit=min(MAX_DUE, rules.MAX_ITEMS - len(known)))
    named = [(SubjectKind(outcome.kind.value), outcome.id) for outcome in due]
    return _add(work, row, list(disposal.things(work, named, action=Action.DISPOSE).values()), known=known)


def remove(work: Work, batch_id: UUID, ids: Collection[UUID], *, expected_revision: int) -> DisposalBatch:
    """Take things off a draft."""
    work.performs(Op.DISPOSALBATCH_REMOVE)
    row = disposalbatches.claim(work, batch_id, expected_revision=expected_revision, event="remove")
    named = _lines(work, row.id).where(in_ids(DisposalItem.subject, ids))
    seen = set(named.counts(DisposalItem.subject))
    if seen != set(ids):
        raise NotFound
    left = [item for item in disposals.items(work, row.id) if item.subject not in seen]
    _relist(work, row, left, [])
    note = {"removed": sorted(each.hex for each in seen)}
    disposalbatches.write(work, row, {"n_items": len(left)}, note=note, edited=True)
    return row


def sample(work: Work, batch_id: UUID, plan: SamplingPlan, *, expected_revision: int) -> DisposalBatch:
    """Keep a part of the things on a draft as a sample, in place of any that was chosen before (F58)."""
    work.performs(Op.DISPOSALBATCH_SAMPLE)
    row = disposalbatches.claim(work, batch_id, expected_revision=expected_revision, event="sample")
    disposals.set_outcome(work, row.id, of=ItemOutcome.KEPT_AS_SAMPLE, to=ItemOutcome.PLANNED)
    lines = [item for item in disposals.items(work, row.id) if item.kind is SubjectKind.DOCUMENT]
    kept = set(rules.sampled([item.subject for item in lines], plan, seed=row.seed))
    for item in lines:
        if item.subject in kept:
            item.outcome = ItemOutcome.KEPT_AS_SAMPLE
    note: dict[str, Canonical] = {
        "method": plan.method.value,
        "number": plan.number,
        "start": plan.start,
        "kept": len(kept),
    }
    disposalbatches.write(work, row, {}, note=note, edited=True)
    return row


def reseed(work: Work, batch_id: UUID, *, expected_revision: int, reason: str) -> DisposalBatch:
    """Draw anew what a random sample of a draft is drawn by; the reason stays in the log."""
    work.performs(Op.DISPOSALBATCH_SAMPLE)
    row = disposalbatches.claim(work, batch_id, expected_revision=expected_revision, event="sample")
    disposalbatches.write(
        work, row, {"seed": random_bytes(32).hex()}, note={"reason": text.reason(reason)}, edited=True
    )
    return row


def _known(work: Work, row: DisposalBatch) -> frozenset[UUID]:
    return frozenset(line.subject for line in disposals.lines(work, row.id))


def _add(work: Work, row: DisposalBatch, things: Sequence[Row], *, known: Collection[UUID]) -> Added:
    fresh = [each for each in things if each.id not in known]
    if len(known) + len(fresh) > rules.MAX_ITEMS:
        raise Invalid(f"a list has at most {rules.MAX_ITEMS} things: begin another", path=("nodeIds",))
    judged = _judged(work, row, fresh)
    going = [each for each in fresh if judged[each.id].obstacle is None]
    refused = [
        Refused(each.id, _kind(each), obstacle)
        for each in fresh
        if (obstacle := judged[each.id].obstacle) is not None
    ]
    if going:
        new = [_values(row, each, judged[each.id]) for each in going]
        _relist(work, row, disposals.items(work, row.id), new)
        disposalbatches.write(work, row, {"n_items": row.n_items + len(going)}, edited=True)
    return Added(row, len(going), refused)


def _with_contents(work: Work, ids: Collection[UUID]) -> dict[UUID, Row]:
    """Return things of which the actor may dispose, Aggregations with all such that lies in them.

    `NotFound` if one of those that are named is absent or hidden.
    """
    if not 1 <= len(ids) <= MAX_IDS:
        raise Invalid(f"name from 1 to {MAX_IDS} things", path=("nodeIds",))
    named = [(kind, key) for kind in SubjectKind for key in ids]
    found = disposal.things(work, named, action=Action.DISPOSE)
    if set(ids) - found.keys():
        raise NotFound
    above = [row.id for row in found.values() if not is_a(row, Document)]
    if above:
        inside = gate.visible(work, Aggregation, Action.DISPOSE).where(
            conditions.below(Aggregation.id, above)
        )
        found |= {row.id: row for row in inside.scan()}
        held = gate.visible(work, Document, Action.DISPOSE)
        held = held.where(conditions.below(Document.aggregation_id, above))
        found |= {row.id: row for row in held.scan()}
    return found


def _judged(work: Work, batch: DisposalBatch, rows: Sequence[Row]) -> Mapping[UUID, Judgement]:
    judged: dict[UUID, Judgement] = {}
    taken = disposals.listed_elsewhere(work, [row.id for row in rows], batch_id=batch.id)
    for start in range(0, len(rows), _JUDGED_AT_ONCE):
        judged |= disposal.judge(work, rows[start : start + _JUDGED_AT_ONCE], terms_of(batch))
    for key in taken:
        judged[key] = judged[key]._replace(obstacle=judged[key].obstacle or Obstacle.LISTED)
    return judged


def _relist(
    work: Work, batch: DisposalBatch, kept: Sequence[DisposalItem], new: Sequence[dict[str, Any]]
) -> None:
    """Write a list anew: Documents first, then Aggregations from the innermost outwards."""
    rows = [{name: getattr(item, name) for name in _COLUMNS} for item in kept] + list(new)
    nested = [row["subject"] for row in rows if row["kind"] is SubjectKind.AGGREGATION]
    depths = disposals.depths(work, nested)
    rows.sort(key=lambda row: -depths.get(row["subject"], _DEEPER_THAN_ALL))
    for position, row in enumerate(rows, start=1):
        row["position"] = position
    disposals.write_lines(work, batch.id, rows)


_COLUMNS = tuple(column.key for column in DisposalItem.__table__.columns)
_DEEPER_THAN_ALL = 1_000_000


def _values(batch: DisposalBatch, row: Row, judged: Judgement) -> dict[str, Any]:  # values of columns
    return {
        "id": derived_id(batch.id, row.id),
        "batch_id": batch.id,
        "subject": row.id,
        "kind": _kind(row),
        "found_revision": row.revision,
        "rule": judged.rule,
        "due_on": judged.due_on,
        "outcome": ItemOutcome.PLANNED,
        "obstacle": None,
        "contents": None,
        "done_at": None,
        "event_id": None,
    }


def _kind(row: Row) -> SubjectKind:
    return SubjectKind.DOCUMENT if is_a(row, Document) else SubjectKind.AGGREGATION


def terms_of(batch: DisposalBatch) -> Terms:
    """Return what is to be done with the things on a list."""
    return Terms(batch.action, batch.criteria is not None)


def _lines(work: Work, batch_id: UUID) -> Attached[DisposalItem]:
    reading = gate.attached(work, DisposalItem, owner=DisposalItem.subject, action=Action.READ_METADATA)
    return reading.where(DisposalItem.batch_id == batch_id)
