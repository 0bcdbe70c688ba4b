"""Operation texts: parsed and validated once, then kept in a bounded cache."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    MaxIntrospectionDepthRule,
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
from dms.graphql import contents, limits, pricing
from dms.graphql.compiling import Shapes
from dms.graphql.contents import Content
from dms.graphql.pricing import Price
from dms.graphql.schema import Schema

RULES = (
    *specified_rules,
    MaxIntrospectionDepthRule,
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)
"""What a valid text keeps to."""
_KEPT, _KEPT_CHARACTERS = 512, 200_000
"""A parsed text takes up to 320 bytes for each of its characters, so all of them 64 MiB at most."""
_KEPT_REFUSALS = 128

_EMPTY = DocumentNode(definitions=())
_FREE = Price((), 0)

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
    has_one_root: bool
    """Whether nothing has been done when its first field is refused."""
    price: Price
    contents: tuple[Content, ...]
    shapes: Shapes
    """How plain objects of its answers are shown."""

    def points_of(self, data: Mapping[str, Any], variables: Mapping[str, Any] | None) -> int:
        """Return what an answer to it is worth: the work that was done, and the objects that leave."""
        try:
            return contents.count(self.contents, [data], variables or {}) - 1  # the root is no object
        except TypeError:  # something that is encoded already: nothing of it is given back
            return self.price.of(variables)


@dataclass(frozen=True, slots=True)
class RefusedText:
    """Why a text is not executed; a value, since it is kept and answered again."""

    text_sha256: str
    code: str
    errors: tuple[GraphQLError, ...]


@dataclass(slots=True)
class _Draft:
    """A text on its way to an operation."""

    text_sha256: str
    name: str | None
    tokens: int
    """How many it has; a guess where it could not be read."""
    document: DocumentNode = _EMPTY
    meant: Sequence[OperationDefinitionNode] = ()
    text: pricing.Text | None = None
    price: Price = _FREE
    refused: RefusedText | None = None


class Operations:
    """Prepares texts for one schema."""

    def __init__(self, schema: Schema, *, production: bool, introspection: bool) -> None:
        self._schema = schema
        self._production = production
        self._rules = RULES if introspection else (*RULES, NoSchemaIntrospectionCustomRule)
        self._kept: _Kept[Operation] = _Kept(_KEPT, _KEPT_CHARACTERS)
        self._refused: _Kept[RefusedText] = _Kept(_KEPT_REFUSALS, _KEPT_CHARACTERS)

    def prepare(
        self,
        text: str,
        name: str | None,
        *,
        is_trusted: bool = False,
        variables: Mapping[str, Any] | None = None,
        on_new: Callable[[int], None] | None = None,
    ) -> Operation | RefusedText:
        """Return the operation of this name in the text, or why there is none with these variables.

        A trusted text was validated at start and is not a stranger's: it may be as rich as it is, though
        not as dear. `on_new` is told the tokens of a text that is not known yet, before it is validated.
        """
        if len(text) > limits.MAX_SOURCE and not is_trusted:
            raise Limit(f"the text is longer than {limits.MAX_SOURCE} characters: use variables")
        sha256 = hashlib.sha256(text.encode())
        key = sha256.digest() + bytes([is_trusted]) + (name or "").encode() + (b"" if name is None else b".")
        found = self._kept.get(key) or self._refused.get(key)
        if found is None:
            draft = self._drafted(text, name, sha256=sha256.hexdigest(), is_trusted=is_trusted)
            if on_new is not None:
                on_new(draft.tokens)
            if dear := _too_dear(draft.price, variables, text_sha256=draft.text_sha256):
                return dear  # not kept: with other variables it may do
            found = draft.refused or self._made(draft, is_trusted=is_trusted)
            if isinstance(found, Operation):
                self._kept.put(key, found, weight=len(text))
            else:
                self._refused.put(key, found, weight=len(text))
        if isinstance(found, Operation):
            return _too_dear(found.price, variables, text_sha256=found.text_sha256) or found
        return found

    def _drafted(self, text: str, name: str | None, *, sha256: str, is_trusted: bool) -> _Draft:
        """Do what comes before validation, whose cost it bounds."""
        draft = _Draft(sha256, name, min(len(text) // 4, limits.MAX_TOKENS))
        try:
            document = parse(text) if is_trusted else _parsed(text)
            draft.tokens, draft.document = document.token_count, document
            if not is_trusted:
                limits.check_shape(document)
        except GraphQLError as error:
            aborted = error.message.endswith("Parsing aborted.")
            code = (Limit if aborted else ArgumentInvalid).code
            draft.refused = RefusedText(sha256, code, (_bare(error),))
        except DoorError as error:
            draft.refused = RefusedText(sha256, error.code, (GraphQLError(error.message),))
        else:
            draft.meant = _named(document, name)
            if len(draft.meant) == 1:
                draft.text = pricing.Text(document, draft.meant[0], self._schema.costs)
                draft.price = pricing.price(draft.text)
        return draft

    def _made(self, draft: _Draft, *, is_trusted: bool) -> Operation | RefusedText:
        document, sha256 = draft.document, draft.text_sha256
        errors = [] if is_trusted else self._errors(document)
        if errors:
            return RefusedText(sha256, ArgumentInvalid.code, tuple(_bare(error) for error in errors))
        if draft.text is None:
            problem = (
                "`operationName` must say which"
                if draft.meant
                else "the text holds no operation of this name"
            )
            return RefusedText(sha256, ArgumentInvalid.code, (GraphQLError(problem),))
        definition = draft.meant[0]
        writes = definition.operation is OperationType.MUTATION
        roots = list(_root_names(document, definition))
        names = set(roots)
        return Operation(
            document,
            draft.name,
            sha256,
            writes,
            self._locks(names) if writes else (),
            all(name.startswith("__") for name in names),
            len(roots) == 1,
            draft.price,
            contents.contents(draft.text),
            Shapes(document),
        )

    def _errors(self, document: DocumentNode) -> Sequence[GraphQLError]:
        return validate(
            self._schema.core, document, self._rules, limits.MAX_ERRORS, hide_suggestions=self._production
        )

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


def _too_dear(price: Price, variables: Mapping[str, Any] | None, *, text_sha256: str) -> RefusedText | None:
    points = price.of(variables)
    if points <= limits.MAX_COST:
        return None
    problem = (
        f"the operation costs {points} points, and at most {limits.MAX_COST} are accepted: "
        "ask for smaller pages, or for less at a time"
    )
    return RefusedText(text_sha256, Limit.code, (GraphQLError(problem),))


def _named(document: DocumentNode, name: str | None) -> Sequence[OperationDefinitionNode]:
    return [
        definition
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
        and name in (None, definition.name and definition.name.value)
    ]


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
