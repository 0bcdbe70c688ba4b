"""Access reviews: a list is frozen, each line of it is kept with a signature or revoked (F36)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from dms.access import gate, nodes
from dms.access.attached import Attached
from dms.access.keyset import Order
from dms.access.nodes import Node
from dms.base.canonical import Canonical
from dms.base.clock import Instant
from dms.base.errors import Conflict, Invalid, NotFound, SecondPerson, State
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.accesslists import AccessEntry
from dms.models.accessreviews import AccessReview, AccessReviewLine, LineState, ReviewState
from dms.rules import text
from dms.rules.access import Action, Duty, NodeKind
from dms.rules.accessevents import Op
from dms.services import accessexports, accesslists
from dms.stores import conditions, facts
from dms.stores.work import Work

MAX_LINES = 2_000
"""Lines of one review: more than that nobody signs with care."""
MAX_AT_ONCE = 100
_CHUNK = 500


class Verdict(StrEnum):
    """What somebody decides about a line."""

    KEEP = "keep"
    REVOKE = "revoke"


class Standing(StrEnum):
    """Where a line of a review stands now."""

    OPEN = "open"
    KEPT = "kept"
    REVOKED = "revoked"
    REVOKED_ELSEWHERE = "revoked_elsewhere"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a review with the entry that it asks about."""

    row: AccessReviewLine
    entry: AccessEntry

    @property
    def standing(self) -> Standing:
        """Return where it stands: an entry that was ended elsewhere needs no decision any more."""
        if self.row.state is LineState.OPEN and self.entry.revision_to is not None:
            return Standing.REVOKED_ELSEWHERE
        return Standing(self.row.state.value)


def start(work: Work, *, node: tuple[NodeKind, UUID], includes_below: bool, reason: str) -> AccessReview:
    """Freeze the open entries on a node, or on it and all below, as far as the actor may know them.

    Needs `MANAGE_ACCESS` on the node, or the duty `access.review`. `Conflict` if there is none to review.
    """
    work.performs(Op.ACCESSREVIEW_START)
    found = nodes.find(work, node[0], node_id=node[1])
    _require_list(work, found)
    note = text.reason(reason)
    entries = _frozen(work, found, includes_below=includes_below)
    review = AccessReview(
        id=new_id(),
        node_kind=found.kind,
        node_id=found.id,
        includes_below=includes_below,
        reason=note,
        state=ReviewState.OPEN,
        started_by=gate.account_id(work),
        started_at=work.now,
    )
    work.add(review)
    work.flush()
    for entry in entries:
        work.add(
            AccessReviewLine(
                id=new_id(),
                review_id=review.id,
                entry_id=entry.id,
                node_id=entry.node_id,
                state=LineState.OPEN,
            )
        )
    work.flush()
    work.changed(
        review.id,
        before=None,
        after=1,
        old={},
        new={"node": found.id.hex, "below": includes_below, "lines": len(entries), "reason": note},
    )
    return review


def attest(
    work: Work, *, review_id: UUID, line_ids: Collection[UUID], verdict: Verdict, note: str
) -> AccessReview:
    """Keep lines with a signature, or revoke their entries; the review closes when none is open.

    Needs of each line what changing its list needs; nobody decides about a line that names himself.
    `State` for a line that is decided already, or was revoked elsewhere.
    """
    work.performs(Op.ACCESSREVIEW_ATTEST)
    review = _reviews(work).one(review_id)
    lines = _asked(work, review, line_ids)
    remark = text.reason(note, ("note",))
    _require_open(review)
    for line in lines:
        _decide(work, line, verdict, note=remark)
    if not facts.open_review_lines(work, [review.id]):
        _close(work, review)
    return review


def close(work: Work, *, review_id: UUID) -> AccessReview:
    """Close a review of which no line is open any more, since the last ones were revoked elsewhere."""
    work.performs(Op.ACCESSREVIEW_CLOSE)
    review = _reviews(work).one(review_id)
    _require_list(work, nodes.find(work, review.node_kind, node_id=review.node_id))
    _require_open(review)
    if facts.open_review_lines(work, [review.id]):
        raise State("lines are open still: keep or revoke each of them", state=review.state)
    _close(work, review)
    return review


def reviews(
    work: Work,
    request: PageRequest,
    *,
    node: tuple[NodeKind, UUID] | None = None,
    state: ReviewState | None = None,
) -> Page[AccessReview]:
    """List reviews, newest first: of nodes whose lists the actor manages, or, for reviewers, may know."""
    work.performs(Op.ACCESSREVIEW_LIST)
    reading = _reviews(work)
    if node is not None:
        reading = reading.where(AccessReview.node_kind == node[0], AccessReview.node_id == node[1])
    if state is not None:
        reading = reading.where(AccessReview.state == state)
    return reading.order_by(Order(AccessReview.id, descending=True)).page(request)


def waiting(work: Work, request: PageRequest) -> Page[AccessReview]:
    """List the open reviews of nodes whose lists the actor manages, newest first."""
    work.performs(Op.ACCESSREVIEW_LIST)
    reading = gate.attached(
        work,
        AccessReview,
        owner=AccessReview.node_id,
        action=Action.MANAGE_ACCESS,
        open_nodes=accessexports.managed(work),
    )
    reading = reading.where(AccessReview.state == ReviewState.OPEN)
    return reading.order_by(Order(AccessReview.id, descending=True)).page(request)


def review_nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, AccessReview]:
    """Return those of these reviews that the actor may know of, by id."""
    return _reviews(work).each(ids)


def line_nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Line]:
    """Return those of these lines that the actor may know of, by id."""
    rows = _lines(work).each(ids)
    entries = accessexports.known(work).many({row.entry_id for row in rows.values()})
    return {key: Line(row, entries[row.entry_id]) for key, row in rows.items()}


def lines(work: Work, review_ids: Collection[UUID], request: PageRequest) -> Mapping[UUID, Page[Line]]:
    """Return a page of the lines of each review that this operation has shown, in the order of writing.

    As many statements as for one review; a later page goes with one review only.
    """
    reading = _lines(work).order_by(Order(AccessReviewLine.id))
    if request.after is None:
        pages = reading.pages(AccessReviewLine.review_id, review_ids, request=request)
    else:
        (key,) = review_ids
        pages = {key: reading.where(AccessReviewLine.review_id == key).page(request)}
    rows = [row for page in pages.values() for row in page.rows]
    entries = accessexports.known(work).many({row.entry_id for row in rows})
    return {key: page.map(lambda row: Line(row, entries[row.entry_id])) for key, page in pages.items()}


def counts(work: Work, review_ids: Collection[UUID]) -> Mapping[UUID, tuple[int, int]]:
    """Return how many lines each review has that the actor may know of, and how many of them are open."""
    reading = _lines(work).where(AccessReviewLine.review_id.in_(review_ids))
    unrevoked = conditions.is_unrevoked(AccessReviewLine.entry_id)
    waiting = reading.where(AccessReviewLine.state == LineState.OPEN, unrevoked)
    total, still = reading.counts(AccessReviewLine.review_id), waiting.counts(AccessReviewLine.review_id)
    return {key: (total.get(key, 0), still.get(key, 0)) for key in review_ids}


def _reviews(work: Work) -> Attached[AccessReview]:
    action, open_nodes = _reach(work)
    return gate.attached(work, AccessReview, owner=AccessReview.node_id, action=action, open_nodes=open_nodes)


def _lines(work: Work) -> Attached[AccessReviewLine]:
    action, open_nodes = _reach(work)
    return gate.attached(
        work, AccessReviewLine, owner=AccessReviewLine.node_id, action=action, open_nodes=open_nodes
    )


def _reach(work: Work) -> tuple[Action, frozenset[UUID]]:
    known = accessexports.known(work)
    return known.action, known.open_nodes


def _require_list(work: Work, node: Node) -> None:
    if not gate.has_duty(work, Duty.ACCESS_REVIEW):
        nodes.require(work, node, action=Action.MANAGE_ACCESS)


def _frozen(work: Work, node: Node, *, includes_below: bool) -> Sequence[AccessEntry]:
    reading = accessexports.known(work).where(AccessEntry.revision_to.is_(None))
    if not includes_below:
        reading = reading.where(AccessEntry.node_id == node.id)
    elif node.id not in {facts.repository_id(work), facts.scheme_id(work)}:
        reading = reading.where(conditions.at_or_below(AccessEntry.node_id, node.id))
    proposed: list[UUID] = []
    for rows in reading.order_by(Order(AccessEntry.id)).scan(_CHUNK):
        proposed.extend(row.id for row in rows)
        if len(proposed) > MAX_LINES:
            raise Invalid(f"there are more than {MAX_LINES} lines: review a smaller part", path=("node_id",))
    found = reading.many(proposed)
    if not found:
        raise Conflict("there is no line to review")
    return [found[key] for key in proposed if key in found]


def _asked(work: Work, review: AccessReview, line_ids: Collection[UUID]) -> list[Line]:
    if not 1 <= len(line_ids) <= MAX_AT_ONCE:
        raise Invalid(f"must be 1 to {MAX_AT_ONCE} lines", path=("line_ids",))
    found = _lines(work).where(AccessReviewLine.review_id == review.id).many(line_ids)
    entries = accessexports.known(work).many({row.entry_id for row in found.values()})
    if found.keys() != set(line_ids):
        raise NotFound(path=("line_ids",))
    return [Line(found[key], entries[found[key].entry_id]) for key in dict.fromkeys(line_ids)]


def _decide(work: Work, line: Line, verdict: Verdict, *, note: str) -> None:
    row, entry = line.row, line.entry
    node = nodes.find(work, entry.node_kind, node_id=entry.node_id)
    nodes.require(work, node, action=Action.MANAGE_ACCESS)
    if entry.principal_id == work.actor.principal_id:
        error = SecondPerson("nobody decides about a line that names himself: ask another officer")
        raise gate.refused(work, error, object_id=node.id, action=Action.MANAGE_ACCESS)
    if line.standing is not Standing.OPEN:
        raise State(
            f"a line is in state `{line.standing}`: leave it out", state=line.standing, path=("line_ids",)
        )
    if verdict is Verdict.REVOKE:
        accesslists.revoke(work, entry_id=entry.id, reason=note)
    signer = gate.account_id(work)
    row.state = LineState.KEPT if verdict is Verdict.KEEP else LineState.REVOKED
    row.decided_by = signer
    row.decided_at = Instant(work.now)
    row.note = note
    work.flush()
    new: dict[str, Canonical] = {"state": row.state.value, "entry": entry.id.hex, "note": note}
    work.changed(row.id, before=1, after=2, old={"state": LineState.OPEN.value}, new=new)


def _require_open(review: AccessReview) -> None:
    if review.state is not ReviewState.OPEN:
        raise State("the review is closed", state=review.state)


def _close(work: Work, review: AccessReview) -> None:
    signer = gate.account_id(work)
    review.state = ReviewState.CLOSED
    review.closed_by = signer
    review.closed_at = work.now
    work.flush()
    work.changed(
        review.id,
        before=1,
        after=2,
        old={"state": ReviewState.OPEN.value},
        new={"state": ReviewState.CLOSED.value},
    )
