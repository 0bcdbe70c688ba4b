"""Frozen lists: what somebody found on a day, such as for a research request, kept in its order.

A list keeps ids. What they name is read through the gate each time: of a thing that its owner may no longer
read there is no line, no count and no gap. Nobody else knows of a list, whatever his office.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from dms.access import gate
from dms.access.attached import Attached
from dms.access.hits import Hit
from dms.access.keyset import Order
from dms.access.reading import Listing
from dms.base.canonical import Canonical
from dms.base.errors import Conflict, Invalid
from dms.base.ids import derived_id, new_id
from dms.base.paging import MAX_PAGE, Page, PageRequest
from dms.models.documents import Document
from dms.models.search import SubjectKind
from dms.models.searchlists import SearchList, SearchListLine
from dms.rules import text
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.services import editing, savedqueries, search
from dms.services.aggregationviews import AggregationView
from dms.services.documentviews import DocumentView
from dms.services.editing import KEEP, Keep
from dms.services.search import Asked, Wanted
from dms.stores import searchlists
from dms.stores.records import is_a
from dms.stores.work import Work

MAX_LISTS = 1_000
"""Frozen lists of an account."""

MAX_LINES = 500
"""Lines of a list: more than that nobody reads for an answer."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What its owner says of a list."""

    title: str | Keep
    requester: str | Keep | None = KEEP
    """Who asked."""
    note: str | Keep | None = KEEP

    def values(self) -> dict[str, str | None]:
        """Return what is to be written, as it is kept."""
        said: dict[str, str | None] = {}
        if self.title is not KEEP:
            said["title"] = text.line(self.title, ("title",))
        if self.requester is not KEEP:
            said["requester"] = None if self.requester is None else text.line(self.requester, ("requester",))
        if self.note is not KEEP:
            said["note"] = editing.described(self.note, "note")
        return said


@dataclass(frozen=True, slots=True)
class LineView:
    """A line of a list, of a thing whose metadata the actor may read."""

    row: SearchListLine
    document: DocumentView | None
    aggregation: AggregationView | None


def freeze(
    work: Work, asked: Asked, *, title: str, requester: str | None = None, note: str | None = None
) -> SearchList:
    """Keep what a search of the actor finds now, all of it and in its order; nothing found is a list too.

    The event names what was found. `NotFound` as in `savedqueries.save`; `Invalid` if too much is found.
    """
    work.performs(Op.SEARCHLIST_FREEZE)
    owner = gate.account_id(work)
    typed, conditions = savedqueries.written(work, asked)
    row = SearchList(
        id=new_id(),
        owner_id=owner,
        query=typed,
        conditions=conditions,
        hit_order=asked.order,
        frozen_at=work.now,
        revision=1,
        **Wording(title, requester, note).values(),
    )
    if _own(work, noted=False).count() >= MAX_LISTS:
        raise Conflict(f"you have {MAX_LISTS} frozen lists: remove one first")
    lines = [_line(row, position, hit) for position, hit in enumerate(_found(work, asked), start=1)]
    work.add(row)
    work.flush()
    searchlists.keep_lines(work, lines)
    # The words stand in the detail of the search: only who may read all that was found is shown them.
    kept: dict[str, Canonical] = {"conditions": conditions, "order": asked.order.value}
    work.changed(row.id, before=None, after=1, old={}, new={**_said(row), **kept, "lines": len(lines)})
    return row


def update(work: Work, list_id: UUID, *, expected_revision: int, wording: Wording) -> SearchList:
    """Reword what is said of a list of the actor's; what was found stays as it is."""
    work.performs(Op.SEARCHLIST_UPDATE)
    row = _claim(work, list_id, expected_revision=expected_revision)
    old = _said(row)
    differing = {name: value for name, value in wording.values().items() if old[name] != value}
    if not differing:
        return row
    for name, value in differing.items():
        setattr(row, name, value)
    row.revision += 1
    work.flush()
    replaced = {name: old[name] for name in differing}
    work.changed(row.id, before=row.revision - 1, after=row.revision, old=replaced, new=differing)
    return row


def remove(work: Work, list_id: UUID, *, expected_revision: int) -> SearchList:
    """Forget a list of the actor's with its lines; return it as it was."""
    work.performs(Op.SEARCHLIST_REMOVE)
    row = _claim(work, list_id, expected_revision=expected_revision)
    searchlists.forget_lines(work, row.id)
    work.remove(row)
    work.flush()
    work.changed(row.id, before=row.revision, after=None, old=_said(row), new={})
    return row


def page(work: Work, request: PageRequest) -> Page[SearchList]:
    """List the actor's frozen lists, the newest first."""
    work.performs(Op.SEARCHLIST_LIST)
    return _own(work).order_by(Order(SearchList.id, descending=True)).page(request)


def nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, SearchList]:
    """Return the actor's own of these lists, by id."""
    return _own(work).each(ids)


def lines(
    work: Work, list_ids: Collection[UUID], request: PageRequest, *, wanted: Wanted
) -> Mapping[UUID, Page[LineView]]:
    """Return a page of the lines of each list that this operation has shown, in the order of finding.

    As many statements as for one list; a later page goes with one list only.
    """
    reading = _lines(work).order_by(Order(SearchListLine.position))
    if request.after is None:
        pages = reading.pages(SearchListLine.list_id, list_ids, request=request)
    else:
        (key,) = list_ids
        pages = {key: reading.where(SearchListLine.list_id == key).page(request)}
    rows = [row for page in pages.values() for row in page.rows]
    found = search.things(work, {(row.kind, row.subject) for row in rows}, wanted)

    def view(row: SearchListLine) -> LineView:
        return LineView(row, found.documents.get(row.subject), found.aggregations.get(row.subject))

    return {key: page.map(view) for key, page in pages.items()}


def subjects(work: Work, list_id: UUID, *, kind: SubjectKind) -> Sequence[UUID]:
    """Return the things of one kind on a list of the actor's that he may still read, in their order."""
    row = _own(work).one(list_id)
    reading = _lines(work).where(SearchListLine.list_id == row.id, SearchListLine.kind == kind)
    reading = reading.order_by(Order(SearchListLine.position))
    request, found = PageRequest(MAX_PAGE), list[UUID]()
    while True:
        page = reading.page(request)
        found += [line.subject for line in page.rows]
        if not page.has_next:
            return found
        request = PageRequest(MAX_PAGE, after=page.positions[-1])


def _own(work: Work, *, noted: bool = True) -> Listing[SearchList]:
    reading = gate.listed(work, SearchList) if noted else gate.vocabulary(work, SearchList)
    return reading.where(SearchList.owner_id == gate.account_id(work))


def _lines(work: Work) -> Attached[SearchListLine]:
    return gate.attached(work, SearchListLine, owner=SearchListLine.subject, action=Action.READ_METADATA)


def _claim(work: Work, list_id: UUID, *, expected_revision: int) -> SearchList:
    row = _own(work).one(list_id)
    if row.revision != expected_revision:
        raise editing.stale(row.revision)
    return row


def _found(work: Work, asked: Asked) -> Iterator[Hit]:
    """Yield all that a search finds; `Invalid` before the first if it asks for nothing, or finds too much."""
    hits = search.begin(work, asked).hits
    if hits is None:
        raise Invalid("say what to search for: excluding is not enough", path=("query",))
    if not hits.total(MAX_LINES)[1]:
        raise Invalid(
            f"more than {MAX_LINES} things were found: narrow the search, or freeze it in parts",
            path=("query",),
        )
    request = PageRequest(MAX_PAGE)
    while True:
        page = hits.page(request)
        yield from page.rows
        if not page.has_next:
            return
        request = PageRequest(MAX_PAGE, after=page.positions[-1])
        work.check_deadline()


def _line(row: SearchList, position: int, hit: Hit) -> dict[str, Any]:  # values of columns
    return {
        "id": derived_id(row.id, hit.row.id),
        "list_id": row.id,
        "position": position,
        "subject": hit.row.id,
        "kind": hit.kind,
        "found_revision": hit.row.revision,
        "found_version": hit.row.current_version if is_a(hit.row, Document) else None,
    }


def _said(row: SearchList) -> dict[str, Canonical]:
    return {"title": row.title, "requester": row.requester, "note": row.note}
