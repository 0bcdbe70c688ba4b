"""Hits of a search: found by the words that the actor may read, filtered in the same statement.

Words of metadata count where the actor has `READ_METADATA`, words of texts only where it has
`READ_CONTENT` too: what is excluded by a word is judged by the same words, or its absence would tell of a
hidden text. SQL proposes and Casbin disposes, as in lists.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    tuple_,
)

from dms.access import marks, predicates, reading, slices
from dms.access.predicates import Verdict
from dms.access.scopes import Row
from dms.access.standing import of_actor
from dms.base.paging import OrderValue, Page, PageRequest, Position
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.scopes import AccessScope
from dms.models.search import SearchEntry, SubjectKind
from dms.models.types import SortKey, unindexed
from dms.rules.access import Action
from dms.rules.layouts import METADATA, Field
from dms.rules.matches import Match
from dms.rules.searchlimits import HitOrder
from dms.stores import fulltext
from dms.stores.sets import in_ids
from dms.stores.work import Work, fetch, session_of

_alarm = logging.getLogger("dms.alarm")

_STRIDE = 1 << 53
"""Places of one class of relevance; numbers of entries are far below."""


class Relevance(StrEnum):
    """Why a hit is one. No score: it would tell how common a word is among what is hidden."""

    CODE = "code"
    HEAD = "head"
    PARTLY = "partly"
    ELSEWHERE = "elsewhere"


_DATED = {
    HitOrder.LATEST_DATE: (SearchEntry.date_key, True),
    HitOrder.EARLIEST_DATE: (SearchEntry.date_key, False),
    HitOrder.REFERENCE_CODE: (SearchEntry.code_key, False),
}


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for: tokens, those of them that count in the head, and a code."""

    wanted: Match | None = None
    head: Match | None = None
    """What is wanted, without what is excluded."""
    some: Match | None = None
    """Any of its words."""
    excluded: Match | None = None
    """What is excluded by a query that wants no word."""
    code_key: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A thing that was found and may be shown."""

    row: Row
    kind: SubjectKind
    relevance: Relevance | None
    by_content: bool
    """The actor may read its content too, so its text was searched."""
    place: int | str


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
class _Arm:
    """Entries that are searched alike: whose words of which fields the actor may read."""

    visible: ColumnElement[bool]
    fields: tuple[Field, ...]
    by_content: bool


@dataclass(frozen=True, slots=True)
class _Step:
    """A class of relevance, or everything."""

    number: int
    relevance: Relevance | None = None


@dataclass(frozen=True, slots=True)
class Hits:
    """A search, to be paged and counted."""

    work: Work
    sought: Sought
    conditions: tuple[ColumnElement[bool], ...] = ()
    order: HitOrder = HitOrder.RELEVANCE
    of_content: bool = False
    """Only what a reader of contents knows is asked for, such as the language of the text."""
    known: list[list[_Arm]] = field(default_factory=list, repr=False, compare=False)
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

    def total(self, up_to: int) -> tuple[int, bool]:
        """Return how many hits there are, `up_to` at most, and whether that is all of them."""
        self.work.notes.aggregates += 1
        found = 0
        for arm in self._arms():
            some = self._select(arm, [SearchEntry.id], None)[0].limit(up_to + 1).subquery()
            found += fetch(self.work, select(func.count()).select_from(some))[0][0]
        return min(found, up_to), found <= up_to

    def counted(self, up_to: int) -> tuple[Sequence[Counted], bool]:
        """Return what facets count of the newest `up_to` hits, and whether that is all of them."""
        self.work.notes.aggregates += 1
        columns = [
            SearchEntry.kind,
            SearchEntry.scope_id,
            SearchEntry.aggregation_id,
            SearchEntry.record_class_id,
            SearchEntry.media_type,
            SearchEntry.date_key,
            SearchEntry.id,
        ]
        rows: list[Any] = []
        for arm in self._arms():
            statement, number = self._select(arm, columns, None)
            rows += fetch(self.work, statement.order_by(number.desc()).limit(up_to + 1))
        rows.sort(key=lambda row: -row[-1])
        return [Counted(*row[:-1]) for row in rows[:up_to]], len(rows) <= up_to

    def _arms(self) -> list[_Arm]:
        if not self.known:
            self.known.append(self._judged())
        return self.known[0]

    def _judged(self) -> list[_Arm]:
        standing = of_actor(self.work)
        metadata, content = (
            predicates.verdict(self.work, standing, action=action)
            for action in (Action.READ_METADATA, Action.READ_CONTENT)
        )
        arms = []
        readable = self._visible(content)
        if not content.is_empty:
            arms.append(_Arm(readable, tuple(Field), by_content=True))
        if not (metadata.is_empty or self.of_content or _sees_as_much(metadata, content)):
            masked = and_(self._visible(metadata), true() if content.is_empty else not_(readable))
            arms.append(_Arm(masked, METADATA, by_content=False))
        return arms

    def _visible(self, found: Verdict) -> ColumnElement[bool]:
        """Return the test of an entry, as `predicates.condition` tests a row."""
        if found.is_empty:
            return false()
        own_denied = not_(in_ids(SearchEntry.subject, found.own_denied)) if found.own_denied else true()
        if (
            found.everything
            and not found.denied
            and len(found.security_ids) == len(marks.all_marks(self.work))
        ):
            return own_denied
        column = unindexed(SearchEntry.scope_id.expression)
        by_scope = column.in_(select(AccessScope.id).where(predicates.scope_test(found)))
        shown = and_(by_scope, own_denied)
        if not found.own_allowed:
            return shown
        permitted = column.in_(select(AccessScope.id).where(predicates.scope_permits(found)))
        return or_(shown, and_(in_ids(SearchEntry.subject, found.own_allowed - found.own_denied), permitted))

    def _steps(self) -> list[_Step]:
        if self.order is not HitOrder.RELEVANCE or self.sought.head is None:
            return [_Step(0)]
        steps = [_Step(1, Relevance.HEAD), _Step(3, Relevance.ELSEWHERE)]
        if self.sought.some != self.sought.head:
            steps.insert(1, _Step(2, Relevance.PARTLY))
        return [_Step(0, Relevance.CODE), *steps] if self.sought.code_key else steps

    def _select(
        self, arm: _Arm, columns: Sequence[Any], step: _Step | None
    ) -> tuple[Select[Any], ColumnElement[int]]:
        sought, words = self.sought, fulltext.words_of(session_of(self.work).connection())
        where, number = words.source(sought.wanted)
        statement = select(*columns).select_from(where).where(arm.visible, *self.conditions)
        relevance = None if step is None else step.relevance
        if sought.wanted is not None:
            head = self._head(relevance)
            statement = statement.where(words.holds(sought.wanted, arm.fields, **head))
        if sought.excluded is not None:
            statement = statement.where(words.lacks(sought.excluded, arm.fields))
        if relevance is not None and sought.code_key:
            is_code = SearchEntry.code_key == sought.code_key
            statement = statement.where(is_code if relevance is Relevance.CODE else not_(is_code))
        return statement, number

    def _head(self, relevance: Relevance | None) -> dict[str, Match | None]:
        """Return what the head of a hit of this class holds, and what it does not."""
        match relevance:
            case Relevance.HEAD:
                return {"within": self.sought.head}
            case Relevance.PARTLY:
                return {"within": self.sought.some, "without": self.sought.head}
            case Relevance.ELSEWHERE:
                return {"without": self.sought.some}
            case _:
                return {}

    def _propose(self, arms: Sequence[_Arm], request: PageRequest, *, limit: int) -> list[_Proposed]:
        steps = self._steps()
        if request.backward:
            steps.reverse()
        found: list[_Proposed] = []
        for step in steps:
            if len(found) < limit and not self._is_passed(step, request):
                found += self._read(arms, step, request, limit=limit - len(found))
        return found

    def _is_passed(self, step: _Step, request: PageRequest) -> bool:
        if request.after is None or self.order is not HitOrder.RELEVANCE:
            return False
        reached = _step_of(request.after.value)
        return step.number > reached if request.backward else step.number < reached

    def _read(
        self, arms: Sequence[_Arm], step: _Step, request: PageRequest, *, limit: int
    ) -> list[_Proposed]:
        key, descending = _DATED.get(self.order, (None, self.order is not HitOrder.OLDEST))
        downward = descending != request.backward
        after = self._after(step, request)
        found: list[_Proposed] = []
        for arm in arms:
            columns = [
                SearchEntry.subject,
                SearchEntry.kind,
                SearchEntry.id,
                literal(None) if key is None else key,
            ]
            statement, number = self._select(arm, columns, step)
            keys: list[Any] = [number] if key is None else [key.expression, number]
            if after is not None:
                statement = statement.where(_beyond(keys, after, downward=downward))
            statement = statement.order_by(*(each.desc() if downward else each.asc() for each in keys))
            for subject, kind, entry, value in fetch(self.work, statement.limit(limit)):
                place = self._place(step, entry, value)
                found.append(_Proposed(subject, kind, step, arm, entry, value, place))
        found.sort(key=lambda each: (each.key or "", each.number), reverse=downward)
        return found[:limit]

    def _place(self, step: _Step, number: int, key: str | None) -> int | str:
        if key is not None:
            return f"{number}:{key}"
        return number if self.order is HitOrder.OLDEST else step.number * _STRIDE - number

    def _after(self, step: _Step, request: PageRequest) -> Sequence[Any] | None:
        """Return the keys beyond which a step begins; None where it begins at its end."""
        place = None if request.after is None else request.after.value
        if isinstance(place, str):
            number, _, key = place.partition(":")
            return [key, int(number)]
        if not isinstance(place, int):
            return None
        if self.order is HitOrder.OLDEST:
            return [place]
        return [step.number * _STRIDE - place] if _step_of(place) == step.number else None

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
    step: _Step
    arm: _Arm
    number: int
    key: str | None
    place: int | str


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


def _sees_as_much(metadata: Verdict, content: Verdict) -> bool:
    """Tell whether who may read metadata may read contents wherever that is."""
    return replace(metadata, bound=0, total=0) == replace(content, bound=0, total=0)


def _beyond(keys: Sequence[Any], after: Sequence[Any], *, downward: bool) -> ColumnElement[bool]:
    if len(keys) == 1:
        return (keys[0] < after[0]) if downward else (keys[0] > after[0])  # type: ignore[no-any-return]  # of SQL
    place = tuple_(*keys)
    bound = tuple_(literal(after[0], SortKey()), literal(after[1]))
    return place < bound if downward else place > bound


def _step_of(place: OrderValue) -> int:
    return -(-place // _STRIDE) if isinstance(place, int) else 0
