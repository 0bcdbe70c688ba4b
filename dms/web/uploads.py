"""`PUT /uploads/<uuid>`: bytes come in, sealed piece by piece, and wait until a mutation names them.

The id is made by the client and counts for its account only: two accounts that choose the same one
have two uploads and learn nothing of each other. No transaction and no lock is held while bytes arrive.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial
from uuid import UUID

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dms.base.clock import to_iso
from dms.base.errors import ArgumentInvalid, Deadline, Limit
from dms.base.settings import Settings
from dms.models.versions import Upload
from dms.services.uploads import allowance_of
from dms.stores import formats
from dms.stores.blobs import PIECE_BYTES
from dms.stores.vault import Vault
from dms.stores.work import Works
from dms.web.answers import refusal
from dms.web.hops import Places, account_of, in_thread
from dms.web.intake import Announced, Intake

PLACES = 32
PLACES_EACH = 8
PIECE_S = 120.0
"""How long one piece of 1 MiB may take to arrive: slower senders would hold their place for ever."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,18}")
_DIGEST = re.compile(r"[ \t]*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):[ \t]*")
_DIGEST_HEADERS = ("Repr-Digest", "Content-Digest")
_AS_IT_IS = ("Content-Encoding", "Content-Range")


def routes(
    works: Works, vault: Vault, *, settings: Settings, threads: Executor, places: Places | None = None
) -> list[Route]:
    """Return the route for the application; what may block runs in `threads`, within `places`."""
    places = places or Places(most=PLACES, most_each=PLACES_EACH)
    door = _Uploads(works, vault, settings=settings, threads=threads, places=places)
    return [Route("/uploads/{upload_id}", door.put, methods=["PUT"])]


class _Uploads:
    def __init__(
        self, works: Works, vault: Vault, *, settings: Settings, threads: Executor, places: Places
    ) -> None:
        self._works = works
        self._vault = vault
        self._limit_bytes = settings.upload_limit_bytes
        self._allowance = allowance_of(settings)
        self._threads = threads
        self._places = places

    async def put(self, request: Request) -> Response:
        """Receive one upload: 201, or 200 if the same bytes came under this id before."""
        actor, account_id = account_of(request.scope)
        refused = self._unread(request)
        if refused is not None:
            return refused
        announced = _announced(request)
        with self._places.taken(account_id, size_bytes=announced.size_bytes) as under_way_bytes:
            intake = Intake(self._works, self._vault, self._allowance, actor=actor, announced=announced)
            row = await self._receive(request, intake, under_way_bytes=under_way_bytes)
        return _answer(row, announced.upload_id, status=201 if intake.is_new else 200)

    def _unread(self, request: Request) -> Response | None:
        """Return the refusal of a request whose body need not be read."""
        length = request.headers.get("content-length")
        if length is None:
            error = ArgumentInvalid("send the size of the content in `Content-Length`")
            return refusal(error, request.scope, status=411)
        if not _LENGTH.fullmatch(length) or int(length) > self._limit_bytes:
            most = self._limit_bytes
            too_large = Limit(f"one upload may hold {most} bytes: ask the administrator for more")
            return refusal(too_large, request.scope, status=413)
        return None

    async def _receive(self, request: Request, intake: Intake, *, under_way_bytes: int) -> Upload:
        try:
            await in_thread(self._threads, partial(intake.begin, under_way_bytes=under_way_bytes))
            rest = await self._pour(request, intake)
            return await in_thread(self._threads, partial(intake.finish, rest))
        except BaseException:  # also of a request that is cancelled
            await in_thread(self._threads, intake.abort)
            raise

    async def _pour(self, request: Request, intake: Intake) -> list[bytes]:
        """Hand whole pieces on as they arrive, and return the rest."""
        rest: list[bytes] = []
        collected = 0
        try:
            async with asyncio.timeout(PIECE_S) as patience:
                async for chunk in request.stream():
                    rest.append(chunk)
                    collected += len(chunk)
                    if collected >= PIECE_BYTES:
                        await in_thread(self._threads, partial(intake.write, rest))
                        rest, collected = [], 0
                        patience.reschedule(asyncio.get_running_loop().time() + PIECE_S)
        except TimeoutError as error:
            raise Deadline("the content comes too slowly: send it again over a better line") from error
        return rest


def parse_upload_id(text: str) -> UUID:
    """Read the id of an upload from its address."""
    if not _UUID.fullmatch(text):
        raise ArgumentInvalid("the last part of the address must be a UUID that you make for this upload")
    return UUID(text)


def _announced(request: Request) -> Announced:
    upload_id = parse_upload_id(request.path_params["upload_id"])
    for header in _AS_IT_IS:
        if header in request.headers:
            raise ArgumentInvalid(f"send the whole content as it is, without `{header}`")
    return Announced(
        upload_id=upload_id,
        size_bytes=int(request.headers["content-length"]),
        media_type=formats.declared(request.headers.get("content-type")),
        digests=_digests(request.headers),
    )


def _digests(headers: Headers) -> Sequence[tuple[str, str]]:
    """Return the SHA-256 (hex) that each digest header names; other algorithms are not looked at."""
    found = []
    for header in _DIGEST_HEADERS:
        for member in ",".join(headers.getlist(header)).split(","):
            named = _DIGEST.fullmatch(member)
            if named is None and member.strip():
                raise ArgumentInvalid(f"`{header}` must be of the form `sha-256=:<base64>:`")
            if named is not None and named[1] == "sha-256":
                found.append((header, _sha256(header, named[2])))
    return found


def _sha256(header: str, written: str) -> str:
    try:
        digest = base64.b64decode(written, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != 32:
        raise ArgumentInvalid(f"`{header}` does not hold the 32 bytes of a SHA-256 in base64")
    return digest.hex()


def _answer(row: Upload, upload_id: UUID, *, status: int) -> Response:
    body = {
        "id": str(upload_id),
        "sizeBytes": row.plain_bytes,
        "sha256": row.plain_sha256,
        "mediaType": row.media_type,
        "expiresAt": to_iso(row.expires_at),
    }
    return Response(orjson.dumps(body), status_code=status, media_type="application/json")
