"""The statements of a search: which entries, by which words, in which order.

A statement is built once for all searches of one shape by one person, since building it costs several times
what running it costs; words and places are its parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import ModuleType
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    bindparam,
    cast,
    func,
    literal,
    not_,
    select,
    tuple_,
)

from dms.models.search import SearchEntry
from dms.models.types import SortKey
from dms.rules.layouts import LONGEST_TITLE, Field
from dms.rules.matches import Match
from dms.rules.searchlimits import HitOrder

BRIEFEST_OF = 1_000
"""So many of the newest hits of a class are sorted by the length of their titles."""

_BRIEFER = 1 << 40
"""Numbers of entries are below."""


class Relevance(StrEnum):
    """Why a hit is one. No score: it would tell how common a word is among what is hidden."""

    CODE = "code"
    HEAD = "head"
    PARTLY = "partly"
    ELSEWHERE = "elsewhere"


class Part(StrEnum):
    """What a step takes of its class: all, what lies at or above its edge, or what lies below."""

    ALL = "all"
    BRIEFEST = "briefest"
    OLDER = "older"


class Step(NamedTuple):
    """A class of relevance or a part of one, or everything."""

    number: int
    relevance: Relevance | None = None
    part: Part = Part.ALL


EVERYTHING = Step(0)
CODE = Step(0, Relevance.CODE)
HEAD = (Step(1, Relevance.HEAD, Part.BRIEFEST), Step(2, Relevance.HEAD, Part.OLDER))
PARTLY = Step(3, Relevance.PARTLY)
ELSEWHERE = Step(4, Relevance.ELSEWHERE)

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
class Arm:
    """Entries that are searched alike: whose words of which fields the actor may read."""

    visible: ColumnElement[bool]
    fields: tuple[Field, ...]
    by_content: bool
    built: dict[Hashable, Select[Any]] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Selects:
    """Builds the statements of one search in one arm."""

    words: ModuleType
    sought: Sought
    conditions: tuple[ColumnElement[bool], ...]
    arm: Arm

    def count(self, room: int) -> tuple[Select[Any], Mapping[str, object]]:
        """Count the hits, as far as there is room."""

        def build() -> Select[Any]:
            some = self._hits([literal(1)], EVERYTHING).limit(_ROOM).subquery()
            return select(func.count()).select_from(some)

        return self._built(("count",), build), {"room": room, **self._values(EVERYTHING)}

    def newest(self, columns: Sequence[Any], room: int) -> tuple[Select[Any], Mapping[str, object]]:
        """Select columns of the newest hits."""

        def build() -> Select[Any]:
            return self._hits(columns, EVERYTHING).order_by(self._number().desc()).limit(_ROOM)

        return self._built(("newest",), build), {"room": room, **self._values(EVERYTHING)}

    def edge(self, step: Step) -> tuple[Select[Any], Mapping[str, object]]:
        """Select the number of the last one of the newest hits of a class that are sorted by their titles."""
        whole = step._replace(part=Part.ALL)

        def build() -> Select[Any]:
            number = self._number()
            return self._hits([number], whole).order_by(number.desc()).limit(1).offset(_SKIPPED)

        return self._built(("edge", step), build), {"skipped": BRIEFEST_OF - 1, **self._values(whole)}

    def page(
        self,
        step: Step,
        order: HitOrder,
        *,
        room: int,
        backward: bool,
        after: Sequence[Any] | None,
        edge: int | None,
    ) -> tuple[Select[Any], Mapping[str, object]]:
        """Select subject, kind, rank and key of the hits of a step, beyond a key and a rank if any."""
        shape = ("page", step, order, backward, after is not None)
        values = {"room": room, "edge": edge, **self._values(step)}
        if after is not None:
            values |= {"after_key": after[0], "after_rank": after[-1]}
        downward = is_downward(order, backward=backward)

        def build() -> Select[Any]:
            return self._page(step, order, downward=downward, is_beyond=after is not None)

        return self._built(shape, build), values

    def _page(self, step: Step, order: HitOrder, *, downward: bool, is_beyond: bool) -> Select[Any]:
        key = _DATED.get(order, (None, True))[0]
        rank = self._number() if step.part is not Part.BRIEFEST else _BRIEFEST
        shown = [SearchEntry.subject, SearchEntry.kind, rank, literal(None) if key is None else key]
        keys: list[Any] = [rank] if key is None else [key.expression, rank]
        statement = self._hits(shown, step)
        if is_beyond:
            statement = statement.where(_beyond(keys, downward=downward))
        return statement.order_by(*(each.desc() if downward else each.asc() for each in keys)).limit(_ROOM)

    def _built(self, shape: Hashable, build: Callable[[], Select[Any]]) -> Select[Any]:
        if self.conditions:
            return build()
        key = (shape, self.sought.wanted is None, self.sought.excluded is None, self.sought.code_key == "")
        known = self.arm.built.get(key)
        if known is None:
            known = self.arm.built[key] = build()
        return known

    def _hits(self, columns: Sequence[Any], step: Step) -> Select[Any]:
        sought, arm, relevance = self.sought, self.arm, step.relevance
        statement = select(*columns).select_from(self.words.source(is_by_words=sought.wanted is not None)[0])
        statement = statement.where(arm.visible, *self.conditions)
        if sought.wanted is not None:
            asked = _head(sought, relevance)
            statement = statement.where(self.words.holds(arm.fields, asked.keys()))
        if sought.excluded is not None:
            statement = statement.where(self.words.lacks(arm.fields))
        if relevance is not None and sought.code_key:
            is_code = SearchEntry.code_key == bindparam("code", type_=SortKey())
            statement = statement.where(is_code if relevance is Relevance.CODE else not_(is_code))
        if step.part is not Part.ALL:
            number, edge = self._number(), bindparam("edge", type_=Integer)
            statement = statement.where(number >= edge if step.part is Part.BRIEFEST else number < edge)
        return statement

    def _values(self, step: Step) -> dict[str, object]:
        sought, fields = self.sought, self.arm.fields
        values: dict[str, object] = {}
        if sought.wanted is not None:
            values |= self.words.asked(sought.wanted, fields, _head(sought, step.relevance))
        if sought.excluded is not None:
            values |= self.words.asked_not(sought.excluded, fields)
        if step.relevance is not None and sought.code_key:
            values["code"] = sought.code_key
        return values

    def _number(self) -> ColumnElement[int]:
        number: ColumnElement[int] = self.words.source(is_by_words=self.sought.wanted is not None)[1]
        return number


_ROOM: Any = bindparam("room", type_=Integer)  # a limit takes it as it takes a number
_SKIPPED: Any = bindparam("skipped", type_=Integer)
_BRIEFEST: ColumnElement[int] = (
    cast(LONGEST_TITLE - SearchEntry.title_words, BigInteger) * _BRIEFER + SearchEntry.id
).label("rank")
"""Sorts the shortest titles first when it is read downward, and the newest of one length."""


def is_downward(order: HitOrder, *, backward: bool) -> bool:
    """Tell whether the largest key of an order comes first."""
    descending = _DATED[order][1] if order in _DATED else order is not HitOrder.OLDEST
    return descending != backward


def _head(sought: Sought, relevance: Relevance | None) -> Mapping[str, Match | None]:
    """Return what the head of a hit of this class holds, and what it does not."""
    match relevance:
        case Relevance.HEAD:
            return {"within": sought.head}
        case Relevance.PARTLY:
            return {"within": sought.some, "without": sought.head}
        case Relevance.ELSEWHERE:
            return {"without": sought.some}
        case _:
            return {}


def _beyond(keys: Sequence[Any], *, downward: bool) -> ColumnElement[bool]:
    rank = bindparam("after_rank", type_=BigInteger)
    if len(keys) == 1:
        return (keys[0] < rank) if downward else (keys[0] > rank)  # type: ignore[no-any-return]  # of SQL
    place, bound = tuple_(*keys), tuple_(bindparam("after_key", type_=SortKey()), rank)
    return place < bound if downward else place > bound
