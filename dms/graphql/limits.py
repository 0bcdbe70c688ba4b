"""The shape an operation may have, judged before validation, whose cost it bounds (`api.md` section 3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
)

from dms.base.errors import ArgumentInvalid, Limit

MAX_SOURCE = 32_768
"""Characters of an operation text."""
MAX_TOKENS = 2_000
MAX_COMMENTS = 20
MAX_FRAGMENTS = 50
MAX_SPREADS = 200
MAX_REPEATS = 100
"""Times one response key may stand in the whole text."""
MAX_MERGES = 30_000
"""Merging fields of one key is quadratic: the squares of all keys' counts together, those of fields
with fields below them three times. Measured: 4 to 6 us for each pair, 16 us for a nested one."""
MAX_DIRECTIVES = 50
MAX_DIRECTIVES_HERE = 5
"""On one selection; no two of one name are valid there, and clients know about four."""
MAX_DEPTH = 15
MAX_ROOT_FIELDS = 20
MAX_MUTATIONS = 10
MAX_FIELDS = 2_000
"""Fields after every fragment is written out where it is spread."""
MAX_COST = 10_000
"""Points that one operation may cost."""
MAX_ERRORS = 10
"""Errors of one text or its variables that are told at once."""


@dataclass(slots=True)
class _Measure:
    """One definition as written: spreads are not followed yet."""

    fields: int = 0
    roots: int = 0
    depth: int = 0
    spreads: list[tuple[str, int]] = field(default_factory=list)
    """Names with the number of fields around the spread."""


@dataclass(slots=True)
class _Text:
    """What is counted over the whole text."""

    keys: Counter[str] = field(default_factory=Counter)
    nested_keys: Counter[str] = field(default_factory=Counter)
    """Keys of fields that have fields below them."""
    directives: int = 0
    directives_here: int = 0
    """The most that stand on one selection."""
    spreads: int = 0


def check_shape(document: DocumentNode) -> None:
    """Raise `Limit` for a text that is too rich, `ArgumentInvalid` for a circle of fragments."""
    text = _Text()
    fragments: dict[str, _Measure] = {}
    operations: list[tuple[OperationDefinitionNode, _Measure]] = []
    for definition in document.definitions:
        match definition:
            case OperationDefinitionNode():
                text.directives += sum(len(v.directives or ()) for v in definition.variable_definitions or ())
                operations.append((definition, _measure(definition, text)))
            case FragmentDefinitionNode():
                fragments[definition.name.value] = _measure(definition, text)
            case _:
                raise ArgumentInvalid("the text may hold operations and fragments only")
    _check_text(text, fragments=len(fragments))
    whole = _written_out(fragments)
    for definition, measure in operations:
        _check_operation(definition, _sum(measure, whole))


def _measure(definition: OperationDefinitionNode | FragmentDefinitionNode, text: _Text) -> _Measure:
    measure = _Measure()
    text.directives += len(definition.directives or ())
    waiting = [(definition.selection_set, 0)]
    while waiting:
        selection_set, depth = waiting.pop()
        for node in selection_set.selections:
            here = len(node.directives or ())
            text.directives += here
            text.directives_here = max(text.directives_here, here)
            below = _count(node, depth, measure=measure, text=text)
            if isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
                waiting.append((node.selection_set, below))
    return measure


def _count(node: SelectionNode, depth: int, *, measure: _Measure, text: _Text) -> int:
    """Count one selection that stands `depth` fields deep; return how deep its own content stands."""
    if isinstance(node, FragmentSpreadNode):
        measure.spreads.append((node.name.value, depth))
        text.spreads += 1
    if not isinstance(node, FieldNode):
        return depth
    key = (node.alias or node.name).value
    text.keys[key] += 1
    text.nested_keys[key] += node.selection_set is not None
    measure.fields += 1
    measure.roots += depth == 0
    measure.depth = max(measure.depth, depth + 1)
    return depth + 1


def _check_text(text: _Text, *, fragments: int) -> None:
    if fragments > MAX_FRAGMENTS:
        raise Limit(f"the text holds more than {MAX_FRAGMENTS} fragments")
    if text.directives > MAX_DIRECTIVES:
        raise Limit(f"the text holds more than {MAX_DIRECTIVES} directives")
    if text.directives_here > MAX_DIRECTIVES_HERE:
        raise Limit(f"a selection holds more than {MAX_DIRECTIVES_HERE} directives")
    if text.spreads > MAX_SPREADS:
        raise Limit(f"the text spreads fragments more than {MAX_SPREADS} times")
    for key, count in text.keys.most_common(1):
        if count > MAX_REPEATS:
            raise Limit(f"the text holds `{key[:100]}` more than {MAX_REPEATS} times")
    merges = sum(count**2 for count in text.keys.values())
    merges += 2 * sum(count**2 for count in text.nested_keys.values())
    if merges > MAX_MERGES:
        raise Limit("the text holds the same fields too often: use fragments, or send several operations")


def _check_operation(definition: OperationDefinitionNode, whole: _Measure) -> None:
    if definition.operation is OperationType.SUBSCRIPTION:
        raise ArgumentInvalid("there are no subscriptions: ask again with a query")
    is_mutation = definition.operation is OperationType.MUTATION
    roots = MAX_MUTATIONS if is_mutation else MAX_ROOT_FIELDS
    if whole.roots > roots:
        raise Limit(f"the operation has more than {roots} root fields: send several operations")
    if whole.depth > MAX_DEPTH:
        raise Limit(f"the operation is nested more than {MAX_DEPTH} fields deep")
    if whole.fields > MAX_FIELDS:
        raise Limit(f"the operation has more than {MAX_FIELDS} fields with its fragments written out")


def _written_out(fragments: dict[str, _Measure]) -> Callable[[str], _Measure]:
    """Return a function that measures a fragment with all that it spreads, each priced once."""
    known: dict[str, _Measure] = {}
    open_names: set[str] = set()

    def whole(name: str) -> _Measure:
        if name in known or name not in fragments:
            return known.get(name, _Measure())
        if name in open_names:
            raise ArgumentInvalid(f"the fragment `{name[:100]}` spreads itself")
        open_names.add(name)
        known[name] = _sum(fragments[name], whole)
        return known[name]

    for name in fragments:
        whole(name)
    return whole


def _sum(measure: _Measure, whole: Callable[[str], _Measure]) -> _Measure:
    total = _Measure(measure.fields, measure.roots, measure.depth)
    for name, depth in measure.spreads:
        spread = whole(name)
        total.fields += spread.fields
        total.roots += spread.roots if depth == 0 else 0
        total.depth = max(total.depth, depth + spread.depth)
    return total
