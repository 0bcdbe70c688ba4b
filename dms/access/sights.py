"""What somebody else can see, as far as the one who asks may know of it: now, in the past, in the future.

For now and the future the other's own list is read as he would read it at that instant, narrowed to what
the asker may know of. For the past the things that the asker may know of are walked in the order of their
ids, in chunks, each decided as of then; things with equal lines and an equal mark are decided together. A
walked row costs 0.1 to 0.2 ms: after `BUDGET` rows an answer stops and says how far it came.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, select

from dms.access import asof, cases, keyset, predicates, slices
from dms.access.asof import Span, Thing, Trees
from dms.access.reading import Visible, release
from dms.access.standing import POLICY, of_actor, policy_of
from dms.base.actor import Actor, ActorKind
from dms.base.clock import Instant
from dms.base.paging import Page, PageRequest, Position
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.users import EVERYONE_ID
from dms.rules.access import Action, Decision, Line, NodeKind
from dms.rules.asof import Dated
from dms.rules.explanations import Case, Spot
from dms.rules.reaches import Society
from dms.rules.security import Mark
from dms.stores.records import is_a
from dms.stores.work import Work, session_of

BUDGET = 10_000
"""Rows of the past that one answer walks at most."""

CHUNK = 1_000

_alarm = logging.getLogger("dms.alarm")

R = TypeVar("R", Document, Aggregation)


@dataclass(frozen=True, slots=True)
class Sight(Generic[R]):
    """A thing that somebody can do something with, and the lines that this rests on."""

    row: R
    line_ids: tuple[UUID | str, ...]


@dataclass(frozen=True, slots=True)
class Sights(Generic[R]):
    """A reading of what an account can do something with, and the asker may know of."""

    work: Work
    model: type[R]
    account_id: UUID
    action: Action
    own: Action
    """What the asker needs on a thing to be told of it."""

    def page(self, request: PageRequest, *, span: Span) -> Page[Sight[R]]:
        """Return one page in the order of the ids; a walk that gave up says in `reached` how far it came."""
        page = self._as_read(request, span) if span.is_present else self._walked(request, span)
        release(self.work, [sight.row for sight in page.rows], action=self.own)
        return page

    def _as_read(self, request: PageRequest, span: Span) -> Page[Sight[R]]:
        other = _as_other(self.work, self.account_id, at=span.first)
        reading = Visible(other, self.model, self.action).where(self._known())
        page = reading.page(request)
        mine = self._mine(page.rows)
        theirs = _decided(other, page.rows, self.action)
        self.work.notes.withheld += other.notes.withheld
        kept = [
            (Sight(row, theirs[row.id].line_ids), position)
            for row, position in zip(page.rows, page.positions, strict=True)
            if mine[row.id].may
        ]
        withheld = len(page.rows) - len(kept)
        if withheld:
            self.work.notes.withheld += withheld
            _alarm.error("rows_withheld", extra={"count": withheld})
        return Page(
            [sight for sight, _ in kept],
            [position for _, position in kept],
            page.has_next,
            page.has_previous,
            page.total,
            page.total_is_exact,
        )

    def _walked(self, request: PageRequest, span: Span) -> Page[Sight[R]]:
        eyes = _eyes(self.work, self.account_id, self.action, span)
        found: list[Sight[R]] = []
        reached: Position | None = None
        for rows in self._chunks(request):
            reached = None
            found += self._seen(eyes, rows)
            if len(found) > request.size:
                break
            reached = Position(None, rows[-1].id) if len(rows) == CHUNK else None
        lines = {sight.row.id: sight.line_ids for sight in found}
        page = keyset.page_of([sight.row for sight in found], order=None, request=request)
        shown = page.map(lambda row: Sight(row, lines[row.id]))
        if reached is not None:
            shown = replace(
                shown,
                reached=reached,
                has_next=shown.has_next or not request.backward,
                has_previous=shown.has_previous or request.backward,
            )
        return self._with_total(shown, eyes) if request.want_total else shown

    def _with_total(self, page: Page[Sight[R]], eyes: Eyes) -> Page[Sight[R]]:
        total, walked, last = 0, 0, 0
        for rows in self._chunks(PageRequest(1)):
            total += len(self._seen(eyes, rows))
            walked, last = walked + len(rows), len(rows)
        return replace(page, total=total, total_is_exact=walked < BUDGET or last < CHUNK)

    def _chunks(self, request: PageRequest) -> Iterator[Sequence[R]]:
        """Yield what the asker may know of, as SQL proposes it, until the budget is used up."""
        for _ in range(BUDGET // CHUNK):
            rows = keyset.fetch(
                self.work,
                select(self.model).where(self._known()),
                model=self.model,
                order=None,
                request=request,
                limit=CHUNK,
            )
            if rows:
                yield rows
            if len(rows) < CHUNK:
                return
            request = replace(request, after=Position(None, rows[-1].id))
            self.work.check_deadline()

    def _seen(self, eyes: Eyes, rows: Sequence[R]) -> list[Sight[R]]:
        """Return those of these rows that the account could do something with, and the asker may know of."""
        theirs = eyes.decide(self.work, rows)
        seen = [row for row in rows if row.id in theirs]
        mine = self._mine(seen)
        return [Sight(row, theirs[row.id].line_ids) for row in seen if mine[row.id].may]

    def _known(self) -> ColumnElement[bool]:
        verdict = predicates.verdict(self.work, of_actor(self.work), action=self.own)
        return predicates.condition(verdict, self.model)

    def _mine(self, rows: Sequence[R]) -> Mapping[UUID, Decision]:
        return _decided(self.work, rows, self.own)


@dataclass(slots=True)
class Eyes:
    """An account in the past, with what was read of the trees and of the lines that name it."""

    account_id: UUID
    action: Action
    around: Society
    clearances: tuple[Dated[Mark], ...]
    trees: Trees
    lines: dict[UUID, list[Line]] = field(default_factory=dict)
    decided: dict[tuple[object, ...], Decision] = field(default_factory=dict)

    def decide(self, work: Work, rows: Sequence[Document | Aggregation]) -> dict[UUID, Decision]:
        """Return the decisions about those of these rows that it could do something with."""
        span = self.trees.span
        spots = asof.spots(work, [_thing(row) for row in rows], self.trees)
        held = {key: found[0].value for key, found in spots.items() if found and found[0].holds(span.first)}
        self._load(work, {node for spot in held.values() for node in spot.nodes})
        decisions = {key: self._decide(work, spot) for key, spot in held.items()}
        return {key: decision for key, decision in decisions.items() if decision.may}

    def _load(self, work: Work, nodes: Collection[UUID]) -> None:
        fresh = set(nodes) - self.lines.keys()
        named = {*self.around.figures, EVERYONE_ID}
        found = asof.lines(work, fresh, self.trees.span, principal_ids=named)
        if of_actor(work).roof.repository_id in fresh:
            found += asof.role_lines(work, self.around)
        for node in fresh:
            self.lines.setdefault(node, [])
        for line in found:
            self.lines.setdefault(line.node_id, []).append(line)

    def _decide(self, work: Work, spot: Spot) -> Decision:
        """INVARIANT (same-lines): a decision sees of the nodes only which lines name one of them."""
        lines = tuple(line for node in (*spot.arrangement, *spot.classes) for line in self.lines[node])
        key = (tuple(line.id for line in lines), spot.security)
        known = self.decided.get(key)
        if known is None:
            case = Case(self.account_id, self.around, self.clearances, lines, spot)
            known = cases.decide(work, case, action=self.action, at=self.trees.span.first)
            self.decided[key] = known
        return known


def _eyes(work: Work, account_id: UUID, action: Action, span: Span) -> Eyes:
    clearances = asof.clearances(work, [account_id], span).get(account_id, ())
    return Eyes(account_id, action, asof.society_above(work, [account_id], span), clearances, Trees(span))


def _as_other(work: Work, account_id: UUID, *, at: int) -> Work:
    """Return the same snapshot as another account would read it at an instant that is not over.

    It keeps nothing for later operations: its clock is not theirs.
    """
    return Work(
        session_of(work),
        Actor(ActorKind.USER, account_id, None, work.actor.request_id),
        now=Instant(at),
        deadline_s=work.deadline_s,
        writes=False,
        equipment={POLICY: policy_of(work)},
    )


def _decided(work: Work, rows: Sequence[Document | Aggregation], action: Action) -> Mapping[UUID, Decision]:
    loaded = slices.slices_of(work, of_actor(work))
    return slices.decide(work, loaded, slices.places_of(work, rows), action=action)


def _thing(row: Document | Aggregation) -> Thing:
    kind = NodeKind.DOCUMENT if is_a(row, Document) else NodeKind.AGGREGATION
    return Thing(kind, row.id, row)
