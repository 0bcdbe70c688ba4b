"""`GET /log/exports/<id>`: a finished export goes out, to the account that asked for it.

Each fetch is an event before the first byte. While a large file is on its way, token and duty are asked about
again, as for content; a fetch that was cut short begins anew, there are no ranges.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from dms.access import tokens
from dms.access.log.again import asking_again
from dms.base.actor import Actor
from dms.base.errors import NotFound, Unavailable
from dms.base.ids import Kind, parse_id_of
from dms.models.logexports import LogExport
from dms.rules.logexports import ExportFormat
from dms.services import logexports
from dms.services.versions import ABSENT
from dms.stores.exportjobs import file_of
from dms.stores.work import Works
from dms.web.hops import Places, account_of, in_thread

PIECE_BYTES = 1 << 20
ASK_BYTES = 16 * PIECE_BYTES
"""After so many bytes it is asked again whether they may go out."""

PLACES, PLACES_EACH = 8, 2

_MEDIA_TYPES = {
    ExportFormat.JSONL: "application/jsonl",
    ExportFormat.CSV: "text/csv; charset=utf-8; header=present",
    ExportFormat.OCSF: "application/jsonl",
}
_ENDINGS = {ExportFormat.JSONL: "jsonl", ExportFormat.CSV: "csv", ExportFormat.OCSF: "ocsf.jsonl"}


def routes(works: Works, home: Path, *, threads: Executor) -> list[Route]:
    """Return the route for the application; what may block runs in `threads`."""
    door = _Exports(works, home, threads)
    return [Route("/log/exports/{export_id}", door.fetch, methods=["GET"])]


class _Exports:
    """Hands out finished exports."""

    def __init__(self, works: Works, home: Path, threads: Executor) -> None:
        self._works = works
        self._home = home
        self._threads = threads
        self._places = Places(most=PLACES, most_each=PLACES_EACH)

    async def fetch(self, request: Request) -> Response:
        """Answer one request."""
        actor, account_id = account_of(request.scope)
        export_id = parse_id_of(Kind.LOG_EXPORT, request.path_params["export_id"]) or ABSENT
        with self._places.taken(account_id, size_bytes=0):
            row = await in_thread(self._threads, partial(self._released, actor, export_id))
            file = await in_thread(self._threads, partial(_opened, file_of(self._home, row.id)))
        name = f"access-log-{row.id.hex}.{_ENDINGS[row.format]}"
        return StreamingResponse(
            self._pieces(file, actor, row.id, account_id),
            media_type=_MEDIA_TYPES[row.format],
            headers={
                "Content-Length": str(row.size_bytes),
                "Content-Disposition": f'attachment; filename="{name}"',
                "Content-Security-Policy": "sandbox; default-src 'none'",
                "Repr-Digest": f"sha-256=:{_base64(row)}:",
            },
        )

    def _released(self, actor: Actor, export_id: UUID) -> LogExport:
        return self._works.read(actor, partial(logexports.fetch, export_id=export_id))

    async def _pieces(
        self, file: BinaryIO, actor: Actor, export_id: UUID, account_id: UUID
    ) -> AsyncIterator[bytes]:
        sent = asked_at = 0
        with file, self._places.taken(account_id, size_bytes=0):
            while piece := await in_thread(self._threads, partial(file.read, PIECE_BYTES)):
                if sent - asked_at >= ASK_BYTES:
                    await in_thread(self._threads, partial(self._ask_again, actor, export_id))
                    asked_at = sent
                sent += len(piece)
                yield piece

    def _ask_again(self, actor: Actor, export_id: UUID) -> None:
        # What is raised here ends the answer in its middle, so that it shows.
        tokens.require_living(self._works.database, actor.session_id)
        again = asking_again(self._works, released=[export_id])
        again.read(actor, partial(logexports.require_fetching, export_id=export_id))


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise Unavailable(
            "the file of this export is not on this machine: ask for the export anew"
        ) from error


def _base64(row: LogExport) -> str:

    if row.sha256 is None:
        raise NotFound
    return base64.b64encode(bytes.fromhex(row.sha256)).decode("ascii")
