"""Readings through the gate: immutable builders that services narrow, order and run."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute

from dms.access import keyset, predicates, slices, strategies
from dms.access.keyset import Order
from dms.access.scopes import Row
from dms.access.standing import of_actor
from dms.access.totals import counted, with_total, with_totals
from dms.base.errors import NotFound
from dms.base.paging import Page, PageRequest
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.rules.access import Action, Decision
from dms.rules.accessevents import Disclosure
from dms.stores import records
from dms.stores.records import WHOLE, Extent
from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of

_alarm = logging.getLogger("dms.alarm")

M = TypeVar("M", bound=DeclarativeBase)
O = TypeVar("O", bound=DeclarativeBase)  # noqa: E741  the other one
R = TypeVar("R", Document, Aggregation)

_DISCLOSURE = {
    Action.DISCOVER: Disclosure.EXISTENCE,
    Action.READ_RESTRICTED: Disclosure.RESTRICTED,
    Action.READ_CONTENT: Disclosure.CONTENT,
    Action.EXPORT: Disclosure.CONTENT,
}
"""What an answer that rests on an action shows; metadata for all others."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[M]):
    """A reading of things that are open, stand behind a duty, or belong to released Documents."""

    work: Work
    model: type[M]
    conditions: tuple[ColumnElement[bool], ...] = ()
    order: Order | None = None
    noted: bool = True

    def where(self, *conditions: ColumnElement[bool]) -> Listing[M]:
        """Narrow the reading."""
        return replace(self, conditions=(*self.conditions, *conditions))

    def order_by(self, order: Order) -> Listing[M]:
        """Choose the order of `rows` and `page`."""
        return replace(self, order=order)

    def one(self, object_id: UUID) -> M:
        """Return the row with this id, or raise `NotFound`."""
        found = self.each([object_id])
        if object_id not in found:
            raise NotFound
        return found[object_id]

    def many(self, ids: Collection[UUID]) -> dict[UUID, M]:
        """Return the rows with these ids that there are."""
        if not ids:
            return {}
        rows = self.where(in_ids(keyset.id_column(self.model), ids)).rows()
        return {_key(row): row for row in rows}

    def each(self, ids: Collection[UUID]) -> dict[UUID, M]:
        """Return the rows with these ids that there are; the others are noted as refused."""
        found = self.many(ids)
        for asked in set(ids) - found.keys():
            self.work.refuses(asked, action="read", reason="absent", exists=False)
        return found

    def given(self, rows: Sequence[M]) -> Sequence[M]:
        """Return rows that were read beside their owners, noted as if this reading had found them."""
        self._note(rows)
        return rows

    def rows(self, limit: int | None = None) -> Sequence[M]:
        """Return all rows in order, at most `limit`: for sets that are small by nature."""
        return self._read(PageRequest(1), limit=limit)

    def pairs(
        self, other: type[O], *, on: ColumnElement[bool], order: ColumnElement[Any]
    ) -> Sequence[tuple[M, O]]:
        """Return all rows, each with the rows of another class that are part of it, by an order."""
        statement = records.selecting_pairs(self.work, (self.model, other)).join(other.__table__, on)
        pairs = records.read_pairs(
            self.work, (self.model, other), statement.where(*self.conditions).order_by(order)
        )
        self._note([row for row, _ in pairs])
        return pairs

    def page(self, request: PageRequest) -> Page[M]:
        """Return one page in order."""
        found = self._read(request, limit=request.size + 1)
        page = keyset.page_of(found, order=self.order, request=request)
        return with_total(page, request, self._total)

    def pages(
        self, owner: InstrumentedAttribute[Any], of: Collection[UUID], *, request: PageRequest
    ) -> dict[UUID, Page[M]]:
        """Return the first page of each owner, in one statement."""
        if not of:
            return {}
        found = keyset.fetch_each(
            self.work,
            records.selecting(self.work, self.model).where(*self.conditions),
            model=self.model,
            owner=owner,
            of=of,
            order=self.order,
            request=request,
        )
        pages = {key: keyset.page_of(rows, order=self.order, request=request) for key, rows in found.items()}
        for page in pages.values():
            self._note(page.rows)
        return with_totals(
            pages, request, work=self.work, model=self.model, conditions=self.conditions, owner=owner
        )

    def count(self) -> int:
        """Return how many rows there are."""
        return self._total(None)[0]

    def counts(self, owner: InstrumentedAttribute[Any]) -> dict[UUID, int]:
        """Return how many rows each owner has that has any."""
        self.work.notes.aggregates += 1
        statement = select(owner, func.count()).select_from(self.model).where(*self.conditions)
        return {row[0]: row[1] for row in session_of(self.work).execute(statement.group_by(owner))}

    def _total(self, up_to: int | None) -> tuple[int, bool]:
        return counted(self.work, self.model, self.conditions, up_to=up_to)

    def _read(self, request: PageRequest, *, limit: int | None) -> Sequence[M]:
        statement = records.selecting(self.work, self.model).where(*self.conditions)
        rows = keyset.fetch(
            self.work,
            statement,
            model=self.model,
            order=self.order,
            request=request,
            limit=limit,
        )
        self._note(rows)
        return rows

    def _note(self, rows: Sequence[M]) -> None:
        if not self.noted:
            return
        for row in rows:
            revision = getattr(row, "revision", None) or 0
            self.work.releases(_key(row), revision=revision, disclosure=Disclosure.METADATA)


@dataclass(frozen=True, slots=True)
class Visible(Generic[R]):
    """A reading of Documents or Aggregations on which the actor has an action."""

    work: Work
    model: type[R]
    action: Action
    conditions: tuple[ColumnElement[bool], ...] = ()
    order: Order | None = None
    extent: Extent = WHOLE

    def taking(self, extent: Extent) -> Visible[R]:
        """Choose how much is read of each row, and what beside it.

        What lies beside is not decided: show none of it that the gate has not passed.
        """
        return replace(self, extent=extent)

    def where(self, *conditions: ColumnElement[bool]) -> Visible[R]:
        """Narrow the reading."""
        return replace(self, conditions=(*self.conditions, *conditions))

    def order_by(self, order: Order) -> Visible[R]:
        """Choose the order of `page` and `scan`."""
        return replace(self, order=order)

    def one(self, object_id: UUID) -> R:
        """Return the row with this id, or raise `NotFound`: the same for absent and hidden."""
        return self._judged(self._rows_of([object_id]), object_id)

    def first(self, condition: ColumnElement[bool]) -> R:
        """Return the one row that a unique condition names, or raise `NotFound`."""
        statement = records.selecting(self.work, self.model, self.extent)
        statement = statement.where(condition, *self.conditions)
        return self._judged(records.read(self.work, self.model, statement, extent=self.extent), None)

    def _judged(self, rows: Sequence[R], asked: UUID | None) -> R:
        """Return the row if there is one; absence is decided too, so that it costs what a refusal costs."""
        row = rows[0] if rows else None
        decisions = self._decide_asked([] if row is None else [row], n_asked=1)
        if row is None:
            self.work.refuses(asked, action=self.action, reason="absent", exists=False)
            raise NotFound
        decision = decisions[row.id]
        if not decision.may:
            self.work.refuses(row.id, action=self.action, reason=decision.reason, exists=True)
            raise NotFound
        release(self.work, [row], action=self.action)
        note_lines(self.work, [decision])
        return row

    def many(self, ids: Collection[UUID]) -> dict[UUID, R]:
        """Return those of these rows that the actor may see, by id; the others are absent."""
        return self.among(self._rows_of(ids)) if ids else {}

    def among(self, rows: Sequence[R]) -> dict[UUID, R]:
        """Return those of rows in hand that the actor may see, by id; the others are absent."""
        kept = self._dispose(rows)
        release(self.work, kept, action=self.action)
        return {row.id: row for row in kept}

    def each(self, ids: Collection[UUID]) -> dict[UUID, R]:
        """Return those of these rows that the actor may see, by id; the others are noted as refused."""
        rows = self._rows_of(ids)
        decisions = self._decide_asked(rows, n_asked=len(set(ids)))
        for asked in set(ids) - {row.id for row in rows}:
            self.work.refuses(asked, action=self.action, reason="absent", exists=False)
        kept = {row.id: row for row in rows if decisions[row.id].may}
        for row in rows:
            if row.id not in kept:
                reason = decisions[row.id].reason
                self.work.refuses(row.id, action=self.action, reason=reason, exists=True)
        release(self.work, kept.values(), action=self.action)
        note_lines(self.work, [decisions[key] for key in kept])
        return kept

    def page(self, request: PageRequest) -> Page[R]:
        """Return one full page: SQL proposes, Casbin disposes, a refused row is replaced."""
        kept: list[R] = []
        beyond = request
        while len(kept) <= request.size:
            room = request.size + 1 - len(kept)
            proposed = self._propose(beyond, limit=room)
            kept.extend(self._disposed_of(proposed))
            if len(proposed) < room:
                break
            beyond = replace(beyond, after=keyset.position(proposed[-1], self.order))
        page = keyset.page_of(kept, order=self.order, request=request)
        release(self.work, page.rows, action=self.action)
        return with_total(page, request, self._total)

    def pages(
        self, owner: InstrumentedAttribute[Any], of: Collection[UUID], *, request: PageRequest
    ) -> dict[UUID, Page[R]]:
        """Return the first page of each owner, in one statement; a refused row is missing from its page."""
        if not of:
            return {}
        found = keyset.fetch_each(
            self.work,
            records.selecting(self.work, self.model).where(*self._filters()),
            model=self.model,
            owner=owner,
            of=of,
            order=self.order,
            request=request,
            extent=self._extent(),
        )
        shown = {row.id for row in self._disposed_of([row for rows in found.values() for row in rows])}
        pages = {}
        for key, rows in found.items():
            kept = [row for row in rows if row.id in shown]
            pages[key] = keyset.page_of(kept, order=self.order, request=request)
            release(self.work, pages[key].rows, action=self.action)
        return with_totals(
            pages, request, work=self.work, model=self.model, conditions=self._filters(), owner=owner
        )

    def scan(self, size: int = 100) -> Iterator[R]:
        """Yield every row in order, page by page."""
        request = PageRequest(size)
        while True:
            page = self.page(request)
            yield from page.rows
            if not page.has_next:
                return
            request = PageRequest(size, after=page.positions[-1])
            self.work.check_deadline()

    def count(self) -> int:
        """Return the exact number of visible rows; without a filter from the counters of their scopes."""
        return self._total(None)[0]

    def counts(self, owner: ColumnElement[UUID] | InstrumentedAttribute[Any]) -> dict[UUID, int]:
        """Return the exact number of visible rows of each owner that has any."""
        return {row[0]: row[1] for row in self.measured((owner.expression,), (func.count(),))}

    def measured(
        self, keys: Sequence[ColumnElement[Any]], measures: Sequence[ColumnElement[Any]]
    ) -> Sequence[Any]:
        """Return aggregate rows over the visible ones, one per combination of the keys."""
        self.work.notes.aggregates += 1
        statement = select(*keys, *measures).select_from(self.model).where(*self._filters())
        return session_of(self.work).execute(statement.group_by(*keys)).all()

    def _total(self, up_to: int | None) -> tuple[int, bool]:
        if self.conditions:
            return counted(self.work, self.model, self._filters(), up_to=up_to)
        # The counters tell the whole number at no cost.
        self.work.notes.aggregates += 1
        return predicates.count(self.work, self._verdict(), self.model), True

    def _filters(self) -> tuple[ColumnElement[bool], ...]:
        return (predicates.condition(self._verdict(), self.model), *self.conditions)

    def _verdict(self) -> predicates.Verdict:
        return predicates.verdict(self.work, of_actor(self.work), action=self.action)

    def _propose(self, request: PageRequest, *, limit: int) -> Sequence[R]:
        listing = strategies.Listing(
            self.work,
            self.model,
            of_actor(self.work),
            self.action,
            self.conditions,
            self.order or Order(keyset.id_column(self.model)),
            self._extent(),
        )
        return strategies.propose(listing, request, limit=limit)

    def _extent(self) -> Extent:
        # A page tells where its rows stand in the order.
        return self.extent if self.order is None else self.extent.keeping(self.order.column.key)

    def _rows_of(self, ids: Collection[UUID]) -> Sequence[R]:
        return records.named(self.work, self.model, ids, *self.conditions, extent=self.extent)

    def _disposed_of(self, proposed: Sequence[R]) -> list[R]:
        kept = self._dispose(proposed)
        withheld = len(proposed) - len(kept)
        if withheld:
            self.work.notes.withheld += withheld
            _alarm.error("rows_withheld", extra={"count": withheld})
        return kept

    def _dispose(self, rows: Sequence[R]) -> list[R]:
        places, loaded = slices.places_of(self.work, rows), slices.slices_of(self.work, of_actor(self.work))
        decisions = slices.decide_each(self.work, loaded, places, action=self.action)
        note_lines(self.work, [decision for decision in decisions if decision.may])
        return [row for row, decision in zip(rows, decisions, strict=True) if decision.may]

    def _decide_asked(self, rows: Sequence[R], *, n_asked: int) -> Mapping[UUID, Decision]:
        loaded = slices.slices_of(self.work, of_actor(self.work))
        return slices.decide_asked(self.work, loaded, rows, action=self.action, n_asked=n_asked)


def rows_of(
    work: Work, model: type[R], ids: Collection[UUID], *conditions: ColumnElement[bool]
) -> Sequence[R]:
    """Return the rows with these ids, undecided: for the gate only."""
    return records.named(work, model, ids, *conditions)


def release(work: Work, rows: Iterable[Row], *, action: Action) -> None:
    """Note that the answer shows rows as far as the action discloses them."""
    disclosure = _DISCLOSURE.get(action, Disclosure.METADATA)
    for row in rows:
        work.releases(
            row.id,
            revision=row.revision,
            disclosure=disclosure,
            security_id=row.security_id,
            class_id=row.record_class_id,
        )


def note_lines(work: Work, decisions: Iterable[Decision]) -> None:
    """Note the lines that decided; many things share a decision."""
    for decision in {id(each): each for each in decisions}.values():
        work.notes.deciding.update(line if isinstance(line, str) else line.hex for line in decision.line_ids)


def _key(row: DeclarativeBase) -> UUID:
    row_id: UUID = row.id  # type: ignore[attr-defined]  # every model here has one
    return row_id
