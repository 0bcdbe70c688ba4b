"""What strangers with a token send: every one gets a clear refusal, cheaply."""

import contextlib
import json
import time

import pytest
from graphql import get_introspection_query

from dms.base.errors import Limit
from dms.graphql import limits
from dms.graphql.operations import Operation, Operations
from tests.graphql.conftest import JSON, probe_schema

CPU_S = 0.2


def body(text: str, **rest) -> bytes:
    return json.dumps({"query": text, **rest}).encode()


DOUBLED = (
    "{ line { ...F0 } } "
    + " ".join(
        f"fragment F{i} on NumberLine {{ a: number ...F{i + 1} b: number ...F{i + 1} }}" for i in range(15)
    )
    + " fragment F15 on NumberLine { number }"
)

TEXTS = {
    "deep braces": ("{a" * 600, "LIMIT"),
    "deep lists": ("{ echo(words: " + "[" * 900 + "]" * 900 + ") }", "LIMIT"),
    "deep fields": ("{ line { " + "n { " * 15 + "x" + "}" * 17, "LIMIT"),
    "many tokens": ("{ " + "echo " * 2_100 + "}", "LIMIT"),
    "many comments": ("#\n" * 21 + "{ echo }", "LIMIT"),
    "long text": ("{ echo }" + " " * limits.MAX_SOURCE, "LIMIT"),
    "long comment": ("#" + "x" * limits.MAX_SOURCE + "\n{ echo }", "LIMIT"),
    "one field 450 times": ("{ " + "line { number } " * 450 + "}", "LIMIT"),
    "one field 450 times in fragments": (
        "{ ...F0 } "
        + " ".join(f"fragment F{i} on Query {{ {'echo ' * 30} ...F{i + 1} }}" for i in range(15)),
        "LIMIT",
    ),
    "many root fields": ("{ " + " ".join(f"a{i}: echo" for i in range(21)) + " }", "LIMIT"),
    "root fields in fragments": (
        "{ ...F ...G } fragment F on Query { " + " ".join(f"a{i}: echo" for i in range(11)) + " }"
        " fragment G on Query { " + " ".join(f"b{i}: echo" for i in range(11)) + " }",
        "LIMIT",
    ),
    "many mutations": (
        "mutation { " + " ".join(f"a{i}: compartmentOffice {{ code }}" for i in range(11)) + " }",
        "LIMIT",
    ),
    "many fragments": (
        "{ echo } " + " ".join(f"fragment F{i} on Query {{ echo }}" for i in range(51)),
        "LIMIT",
    ),
    "many spreads": (
        "{ line { " + "...F " * 201 + "} } fragment F on NumberLine { number }",
        "LIMIT",
    ),
    "same nested fields 90 times": (
        "{ __schema { " + "types { fields { args { type { ofType { name } } } } } " * 90 + "} }",
        "LIMIT",
    ),
    "many directives at one place": ("{ echo " + "@aa" * 6 + " }", "LIMIT"),
    "many directives": ("{ " + "echo @skip(if: false) " * 51 + "}", "LIMIT"),
    "doubled fragments": (DOUBLED, "LIMIT"),
    "fragment circle": (
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        "ARGUMENT_INVALID",
    ),
    "fragment in itself": ("{ ...A } fragment A on Query { ...A }", "ARGUMENT_INVALID"),
    "unknown fragment": ("{ ...A }", "ARGUMENT_INVALID"),
    "subscription": ("subscription { echo }", "ARGUMENT_INVALID"),
    "type definition": ("type A { b: Int }", "ARGUMENT_INVALID"),
    "control characters": ("{ echo\u0000 }", "ARGUMENT_INVALID"),
    "5000-digit literal": ("{ scalars(at: 1, big: " + "9" * 5_000 + ', digest: "") }', "ARGUMENT_INVALID"),
    "fraction for a whole number": ("{ numbers(first: 1.0) { totalCount } }", "ARGUMENT_INVALID"),
    "unknown enum value": ("{ ends(how: WELLL) }", "ARGUMENT_INVALID"),
    "unknown names": ("{ " + " ".join(f"x{i}" for i in range(20)) + " }", "ARGUMENT_INVALID"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_text_is_refused_with_a_code(probe, name):
    text, code = TEXTS[name]

    reply = probe.ask(text, headers={**JSON, "accept": "application/graphql-response+json"})

    assert (reply.status, set(reply.codes)) == (400, {code})
    assert len(reply.body["errors"]) <= 11
    assert "data" not in reply.body


@pytest.fixture(scope="module")
def schema():
    return probe_schema()


def cost_s(schema, text: str) -> float:
    """The CPU seconds of preparing a text that is not in the cache; the best of three."""
    return min(_once_s(schema, text) for _ in range(3))


def _once_s(schema, text: str) -> float:
    operations = Operations(schema, production=False, introspection=True)
    started = time.process_time()
    with contextlib.suppress(Limit):
        operations.prepare(text, None)
    return time.process_time() - started


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_text_costs_little(schema, name):
    assert cost_s(schema, TEXTS[name][0]) < CPU_S


def test_dearest_text_within_the_limits_costs_little(schema):
    below = " ".join(f"a{j}: number" for j in range(20))
    text = "{ " + " ".join(f"k{i}: line {{ {below} }}" for i in range(19)) + " }"

    assert isinstance(Operations(schema, production=False, introspection=True).prepare(text, None), Operation)
    assert cost_s(schema, text) < CPU_S


def test_introspection_query_of_common_tools_is_within_the_limits(schema):
    operations = Operations(schema, production=False, introspection=True)

    prepared = operations.prepare(get_introspection_query(), None)

    assert isinstance(prepared, Operation)


BODIES = {
    "100,000 brackets": (b"[" * 100_000, 400, "ARGUMENT_INVALID"),
    "deep variables": (
        b'{"query": "{ echo }", "variables": {"a": ' + b"[" * 40 + b"]" * 40 + b"}}",
        400,
        "LIMIT",
    ),
    "long list": (body("{ echo }", variables={"a": [0] * 501}), 400, "LIMIT"),
    "many values": (body("{ echo }", variables={f"a{i}": [0] * 100 for i in range(60)}), 400, "LIMIT"),
    "invalid UTF-8": (b'{"query": "{ echo(words: \\"\xff\\") }"}', 400, "ARGUMENT_INVALID"),
    "lone surrogate": (b'{"query": "{ echo }", "variables": {"a": "\\ud800"}}', 400, "ARGUMENT_INVALID"),
    "5000-digit number": (
        b'{"query": "{ echo }", "variables": {"a": ' + b"9" * 5_000 + b"}}",
        400,
        "ARGUMENT_INVALID",
    ),
    "20-digit number": (
        b'{"query": "{ echo }", "variables": {"a": ' + b"9" * 20 + b"}}",
        400,
        "ARGUMENT_INVALID",
    ),
    "fraction": (b'{"query": "{ echo }", "variables": {"a": {"b": [1.0]}}}', 400, "ARGUMENT_INVALID"),
    "NaN": (b'{"query": "{ echo }", "variables": {"a": NaN}}', 400, "ARGUMENT_INVALID"),
    "nothing": (b"", 400, "ARGUMENT_INVALID"),
    "a batch": (b'[{"query": "{ echo }"}]', 400, "ARGUMENT_INVALID"),
    "no text": (b'{"variables": {}}', 400, "ARGUMENT_INVALID"),
    "empty text": (b'{"query": " "}', 400, "ARGUMENT_INVALID"),
    "text as a list": (b'{"query": ["{ echo }"]}', 400, "ARGUMENT_INVALID"),
    "variables as a list": (b'{"query": "{ echo }", "variables": []}', 400, "ARGUMENT_INVALID"),
    "name as a number": (b'{"query": "{ echo }", "operationName": 1}', 400, "ARGUMENT_INVALID"),
    "extensions as text": (b'{"query": "{ echo }", "extensions": ""}', 400, "ARGUMENT_INVALID"),
    "300 KB": (body("{ echo }" + " " * 300_000), 413, "LIMIT"),
    "10 MB": (b" " * 10_000_000, 413, "LIMIT"),
}


@pytest.mark.parametrize("name", BODIES)
def test_hostile_body_is_refused_with_a_code(probe, name):
    content, status, code = BODIES[name]
    started = time.process_time()

    reply = probe.post(content)

    assert (reply.status, reply.codes) == (status, [code])
    assert time.process_time() - started < CPU_S
    assert probe.events(reply) == []


def test_body_that_is_too_large_is_not_read_to_its_end(probe):
    reply = probe.post(b" " * 10_000_000)

    assert reply.status == 413
    assert sum(len(part) for part in probe.received) <= 262_144 + 65_536


@pytest.mark.parametrize("length", ["10000000", "9" * 5_000])
def test_body_that_is_announced_too_large_is_not_read_at_all(probe, length):
    reply = probe.post(b"{}", headers={**JSON, "content-length": length})

    assert reply.status == 413
    assert probe.received == []


def test_body_in_many_small_parts_is_read_whole(probe):
    reply = probe.post(body("{ echo }"), chunk=3)

    assert reply.data == {"echo": "hello"}


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/json5",
    ],
)
def test_wrong_content_type_is_refused_unread(probe, content_type):
    reply = probe.post(body("{ echo }"), headers={"content-type": content_type})

    assert (reply.status, reply.codes) == (415, ["ARGUMENT_INVALID"])
    assert probe.received == []


def test_content_type_may_name_its_encoding(probe):
    reply = probe.post(body("{ echo }"), headers={"content-type": "Application/JSON; Charset=UTF-8"})

    assert reply.data == {"echo": "hello"}


@pytest.mark.parametrize("query_string", [b"token=abc", b"access_token=abc", b"query={echo}"])
def test_anything_in_the_address_is_refused_unread_and_not_repeated(probe, query_string):
    reply = probe.post(body("{ echo }"), query_string=query_string)

    assert (reply.status, reply.codes) == (400, ["ARGUMENT_INVALID"])
    assert b"abc" not in reply.content
    assert probe.received == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_every_method_but_post_is_refused(probe, method):
    reply = probe.post(b"", method=method)

    assert (reply.status, reply.headers["allow"]) == (405, "POST")


def test_long_name_is_not_repeated_in_full(probe):
    reply = probe.ask("{ " + "a" * 30_000 + " }")

    assert len(reply.messages[0]) == 500


@pytest.mark.parametrize("id", ["", "x", "1", "!" * 24, "ÄÖÜ", "AAEBoADSE59zaJtG5h_RTtLD"])
def test_malformed_id_and_one_of_another_kind_read_as_absent(probe, id):
    reply = probe.ask("query ($id: ID!) { asked(id: $id) }", {"id": id})

    assert reply.data == {"asked": "AAMAAAAAAAAAAAAAAAAAAAAA"}
