"""Texts are parsed and validated once, and the cache of them is bounded."""

import hashlib

import pytest

from dms.base.errors import Limit
from dms.graphql import operations
from dms.graphql.operations import Operation, Operations, RefusedText
from tests.graphql.conftest import probe_schema


@pytest.fixture(scope="module")
def schema():
    return probe_schema()


@pytest.fixture
def prepared(schema):
    return Operations(schema, production=False, introspection=True)


def test_text_is_prepared_once(prepared):
    assert prepared.prepare("{ echo }", None) is prepared.prepare("{ echo }", None)


def test_refused_text_is_judged_once(prepared):
    first = prepared.prepare("{ nothing }", None)

    assert isinstance(first, RefusedText)
    assert prepared.prepare("{ nothing }", None) is first


def test_operation_names_of_one_text_are_kept_apart(prepared):
    text = "query A { echo } mutation B { compartmentOffice { code } }"

    assert [prepared.prepare(text, name).writes for name in ("A", "B")] == [False, True]
    assert isinstance(prepared.prepare(text, None), RefusedText)


def test_operation_carries_the_digest_of_its_text(prepared):
    assert prepared.prepare("{ echo }", None).text_sha256 == hashlib.sha256(b"{ echo }").hexdigest()


def test_mutation_names_the_locks_of_its_root_fields_through_fragments(prepared):
    text = """mutation { ...F compartmentOffice { code } }
    fragment F on Mutation { ... { a: compartmentTouch(code: "x") { code } } }"""

    assert prepared.prepare(text, None).locks == ("policy_head",)
    assert prepared.prepare("mutation { compartmentOffice { code } }", None).locks == ()
    assert prepared.prepare("{ echo }", None).locks == ()


def test_text_used_longest_ago_is_dropped_first(schema, monkeypatch):
    monkeypatch.setattr(operations, "_KEPT", 2)
    small = Operations(schema, production=False, introspection=True)
    first, second = small.prepare("{ echo }", None), small.prepare("{ a: echo }", None)
    small.prepare("{ echo }", None)
    small.prepare("{ b: echo }", None)

    assert small.prepare("{ echo }", None) is first
    assert small.prepare("{ a: echo }", None) is not second


def test_long_texts_are_dropped_by_their_length(schema, monkeypatch):
    monkeypatch.setattr(operations, "_KEPT_CHARACTERS", 1_000)
    small = Operations(schema, production=False, introspection=True)
    first = small.prepare("{ echo }" + " " * 600, None)
    small.prepare("{ echo } " + " " * 600, None)

    assert small.prepare("{ echo }" + " " * 600, None) is not first


def test_text_beyond_the_limit_is_not_even_hashed(prepared):
    with pytest.raises(Limit, match="the text is longer than 32768 characters: use variables"):
        prepared.prepare(" " * 32_769, None)


NINES = "9" * 5_000
NESTED = "[" * 190 + "]" * 190


@pytest.mark.parametrize(
    "text",
    [
        f"{{ echo(words: {NINES}) }}",
        f"{{ numbers(first: {NINES}) {{ totalCount }} }}",
        f'{{ scalars(at: {NINES}, big: 1, digest: "") }}',
        f'{{ scalars(at: "", big: 1, digest: {NINES}) }}',
        f"{{ ends(how: {NINES}) }}",
        f"{{ line(by: {{number: {NINES}}}) {{ number }} }}",
        f"query ($x: Int = {NINES}) {{ numbers(first: $x) {{ totalCount }} }}",
        f"{{ asked(id: 1.{NINES}) }}",
        f'{{ scalars(at: "", big: 1e{NINES}, digest: "") }}',
        f"{{ echo(words: {NESTED}) }}",
        f'{{ scalars(at: {NESTED}, big: 1, digest: "") }}',
        "{ line(by: " + "{code: " * 190 + "1" + "}" * 190 + ") { number } }",
        "query ($x: " + "[" * 190 + "Int" + "]" * 190 + ") { echo }",
        '{ echo(words: "\\ud800") }',
        '{ echo(words: "\\udfff\\ud800") }',
    ],
)
def test_value_that_no_type_holds_is_refused_and_breaks_nothing(prepared, text):
    refused = prepared.prepare(text, None)

    assert isinstance(refused, RefusedText)
    assert refused.code == "ARGUMENT_INVALID"


def test_document_is_not_kept_alive_by_its_errors(prepared):
    refused = prepared.prepare("{ nothing }", None)

    assert [(error.nodes, error.__traceback__) for error in refused.errors] == [(None, None)]
    assert [(at.line, at.column) for at in refused.errors[0].locations] == [(1, 3)]


def test_valid_text_is_an_operation(prepared):
    assert isinstance(prepared.prepare('{ echo(words: "\\ud83d\\ude00") }', None), Operation)
