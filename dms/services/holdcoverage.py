"""What a Hold covers: things that somebody names, or that stood in a frozen list of his."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from dms.access import gate, nodes
from dms.access.attached import Attached
from dms.access.keyset import Order
from dms.base.errors import Denied, Invalid, NotFound, State
from dms.base.paging import Page, PageRequest
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.holds import Hold, HoldLine
from dms.models.schemes import RecordClass
from dms.models.searchlists import SearchList
from dms.rules.access import Action, NodeKind
from dms.rules.holds import CoverBasis, CoveredKind
from dms.rules.states import AggregationState, DocumentState
from dms.stores import holds
from dms.stores.work import Work

R = TypeVar("R", Document, Aggregation)

MAX_NAMED = 100
"""Things that one operation names."""

_NODES = ("nodeIds",)
_LIST = ("searchListId",)
_GONE = {DocumentState.DESTROYED, AggregationState.DESTROYED}


@dataclass(frozen=True, slots=True)
class Cover:
    """What a Hold shall cover."""

    named: Mapping[UUID, CoveredKind]
    search_list_id: UUID | None = None
    """A frozen list of the actor's, of which everything is covered that he may hold."""


def check(cover: Cover) -> None:
    """Raise `Invalid` for what covers nothing, or too much at once."""
    if not cover.named and cover.search_list_id is None:
        raise Invalid("name something to hold, or a frozen list", path=_NODES)
    if len(cover.named) > MAX_NAMED:
        raise Invalid(f"name at most {MAX_NAMED} things at once, or freeze them as a list", path=_NODES)


def add(work: Work, hold: Hold, cover: Cover) -> int:
    """Add what is not covered by a line of its own yet; returns how many lines. Needs `HOLD` on each thing.

    `NotFound` for what the actor may not know of, `State` for what is destroyed. The caller made a turn.
    """
    named = _named(work, cover.named)
    found = {CoverBasis.NAMED: named, CoverBasis.LISTED: _listed(work, cover.search_list_id, but=named)}
    added = 0
    for basis, things in found.items():
        fresh = holds.lacking(work, hold.id, things.keys())
        lines = [(hold.id, kind, key) for key, kind in things.items() if key in fresh]
        holds.cover(work, lines, basis=basis)
        added += len(lines)
    return added


def pages(work: Work, hold_ids: Collection[UUID], request: PageRequest) -> Mapping[UUID, Page[HoldLine]]:
    """Return a page of the lines of each Hold that this operation has shown, in the order of adding.

    Only of things whose metadata the actor may read, and of classes. A later page goes with one Hold.
    """
    reading = _lines(work, hold_ids).order_by(Order(HoldLine.id))
    if request.after is None:
        return reading.pages(HoldLine.hold_id, hold_ids, request=request)
    (key,) = hold_ids
    return {key: reading.where(HoldLine.hold_id == key).page(request)}


def _lines(work: Work, hold_ids: Collection[UUID]) -> Attached[HoldLine]:
    return gate.attached(
        work,
        HoldLine,
        owner=HoldLine.target_id,
        action=Action.READ_METADATA,
        open_nodes=holds.covered_classes(work, hold_ids),
    )


def _named(work: Work, named: Mapping[UUID, CoveredKind]) -> Mapping[UUID, CoveredKind]:
    of = {kind: [key for key, each in named.items() if each is kind] for kind in CoveredKind}
    _require_rows(work, Document, of[CoveredKind.DOCUMENT])
    _require_rows(work, Aggregation, of[CoveredKind.AGGREGATION])
    if gate.vocabulary(work, RecordClass).many(of[CoveredKind.CLASS]).keys() != set(of[CoveredKind.CLASS]):
        raise NotFound(path=_NODES)
    for key in of[CoveredKind.CLASS]:
        nodes.require(work, nodes.find(work, NodeKind.CLASS, node_id=key), action=Action.HOLD)
    return named


def _require_rows(work: Work, model: type[R], ids: Sequence[UUID]) -> None:
    """Require `HOLD` on each of these things, none of which is destroyed."""
    rows = gate.visible(work, model, Action.DISCOVER).each(ids) if ids else {}
    if rows.keys() != set(ids):
        raise NotFound(path=_NODES)
    may = gate.may(work, list(rows.values()), Action.HOLD)
    for row in rows.values():
        if not may[row.id].may:
            gate.require(work, row, Action.HOLD)
        if row.state in _GONE:
            error = State("it is destroyed: a hold comes too late", state=str(row.state), path=_NODES)
            raise gate.refused(work, error, object_id=row.id, action="hold")


def _listed(work: Work, list_id: UUID | None, *, but: Collection[UUID]) -> Mapping[UUID, CoveredKind]:
    """Return the things of a frozen list of the actor's that he may read and that are not destroyed."""
    if list_id is None:
        return {}
    mine = gate.listed(work, SearchList).where(SearchList.owner_id == gate.account_id(work))
    if not mine.many([list_id]):
        raise NotFound(path=_LIST)
    subjects = holds.subjects(work, list_id) - set(but)
    found = {
        **dict.fromkeys(_holdable(work, Document, subjects), CoveredKind.DOCUMENT),
        **dict.fromkeys(_holdable(work, Aggregation, subjects), CoveredKind.AGGREGATION),
    }
    if not found and not but:
        raise Invalid("nothing of this list is there to hold", path=_LIST)
    return found


def _holdable(work: Work, model: type[R], ids: Collection[UUID]) -> list[UUID]:
    """Return those of these things that are there and show; `Denied` if the actor may not hold one."""
    rows = gate.visible(work, model, Action.READ_METADATA).many(ids)
    may = gate.may(work, list(rows.values()), Action.HOLD)
    if not all(decision.may for decision in may.values()):
        message = "the list holds what you may not hold: ask somebody who may, or name the rest of it"
        raise Denied(message, action=Action.HOLD, path=_LIST)
    return [key for key, row in rows.items() if row.state not in _GONE]
