"""What every request passes: its id, its answer's headers, its log line, and who sends it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qsl, unquote
from uuid import UUID

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dms.access import tokens
from dms.access.tokens import Holder
from dms.base.actor import Actor, ActorKind, Source, anonymous_actor
from dms.base.clock import Clock, monotonic_s
from dms.base.errors import ArgumentInvalid, DmsError, Unauthenticated, Unavailable
from dms.base.ids import new_id
from dms.models.users import PrincipalKind
from dms.stores.engine import Database
from dms.web.answers import REQUEST_ID, internal_error, refusal
from dms.web.origins import READERS, Origins

ACTOR = "dms.actor"
"""Key of the `Actor` in the ASGI scope."""

LOG_FIELDS = "dms.log_fields"
"""Key of a dict in the ASGI scope; what a route puts there joins the request's log line."""

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/auth/login", "/auth/code"})
"""Where nobody has a token yet: one that is sent all the same is not looked at."""

QUIET_PATHS = frozenset({"/healthz", "/readyz"})

_SANE_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_TOKEN_IN_URL = re.compile(r"dms_[a-z]_[0-9A-Za-z]")
_TOKEN_NAMES = frozenset({"token", "access_token", "auth_token", "id_token", "bearer", "authorization"})
_MAX_USER_AGENT = 200

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer that does not set its own."""

_HSTS = "max-age=31536000"

T = TypeVar("T")

_log = logging.getLogger("dms.web")

_ACTOR_KINDS = {PrincipalKind.USER: ActorKind.USER, PrincipalKind.SERVICE: ActorKind.SERVICE}


def middlewares(
    *, database: Database, clock: Clock, origins: frozenset[str] = frozenset()
) -> list[Middleware]:
    """Return what stands before every route, outermost first."""
    return [
        Middleware(Envelope),
        Middleware(Origins, allowed=origins),
        Middleware(Authentication, database=database, clock=clock),
    ]


class Envelope:
    """Outermost: gives the request its id, the answer its headers, and the log its line.

    Also the last resort: whatever a route raises becomes an answer without internals (R49).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; anything but HTTP and the start and stop of the server is closed."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._handle(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        scope[REQUEST_ID] = _request_id(headers.get("x-request-id"))
        scope[ACTOR] = anonymous_actor(scope[REQUEST_ID], source=_source(scope, headers))
        scope[LOG_FIELDS] = {}
        exchange = _Exchange(scope, send, monotonic_s())
        try:
            await self._answer(exchange, receive)
        finally:
            exchange.log()

    async def _answer(self, exchange: _Exchange, receive: Receive) -> None:
        try:
            await self._app(exchange.scope, receive, exchange.send)
        except ClientDisconnect:
            exchange.scope[LOG_FIELDS]["outcome"] = "client_gone"
        except Exception as error:
            answer = _answer_to(error, exchange.scope)
            if exchange.status is not None:  # part of another answer is already on its way
                raise
            await answer(exchange.scope, receive, exchange.send)


@dataclass(slots=True)
class _Exchange:
    """One request and its answer."""

    scope: Scope
    _send: Send
    began_s: float
    status: int | None = None

    async def send(self, message: Message) -> None:
        """Pass a message on; the first one gets the headers that are missing."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            _complete(MutableHeaders(scope=message), self.scope)
        await self._send(message)

    def log(self) -> None:
        """Write the request's line: the room of the path, never the path, which holds ids."""
        level = logging.DEBUG if self.scope["path"] in QUIET_PATHS else logging.INFO
        if not _log.isEnabledFor(level):
            return
        actor: Actor = self.scope[ACTOR]
        fields = {
            "request_id": self.scope[REQUEST_ID],
            "account": actor.principal_id.hex if actor.principal_id else None,
            "method": self.scope["method"],
            "room": _room(self.scope["path"]),
            "status": self.status,
            "ms": round((monotonic_s() - self.began_s) * 1000, 1),
            **self.scope[LOG_FIELDS],
        }
        _log.log(level, "request", extra=fields)


class Authentication:
    """Turns the bearer token into the `Actor` in the scope; no token, no account.

    Only the `Authorization` header is read. A token in the address is refused, since addresses end
    up in logs and histories (R15); cookies are not looked at.
    """

    def __init__(self, app: ASGIApp, *, database: Database, clock: Clock, threads: int = 4) -> None:
        self._app = app
        self._database = database
        self._clock = clock
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="tokens")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate one request, or answer it with 401."""
        token = _bearer_token(scope) if scope["type"] == "http" else None
        if token is None:
            await self._app(scope, receive, send)
            return
        holder = await self._in_thread(lambda: tokens.look_up(self._database, token, now=self._clock()))
        if holder is None:
            raise Unauthenticated("the token does not count (any more): log in again")
        scope[ACTOR] = _actor(scope[ACTOR], holder)
        await self._app(scope, receive, send)
        if holder.is_touch_due:
            await self._in_thread(lambda: self._touch(holder.token_id))

    def _touch(self, token_id: UUID) -> None:
        # The answer is out: whatever fails here is tried again with the next request.
        try:
            tokens.touch(self._database, token_id, now=self._clock())
        except DBAPIError:
            _log.warning("last_use_not_written", exc_info=True)

    async def _in_thread(self, step: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, step)


def _answer_to(error: Exception, scope: Scope) -> Response:
    if isinstance(error, DmsError):
        scope[LOG_FIELDS].setdefault("refusal", error.code)
        return refusal(error, scope)
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        _log.error("database_unavailable", exc_info=error, extra={"request_id": scope[REQUEST_ID]})
        return refusal(Unavailable("the database does not answer: try again later"), scope)
    _log.error("unexpected", exc_info=error, extra={"request_id": scope[REQUEST_ID]})
    return internal_error(scope)


def _request_id(offered: str | None) -> str:
    """Take over an id only if it can neither forge a line nor carry a token."""
    return offered if offered and _SANE_ID.fullmatch(offered) else new_id().hex


def _source(scope: Scope, headers: Headers) -> Source:
    client = scope.get("client")
    agent = "".join(c for c in headers.get("user-agent", "") if c.isprintable())[:_MAX_USER_AGENT]
    return Source(address=client[0] if client else None, user_agent=agent or None)


def _complete(headers: MutableHeaders, scope: Scope) -> None:
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if scope.get("scheme") == "https":
        headers.setdefault("Strict-Transport-Security", _HSTS)
    headers["X-Request-Id"] = scope[REQUEST_ID]
    if READERS in scope:
        scope[READERS].put_on(headers)


def _room(path: str) -> str:
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    return first if first.isascii() and first.isalpha() and len(first) <= 20 else "other"


def _bearer_token(scope: Scope) -> str | None:
    """Return the token of a request; None where there is none, or none is wanted."""
    if _has_token_in_url(scope):
        raise ArgumentInvalid(
            "a token in the address is refused: send it in the `Authorization` header, and log this one out"
        )
    sent = Headers(scope=scope).getlist("authorization")
    if not sent or scope["path"] in OPEN_PATHS:
        return None
    scheme, _, token = sent[0].partition(" ")
    if len(sent) > 1 or scheme.lower() != "bearer" or not token:
        raise Unauthenticated("send one `Authorization` header of the form `Bearer <token>`")
    return token.strip()


def _has_token_in_url(scope: Scope) -> bool:
    query = scope["query_string"].decode("latin-1")
    if _TOKEN_IN_URL.search(scope["path"]) or _TOKEN_IN_URL.search(unquote(query)):
        return True
    names = {name.lower() for name, _ in parse_qsl(query, keep_blank_values=True)} if query else set()
    return not names.isdisjoint(_TOKEN_NAMES)


def _actor(anonymous: Actor, holder: Holder) -> Actor:
    return Actor(
        _ACTOR_KINDS[holder.principal_kind],
        holder.principal_id,
        holder.token_id,
        anonymous.request_id,
        anonymous.source,
    )
