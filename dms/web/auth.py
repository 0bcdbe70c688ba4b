"""`/auth`: log-in, log-out and one-time codes. Never GraphQL, so that no alias multiplies tries (R6)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dms.access import login
from dms.access.login import Entrance
from dms.base.actor import Actor, ActorKind
from dms.base.clock import to_iso
from dms.base.errors import Busy, Unauthenticated
from dms.web import bodies
from dms.web.middleware import ACTOR, LOG_FIELDS

PLACES = 16
"""Requests under `/auth` at once; most of them wait for a seat or a clock, not for a core."""

T = TypeVar("T")


class Auth:
    """The routes under `/auth`, with threads of their own: a storm here takes none from others."""

    def __init__(self, entrance: Entrance, *, places: int = PLACES) -> None:
        self._entrance = entrance
        self._places = places
        self._taken = 0
        self._threads = ThreadPoolExecutor(places, thread_name_prefix="auth")

    def routes(self) -> list[Route]:
        """Return the routes for the application."""
        return [
            Route("/auth/login", self.log_in, methods=["POST"]),
            Route("/auth/logout", self.log_out, methods=["POST"]),
            Route("/auth/code", self.use_code, methods=["POST"]),
        ]

    async def log_in(self, request: Request) -> Response:
        """`{name, password}` -> `{token, expiresAt}`."""
        sent = await bodies.texts(request, "name", "password")
        actor: Actor = request.scope[ACTOR]
        issued = await self._in_thread(
            lambda: login.log_in(self._entrance, actor, name=sent["name"], password=sent["password"])
        )
        request.scope[LOG_FIELDS]["account"] = issued.principal_id.hex
        answer = {"token": issued.token, "expiresAt": to_iso(issued.expires_at)}
        return Response(orjson.dumps(answer), media_type="application/json")

    async def log_out(self, request: Request) -> Response:
        """End the session of the token that was sent."""
        actor: Actor = request.scope[ACTOR]
        if actor.kind is ActorKind.ANONYMOUS:
            raise Unauthenticated("send the token of the session that is to end")
        await self._in_thread(lambda: login.log_out(self._entrance, actor))
        return Response(status_code=204)

    async def use_code(self, request: Request) -> Response:
        """`{code, password}`: choose the password of the account that the code is for."""
        sent = await bodies.texts(request, "code", "password")
        actor: Actor = request.scope[ACTOR]
        await self._in_thread(
            lambda: login.use_code(self._entrance, actor, code=sent["code"], password=sent["password"])
        )
        return Response(status_code=204)

    def close(self) -> None:
        """Wait for what is under way, and end the threads."""
        self._threads.shutdown()

    async def _in_thread(self, step: Callable[[], T]) -> T:
        if self._taken >= self._places:
            raise Busy("too many people log in at once: try again in a moment")
        self._taken += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, step)
        finally:
            self._taken -= 1
