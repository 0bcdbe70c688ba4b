"""What can go wrong, one class per thing that a caller can do about it.

`DmsError` subclasses are answers: GraphQL shows each in the payload of a mutation under the name in
`api.md` section 1. `DoorError` subclasses never reach a payload: they stop the whole operation and
appear as a top-level error with their code and HTTP status.
"""

from __future__ import annotations

from typing import ClassVar


class DmsError(Exception):
    """An expected failure with a stable code and the input path it speaks of."""

    code: ClassVar[str] = "ERROR"

    def __init__(self, message: str, *, path: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class Invalid(DmsError):
    """Input that can never be accepted as it stands; shown as `ValidationError`."""

    code = "VALIDATION"


class NotFound(DmsError):
    """Absent or hidden: the caller learns no more than that."""

    code = "NOT_FOUND"

    def __init__(self, message: str = "not found", *, path: tuple[str, ...] = ()) -> None:
        super().__init__(message, path=path)


class Denied(DmsError):
    """The actor may discover the thing, but its access list does not give the action."""

    code = "DENIED"

    def __init__(self, message: str, *, action: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(message, path=path)
        self.action = action


class Conflict(DmsError):
    """The row moved on, or a unique value that the actor may know is taken."""

    code = "CONFLICT"

    def __init__(
        self, message: str, *, path: tuple[str, ...] = (), current_revision: int | None = None
    ) -> None:
        super().__init__(message, path=path)
        self.current_revision = current_revision


class State(DmsError):
    """The state of the thing does not permit this transition."""

    code = "STATE"

    def __init__(
        self,
        message: str,
        *,
        state: str,
        available: tuple[str, ...] = (),
        path: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, path=path)
        self.state = state
        self.available = available


class OnHold(DmsError):
    """A Hold covers the thing; shown as `HoldError`."""

    code = "HOLD"


class Clearance(DmsError):
    """The mark asked for is above the actor's own clearance."""

    code = "CLEARANCE"


class Duty(DmsError):
    """The actor does not hold the duty that this mutation needs."""

    code = "DUTY"

    def __init__(self, message: str, *, duty: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(message, path=path)
        self.duty = duty


class SecondPerson(DmsError):
    """Another person must decide this: the proposer and the editors cannot."""

    code = "SECOND_PERSON"


class Idempotency(DmsError):
    """The idempotency key was used before with another body."""

    code = "IDEMPOTENCY"


class DoorError(DmsError):
    """Stops the operation at the door; `status` is the HTTP status of the answer."""

    status: ClassVar[int] = 400


class Unauthenticated(DoorError):
    """No token, or one that no longer counts."""

    code = "UNAUTHENTICATED"
    status = 401


class Forbidden(DoorError):
    """A root field of an office that the caller does not hold."""

    code = "FORBIDDEN"
    status = 403


class ArgumentInvalid(DoorError):
    """An argument of a query that can never be accepted."""

    code = "ARGUMENT_INVALID"


class CursorInvalid(DoorError):
    """A cursor that is foreign, altered, or of another query."""

    code = "CURSOR_INVALID"


class Limit(DoorError):
    """The request is larger or dearer than the server accepts."""

    code = "LIMIT"


class Throttled(DoorError):
    """Too many requests; `retry_after_s` says when to try again."""

    code = "THROTTLED"
    status = 429

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Deadline(DoorError):
    """The operation took longer than it may."""

    code = "DEADLINE"
    status = 503


class Busy(DoorError):
    """The server's queue is full."""

    code = "BUSY"
    status = 503


class NotRecorded(DoorError):
    """The access event could not be made durable, so there is no answer."""

    code = "NOT_RECORDED"
    status = 503


class Unavailable(DoorError):
    """Something the decision needs is missing or broken (policy, database, store)."""

    code = "UNAVAILABLE"
    status = 503


class StoreFull(DoorError):
    """The store has no room for these bytes; what had arrived of them is gone."""

    code = "STORE_FULL"
    status = 507


class ConfigurationError(Exception):
    """The installation cannot start or run as it is configured; the message says what to change."""
