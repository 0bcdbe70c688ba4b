"""Readings of what is known of Documents and Aggregations, such as the changes of their marks.

A row shows to whom the object shows that it names: SQL proposes by the object, Casbin disposes.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute

from dms.access import keyset, predicates, slices
from dms.access.keyset import Order
from dms.access.reading import note_lines, release
from dms.access.scopes import Row
from dms.access.slices import NOBODY
from dms.access.standing import of_actor
from dms.access.totals import counted, with_total, with_totals
from dms.base.errors import NotFound
from dms.base.paging import Page, PageRequest
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.rules.access import Action, Decision
from dms.rules.accessevents import Disclosure
from dms.stores.work import Work, session_of

_alarm = logging.getLogger("dms.alarm")

M = TypeVar("M", bound=DeclarativeBase)
R = TypeVar("R", Document, Aggregation)

_Owner: TypeAlias = tuple[Row, Decision] | None
"""An object with the decision about it; None for an open node, which needs none."""


@dataclass(frozen=True, slots=True)
class Attached(Generic[M]):
    """A reading of rows that each name one object; the actor needs the action on that object."""

    work: Work
    model: type[M]
    owner: InstrumentedAttribute[UUID]
    action: Action
    open_nodes: frozenset[UUID] = frozenset()
    """Objects without access of their own that the caller has judged already."""
    conditions: tuple[ColumnElement[bool], ...] = ()
    order: Order | None = None
    others: tuple[InstrumentedAttribute[UUID | None], ...] = ()
    """Further objects that a row may name: it shows only with the action on all of them."""

    def where(self, *conditions: ColumnElement[bool]) -> Attached[M]:
        """Narrow the reading."""
        return replace(self, conditions=(*self.conditions, *conditions))

    def order_by(self, order: Order) -> Attached[M]:
        """Choose the order of `page`."""
        return replace(self, order=order)

    def one(self, row_id: UUID) -> M:
        """Return the row with this id, or raise `NotFound`: the same for absent and hidden."""
        statement = select(self.model).where(keyset.id_column(self.model) == row_id, *self.conditions)
        row = session_of(self.work).execute(statement).scalars().one_or_none()
        judged = self._judge(self._named([row] if row is not None else []) or {NOBODY})
        # Absence costs what a refusal costs.
        if row is None or not self._shows(row, judged):
            asked = None if row is None else self._owner_id(row)
            self.work.refuses(asked, action=self.action, reason="absent", exists=row is not None)
            raise NotFound
        self._release([row], judged)
        return row

    def many(self, ids: Collection[UUID]) -> dict[UUID, M]:
        """Return those of these rows that the actor may see, by id; the others are absent."""
        if not ids:
            return {}
        statement = select(self.model).where(keyset.id_column(self.model).in_(ids), *self.conditions)
        rows = session_of(self.work).execute(statement).scalars().all()
        judged = self._judge(self._named(rows))
        kept = [row for row in rows if self._shows(row, judged)]
        self._release(kept, judged)
        return {row.id: row for row in kept}  # type: ignore[attr-defined]  # every model here has one

    def each(self, ids: Collection[UUID]) -> dict[UUID, M]:
        """Return those of these rows that the actor may see, by id; the others are noted as refused."""
        statement = select(self.model).where(keyset.id_column(self.model).in_(ids), *self.conditions)
        rows = session_of(self.work).execute(statement).scalars().all()
        owners = self._named(rows)
        missing = len(set(ids)) - len(rows)
        # Absence costs what a refusal costs.
        judged = self._judge(owners | {NOBODY} if missing else owners)
        found: dict[UUID, M] = {row.id: row for row in rows}  # type: ignore[attr-defined]  # as below
        kept = {key: row for key, row in found.items() if self._shows(row, judged)}
        self._release(list(kept.values()), judged)
        for key in set(ids) - kept.keys():
            asked = self._owner_id(found[key]) if key in found else key
            self.work.refuses(asked, action=self.action, reason="absent", exists=key in found)
        return kept

    def scan(self, size: int, *, backward: bool = False) -> Iterator[Sequence[M]]:
        """Yield all rows that SQL proposes, in order and in chunks, for a rule that picks some of them.

        INVARIANT (picked-again): none of them leaves but through `many`, where Casbin disposes of it.
        """
        request = PageRequest(1, backward=backward)
        while True:
            proposed = self._propose(request, limit=size)
            yield proposed
            if len(proposed) < size:
                return
            request = replace(request, after=keyset.position(proposed[-1], self.order))

    def page(self, request: PageRequest) -> Page[M]:
        """Return one full page; a row that Casbin refuses is replaced and raises an alarm."""
        kept: list[M] = []
        judged: dict[UUID, _Owner] = {}
        beyond = request
        while len(kept) <= request.size:
            room = request.size + 1 - len(kept)
            proposed = self._propose(beyond, limit=room)
            judged.update(self._judge(self._named(proposed)))
            kept.extend(self._kept(proposed, judged))
            if len(proposed) < room:
                break
            beyond = replace(beyond, after=keyset.position(proposed[-1], self.order))
        page = keyset.page_of(kept, order=self.order, request=request)
        self._release(page.rows, judged)
        return with_total(page, request, self._total)

    def pages(
        self, group: InstrumentedAttribute[UUID], of: Collection[UUID], *, request: PageRequest
    ) -> dict[UUID, Page[M]]:
        """Return the first page of each group of rows; as many statements as for one group."""
        if not of:
            return {}
        proposed = keyset.fetch_each(
            self.work,
            select(self.model).where(self._filter(), *self.conditions),
            model=self.model,
            owner=group,
            of=of,
            order=self.order,
            request=request,
        )
        judged = self._judge(self._named([row for rows in proposed.values() for row in rows]))
        pages: dict[UUID, Page[M]] = {}
        for key, rows in proposed.items():
            if not all(self._shows(row, judged) for row in rows):
                # Casbin refuses what SQL proposes: `page` fills up and raises the alarm.
                pages[key] = self.where(group == key).page(replace(request, want_total=False))
                continue
            pages[key] = keyset.page_of(rows, order=self.order, request=request)
            self._release(pages[key].rows, judged)
        conditions = (self._filter(), *self.conditions)
        return with_totals(
            pages, request, work=self.work, model=self.model, conditions=conditions, owner=group
        )

    def count(self) -> int:
        """Return the exact number of rows that the actor may see."""
        return self._total(None)[0]

    def counts(self, column: InstrumentedAttribute[UUID]) -> dict[UUID, int]:
        """Return the exact number of visible rows by a column."""
        self.work.notes.aggregates += 1
        statement = select(column, func.count()).select_from(self.model)
        statement = statement.where(self._filter(), *self.conditions).group_by(column)
        return {row[0]: row[1] for row in session_of(self.work).execute(statement)}

    def measured(
        self, keys: Sequence[ColumnElement[Any]], measures: Sequence[ColumnElement[Any]]
    ) -> Sequence[Any]:
        """Return aggregate rows over the visible ones, one per combination of the keys."""
        self.work.notes.aggregates += 1
        statement = select(*keys, *measures).select_from(self.model)
        statement = statement.where(self._filter(), *self.conditions).group_by(*keys)
        return session_of(self.work).execute(statement).all()

    def _total(self, up_to: int | None) -> tuple[int, bool]:
        return counted(self.work, self.model, (self._filter(), *self.conditions), up_to=up_to)

    def _propose(self, request: PageRequest, *, limit: int) -> Sequence[M]:
        return keyset.fetch(
            self.work,
            select(self.model).where(self._filter(), *self.conditions),
            model=self.model,
            order=self.order,
            request=request,
            limit=limit,
        )

    def _filter(self) -> ColumnElement[bool]:
        verdict = predicates.verdict(self.work, of_actor(self.work), action=self.action)
        shown = or_(*self._visible(verdict, self.owner), self.owner.in_(self.open_nodes))
        further = (or_(other.is_(None), *self._visible(verdict, other)) for other in self.others)
        return and_(shown, *further)

    def _visible(
        self, verdict: predicates.Verdict, named: InstrumentedAttribute[Any]
    ) -> Iterator[ColumnElement[bool]]:
        # Row by row by the key of the object: as a list of all visible ids it would grow with the holdings.
        return (
            select(model.id)
            .where(model.id == named, predicates.condition(verdict, model))
            .correlate(self.model)
            .exists()
            for model in (Document, Aggregation)
        )

    def _kept(self, proposed: Sequence[M], judged: Mapping[UUID, _Owner]) -> Sequence[M]:
        kept = [row for row in proposed if self._shows(row, judged)]
        withheld = len(proposed) - len(kept)
        if withheld:
            self.work.notes.withheld += withheld
            _alarm.error("rows_withheld", extra={"count": withheld})
        return kept

    def _judge(self, owner_ids: set[UUID]) -> dict[UUID, _Owner]:
        """Return those of these owners on which the actor has the action, as Casbin decides."""
        judged: dict[UUID, _Owner] = dict.fromkeys(owner_ids & self.open_nodes)
        loaded = slices.slices_of(self.work, of_actor(self.work))
        rows: list[Row] = [*self._read(Document, owner_ids), *self._read(Aggregation, owner_ids)]
        n_asked = len(owner_ids - self.open_nodes)
        decisions = slices.decide_asked(self.work, loaded, rows, action=self.action, n_asked=n_asked)
        judged.update({row.id: (row, decisions[row.id]) for row in rows if decisions[row.id].may})
        return judged

    def _read(self, model: type[R], ids: set[UUID]) -> Sequence[R]:
        statement = select(model).where(model.id.in_(ids))
        return session_of(self.work).execute(statement).scalars().all()

    def _release(self, rows: Sequence[M], judged: Mapping[UUID, _Owner]) -> None:
        for row in rows:
            row_id: UUID = row.id  # type: ignore[attr-defined]  # every model here has one
            if row_id != self._owner_id(row):  # else the row tells of the thing under its own id
                self.work.releases(row_id, revision=0, disclosure=Disclosure.METADATA)
            for owner in (judged[key] for key in self._names(row)):
                if owner is not None:
                    release(self.work, [owner[0]], action=self.action)
                    note_lines(self.work, [owner[1]])

    def _names(self, row: M) -> list[UUID]:
        """Return the objects that a row names: its owner, and the others that there are."""
        named: list[UUID | None] = [getattr(row, other.key) for other in self.others]
        return [self._owner_id(row), *(key for key in named if key is not None)]

    def _named(self, rows: Sequence[M]) -> set[UUID]:
        return {key for row in rows for key in self._names(row)}

    def _shows(self, row: M, judged: Mapping[UUID, _Owner]) -> bool:
        return all(key in judged for key in self._names(row))

    def _owner_id(self, row: M) -> UUID:
        owner_id: UUID = getattr(row, self.owner.key)
        return owner_id
