"""Access events as an auditor sees them."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql.eventwords import ActorKind, Disclosure, Op, Outcome
from dms.graphql.principals import Principal
from dms.graphql.scalars import BigInt, Digest, shown_big, shown_id
from dms.graphql.words import MarkedKind
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.rules.accessevents import Change, Head, Place, Refusal, Release, Share
from dms.services.accessevents import LISTED, EventView
from dms.stores.records import is_a

_OPS = frozenset(op.value for op in Op)


@strawberry.type(description="A Document or Aggregation that an event names, as you may see it yourself.")
class AccessEventThing:
    """What the auditor may read himself."""

    node_id: strawberry.ID = strawberry.field(description="The Document or Aggregation; `node` tells more.")
    kind: MarkedKind = strawberry.field(description="Which of the two it is.")
    reference_code: str | None = strawberry.field(description="Its reference code, if it has one.")
    title: str = strawberry.field(description="What the thing is called now.")


_UUID = "The id as the log keeps it: 32 hexadecimal characters, the same for every kind of object."
_THING = (
    "The Document or Aggregation, if your own clearance and its access list let you read its description; "
    "asking for it is recorded as reading it."
)


@strawberry.type(description="An object that an answer showed.")
class AccessEventRelease:
    """A line of `released`."""

    uuid: str = strawberry.field(description=_UUID)
    disclosure: Disclosure = strawberry.field(description="How much of it was shown.")
    revision: int = strawberry.field(description="The revision that was shown; 0 for what has none.")
    marking: str | None = strawberry.field(
        description="The security classification that it bore; null for what bears none."
    )
    thing: AccessEventThing | None = strawberry.field(description=_THING)


@strawberry.type(description="An object that an operation wrote.")
class AccessEventChange:
    """A line of `changed`."""

    uuid: str = strawberry.field(description=_UUID)
    revision_before: int | None = strawberry.field(description="Its revision before; null if it is new.")
    revision_after: int | None = strawberry.field(description="Its revision after; null if it is gone.")
    values_digest: Digest = strawberry.field(
        description="Binds the old and new values, which stand in the detail."
    )
    thing: AccessEventThing | None = strawberry.field(description=_THING)


@strawberry.type(description="Something that was asked for and not given.")
class AccessEventRefusal:
    """A line of `refused`."""

    uuid: str | None = strawberry.field(description=f"{_UUID} Null if no object was named.")
    action: str = strawberry.field(description="The action, duty or operation that was refused.")
    reason: str = strawberry.field(description="Why it was refused.")
    exists: bool = strawberry.field(
        description="Whether there is such an object; whoever asked could not tell."
    )
    thing: AccessEventThing | None = strawberry.field(description=_THING)


@strawberry.type(
    description="What is kept of an operation apart from the event and may be removed by law: source, "
    "variables, search words, old and new values."
)
class AccessEventDetail:
    """The detail as far as the auditor may see it."""

    json: str = strawberry.field(description="The detail as JSON text.")
    withheld: list[str] = strawberry.field(
        description="What is left out because it may repeat what stands in Documents or Aggregations that "
        "you may not read."
    )


@strawberry.type(description="One operation as the access log keeps it. It is never changed.")
class AccessEvent:
    """An event; what only a readable body tells is null without one."""

    id: strawberry.ID = strawberry.field(description="The id of the event.")
    at: Instant = strawberry.field(description="When it happened, by the server's clock.")
    op: Op | None = strawberry.field(default=None, description="What the operation did.")
    also: list[Op] = strawberry.field(default_factory=list, description="What it did besides.")
    outcome: Outcome | None = strawberry.field(default=None, description="How it ended.")
    reason: str | None = strawberry.field(default=None, description="Why it was refused or failed.")
    actor: Principal | None = strawberry.field(
        default=None,
        description="Who acted, under the names of today; null for the system and for who had not logged in.",
    )
    actor_kind: ActorKind | None = strawberry.field(default=None, description="What kind of account acted.")
    session_id: strawberry.ID | None = strawberry.field(
        default=None, description="The session or key that was used."
    )
    request_id: str | None = strawberry.field(
        default=None, description="The id of the request, as the answer and the operational log name it."
    )
    roles: list[str] = strawberry.field(default_factory=list, description="The roles that the actor had.")
    policy_revision: int | None = strawberry.field(
        default=None, description="The state of access lists, clearances and roles by which it was decided."
    )
    policy_files_digest: Digest | None = strawberry.field(
        default=None, description="The policy files in force."
    )
    deciding_lines: list[str] = strawberry.field(
        default_factory=list,
        description="The lines that decided: ids of access entries, or `role:<name>:<ACTION>`.",
    )
    released: list[AccessEventRelease] = strawberry.field(
        default_factory=list,
        description=f"What the answer showed. In a list the first {LISTED}; the event alone shows all.",
    )
    released_count: int = strawberry.field(
        default=0, description="How many objects this event says were shown."
    )
    changed: list[AccessEventChange] = strawberry.field(
        default_factory=list,
        description=f"What was written. In a list the first {LISTED}; the event alone shows all.",
    )
    changed_count: int = strawberry.field(
        default=0, description="How many objects this event says were written."
    )
    refused: list[AccessEventRefusal] = strawberry.field(
        default_factory=list,
        description=f"What was not given. In a list the first {LISTED}; the event alone shows all.",
    )
    refused_count: int = strawberry.field(
        default=0, description="How often this event says something was refused."
    )
    aggregates: int = strawberry.field(
        default=0, description="How many totals and statistics were counted, which name no objects."
    )
    withheld: int = strawberry.field(
        default=0, description="Rows that a list offered and the decision refused; anything but 0 is a fault."
    )
    bytes_sent: BigInt | None = strawberry.field(
        default=None, description="How many bytes of content were to be sent."
    )
    part: int = strawberry.field(
        default=1, description="Which part this is of an operation that named very much."
    )
    parts: int = strawberry.field(
        default=1, description="How many parts there are, each an event of the same instant."
    )
    writer: str | None = strawberry.field(
        default=None, description="The start of a server or command that wrote it."
    )
    number: BigInt | None = strawberry.field(
        default=None, description="Its number among the events of that start."
    )
    leaf_hash: Digest = strawberry.field(description="The hash of the event as it was written.")
    detail: AccessEventDetail | None = strawberry.field(
        default=None, description="Source, variables, old and new values; null once it was removed by law."
    )
    is_intact: bool = strawberry.field(
        description="Whether the event is what was written; if not, tell the security officer."
    )
    fault: str | None = strawberry.field(
        default=None, description="What shows that it is not what was written."
    )


def shown(view: EventView, names: Mapping[UUID, Principal]) -> AccessEvent:
    """Shape an event; `names` are those of the actors of its list."""
    logged = view.logged
    event = AccessEvent(
        id=shown_id(Kind.ACCESS_EVENT, logged.event_id),
        at=Instant(logged.at),
        leaf_hash=Digest(logged.leaf_hash),
        is_intact=logged.fault is None,
        fault=None if logged.fault is None else logged.fault.message,
    )
    if logged.body is not None:
        _tell_head(event, logged.body.head)
        _tell_place(event, logged.body.place)
        event.actor = None if view.actor is None else names[view.actor.id]
        _tell_names(event, view, logged.body.share)
    if view.detail is not None:
        event.detail = AccessEventDetail(json=view.detail.text, withheld=list(view.detail.withheld))
    return event


def _tell_head(event: AccessEvent, head: Head) -> None:
    ops = [Op(op) for op in head.ops if op in _OPS]
    event.op, event.also = (ops[0], ops[1:]) if ops else (None, [])
    event.outcome, event.reason = head.outcome, head.reason
    event.actor_kind = ActorKind(head.actor_kind)
    event.session_id = None if head.session is None else shown_id(Kind.SESSION, head.session)
    event.request_id = head.request
    event.roles = list(head.roles)
    event.policy_revision = head.policy_revision
    event.policy_files_digest = None if head.policy_files is None else Digest(head.policy_files)
    event.aggregates, event.withheld = head.aggregates, head.withheld
    event.bytes_sent = shown_big(head.bytes_sent)
    event.writer = head.writer.hex


def _tell_place(event: AccessEvent, place: Place) -> None:
    event.part, event.parts, event.number = place.part, place.parts, BigInt(place.n)


def _tell_names(event: AccessEvent, view: EventView, whole: Share) -> None:
    event.deciding_lines = [_line(line) for line in whole.deciding]
    event.released = [_release(line, view) for line in view.released]
    event.changed = [_change(line, view) for line in view.changed]
    event.refused = [_refusal(line, view) for line in view.refused]
    event.released_count = len(whole.released)
    event.changed_count = len(whole.changed)
    event.refused_count = len(whole.refused)


def _line(text: str) -> str:
    return text if text.startswith("role:") else shown_id(Kind.ACCESS_ENTRY, UUID(hex=text))


def _release(line: Release, view: EventView) -> AccessEventRelease:
    return AccessEventRelease(
        uuid=line.object_id.hex,
        disclosure=line.disclosure,
        revision=line.revision,
        marking=None if line.security_id is None else view.markings.get(line.security_id),
        thing=thing(line.object_id, view.things),
    )


def _change(line: Change, view: EventView) -> AccessEventChange:
    return AccessEventChange(
        uuid=line.object_id.hex,
        revision_before=line.before,
        revision_after=line.after,
        values_digest=Digest(line.digest),
        thing=thing(line.object_id, view.things),
    )


def _refusal(line: Refusal, view: EventView) -> AccessEventRefusal:
    return AccessEventRefusal(
        uuid=None if line.object_id is None else line.object_id.hex,
        action=line.action,
        reason=line.reason,
        exists=line.exists,
        thing=None if line.object_id is None else thing(line.object_id, view.things),
    )


def thing(object_id: UUID, things: Mapping[UUID, Document | Aggregation]) -> AccessEventThing | None:
    """Shape a thing that the reader may see himself; None for any other."""
    row = things.get(object_id)
    if row is None:
        return None
    is_document = is_a(row, Document)
    return AccessEventThing(
        node_id=shown_id(Kind.DOCUMENT if is_document else Kind.AGGREGATION, row.id),
        kind=MarkedKind.DOCUMENT if is_document else MarkedKind.AGGREGATION,
        reference_code=row.reference_code,
        title=row.title,
    )
