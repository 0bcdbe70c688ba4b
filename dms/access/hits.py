"""Hits of a search: found by the words that the actor may read, filtered in the same statement.

Words of metadata count where the actor has `READ_METADATA`, words of texts only where it has
`READ_CONTENT` too: what is excluded by a word is judged by the same words, or its absence would tell of a
hidden text. SQL proposes and Casbin disposes, as in lists.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement

from dms.access import hitarms, reading, slices
from dms.access.hitselects import (
    CODE,
    ELSEWHERE,
    EVERYTHING,
    HEAD,
    PARTLY,
    Arm,
    Part,
    Relevance,
    Selects,
    Sought,
    Step,
    is_downward,
)
from dms.access.scopes import Row
from dms.access.standing import of_actor
from dms.base.paging import Page, PageRequest, Position
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.search import SearchEntry, SubjectKind
from dms.rules.access import Action
from dms.rules.searchlimits import HitOrder
from dms.stores import fulltext
from dms.stores.work import Work, fetch, session_of

_alarm = logging.getLogger("dms.alarm")


@dataclass(frozen=True, slots=True)
class Hit:
    """A thing that was found and may be shown."""

    row: Row
    kind: SubjectKind
    relevance: Relevance | None
    by_content: bool
    """The actor may read its content too, so its text was searched."""
    place: str


@dataclass(frozen=True, slots=True)
class Counted:
    """What of a hit is counted by facets."""

    kind: SubjectKind
    scope_id: int
    aggregation_id: UUID | None
    record_class_id: UUID | None
    media_type: str | None
    date_key: str


@dataclass(frozen=True, slots=True)
class Hits:
    """A search, to be paged and counted."""

    work: Work
    sought: Sought
    conditions: tuple[ColumnElement[bool], ...] = ()
    order: HitOrder = HitOrder.RELEVANCE
    of_content: bool = False
    """Only what a reader of contents knows is asked for, such as the language of the text."""
    known: list[list[Arm]] = field(default_factory=list, repr=False, compare=False)
    """What the actor may read, once that was asked."""

    def page(self, request: PageRequest) -> Page[Hit]:
        """Return one full page; a row that Casbin refuses is replaced."""
        kept: list[Hit] = []
        beyond, arms = request, self._arms()
        while len(kept) <= request.size:
            room = request.size + 1 - len(kept)
            proposed = self._propose(arms, beyond, limit=room)
            kept += self._disposed_of(proposed)
            if len(proposed) < room:
                break
            beyond = replace(beyond, after=Position(proposed[-1].place, proposed[-1].subject))
        return _page(self.work, kept, request)

    def total(self, up_to: int, *, shown: Page[Hit] | None = None) -> tuple[int, bool]:
        """Return how many hits there are, `up_to` at most, and whether that is all of them.

        Nothing is counted if a page that is known shows all of them.
        """
        self.work.notes.aggregates += 1
        if shown is not None and not (shown.has_next or shown.has_previous):
            found = len(shown.rows)
        else:
            found = sum(fetch(self.work, *self._selects(arm).count(up_to + 1))[0][0] for arm in self._arms())
        return min(found, up_to), found <= up_to

    def counted(self, up_to: int) -> tuple[Sequence[Counted], bool]:
        """Return what facets count of the newest `up_to` hits, and whether that is all of them."""
        self.work.notes.aggregates += 1
        rows: list[Any] = []
        for arm in self._arms():
            rows += fetch(self.work, *self._selects(arm).newest(_COUNTED, up_to + 1))
        rows.sort(key=lambda row: -row[-1])
        return [Counted(*row[:-1]) for row in rows[:up_to]], len(rows) <= up_to

    def _selects(self, arm: Arm) -> Selects:
        words = fulltext.words_of(session_of(self.work).connection())
        return Selects(words, self.sought, self.conditions, arm)

    def _arms(self) -> list[Arm]:
        if not self.known:
            self.known.append(hitarms.arms_of(self.work, of_content=self.of_content))
        return self.known[0]

    def _steps(self) -> list[Step]:
        if self.order is not HitOrder.RELEVANCE or self.sought.head is None:
            return [EVERYTHING]
        steps = [*HEAD, ELSEWHERE]
        if self.sought.some != self.sought.head:
            steps.insert(2, PARTLY)
        return [CODE, *steps] if self.sought.code_key else steps

    def _propose(self, arms: Sequence[Arm], request: PageRequest, *, limit: int) -> list[_Proposed]:
        steps = self._steps()
        if request.backward:
            steps.reverse()
        found: list[_Proposed] = []
        edge, after = _read(request.after)
        for step in steps:
            if len(found) == limit or self._is_passed(step, after, request):
                continue
            if step.part is not Part.ALL and edge is None:
                edge = self._edge(arms, step)
            if step.part is not Part.OLDER or edge:  # else there is none
                keys = after.keys if after is not None and after.step == step.number else None
                asked = _Asked(step, edge, keys, request.backward)
                found += self._read(arms, asked, limit=limit - len(found))
        return found

    def _is_passed(self, step: Step, after: _After | None, request: PageRequest) -> bool:
        if after is None:
            return False
        return step.number > after.step if request.backward else step.number < after.step

    def _edge(self, arms: Sequence[Arm], step: Step) -> int:
        """Return the number down to which hits of a class are sorted by their titles, 0 for all of them."""
        edges = [fetch(self.work, *self._selects(arm).edge(step)) for arm in arms]
        return max((rows[0][0] for rows in edges if rows), default=0)

    def _read(self, arms: Sequence[Arm], asked: _Asked, *, limit: int) -> list[_Proposed]:
        found: list[_Proposed] = []
        for arm in arms:
            rows = fetch(
                self.work,
                *self._selects(arm).page(
                    asked.step,
                    self.order,
                    room=limit,
                    backward=asked.backward,
                    after=asked.after,
                    edge=asked.edge,
                ),
            )
            for subject, kind, rank, key in rows:
                place = self._place(asked, rank, key)
                found.append(_Proposed(subject, kind, asked.step, arm, rank, key, place))
        found.sort(
            key=lambda each: (each.key or "", each.rank),
            reverse=is_downward(self.order, backward=asked.backward),
        )
        return found[:limit]

    def _place(self, asked: _Asked, rank: int, key: str | None) -> str:
        """Write what a cursor holds: the edge, if it is known, the step, the rank, and the key."""
        edge = "" if asked.edge is None else asked.edge
        return f"{edge}:{asked.step.number}:{rank}:{key or ''}"

    def _disposed_of(self, proposed: Sequence[_Proposed]) -> Iterator[Hit]:
        """Yield the hits on which Casbin gives what the search took for granted."""
        rows = self._rows(proposed)
        readable = _permitted(self.work, rows.values(), Action.READ_METADATA)
        texts = [rows[each.subject] for each in proposed if each.arm.by_content and each.subject in rows]
        contents = _permitted(self.work, texts, Action.READ_CONTENT)
        shown = 0
        for each in proposed:
            if each.subject in readable and (not each.arm.by_content or each.subject in contents):
                shown += 1
                row = rows[each.subject]
                yield Hit(row, each.kind, each.step.relevance, each.arm.by_content, each.place)
        if withheld := len(proposed) - shown:
            self.work.notes.withheld += withheld
            _alarm.error("rows_withheld", extra={"count": withheld})

    def _rows(self, proposed: Sequence[_Proposed]) -> dict[UUID, Row]:
        ids = {kind: [each.subject for each in proposed if each.kind is kind] for kind in SubjectKind}
        rows: list[Row] = []
        if ids[SubjectKind.DOCUMENT]:
            rows += reading.rows_of(self.work, Document, ids[SubjectKind.DOCUMENT])
        if ids[SubjectKind.AGGREGATION]:
            rows += reading.rows_of(self.work, Aggregation, ids[SubjectKind.AGGREGATION])
        return {row.id: row for row in rows}


@dataclass(frozen=True, slots=True)
class _Proposed:
    subject: UUID
    kind: SubjectKind
    step: Step
    arm: Arm
    rank: int
    key: str | None
    place: str


@dataclass(frozen=True, slots=True)
class _After:
    """Where the last page ended: in which step, and at which key and rank there."""

    step: int
    keys: tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A step, with where it begins."""

    step: Step
    edge: int | None
    after: tuple[str, int] | None
    backward: bool


_COUNTED = (
    SearchEntry.kind,
    SearchEntry.scope_id,
    SearchEntry.aggregation_id,
    SearchEntry.record_class_id,
    SearchEntry.media_type,
    SearchEntry.date_key,
    SearchEntry.id,
)


def _page(work: Work, kept: Sequence[Hit], request: PageRequest) -> Page[Hit]:
    more, beyond = len(kept) > request.size, request.after is not None
    shown = list(kept[: request.size])
    if request.backward:
        shown.reverse()
    reading.release(work, [hit.row for hit in shown], action=Action.READ_METADATA)
    return Page(
        rows=shown,
        positions=[Position(hit.place, hit.row.id) for hit in shown],
        has_next=beyond if request.backward else more,
        has_previous=more if request.backward else beyond,
    )


def _permitted(work: Work, rows: Any, action: Action) -> frozenset[UUID]:  # rows of either kind
    asked = list(rows)
    loaded = slices.slices_of(work, of_actor(work))
    decisions = slices.decide_each(work, loaded, slices.places_of(work, asked), action=action)
    may = [decision for decision in decisions if decision.may]
    reading.note_lines(work, may)
    return frozenset(row.id for row, decision in zip(asked, decisions, strict=True) if decision.may)


def _read(position: Position | None) -> tuple[int | None, _After | None]:
    """Read a place: the edge of the second class, and where to go on.

    INVARIANT (edge): who pages on carries the edge with him, so that what is registered meanwhile moves
    nothing from one part of the class to the other.
    """
    if position is None or not isinstance(position.value, str):
        return None, None
    edge, step, rank, key = position.value.split(":", 3)
    return (int(edge) if edge else None), _After(int(step), (key, int(rank)))
