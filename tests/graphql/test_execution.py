"""One operation as it goes through the endpoint: answers, refusals, events, transactions."""

import asyncio
import hashlib

import pytest
from starlette.requests import ClientDisconnect

from dms.base.ids import new_id
from dms.graphql.execution import open_endpoint
from dms.stores import migrations
from tests.graphql import rooms
from tests.graphql.conftest import MODERN, Probe, probe_schema

PUT = "mutation Put($input: CompartmentPutInput!) { compartmentPut(input: $input) %s }"
ERRORS = "{ code errors { __typename message code path } }"


def test_query_answers_data_and_leaves_one_event(probe):
    reply = probe.ask("{ echo }")

    assert (reply.status, reply.data) == (200, {"echo": "hello"})
    [event] = probe.events(reply)
    assert (event["op"], event["outcome"], event["actor"]) == ("server.read", "released", probe.user_id.hex)
    assert event["text"] == hashlib.sha256(b"{ echo }").hexdigest()


def test_root_fields_of_one_operation_share_one_event(probe):
    reply = probe.ask("{ echo ends office: echo }")

    [event] = probe.events(reply)
    assert (event["op"], event["also"]) == ("server.read", ["viewer.read"])


@pytest.mark.parametrize(
    "text", ["{ __typename }", "{ __schema { queryType { name } } }", "{ echo @skip(if: true) }"]
)
def test_operation_that_runs_no_root_field_leaves_an_event_too(probe, text):
    reply = probe.ask(text)

    assert reply.status == 200
    assert [event["op"] for event in probe.events(reply)] == ["server.read"]


def test_answer_is_never_stored_and_says_its_encoding(probe):
    reply = probe.ask("{ echo }")

    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["content-type"] == "application/json; charset=utf-8"


def test_caller_who_names_the_graphql_media_type_gets_it(probe):
    reply = probe.ask("{ echo }", headers=MODERN)

    assert (reply.status, reply.headers["content-type"]) == (
        200,
        "application/graphql-response+json; charset=utf-8",
    )


@pytest.mark.parametrize("text", ["{ echo", "{ nothing }", "query ($x: Int!) { echo }", "{ echo } { echo }"])
def test_text_that_cannot_be_executed_is_400_without_data_for_the_new_media_type(probe, text):
    old, new = probe.ask(text), probe.ask(text, headers=MODERN)

    assert (old.status, new.status) == (200, 400)
    assert "data" not in old.body
    assert old.codes == new.codes == ["ARGUMENT_INVALID"] * len(new.codes)
    assert old.body["errors"][0]["extensions"]["requestId"] == old.request_id


def test_refused_text_leaves_a_refused_event(probe):
    reply = probe.ask("{ nothing }")

    [event] = probe.events(reply)
    assert (event["op"], event["outcome"], event["reason"]) == (
        "graphql.invalid",
        "refused",
        "argument_invalid",
    )


def test_refused_text_is_refused_again_from_the_cache_with_a_request_id_of_its_own(probe):
    first, second = probe.ask("{ nothings }"), probe.ask("{ nothings }")

    assert first.messages == second.messages
    assert second.body["errors"][0]["extensions"]["requestId"] == second.request_id


def test_variables_that_do_not_fit_are_refused_before_anything_runs(probe):
    reply = probe.ask("query ($how: Ending!) { ends(how: $how) }", {"how": "BADLY"}, headers=MODERN)

    assert (reply.status, reply.codes) == (400, ["ARGUMENT_INVALID"])
    assert "data" not in reply.body
    [event] = probe.events(reply)
    assert (event["op"], event["outcome"]) == ("graphql.invalid", "refused")


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("query ($how: Ending = WELL) { ends(how: $how) }", {"how": None}),
        ("query ($code: String) { line(by: {code: $code}) { number } }", {"code": None}),
        (PUT % ERRORS, {"input": {"code": "maybe", "note": None}}),
    ],
)
def test_null_where_a_value_must_stand_is_an_invalid_argument(probe, text, variables):
    reply = probe.ask(text, variables, headers=MODERN)

    assert (reply.status, set(reply.codes)) == (400, {"ARGUMENT_INVALID"})
    assert {event["outcome"] for event in probe.events(reply)} <= {"refused", "failed"}
    assert len(probe.events(reply)) == 1
    assert probe.codes("maybe") == []


@pytest.mark.parametrize("by", [{"code": "a", "number": 1}, {}, {"code": None}], ids=["two", "none", "null"])
def test_choice_of_one_that_names_not_one_is_an_invalid_argument(probe, by):
    reply = probe.ask("query ($by: LineBy!) { line(by: $by) { number } }", {"by": by}, headers=MODERN)

    assert (reply.status, reply.codes) == (400, ["ARGUMENT_INVALID"])
    assert [event["outcome"] for event in probe.events(reply)] == ["refused"]


def test_operation_name_chooses_one_of_several(probe):
    text = 'query A { echo(words: "a") } query B { echo(words: "b") }'

    assert probe.ask(text, name="B").data == {"echo": "b"}
    assert probe.ask(text).messages == ["`operationName` must say which"]
    assert probe.ask(text, name="C").messages == ["the text holds no operation of this name"]


def test_bug_in_a_query_shows_nothing_inside_and_is_logged_with_its_trace(probe, caplog):
    reply = probe.ask("{ echo ends(how: BUG) }")

    assert (reply.status, reply.codes, reply.body["data"]) == (500, ["INTERNAL"], None)
    assert rooms.SECRET.encode() not in reply.content
    assert reply.messages == ["internal error"]
    [record] = [r for r in caplog.records if r.message == "graphql_failed"]
    assert (record.request_id, record.exc_info[0]) == (reply.request_id, RuntimeError)
    assert [e["outcome"] for e in probe.events(reply)] == ["failed"]


@pytest.mark.parametrize("text", ["{ line { broken } }", "{ overflow }", "{ promised }"])
def test_bug_below_the_root_fails_the_whole_operation(probe, text):
    reply = probe.ask(text)

    assert (reply.status, reply.codes, reply.body["data"]) == (500, ["INTERNAL"], None)


def test_absent_thing_is_null_and_its_refusal_is_recorded(probe):
    reply = probe.ask("{ ends(how: ABSENT) }")

    assert reply.data == {"ends": None}
    [event] = probe.events(reply)
    assert (event["outcome"], event["refused"]) == ("refused", [[None, "viewer.read", "not_found", False]])


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("INVALID", 400, "ARGUMENT_INVALID"),
        ("DENIED", 403, "FORBIDDEN"),
        ("DUTY", 403, "FORBIDDEN"),
        ("DEADLINE", 503, "DEADLINE"),
    ],
)
def test_expected_failure_of_a_query_stops_the_operation(probe, how, status, code):
    reply = probe.ask("query ($how: Ending!) { echo ends(how: $how) after: echo }", {"how": how})

    assert (reply.status, reply.codes, reply.body["data"]) == (status, [code], None)
    assert [e["outcome"] for e in probe.events(reply)] == ["refused"]


def test_query_of_an_office_is_forbidden_to_others_and_open_to_its_holder(probe, world):
    auditor = world.officer(role="auditor")

    stranger, holder = probe.ask("{ office }"), probe.ask("{ office }", as_user=auditor)

    assert (stranger.status, stranger.codes) == (403, ["FORBIDDEN"])
    assert stranger.messages == ["this needs the duty `log.read`"]
    assert holder.data == {"office": "come in"}
    [event] = probe.events(stranger)
    assert event["refused"] == [[None, "log.read", "duty", True]]


def test_mutation_of_an_office_answers_a_duty_error_in_its_payload(probe):
    reply = probe.ask("mutation { compartmentOffice { errors { __typename ... on DutyError { duty } } } }")

    assert reply.data["compartmentOffice"]["errors"] == [
        {"__typename": "DutyError", "duty": "SECURITYLEVELS_MANAGE"}
    ]


def test_mutation_keeps_what_it_wrote(probe):
    reply = probe.ask(PUT % ERRORS, {"input": {"code": "kept"}})

    assert reply.data == {"compartmentPut": {"code": "kept", "errors": []}}
    assert probe.codes("kept") == ["kept"]


def test_expected_failure_undoes_its_own_field_alone(probe):
    text = """mutation {
      a: compartmentPut(input: {code: "one-a"}) { code errors { message } }
      b: compartmentPut(input: {code: "one-b", then: INVALID}) {
        code errors { __typename message code path }
      }
      c: compartmentPut(input: {code: "one-c"}) { code errors { message } }
    }"""

    reply = probe.ask(text)

    assert reply.data["b"] == {
        "code": None,
        "errors": [
            {
                "__typename": "ValidationError",
                "message": "must not be empty",
                "code": "VALIDATION",
                "path": ["referenceCode"],
            }
        ],
    }
    assert probe.codes("one") == ["one-a", "one-c"]
    [event] = probe.events(reply)
    assert event["refused"] == [[None, "compartment.create", "validation", True]]


def test_denied_mutation_says_which_action_is_missing(probe):
    text = PUT % "{ errors { __typename code ... on DeniedError { action } } }"

    reply = probe.ask(text, {"input": {"code": "denied", "then": "DENIED"}})

    assert reply.data["compartmentPut"]["errors"] == [
        {"__typename": "DeniedError", "code": "DENIED", "action": "EDIT"}
    ]


@pytest.mark.parametrize(
    "second", ['(input: {code: "all-b", then: BUG}) { code }', '(input: {code: "all-b"}) { broken }']
)
def test_bug_in_one_mutation_undoes_all_of_them(probe, second):
    first = '(input: {code: "all-a"}) { code }'

    reply = probe.ask(f"mutation {{ a: compartmentPut{first} b: compartmentPut{second} }}")

    assert (reply.status, reply.codes, reply.body["data"]) == (500, ["INTERNAL"], None)
    assert probe.codes("all") == []
    assert [e["outcome"] for e in probe.events(reply)] == ["failed"]


def test_door_error_in_one_mutation_undoes_all_of_them(probe):
    reply = probe.ask(
        'mutation { a: compartmentPut(input: {code: "door-a"}) { code }'
        ' b: compartmentPut(input: {code: "door-b", then: DEADLINE}) { code } }'
    )

    assert (reply.status, reply.codes, reply.body["data"]) == (503, ["DEADLINE"], None)
    assert reply.headers["retry-after"] == "1"
    assert probe.codes("door") == []


def test_no_later_field_runs_after_a_bug(probe):
    text = """mutation {
      a: compartmentPut(input: {code: "late-a", then: BUG}) { code }
      b: compartmentTouch(code: "late-a") { code }
    }"""
    rooms.MEETINGS.append(lambda: pytest.fail("the second field ran"))

    reply = probe.ask(text)

    assert reply.codes == ["INTERNAL"]
    assert rooms.MEETINGS.pop() is not None


def test_mutation_that_met_another_change_runs_again_as_a_whole(probe):
    probe.ask(PUT % ERRORS, {"input": {"code": "meet"}})
    tries = []

    def meet():
        tries.append(1)
        if not probe.house.database.is_sqlite:
            with probe.house.database.engine.begin() as connection:
                connection.exec_driver_sql("UPDATE compartment SET revision = 10 WHERE code = 'meet'")

    rooms.MEETINGS.append(meet)
    reply = probe.ask('mutation { compartmentTouch(code: "meet") { code } }')

    assert reply.data == {"compartmentTouch": {"code": "meet"}}
    [[revision]] = probe.read("SELECT revision FROM compartment WHERE code = 'meet'")
    assert (tries, revision) == ([1], 2 if probe.house.database.is_sqlite else 11)
    assert len(probe.events(reply)) == 1


def test_anonymous_is_refused_before_the_body_is_read(probe):
    reply = probe.post(b"{", as_user=None)

    assert (reply.status, reply.codes) == (401, ["UNAUTHENTICATED"])
    assert reply.headers["www-authenticate"] == "Bearer"
    assert probe.received == []


def test_line_of_the_operational_log_gets_code_and_digest_of_the_text(probe):
    refused, answered = probe.ask("{ nothing }"), probe.ask("{ echo }")

    assert refused.log == {"code": "ARGUMENT_INVALID", "text": hashlib.sha256(b"{ nothing }").hexdigest()}
    assert answered.log == {"code": None, "text": hashlib.sha256(b"{ echo }").hexdigest()}


def test_production_hides_names_and_the_schema(production):
    suggested = production.ask("{ ech }")
    value = production.ask("query ($how: Ending!) { ends(how: $how) }", {"how": "WEL"})
    schema = production.ask("{ __schema { queryType { name } } }")

    assert suggested.messages == ["Cannot query field 'ech' on type 'Query'."]
    assert "WELL" not in value.messages[0]
    assert schema.codes == ["ARGUMENT_INVALID"] * len(schema.codes)


@pytest.mark.parametrize(
    "text", ["{ echo }", "{ nothing }", 'mutation { compartmentPut(input: {code: "x"}) { code } }']
)
def test_without_an_event_there_is_no_answer_and_nothing_is_kept(fresh_house, text):
    endpoint = open_endpoint(fresh_house.settings, fresh_house.works, probe_schema())
    probe = Probe(fresh_house, endpoint, new_id())
    with migrations.migration_engine(fresh_house.settings).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE access_event RENAME TO access_event_away")

    reply = probe.ask(text)
    endpoint.close()

    assert (reply.status, reply.codes, reply.body["data"]) == (503, ["NOT_RECORDED"], None)
    assert reply.headers["retry-after"] == "1"
    with migrations.migration_engine(fresh_house.settings).begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM compartment").scalar_one() == 0


def test_caller_who_leaves_while_sending_gets_no_answer_and_no_event(probe):
    before = len(probe.read("SELECT 1 FROM access_event"))

    async def leave():
        async def receive():
            return {"type": "http.disconnect"}

        scope = probe.scope("request-gone", method="POST")
        with pytest.raises(ClientDisconnect):
            await probe.endpoint(scope, receive, None)

    asyncio.run(leave())

    # The look before left one event of its own.
    assert len(probe.read("SELECT 1 FROM access_event")) == before + 1
