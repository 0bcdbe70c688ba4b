"""The smallest valid operation of every root field, made from the schema: rooms that are new are in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

from dms.base.ids import Kind

THINGS = (Kind.DOCUMENT, Kind.AGGREGATION, Kind.VERSION)

HIDDEN = (Kind.SECURITY_CHANGE, Kind.ACCESS_ENTRY, Kind.ACCESS_REVIEW, Kind.ACCESS_REVIEW_LINE, Kind.SESSION)

ANY = {("node", "id"), ("nodes", "ids")}
"""Where a thing of any kind may be named."""

NOUNS: dict[str, Kind | tuple[Kind, ...]] = {
    "accessEntry": Kind.ACCESS_ENTRY,
    "accessChange": Kind.ACCESS_PROPOSAL,
    "accessEvent": Kind.ACCESS_EVENT,
    "accessReview": Kind.ACCESS_REVIEW,
    "aggregation": Kind.AGGREGATION,
    "clearance": Kind.CLEARANCE,
    "class": Kind.RECORD_CLASS,
    "classAssignRun": Kind.CLASS_ASSIGN_RUN,
    "classRule": Kind.CLASS_RULE,
    "ofClass": Kind.RECORD_CLASS,
    "compartment": Kind.COMPARTMENT,
    "disposalBatch": Kind.DISPOSAL_BATCH,
    "disposalCertificate": Kind.DISPOSAL_BATCH,
    "disposalItems": Kind.DISPOSAL_BATCH,
    "document": Kind.DOCUMENT,
    "custodian": Kind.USER,
    "group": Kind.GROUP,
    "hold": Kind.HOLD,
    "holdAcknowledge": Kind.HOLD_NOTICE,
    "node": THINGS,
    "job": Kind.JOB,
    "line": Kind.ACCESS_REVIEW_LINE,
    "logAlert": Kind.LOG_ALERT,
    "logAlertReview": Kind.LOG_ALERT_HIT,
    "logExport": Kind.LOG_EXPORT,
    "object": THINGS,
    "of": Kind.AGGREGATION,
    "parent": Kind.AGGREGATION,
    "place": Kind.AGGREGATION,
    "principal": Kind.USER,
    "member": Kind.USER,
    "actor": Kind.USER,
    "recordClass": Kind.RECORD_CLASS,
    "retentionSchedule": Kind.RETENTION_SCHEDULE,
    "rule": Kind.RETENTION_RULE,
    "ruleEntry": Kind.RULE_ENTRY,
    "schedule": Kind.RETENTION_SCHEDULE,
    "scheduleEdition": Kind.SCHEDULE_EDITION,
    "schemeEdition": Kind.SCHEME_EDITION,
    "edition": Kind.SCHEME_EDITION,
    "before": Kind.SCHEME_EDITION,
    "after": Kind.SCHEME_EDITION,
    "concept": Kind.CONCEPT,
    "broader": Kind.CONCEPT,
    "related": Kind.CONCEPT,
    "replacedBy": Kind.CONCEPT,
    "into": Kind.CONCEPT,
    "thesaurus": Kind.THESAURUS,
    "crossReference": Kind.CROSS_REFERENCE,
    "source": Kind.DOCUMENT,
    "target": Kind.DOCUMENT,
    "register": Kind.REGISTER,
    "entry": Kind.REGISTER_ENTRY,
    "retentionAssignment": Kind.RETENTION_ASSIGNMENT,
    "indexTerm": Kind.INDEX_TERM,
    "relativeIndexEntry": Kind.RELATIVE_INDEX_ENTRY,
    "role": Kind.ROLE,
    "savedQuery": Kind.SAVED_QUERY,
    "savedQueryRun": Kind.SAVED_QUERY,
    "searchList": Kind.SEARCH_LIST,
    "scheme": Kind.SCHEME,
    "securityChange": Kind.SECURITY_CHANGE,
    "securityLevel": Kind.SECURITY_LEVEL,
    "session": Kind.SESSION,
    "triggerEvent": Kind.TRIGGER_EVENT,
    "evidence": Kind.DOCUMENT,
    "user": Kind.USER,
    "version": Kind.VERSION,
}
"""What kinds of things a word of the schema names."""

OF_SCHEDULES = ("ruleEntr", "scheduleEdition")
"""How root fields begin whose editions are those of a schedule."""

BETWEEN = {"id", "ids", "by", "input", "filter", "eq", "in", "below", "orderBy"}
"""Words that name nothing themselves."""

EXAMPLES = {
    "Int": 1,
    "Boolean": False,
    "String": "some text",
    "DateTime": "2031-05-04T10:00:00Z",
    "Date": "2031-05-04",
    "BigInt": 1,
    "Digest": "0" * 64,
    "MediaType": "text/plain",
}

Ids = Callable[[Kind], str]
Path = tuple[str, ...]


@dataclass(frozen=True)
class Operation:
    """A text with its variables, as a caller sends them."""

    name: str
    text: str
    variables: Mapping[str, Any]


@dataclass(frozen=True)
class Slot:
    """A place in a root field's arguments where an id is named, such as `input.parentId`."""

    root: str
    path: Path
    kinds: tuple[Kind, ...]
    is_list: bool

    def __str__(self) -> str:
        return ".".join((self.root, *self.path))

    def filled(self, value: object) -> dict[str, Any]:
        """The arguments that name this id and say nothing else."""
        made: Any = [value] if self.is_list else value
        for part in reversed(self.path):
            made = {part: made}
        return made


@dataclass
class Minimal:
    """Makes operations for one schema; `ids` gives an id of a kind where one is required."""

    schema: GraphQLSchema
    ids: Ids
    depth: int = 2
    texts: Mapping[str, str] = field(default_factory=lambda: EXAMPLES)

    def roots(self) -> dict[str, GraphQLField]:
        """Every root field, queries first."""
        return {**self.schema.query_type.fields, **self.schema.mutation_type.fields}

    def is_mutation(self, name: str) -> bool:
        return name in self.schema.mutation_type.fields

    def operation(self, name: str, given: Mapping[str, Any] | None = None) -> Operation:
        """The operation with these arguments; whatever else it requires is made up."""
        root = self.roots()[name]
        values = self.arguments(name, given or {})
        declared = ", ".join(f"${key}: {root.args[key].type}" for key in values)
        passed = ", ".join(f"{key}: ${key}" for key in values)
        head = f"({declared})" if declared else ""
        call = f"{name}({passed})" if passed else name
        word = "mutation" if self.is_mutation(name) else "query"
        return Operation(name, f"{word} {head} {{ {call} {self.selection(root.type)} }}", values)

    def arguments(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        values = {}
        for key, argument in self.roots()[name].args.items():
            if key in given or is_required_argument(argument):
                values[key] = self.value(argument.type, (name, key), given.get(key))
            elif key == "first" and "last" not in given:
                values[key] = 10
        return values

    def value(self, kind, path: Path, given: Any = None) -> Any:
        bare = get_nullable_type(kind)
        if isinstance(bare, GraphQLList):
            return self.items(bare, path, given)
        if isinstance(bare, GraphQLInputObjectType):
            return self.input_object(bare, path, given or {})
        if given is not None:
            return given
        if bare.name == "ID":
            return self.ids(kinds_of(path)[0])
        if isinstance(bare, GraphQLEnumType):
            return next(iter(bare.values))
        return self.texts[bare.name]

    def items(self, kind: GraphQLList, path: Path, given: Any) -> list[Any]:
        """The items of a list; one that is given is filled up with what it requires."""
        if given is None:
            return [self.value(kind.of_type, path)]
        if not isinstance(get_nullable_type(kind.of_type), GraphQLInputObjectType):
            return given
        return [
            self.value(kind.of_type, path, each) for each in (given if isinstance(given, list) else [given])
        ]

    def input_object(self, kind: GraphQLInputObjectType, path: Path, given: Mapping[str, Any]) -> dict:
        if is_one_of(kind) and not given:
            first = next(iter(kind.fields))
            return {first: self.value(kind.fields[first].type, (*path, first))}
        return {
            key: self.value(each.type, (*path, key), given.get(key))
            for key, each in kind.fields.items()
            if key in given or is_required_input_field(each)
        }

    def selection(self, kind) -> str:
        named = get_named_type(kind)
        return "" if is_leaf_type(named) else f"{{ {' '.join(self.fields(named, self.depth))} }}"

    def fields(self, kind: GraphQLNamedType, depth: int) -> Iterator[str]:
        """All leaves of a type, and what is below it to this depth; a page costs no depth."""
        if isinstance(kind, GraphQLInterfaceType):
            yield from self.interface_fields(kind, depth)
            return
        for name, each in kind.fields.items():
            below = get_named_type(each.type)
            if name.lower().endswith("cursor") or name == "edges":
                continue  # sealed with random bytes: never the same twice
            call = f"{name}(first: 3)" if "first" in each.args else name
            if is_leaf_type(below):
                yield call
            elif kind.name.endswith(("Connection", "Payload")):
                yield f"{call} {{ {' '.join(self.fields(below, depth))} }}"
            elif depth > 0:
                yield f"{call} {{ {' '.join(self.fields(below, depth - 1))} }}"

    def interface_fields(self, kind: GraphQLInterfaceType, depth: int) -> Iterator[str]:
        yield "__typename"
        yield from (name for name, each in kind.fields.items() if is_leaf_type(get_named_type(each.type)))
        if kind.name == "UserError":
            return
        for possible in self.schema.get_possible_types(kind):
            # Aliases, since two types may give one name to values of two shapes.
            inner = [f"{possible.name}_{named(each)}: {each}" for each in self.fields(possible, depth - 1)]
            yield f"... on {possible.name} {{ {' '.join(inner)} }}"

    def slots(self) -> Iterator[Slot]:
        """Every place where a caller can name a thing by its id."""
        for place in self.places("ID"):
            yield replace(place, kinds=kinds_of((place.root, *place.path)))

    def places(self, type_name: str) -> Iterator[Slot]:
        """Every place in the arguments of root fields where a value of this type stands."""
        for name, root in self.roots().items():
            for key, argument in root.args.items():
                yield from places_below(argument.type, (name, key), type_name)


def places_below(kind, path: Path, type_name: str) -> Iterator[Slot]:
    named = get_named_type(kind)
    if named.name == type_name:
        yield Slot(path[0], path[1:], (), isinstance(get_nullable_type(kind), GraphQLList))
    elif isinstance(named, GraphQLInputObjectType) and path[-1] not in {"and", "or", "not"}:
        for key, each in named.fields.items():
            yield from places_below(each.type, (*path, key), type_name)


def named(call: str) -> str:
    """The name of a field as it is called."""
    return call.split(" ", 1)[0].split("(", 1)[0]


def kinds_of(path: Path) -> tuple[Kind, ...]:
    """What kinds of things an argument names: by its own words, else by those around it.

    A new word goes into `NOUNS`.
    """
    if path in ANY:
        return (*THINGS, *HIDDEN)
    for word in reversed(path):
        stem = word.removesuffix("Ids").removesuffix("Id")
        beginnings = [noun for noun in NOUNS if stem == noun or stem.startswith(noun)]
        if beginnings and stem not in BETWEEN:
            found = NOUNS[max(beginnings, key=len)]
            if found is Kind.SCHEME_EDITION and path[0].startswith(OF_SCHEDULES):
                found = Kind.SCHEDULE_EDITION
            return found if isinstance(found, tuple) else (found,)
    raise AssertionError(f"tests/graphql/minimal.py does not know what `{'.'.join(path)}` names")


def is_one_of(kind: GraphQLInputObjectType) -> bool:
    """Whether exactly one of its fields is given; Strawberry tells it in its own way."""
    return kind.is_one_of or kind.extensions["strawberry-definition"].is_one_of
