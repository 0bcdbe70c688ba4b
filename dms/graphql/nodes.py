"""What every thing with an id is, and how things of one list read what is nested in them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar, cast
from uuid import UUID

import strawberry
from strawberry.utils.str_converters import to_camel_case

from dms.base.paging import Page, PageRequest
from dms.graphql.context import Decorator, Info
from dms.services.editing import KEEP, Keep

S_co = TypeVar("S_co", covariant=True)
T = TypeVar("T")
V = TypeVar("V")

_KEPT_SELECTIONS = 512


class Said(Protocol[S_co]):
    """What Strawberry makes of a field that was named in an input, be it with null."""

    @property
    def value(self) -> S_co:
        """Return what was said."""


@strawberry.interface(description="A thing with an id of its own.")
class Node:
    """What `node` and `nodes` answer."""

    id: strawberry.ID = strawberry.field(description="The id of the thing; it never changes.")


@dataclass(slots=True)
class Siblings(Generic[V]):
    """The things of one list: the first that is asked for something nested reads it for all of them."""

    views: Mapping[UUID, V]
    _read: dict[object, Mapping[UUID, Any]] = field(default_factory=dict)  # as the field's own type

    def once(self, info: Info, read: Callable[[Mapping[UUID, V]], Mapping[UUID, T]]) -> Mapping[UUID, T]:
        """Return what `read` gives for all of them; called once for each place in the text."""
        # Not the response name: `nodes` and `edges.node` of one list may ask differently under one name.
        key = tuple(id(node) for node in info._raw_info.field_nodes)  # noqa: SLF001  our Info hides it
        if key not in self._read:
            self._read[key] = read(self.views)
        return cast("Mapping[UUID, T]", self._read[key])  # a place in the text belongs to one field

    def pages(
        self,
        info: Info,
        key: UUID,
        request: PageRequest,
        *,
        read: Callable[[Mapping[UUID, V]], Mapping[UUID, Page[T]]],
    ) -> Mapping[UUID, Page[T]]:
        """Return the first pages of all of them, as `once` does; a later page only of this one."""
        if request.after is None:
            return self.once(info, read)
        return read({key: self.views[key]})


def nested_field(*, description: str) -> Decorator:
    """Make a field below a root field of a resolver that reads."""
    made: Decorator = strawberry.field(description=description)
    return made


@lru_cache(_KEPT_SELECTIONS)
def unshown(names: frozenset[str], columns: frozenset[str]) -> frozenset[str]:
    """Return the columns that no selected field shows; a field shows the column of its name."""
    return frozenset(column for column in columns if to_camel_case(column) not in names)


def given(value: Said[T] | None) -> T | Keep:
    """Return what an update says of a field: the new value, which may be none, or to keep it."""
    return KEEP if value is None else value.value
