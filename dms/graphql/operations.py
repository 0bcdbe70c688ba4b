"""Operation texts: parsed and validated once, then kept in a bounded cache."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from dms.base.errors import ArgumentInvalid, DoorError, Limit
from dms.graphql import limits
from dms.graphql.schema import Schema

RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
"""What a valid text keeps to."""
_KEPT, _KEPT_CHARACTERS = 512, 200_000
"""A parsed text takes up to 320 bytes for each of its characters, so all of them 64 MiB at most."""
_KEPT_REFUSALS = 128

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Operation:
    """A valid operation, ready to be executed any number of times."""

    document: DocumentNode
    name: str | None
    text_sha256: str
    writes: bool
    locks: tuple[str, ...]
    is_introspection: bool
    """Whether it asks for the schema only."""


@dataclass(frozen=True, slots=True)
class RefusedText:
    """Why a text is not executed; a value, since it is kept and answered again."""

    text_sha256: str
    code: str
    errors: tuple[GraphQLError, ...]


class Operations:
    """Prepares texts for one schema."""

    def __init__(self, schema: Schema, *, production: bool, introspection: bool) -> None:
        self._schema = schema
        self._production = production
        self._rules = RULES if introspection else (*RULES, NoSchemaIntrospectionCustomRule)
        self._kept: _Kept[Operation] = _Kept(_KEPT, _KEPT_CHARACTERS)
        self._refused: _Kept[RefusedText] = _Kept(_KEPT_REFUSALS, _KEPT_CHARACTERS)

    def prepare(self, text: str, name: str | None, *, is_trusted: bool = False) -> Operation | RefusedText:
        """Return the operation of this name in the text, or why there is none.

        A trusted text was validated at start and is not a stranger's: it may be as rich as it is.
        """
        if len(text) > limits.MAX_SOURCE and not is_trusted:
            raise Limit(f"the text is longer than {limits.MAX_SOURCE} characters: use variables")
        sha256 = hashlib.sha256(text.encode())
        key = sha256.digest() + bytes([is_trusted]) + (name or "").encode() + (b"" if name is None else b".")
        found = self._kept.get(key) or self._refused.get(key)
        if found is not None:
            return found
        make = self._trusted if is_trusted else self._made
        made = make(text, name, sha256=sha256.hexdigest())
        if isinstance(made, Operation):
            self._kept.put(key, made, weight=len(text))
        else:
            self._refused.put(key, made, weight=len(text))
        return made

    def _made(self, text: str, name: str | None, *, sha256: str) -> Operation | RefusedText:
        try:
            document = _parsed(text)
            limits.check_shape(document)
        except GraphQLError as error:
            aborted = error.message.endswith("Parsing aborted.")
            return RefusedText(sha256, (Limit if aborted else ArgumentInvalid).code, (_bare(error),))
        except DoorError as error:
            return RefusedText(sha256, error.code, (GraphQLError(error.message),))
        errors = validate(
            self._schema.core, document, self._rules, limits.MAX_ERRORS, hide_suggestions=self._production
        )
        if errors:
            return RefusedText(sha256, ArgumentInvalid.code, tuple(_bare(error) for error in errors))
        return self._named(document, name, sha256=sha256)

    def _trusted(self, text: str, name: str | None, *, sha256: str) -> Operation | RefusedText:
        return self._named(parse(text), name, sha256=sha256)

    def _named(self, document: DocumentNode, name: str | None, *, sha256: str) -> Operation | RefusedText:
        found = [
            definition
            for definition in document.definitions
            if isinstance(definition, OperationDefinitionNode)
            and name in (None, definition.name and definition.name.value)
        ]
        if len(found) != 1:
            problem = (
                "the text holds no operation of this name" if not found else "`operationName` must say which"
            )
            return RefusedText(sha256, ArgumentInvalid.code, (GraphQLError(problem),))
        writes = found[0].operation is OperationType.MUTATION
        names = set(_root_names(document, found[0]))
        locks = self._locks(names) if writes else ()
        return Operation(document, name, sha256, writes, locks, all(name.startswith("__") for name in names))

    def _locks(self, names: set[str]) -> tuple[str, ...]:
        # INVARIANT (lock-order): sorted, so that two operations never wait for each other.
        rules = self._schema.mutation_rules
        return tuple(sorted({table for name in names & rules.keys() for table in rules[name].locks}))


class _Kept(Generic[V]):
    """The values used last, as many as fit; safe between threads."""

    def __init__(self, entries: int, weight: int) -> None:
        self._entries = entries
        self._weight = weight
        self._held: OrderedDict[bytes, tuple[V, int]] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def get(self, key: bytes) -> V | None:
        """Return what was put under the key, if it is still there."""
        with self._lock:
            if key not in self._held:
                return None
            self._held.move_to_end(key)
            return self._held[key][0]

    def put(self, key: bytes, value: V, *, weight: int) -> None:
        """Keep the value, and drop those used longest ago that no longer fit."""
        with self._lock:
            self._total += weight - self._held.pop(key, (None, 0))[1]
            self._held[key] = (value, weight)
            while len(self._held) > self._entries or self._total > self._weight:
                self._total -= self._held.popitem(last=False)[1][1]


def _parsed(text: str) -> DocumentNode:
    return parse(
        text,
        max_lexical_tokens=limits.MAX_TOKENS,
        max_comments=limits.MAX_COMMENTS,
        max_source_length=limits.MAX_SOURCE,
    )


def _bare(error: GraphQLError) -> GraphQLError:
    """Return the error without the frames and nodes that would keep a whole document alive."""
    return GraphQLError(error.message, source=error.source, positions=error.positions)


def _root_names(document: DocumentNode, definition: OperationDefinitionNode) -> Iterator[str]:
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    waiting: list[SelectionSetNode] = [definition.selection_set]
    while waiting:
        for node in waiting.pop().selections:
            match node:
                case FieldNode():
                    yield node.name.value
                case InlineFragmentNode():
                    waiting.append(node.selection_set)
                case FragmentSpreadNode():
                    waiting.append(fragments[node.name.value].selection_set)
