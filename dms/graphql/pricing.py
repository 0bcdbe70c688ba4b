"""What an operation costs: a function of its variables, compiled once for each text (`api.md` section 3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
)

from dms.graphql import amounts
from dms.graphql.amounts import Amount
from dms.graphql.costs import TOTAL_UP_TO, Costs, FieldCost, Shape

_NOBODY_KNOWS = ""
"""The type below a field that does not exist: validation will say so."""

_CONDITIONS = {"include": amounts.is_included, "skip": amounts.is_not_skipped}


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a sum: `times`, with an earlier sum if there is one, multiplied by the factors."""

    factors: tuple[Amount, ...]
    times: int
    place: int | None = None
    """Which of the earlier sums is added to `times`."""


@dataclass(frozen=True, slots=True)
class Sum:
    """What a selection costs: a constant, and the terms in which variables have a say."""

    constant: int
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Price:
    """The cost of an operation before it runs."""

    sums: tuple[Sum, ...]
    """Each after those that it needs. A fragment is there once, however often it is spread."""
    constant: int
    """The whole cost, if no variable has a say."""

    def of(self, variables: Mapping[str, Any] | None) -> int:
        """Return the points with these variables, as they came. Never raises, whatever they are."""
        if not self.sums:
            return self.constant
        given: Mapping[str, Any] = variables or {}
        values: list[int] = []
        for each in self.sums:
            value = each.constant
            for term in each.terms:
                below = term.times if term.place is None else term.times + values[term.place]
                value += below * prod([factor(given) for factor in term.factors])
            values.append(value)
        return values[-1]


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """What the field of a connection says of the items and totals in it."""

    size: Amount
    total: Amount


NO_PAGE = Page(amounts.constant(1), amounts.constant(amounts.total(None)))


@dataclass(frozen=True, slots=True)
class Placed:
    """A selection set with where it stands."""

    selection_set: SelectionSetNode
    type_name: str
    page: Page = NO_PAGE


class Text:
    """What of a document is needed to price one operation of it."""

    def __init__(self, document: DocumentNode, operation: OperationDefinitionNode, costs: Costs) -> None:
        root = "Mutation" if operation.operation is OperationType.MUTATION else "Query"
        self.root = Placed(operation.selection_set, root)
        self._costs = costs
        self._defaults = {
            each.variable.name.value: amounts.literal(each.default_value)
            for each in operation.variable_definitions or ()
        }
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }

    def cost(self, node: FieldNode, type_name: str) -> FieldCost:
        """Return the cost of a field; one that nobody knows costs what its shape costs."""
        known = self._costs.get(type_name, {}).get(node.name.value)
        if known is not None:
            return known
        return FieldCost(Shape.OBJECT if node.selection_set else Shape.VALUE, 0, _NOBODY_KNOWS)

    def below(self, node: FieldNode, cost: FieldCost) -> Placed | None:
        """Return what is selected below a field; None for what is not looked into."""
        if node.selection_set is None or cost.shape in {Shape.VALUE, Shape.TOTAL, Shape.OPAQUE}:
            return None
        if cost.shape is Shape.CONNECTION:
            size = self.amount(node, cost.sized_by, amounts.length)
            page = Page(size, self.amount(node, [(TOTAL_UP_TO,)], amounts.total))
            return Placed(node.selection_set, cost.below, page)
        return Placed(node.selection_set, cost.below)

    def spread(self, node: SelectionNode, at: Placed) -> Placed | None:
        """Return the selection of a fragment that stands in `at`; None if there is none."""
        found = self._fragments.get(node.name.value) if isinstance(node, FragmentSpreadNode) else node
        if not isinstance(found, FragmentDefinitionNode | InlineFragmentNode):
            return None
        type_name = found.type_condition.name.value if found.type_condition else at.type_name
        return Placed(found.selection_set, type_name, at.page)

    def amount(
        self, node: FieldNode, paths: Sequence[tuple[str, ...]], read: amounts.Reading = amounts.length
    ) -> Amount:
        """Return the largest number that these arguments of a field say."""
        arguments = {each.name.value: each.value for each in node.arguments or ()}
        asked = [(arguments[path[0]], path[1:]) for path in paths if path[0] in arguments]
        return amounts.amount(asked, read, self._defaults)

    def conditions(self, node: SelectionNode) -> Iterator[Amount]:
        """Return what `@skip` and `@include` make of a selection: factors of 0 or 1."""
        for directive in node.directives or ():
            read = _CONDITIONS.get(directive.name.value)
            for argument in directive.arguments or () if read else ():
                if argument.name.value == "if" and read:
                    yield amounts.amount([(argument.value, ())], read, self._defaults)


def price(text: Text) -> Price:
    """Compile the cost of an operation whose fragments spread in no circle; it need not be valid."""
    pricer = _Pricer(text)
    whole = pricer.selection(text.root)
    return Price(tuple(pricer.sums) if whole.place is not None else (), whole.times)


class _Pricer:
    """Prices selections one after the other, those below first."""

    def __init__(self, text: Text) -> None:
        self.sums: list[Sum] = []
        self._text = text
        self._known: dict[tuple[int, str, Page], Term] = {}

    def selection(self, at: Placed) -> Term:
        """Return what a selection costs: a constant, or the place of a sum."""
        key = (id(at.selection_set), at.type_name, at.page)
        if key not in self._known:
            self._known[key] = self._summed([*self._terms(at)])
        return self._known[key]

    def _summed(self, terms: Sequence[Term]) -> Term:
        constant, left = 0, []
        for term in terms:
            factors = tuple(factor for factor in term.factors if factor.variables)
            fixed = prod(factor.constant for factor in term.factors if not factor.variables)
            if not factors and term.place is None:
                constant += fixed * term.times
            elif fixed:
                more = (amounts.constant(fixed),) if fixed != 1 else ()
                left.append(Term((*factors, *more), term.times, term.place))
        if not left:
            return Term((), constant)
        self.sums.append(Sum(constant, tuple(left)))
        return Term((), 0, len(self.sums) - 1)

    def _terms(self, at: Placed) -> Iterator[Term]:
        for node, here, conditions in self._flat(at):
            for term in self._of(node, here):
                yield Term((*conditions, *term.factors), term.times, term.place)

    def _flat(self, at: Placed) -> Iterator[tuple[SelectionNode, Placed, tuple[Amount, ...]]]:
        """Return the fields and spreads of a selection, those in inline fragments too."""
        waiting: list[tuple[Placed, tuple[Amount, ...]]] = [(at, ())]
        while waiting:
            here, outer = waiting.pop()
            for node in here.selection_set.selections:
                conditions = (*outer, *self._text.conditions(node))
                if not isinstance(node, InlineFragmentNode):
                    yield node, here, conditions
                elif (inside := self._text.spread(node, here)) is not None:
                    waiting.append((inside, conditions))

    def _of(self, node: SelectionNode, at: Placed) -> Iterator[Term]:
        if isinstance(node, FieldNode):
            yield from self._field(node, at)
        elif (inside := self._text.spread(node, at)) is not None:
            yield self.selection(inside)

    def _field(self, node: FieldNode, at: Placed) -> Iterator[Term]:
        cost = self._text.cost(node, at.type_name)
        if cost.shape is Shape.TOTAL:
            yield Term((at.page.total,), 1)
            return
        yield work(self._text, node, cost)
        if cost.shape in {Shape.VALUE, Shape.OPAQUE}:
            return
        inside = self._text.below(node, cost)
        below = self.selection(inside) if inside else Term((), 0)
        yield Term(self._items(node, cost, at.page), 1 + below.times, below.place)

    def _items(self, node: FieldNode, cost: FieldCost, page: Page) -> tuple[Amount, ...]:
        match cost.shape:
            case Shape.PAGE:
                return (page.size,)
            case Shape.LIST if cost.sized_by:
                return (self._text.amount(node, cost.sized_by),)
            case Shape.LIST:
                return (amounts.constant(cost.items),)
            case _:
                return ()


def work(text: Text, node: FieldNode, cost: FieldCost) -> Term:
    """Return what finding a field costs, whatever it finds."""
    is_sized = cost.sized_by and cost.shape in {Shape.OBJECT, Shape.VALUE}
    factors = (text.amount(node, cost.sized_by, amounts.weight),) if is_sized else ()
    return Term(factors, cost.work)
