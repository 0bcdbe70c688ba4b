"""What an answer holds of what was paid for: the objects that really left (`api.md` section 3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod
from operator import itemgetter
from typing import Any

from graphql import FieldNode

from dms.graphql.costs import FieldCost, Shape
from dms.graphql.pricing import Placed, Term, Text, work

_LISTS = frozenset({Shape.LIST, Shape.PAGE})
_FLAT = frozenset({Shape.VALUE, Shape.TOTAL, Shape.OPAQUE})

Selected = tuple[FieldNode, FieldCost, Placed]


@dataclass(frozen=True, slots=True)
class Content:
    """What stands under one response key: everything selected under it, in whatever fragments."""

    key: str
    work: Term
    is_flat: bool
    is_list: bool
    below: tuple[Content, ...] = ()

    def count(self, parents: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> int:
        """Return the points of what stands under the key in all of the parents."""
        points, key = 0, self.key
        if self.work.times:
            each = prod([factor(given) for factor in self.work.factors], start=self.work.times)
            points = each * sum(key in parent for parent in parents)
        if self.is_flat:
            return points
        found = self._found(parents)
        return points + (count(self.below, found, given) if self.below else len(found))

    def _found(self, parents: Sequence[Mapping[str, Any]]) -> list[Any]:
        # Any: objects. Whole columns at a time, since that is quickest; null is false, an object is not.
        try:
            found = [*filter(None, map(itemgetter(self.key), parents))]
        except KeyError:  # left out by a directive, or a field of other types
            found = [*filter(None, (parent.get(self.key) for parent in parents))]
        return [*filter(None, chain.from_iterable(found))] if self.is_list else found


def count(contents: Sequence[Content], objects: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> int:
    """Return the points of objects and of all that is below them, one key after the other."""
    points = len(objects)
    if objects:
        for content in contents:
            points += content.count(objects, given)
    return points


def contents(text: Text) -> tuple[Content, ...]:
    """Compile where the objects of an answer stand; the operation must be valid.

    What a key holds only of plain values is left out, so that counting costs almost nothing.
    """
    return _merged(text, [text.root])


def _merged(text: Text, places: Sequence[Placed]) -> tuple[Content, ...]:
    under: dict[str, list[Selected]] = {}
    for node, at in _fields(text, places):
        selected = (node, text.cost(node, at.type_name), at)
        under.setdefault((node.alias or node.name).value, []).append(selected)
    found = [_content(text, key, selected) for key, selected in under.items()]
    return tuple(each for each in found if not each.is_flat or each.work.times)


def _content(text: Text, key: str, selected: Sequence[Selected]) -> Content:
    # Of fields under one key the dearest counts: they are of different types, or the same.
    node, cost, at = max(selected, key=lambda each: each[1].work)
    spent = Term((at.page.total,), 1) if cost.shape is Shape.TOTAL else work(text, node, cost)
    inside = [text.below(node, cost) for node, cost, _ in selected]
    below = _merged(text, [place for place in inside if place is not None])
    return Content(key, spent, cost.shape in _FLAT, cost.shape in _LISTS, below)


def _fields(text: Text, places: Sequence[Placed]) -> Iterator[tuple[FieldNode, Placed]]:
    """Return the fields of merged selections, those of a fragment once."""
    waiting, seen = list(places), set[tuple[int, str]]()
    while waiting:
        here = waiting.pop()
        if (id(here.selection_set), here.type_name) in seen:
            continue
        seen.add((id(here.selection_set), here.type_name))
        for node in here.selection_set.selections:
            if isinstance(node, FieldNode):
                yield node, here
            elif (inside := text.spread(node, here)) is not None:
                waiting.append(inside)
