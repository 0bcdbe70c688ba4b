"""The whole way of a request: the middleware with its tokens, then the endpoint with the real schema."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.routing import Route

from dms.access import tokens
from dms.access.tokens import Issued
from dms.base.actor import system_actor
from dms.graphql.execution import open_endpoint
from dms.house import House
from dms.models.users import TokenKind
from dms.web.middleware import middlewares


@dataclass
class Reply:
    status: int
    content: bytes

    @property
    def body(self):
        return json.loads(self.content)

    @property
    def data(self):
        assert "errors" not in self.body, self.body
        return self.body["data"]

    @property
    def bare(self) -> bytes:
        """The answer without its request id and the time of day, which alone may tell two apart."""
        body = self.body
        for key in ("remaining", "restoredAt"):
            body.get("extensions", {}).get("cost", {}).pop(key, None)
        for error in body.get("errors", ()):
            error["extensions"].pop("requestId", None)
        return json.dumps([self.status, body]).encode()


@dataclass
class Front:
    """Sends operations as whoever holds a token."""

    house: House
    app: Starlette

    def issue(self, user, *, kind=TokenKind.SESSION) -> Issued:
        """A token of a user, as a log-in gives it."""
        return self.house.works.write(
            system_actor("front"),
            lambda work: tokens.issue(work, user, kind=kind, idle_s=3_600, absolute_s=7_200, note="log-in"),
        )

    def ask(self, token: str | None, query: str, variables=None) -> Reply:
        """Send one operation; without a token as nobody."""
        return asyncio.run(self._send(token, json.dumps({"query": query, "variables": variables}).encode()))

    async def _send(self, token: str | None, body: bytes) -> Reply:
        headers = [(b"content-type", b"application/json")]
        if token is not None:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "root_path": "",
            "query_string": b"",
            "headers": headers,
            "client": ("192.0.2.1", 50_000),
        }
        sent = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        await self.app(scope, receive, send)
        return Reply(sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]))


@contextmanager
def opened_front(house: House):
    """The front of an installation for as long as the `with` lasts."""
    endpoint = open_endpoint(house.settings, house.works)
    app = Starlette(
        routes=[Route("/graphql", endpoint)],
        middleware=middlewares(database=house.database, clock=house.works.clock),
    )
    yield Front(house, app)
    endpoint.close()
