"""`GET /content/versions/<id>` and `/content/renditions/<id>`: bytes go out.

First the gate, then the access event, durable, then the first byte.

That order holds for HEAD, ranges and conditions too, so no answer is an oracle and nothing is read
unrecorded. Unknown, malformed and hidden ids take the same way and get the same answer.
"""

from __future__ import annotations

import asyncio
import base64
import string
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import assert_never
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from dms.base.clock import monotonic_s
from dms.base.errors import ArgumentInvalid, Invalid
from dms.base.ids import Kind, parse_id_of
from dms.base.settings import Settings
from dms.rules import text
from dms.services import renditions, versions
from dms.services.versions import ABSENT, VersionView
from dms.stores.vault import Vault
from dms.stores.work import Works
from dms.web.answers import refusal
from dms.web.conditions import Part, Verdict, judge
from dms.web.delivery import Delivery, Ending, Find, Stopped, release
from dms.web.hops import Places, account_of, in_thread
from dms.web.middleware import LOG_FIELDS

PLACES = 64
PLACES_EACH = 16
PIECE_S = 60.0
"""How long a client may take to accept one piece of 1 MiB."""

_NAMELESS = "content"
_IN_QUOTES = frozenset(string.ascii_letters + string.digits + " !#$&'()+,-.;=@[]^_`{}~")
_UNQUOTED = "!#$&+-.^_`|~"  # RFC 8187, attr-char


@dataclass(frozen=True, slots=True)
class _Manner:
    """How contents are handed out: no faster than so many bytes a second, 0 for any; kept below a rank."""

    bytes_per_s: int
    no_store_rank: int


def routes(works: Works, vault: Vault, *, settings: Settings, threads: Executor) -> list[Route]:
    """Return the routes for the application; what may block runs in `threads`."""
    places = Places(most=PLACES, most_each=PLACES_EACH)
    manner = _Manner(settings.download_bytes_per_s, settings.no_store_rank)
    return [
        Route(
            f"/content/{path}/{{id}}",
            _Contents(works, vault, manner, threads=threads, places=places, kind=kind, find=find),
            methods=["GET"],
        )
        for path, kind, find in (
            ("versions", Kind.VERSION, versions.content),
            ("renditions", Kind.RENDITION, renditions.content),
        )
    ]


class _Contents:
    """An ASGI application: what it sends depends on what the client still takes."""

    def __init__(
        self,
        works: Works,
        vault: Vault,
        manner: _Manner,
        *,
        threads: Executor,
        places: Places,
        kind: Kind,
        find: Find,
    ) -> None:
        self._works = works
        self._vault = vault
        self._manner = manner
        self._threads = threads
        self._places = places
        self._kind = kind
        self._find = find

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        actor, account_id = account_of(scope)
        with self._places.taken(account_id, size_bytes=0):
            asked = parse_id_of(self._kind, request.path_params["id"]) or ABSENT
            asking = partial(release, self._works, actor, asked, find=self._find)
            released = await in_thread(self._threads, asking)
            is_kept = released.ref.level_rank < self._manner.no_store_rank
            answer, part = _judged(request, released.ref.version, is_kept=is_kept)
            if part is None:
                await answer(scope, receive, send)
                return
            delivery = Delivery(self._works, self._vault, actor=actor, released=released, part=part)
            if request.method == "HEAD":
                await in_thread(self._threads, delivery.probe)
                await answer(scope, receive, send)
                return
            try:
                await self._deliver(delivery, answer, receive, send)
            finally:
                _log_ending(scope, delivery)
                await in_thread(self._threads, delivery.close)

    async def _deliver(self, delivery: Delivery, answer: Response, receive: Receive, send: Send) -> None:
        """Send the content piece by piece; a stop leaves the answer unfinished, so that it shows."""
        piece = await in_thread(self._threads, delivery.open)
        gone = asyncio.create_task(_until_gone(receive))
        began_s = monotonic_s()
        try:
            await send(_start_of(answer))
            while piece:
                await _send_piece(delivery, piece, gone, send)
                await self._rest(delivery.sent_bytes, began_s)
                piece = await in_thread(self._threads, delivery.next)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            delivery.ending = Ending.SENT
        except Stopped as stopped:
            delivery.ending = stopped.ending
        finally:
            gone.cancel()

    async def _rest(self, sent_bytes: int, began_s: float) -> None:
        """Wait until what was sent has had its time."""
        if self._manner.bytes_per_s:
            await asyncio.sleep(max(0.0, began_s + sent_bytes / self._manner.bytes_per_s - monotonic_s()))


async def _send_piece(delivery: Delivery, piece: bytes, gone: asyncio.Task[None], send: Send) -> None:
    if gone.done():
        raise Stopped(Ending.CLIENT_GONE)
    delivery.sent_bytes += len(piece)  # first: what is counted may not arrive, never the reverse
    try:
        async with asyncio.timeout(PIECE_S):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except TimeoutError as error:
        raise Stopped(Ending.STALLED) from error


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _start_of(answer: Response) -> Message:
    return {"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers}


def _judged(request: Request, version: VersionView, *, is_kept: bool) -> tuple[Response, Part | None]:
    """Return the answer, and the part of the content that belongs to it, if any."""
    part = judge(request.headers, method=request.method, etag=_etag(version), size_bytes=version.size_bytes)
    headers = _headers(version, is_kept=is_kept)
    match part:
        case Part():
            headers |= {"Content-Type": version.media_type, "Content-Length": str(part.length)}
            if part.is_whole:
                return Response(headers=headers), part
            last = part.start + part.length - 1
            headers["Content-Range"] = f"bytes {part.start}-{last}/{version.size_bytes}"
            return Response(status_code=206, headers=headers), part
        case Verdict.NOT_MODIFIED:
            return Response(status_code=304, headers=headers), None
        case Verdict.PRECONDITION_FAILED:
            error = ArgumentInvalid("the content is not the one that `If-Match` names: ask without it")
            return refusal(error, request.scope, status=412), None
        case Verdict.RANGE_NOT_SATISFIABLE:
            error = ArgumentInvalid(f"the range lies outside the {version.size_bytes} bytes of the content")
            size = {"Content-Range": f"bytes */{version.size_bytes}"}
            return refusal(error, request.scope, status=416, headers=size), None
        case _:
            assert_never(part)


def _headers(version: VersionView, *, is_kept: bool) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(version.sha256)).decode("ascii")
    return {
        "ETag": _etag(version),
        "Repr-Digest": f"sha-256=:{digest}:",
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache" if is_kept else "no-store",
        "Content-Disposition": _disposition(version.file_name),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }


def _etag(version: VersionView) -> str:
    return f'"{version.sha256}"'


def _disposition(file_name: str) -> str:
    """Offer the name in both forms (RFC 6266): plain letters for old clients, all of it for the others."""
    try:
        name = text.file_name(file_name)
    except Invalid:
        name = _NAMELESS
    plain = "".join(char if char in _IN_QUOTES else "_" for char in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_UNQUOTED)}"


def _log_ending(scope: Scope, delivery: Delivery) -> None:
    scope[LOG_FIELDS]["bytes"] = delivery.sent_bytes
    if delivery.ending is not Ending.SENT:
        scope[LOG_FIELDS]["outcome"] = delivery.ending.value
