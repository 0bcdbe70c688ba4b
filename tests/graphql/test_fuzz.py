"""Whatever is sent: an answer in JSON that says what was wrong, and never a fault of the server."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from dms.access import tokens
from dms.access.hashing import HashPool
from dms.access.login import Entrance
from dms.access.passwords import PRESETS
from dms.base.actor import system_actor
from dms.graphql.execution import open_endpoint
from dms.models.users import TokenKind
from dms.web.answers import plain_error
from dms.web.auth import Auth
from dms.web.middleware import middlewares
from tests.examples import how_many

CODES = {
    *("ARGUMENT_INVALID", "CURSOR_INVALID", "FORBIDDEN", "LIMIT", "NOT_FOUND", "THROTTLED"),
    *("UNAUTHENTICATED", "VALIDATION"),
}
"""What a caller can bring about alone."""

EXAMPLES = Path(__file__).resolve().parents[2] / "schema" / "operations"
TEXTS = ["{ viewer { account { name } } }", *(f.read_text() for f in sorted(EXAMPLES.rglob("*.graphql")))]

PATHS = ["/graphql"] * 6 + [
    "/auth/code",
    "/auth/logout",
    "/auth/login",
    "/graphql/",
    "/",
    "/%00",
    "/log/keys",
]
HEADERS = {
    "accept": [
        "application/graphql-response+json",
        "*/*;q=0",
        "text/html",
        ";;,q=,",
        "application/json;q=1e9",
    ],
    "accept-encoding": ["gzip", "identity;q=0", "*", "gzip;q=\x00"],
    "content-encoding": ["gzip", "identity", ""],
    "content-length": ["0", "-1", "999999999", "9" * 400, "x", "²"],
    "cookie": ["token=x"],
    "origin": ["null", "https://evil.example", "http://dms.test", "\xff"],
    "sec-fetch-site": ["cross-site", "same-origin", "none", ""],
    "access-control-request-method": ["POST"],
    "x-request-id": ["a" * 20, "x", "\r\nset-cookie: a=b", "ä" * 10],
    "user-agent": ["", "\x00\x1b[31m", "x" * 5_000],
    "transfer-encoding": ["chunked"],
    "expect": ["100-continue"],
}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def bent_texts(draw):
    """An operation with a piece cut out, doubled or replaced."""
    text = draw(st.sampled_from(TEXTS))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 60)))
    piece = draw(
        st.sampled_from(["", text[start:end] * 3, "{", "}", '"', "...", "$", "@skip", "null", "\ud83d"])
    )
    return text[:start] + piece + text[end:]


bodies = st.fixed_dictionaries(
    {},
    optional={
        "query": st.sampled_from(TEXTS) | bent_texts() | values,
        "variables": st.dictionaries(st.sampled_from(["input", "id", "first", "after", "by"]), values)
        | values,
        "operationName": st.text(max_size=10) | values,
        "extensions": values | st.just({"persistedQuery": {}}),
        "documentId": st.text(max_size=10) | values,
    },
)
written = (
    bodies.map(lambda body: json.dumps(body).encode("utf-8", "surrogatepass"))
    | values.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=60)
    | bodies.map(lambda body: json.dumps(body, ensure_ascii=False).encode("utf-16", "surrogatepass"))
)
sent_headers = st.fixed_dictionaries({}, optional={name: st.sampled_from(HEADERS[name]) for name in HEADERS})


@dataclass
class Server:
    """The door as a server calls it, with the token of somebody who may little."""

    app: Starlette
    token: str

    def send(self, body, *, path="/graphql", method="POST", headers=(), query=b""):
        return asyncio.run(self._send(body, path=path, method=method, headers=headers, query=query))

    async def _send(self, body, *, path, method, headers, query):
        scope = {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query,
            "headers": [(name.encode(), value.encode("utf-8")) for name, value in headers],
            "client": None,
            "server": ("dms.test", 80),
        }
        sent = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        await self.app(scope, receive, send)
        answered = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], answered, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture(scope="module")
def server(house, world):
    endpoint = open_endpoint(house.settings, house.works)
    hashes = HashPool(PRESETS["test"])
    auth = Auth(Entrance(house.works, hashes, 3_600, 7_200, context=("Test archive",)))
    user = world.user()
    issued = house.works.write(
        system_actor("fuzz"),
        lambda work: tokens.issue(
            work, user, kind=TokenKind.SESSION, idle_s=3_600, absolute_s=7_200, note="log-in"
        ),
    )
    yield Server(
        Starlette(
            routes=[Route("/graphql", endpoint), *auth.routes()],
            middleware=middlewares(database=house.database, clock=house.works.clock),
            exception_handlers={HTTPException: plain_error},
        ),
        issued.token,
    )
    for part in (endpoint, auth, hashes):
        part.close()


def judge(answer):
    """No fault of the server: JSON, data or errors with a code and the id of the request."""
    status, headers, content = answer
    assert status < 500, answer
    assert "\n" not in headers["x-request-id"]
    if status in {204, 307}:
        assert content == b""
        return
    body = json.loads(content)
    assert headers["content-type"].partition(";")[0] in {
        "application/json",
        "application/graphql-response+json",
    }
    assert body.get("errors") or "data" in body
    for error in body.get("errors", ()):
        assert error["message"]
        assert error["extensions"]["code"] in CODES
        assert error["extensions"]["requestId"] == headers["x-request-id"]


@hypothesis.settings(max_examples=how_many(80, deep_share=2))
@example(b"{ " * 2_000)
@example(b"[" * 100_000)
@example(b'{"query": "{ ' + b"a { " * 450 + b'"}')
@example(b'{"query": "{ viewer { __typename } }", "variables": {"a": 1' + b"0" * 5_000 + b"}}")
@example(b'{"query": "\\ud800"}')
@example(b"\xff\xfe")
@example(b"")
@given(written)
def test_any_body_is_answered(server, body):
    headers = [("content-type", "application/json"), ("authorization", f"Bearer {server.token}")]

    judge(server.send(body, headers=headers))


@hypothesis.settings(max_examples=how_many(80, deep_share=2))
@given(st.data())
def test_any_headers_are_answered(server, data):
    body = data.draw(
        st.sampled_from([b'{"query": "{ viewer { account { name } } }"}', b"{}", b"", b'{"name": 1}'])
    )
    method = data.draw(st.sampled_from(["POST"] * 5 + ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "X"]))
    content_type = data.draw(
        st.sampled_from(["application/json"] * 3 + ["text/plain", ";", "", "application/json;"])
    )
    token = data.draw(
        st.sampled_from(
            [f"Bearer {server.token}"] * 3 + ["Bearer", "Basic eDp4", "Bearer \x00", "", "Bearer ä"]
        )
    )
    headers = {"content-type": content_type, "authorization": token, **data.draw(sent_headers)}
    query = data.draw(st.sampled_from([b""] * 6 + [b"a=b", b"query={x}", b"token=x", b"%ff%00", b"&&=;"]))
    path = data.draw(st.sampled_from(PATHS))

    judge(server.send(body, path=path, method=method, headers=headers.items(), query=query))
