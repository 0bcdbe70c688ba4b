"""What operations cost before they run, and what their answers are worth."""

from __future__ import annotations

import pytest
import strawberry
from graphql import parse
from hypothesis import given
from hypothesis import strategies as st

from dms.base.errors import Limit
from dms.graphql import pricing
from dms.graphql.context import OPEN, query_field
from dms.graphql.costs import SIZES, Cost, Shape
from dms.graphql.operations import Operation, Operations, RefusedText
from dms.graphql.prices import PRICES
from dms.graphql.schema import build_schema, print_sdl, whole_schema
from dms.rules.accessevents import Op
from tests.examples import costly

SCHEMA = whole_schema()
OPERATIONS = Operations(SCHEMA, production=False, introspection=True)

PAGE = """query ($first: Int) { documents(first: $first) { edges { cursor node {
  id revision referenceCode title dates state firstDay lastDay updatedAt
  aggregation { id title } recordClass { id title } currentVersion { id sizeBytes }
} } } }"""


def price(text, variables=None, *, schema=SCHEMA):
    """The cost of a text that need not be valid."""
    document = parse(text)
    return pricing.price(pricing.Text(document, document.definitions[0], schema.costs)).of(variables)


def worth(text, data, variables=None):
    """What an answer to a valid text is worth."""
    operation = OPERATIONS.prepare(text, None, variables=variables)
    assert isinstance(operation, Operation), operation
    return operation.points_of(data, variables)


def test_page_of_fifty_with_three_links_costs_251():
    assert price(PAGE, {"first": 50}) == 251
    assert isinstance(OPERATIONS.prepare(PAGE, None, variables={"first": 50}), Operation)


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("{ __typename }", 0),
        ("{ serverInfo { name version } }", 1),
        ("{ serverInfo { limits { depth } } }", 2),
        ("{ documents(first: 10) { nodes { id title } } }", 11),
        ("{ documents(last: 10) { edges { node { id } } } }", 21),
        ("{ documents(first: 10) { pageInfo { hasNextPage } } }", 2),
        ("{ documents(first: 1) { totalCount } }", 11),
        ("{ documents(first: 1, totalUpTo: 1) { totalCount } }", 6),
        ("{ documents(first: 1, totalUpTo: 100000) { totalCount } }", 506),
        ("{ documents(first: 10) { nodes { versions(first: 5) { nodes { id } } } } }", 71),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', 3),
        ('{ nodes(ids: ["a", "b"]) { ... on Document { aggregation { id } } } }', 4),
        ("{ a: viewer { account { id } } b: viewer { account { id } } }", 4),
        ("{ whoCanSee(first: 2) { nodes { principal { id } } } }", 504),
        ("{ accessFindings(first: 2) { totalCount nodes { kind } } }", 3_000 + 3_000 + 2),
        ("{ __schema { types { name } } }", 2_000),
        ("mutation { documentDeclare(input: {}) { document { id } errors { message } } }", 12),
        ("mutation { accessChangePropose(input: {changes: [{}, {}, {}]}) { errors { code } } }", 29),
        ("{ nothing }", 0),
        ("{ nothing { more { else } } }", 2),
        ("{ documents(first: 10) { nodes { nothing { more } } } }", 21),
        ("{ ...Gone }", 0),
        ("{ ... on Gone { a { b } } }", 1),
    ],
)
def test_cost_of_what_is_asked(text, points):
    assert price(text) == points


@pytest.mark.parametrize(
    ("first", "points"),
    [(1, 2), (50, 51), (100, 101), (101, 101), (2**31, 101), (0, 2), (-5, 2), (None, 1), ("9", 2), (True, 2)],
)
def test_size_in_a_variable_counts_as_far_as_a_page_goes(first, points):
    assert price("query ($n: Int) { documents(first: $n) { nodes { id } } }", {"n": first}) == points


def test_larger_of_two_sizes_counts():
    text = "query ($a: Int, $b: Int) { documents(first: $a, last: $b) { nodes { id } } }"

    assert [price(text, {"a": a, "b": b}) for a, b in ((3, 7), (7, 3), (None, 7))] == [8, 8, 8]


def test_default_of_a_variable_counts_where_nothing_is_said():
    text = "query ($n: Int = 20) { documents(first: $n) { nodes { id } } }"

    assert [price(text, given) for given in (None, {}, {"n": 5})] == [21, 21, 6]


def test_ids_in_a_variable_count_by_their_number():
    text = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"

    assert [price(text, {"ids": given}) for given in ([], ["a"], ["a"] * 100, "a")] == [0, 1, 100, 1]


def test_changes_in_a_variable_count_by_their_number():
    text = "mutation ($i: X!) { accessChangePropose(input: $i) { errors { code } } }"
    inner = "mutation ($c: [X!]!) { accessChangePropose(input: {changes: $c}) { errors { code } } }"

    assert price(text, {"i": {"changes": [{}] * 7}}) == 65
    assert price(inner, {"c": [{}] * 7}) == 65
    assert price(text, {"i": "no object"}) == 11


@pytest.mark.parametrize(
    ("directive", "given", "points"),
    [
        ("@include(if: $x)", {"x": True}, 51),
        ("@include(if: $x)", {"x": False}, 1),
        ("@include(if: $x)", {"x": "no"}, 51),
        ("@include(if: $x)", {}, 51),
        ("@skip(if: $x)", {"x": True}, 1),
        ("@skip(if: $x)", {"x": None}, 51),
        ("@include(if: false)", {}, 1),
        ("@skip(if: true) @include(if: true)", {}, 1),
        ("@include", {}, 51),
        ("@skip(unless: true)", {}, 51),
        ("@hide(if: true)", {}, 51),
    ],
)
def test_only_what_is_surely_left_out_costs_nothing(directive, given, points):
    for part in (
        f"nodes {directive} {{ id }}",
        f"... {directive} {{ nodes {{ id }} }}",
        f"...F {directive}",
    ):
        text = f"query ($x: Boolean) {{ documents(first: 50) {{ {part} }} }}"
        assert price(text + " fragment F on DocumentConnection { nodes { id } }", given) == points


def test_fragment_counts_wherever_it_is_spread():
    text = """{ a: documents(first: 10) { ...C } b: documents(first: 20) { ...C } }
    fragment C on DocumentConnection { nodes { ...D } } fragment D on Document { aggregation { id } }"""

    assert price(text) == (1 + 20) + (1 + 40)


def test_doubled_fragments_are_priced_once_each():
    parts = [f"fragment F{i} on Viewer {{ ...F{i + 1} a: duties ...F{i + 1} }}" for i in range(40)]
    text = "{ viewer { ...F0 } } " + " ".join(parts) + " fragment F40 on Viewer { account { id } }"
    document = parse(text)
    found = pricing.price(pricing.Text(document, document.definitions[0], SCHEMA.costs))

    assert (found.of(None), found.sums) == (2**40 + 1, ())


def test_too_dear_is_refused_before_it_is_validated():
    text = "query ($n: Int) { documents(first: $n) { nodes { versions(first: 100) { nodes { nothing } } } } }"

    refused = OPERATIONS.prepare(text, None, variables={"n": 100})

    problem = (
        "the operation costs 10201 points, and at most 10000 are accepted: "
        "ask for smaller pages, or for less at a time"
    )
    assert isinstance(refused, RefusedText)
    assert (refused.code, [error.message for error in refused.errors]) == (Limit.code, [problem])
    assert OPERATIONS.prepare(text, None, variables={"n": 1}).code == "ARGUMENT_INVALID"


def test_too_dear_with_these_variables_is_no_judgement_of_the_text():
    text = "query ($n: Int) { documents(first: $n) { nodes { versions(first: 100) { nodes { id } } } } }"
    found = [OPERATIONS.prepare(text, None, variables={"n": n}) for n in (100, 98, 100)]

    assert [isinstance(each, Operation) for each in found] == [False, True, False]


LINKED = """{ documents(first: 50) {
  edges { node { id aggregation { id } recordClass { id } } } pageInfo { endCursor } } }"""


def test_answer_is_worth_the_objects_that_it_holds():
    node = {"id": "x", "aggregation": {"id": "y"}, "recordClass": None}
    data = {"documents": {"edges": [{"node": node}] * 3, "pageInfo": {"endCursor": None}}}

    # The connection, its page information, and three times the line, the node and one link.
    assert worth(LINKED, data) == 2 + 3 * 3


@pytest.mark.parametrize(
    ("data", "points"),
    [
        ({"documents": None}, 0),
        ({"documents": {"edges": [], "pageInfo": {"endCursor": None}}}, 2),
        ({}, 0),
    ],
)
def test_answer_that_holds_nothing_is_worth_nothing(data, points):
    assert worth(LINKED, data) == points


def test_work_that_was_done_is_not_given_back():
    text = '{ whoCanSee(nodeId: "x", action: DISCOVER, first: 10) { totalCount nodes { principal { id } } } }'

    assert worth(text, {"whoCanSee": {"totalCount": 0, "nodes": []}}) == 500 + 10
    assert worth(text, {"whoCanSee": None}) == 499


def test_fields_that_merge_are_counted_once():
    text = """{ viewer { account { id } ...A ...B } }
    fragment A on Viewer { account { name } } fragment B on Viewer { account { id } more: account { id } }"""
    data = {"viewer": {"account": {"id": "x", "name": "y"}, "more": {"id": "x"}}}

    assert (price(text), worth(text, data)) == (5, 3)


def test_objects_of_any_type_are_counted():
    text = """{ nodes(ids: ["a", "b", "c"]) {
      ... on Document { link: aggregation { id } } ... on Aggregation { parent { id } } } }"""
    data = {"nodes": [{"link": {"id": "x"}}, {"parent": {"id": "x"}}, None]}

    assert worth(text, data) == 4


def test_what_is_encoded_already_is_not_given_back():
    assert worth(LINKED, {"documents": {"edges": [b"{}"], "pageInfo": {}}}) == price(LINKED)


def test_every_root_field_and_every_list_has_a_price_and_no_price_is_stale():
    known = {f"{kind}.{name}" for kind, fields in SCHEMA.costs.items() for name in fields}
    roots = {f"{kind}.{name}" for kind in ("Query", "Mutation") for name in SCHEMA.costs[kind]}

    assert set(PRICES) - known == set()
    assert {name for name in roots if "__" not in name} - set(PRICES) == set()


def test_every_mutation_costs_ten_at_least():
    assert {name for name, cost in SCHEMA.costs["Mutation"].items() if cost.work + 1 < 10} == set()


def test_every_connection_is_sized_by_its_page():
    sizes = {
        cost.sized_by
        for fields in SCHEMA.costs.values()
        for cost in fields.values()
        if cost.shape is Shape.CONNECTION
    }

    assert sizes == {tuple((name,) for name in SIZES)}


@strawberry.type
class Free:
    @query_field(op=Op.SERVER_READ, needs=OPEN, description="All of it.")
    def leak(self) -> str | None:
        return "all of it"


@strawberry.type(description="A thing.")
class Chain:
    @strawberry.field(description="More of them.")
    def links(self) -> list[Chain]:
        return []


@strawberry.type
class Chains:
    @query_field(op=Op.SERVER_READ, needs=OPEN, description="All of it.")
    def chain(self) -> Chain | None:
        return Chain()


@pytest.mark.parametrize(
    ("room", "prices", "place"),
    [(Free, {}, "Query.leak"), (Chains, {"Query.chain": Cost(1)}, "Chain.links")],
)
def test_what_has_no_price_does_not_start(room, prices, place):
    with pytest.raises(
        TypeError, match=f"the field `{place}` needs a cost: name it in dms/graphql/prices.py"
    ):
        build_schema((room,), mutations=(), prices=prices)


def test_sdl_shows_what_fields_cost():
    sdl = print_sdl()

    assert "directive @cost(items: Int, sizedBy: [String!], weight: Int!) on FIELD_DEFINITION" in sdl
    assert '): DocumentConnection @cost(sizedBy: ["first", "last"], weight: 1)' in sdl
    assert "  ancestors: [Aggregation!]! @cost(items: 4, weight: 0)" in sdl
    assert '  ): [Node] @cost(sizedBy: ["ids"], weight: 0)' in sdl


LEAVES = ("title", "id", "a: state", "nothing")
LINKS = ("aggregation", "recordClass", "b: currentVersion", "unknown")
NAMES = ("F0", "F1", "F2", "F3")


def selections(depth):
    """Selections of a Document as trees, with fragments by name."""
    leaf = st.sampled_from(LEAVES).map(lambda name: (name, None))
    spread = st.sampled_from(NAMES).map(lambda name: ("..." + name, None))
    if depth == 0:
        return st.lists(st.one_of(leaf, spread), min_size=1, max_size=3)
    below = selections(depth - 1)
    link = st.tuples(st.sampled_from((*LINKS, "...")), below)
    paged = st.tuples(st.sampled_from(("versions(first: $n)", "versions(last: 3)")), below)
    return st.lists(st.one_of(leaf, spread, link, paged), min_size=1, max_size=3)


def written(tree, fragments, *, inline):
    """A selection set as text; with `inline`, each fragment is written out where it is spread."""
    parts = []
    for name, below in tree:
        if name[3:] in fragments and below is None:
            inside = fragments[name[3:]]
            parts.append(f"... {{ {written(inside, fragments, inline=True)} }}" if inline else name)
        elif below is None:
            parts.append(name if not name.startswith("...") else "__typename")
        elif name.startswith("versions"):
            parts.append(f"{name} {{ nodes {{ {written(below, fragments, inline=inline)} }} }}")
        else:
            parts.append(f"{name} {{ {written(below, fragments, inline=inline)} }}")
    return " ".join(parts)


@st.composite
def texts(draw):
    """A query with fragments that spread only later ones, and the same with all of them written out."""
    trees = {name: draw(selections(1)) for name in NAMES}
    for at, name in enumerate(NAMES):
        later = {f"...{other}" for other in NAMES[at + 1 :]}
        trees[name] = _only(trees[name], later)
    root = draw(selections(2))
    return root, trees


def _only(tree, spreads):
    return [
        (name if not name.startswith("...F") or name in spreads else "title", below and _only(below, spreads))
        for name, below in tree
    ]


def query(root, trees, *, inline=False):
    head = "query ($n: Int) { documents(first: $n) { nodes { "
    text = head + written(root, trees, inline=inline) + " } } } "
    if not inline:
        for name, tree in trees.items():
            text += f"fragment {name} on Document {{ {written(tree, trees, inline=False)} }} "
    # Under a field of another type a fragment is priced by its own all the same.
    return text.replace("... {", "... on Document {")


SIZE = st.integers(0, 120)


@given(texts(), SIZE)
@costly
def test_cost_with_fragments_is_that_of_the_text_written_out(made, n):
    root, trees = made

    assert price(query(root, trees), {"n": n}) == price(query(root, trees, inline=True), {"n": n})


@given(texts(), SIZE, st.sampled_from([*LEAVES, "aggregation { id }", "versions(first: 2) { totalCount }"]))
@costly
def test_one_field_more_never_costs_less(made, n, more):
    root, trees = made

    assert price(query([*root, (more, None)], trees), {"n": n}) >= price(query(root, trees), {"n": n})


JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from("nxids"), JSON_VALUES), JSON_VALUES)
@costly
def test_no_variable_makes_the_cost_fail(given_variables, value):
    text = """query ($n: Int, $x: Boolean, $i: [ID!], $d: X) {
      documents(first: $n, totalUpTo: $s) { totalCount nodes @skip(if: $x) { id } } nodes(ids: $i) { id } }"""

    assert price(text, given_variables) >= 0
    changes = "mutation ($i: X!) { accessChangePropose(input: $i) { errors { code } } }"
    assert price(changes, {"i": value}) >= 11
