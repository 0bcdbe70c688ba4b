"""From the notes of an operation to the rows of its event."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from dms.base.actor import Actor, system_actor
from dms.base.canonical import canonical_bytes
from dms.base.clock import Instant
from dms.base.ids import new_id, random_bytes
from dms.rules import accessevents as rules
from dms.rules import eventparts, eventseals
from dms.rules.accessevents import Head, Op, Outcome, Place, Refusal, Share
from dms.stores.work import Notes, Work

SALT_BYTES = 16

_NO_DETAIL = canonical_bytes({})


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event with its detail, by the names of the columns; ids and digests as hexadecimal text."""

    values: Mapping[str, Any]  # text, numbers, bytes: as many kinds as columns

    @property
    def event_id(self) -> UUID:
        """Return the id of the event."""
        return UUID(hex=self.values["event_id"])


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
    """Return the event of an operation: one row, or several parts when it names very much.

    The first part carries the changes and the detail.
    """
    notes = work.notes
    if notes.writer_n is None:
        notes.writer_n = writer.take()
    head = _head(notes, work.actor, writer, at=work.now)
    parts = eventparts.shares(head, _named(notes))
    rows = [
        _row(
            head,
            parts[0],
            place=Place(notes.event_id, notes.writer_n, 1, len(parts)),
            detail=_detail(work.actor, notes),
        )
    ]
    for part, share in enumerate(parts[1:], start=2):
        place = Place(new_id(), writer.take(), part, len(parts))
        rows.append(_row(head, share, place=place, detail=_NO_DETAIL))
    return rows


def over_claim(
    work: Work, writer: Writer, *, events: Sequence[UUID], at: Instant, reason: str
) -> list[EventRow]:
    """Return the event that says: these events are durable, but their answer never left.

    It names them as refused: the answer was asked for and not given (`access-log.md` section 10).
    """
    head = _head(work.notes, work.actor, writer, at=at, ending=(Outcome.OVER_CLAIMED, reason))
    share = Share(refused=[Refusal(event_id, "answer", reason, exists=True) for event_id in events])
    return [_row(head, share, place=Place(new_id(), writer.take()), detail=_detail(work.actor, Notes()))]


def own_event(writer: Writer, op: Op, *, at: Instant, detail: Mapping[str, Any]) -> list[EventRow]:
    """Return the event of what the log does by itself, in no operation."""
    actor, notes = system_actor(new_id().hex), Notes(ops=[op], detail=dict(detail))
    head = _head(notes, actor, writer, at=at)
    return [_row(head, Share(), place=Place(new_id(), writer.take()), detail=_detail(actor, notes))]


def _row(head: Head, share: Share, *, place: Place, detail: bytes) -> EventRow:
    salt = random_bytes(SALT_BYTES)
    found = rules.fields(head, share, place=place, detail_sha256=eventseals.seal_detail(salt, detail))
    body = rules.body(found)
    values = rules.columns(found) | {"leaf_hash": eventseals.leaf_hash(body)}
    return EventRow({**values, "body": body, "salt": salt, "detail": detail})


def _head(
    notes: Notes,
    actor: Actor,
    writer: Writer,
    *,
    at: Instant,
    ending: tuple[Outcome, str | None] | None = None,
) -> Head:
    outcome, reason = ending or _outcome(notes)
    return Head(
        at=at,
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
        withheld=notes.withheld,
        bytes_sent=notes.bytes_sent,
        aggregates=notes.aggregates,
    )


def _named(notes: Notes) -> Share:
    return Share(
        released=list(notes.released.values()),
        changed=notes.changes,
        refused=notes.refusals,
        deciding=sorted(notes.deciding),
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
