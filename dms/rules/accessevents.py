"""The words and the canonical body of an access event (`access-log.md` sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from dms.base.canonical import Canonical, trusted_bytes
from dms.base.ids import from_hex
from dms.rules.eventops import Op as Op  # noqa: PLC0414  whoever speaks of events finds it here

FORMAT = 2
"""1 named no classes."""
MAX_BODY_BYTES = 65_535
MAX_OBJECTS = 1_500
"""Released objects in one part; more are written as several parts in one transaction."""


class Outcome(StrEnum):
    """How an operation ended."""

    RELEASED = "released"
    REFUSED = "refused"
    COMMITTED = "committed"
    FAILED = "failed"
    OVER_CLAIMED = "over_claimed"


class Disclosure(IntEnum):
    """How much of an object an answer holds; ordered."""

    EXISTENCE = 1
    METADATA = 2
    RESTRICTED = 3
    CONTENT = 4


class Release(NamedTuple):
    """An object that the answer shows."""

    object_id: UUID
    revision: int
    disclosure: Disclosure
    security_id: int | None = None
    class_id: UUID | None = None
    """The class that it was filed under."""


@dataclass(frozen=True, slots=True)
class Change:
    """An object that the operation wrote; old and new values are bound by their digest."""

    object_id: UUID
    before: int | None
    after: int | None
    digest: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something asked for and not given; `exists` never leaves the log."""

    object_id: UUID | None
    action: str
    reason: str
    exists: bool


@dataclass(frozen=True, slots=True)
class Head:
    """What all parts of an event have in common."""

    at: int
    writer: UUID
    request: str
    actor_id: UUID | None
    actor_kind: str
    session: UUID | None
    roles: Sequence[str]
    clearance: str | None
    ops: Sequence[str]
    text_sha256: str | None
    outcome: Outcome
    reason: str | None
    policy_revision: int | None
    policy_files: str | None
    withheld: int
    bytes_sent: int | None
    aggregates: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one part of an event names."""

    released: Sequence[Release] = ()
    changed: Sequence[Change] = ()
    refused: Sequence[Refusal] = ()
    deciding: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Which event of which part it is, and the number that its writer gave it."""

    event_id: UUID
    n: int
    part: int = 1
    parts: int = 1


@dataclass(frozen=True, slots=True)
class Body:
    """What the body of one part holds but for the digest of its detail."""

    head: Head
    share: Share
    place: Place


def fields(head: Head, share: Share, *, place: Place, detail_sha256: str) -> dict[str, Canonical]:
    """Return the fields of the body of one part, as canonical JSON takes them."""
    released, classes = _released(share.released)
    return {
        "v": FORMAT,
        "id": place.event_id.hex,
        "at": head.at,
        "writer": head.writer.hex,
        "n": place.n,
        "request": head.request,
        "part": place.part,
        "parts": place.parts,
        "actor": head.actor_id.hex if head.actor_id else None,
        "kind": head.actor_kind,
        "session": head.session.hex if head.session else None,
        "roles": sorted(head.roles),
        "clearance": head.clearance,
        "op": head.ops[0],
        "also": list(head.ops[1:]),
        "text": head.text_sha256,
        "outcome": head.outcome.value,
        "reason": head.reason,
        "policy": {
            "revision": head.policy_revision,
            "files": head.policy_files,
            "entries": list(share.deciding),
        },
        "classes": [found.hex for found in classes],
        "released": released,
        "changed": [line_of_change(change) for change in share.changed],
        "refused": [line_of_refusal(refusal) for refusal in share.refused],
        "withheld": head.withheld,
        "aggregate": head.aggregates,
        "bytes": head.bytes_sent,
        "detail": detail_sha256,
    }


def read(found: Mapping[str, Any]) -> Body:  # Any: JSON read back
    """Read the fields of a body back; `KeyError`, `TypeError` or `ValueError` for what we never wrote."""
    policy = found["policy"]
    head = Head(
        at=found["at"],
        writer=from_hex(found["writer"]),
        request=found["request"],
        actor_id=_id(found["actor"]),
        actor_kind=found["kind"],
        session=_id(found["session"]),
        roles=found["roles"],
        clearance=found["clearance"],
        ops=[found["op"], *found["also"]],
        text_sha256=found["text"],
        outcome=Outcome(found["outcome"]),
        reason=found["reason"],
        policy_revision=policy["revision"],
        policy_files=policy["files"],
        withheld=found["withheld"],
        bytes_sent=found["bytes"],
        aggregates=found["aggregate"],
    )
    share = Share(
        released=list(_releases(found["released"], [from_hex(each) for each in found.get("classes", ())])),
        changed=[Change(from_hex(line[0]), *line[1:]) for line in found["changed"]],
        refused=[Refusal(_id(line[0]), *line[1:]) for line in found["refused"]],
        deciding=policy["entries"],
    )
    return Body(head, share, Place(from_hex(found["id"]), found["n"], found["part"], found["parts"]))


def body(found: Mapping[str, Canonical]) -> bytes:
    """Write the fields of a body; the bytes are stored and hashed once.

    `ValueError` beyond 65,535 bytes: `eventparts` cuts what an event names so that this cannot happen.
    """
    written = trusted_bytes(found)
    if len(written) > MAX_BODY_BYTES:
        raise ValueError(f"the body of an access event would have {len(written)} bytes")
    return written


def columns(found: Mapping[str, Any]) -> dict[str, str | int | bool | None]:  # Any: JSON read back
    """Return what the columns beside a body copy from its fields; ids as 32 hexadecimal characters."""
    return {
        "event_id": found["id"],
        "at": found["at"],
        "lasting": is_lasting(found["outcome"]),
        "actor_id": found["actor"],
        "op": found["op"],
        "outcome": found["outcome"],
        "reason": found["reason"],
        "object_id": _first(found),
        "n_objects": len(found["changed"]) + _count(found["released"]),
        "writer": found["writer"],
        "n": found["n"],
    }


def is_lasting(outcome: str) -> bool:
    """Tell whether an event stays as long as the log: changes do; readings, refusals, log-ins do not."""
    return outcome == Outcome.COMMITTED


def released_ids(groups: Mapping[str, Mapping[str, Iterable[Sequence[Any]]]]) -> Iterator[str]:
    """Yield the ids of the field `released` in the order of its canonical bytes."""
    for _, by_mark in sorted(groups.items()):
        for _, lines in sorted(by_mark.items()):
            for line in lines:
                yield line[0]


def names(found: Mapping[str, Any], object_id: str) -> bool:
    """Tell whether a body names an object as released, changed or refused."""
    return (
        any(change[0] == object_id for change in found["changed"])
        or any(refusal[0] == object_id for refusal in found["refused"])
        or object_id in released_ids(found["released"])
    )


_NAMES = {disclosure: disclosure.name.lower() for disclosure in Disclosure}
"""`Enum.name` is a property that costs more than the rest of a line."""


def _released(
    released: Iterable[Release],
) -> tuple[dict[str, dict[str, list[Canonical]]], dict[UUID, int]]:
    """Group by disclosure and security id: lists of [id, revision, place of its class if it has one].

    The classes come with it, in the order of their places.
    """
    groups: dict[str, dict[str, list[Canonical]]] = {}
    classes: dict[UUID, int] = {}
    lines: list[Canonical] = []
    last: tuple[Disclosure | None, int | None] = (None, None)
    last_class: int | None = None  # as a number: two UUIDs are compared in Python, which costs more
    filed: list[Canonical] = []
    for item in released:
        if item.disclosure is not last[0] or item.security_id != last[1]:  # neighbours are mostly alike
            last = item.disclosure, item.security_id
            mark = "-" if item.security_id is None else str(item.security_id)
            lines = groups.setdefault(_NAMES[item.disclosure], {}).setdefault(mark, [])
        class_id = item.class_id
        number = None if class_id is None else class_id.int
        if number != last_class:
            last_class = number
            filed = [] if class_id is None else [classes.setdefault(class_id, len(classes))]
        lines.append([item.object_id.hex, item.revision, *filed])
    return groups, classes


def line_of_change(change: Change) -> list[Canonical]:
    """Return a change as the field `changed` lists it."""
    return [change.object_id.hex, change.before, change.after, change.digest]


def line_of_refusal(refusal: Refusal) -> list[Canonical]:
    """Return a refusal as the field `refused` lists it."""
    object_id = refusal.object_id.hex if refusal.object_id else None
    return [object_id, refusal.action, refusal.reason, refusal.exists]


def _count(groups: Mapping[str, Mapping[str, Sequence[Any]]]) -> int:
    return sum(len(lines) for by_mark in groups.values() for lines in by_mark.values())


def _first(found: Mapping[str, Any]) -> str | None:
    """Return the object that the event is found by: changed, else released, else refused."""
    for change in found["changed"]:
        return str(change[0])
    for object_id in released_ids(found["released"]):
        return object_id
    return next((refusal[0] for refusal in found["refused"] if refusal[0]), None)


def _releases(groups: Mapping[str, Mapping[str, Any]], classes: Sequence[UUID]) -> Iterator[Release]:
    for name, by_mark in sorted(groups.items()):
        disclosure = Disclosure[name.upper()]
        for mark, lines in sorted(by_mark.items()):
            security_id = None if mark == "-" else int(mark)
            for object_id, revision, *place in lines:
                class_id = classes[place[0]] if place else None
                yield Release(from_hex(object_id), revision, disclosure, security_id, class_id)


def _id(text: str | None) -> UUID | None:
    return None if text is None else from_hex(text)
