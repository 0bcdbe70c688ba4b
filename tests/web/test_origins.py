"""Pages of other origins: nothing without being named, and no way to write without a preflight."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Route

from dms.access import tokens
from dms.app import create_app
from dms.base.actor import system_actor
from dms.models.users import TokenKind
from dms.web.answers import plain_error
from dms.web.middleware import Envelope, middlewares
from dms.web.origins import Origins
from tests.factories import World
from tests.web.conftest import Client, bearer

FRONT = "https://reading-room.example.org"
EVIL = "https://evil.example"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
PATHS = ["/graphql", "/auth/login", "/uploads/x", "/content/versions/x"]
NAMES = ["access-control-allow-origin", "access-control-allow-credentials", "access-control-allow-methods"]

done = []


async def act(request):
    done.append(request.url.path)
    return Response("done", headers={"Vary": "Accept"})


def front(*origins):
    done.clear()
    app = Starlette(
        routes=[Route("/{path:path}", act, methods=["GET", "POST", "PUT", "OPTIONS"])],
        middleware=[Middleware(Envelope), Middleware(Origins, allowed=frozenset(origins))],
        exception_handlers={HTTPException: plain_error},
    )
    return Client(app)


def told(answer):
    return [answer.headers.get(name) for name in NAMES]


@pytest.mark.parametrize("path", PATHS)
def test_nobody_is_named_so_no_page_of_another_origin_may_call(path):
    client = front()

    preflight = client.send("OPTIONS", path, headers={"Origin": FRONT, **ASKS})
    read = client.get(path, Origin=FRONT)

    assert (preflight.status_code, told(preflight)) == (403, [None, None, None])
    assert preflight.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert (read.status_code, told(read)) == (200, [None, None, None])


@pytest.mark.parametrize("path", PATHS)
def test_page_of_a_named_origin_may_call_and_read(path):
    client = front(FRONT)

    preflight = client.send("OPTIONS", path, headers={"Origin": FRONT, **ASKS})
    written = client.send("POST", path, headers={"Origin": FRONT, "Sec-Fetch-Site": "cross-site"})

    assert (preflight.status_code, told(preflight)) == (
        204,
        [FRONT, None, "DELETE, GET, HEAD, PATCH, POST, PUT"],
    )
    assert preflight.headers["access-control-max-age"] == "600"
    assert "Authorization, Content-Type" in preflight.headers["access-control-allow-headers"]
    assert (written.status_code, told(written)) == (200, [FRONT, None, None])
    assert "X-Request-Id" in written.headers["access-control-expose-headers"]
    assert done == [path]


def test_page_of_a_named_origin_may_read_why_it_was_refused(house):
    app = Starlette(
        middleware=middlewares(database=house.database, clock=house.works.clock, origins=frozenset({FRONT}))
    )

    refused = Client(app).get("/graphql", Origin=FRONT, Authorization="Bearer nothing")

    assert (refused.status_code, told(refused)[0]) == (401, FRONT)


@pytest.mark.parametrize("origin", [None, FRONT, EVIL])
def test_answers_to_different_origins_are_kept_apart_by_caches(origin):
    answer = front(FRONT).get("/content/x", **({"Origin": origin} if origin else {}))

    assert answer.headers["vary"] == "Accept, Origin"


@pytest.mark.parametrize("path", ["/log/keys", "/log/exports/x", "/readyz", "/healthz", "/"])
def test_other_addresses_are_shared_with_no_origin(path):
    client = front(FRONT)

    preflight = client.send("OPTIONS", path, headers={"Origin": FRONT, **ASKS})
    written = client.send("POST", path, headers={"Origin": FRONT})

    assert (preflight.status_code, written.status_code, done) == (403, 403, [])
    assert told(client.get(path, Origin=FRONT)) == [None, None, None]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": FRONT + ".evil.example"},
        {"Origin": FRONT.upper()},
        {"Origin": "http://dms.test:8080"},
        {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://dms.test", "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_page_of_another_origin_that_would_write_is_stopped_at_the_door(headers, method):
    answer = front(FRONT).send(method, "/graphql", headers=headers)

    assert (answer.status_code, told(answer), done) == (403, [None, None, None], [])
    assert answer.json()["errors"][0]["message"] == (
        "pages of this origin may not call: its operator adds it to `DMS_CORS_ORIGINS`"
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://dms.test"},
        {"Origin": "https://dms.test"},
        {"Origin": "https://archive.example.org", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
    ids=["a program", "our page", "our page, TLS ends in a proxy", "a proxy that renames us", "typed"],
)
def test_our_own_pages_and_programs_pass(headers):
    assert front().send("POST", "/graphql", headers=headers).status_code == 200


SIMPLE = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None]
"""What a page of another origin can send without asking: a form, a beacon, a fetch without CORS."""


def test_no_address_that_writes_takes_what_a_form_can_send(fresh_house):
    app = create_app(fresh_house)
    user = World(fresh_house).user()
    token = fresh_house.works.write(
        system_actor("test"),
        lambda work: tokens.issue(
            work, user, kind=TokenKind.SESSION, idle_s=3_600, absolute_s=7_200, note="log-in"
        ),
    ).token
    writing = [
        (method, route.path)
        for route in app.routes
        for method in sorted(getattr(route, "methods", None) or {"POST"})
        if method not in {"GET", "HEAD", "OPTIONS"}
    ]

    async def send_all():
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://dms.test") as client,
        ):
            return {
                (method, path, kind): await client.request(
                    method,
                    path,
                    content=b'{"query": "{ __typename }", "name": "a", "password": "b"}',
                    headers={**bearer(token), **({"Content-Type": kind} if kind else {})},
                )
                for method, path in writing
                if method == "POST" and path != "/auth/logout"
                for kind in SIMPLE
            }

    answers = asyncio.run(send_all())

    # PUT, PATCH and DELETE are never simple: a browser asks first. Nor is a header of our protocol of
    # uploads, without which they answer 412. Log-out takes no body, but a token in a header, which is
    # no more simple.
    assert writing == [
        ("POST", "/auth/login"),
        ("POST", "/auth/logout"),
        ("POST", "/auth/code"),
        ("PUT", "/uploads/{upload_id}"),
        ("POST", "/uploads"),
        ("POST", "/uploads/{upload_id}"),
        ("PATCH", "/uploads/{upload_id}"),
        ("DELETE", "/uploads/{upload_id}"),
        ("POST", "/graphql"),
    ]
    refused = {"/uploads": 412, "/uploads/{upload_id}": 412}
    codes = {request: answer.status_code for request, answer in answers.items()}
    assert codes == {request: refused.get(request[1], 415) for request in codes}
