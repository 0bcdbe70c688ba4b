"""How failures show: expected ones in the payload, all others at the top with a code and nothing inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.utils.str_converters import to_camel_case

from dms.base import errors
from dms.graphql import enums
from dms.graphql.words import Action, Duty

MAX_MESSAGE = 500
"""Characters of a message that quotes the caller's own text."""


class UserErrorCode(StrEnum):
    """The stable code of an expected failure."""

    VALIDATION = "VALIDATION"
    NOT_FOUND = "NOT_FOUND"
    DENIED = "DENIED"
    CONFLICT = "CONFLICT"
    STATE = "STATE"
    HOLD = "HOLD"
    CLEARANCE = "CLEARANCE"
    DUTY = "DUTY"
    SECOND_PERSON = "SECOND_PERSON"
    IDEMPOTENCY = "IDEMPOTENCY"


enums.show(
    UserErrorCode,
    description="What kind of failure it is; each has an error type of its own.",
    values={
        UserErrorCode.VALIDATION: "The input can never be accepted as it stands.",
        UserErrorCode.NOT_FOUND: "There is no such thing, or you may not know of it.",
        UserErrorCode.DENIED: "The access list does not give you the action.",
        UserErrorCode.CONFLICT: "The thing was changed meanwhile, or a unique value is taken.",
        UserErrorCode.STATE: "The state of the thing does not permit this.",
        UserErrorCode.HOLD: "A Hold covers the thing.",
        UserErrorCode.CLEARANCE: "The security classification is above your clearance.",
        UserErrorCode.DUTY: "This belongs to an office that you do not hold.",
        UserErrorCode.SECOND_PERSON: "Another person must decide this.",
        UserErrorCode.IDEMPOTENCY: "The idempotency key was used for something else.",
    },
)


@strawberry.interface(description="Why a mutation was not carried out; nothing of it was written.")
class UserError:
    """An expected failure as a payload shows it."""

    message: str = strawberry.field(description="What went wrong and what to do next, in plain words.")
    code: UserErrorCode = strawberry.field(description="The kind of failure.")
    path: list[str] = strawberry.field(
        description="The input field it speaks of, from the outside in; empty if it is about the whole input."
    )


@strawberry.type(description="The input can never be accepted as it stands.")
class ValidationError(UserError):
    """Shows `Invalid`."""


@strawberry.type(description="There is no such thing, or you may not know of it.")
class NotFoundError(UserError):
    """Shows `NotFound`."""


@strawberry.type(description="You may know of the thing, but its access list does not give you the action.")
class DeniedError(UserError):
    """Shows `Denied`."""

    action: Action = strawberry.field(description="The action that the access list does not give.")


@strawberry.type(description="The thing was changed since you read it, or a unique value is taken.")
class ConflictError(UserError):
    """Shows `Conflict`."""

    current_revision: int | None = strawberry.field(
        description="The revision the thing has now; read it again before you change it."
    )


@strawberry.type(description="The state of the thing does not permit this.")
class StateError(UserError):
    """Shows `State`."""

    state: str = strawberry.field(description="The state the thing is in.")
    available: list[str] = strawberry.field(
        description="What this state permits: verbs, as in `availableTransitions`."
    )


@strawberry.type(description="A Hold covers the thing.")
class HoldError(UserError):
    """Shows `OnHold`."""


@strawberry.type(description="The security classification asked for is above your own clearance.")
class ClearanceError(UserError):
    """Shows `Clearance`."""


@strawberry.type(description="This belongs to an office that you do not hold.")
class DutyError(UserError):
    """Shows `Duty`."""

    duty: Duty = strawberry.field(description="The duty that is needed.")


@strawberry.type(description="Another person must decide this.")
class SecondPersonError(UserError):
    """Shows `SecondPerson`."""


@strawberry.type(
    description="The idempotency key was used for something else within the last 24 hours: another input, or "
    "another mutation."
)
class IdempotencyError(UserError):
    """Shows `Idempotency`."""


# Any: each function reads the fields of the one class that it stands beside.
_SHOWN: Mapping[type[errors.DmsError], tuple[type[UserError], Callable[[Any], dict[str, Any]]]] = {
    errors.Invalid: (ValidationError, lambda _: {}),
    errors.NotFound: (NotFoundError, lambda _: {}),
    errors.Denied: (DeniedError, lambda e: {"action": Action(e.action)}),
    errors.Conflict: (ConflictError, lambda e: {"current_revision": e.current_revision}),
    errors.State: (StateError, lambda e: {"state": e.state, "available": list(e.available)}),
    errors.OnHold: (HoldError, lambda _: {}),
    errors.Clearance: (ClearanceError, lambda _: {}),
    errors.Duty: (DutyError, lambda e: {"duty": Duty(e.duty)}),
    errors.SecondPerson: (SecondPersonError, lambda _: {}),
    errors.Idempotency: (IdempotencyError, lambda _: {}),
}

VARIANTS = tuple(shown for shown, _ in _SHOWN.values())
"""Every concrete user error: the schema names them, since no field does."""

_FORBIDDEN = (errors.Denied, errors.Duty, errors.Clearance, errors.SecondPerson)


def user_error(error: errors.DmsError) -> UserError | None:
    """Return an expected failure as its payload type; None for what no payload may show."""
    for kind in type(error).__mro__:
        if kind in _SHOWN:
            shown, more = _SHOWN[kind]
            path = [to_camel_case(part) for part in error.path]
            return shown(message=error.message, code=UserErrorCode(error.code), path=path, **more(error))
    return None


def door_error(error: errors.DmsError) -> errors.DoorError | None:
    """Return what stops a query for an expected failure; None where a query cannot expect it."""
    if isinstance(error, errors.DoorError):
        return error
    if isinstance(error, errors.Invalid):
        return errors.ArgumentInvalid(error.message, path=error.path)
    if isinstance(error, _FORBIDDEN):
        return errors.Forbidden(error.message)
    return None


def top_level(message: str, *, code: str, request_id: str) -> dict[str, object]:
    """Return one entry of the answer's own `errors`."""
    return {"message": message[:MAX_MESSAGE], "extensions": {"code": code, "requestId": request_id}}


def of_text(found: Sequence[GraphQLError], *, code: str, request_id: str) -> list[dict[str, object]]:
    """Return the entries for what is wrong with an operation text or its variables, with their places."""
    entries = []
    for error in found:
        entry = top_level(error.message, code=code, request_id=request_id)
        if error.locations:
            entry["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
        entries.append(entry)
    return entries
