"""Trusted documents: manifests as outside tools write them, and who may send what."""

import hashlib
import json
from dataclasses import replace

import pytest

from dms.base.actor import ActorKind
from dms.base.errors import ConfigurationError
from dms.graphql import trusted
from dms.graphql.execution import ACTOR, open_endpoint
from dms.graphql.trusted import Fault
from tests.graphql.conftest import MODERN, Probe, probe_schema

ECHO = "query Echo($words: String!) { echo(words: $words) }"
TWO = 'query A { echo(words: "a") } query B { echo(words: "b") }'
RICH = "{ " + " ".join(f"a{n}: echo" for n in range(1_200)) + " }"
SCHEMA = "{ __schema { queryType { name } } }"
PUT = 'mutation { compartmentPut(input: {code: "trusted"}) { code } }'

UNKNOWN = (
    "`documentId` names no trusted document of this server: put the manifest of this very build "
    "of the front end in force"
)
NO_REGISTRATION = (
    "`extensions.persistedQuery` is refused, since clients register no texts here: "
    "send `query`, or the `documentId` of a trusted document"
)

MD5 = "0f8d8f2c5e0d4c6a9f7b1e2d3c4b5a69"


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The manifests of two front ends: one of relay-compiler, one of graphql-codegen."""
    folder = tmp_path_factory.mktemp("manifests")
    (folder / "relay.json").write_text(json.dumps({MD5: TWO, "f" * 32: RICH}))
    codegen = {sha256(ECHO): ECHO, f"sha256:{sha256(SCHEMA)}": SCHEMA, sha256(PUT): PUT}
    (folder / "persisted-documents.json").write_text(json.dumps(codegen))
    return folder


@pytest.fixture(scope="module")
def schema():
    return probe_schema()


class ServiceProbe(Probe):
    def scope(self, *of, **how):
        scope = super().scope(*of, **how)
        scope[ACTOR] = replace(scope[ACTOR], kind=ActorKind.SERVICE)
        return scope


@pytest.fixture(scope="module")
def asking(house, world, folder, schema):
    """Probes of endpoints that stand under other settings."""
    opened = []

    def ask(*, probe=Probe, **settings):
        changed = replace(house.settings, trusted_documents_file=str(folder), **settings)
        opened.append(open_endpoint(changed, house.works, schema))
        return probe(house, opened[-1], world.user())

    yield ask
    for endpoint in opened:
        endpoint.close()


@pytest.fixture(scope="module")
def preferred(asking):
    return asking(production=True)


@pytest.fixture(scope="module")
def required(asking):
    return asking(trusted_documents="required")


def send(probe, document_id, variables=None, **more):
    body = {"documentId": document_id, "variables": variables, **more}
    return probe.post(json.dumps(body).encode(), headers=MODERN)


@pytest.mark.parametrize("prefix", ["", "sha256:"])
def test_id_with_or_without_its_prefix_runs_the_text(preferred, prefix):
    reply = send(preferred, prefix + sha256(ECHO), {"words": "good day"})

    assert reply.data == {"echo": "good day"}
    [event] = preferred.events(reply)
    assert (event["op"], event["outcome"], event["text"]) == ("server.read", "released", sha256(ECHO))
    assert reply.log == {"code": None, "text": sha256(ECHO)}


def test_plain_id_of_another_digest_runs_the_text_with_the_named_operation(preferred):
    assert send(preferred, MD5, operationName="B").data == {"echo": "b"}
    assert send(preferred, MD5).messages == ["`operationName` must say which"]


def test_text_and_trusted_document_are_both_taken_where_it_is_preferred(preferred):
    assert preferred.ask(ECHO, {"words": "text"}).data == {"echo": "text"}


def test_trusted_text_is_as_rich_as_it_is_and_the_same_text_of_a_stranger_is_not(preferred):
    assert len(send(preferred, "f" * 32).data) == 1_200
    assert preferred.ask(RICH).codes == ["LIMIT"]
    assert len(send(preferred, "f" * 32).data) == 1_200


def test_trusted_text_may_ask_for_the_schema_in_production(preferred):
    assert send(preferred, sha256(SCHEMA)).data == {"__schema": {"queryType": {"name": "Query"}}}
    assert preferred.ask(SCHEMA).codes == ["ARGUMENT_INVALID"] * 2


def test_wrong_variables_of_a_trusted_document_are_refused(preferred):
    reply = send(preferred, sha256(ECHO), {"words": 1})

    assert (reply.status, reply.codes) == (400, ["ARGUMENT_INVALID"])
    assert [event["outcome"] for event in preferred.events(reply)] == ["refused"]


@pytest.mark.parametrize("unknown", ["sha256:" + "0" * 64, "x", "", MD5.upper(), "sha256:" + MD5 + "0"])
def test_unknown_id_is_an_invalid_argument_that_names_the_field(preferred, unknown):
    reply = send(preferred, unknown)

    assert (reply.status, reply.codes) == (400, ["ARGUMENT_INVALID"])
    assert reply.messages == [UNKNOWN]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"documentId": 1}, "`documentId` must be text"),
        ({"documentId": MD5, "query": "{ echo }"}, "send `documentId` or `query`, not both"),
        ({"doc_id": MD5}, "`query` must be the text of an operation"),
        ({"id": MD5}, "`query` must be the text of an operation"),
        ({"documentId": None}, "`query` must be the text of an operation"),
    ],
)
def test_body_names_one_document_by_one_name(preferred, body, message):
    reply = preferred.post(json.dumps(body).encode())

    assert (reply.status, reply.codes, reply.messages) == (400, ["ARGUMENT_INVALID"], [message])


@pytest.mark.parametrize("text", [None, "{ echo }"])
def test_clients_register_nothing(preferred, text):
    asked = {"persistedQuery": {"version": 1, "sha256Hash": sha256("{ echo }")}}

    reply = preferred.post(json.dumps({"query": text, "extensions": asked}).encode())

    assert (reply.status, reply.codes) == (400, ["ARGUMENT_INVALID"])
    assert reply.messages == [NO_REGISTRATION]


@pytest.mark.parametrize("text", ["{ echo }", ECHO, PUT, "{ nothing", SCHEMA])
def test_text_is_refused_and_recorded_where_trusted_documents_are_required(required, text):
    reply = required.ask(text, headers=MODERN)

    assert (reply.status, reply.codes) == (400, ["ARGUMENT_INVALID"])
    assert reply.messages == [
        "this server runs trusted documents only: send the `documentId` of one in place of `query`"
    ]
    [event] = required.events(reply)
    assert (event["op"], event["outcome"], event["text"]) == ("graphql.invalid", "refused", sha256(text))
    assert required.codes("trusted") == []


def test_trusted_documents_run_where_they_are_required(required):
    assert send(required, sha256(ECHO), {"words": "hello"}).data == {"echo": "hello"}


def test_service_accounts_have_a_mode_of_their_own(asking):
    modes = {"trusted_documents": "required", "trusted_documents_services": "off"}
    person, service = asking(**modes), asking(**modes, probe=ServiceProbe)

    assert send(person, MD5, operationName="A").data == {"echo": "a"}
    assert service.ask("{ echo }").data == {"echo": "hello"}
    assert send(service, MD5).messages == [
        "`documentId` is of no use here: send the text of the operation as `query`"
    ]


FAULTS = {
    "{ nothing }": "Cannot query field 'nothing' on type 'Query'. (line 1, column 3)",
    "{ echo": "Syntax Error: Expected Name, found <EOF>. (line 1, column 7)",
    "fragment F on Query { echo } query { ...F ...G }": "Unknown fragment 'G'. (line 1, column 46)",
    "fragment F on Query { echo }": "Fragment 'F' is never used. (line 1, column 1)",
    "subscription { echo }": "The subscription operation is not supported by the schema. (line 1, column 1)",
    "{ a " * 3_000: "Syntax Error: Document is nested too deeply. Parsing aborted. (line 1, column 801)",
    "query ($words: String!) { echo }": "Variable '$words' is never used. (line 1, column 8)",
}


@pytest.mark.parametrize("text", FAULTS)
def test_text_that_cannot_be_executed_is_a_fault_with_its_place(tmp_path, schema, text):
    file = tmp_path / "m.json"
    file.write_text(json.dumps({"good": "{ echo }", "bad": text}))

    manifest = trusted.read(file, schema)

    assert manifest.texts == {"good": "{ echo }"}
    assert manifest.faults == (Fault(file, "bad", FAULTS[text]),)


@pytest.mark.parametrize("document_id", ["sha256:" + "0" * 64, "0" * 64, "sha256:abc", sha256(ECHO) + " "])
def test_id_that_claims_to_be_a_digest_must_be_that_of_its_text(tmp_path, schema, document_id):
    file = tmp_path / "m.json"
    file.write_text(json.dumps({document_id: "{ echo }"}))

    faults = [fault.problem for fault in trusted.read(file, schema).faults]

    claims = document_id.strip() == document_id
    assert faults == (["the id is not the SHA-256 of its text"] if claims else [])


@pytest.mark.parametrize("document_id", ["", "sha256:", "x" * 201])
def test_id_has_a_sane_length(tmp_path, schema, document_id):
    file = tmp_path / "m.json"
    file.write_text(json.dumps({document_id: "{ echo }"}))

    assert [f.problem for f in trusted.read(file, schema).faults] == ["an id has 1 to 200 characters"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[1]", "must be one JSON object of ids and texts"),
        (b'{"a": {"text": "{ echo }"}}', "must be one JSON object of ids and texts"),
        (b"{", "is not JSON: unexpected end of data: line 1 column 2 (char 1)"),
    ],
)
def test_file_that_is_no_manifest_is_a_fault(tmp_path, schema, content, problem):
    (tmp_path / "m.json").write_bytes(content)

    assert trusted.read(tmp_path, schema).faults == (Fault(tmp_path / "m.json", None, problem),)


def test_one_id_stands_for_one_text_in_all_files_of_a_folder(tmp_path, schema):
    (tmp_path / "a.json").write_text('{"x": "{ echo }", "y": "{ echo }"}')
    (tmp_path / "b.json").write_text('{"x": "{ e: echo }", "y": "{ echo }"}')

    assert [str(fault) for fault in trusted.read(tmp_path, schema).faults] == [
        f"the trusted document `x` in `{tmp_path}/b.json`: the same id stands for another text"
    ]


def test_folder_without_a_manifest_and_a_file_that_is_not_there_are_faults(tmp_path, schema):
    missing = tmp_path / "missing.json"

    assert trusted.read(tmp_path, schema).faults == (
        Fault(tmp_path, None, "the folder holds no manifest (`*.json`)"),
    )
    assert trusted.read(missing, schema).faults == (
        Fault(missing, None, "cannot be read: No such file or directory"),
    )


def test_server_does_not_start_on_a_manifest_with_faults(house, tmp_path, schema):
    file = tmp_path / "m.json"
    file.write_text(json.dumps({"one": "{ nothing }", "two": "{"}))
    settings = replace(house.settings, trusted_documents_file=str(file))

    with pytest.raises(ConfigurationError) as refused:
        open_endpoint(settings, house.works, schema)

    assert str(refused.value) == (
        f"the trusted document `one` in `{file}`: Cannot query field 'nothing' on type 'Query'. "
        "(line 1, column 3), and 1 more: look with `dms schema trusted`"
    )
