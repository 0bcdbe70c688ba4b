"""Compiled selection sets show what the stock executor shows: data, its order, errors and their paths."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from enum import Enum, StrEnum
from types import SimpleNamespace

import orjson
import pytest
import strawberry
from graphql import execute_sync, parse, validate
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from dms.graphql import compiling
from dms.graphql.compiling import CompiledContext, Shapes
from dms.graphql.context import Context, Door
from dms.graphql.schema import whole_schema
from dms.stores.cursor_keys import CursorKeys
from tests.examples import costly
from tests.factories import World, actor
from tests.graphql.front import opened_front
from tests.graphql.querydraws import Drawing, pages
from tests.graphql.things import Things


class Hue(Enum):
    RED = "r"
    BLUE = "b"


class Word(StrEnum):
    ONE = "one"


@strawberry.interface
class Named:
    name: str | None


@strawberry.type
class Leaf(Named):
    word: str
    number: int
    flag: bool
    part: float
    day: date | None
    hue: strawberry.enum(Hue) | None
    words: list[str]
    nested: list[list[int | None] | None] | None


@strawberry.type
class Branch(Named):
    leaf: Leaf
    leaves: list[Leaf | None]
    all_leaves: list[Leaf] | None
    named: Named | None
    branch: "Branch | None"  # noqa: UP037  it names itself

    @strawberry.field
    def made(self, times: int = 2) -> list[str] | None:
        """Resolved, with an argument."""
        if self.name == "fails":
            raise ValueError("it fails")
        return [self.name or "-"] * times

    @strawberry.field
    def below(self) -> Leaf:
        """Resolved, not null, with fields below."""
        return self.leaf

    @property
    def looked(self) -> str:
        return "seen"


@strawberry.type
class Query:
    @strawberry.field
    def branch(self, info: strawberry.Info) -> Branch | None:
        """The branch under test."""
        return info.context.branch

    @strawberry.field
    def branches(self, info: strawberry.Info) -> list[Branch] | None:
        """It twice."""
        return [info.context.branch] * 2


SCHEMA = strawberry.Schema(Query, types=[Leaf, Branch])._schema
ROOM = whole_schema()

ODD = st.sampled_from(
    [
        *(None, "text", "", Word.ONE, "r", "RED", b"x", Hue.RED, date(2031, 5, 4)),
        *(7, 2**31, -1, True, 1.5, float("nan"), object(), ValueError("a value")),
        *((), ("x",), {"x"}, {"k": 1}, [None], ["x", 5], [[1, None], None]),
    ]
)


def leaves(values):
    return st.builds(
        Leaf,
        name=st.sampled_from(["n", None]) | values,
        word=st.just("w") | values,
        number=st.just(1) | values,
        flag=st.just(True) | values,
        part=st.just(1.5) | values,
        day=st.sampled_from([None, date(2031, 5, 4)]) | values,
        hue=st.sampled_from([Hue.BLUE, None]) | values,
        words=st.just(["a", "b"]) | values,
        nested=st.just([[1, None], None]) | values,
    )


def branches(values, depth=2):
    leaf = leaves(values) | values
    return st.builds(
        Branch,
        name=st.sampled_from(["n", "fails", None]) | values,
        leaf=leaf,
        leaves=st.lists(leaf | st.none(), max_size=3) | values,
        all_leaves=st.lists(leaf, max_size=2) | st.none() | values,
        named=leaf | st.none() | values,
        branch=st.none() | values | (branches(values, depth - 1) if depth else st.none()),
    )


def shown(schema, document, context, *, yes, compiled):
    executor = CompiledContext if compiled else StrawberryGraphQLCoreExecutionContext
    result = execute_sync(
        schema, document, context_value=context, variable_values={"yes": yes}, executor_class=executor
    )
    data = orjson.dumps(result.data, default=repr)  # bytes, so that the order of keys counts
    errors = [
        (e.message, e.path, [(at.line, at.column) for at in e.locations or ()]) for e in result.errors or ()
    ]
    return data, sorted(errors, key=repr)


@given(st.data(), st.booleans())
@costly
def test_objects_that_break_their_types_show_as_the_stock_executor_shows_them(data, yes):
    drawing = Drawing(data.draw, SCHEMA, {("Branch", "made"): "(times: 1)"})
    document = parse(drawing.operation(["branch", "branches"]))
    assume(not validate(SCHEMA, document))
    branch = data.draw(branches(data.draw(st.sampled_from([ODD, st.nothing()]))))
    context = SimpleNamespace(branch=branch, shapes=Shapes(document))

    stock = shown(SCHEMA, document, context, yes=yes, compiled=False)

    for _ in range(3):  # first as by stock, then written, then from what is kept
        assert shown(SCHEMA, document, context, yes=yes, compiled=True) == stock


DEEP = 5_000
"""Examples of a property in the deep profile."""


@pytest.fixture(scope="module")
def stage(house):
    with opened_front(house) as front:
        things = Things(front, World(house))
        for _ in range(4):
            things.aggregation()
            things.document(title="minutes", authors="the clerk", dates="1999")
        things.version()
        yield SimpleNamespace(
            house=house, things=things, door=Door(house.settings, CursorKeys.open(house.settings.home), None)
        )


ROOTS = sorted(
    {name for (parent, name) in pages(ROOM.core) if parent == "Query"}
    | {"viewer", "serverInfo"} & set(ROOM.core.query_type.fields)
)


@given(data=st.data(), yes=st.booleans(), office=st.sampled_from(["clerk", "nobody"]))
@costly
def test_every_operation_of_the_api_shows_the_same(stage, data, yes, office, engine_kind):
    if engine_kind == "postgresql" and settings.default.max_examples < DEEP:
        pytest.skip("what is shown of rows is the same on both: `make deep` draws on both")
    document = parse(Drawing(data.draw, ROOM.core, pages(ROOM.core)).operation(ROOTS))
    assume(not validate(ROOM.core, document))
    who = stage.things.clerk if office == "clerk" else stage.things.world.user()
    shapes = Shapes(document)

    def both(work):
        stock, compiled = (
            ROOM.perform(
                Context(work, stage.door, document, kept), variables={"yes": yes}, operation_name=None
            )
            for kept in (None, shapes)
        )
        return stock, compiled

    stock, compiled = stage.house.works.read(actor(who), both)

    assert orjson.dumps(compiled.data) == orjson.dumps(stock.data)
    assert [(e.message, e.path) for e in compiled.errors or ()] == [
        (e.message, e.path) for e in stock.errors or ()
    ]


def plain_branch():
    leaf = Leaf(name="n", word="w", number=1, flag=True, part=1.5, day=None, hue=None, words=[], nested=None)
    return Branch(name="n", leaf=leaf, leaves=[], all_leaves=None, named=None, branch=None)


def test_what_is_compiled_is_not_executed_field_by_field():
    document = parse("query Drawn($yes: Boolean!) { branch { leaf { word @include(if: $yes) } made } }")
    seen = []

    class Counting(CompiledContext):
        def execute_field(self, parent_type, *rest):
            seen.append(parent_type.name)
            return super().execute_field(parent_type, *rest)

    context = SimpleNamespace(branch=plain_branch(), shapes=Shapes(document))
    shown(SCHEMA, document, context, yes=True, compiled=True)  # the first time nothing is written yet
    result = execute_sync(
        SCHEMA, document, context_value=context, variable_values={"yes": True}, executor_class=Counting
    )

    assert result.data == {"branch": {"leaf": {"word": "w"}, "made": ["n", "n"]}}
    assert seen == ["Query", "Branch"]  # the two with resolvers


def test_fields_written_for_one_text_are_bounded(monkeypatch):
    monkeypatch.setattr(compiling, "MOST_FIELDS", 2)
    document = parse("query Drawn($yes: Boolean!) { branch { name } branches { name made __typename } }")
    context = SimpleNamespace(branch=plain_branch(), shapes=Shapes(document))

    found = [shown(SCHEMA, document, context, yes=True, compiled=True) for _ in range(3)]

    assert found == [shown(SCHEMA, document, context, yes=True, compiled=False)] * 3
    assert [shape is None for shape in context.shapes._kept.values()] == [True]


def test_null_in_a_directive_is_told_as_the_stock_executor_tells_it():
    text = "query Drawn($yes: Boolean = true) { branch { name leaves { word @include(if: $yes) } } }"
    document = parse(text)
    context = SimpleNamespace(branch=plain_branch(), shapes=Shapes(document))

    found = [shown(SCHEMA, document, context, yes=None, compiled=True) for _ in range(3)]

    assert found == [shown(SCHEMA, document, context, yes=None, compiled=False)] * 3


@pytest.mark.parametrize("compiled", [True, False])
def test_setting_turns_it_off(house, monkeypatch, compiled):
    monkeypatch.setattr(Shapes, "of", lambda *_: 1 / 0)
    with opened_front(replace(house, settings=replace(house.settings, graphql_compiled=compiled))) as front:
        token = front.issue(World(house).user()).token

        assert (front.ask(token, "{ serverInfo { limits { depth } } }").status == 200) is not compiled
