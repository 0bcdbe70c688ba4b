"""Who acts: what the door hands to a unit of work."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class ActorKind(StrEnum):
    """What kind of principal acts."""

    USER = "user"
    SERVICE = "service"
    SYSTEM = "system"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a request comes from; goes to the detail part of the access event."""

    address: str | None = None
    user_agent: str | None = None
    operator: str | None = None
    """The operating-system user of a command line that acts for an account."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A principal in one request. Sight and duties are loaded per operation, never kept here."""

    kind: ActorKind
    principal_id: UUID | None
    session_id: UUID | None = None
    request_id: str = ""
    source: Source = Source()


def system_actor(request_id: str, *, operator: str | None = None) -> Actor:
    """Return the actor of commands and jobs that act for nobody in particular."""
    return Actor(ActorKind.SYSTEM, None, None, request_id, Source(operator=operator))


def anonymous_actor(request_id: str, *, source: Source) -> Actor:
    """Return the actor of a request that nobody has authenticated yet, such as a log-in."""
    return Actor(ActorKind.ANONYMOUS, None, None, request_id, source)
