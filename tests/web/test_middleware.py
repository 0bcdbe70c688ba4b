"""What every request passes: ids, headers, log lines, and the last resort for errors."""

from __future__ import annotations

import asyncio
import logging

import pytest
from sqlalchemy import text
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from dms.access import login, tokens
from dms.base import errors
from dms.base.actor import system_actor
from dms.base.clock import MINUTE
from dms.models.users import PrincipalKind, TokenKind
from dms.stores import upkeep
from dms.web import answers
from dms.web.middleware import LOG_FIELDS, Envelope
from tests.conftest import opened_house
from tests.factories import World
from tests.web.conftest import HASHER, Client, application, auth_client, bearer

OWN_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


async def hello(request):
    request.scope[LOG_FIELDS]["operation"] = "hello"
    source = request.scope["dms.actor"].source
    return JSONResponse({"address": source.address, "agent": source.user_agent})


async def own_headers(_):
    return Response("x", headers={"Cache-Control": "private", "Content-Security-Policy": "sandbox"})


def raising(error):
    async def endpoint(_):
        raise error

    return [Route("/room/{id}", endpoint)]


def client_of(house, *routes, **options):
    return Client(application(house, list(routes)), **options)


def lines(caplog):
    return [record for record in caplog.records if record.message == "request"]


@pytest.fixture(autouse=True)
def _log_everything(caplog):
    caplog.set_level(logging.DEBUG, logger="dms")


def test_every_answer_has_safe_headers_and_an_id(house):
    answer = client_of(house, Route("/hello", hello)).get("/hello")

    assert {name: answer.headers[name] for name in OWN_HEADERS} == OWN_HEADERS
    assert len(answer.headers["x-request-id"]) == 32
    assert "strict-transport-security" not in answer.headers


def test_a_route_may_set_its_own_headers(house):
    answer = client_of(house, Route("/x", own_headers)).get("/x")

    assert answer.headers["cache-control"] == "private"
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_over_https_browsers_are_told_to_stay_there(house):
    answer = client_of(house, Route("/hello", hello)).get("https://dms.test/hello")

    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_a_sane_request_id_is_taken_over(house):
    answer = client_of(house, Route("/hello", hello)).get("/hello", **{"X-Request-Id": "Front-end-42"})

    assert answer.headers["x-request-id"] == "Front-end-42"


@pytest.mark.parametrize("offered", ["short", "x" * 65, "with space here", "dms_s_abcdefgh", "ümlaut-umlaut"])
def test_any_other_request_id_is_replaced(house, offered):
    client = client_of(house, Route("/hello", hello))

    answer = client.send("GET", "/hello", headers={b"X-Request-Id": offered.encode()})

    assert len(answer.headers["x-request-id"]) == 32


def test_the_source_of_a_request_is_known_without_control_characters(house):
    client = client_of(house, Route("/hello", hello), address="203.0.113.5")

    answer = client.send("GET", "/hello", headers={b"User-Agent": b"Mozilla\x1b[2J" + b"y" * 500})

    assert answer.json()["address"] == "203.0.113.5"
    assert answer.json()["agent"] == ("Mozilla[2J" + "y" * 500)[:200]


def test_one_line_tells_what_happened_without_the_path(house, caplog):
    user = World(house).user()
    issued = house.works.write(
        system_actor("test"),
        lambda work: tokens.issue(
            work, user, kind=TokenKind.SESSION, idle_s=3_600, absolute_s=3_600, note="test"
        ),
    )
    client = client_of(house, Route("/hello/{id}", hello))

    client.get("/hello/AAMBfx?first=Letter", **bearer(issued.token), **{"X-Request-Id": "the-request"})

    (line,) = lines(caplog)
    assert (line.levelname, line.name) == ("INFO", "dms.web")
    assert (line.request_id, line.account, line.status) == ("the-request", user.hex, 200)
    assert (line.method, line.room, line.operation) == ("GET", "hello", "hello")
    assert 0 <= line.ms < 10_000
    assert "AAMBfx" not in repr(vars(line))
    assert issued.token not in repr(vars(line))


@pytest.mark.parametrize("path", ["/", "/%0d%0aforged", "/dms_s_x", "/" + "x" * 21, "/ümlaut"])
def test_a_strange_path_is_no_part_of_the_log(house, caplog, path):
    client_of(house).get(path)

    assert [line.room for line in lines(caplog)] == ["other"]


def test_health_speaks_at_debug_only(house, caplog):
    client_of(house, Route("/healthz", hello)).get("/healthz")

    assert [line.levelname for line in lines(caplog)] == ["DEBUG"]


def test_a_level_above_info_saves_the_lines(house, caplog):
    caplog.set_level(logging.WARNING, logger="dms")

    client_of(house, Route("/hello", hello)).get("/hello")

    assert lines(caplog) == []


EXPECTED = [
    (errors.Invalid("no", path=("name",)), 400, "VALIDATION", None),
    (errors.NotFound(), 404, "NOT_FOUND", None),
    (errors.Denied("no", action="READ_CONTENT"), 403, "DENIED", None),
    (errors.Conflict("no"), 409, "CONFLICT", None),
    (errors.State("no", state="draft"), 409, "STATE", None),
    (errors.Duty("no", duty="users.manage"), 403, "DUTY", None),
    (errors.Clearance("no"), 403, "CLEARANCE", None),
    (errors.Unauthenticated("no"), 401, "UNAUTHENTICATED", None),
    (errors.Limit("no"), 400, "LIMIT", None),
    (errors.Throttled("no", retry_after_s=7), 429, "THROTTLED", "7"),
    (errors.Busy("no"), 503, "BUSY", "1"),
    (errors.NotRecorded("no"), 503, "NOT_RECORDED", "1"),
    (errors.DmsError("no"), 400, "ERROR", None),
]


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda expected: type(expected[0]).__name__)
def test_an_expected_failure_is_answered_with_its_code(house, caplog, expected):
    error, status, code, retry_after = expected
    answer = client_of(house, *raising(error)).get("/room/1", **{"X-Request-Id": "the-request"})

    entry = {"message": error.message, "extensions": {"code": code, "requestId": "the-request"}}
    if error.path:
        entry["path"] = list(error.path)
    assert (answer.status_code, answer.json()) == (status, {"errors": [entry]})
    assert answer.headers.get("retry-after") == retry_after
    assert lines(caplog)[0].refusal == code


def test_a_fault_shows_its_id_and_nothing_else(house, caplog):
    answer = client_of(house, *raising(KeyError("canary"))).get("/room/1")

    assert answer.status_code == 500
    assert answer.json() == {
        "errors": [
            {
                "message": "internal error",
                "extensions": {"code": "INTERNAL", "requestId": answer.headers["x-request-id"]},
            }
        ]
    }
    (record,) = [record for record in caplog.records if record.message == "unexpected"]
    assert record.request_id == answer.headers["x-request-id"]
    assert record.exc_info[0] is KeyError


def test_a_database_that_is_gone_is_told_as_such(house):
    async def ask(_):
        with upkeep.reading(house.database) as connection:
            connection.execute(text(question))

    question = "SELECT * FROM nothing_of_that_name"
    if not house.database.is_sqlite:
        question = "SELECT pg_terminate_backend(pg_backend_pid())"
    answer = client_of(house, Route("/ask", ask)).get("/ask")

    assert answer.status_code == 503
    assert answer.json()["errors"][0]["message"] == "the database does not answer: try again later"
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"


def test_a_fault_after_the_answer_began_cuts_it_off(house, caplog):
    async def pieces():
        yield b"first"
        raise RuntimeError("canary")

    async def endpoint(_):
        return StreamingResponse(pieces())

    with pytest.raises(Exception, match="canary"):
        asyncio.run(_raw(application(house, [Route("/x", endpoint)]), "/x"))

    assert lines(caplog)[0].status == 200


async def _raw(app, path):
    sent, body = [], [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        if not body:
            await asyncio.Event().wait()  # the client stays
        return body.pop()

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "client": None,
        "server": ("dms.test", 80),
        "scheme": "http",
    }
    await app(scope, receive, send)
    return sent


def test_a_client_that_goes_away_is_no_fault(house, caplog):
    sent = asyncio.run(_raw(application(house, raising(ClientDisconnect())), "/room/1"))

    assert sent == []
    assert lines(caplog)[0].outcome == "client_gone"
    assert lines(caplog)[0].status is None


def test_a_request_from_nowhere_is_answered(house):
    sent = asyncio.run(_raw(application(house, [Route("/hello", hello)]), "/hello"))

    assert sent[0]["status"] == 200


def test_no_such_route_is_answered_in_the_same_shape(house):
    answer = client_of(house).get("/nothing/here")

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"


def test_the_router_may_refuse_in_a_way_that_has_no_words_of_its_own(house):
    from starlette.exceptions import HTTPException

    answer = client_of(house, *raising(HTTPException(418, headers={"X-Tea": "yes"}))).get("/room/1")

    assert (answer.status_code, answer.headers["x-tea"]) == (418, "yes")
    assert answer.json()["errors"][0]["message"] == "this cannot be answered"


def test_a_plain_error_without_a_status_is_a_fault():
    from starlette.requests import Request

    answer = asyncio.run(answers.plain_error(Request({"type": "http"}), ValueError("canary")))

    assert answer.status_code == 500
    assert b"canary" not in answer.body


def test_websockets_are_closed_and_the_start_is_let_through():
    seen, sent = [], []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    async def send(message):
        sent.append(message)

    async def receive():
        return {}

    for kind in ("lifespan", "websocket"):
        asyncio.run(Envelope(app)({"type": kind}, receive, send))

    assert seen == ["lifespan"]
    assert sent == [{"type": "websocket.close", "code": 1008}]


@pytest.fixture
def moved(fresh_settings, movable_clock):
    with opened_house(fresh_settings, clock=movable_clock) as made:
        yield made


def test_the_last_use_is_written_after_the_answer_once_a_minute(moved, movable_clock):
    user = World(moved).user("mara")
    stored = HASHER.hash("seven brown herons")
    moved.works.write(system_actor("test"), lambda work: login.set_password(work, user, password_hash=stored))
    with auth_client(moved, routes=[Route("/hello", hello)]) as client:
        answer = client.post("/auth/login", {"name": "mara", "password": "seven brown herons"})
        token = bearer(answer.json()["token"])
        began = movable_clock.now
        used = []
        for step in (MINUTE - 1, 1, 1):
            movable_clock.now += step
            client.get("/hello", **token)
            used.append(_last_used(moved) - began)

    assert used == [0, MINUTE, MINUTE]


def _last_used(house):
    with upkeep.reading(house.database) as connection:
        return connection.execute(text("SELECT last_used_at FROM bearer_token")).scalar_one()


def test_a_last_use_that_cannot_be_written_harms_no_answer(moved, movable_clock, caplog):
    user = World(moved).user()
    issued = moved.works.write(
        system_actor("test"),
        lambda work: tokens.issue(
            work, user, kind=TokenKind.SESSION, idle_s=3_600, absolute_s=3_600, note="test"
        ),
    )
    movable_clock.now += MINUTE

    async def break_the_table(_):
        with moved.database.keeper.begin() as connection:
            connection.execute(text("ALTER TABLE bearer_token RENAME TO elsewhere"))
        return Response("done")

    answer = client_of(moved, Route("/x", break_the_table)).get("/x", **bearer(issued.token))

    assert (answer.status_code, answer.text) == (200, "done")
    assert [r.message for r in caplog.records if r.levelname == "WARNING"] == ["last_use_not_written"]


def test_a_service_account_comes_with_its_key(house):
    service = World(house).principal(PrincipalKind.SERVICE)
    key = house.works.write(
        system_actor("test"),
        lambda work: tokens.issue(
            work, service, kind=TokenKind.KEY, idle_s=3_600, absolute_s=3_600, note="test"
        ),
    )

    async def who(request):
        return JSONResponse({"kind": request.scope["dms.actor"].kind})

    assert client_of(house, Route("/who", who)).get("/who", **bearer(key.token)).json() == {"kind": "service"}
