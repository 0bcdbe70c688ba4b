"""One page of a list: what is asked for and what comes back, without any transport."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from dms.base.errors import ArgumentInvalid

MAX_PAGE = 100
USUAL_TOTAL, MAX_TOTAL = 1_000, 100_000
"""How far the rows of a filtered list are counted, unless it is said, and at most."""

T = TypeVar("T")
U = TypeVar("U")
P = TypeVar("P", str, tuple[int, UUID])

OrderValue = int | str | bytes | None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a row stands in an order: the order value and the id that breaks ties."""

    value: OrderValue
    id: UUID


@dataclass(frozen=True, slots=True)
class PageRequest:
    """`size` rows, forward after a position or backward before one."""

    size: int
    backward: bool = False
    after: Position | None = None
    want_total: bool = False
    total_up_to: int | None = None
    """Where counting may stop; None for an exact total."""

    def __post_init__(self) -> None:
        """Refuse a size that no page may have."""
        if not 1 <= self.size <= MAX_PAGE:
            name = "last" if self.backward else "first"
            raise ArgumentInvalid(f"`{name}` must be between 1 and {MAX_PAGE}", path=(name,))
        if self.total_up_to is not None and not 1 <= self.total_up_to <= MAX_TOTAL:
            raise ArgumentInvalid(f"`totalUpTo` must be between 1 and {MAX_TOTAL}", path=("totalUpTo",))


def cut(places: Sequence[P], request: PageRequest, *, after: P | None) -> tuple[int, int]:
    """Return where a page begins and ends among all places, which are known whole and in order."""
    start, end = 0, len(places)
    if after is not None and request.backward:
        end = bisect_left(places, after)
    elif after is not None:
        start = bisect_right(places, after)
    if request.backward:
        return max(start, end - request.size), end
    return start, min(end, start + request.size)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows in display order with their positions; `total` only if it was asked for."""

    rows: Sequence[T]
    positions: Sequence[Position]
    has_next: bool
    has_previous: bool
    total: int | None = None
    total_is_exact: bool = True
    reached: Position | None = None
    """How far a search has come that gave up before its page was full: the next one begins there."""

    def among(self: Page[Any], found: Mapping[UUID, U]) -> Page[U]:  # of rows with an id of whatever type
        """Return the same page with each row's own among these, which are named by the rows' ids."""
        return self.map(lambda row: found[row.id])

    def map(self, shape: Callable[[T], U]) -> Page[U]:
        """Return the same page with every row reshaped."""
        return Page(
            [shape(row) for row in self.rows],
            self.positions,
            self.has_next,
            self.has_previous,
            self.total,
            self.total_is_exact,
            self.reached,
        )
