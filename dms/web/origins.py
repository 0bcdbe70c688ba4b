"""Pages of other origins in browsers: which may call, and what they may read (decision 0019).

A browser says by itself where a page comes from, and no page can say otherwise. Programs that are no
browsers send neither `Origin` nor `Sec-Fetch-Site`, and pass.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dms.base.errors import Forbidden

READERS = "dms.readers"
"""Key of the `Readers` in the ASGI scope: the envelope puts them on the answer, whoever gives it."""

SHARED = ("/graphql", "/auth/", "/uploads", "/content/")
"""Where pages of allowed origins may call; everything else is for our own pages and for programs."""

PREFLIGHT_S = 600
"""How long a browser may remember a preflight: an origin that is taken off is out after this time."""

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_TOLD = {b"origin", b"sec-fetch-site", b"host", b"access-control-request-method"}

_METHODS = "DELETE, GET, HEAD, PATCH, POST, PUT"
_SENT = (
    "Authorization, Content-Type, Content-Digest, If-Match, If-None-Match, If-Range, Range, Repr-Digest, "
    "Tus-Resumable, Upload-Checksum, Upload-Length, Upload-Metadata, Upload-Offset, X-HTTP-Method-Override, "
    "X-Request-Id"
)
_READ = (
    "Accept-Ranges, Content-Disposition, Content-Range, ETag, Location, Repr-Digest, Retry-After, "
    "Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Expires, "
    "Upload-Length, Upload-Metadata, Upload-Offset, X-Request-Id"
)


@dataclass(frozen=True, slots=True)
class Readers:
    """Who may read an answer in a browser."""

    origin: str | None
    """None: only our own pages; a cache must keep the answers to others apart all the same."""

    def put_on(self, headers: MutableHeaders) -> None:
        """Say so in the headers of the answer."""
        headers.add_vary_header("Origin")
        if self.origin is not None:
            headers["Access-Control-Allow-Origin"] = self.origin
            headers["Access-Control-Expose-Headers"] = _READ


class Origins:
    """Lets pages of the allowed origins call the shared addresses, and stops all others that would write.

    Tokens travel in the `Authorization` header only, so a foreign page has none to send; this holds
    when there are cookies too. `Access-Control-Allow-Credentials` is never said.
    """

    def __init__(self, app: ASGIApp, *, allowed: frozenset[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or refuse it with 403."""
        if scope["type"] == "http":
            told = {name: value.decode("latin-1") for name, value in scope["headers"] if name in _TOLD}
            origin = self._shared_with(scope["path"], told.get(b"origin"))
            if self._allowed:
                scope[READERS] = Readers(origin)
            if _is_preflight(scope, told):
                await _preflight(origin)(scope, receive, send)
                return
            if origin is None and scope["method"] not in _READING and _is_foreign(told):
                raise Forbidden(
                    "pages of this origin may not call: its operator adds it to `DMS_CORS_ORIGINS`"
                )
        await self._app(scope, receive, send)

    def _shared_with(self, path: str, origin: str | None) -> str | None:
        """Return the origin if its pages may call this address."""
        return origin if origin in self._allowed and path.startswith(SHARED) else None


def _is_preflight(scope: Scope, told: dict[bytes, str]) -> bool:
    return scope["method"] == "OPTIONS" and b"access-control-request-method" in told and b"origin" in told


def _preflight(origin: str | None) -> Response:
    if origin is None:
        raise Forbidden("pages of this origin may not call this address")
    headers = {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": _SENT,
        "Access-Control-Max-Age": str(PREFLIGHT_S),
    }
    return Response(status_code=204, headers=headers)


def _is_foreign(told: dict[bytes, str]) -> bool:
    """Tell whether a page of another origin sent this."""
    site = told.get(b"sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    # An older browser. The scheme is not compared, since a proxy may have taken TLS off.
    origin = told.get(b"origin")
    return origin is not None and origin.partition("://")[2] != told.get(b"host")
