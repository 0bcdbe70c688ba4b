"""Errors over HTTP outside GraphQL: one JSON shape for all routes, and the code of `docs/errors.md`."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from dms.base import errors
from dms.base.errors import DmsError, DoorError

REQUEST_ID = "dms.request_id"
"""Key of the request's id in the ASGI scope."""

RETRY_AFTER_S = 1

_STATUS: Mapping[type[DmsError], int] = {
    errors.Invalid: 400,
    errors.NotFound: 404,
    errors.Denied: 403,
    errors.Conflict: 409,
    errors.State: 409,
    errors.OnHold: 409,
    errors.Clearance: 403,
    errors.Duty: 403,
    errors.SecondPerson: 403,
    errors.Idempotency: 409,
}

_PLAIN = {
    404: ("NOT_FOUND", "not found"),
    405: ("ARGUMENT_INVALID", "this method is not allowed here"),
    413: ("LIMIT", "the body is larger than this route accepts"),
    415: ("ARGUMENT_INVALID", "send the body as `application/json`"),
}


def refusal(
    error: DmsError, scope: Scope, *, status: int | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer a failure that the caller can do something about."""
    code = status or status_of(error)
    more = {**_headers(error, code), **(headers or {})}
    return _answer(error.message, error.code, scope=scope, status=code, headers=more, path=error.path)


def internal_error(scope: Scope) -> Response:
    """Answer a fault of ours: nothing of it shows but the id under which the log has it."""
    return _answer("internal error", "INTERNAL", scope=scope, status=500, headers={}, path=())


async def plain_error(request: Request, error: Exception) -> Response:
    """Answer what the router refuses by itself, in our shape: no such route, wrong method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    code, message = _PLAIN.get(status, ("ARGUMENT_INVALID", "this cannot be answered"))
    return _answer(message, code, scope=request.scope, status=status, headers=headers, path=())


def status_of(error: DmsError) -> int:
    """Return the HTTP status of a failure."""
    if isinstance(error, DoorError):
        return error.status
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 400)


def _headers(error: DmsError, status: int) -> dict[str, str]:
    if isinstance(error, errors.Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, errors.Throttled):
        return {"Retry-After": str(error.retry_after_s)}
    return {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}


def _answer(
    message: str,
    code: str,
    *,
    scope: Scope,
    status: int,
    headers: Mapping[str, str],
    path: tuple[str, ...],
) -> Response:
    extensions = {"code": code, "requestId": scope.get(REQUEST_ID, "")}
    entry: dict[str, object] = {"message": message, "extensions": extensions}
    if path:
        entry["path"] = list(path)
    return Response(
        orjson.dumps({"errors": [entry]}),
        status_code=status,
        headers=dict(headers),
        media_type="application/json",
    )
