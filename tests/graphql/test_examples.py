"""The example operations: each is run by somebody who may, and together they ask for every root field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
    get_nullable_type,
    parse,
    validate,
)

from dms.graphql.schema import whole_schema
from dms.web import querypage
from tests.conftest import opened_house
from tests.factories import World
from tests.graphql.front import opened_front
from tests.graphql.minimal import Minimal
from tests.graphql.test_permissions import COLUMNS, Scene, rows
from tests.graphql.things import Things

FOLDER = Path(__file__).resolve().parents[2] / "schema" / "operations"
PATHS = sorted(FOLDER.glob("*/*.graphql"))
SCHEMA = whole_schema()

Place = tuple[tuple[str, ...], Any]
"""A path in the arguments of a root field, and the type that stands there."""


@cache
def document(path: Path) -> DocumentNode:
    return parse(path.read_text(encoding="utf-8"))


def operation(path: Path) -> OperationDefinitionNode:
    (found,) = [each for each in document(path).definitions if isinstance(each, OperationDefinitionNode)]
    return found


def roots(path: Path) -> list[FieldNode]:
    return list(operation(path).selection_set.selections)


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def places(root: FieldNode) -> Iterator[tuple[str, Place]]:
    """Where the variables of a root field stand."""
    known = {**SCHEMA.core.query_type.fields, **SCHEMA.core.mutation_type.fields}[root.name.value].args
    for argument in root.arguments or ():
        at = (root.name.value, argument.name.value)
        yield from places_in(argument.value, at, known[argument.name.value].type)


def places_in(value: ValueNode, path: tuple[str, ...], kind: Any) -> Iterator[tuple[str, Place]]:
    match value:
        case VariableNode():
            yield value.name.value, (path, kind)
        case ObjectValueNode():
            for each in value.fields:
                below = get_nullable_type(kind).fields[each.name.value].type
                yield from places_in(each.value, (*path, each.name.value), below)
        case ListValueNode():
            for each in value.values:
                yield from places_in(each, path, get_nullable_type(kind).of_type)


def given_at(arguments: dict[str, Any], path: tuple[str, ...]) -> Any:
    for word in path:
        arguments = (arguments or {}).get(word)
    return arguments


def variables(scene: Scene, path: Path, column: str) -> dict[str, Any]:
    """A value for each variable that needs one, as its root fields' smallest operations have them."""
    minimal = Minimal(SCHEMA.core, scene.things.make, depth=1)
    needed = {
        each.variable.name.value
        for each in operation(path).variable_definitions or ()
        if each.type.kind == "non_null_type" and each.default_value is None
    }
    made = {}
    for root in roots(path):
        name = root.name.value
        arguments = minimal.arguments(name, scene.things.case(name, scene.people[column]) or {})
        for variable, ((_, *below), kind) in places(root):
            value = given_at(arguments, tuple(below))
            if value is None and variable in needed:
                value = minimal.value(kind, (name, *below))
            if value is not None:
                made[variable] = value
    return made


def whoever_may(path: Path) -> str:
    """Who is answered most of its root fields, and refused none, in the table of permissions."""
    table = rows()
    words = {column: [table[root.name.value][column] for root in roots(path)] for column in COLUMNS}
    able = [column for column in COLUMNS if set(words[column]) <= {"yes", "empty"}]
    return max(able, key=lambda column: words[column].count("yes"))


@pytest.fixture(scope="module")
def scene(installation):
    # On SQLite alone: `test_permissions.py` asks each root field on both.
    with installation("sqlite") as settings, opened_house(settings) as house, opened_front(house) as front:
        made = Scene(front, Things(front, World(house)))
        made.fill()
        yield made


@pytest.mark.parametrize("path", PATHS, ids=name_of)
def test_example_is_answered_to_whoever_may(scene, path):
    column = whoever_may(path)

    text = path.read_text(encoding="utf-8")
    data = scene.front.ask(scene.tokens[column], text, variables(scene, path, column)).data

    assert [name for name, value in data.items() if value is None] == []
    assert [
        error for value in data.values() if isinstance(value, dict) for error in value.get("errors", ())
    ] == []


@pytest.mark.parametrize("path", PATHS, ids=name_of)
def test_example_fits_the_schema_and_says_on_top_what_it_is_for(path):
    assert validate(SCHEMA.core, document(path)) == []
    assert path.read_text(encoding="utf-8").startswith("# ")


def test_every_root_field_is_asked_for_by_an_example():
    asked = {root.name.value for path in PATHS for root in roots(path)}

    assert sorted({*SCHEMA.query_rules, *SCHEMA.mutation_rules} - asked) == []


def test_no_two_examples_share_a_name():
    # Compilers read the folder as one set.
    named = [
        each.name.value
        for path in PATHS
        for each in document(path).definitions
        if isinstance(each, OperationDefinitionNode | FragmentDefinitionNode)
    ]

    assert [name for name, count in Counter(named).items() if count > 1] == []


def test_query_page_offers_every_example_in_its_group():
    offered = querypage.operations()

    assert [f"{each['group']}/{each['name']}" for each in offered] == [name_of(path) for path in PATHS]
    groups = {each["group"] for each in offered}
    assert groups == {"administrator", "auditor", "documents", "officer", "records"}
    assert [each["name"] for each in offered if not each["about"]] == []
