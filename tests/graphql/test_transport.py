"""The endpoint over HTTP: media types, encodings, compression, who may ask for the schema."""

import gzip
import json
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from sqlalchemy.exc import OperationalError

from dms.base.actor import Source, anonymous_actor
from dms.graphql import answers
from dms.graphql.execution import ACTOR, open_endpoint
from dms.graphql.negotiation import GRAPHQL_JSON, JSON, answer_type, is_utf8_json, takes_gzip
from dms.stores import migrations
from tests.factories import World
from tests.graphql import rooms
from tests.graphql.conftest import Probe, probe_schema

HELLO = b'{"query": "{ echo }"}'
LONG = "x" * 2_000
PUT = 'mutation { compartmentPut(input: {code: "%s"}) { code } }'
SCHEMA = "{ __schema { queryType { name } } }"


@pytest.fixture(scope="module")
def under(house, world):
    """Probes of endpoints that stand under other settings."""
    schema, opened = probe_schema(), {}

    def probe(kind=Probe, **changes):
        settings = replace(house.settings, **changes)
        if settings not in opened:
            opened[settings] = open_endpoint(settings, house.works, schema)
        return kind(house, opened[settings], world.user())

    yield probe
    for endpoint in opened.values():
        endpoint.close()


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("Application/JSON; charset=utf-8", JSON),
        ("text/html,application/xhtml+xml,*/*;q=0.8", JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}; charset=utf-8, application/json; charset=utf-8", GRAPHQL_JSON),
        (f"application/json, {GRAPHQL_JSON}", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0.5, application/json", JSON),
        (f"{GRAPHQL_JSON};q=0.5, */*;q=0.8", JSON),
        (f"{GRAPHQL_JSON};q=0, */*", JSON),
        ("application/json;q=0, */*;q=0.1", GRAPHQL_JSON),
        ("application/json;q=0, application/*", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON} ; Q = 0.9", GRAPHQL_JSON),
        ("application/json;q=maybe", JSON),
        ("application/json;q=nan", JSON),
        ("application/json;q=2", JSON),
        ("text/html", None),
        ("application/json;q=0", None),
        ("*/*;q=0", None),
        (",;,", None),
        ("text/html, " * 40, None),
    ],
)
def test_answer_has_the_media_type_that_the_caller_would_rather_have(accept, expected):
    assert answer_type(accept) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", False),
        ("gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("*", True),
        ("gzip;q=0", False),
        ("identity, gzip;q=0.5", False),
        ("br", False),
        ("br, " * 80 + "gzip", True),
    ],
)
def test_gzip_is_for_those_who_take_it(header, expected):
    assert takes_gzip(header) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("application/json", True),
        ('application/json; charset="UTF-8"', True),
        ("application/json;charset=utf8;profile=x", True),
        ("application/json; charset=utf-8; charset=latin-1", False),
        ("application/json; charset=", False),
        ("application/graphql", False),
        ("text/json", False),
    ],
)
def test_body_is_json_in_utf8(header, expected):
    assert is_utf8_json(header) == expected


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "text/event-stream"])
def test_caller_who_takes_neither_type_is_told_which_there_are_unread(probe, accept):
    reply = probe.post(HELLO, headers={"content-type": JSON, "accept": accept})

    assert (reply.status, reply.codes, probe.received) == (406, ["ARGUMENT_INVALID"], [])
    assert reply.messages == ["accept `application/json` or `application/graphql-response+json`"]
    assert reply.headers["content-type"] == "application/json; charset=utf-8"


def test_caches_keep_answers_of_different_types_apart(probe):
    assert probe.post(HELLO).headers["vary"] == "Accept, Accept-Encoding"


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip", "x"])
def test_compressed_body_is_refused_unread(probe, encoding):
    reply = probe.post(gzip.compress(HELLO), headers={"content-type": JSON, "content-encoding": encoding})

    assert (reply.status, reply.codes, probe.received) == (415, ["ARGUMENT_INVALID"], [])
    assert reply.messages == ["send the body as it is, without `Content-Encoding`"]


def test_body_that_is_said_to_be_as_it_is_is_read(probe):
    reply = probe.post(HELLO, headers={"content-type": JSON, "content-encoding": "Identity"})

    assert reply.data == {"echo": "hello"}


ZIPPED = {"content-type": JSON, "accept-encoding": "gzip"}


def test_nothing_is_compressed_unless_the_administrator_wants_it(probe):
    reply = probe.ask(f'{{ echo(words: "{LONG}") }}', headers=ZIPPED)

    assert reply.data == {"echo": LONG}
    assert "content-encoding" not in reply.headers


def test_long_answer_to_a_query_is_compressed_for_those_who_take_it(under):
    probe = under(compression_level=1)

    zipped = probe.ask(f'{{ echo(words: "{LONG}") }}', headers=ZIPPED)
    plain = probe.ask(f'{{ echo(words: "{LONG}") }}')

    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.headers["content-length"] == str(len(zipped.content))
    assert json.loads(gzip.decompress(zipped.content))["data"] == plain.data
    assert len(zipped.content) < 250
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize(
    "text",
    [
        "{ echo }",
        f"{{ nothing{LONG} }}",
        PUT % "zipped",
        f'mutation {{ compartmentTouch(code: "{LONG}") {{ code }} }}',
    ],
    ids=["short", "refused", "mutation", "long mutation"],
)
def test_short_answers_errors_and_mutations_are_never_compressed(under, text):
    reply = under(compression_level=1).ask(text, headers=ZIPPED)

    assert "content-encoding" not in reply.headers
    assert json.loads(reply.content)


def test_same_content_is_compressed_to_the_same_bytes():
    answer = answers.of_data({"echo": LONG}, cost={})

    assert answers.compressed(answer, level=6) == answers.compressed(answer, level=6)


class AnonymousProbe(Probe):
    def scope(self, request_id, **how):
        scope = super().scope(request_id, **how)
        scope[ACTOR] = anonymous_actor(request_id, source=Source())
        return scope


@pytest.mark.parametrize(
    ("changes", "somebody", "nobody"),
    [
        ({}, 200, 401),
        ({"introspection": "authenticated"}, 200, 401),
        ({"introspection": "on"}, 200, 200),
        ({"introspection": "off"}, 400, 401),
        ({"production": True}, 400, 401),
        ({"production": True, "introspection": "authenticated"}, 200, 401),
    ],
)
def test_schema_is_told_to_those_whom_the_setting_names(under, changes, somebody, nobody):
    modern = {"content-type": JSON, "accept": GRAPHQL_JSON}

    known = under(**changes).ask(SCHEMA, headers=modern)
    unknown = under(AnonymousProbe, **changes).ask(SCHEMA, headers=modern)

    assert (known.status, unknown.status) == (somebody, nobody)


@pytest.mark.parametrize(
    "text",
    ["{ echo }", "{ __typename echo }", "fragment F on Query { echo } { ...F }", "{ nothing", PUT % "nobody"],
)
def test_nobody_gets_more_than_the_schema(under, text):
    probe = under(AnonymousProbe, introspection="on")

    reply = probe.ask(text)

    assert (reply.status, reply.codes) == (401, ["UNAUTHENTICATED"])
    assert "data" not in reply.body
    assert probe.codes("nobody") == []


def by_get(probe, **parameters):
    return probe.post(
        b"", method="GET", query_string=urlencode(parameters).encode(), headers={"accept": GRAPHQL_JSON}
    )


def test_query_by_get_is_answered_where_tools_may_ask_so(under):
    probe = under(graphql_get=True)

    reply = by_get(
        probe,
        query="query A($w: String!) { echo(words: $w) } query B { echo }",
        variables='{"w": "good day"}',
        operationName="A",
        extensions="{}",
    )

    assert reply.data == {"echo": "good day"}
    assert [event["outcome"] for event in probe.events(reply)] == ["released"]


def test_mutation_by_get_is_refused_and_nothing_is_kept(under):
    probe = under(graphql_get=True)

    reply = by_get(probe, query=PUT % "by-get")

    assert (reply.status, reply.messages) == (405, ["send a mutation with POST"])
    assert reply.headers["allow"] == "POST"
    assert probe.codes("by-get") == []


@pytest.mark.parametrize(
    ("query_string", "code"),
    [
        (b"", "ARGUMENT_INVALID"),
        (b"query=%ff", "ARGUMENT_INVALID"),
        (b"query=\xff", "ARGUMENT_INVALID"),
        (b"query={echo}&variables={", "ARGUMENT_INVALID"),
        (b"query={echo}&variables=1", "ARGUMENT_INVALID"),
        (b"query={echo}&variables=" + b"[" * 100, "ARGUMENT_INVALID"),
        (b"a=b&" * 20, "ARGUMENT_INVALID"),
        (b"query={echo}&variables=" + b'{"a":' * 40 + b"1" + b"}" * 40, "LIMIT"),
    ],
)
def test_parameters_that_cannot_be_meant_are_refused(under, query_string, code):
    reply = under(graphql_get=True).post(b"", method="GET", query_string=query_string)

    assert (reply.status, reply.codes) == (400, [code])


def test_database_that_is_gone_is_no_bug_and_left_to_the_outer_door(fresh_house):
    endpoint = open_endpoint(fresh_house.settings, fresh_house.works, probe_schema())
    probe = Probe(fresh_house, endpoint, World(fresh_house).user())
    probe.ask(PUT % "gone")

    def cut_off():
        with fresh_house.database.engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    if fresh_house.database.is_sqlite:
        with migrations.migration_engine(fresh_house.settings).begin() as connection:
            connection.exec_driver_sql("ALTER TABLE compartment RENAME TO compartment_away")
    else:
        rooms.MEETINGS.append(cut_off)
    with pytest.raises(OperationalError):
        probe.ask('mutation { compartmentTouch(code: "gone") { code } }')
    endpoint.close()
