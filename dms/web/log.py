"""`GET /log/..`: checkpoints and tiles of the access log, for everybody; entry bundles, for auditors.

The paths are those of C2SP tlog-tiles under the origin of a shard. Checkpoints and tiles name nobody and
nothing: they are static files, and fetching them leaves no event. An entry bundle holds events.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dms.access.log.shards import KEYS, LogPlace
from dms.access.log.tilestore import CHECKPOINT, COSIGNED
from dms.base.errors import NotFound
from dms.rules import tiles
from dms.rules.tiles import Tile
from dms.services import logfiles
from dms.stores.work import Works
from dms.web.hops import account_of, in_thread

_NUMBER = re.compile(r"0|[1-9][0-9]{0,5}")
_TEXT = "text/plain; charset=utf-8"
_BYTES = "application/octet-stream"
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
"""A tile never changes; one that is not full has its width in its path."""


def routes(works: Works, place: LogPlace, *, threads: Executor) -> list[Route]:
    """Return the routes for the application; what may block runs in `threads`."""
    door = _Files(works, place, threads)
    return [
        Route("/log/keys", door.keys, methods=["GET"]),
        Route("/log/{shard}/checkpoint", door.checkpoint, methods=["GET"]),
        Route("/log/{shard}/cosigned", door.cosigned, methods=["GET"]),
        Route("/log/{shard}/tile/entries/{path:path}", door.entries, methods=["GET"]),
        Route("/log/{shard}/tile/{level}/{path:path}", door.tile, methods=["GET"]),
    ]


class _Files:
    def __init__(self, works: Works, place: LogPlace, threads: Executor) -> None:
        self._works = works
        self._place = place
        self._threads = threads

    async def keys(self, _: Request) -> Response:
        """Answer with the public keys that ever signed."""
        found = await self._read((self._place.root / KEYS).read_bytes)
        return Response(found, media_type=_TEXT)

    async def checkpoint(self, request: Request) -> Response:
        """Answer with the newest checkpoint of a shard."""
        found = await self._read(partial(self._place.file, _number(request, "shard"), CHECKPOINT))
        return Response(found, media_type=_TEXT)

    async def cosigned(self, request: Request) -> Response:
        """Answer with the newest checkpoint of a shard that enough witnesses have cosigned."""
        found = await self._read(partial(self._place.file, _number(request, "shard"), COSIGNED))
        return Response(found, media_type=_TEXT)

    async def tile(self, request: Request) -> Response:
        """Answer with the hashes of a tile."""
        tile = _tile(request, _number(request, "level"))
        found = await self._read(partial(self._place.file, _number(request, "shard"), tile.path))
        return Response(found, media_type=_BYTES, headers=_FOR_EVER)

    async def entries(self, request: Request) -> Response:
        """Answer with the events of a tile; the reading is an event itself."""
        actor, _ = account_of(request.scope)
        released = partial(logfiles.bundle, tile=_tile(request, 0), shard=_number(request, "shard"))
        return Response(
            await in_thread(self._threads, partial(self._works.read, actor, released)), media_type=_BYTES
        )

    async def _read(self, step: Callable[[], bytes]) -> bytes:
        try:
            return await in_thread(self._threads, step)
        except FileNotFoundError:
            raise _absent() from None


def _tile(request: Request, level: int) -> Tile:
    try:
        return tiles.named(level, request.path_params["path"])
    except ValueError:
        raise _absent() from None


def _number(request: Request, name: str) -> int:
    text: str = request.path_params[name]
    if not _NUMBER.fullmatch(text):
        raise _absent()
    return int(text)


def _absent() -> NotFound:
    return NotFound("the access log has no such file")
