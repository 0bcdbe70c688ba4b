"""Imports as whoever ran them sees them: how each went, and what was said of single files.

Nobody sees those of others: names of files tell of Documents that an office need not see (F34).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from dms.access import gate
from dms.access.keyset import Order
from dms.access.reading import Listing
from dms.base.paging import Page, PageRequest
from dms.models.imports import ImportFinding, ImportRun
from dms.rules.accessevents import Op
from dms.stores.work import Work


def page(work: Work, request: PageRequest) -> Page[ImportRun]:
    """List one's own imports, the newest first."""
    work.performs(Op.IMPORTRUN_LIST)
    return _own(work).order_by(Order(ImportRun.started_at, descending=True)).page(request)


def findings(
    work: Work, run_ids: Collection[UUID], request: PageRequest
) -> Mapping[UUID, Page[ImportFinding]]:
    """Return a page of the findings of each import, in the order of the walk; a later page goes with one.

    Imports that this operation has not released raise `NotFound`.
    """
    reading = gate.parts(work, ImportFinding, owner=ImportFinding.run_id, of=run_ids, noted=True)
    reading = reading.order_by(Order(ImportFinding.id))
    if request.after is None:
        return reading.pages(ImportFinding.run_id, run_ids, request=request)
    (run_id,) = run_ids
    return {run_id: reading.page(request)}


def nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, ImportRun]:
    """Return those of these imports that are the actor's own, by id."""
    return _own(work).each(ids)


def finding_nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, ImportFinding]:
    """Return those of these findings that are of the actor's own imports, by id."""
    named = gate.vocabulary(work, ImportFinding).many(ids)
    runs = _own(work).many({row.run_id for row in named.values()})
    return gate.parts(work, ImportFinding, owner=ImportFinding.run_id, of=runs, noted=True).each(ids)


def _own(work: Work) -> Listing[ImportRun]:
    return gate.listed(work, ImportRun).where(ImportRun.started_by == gate.account_id(work))
