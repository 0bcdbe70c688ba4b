"""What the rules of alerts remember: read for the accounts of a batch, and written with their position.

Both belong to no operation and leave no event: they only count what the access log says. An alert that is
raised is an event, by `services.logalerts`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, and_, delete, insert, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from dms.base.clock import HOUR
from dms.models.logalerts import (
    LogAlert,
    LogAlertHit,
    LogAlertHour,
    LogAlertKnown,
    LogAlertPosition,
    LogAlertRefusal,
)
from dms.rules import alertterms
from dms.rules.logalerts import (
    LONGEST_WINDOW,
    NOBODY,
    USUAL_HOURS,
    Fact,
    Finding,
    Known,
    Learned,
    Memory,
    Refused,
    Rule,
)
from dms.stores.work import Work, session_of


def position(connection: Connection) -> int:
    """Return the leaf at which the rules go on."""
    return connection.execute(select(LogAlertPosition.next_index)).scalar_one()


def rules(connection: Connection) -> Sequence[Rule]:
    """Return the rules that raise alerts."""
    statement = select(LogAlert.id, LogAlert.kind, LogAlert.terms, LogAlert.since_index)
    rows = connection.execute(statement.where(LogAlert.removed_at.is_(None)).order_by(LogAlert.id))
    return [Rule(row.id, alertterms.read(row.kind, orjson.loads(row.terms)), row.since_index) for row in rows]


def memory(connection: Connection, facts: Sequence[Fact]) -> Memory:
    """Return what is remembered of those who act in a batch."""
    found = Memory()
    actors = {fact.actor for fact in facts}
    first_at = min(fact.at for fact in facts)
    found.hours = _hours(connection, actors, since=first_at // HOUR - USUAL_HOURS)
    sessions = {session.hex for fact in facts if (session := fact.body.head.session) is not None}
    found.known = _known(connection, actors, sessions)
    found.refusals = _refusals(connection, actors, since=first_at - LONGEST_WINDOW)
    return found


def fresh(connection: Connection, findings: Collection[Finding]) -> list[Finding]:
    """Return the findings of whose subject their rule has raised no alert before."""
    if not findings:
        return []
    named = tuple_(LogAlertHit.alert_id, LogAlertHit.subject)
    keys = [(finding.rule_id, finding.subject) for finding in findings]
    rows = connection.execute(select(LogAlertHit.alert_id, LogAlertHit.subject).where(named.in_(keys)))
    known = {(row.alert_id, row.subject) for row in rows}
    return [finding for finding in findings if (finding.rule_id, finding.subject) not in known]


def keep(connection: Connection, learned: Learned, *, at: int, beyond: int) -> bool:
    """Remember a batch and move on; False, and nothing is written, if somebody else has done it."""
    locked = select(LogAlertPosition.next_index).with_for_update(skip_locked=True)
    if connection.execute(locked).scalar_one_or_none() != at:
        return False
    _add_hours(connection, learned)
    _learn(connection, learned)
    if learned.refusals:
        rows = [
            {"leaf_index": each.index, "actor_id": actor, "at": each.at, "event_id": each.event_id}
            for actor, each in learned.refusals
        ]
        connection.execute(insert(LogAlertRefusal), rows)
    connection.execute(update(LogAlertPosition).values(next_index=beyond))
    return True


def keep_in(work: Work, learned: Learned, *, at: int, beyond: int) -> bool:
    """Do the same in the transaction of an operation."""
    return keep(session_of(work).connection(), learned, at=at, beyond=beyond)


def forget(connection: Connection, *, now: int) -> None:
    """Drop what no rule looks at any more."""
    connection.execute(delete(LogAlertHour).where(LogAlertHour.hour < now // HOUR - USUAL_HOURS - 24))
    connection.execute(delete(LogAlertRefusal).where(LogAlertRefusal.at < now - 2 * LONGEST_WINDOW))


def _hours(connection: Connection, actors: Collection[UUID], *, since: int) -> dict[UUID, dict[int, int]]:
    columns = (LogAlertHour.actor_id, LogAlertHour.hour, LogAlertHour.n_objects)
    statement = select(*columns).where(LogAlertHour.actor_id.in_(actors), LogAlertHour.hour >= since)
    found: dict[UUID, dict[int, int]] = {}
    for row in connection.execute(statement):
        found.setdefault(row.actor_id, {})[row.hour] = row.n_objects
    return found


def _known(
    connection: Connection, actors: Collection[UUID], sessions: Collection[str]
) -> dict[tuple[UUID, Known, str], int]:
    ended = and_(LogAlertKnown.actor_id == NOBODY, LogAlertKnown.name.in_(sessions))
    own = and_(LogAlertKnown.actor_id.in_(actors), LogAlertKnown.kind != Known.ENDED)
    columns = (LogAlertKnown.actor_id, LogAlertKnown.kind, LogAlertKnown.name, LogAlertKnown.at)
    rows = connection.execute(select(*columns).where(or_(own, ended)))
    return {(row.actor_id, row.kind, row.name): row.at for row in rows}


def _refusals(connection: Connection, actors: Collection[UUID], *, since: int) -> dict[UUID, list[Refused]]:
    columns = (
        LogAlertRefusal.actor_id,
        LogAlertRefusal.leaf_index,
        LogAlertRefusal.at,
        LogAlertRefusal.event_id,
    )
    recent = and_(LogAlertRefusal.actor_id.in_(actors), LogAlertRefusal.at > since)
    found: dict[UUID, list[Refused]] = {}
    for row in connection.execute(select(*columns).where(recent).order_by(LogAlertRefusal.leaf_index)):
        found.setdefault(row.actor_id, []).append(Refused(row.leaf_index, row.at, row.event_id))
    return found


def _add_hours(connection: Connection, learned: Learned) -> None:
    if not learned.shown:
        return
    new = _insert(connection)(LogAlertHour)
    total = LogAlertHour.n_objects + new.excluded.n_objects
    added = new.on_conflict_do_update(index_elements=["actor_id", "hour"], set_={"n_objects": total})
    rows = [
        {"actor_id": actor, "hour": hour, "n_objects": count}
        for (actor, hour), count in sorted(learned.shown.items())
    ]
    connection.execute(added, rows)


def _learn(connection: Connection, learned: Learned) -> None:
    for actor, kind, name in learned.forgotten:
        connection.execute(delete(LogAlertKnown).where(_is(actor, kind, name)))
    if learned.known:
        new = _insert(connection)(LogAlertKnown)
        kept = new.on_conflict_do_update(
            index_elements=["actor_id", "kind", "name"], set_={"at": new.excluded.at}
        )
        rows = [
            {"actor_id": actor, "kind": kind, "name": name, "at": at}
            for (actor, kind, name), at in learned.known.items()
        ]
        connection.execute(kept, rows)


def _is(actor: UUID, kind: Known, name: str) -> Any:  # a condition
    return and_(LogAlertKnown.actor_id == actor, LogAlertKnown.kind == kind, LogAlertKnown.name == name)


def _insert(connection: Connection) -> Callable[..., Any]:  # an insert of either dialect
    return sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
