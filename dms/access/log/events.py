"""From the notes of an operation to the rows of its event."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from dms.base.actor import Actor
from dms.base.canonical import canonical_bytes
from dms.base.ids import new_id, random_bytes
from dms.rules import accessevents as rules
from dms.rules.accessevents import Head, Op, Outcome, Release
from dms.stores.work import Notes, Work

SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event as the tables take it."""

    event: Mapping[str, Any]  # column values
    detail: Mapping[str, Any]


@dataclass(slots=True)
class Writer:
    """One start of a process; its numbers 1, 2, .. leave no unexplained gap."""

    id: UUID = field(default_factory=new_id)
    _last: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, count: int = 1) -> int:
        """Take the next `count` numbers and return the first."""
        with self._lock:
            first = self._last + 1
            self._last += count
        return first

    @property
    def last(self) -> int:
        """Return the last number taken."""
        return self._last


def rows_of(work: Work, writer: Writer) -> list[EventRow]:
    """Return the event of an operation: one row, or several parts beyond 1,500 objects."""
    notes = work.notes
    if notes.writer_n is None:
        notes.writer_n = writer.take()
    chunks = list(_chunks(list(notes.released.values())))
    head = _head(work, writer)
    detail = _detail(work.actor, notes)
    rows = []
    for part, released in enumerate(chunks, start=1):
        n = notes.writer_n if part == 1 else writer.take()
        rows.append(_row(head, notes, n=n, part=(part, len(chunks)), released=released, detail=detail))
    return rows


def _row(
    head: Head,
    notes: Notes,
    *,
    n: int,
    part: tuple[int, int],
    released: Sequence[Release],
    detail: bytes,
) -> EventRow:
    first = part[0] == 1
    event_id = notes.event_id if first else new_id()
    salt = random_bytes(SALT_BYTES)
    body = rules.body(
        head,
        event_id=event_id,
        n=n,
        part=part[0],
        parts=part[1],
        released=released,
        changed=notes.changes if first else (),
        refused=notes.refusals if first else (),
        detail_sha256=rules.seal_detail(salt, detail),
    )
    columns = {
        "event_id": event_id,
        "at": head.at,
        "lasting": rules.is_lasting(head.outcome, notes.changes),
        "actor_id": head.actor_id,
        "op": head.ops[0],
        "outcome": head.outcome.value,
        "reason": head.reason,
        "object_id": _first_object(notes),
        "n_objects": len(released) + (len(notes.changes) if first else 0),
        "writer": head.writer,
        "n": n,
        "leaf_hash": rules.leaf_hash(body),
        "body": body,
    }
    return EventRow(columns, {"event_id": event_id, "salt": salt, "detail": detail})


def _head(work: Work, writer: Writer) -> Head:
    notes, actor = work.notes, work.actor
    outcome, reason = _outcome(notes)
    return Head(
        at=work.now,
        writer=writer.id,
        request=actor.request_id,
        actor_id=actor.principal_id,
        actor_kind=actor.kind.value,
        session=actor.session_id,
        roles=notes.roles,
        clearance=notes.clearance,
        ops=[op.value for op in notes.ops] or [Op.SERVER_READ.value],
        text_sha256=notes.text_sha256,
        outcome=outcome,
        reason=reason,
        policy_revision=notes.policy_revision,
        policy_files=notes.policy_files,
        deciding=sorted(notes.deciding),
        withheld=notes.withheld,
        bytes_sent=notes.bytes_sent,
        aggregates=notes.aggregates,
    )


def _outcome(notes: Notes) -> tuple[Outcome, str | None]:
    """Name how the operation ended; an expected failure of a whole operation is a refusal."""
    if notes.failure is not None:
        refused = bool(notes.refusals) and notes.failure != "INTERNAL"
        reason = notes.refusals[0].reason if refused else notes.failure
        return (Outcome.REFUSED if refused else Outcome.FAILED), reason
    if notes.changes:
        return Outcome.COMMITTED, None
    if notes.refusals and not notes.released:
        return Outcome.REFUSED, notes.refusals[0].reason
    return Outcome.RELEASED, None


def _first_object(notes: Notes) -> UUID | None:
    if notes.changes:
        return notes.changes[0].object_id
    if notes.released:
        return next(iter(notes.released))
    return next((refusal.object_id for refusal in notes.refusals if refusal.object_id), None)


def _detail(actor: Actor, notes: Notes) -> bytes:
    source = actor.source
    return canonical_bytes(
        {
            **notes.detail,
            "address": source.address,
            "user_agent": source.user_agent,
            "operator": source.operator,
        }
    )


def _chunks(released: list[Release]) -> Iterator[list[Release]]:
    if not released:
        yield []
        return
    iterator = iter(released)
    while chunk := list(itertools.islice(iterator, rules.MAX_OBJECTS)):
        yield chunk
