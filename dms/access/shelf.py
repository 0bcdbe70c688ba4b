"""Aggregations and Documents together, in the order in which they would stand on a shelf.

By reference code, numbers by value; a Document without a code of its own stands behind the Aggregation
that it lies in. SQL proposes from three sorted streams, each by an index; Casbin disposes of what is taken.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from dms.access import predicates, slices
from dms.access.reading import note_lines, release
from dms.access.scopes import Row
from dms.access.standing import of_actor
from dms.base.paging import Page, PageRequest, Position
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.types import Id, SortKey
from dms.models.versions import ContentFile, Version
from dms.rules.access import Action
from dms.stores import conditions
from dms.stores.work import Work, session_of

_alarm = logging.getLogger("dms.alarm")

_Place: TypeAlias = tuple[str, int, UUID]
"""Code, rank of the stream, and id: places compare as rows stand."""

_Filters: TypeAlias = dict[type[Document | Aggregation], list[ColumnElement[bool]]]


@dataclass(frozen=True, slots=True)
class _Stream:
    """Rows of one kind in the order of a code; of equal codes the stream of the lower rank comes first."""

    rank: int
    model: type[Document | Aggregation]
    key: InstrumentedAttribute[str]
    kept: tuple[ColumnElement[bool], ...] = ()
    home: InstrumentedAttribute[UUID] | None = None
    """The link to the Aggregation whose code it is."""


_STREAMS = (
    _Stream(0, Aggregation, Aggregation.code_key),
    _Stream(1, Document, Aggregation.code_key, kept=(Document.code_key == "",), home=Document.aggregation_id),
    _Stream(2, Document, Document.code_key, kept=(Document.code_key != "",)),
)


@dataclass(frozen=True, slots=True)
class _Standing:
    """A row and where it stands; compared by that place alone."""

    place: _Place
    row: Row


@dataclass(frozen=True, slots=True)
class Shelf:
    """A reading of what lies below an Aggregation, or in the whole Repository."""

    work: Work
    action: Action
    below: UUID | None = None

    def page(self, request: PageRequest) -> Page[Row]:
        """Return one full page; a row that Casbin refuses is replaced and raises an alarm."""
        kept: list[_Standing] = []
        filters = self._filters()
        after = None if request.after is None else _read(request.after)
        while len(kept) <= request.size:
            room = request.size + 1 - len(kept)
            taken = self._propose(filters, after, backward=request.backward, limit=room)
            kept.extend(self._dispose(taken))
            if len(taken) < room:
                break
            after = taken[-1].place
        return self._cut(kept, request)

    def _filters(self) -> _Filters:
        verdict = predicates.verdict(self.work, of_actor(self.work), action=self.action)
        found: _Filters = {}
        for model in (Aggregation, Document):
            place = [] if self.below is None else [below(model, self.below)]
            found[model] = [predicates.condition(verdict, model), *place]
        return found

    def _propose(
        self, filters: _Filters, after: _Place | None, *, backward: bool, limit: int
    ) -> list[_Standing]:
        found: list[_Standing] = []
        for stream in _STREAMS:
            conditions = [*stream.kept, *filters[stream.model]]
            if after is not None:
                conditions.append(_beyond(stream, after, backward=backward))
            found.extend(self._fetch(stream, conditions, backward=backward, limit=limit))
        return sorted(found, key=attrgetter("place"), reverse=backward)[:limit]

    def _fetch(
        self, stream: _Stream, conditions: Sequence[ColumnElement[bool]], *, backward: bool, limit: int
    ) -> Sequence[_Standing]:
        statement: Select[Any] = select(stream.model).add_columns(stream.key).where(*conditions)
        if stream.home is not None:
            statement = statement.join(Aggregation, Aggregation.id == stream.home)
        keys = (stream.key, stream.model.id)
        statement = statement.order_by(*(key.desc() if backward else key.asc() for key in keys)).limit(limit)
        found = session_of(self.work).execute(statement)
        return [_Standing((key, stream.rank, row.id), row) for row, key in found]

    def _dispose(self, taken: Sequence[_Standing]) -> list[_Standing]:
        loaded = slices.slices_of(self.work, of_actor(self.work))
        places = slices.places_of(self.work, [standing.row for standing in taken])
        decisions = slices.decide(self.work, loaded, places, action=self.action)
        kept = [standing for standing in taken if decisions[standing.row.id].may]
        note_lines(self.work, [decisions[standing.row.id] for standing in kept])
        if withheld := len(taken) - len(kept):
            self.work.notes.withheld += withheld
            _alarm.error("rows_withheld", extra={"count": withheld})
        return kept

    def _cut(self, kept: Sequence[_Standing], request: PageRequest) -> Page[Row]:
        more, beyond = len(kept) > request.size, request.after is not None
        shown = list(kept[: request.size])
        if request.backward:
            shown.reverse()
        release(self.work, [standing.row for standing in shown], action=self.action)
        return Page(
            rows=[standing.row for standing in shown],
            positions=[_written(standing.place) for standing in shown],
            has_next=beyond if request.backward else more,
            has_previous=more if request.backward else beyond,
        )


def below(model: type[Document | Aggregation], root: UUID) -> ColumnElement[bool]:
    """Return the condition that a row lies anywhere below an Aggregation; it gives no access."""
    home = Document.aggregation_id if model is Document else Aggregation.parent_id
    return conditions.below(home, [root])


def content_bytes() -> ColumnElement[int]:
    """Return the measure of all content of Documents: every file of every Version."""
    sizes = (
        select(func.coalesce(func.sum(ContentFile.size_bytes), 0))
        .join(Version, Version.id == ContentFile.version_id)
        .where(Version.document_id == Document.id)
        .correlate(Document)
        .scalar_subquery()
    )
    return func.coalesce(func.sum(sizes), 0)


def _beyond(stream: _Stream, after: _Place, *, backward: bool) -> ColumnElement[bool]:
    """Return the condition that a row of the stream stands behind a place, or before it.

    Written as a bound on the code first, so that its index begins there.
    """
    code, rank, row_id = literal(after[0], SortKey()), after[1], literal(after[2], Id())
    key, own_id = stream.key, stream.model.id
    strictly = key < code if backward else key > code
    if stream.rank == rank:
        bound = key <= code if backward else key >= code
        return and_(bound, or_(strictly, own_id < row_id if backward else own_id > row_id))
    is_on_the_far_side = stream.rank < rank if backward else stream.rank > rank
    if is_on_the_far_side:
        return key <= code if backward else key >= code
    return strictly


def _written(place: _Place) -> Position:
    return Position(f"{place[1]}{place[0]}", place[2])


def _read(position: Position) -> _Place:
    text = str(position.value)
    return text[1:], int(text[0]), position.id
