"""What leaves the door: status, bytes, and when to try again."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, replace

import orjson

from dms.base.errors import Busy, Deadline, DoorError, NotRecorded, Throttled, Unavailable
from dms.graphql.errors import of_text, top_level
from dms.graphql.operations import RefusedText

RETRY_AFTER_S = 1

COMPRESSED_FROM = 1_024
"""Bytes; a smaller answer fits a packet as it is."""

_PASSING = (Busy, Deadline, NotRecorded, Unavailable)
"""What may be gone in a moment."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer before it gets its media type."""

    status: int
    content: bytes
    retry_after_s: int | None = None
    code: str | None = None
    """Why it holds no data; None if it does."""
    text_sha256: str | None = None
    """Digest of the operation text, for the operational log."""
    encoding: str | None = None
    """How the content is compressed; None if it is as it is."""


def of_data(data: object, *, cost: Mapping[str, object]) -> Answer:
    """Answer with what an operation gave, and what it cost."""
    return Answer(200, orjson.dumps({"data": data, "extensions": {"cost": cost}}))


def compressed(answer: Answer, *, level: int) -> Answer:
    """Return an answer with gzip if that is worth it: `level` 0, small answers and errors stay plain.

    Only for queries: what a mutation answers may hold a one-time code or a service key (decision 0019).
    """
    if level == 0 or answer.code is not None or len(answer.content) < COMPRESSED_FROM:
        return answer
    content = gzip.compress(answer.content, level, mtime=0)
    return replace(answer, content=content, encoding="gzip")


def of_refused_text(refused: RefusedText, *, status: int, request_id: str) -> Answer:
    """Answer a text or variables that were never executed: without `data`, as the protocol asks."""
    entries = of_text(refused.errors, code=refused.code, request_id=request_id)
    return Answer(status, orjson.dumps({"errors": entries}), code=refused.code)


def of_door_error(
    error: DoorError,
    *,
    request_id: str,
    has_begun: bool = False,
    status: int | None = None,
    cost: Mapping[str, object] | None = None,
) -> Answer:
    """Answer what stopped the request; `has_begun` if there was a unit of work, now undone."""
    entry = top_level(error.message, code=error.code, request_id=request_id)
    after = error.retry_after_s if isinstance(error, Throttled) else None
    if isinstance(error, _PASSING):
        after = RETRY_AFTER_S
    content = _encoded(entry, has_begun=has_begun, cost=cost)
    return Answer(status or error.status, content, after, error.code)


def of_bug(request_id: str) -> Answer:
    """Answer what nobody expected; the operational log has the rest under the request id."""
    entry = top_level("internal error", code="INTERNAL", request_id=request_id)
    return Answer(500, _encoded(entry, has_begun=True), code="INTERNAL")


def _encoded(entry: dict[str, object], *, has_begun: bool, cost: Mapping[str, object] | None = None) -> bytes:
    body: dict[str, object] = {"data": None} if has_begun else {}
    body["errors"] = [entry]
    if cost is not None:
        body["extensions"] = {"cost": cost}
    return orjson.dumps(body)
