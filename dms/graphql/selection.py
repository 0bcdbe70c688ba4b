"""What an operation selects below a field, so that nested things are loaded only when shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    BooleanValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
)


@dataclass(frozen=True, slots=True)
class Selected:
    """The nodes of one field under one response name, and what is needed to read them."""

    nodes: Sequence[FieldNode]
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]  # coerced by the executor to whatever the types say


def wants(selected: Selected, path: str) -> bool:
    """Tell whether `path`, as in `nodes.aggregation`, is selected below the field.

    Field names, not aliases. Type conditions are not judged: when unsure it asks for more.
    """
    return _reaches(selected, [node.selection_set for node in selected.nodes], path.split("."))


def below(selected: Selected, path: str) -> frozenset[str]:
    """Return the names of the fields selected directly below `path`; an empty path is the field itself."""
    sets = [node.selection_set for node in selected.nodes]
    for name in path.split(".") if path else ():
        sets = [
            node.selection_set
            for selection_set in sets
            for node in _fields(selected, selection_set, set())
            if node.name.value == name
        ]
    return frozenset(
        node.name.value for selection_set in sets for node in _fields(selected, selection_set, set())
    )


def _reaches(selected: Selected, sets: Sequence[SelectionSetNode | None], names: Sequence[str]) -> bool:
    head, rest = names[0], names[1:]
    for selection_set in sets:
        for node in _fields(selected, selection_set, set()):
            if node.name.value == head and (not rest or _reaches(selected, [node.selection_set], rest)):
                return True
    return False


def _fields(
    selected: Selected, selection_set: SelectionSetNode | None, seen: set[str]
) -> Iterator[FieldNode]:
    for node in selection_set.selections if selection_set else ():
        if node.directives and not _is_included(node, selected.variables):
            continue
        match node:
            case FieldNode():
                yield node
            case InlineFragmentNode():
                yield from _fields(selected, node.selection_set, seen)
            case FragmentSpreadNode() if node.name.value not in seen:
                seen.add(node.name.value)
                fragment = selected.fragments[node.name.value]
                yield from _fields(selected, fragment.selection_set, seen)


def _is_included(node: SelectionNode, variables: Mapping[str, Any]) -> bool:
    for directive in node.directives or ():
        stays = {"include": True, "skip": False}.get(directive.name.value)
        if stays is None:
            continue
        for argument in directive.arguments or ():
            match argument.value:
                case BooleanValueNode(value=said):
                    pass
                case VariableNode(name=name):
                    said = variables.get(name.value, stays)
                case _:
                    continue
            if said is not stays:
                return False
    return True
