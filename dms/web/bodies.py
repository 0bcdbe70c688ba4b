"""Small JSON bodies: read within bounds, decoded strictly, with no field that nobody knows."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request

from dms.base import strictjson
from dms.base.errors import ArgumentInvalid

LIMIT_BYTES = 8_192
"""Room for a password of 1,024 bytes in the longest way JSON can write it."""


async def texts(request: Request, *fields: str) -> Mapping[str, str]:
    """Read a JSON object with exactly these fields, all of them texts."""
    value = strictjson.decode(await _bytes(request), max_depth=2, max_list=0, max_values=16)
    if not isinstance(value, dict):
        raise ArgumentInvalid("the body must be one JSON object")
    for name in fields:
        if not isinstance(value.get(name), str):
            raise ArgumentInvalid(f"`{name}` is needed, as a text", path=(name,))
    if len(value) > len(fields):
        known = " and ".join(f"`{name}`" for name in fields)
        raise ArgumentInvalid(f"the body must hold {known} and nothing else")
    return value


async def _bytes(request: Request) -> bytes:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise HTTPException(415)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LIMIT_BYTES:
            raise HTTPException(413)
    return bytes(body)
