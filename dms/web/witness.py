"""`POST /add-checkpoint`: a witness for the access logs of others (C2SP tlog-witness)."""

from __future__ import annotations

from functools import partial

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dms.access.log.witnessing import Witness
from dms.rules.witnessing import SIZE_TYPE, Verdict

MAX_BYTES = 65_536


def create_app(witness: Witness) -> Starlette:
    """Return the application of a witness."""
    return Starlette(routes=[Route("/add-checkpoint", partial(_add, witness), methods=["POST"])])


async def _add(witness: Witness, request: Request) -> Response:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BYTES:
            return PlainTextResponse("the request is too large\n", status_code=413)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return PlainTextResponse("the request is no text\n", status_code=400)
    answer = await run_in_threadpool(witness.add, text)
    media_type = SIZE_TYPE if answer.verdict is Verdict.OTHER_SIZE else "text/plain"
    return Response(answer.text, status_code=answer.verdict, media_type=media_type)
