"""Look-ahead over fragments, aliases and conditions."""

import pytest
from graphql import FragmentDefinitionNode, parse

from dms.graphql.selection import Selected, wants


def selected(text, **variables):
    document = parse(text)
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    return Selected(document.definitions[0].selection_set.selections, fragments, variables)


PLAIN = "{ list { nodes { id aggregation { title } } } }"


@pytest.mark.parametrize("path", ["nodes", "nodes.id", "nodes.aggregation", "nodes.aggregation.title"])
def test_selected_path_is_wanted(path):
    assert wants(selected(PLAIN), path)


@pytest.mark.parametrize(
    "path", ["edges", "id", "nodes.title", "nodes.aggregation.id", "nodes.id.more", "list"]
)
def test_path_that_is_not_selected_is_not_wanted(path):
    assert not wants(selected(PLAIN), path)


@pytest.mark.parametrize(
    "text",
    [
        "{ list { n: nodes { a: aggregation { id } } } }",
        "{ list { ... { nodes { ... on Document { aggregation { id } } } } } }",
        "{ list { ...P } } fragment P on L { nodes { ...N } } fragment N on D { aggregation { id } }",
        "{ list { nodes { id } nodes { aggregation { id } } } }",
        "{ list { nodes @include(if: true) { aggregation @skip(if: false) { id } } } }",
        "{ list { nodes @include(if: $on) { aggregation @skip(if: $off) { id } } } }",
        "{ list { nodes { ...A @include(if: $off) ...A } } } fragment A on D { aggregation { id } }",
    ],
)
def test_aliases_fragments_and_conditions_are_seen_through(text):
    assert wants(selected(text, on=True, off=False), "nodes.aggregation")


@pytest.mark.parametrize(
    "text",
    [
        "{ list { nodes @include(if: false) { aggregation { id } } } }",
        "{ list { nodes { aggregation @skip(if: true) { id } } } }",
        "{ list { nodes @include(if: $off) { aggregation { id } } } }",
        "{ list { nodes { ... @skip(if: $on) { aggregation { id } } } } }",
        "{ list { nodes { ...A @skip(if: $on) } } } fragment A on D { aggregation { id } }",
        "{ list { nodes @include(if: true) @skip(if: true) { aggregation { id } } } }",
    ],
)
def test_what_a_condition_leaves_out_is_not_wanted(text):
    assert not wants(selected(text, on=True, off=False), "nodes.aggregation")


def test_condition_of_an_unset_variable_asks_for_more():
    assert wants(selected("{ list { nodes @include(if: $x) { id } } }"), "nodes.id")


def test_doubled_fragments_are_walked_once():
    names = range(40)
    text = (
        "{ list { ...F0 } } "
        + " ".join(f"fragment F{i} on L {{ ...F{i + 1} a ...F{i + 1} }}" for i in names)
        + " fragment F40 on L { id }"
    )

    assert not wants(selected(text), "nodes")
