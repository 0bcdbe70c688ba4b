"""Connections: pages of a list with sealed cursors (`api.md` section 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar
from uuid import UUID

import strawberry

from dms.base.canonical import Canonical, canonical_bytes
from dms.base.errors import ArgumentInvalid, CursorInvalid
from dms.base.paging import MAX_PAGE, MAX_TOTAL, USUAL_TOTAL, OrderValue, Page, PageRequest, Position
from dms.graphql.context import Info
from dms.stores.cursor_keys import CursorKeys

Node = TypeVar("Node")

First = Annotated[
    int | None,
    strawberry.argument(description=f"How many from the beginning, or after `after`: 1 to {MAX_PAGE}."),
]
After = Annotated[
    str | None, strawberry.argument(description="The cursor behind which the page begins; goes with `first`.")
]
Last = Annotated[
    int | None,
    strawberry.argument(description=f"How many from the end, or before `before`: 1 to {MAX_PAGE}."),
]
Before = Annotated[
    str | None, strawberry.argument(description="The cursor before which the page ends; goes with `last`.")
]

TOTAL_UP_TO = USUAL_TOTAL
"""How far a total is counted unless more is asked for."""

TotalUpTo = Annotated[
    int,
    strawberry.argument(
        description=f"How far `totalCount` counts what a filter leaves, 1 to {MAX_TOTAL}: the further, the "
        "dearer. Beyond it `totalIsExact` is false."
    ),
]

NARROWS = strawberry.argument(description="What narrows the list.")
"""For the filter of a list: `filter: Annotated[XFilter | None, NARROWS] = None`."""


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """The frame of a page."""

    has_next_page: bool = strawberry.field(description="There is more that you may see after this page.")
    has_previous_page: bool = strawberry.field(description="There is more that you may see before this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first line.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last line.")


@strawberry.type(description="A line of a page.")
class Edge(Generic[Node]):
    """A row with its place in the list."""

    cursor: str = strawberry.field(
        description="The place of this line in the list; good for the same person, filter and order only."
    )
    node: Node = strawberry.field(description="The thing itself.")


@strawberry.type(description="One page of a list of what you may see.")
class Connection(Generic[Node]):
    """A page with its totals."""

    edges: list[Edge[Node]] = strawberry.field(description="The lines with their cursors.")
    nodes: list[Node] = strawberry.field(description="The things without cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")
    total_count: int = strawberry.field(description="How many there are in all; counted only when asked for.")
    total_is_exact: bool = strawberry.field(description="False if there are more than were counted.")


@dataclass(frozen=True, slots=True)
class Asked:
    """A list field's page as asked for, and what its cursors are bound to."""

    request: PageRequest
    _info: Info
    _bound: bytes

    def connection(self, page: Page[Node]) -> Connection[Node]:
        """Shape a page of nodes into what the field answers; only what is selected is made."""
        keys = self._info.context.door.cursor_keys
        edges: list[Edge[Node]] = []
        if self._info.wants("edges"):
            cursors = [_seal(keys, position, self._bound) for position in page.positions]
            edges = [Edge(cursor=cursor, node=row) for cursor, row in zip(cursors, page.rows, strict=True)]
        return Connection(
            edges=edges,
            nodes=list(page.rows),
            page_info=_page_info(
                page,
                [None if end is None else _seal(keys, end, self._bound) for end in _ends(page, self.request)],
            ),
            total_count=page.total or 0,
            total_is_exact=page.total_is_exact,
        )


def asked(
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    filter: Canonical = None,
    order: str = "",
    total_up_to: int | None = None,
) -> Asked:
    """Read the page arguments of a list field.

    `filter` is the normalised filter with whatever else chooses the list, such as the parent of a
    nested one; a cursor opens only with the same field, filter, order and principal. Raises
    `ArgumentInvalid` unless exactly one size is given, `CursorInvalid` for a foreign or altered cursor.
    """
    size, cursor, backward = _size(first, after, last=last, before=before)
    principal = info.work.actor.principal_id
    field = f"{info.parent_name}.{info.field_name}"
    bound = canonical_bytes([field, filter, order, principal.hex if principal else None])
    request = PageRequest(
        size,
        backward=backward,
        after=None if cursor is None else _unseal(info.context.door.cursor_keys, cursor, bound),
        want_total=info.wants("totalCount", "totalIsExact"),
        total_up_to=total_up_to,
    )
    return Asked(request, info, bound)


def _size(
    first: int | None, after: str | None, *, last: int | None, before: str | None
) -> tuple[int, str | None, bool]:
    if first is not None and last is None and before is None:
        return first, after, False
    if last is not None and first is None and after is None:
        return last, before, True
    raise ArgumentInvalid(
        f"a list needs one size, 1 to {MAX_PAGE}: `first`, with or without `after`, "
        "or `last`, with or without `before`"
    )


def _page_info(page: Page[Node], ends: Sequence[str | None]) -> PageInfo:
    return PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=ends[0],
        end_cursor=ends[1],
    )


def _ends(page: Page[Node], request: PageRequest) -> tuple[Position | None, Position | None]:
    """Return where the pages before and after begin; a search that gave up goes on where it stopped."""
    first, last = (page.positions[0], page.positions[-1]) if page.positions else (None, None)
    if page.reached is None:
        return first, last
    return (page.reached, last) if request.backward else (first, page.reached)


def _seal(keys: CursorKeys, position: Position, bound: bytes) -> str:
    return keys.seal(position.id.bytes + _written(position.value), bound)


def _unseal(keys: CursorKeys, cursor: str, bound: bytes) -> Position:
    content = keys.unseal(cursor, bound)
    if content is None:
        raise CursorInvalid("the cursor is not one of this list: begin again without it")
    return Position(_read(content[16:]), UUID(bytes=content[:16]))


def _written(value: OrderValue) -> bytes:
    match value:
        case None:
            return b"n"
        case int():
            return b"i%d" % value
        case str():
            return b"s" + value.encode()
        case bytes():
            return b"b" + value


def _read(content: bytes) -> OrderValue:
    kind, rest = content[:1], content[1:]
    match kind:
        case b"i":
            return int(rest)
        case b"s":
            return rest.decode()
        case b"b":
            return rest
        case _:
            return None
