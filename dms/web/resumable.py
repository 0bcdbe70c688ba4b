"""Uploads that resume: tus 1.0 with creation, creation-with-upload, checksum, expiration and termination.

`POST /uploads` begins one, `PATCH` sends a part, `HEAD` tells how far it has come, `DELETE` gives it up.
Once whole it waits under its id until a mutation names it, like one that came by `PUT`.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from email.utils import formatdate
from functools import partial
from uuid import UUID

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from dms.base.clock import SECOND
from dms.base.errors import ArgumentInvalid, Deadline, DmsError, Limit, Unavailable
from dms.base.ids import new_id
from dms.base.settings import Settings
from dms.services import partialuploads
from dms.services.partialuploads import Standing
from dms.services.uploads import allowance_of
from dms.stores import formats
from dms.stores.blobs import PIECE_BYTES
from dms.stores.vault import Vault
from dms.stores.work import Works
from dms.web.answers import refusal
from dms.web.hops import Places, account_of, in_thread
from dms.web.parts import ChecksumDiffers, Part, PartIntake
from dms.web.uploads import PIECE_S, parse_upload_id
from dms.web.writers import Writers

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
ALGORITHMS = ("sha256", "sha1")
"""Of checksums; the protocol asks for the second."""

MAX_TOLD = 4_096
"""Characters that a sender may say of an upload."""

CHECKSUM_STATUS = 460
"""Of the protocol: the bytes of a part are not those of its checksum."""

_PART_TYPE = "application/offset+octet-stream"
_NUMBER = re.compile(r"[0-9]{1,18}")
_HEADERS = {"Tus-Resumable": VERSION}

Answering = Callable[[Request], Awaitable[Response]]


class Resumable:
    """Answers the methods of tus; `places` are shared with uploads of one piece."""

    def __init__(
        self, works: Works, vault: Vault, *, settings: Settings, threads: Executor, places: Places
    ) -> None:
        self._works = works
        self._vault = vault
        self._limit_bytes = settings.upload_limit_bytes
        self._allowance = allowance_of(settings)
        self._threads = threads
        self._places = places
        self._writers = Writers()

    def routes(self) -> list[Route]:
        """Return the routes beside `PUT`."""
        one = "/uploads/{upload_id}"
        return [
            Route("/uploads", self.tell, methods=["OPTIONS"]),
            Route("/uploads", _spoken(self.create), methods=["POST"]),
            Route(one, self.tell, methods=["OPTIONS"]),
            Route(one, _spoken(self.override), methods=["POST"]),
            Route(one, _spoken(self.head), methods=["HEAD"]),
            Route(one, _spoken(self.patch), methods=["PATCH"]),
            Route(one, _spoken(self.delete), methods=["DELETE"]),
        ]

    async def tell(self, _: Request) -> Response:
        """Say what of the protocol is spoken here."""
        headers = {
            **_HEADERS,
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(self._limit_bytes),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        }
        return Response(status_code=204, headers=headers)

    async def create(self, request: Request) -> Response:
        """Begin an upload; its first part may come along."""
        actor, _ = account_of(request.scope)
        length, told = self._length(request), _told(request)
        upload_id = new_id()
        start = partial(
            partialuploads.start,
            upload_id=upload_id,
            length_bytes=length,
            told=told,
            media_type=formats.declared(_metadata(told).get("filetype")),
            allowance=self._allowance,
        )
        begun = await in_thread(self._threads, lambda: self._works.write(actor, start, locks=("upload",)))
        if _is_part(request) or not length:
            begun = await self._receive(request, Part(upload_id, 0, _checksum(request)))
        headers = {"Location": f"/uploads/{upload_id}", **_position(begun)}
        return Response(status_code=201, headers={**_HEADERS, **headers})

    async def override(self, request: Request) -> Response:
        """Answer for clients that can send no `PATCH` or `DELETE`."""
        asked = {"PATCH": self.patch, "DELETE": self.delete, "HEAD": self.head}
        method = request.headers.get("x-http-method-override", "").upper()
        if method not in asked:
            raise ArgumentInvalid("send `PATCH`, or name it in `X-HTTP-Method-Override`")
        return await asked[method](request)

    async def head(self, request: Request) -> Response:
        """Tell how far an upload has come."""
        actor, _ = account_of(request.scope)
        find = partial(partialuploads.find, upload_id=_upload_id(request))
        found = await in_thread(self._threads, lambda: self._works.read(actor, find))
        told = {"Upload-Metadata": found.told} if found.told else {}
        headers = {"Upload-Length": str(found.length_bytes), "Cache-Control": "no-store", **told}
        return Response(headers={**_HEADERS, **headers, **_position(found)})

    async def patch(self, request: Request) -> Response:
        """Take a part in; what came of one whose line broke is kept too."""
        if not _is_part(request):
            error = ArgumentInvalid(f"send the part as `{_PART_TYPE}`")
            return refusal(error, request.scope, status=415, headers=_HEADERS)
        offset = _number(request, "Upload-Offset")
        kept = await self._receive(request, Part(_upload_id(request), offset, _checksum(request)))
        return Response(status_code=204, headers={**_HEADERS, **_position(kept)})

    async def delete(self, request: Request) -> Response:
        """Give an upload up."""
        actor, _ = account_of(request.scope)
        upload_id = _upload_id(request)

        def cancel() -> None:
            found = self._works.read(actor, partial(partialuploads.find, upload_id=upload_id))
            digest, staged = self._works.write(actor, partial(partialuploads.cancel, upload_id=upload_id))
            self._writers.forget(found.row_id)
            with suppress(Unavailable):  # no row names them: the sweep finds what stays
                if staged:
                    self._vault.store.drop_staged(staged)
                if digest:
                    self._vault.store.delete(digest)

        await in_thread(self._threads, cancel)
        return Response(status_code=204, headers=_HEADERS)

    def _length(self, request: Request) -> int:
        if "upload-defer-length" in request.headers:
            raise ArgumentInvalid("send `Upload-Length`: an upload of unknown length is not taken here")
        length = _number(request, "Upload-Length")
        if length > self._limit_bytes:
            raise _TooLarge(f"one upload may hold {self._limit_bytes} bytes: ask the administrator for more")
        return length

    async def _receive(self, request: Request, part: Part) -> Standing:
        actor, account_id = account_of(request.scope)
        with self._places.taken(account_id, size_bytes=0):
            intake = PartIntake(
                self._works,
                self._vault,
                self._writers,
                actor=actor,
                part=part,
                allowance=self._allowance,
            )
            rest: list[bytes] = []
            try:
                wanted = await in_thread(self._threads, intake.begin)
                _require_fit(request, wanted)
                await self._pour(request, intake, rest)
                return await in_thread(self._threads, partial(intake.finish, rest))
            except (ClientDisconnect, TimeoutError) as error:
                await in_thread(self._threads, partial(intake.cut, rest))
                if isinstance(error, TimeoutError):
                    raise Deadline("the part comes too slowly: send the rest") from error
                raise
            finally:
                await in_thread(self._threads, intake.close)

    async def _pour(self, request: Request, intake: PartIntake, rest: list[bytes]) -> None:
        """Hand whole pieces on as they arrive; what is left stays in `rest`."""
        collected = 0
        async with asyncio.timeout(PIECE_S) as patience:
            async for chunk in request.stream():
                rest.append(chunk)
                collected += len(chunk)
                if collected >= PIECE_BYTES:
                    pieces, collected = list(rest), 0
                    rest.clear()
                    await in_thread(self._threads, partial(intake.write, pieces))
                    patience.reschedule(asyncio.get_running_loop().time() + PIECE_S)


class _TooLarge(Limit):
    """More bytes than one upload may hold."""

    status = 413


def _spoken(answer: Answering) -> Answering:
    """Answer only who speaks our version of the protocol, and say so in every answer."""

    async def spoken(request: Request) -> Response:
        account_of(request.scope)
        if request.headers.get("tus-resumable") != VERSION:
            error = ArgumentInvalid(f"send `Tus-Resumable: {VERSION}`")
            headers = {**_HEADERS, "Tus-Version": VERSION}
            return refusal(error, request.scope, status=412, headers=headers)
        try:
            return await answer(request)
        except ChecksumDiffers as error:
            return refusal(error, request.scope, status=CHECKSUM_STATUS, headers=_HEADERS)
        except DmsError as error:
            return refusal(error, request.scope, headers=_HEADERS)

    return spoken


def _position(standing: Standing) -> Mapping[str, str]:
    expires = formatdate(standing.expires_at / SECOND, usegmt=True)
    return {"Upload-Offset": str(standing.offset), "Upload-Expires": expires}


def _upload_id(request: Request) -> UUID:
    return parse_upload_id(request.path_params["upload_id"])


def _is_part(request: Request) -> bool:
    return request.headers.get("content-type", "").strip().lower() == _PART_TYPE


def _number(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not _NUMBER.fullmatch(text):
        raise ArgumentInvalid(f"send `{header}` as a whole number of bytes")
    return int(text)


def _require_fit(request: Request, wanted: int) -> None:
    """Refuse a part that is too long before its bytes come, where its length is said."""
    length = request.headers.get("content-length", "")
    if _NUMBER.fullmatch(length) and int(length) > wanted:
        raise ArgumentInvalid(f"the part has {length} bytes, and the upload only wants {wanted} more")


def _checksum(request: Request) -> tuple[str, str] | None:
    text = request.headers.get("upload-checksum")
    if text is None:
        return None
    name, _, encoded = text.strip().partition(" ")
    if name not in ALGORITHMS:
        raise ArgumentInvalid(f"`Upload-Checksum` must be by {' or '.join(ALGORITHMS)}")
    try:
        return name, base64.b64decode(encoded, validate=True).hex()
    except ValueError as error:  # of letters beyond ASCII too
        raise ArgumentInvalid("`Upload-Checksum` must be `<algorithm> <base64>`") from error


def _told(request: Request) -> str | None:
    told = request.headers.get("upload-metadata")
    if told is not None and len(told) > MAX_TOLD:
        raise ArgumentInvalid(f"`Upload-Metadata` may have {MAX_TOLD} characters")
    _metadata(told)
    return told or None


def _metadata(told: str | None) -> Mapping[str, str]:
    """Return what a sender says of an upload: names and values in base64, apart by commas."""
    found: dict[str, str] = {}
    for pair in (told or "").split(","):
        name, _, encoded = pair.strip().partition(" ")
        try:
            value = base64.b64decode(encoded, validate=True).decode()
        except ValueError as error:
            raise ArgumentInvalid("`Upload-Metadata` must be pairs of `<name> <base64>`") from error
        if name in found:
            raise ArgumentInvalid(f"`Upload-Metadata` says `{name}` twice")
        found[name] = value
    return found
