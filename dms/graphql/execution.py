"""The endpoint `/graphql`: one request, one worker thread, one transaction, one access event."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from graphql import GraphQLError, ValueNode, VariableDefinitionNode
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.exceptions import StrawberryInputCoercionError

from dms.base import strictjson
from dms.base.actor import Actor, ActorKind
from dms.base.errors import (
    ArgumentInvalid,
    Busy,
    CursorInvalid,
    DmsError,
    DoorError,
    Forbidden,
    Limit,
    Throttled,
    Unauthenticated,
)
from dms.base.settings import Settings
from dms.graphql import answers
from dms.graphql.answers import Answer
from dms.graphql.asking import Asked, asked, parameters
from dms.graphql.buckets import LEAST, Buckets, Charge
from dms.graphql.context import Context, Door
from dms.graphql.errors import door_error
from dms.graphql.negotiation import GRAPHQL_JSON, JSON, answer_type, is_utf8_json, takes_gzip
from dms.graphql.operations import Operation, Operations, RefusedText
from dms.graphql.pool import Pool
from dms.graphql.schema import Schema, whole_schema
from dms.graphql.trusted import open_trusted
from dms.rules.accessevents import Op
from dms.stores.cursor_keys import CursorKeys
from dms.stores.work import Work, Works

ACTOR = "dms.actor"
"""Key of the ASGI scope under which the middleware leaves the Actor."""

REQUEST_ID = "dms.request_id"
"""Key of the ASGI scope under which the middleware leaves the request id."""

LOG_FIELDS = "dms.log_fields"
"""Key of the ASGI scope with a dict whose items join the request's line in the operational log."""

_NO_PARAMETERS = (
    "the address takes no parameters: send the operation in the body and the token in the "
    "`Authorization` header"
)
_ANONYMOUS = "log in first, then send the token in the `Authorization` header"
_TRUSTED_ONLY = "this server runs trusted documents only: send the `documentId` of one in place of `query`"
_MORE_HEADERS = {401: {"www-authenticate": "Bearer"}, 405: {"allow": "POST"}}

_log = logging.getLogger("dms")


@dataclass(frozen=True, slots=True)
class Terms:
    """What the headers of a request say of its answer."""

    media_type: str
    takes_gzip: bool
    reads_only: bool
    """Asked by GET, in the address."""

    @property
    def status(self) -> int:
        """Return the status of a text that cannot be executed."""
        return 400 if self.media_type == GRAPHQL_JSON else 200


class GraphQLEndpoint:
    """An ASGI application for one path; it expects the Actor and the request id in the scope."""

    def __init__(self, schema: Schema, *, settings: Settings, works: Works, cursor_keys: CursorKeys) -> None:
        self._schema = schema
        self._settings = settings
        self._works = works
        self._buckets = Buckets(
            max(settings.graphql_points // settings.server_processes, 1),
            per_s=max(settings.graphql_points_per_s // settings.server_processes, 1),
        )
        self._door = Door(settings, cursor_keys, self._buckets)
        self._operations = Operations(
            schema, production=settings.production, introspection=settings.allows_introspection
        )
        self._trusted = open_trusted(settings, schema)
        self._pool = Pool(settings.worker_threads, queue=settings.queue_limit, patience_s=settings.deadline_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        media_type = answer_type(request.headers.get("accept"))
        terms = Terms(
            media_type or JSON,
            takes_gzip(request.headers.get("accept-encoding", "")),
            reads_only=request.method == "GET" and self._settings.graphql_get,
        )
        if media_type is None:
            error = ArgumentInvalid(f"accept `{JSON}` or `{GRAPHQL_JSON}`")
            answer = answers.of_door_error(error, request_id=_request_id(scope), status=406)
        else:
            answer = await self._answered(request, terms)
        fields = scope.get(LOG_FIELDS, {})
        fields["code"], fields["text"] = answer.code, answer.text_sha256
        await _response(answer, terms.media_type)(scope, receive, send)

    def close(self) -> None:
        """Finish what was accepted, and accept nothing more."""
        self._pool.close()

    async def _answered(self, request: Request, terms: Terms) -> Answer:
        """Answer a request whose answer can be read by who sent it."""
        refused = partial(answers.of_door_error, request_id=_request_id(request.scope))
        if (refusal := self._unread(request, refused, terms)) is not None:
            return refusal
        limit = self._settings.body_limit_bytes
        body = request.scope["query_string"] if terms.reads_only else await _read(request, limit=limit)
        if body is None:
            return refused(Limit(f"the body is larger than {limit} bytes"), status=413)
        job = partial(self._perform, request.scope[ACTOR], body, terms=terms)
        try:
            return await self._pool.run(job)
        except Busy as busy:
            return refused(busy)

    def _unread(self, request: Request, refused: Callable[..., Answer], terms: Terms) -> Answer | None:
        """Return the refusal of a request whose body need not be read."""
        if request.method != "POST" and not terms.reads_only:
            return refused(ArgumentInvalid("send the operation with POST"), status=405)
        if request.scope["query_string"] and not terms.reads_only:
            return refused(ArgumentInvalid(_NO_PARAMETERS))
        actor: Actor | None = request.scope.get(ACTOR)
        if actor is None or (_is_anonymous(actor) and self._settings.introspection != "on"):
            return refused(Unauthenticated(_ANONYMOUS))
        return None if terms.reads_only else _unreadable(request, refused)

    def _perform(self, actor: Actor, body: bytes, *, terms: Terms) -> Answer:
        """Do one request in a worker thread, from its bytes to the bytes of its answer."""
        operation: Operation | RefusedText | None = None
        charge = Charge(self._buckets, actor.principal_id)
        try:
            charge.begin()
            request = asked(parameters(body) if terms.reads_only else strictjson.decode(body))
            operation = self._prepared(actor, request, charge)
            if terms.reads_only and isinstance(operation, Operation) and operation.writes:
                error = ArgumentInvalid("send a mutation with POST")
                return answers.of_door_error(error, request_id=actor.request_id, status=405)
            answer = self._run(actor, operation, request.variables, charge=charge, status=terms.status)
        except Throttled as error:
            answer = answers.of_door_error(error, request_id=actor.request_id, cost=charge.shown())
        except DoorError as error:
            cost = None if operation is None else charge.shown()
            has_begun = operation is not None
            answer = answers.of_door_error(error, request_id=actor.request_id, has_begun=has_begun, cost=cost)
        except (OperationalError, InterfaceError, PoolTimeout):
            raise  # the database is gone: the middleware says so for every route
        except Exception:  # noqa: BLE001  the door: the caller learns only that it happened
            _log.exception("graphql_failed", extra={"request_id": actor.request_id})
            answer = answers.of_bug(actor.request_id)
        if operation is None:
            return answer
        answer = replace(answer, text_sha256=operation.text_sha256)
        if isinstance(operation, Operation) and not operation.writes and terms.takes_gzip:
            return answers.compressed(answer, level=self._settings.compression_level)
        return answer

    def _prepared(self, actor: Actor, request: Asked, charge: Charge) -> Operation | RefusedText:
        """Return what a request runs; `DoorError` if it names nothing that its sender may run."""
        is_trusted = request.document_id is not None
        text = self._trusted.text_for(actor.kind, request)
        if not is_trusted and self._trusted.refuses_texts_of(actor.kind):
            sha256 = hashlib.sha256(text.encode()).hexdigest()
            return RefusedText(sha256, ArgumentInvalid.code, (GraphQLError(_TRUSTED_ONLY),))
        operation = self._operations.prepare(
            text,
            request.operation_name,
            is_trusted=is_trusted,
            variables=request.variables,
            on_new=charge.read,
        )
        if _is_anonymous(actor) and not (isinstance(operation, Operation) and operation.is_introspection):
            raise Unauthenticated(_ANONYMOUS)
        return operation

    def _run(
        self,
        actor: Actor,
        operation: Operation | RefusedText,
        variables: dict[str, Any] | None,
        *,
        charge: Charge,
        status: int,
    ) -> Answer:
        """Run a prepared operation as one unit of work, and encode what it gave once that is recorded."""
        if isinstance(operation, RefusedText):
            self._works.read(actor, partial(_note_refused, operation))
            return answers.of_refused_text(operation, status=status, request_id=actor.request_id)
        charge.execute(operation.price.of(variables))
        body = partial(self._execute, operation, variables)
        try:
            if operation.writes:
                result = self._works.write(actor, body, locks=operation.locks)
            else:
                result = self._works.read(actor, body)
        except (Forbidden, ArgumentInvalid, CursorInvalid):
            if operation.has_one_root:
                charge.settle(LEAST)
            raise
        if isinstance(result, RefusedText):
            charge.settle(LEAST)
            return answers.of_refused_text(result, status=status, request_id=actor.request_id)
        charge.settle(operation.points_of(result, variables))
        return answers.of_data(result, cost=charge.shown())

    def _execute(
        self, operation: Operation, variables: dict[str, Any] | None, work: Work
    ) -> dict[str, Any] | RefusedText:
        """Execute in a unit of work. It may be called again, so it keeps nothing."""
        work.notes.text_sha256 = operation.text_sha256
        if variables:
            work.notes.detail["variables"] = variables
        shapes = operation.shapes if self._settings.graphql_compiled else None
        context = Context(work, self._door, operation.document, shapes)
        result = self._schema.perform(context, variables=variables, operation_name=operation.name)
        if not work.notes.ops:
            # No root field of ours ran: wrong values, or introspection and skipped fields only.
            work.performs(Op.GRAPHQL_INVALID if result.errors else Op.SERVER_READ)
        if context.stopped is not None:
            raise context.stopped
        if not result.errors:
            return result.data or {}
        refused = _refused(result.errors, operation)
        _note_refused(refused, work)
        return refused


def open_endpoint(settings: Settings, works: Works, schema: Schema | None = None) -> GraphQLEndpoint:
    """Return the endpoint of an installation; its cursor keys are made at the first start."""
    return GraphQLEndpoint(
        schema or whole_schema(),
        settings=settings,
        works=replace(works, stops_late=True),
        cursor_keys=CursorKeys.open(settings.home),
    )


def _unreadable(request: Request, refused: Callable[..., Answer]) -> Answer | None:
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.strip().lower() not in {"", "identity"}:
        # Unpacked it could be a thousand times what the limit of bytes saw.
        return refused(ArgumentInvalid("send the body as it is, without `Content-Encoding`"), status=415)
    content_types = request.headers.getlist("content-type")
    if len(content_types) != 1 or not is_utf8_json(content_types[0]):
        return refused(ArgumentInvalid(f"send the body as `{JSON}` in UTF-8"), status=415)
    return None


async def _read(request: Request, *, limit: int) -> bytes | None:
    """Return the body; None as soon as it is too large."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:20]) > limit:
        return None
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _refused(errors: Sequence[GraphQLError], operation: Operation) -> RefusedText:
    """Return what the caller asked wrongly; raise whatever else went wrong.

    graphql-core turns every exception of a resolver into a field error. Here it becomes an exception
    again, so that the unit of work undoes the operation, or runs it once more.
    """
    for error in errors:
        if not _is_about_input(error):
            raise _cause(error)
        if error.path is not None:
            # Other root fields may have run.
            raise ArgumentInvalid(error.message) from error
    return RefusedText(operation.text_sha256, ArgumentInvalid.code, tuple(errors))


def _is_about_input(error: GraphQLError) -> bool:
    """Tell whether the caller's values are at fault: nothing else is reported at a value's place."""
    # In a text it is wrapped; of a variable it comes as it is.
    if any(isinstance(each, StrawberryInputCoercionError) for each in (error, error.original_error)):
        return True
    return isinstance(next(iter(error.nodes or ()), None), (ValueNode, VariableDefinitionNode))


def _cause(error: GraphQLError) -> Exception:
    original = error.original_error or error
    if isinstance(original, DmsError):
        return door_error(original) or original
    return original


def _note_refused(refused: RefusedText, work: Work) -> None:
    work.notes.text_sha256 = refused.text_sha256
    work.performs(Op.GRAPHQL_INVALID)
    work.refuses(None, action=Op.GRAPHQL_INVALID, reason=refused.code.lower(), exists=False)


def _request_id(scope: Scope) -> str:
    return str(scope.get(REQUEST_ID, ""))


def _is_anonymous(actor: Actor) -> bool:
    return actor.kind is ActorKind.ANONYMOUS


def _response(answer: Answer, media_type: str) -> Response:
    headers = {
        "content-type": f"{media_type}; charset=utf-8",
        "cache-control": "no-store",
        "vary": "Accept, Accept-Encoding",
    }
    if answer.encoding is not None:
        headers["content-encoding"] = answer.encoding
    if answer.retry_after_s is not None:
        headers["retry-after"] = str(answer.retry_after_s)
    headers |= _MORE_HEADERS.get(answer.status, {})
    return Response(answer.content, answer.status, headers)
