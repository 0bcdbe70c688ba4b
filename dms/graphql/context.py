"""What a resolver stands on: the context of one operation, and the rule of every root field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any
from uuid import UUID

import strawberry
from graphql import DocumentNode
from strawberry.extensions import FieldExtension
from strawberry.types.base import StrawberryOptional

from dms.access import gate
from dms.base.errors import Deadline, DmsError, NotFound
from dms.base.settings import Settings
from dms.graphql import creations
from dms.graphql.buckets import Buckets
from dms.graphql.compiling import Shapes
from dms.graphql.creations import Made
from dms.graphql.errors import UserError, door_error, user_error
from dms.graphql.selection import Selected, below, wants
from dms.rules.access import Action, Duty
from dms.rules.accessevents import Op
from dms.stores.cursor_keys import CursorKeys
from dms.stores.work import Work


class Open(Enum):
    """Says that a root field needs no action and no duty."""

    OPEN = "open"


OPEN = Open.OPEN
"""For `needs`: every authenticated caller may ask; what the answer holds is decided below."""

Needs = Action | Duty | Open


@dataclass(frozen=True, slots=True)
class Rule:
    """What a root field does, what it needs, and which tables a mutation locks first."""

    op: Op
    needs: Needs
    locks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Door:
    """What all operations share."""

    settings: Settings
    cursor_keys: CursorKeys
    buckets: Buckets


@dataclass(slots=True)
class Context:
    """One try at one operation."""

    work: Work
    door: Door
    document: DocumentNode
    shapes: Shapes | None = None
    """How plain objects are shown; without it graphql-core shows them all."""
    stopped: Exception | None = None
    """What ended the operation: no later root field runs, and nothing of it is kept or shown."""

    def begin(self, rule: Rule) -> None:
        """Note what a root field does, unless the operation has ended or used up its time."""
        if self.stopped is not None:
            raise self.stopped
        self.work.performs(rule.op)
        self.work.check_deadline()

    def check_time(self) -> None:
        """End the operation with `Deadline` if it has used up its time."""
        if self.stopped is not None:
            raise self.stopped
        try:
            self.work.check_deadline()
        except Deadline as error:
            self.stopped = error
            raise


class Info(strawberry.Info[Context, None]):
    """What a resolver knows of its own field."""

    @property
    def work(self) -> Work:
        """Return the unit of work of the operation."""
        return self.context.work

    @property
    def parent_name(self) -> str:
        """Return the name of the type that the field belongs to."""
        return self._raw_info.parent_type.name

    def wants(self, *paths: str) -> bool:
        """Tell whether any of the paths, as in `nodes.aggregation`, is selected below the field."""
        raw = self._raw_info
        selected = Selected(raw.field_nodes, raw.fragments, self.variable_values)
        return any(wants(selected, path) for path in paths)

    def below(self, *paths: str) -> frozenset[str]:
        """Return the names of the fields selected directly below any of the paths; `""` is the field."""
        raw = self._raw_info
        selected = Selected(raw.field_nodes, raw.fragments, self.variable_values)
        return frozenset().union(*(below(selected, path) for path in paths))


@strawberry.type(description="What a mutation answers.")
class Payload:
    """What a mutation answers; each inherits from it and adds the thing, nullable, default None."""

    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was done; empty if it was."
    )
    made: strawberry.Private[UUID | None] = None
    """The id of what was made, for where it may be hidden from who made it."""


INPUT = strawberry.argument(description="What is to be done, and with what.")
"""For the one argument of a mutation: `input: Annotated[XInput, INPUT]`."""

RULE = "rule"
"""Key of the metadata of a root field."""

Decorator = Callable[[Callable[..., Any]], Any]  # Any: a Strawberry field, whose class its users never see


def query_field(
    *, op: Op, needs: Needs, description: str, deprecation_reason: str | None = None
) -> Decorator:
    """Make a root field of a resolver that reads.

    `NotFound` shows as null, any other expected failure stops the operation.
    """
    rule = Rule(op, needs)
    return _root_field(rule, _Query(rule), description=description, deprecation_reason=deprecation_reason)


def mutation_field(
    *,
    op: Op,
    needs: Needs,
    description: str,
    locks: tuple[str, ...] = (),
    creates: Made | None = None,
    deprecation_reason: str | None = None,
) -> Decorator:
    """Make a root field of a resolver that writes and answers a `Payload`.

    It runs in a savepoint; an expected failure undoes this field alone and shows in its `errors`. One that
    `creates` something takes a `Creation` as its input, and honours its idempotency key.
    """
    rule = Rule(op, needs, locks)
    field = _Mutation(rule, creates)
    return _root_field(rule, field, description=description, deprecation_reason=deprecation_reason)


def _root_field(
    rule: Rule, extension: FieldExtension, *, description: str, deprecation_reason: str | None
) -> Decorator:
    made: Decorator = strawberry.field(
        description=description,
        deprecation_reason=deprecation_reason,
        metadata={RULE: rule},
        extensions=[extension],
    )
    return made


class _Query(FieldExtension):
    """Runs the resolver of a root field that reads."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule

    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **arguments: Any) -> Any:
        """Check the duty, resolve, and show absence as null."""
        context: Context = info.context
        context.begin(self._rule)
        refusals = len(context.work.notes.refusals)
        try:
            _check_duty(context.work, self._rule)
            return next_(source, info, **arguments)
        except NotFound as error:
            _note(context.work, self._rule, error=error, since=refusals)
            return None
        except DmsError as error:
            _note(context.work, self._rule, error=error, since=refusals)
            context.stopped = door_error(error) or error
            raise context.stopped from error
        except Exception as error:
            context.stopped = error
            raise


class _Mutation(FieldExtension):
    """Runs the resolver of a root field that writes."""

    def __init__(self, rule: Rule, creates: Made | None) -> None:
        self._rule = rule
        self._creates = creates

    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **arguments: Any) -> Any:
        """Check the duty, resolve in a savepoint, and show an expected failure in the payload."""
        context: Context = info.context
        context.begin(self._rule)
        refusals = len(context.work.notes.refusals)
        try:
            with context.work.savepoint():
                _check_duty(context.work, self._rule)
                return self._done(info, partial(next_, source, info, **arguments), arguments)
        except DmsError as error:
            _note(context.work, self._rule, error=error, since=refusals)
            shown = user_error(error)
            if shown is None:
                context.stopped = error
                raise
            return payload_type(info.return_type)(errors=[shown])
        except Exception as error:
            context.stopped = error
            raise

    def _done(self, info: Any, act: Callable[[], Any], arguments: Mapping[str, Any]) -> Any:
        if self._creates is None:
            return act()
        payload = payload_type(info.return_type)
        return creations.once(info, self._creates, payload, asked=arguments["input"], act=act)


def payload_type(declared: object) -> type[Payload]:
    """Return the payload class that a mutation declares, nullable or not."""
    found = declared.of_type if isinstance(declared, StrawberryOptional) else declared
    if not (isinstance(found, type) and issubclass(found, Payload)):
        raise TypeError(f"a mutation answers a Payload, not `{found}`")
    return found


def rule_of(metadata: Mapping[Any, Any]) -> Rule | None:
    """Return the rule of a root field; None for a field that was made without one."""
    return metadata.get(RULE)


def _check_duty(work: Work, rule: Rule) -> None:
    if isinstance(rule.needs, Duty):
        gate.require_duty(work, rule.needs)


def _note(work: Work, rule: Rule, *, error: DmsError, since: int) -> None:
    # The gate knows what was asked for and notes it itself; this is for all other refusals.
    if len(work.notes.refusals) == since:
        work.refuses(None, action=rule.op, reason=error.code.lower(), exists=not isinstance(error, NotFound))
