"""What makes a thing: with an idempotency key it is made once, however often the request is sent."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from datetime import date
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

import strawberry

from dms.base.canonical import Canonical
from dms.base.errors import NotFound
from dms.base.ids import parse_global_id
from dms.services import idempotencykeys
from dms.services.idempotencykeys import MAX_KEY
from dms.stores.work import Work

P = TypeVar("P")

_KEY = "idempotency_key"


@strawberry.input(description="What makes a thing.")
class Creation:
    """The input of a mutation that makes a thing; each inherits from it and adds its own."""

    idempotency_key: str | None = strawberry.field(
        default=None,
        description=f"A new key of your own, such as a random UUID: 1 to {MAX_KEY} printable characters. "
        "Sent again with the same input within 24 hours, nothing is made twice: you get what was made the "
        "first time.",
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Made:
    """What a mutation makes: the field of its payload that shows it, and how it is read by its id."""

    field: str
    read: Callable[[Any, Collection[UUID]], Mapping[UUID, object]]
    """Called with the Info of the field; through the gate, so that what is hidden is missing."""


def once(info: Any, made: Made, payload: type[P], *, asked: Creation, act: Callable[[], P]) -> P:
    """Return the payload of `act`, or one that shows what an earlier request made.

    Runs in the savepoint of its mutation, so that a failed attempt leaves no key.
    """
    key = asked.idempotency_key
    if key is None or getattr(asked, "dry_run", False):
        return act()
    work: Work = info.context.work
    claimed = idempotencykeys.claim(work, key, mutation=info.field_name, body=_body(asked))
    if isinstance(claimed, UUID):
        found = made.read(info, [claimed]).get(claimed)
        if found is None:
            raise NotFound
        return payload(**{made.field: found})
    done = act()
    idempotencykeys.keep(work, claimed, _id_of(done, made))
    return done


def _body(asked: object) -> Canonical:
    """Return what is asked for, without its key; what is left out counts as its default."""
    given = {each.name: getattr(asked, each.name) for each in dataclasses.fields(asked)}  # type: ignore[arg-type]  # every input is one
    return {
        name: _canonical(value)
        for name, value in given.items()
        if name != _KEY and value is not strawberry.UNSET
    }


def _canonical(value: Any) -> Canonical:
    match value:
        case strawberry.Some():
            return [_canonical(value.value)]  # told apart from what was left out
        case Enum():
            return str(value.value)
        case date():
            return value.isoformat()
        case list():
            return [_canonical(item) for item in value]
        case None | bool() | int() | str():
            return value
        case _:
            return _body(value)


def _id_of(payload: Any, made: Made) -> UUID:
    if payload.made is not None:
        found: UUID = payload.made
        return found
    parsed = parse_global_id(getattr(payload, made.field).id)
    if parsed is None:
        raise TypeError(f"`{made.field}` has no id by which it could be found again")
    return parsed[1]
