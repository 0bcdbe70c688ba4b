"""Alerts about the access log: saved rules, the alerts that they raise, and their review with a note.

Auditors keep the rules and review: the duty `log.read` is theirs alone, and a rule changes nothing but what
they are told. The system raises alerts; each is an event, so that none can be lost unseen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from sqlalchemy import or_

from dms.access import gate, marks
from dms.access.keyset import Order
from dms.access.log import following
from dms.access.reading import Listing
from dms.base.canonical import Canonical, canonical_bytes
from dms.base.errors import Conflict, Invalid, State
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.logalerts import LogAlert, LogAlertHit
from dms.rules import alertmessages, alertterms, text
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.alertterms import AlertKind, Terms
from dms.rules.logalerts import Finding, Known, Learned
from dms.services import auditing, editing, schemes, security
from dms.stores import alertmemory
from dms.stores.work import Work

MAX_RULES = 100
"""Rules that look at each event."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the rules made of the events from `at` up to `beyond`."""

    at: int
    beyond: int
    learned: Learned
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class HitFilter:
    """Which alerts are wanted; what is None does not narrow."""

    alert_id: UUID | None = None
    actor_id: UUID | None = None
    is_reviewed: bool | None = None

    def values(self) -> list[Canonical]:
        """Return what narrows."""
        ids = [None if each is None else each.hex for each in (self.alert_id, self.actor_id)]
        return [*ids, self.is_reviewed]


def terms_of(row: LogAlert) -> Terms:
    """Return the numbers of a rule."""
    return alertterms.read(row.kind, orjson.loads(row.terms))


def events_of(row: LogAlertHit) -> list[UUID]:
    """Return the events that made an alert."""
    return [UUID(hex=each) for each in orjson.loads(row.events)]


def create(work: Work, *, name: str, terms: Terms) -> LogAlert:
    """Save a rule; it looks at the events that get their place from now on."""
    _begin(work, Op.LOGALERT_CREATE)
    if _present(work).count() >= MAX_RULES:
        raise Conflict(f"there are {MAX_RULES} rules already: remove one first")
    row = LogAlert(
        id=new_id(),
        name=text.line(name, ("name",), limit=text.MAX_NAME),
        kind=alertterms.kind_of(terms),
        terms=_written(alertterms.checked(terms)),
        since_index=following.end(work),
        created_by=gate.account_id(work),
        created_at=work.now,
        revision=1,
    )
    work.add(row)
    work.flush()
    work.changed(row.id, before=None, after=1, old={}, new=_values(row))
    return row


def update(
    work: Work, alert_id: UUID, *, expected_revision: int, name: str | None = None, terms: Terms | None = None
) -> LogAlert:
    """Change the name or the numbers of a rule; what it raised before stays as it is."""
    _begin(work, Op.LOGALERT_UPDATE)
    row = _claim(work, alert_id, expected_revision=expected_revision)
    old = _values(row)
    if terms is not None:
        if alertterms.kind_of(terms) is not row.kind:
            raise Invalid(f"a rule of kind `{row.kind}` stays one: make another", path=("terms",))
        row.terms = _written(alertterms.checked(terms))
    if name is not None:
        row.name = text.line(name, ("name",), limit=text.MAX_NAME)
    return _revise(work, row, old)


def remove(work: Work, alert_id: UUID, *, expected_revision: int, reason: str) -> LogAlert:
    """Let a rule raise no more; its alerts stay until they are reviewed, and after."""
    _begin(work, Op.LOGALERT_REMOVE)
    row = _claim(work, alert_id, expected_revision=expected_revision)
    note, old = text.reason(reason), _values(row)
    row.removed_by, row.removed_at = gate.account_id(work), work.now
    return _revise(work, row, old, reason=note)


def page(work: Work, request: PageRequest) -> Page[LogAlert]:
    """List the rules that are in force, the newest first."""
    _begin(work, Op.LOGALERT_LIST)
    return _present(work).order_by(Order(LogAlert.id, descending=True)).page(request)


def nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, LogAlert]:
    """Return the rules with these ids, removed ones too; none without the duty `log.read`."""
    return auditing.behind(work, LogAlert, Duty.LOG_READ).each(ids)


def hit_nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, LogAlertHit]:
    """Return the alerts with these ids; none without the duty `log.read`."""
    return auditing.behind(work, LogAlertHit, Duty.LOG_READ).each(ids)


def named(work: Work, ids: Sequence[UUID]) -> Mapping[UUID, LogAlert]:
    """Return the rules that an answer names, also removed ones."""
    return gate.vocabulary(work, LogAlert).many(set(ids))


def hits(work: Work, request: PageRequest, *, wanted: HitFilter) -> Page[LogAlertHit]:
    """List alerts, the newest first."""
    _begin(work, Op.LOGALERT_HIT_LIST)
    reading = gate.listed(work, LogAlertHit)
    if wanted.alert_id is not None:
        reading = reading.where(LogAlertHit.alert_id == wanted.alert_id)
    if wanted.actor_id is not None:
        reading = reading.where(LogAlertHit.actor_id == wanted.actor_id)
    if wanted.is_reviewed is not None:
        is_open = LogAlertHit.reviewed_at.is_(None)
        reading = reading.where(~is_open if wanted.is_reviewed else is_open)
    return reading.order_by(Order(LogAlertHit.id, descending=True)).page(request)


def waiting(work: Work, request: PageRequest) -> Page[LogAlertHit]:
    """List the alerts about others that nobody has reviewed, newest first; none without `log.read`."""
    work.performs(Op.LOGALERT_HIT_LIST)
    account = gate.account_id(work)
    reading = auditing.behind(work, LogAlertHit, Duty.LOG_READ).where(
        LogAlertHit.reviewed_at.is_(None),
        or_(LogAlertHit.actor_id.is_(None), LogAlertHit.actor_id != account),
    )
    return reading.order_by(Order(LogAlertHit.id, descending=True)).page(request)


def review(work: Work, hit_id: UUID, *, note: str) -> LogAlertHit:
    """Say what came of an alert; it leaves the queue."""
    _begin(work, Op.LOGALERT_REVIEW)
    row = gate.listed(work, LogAlertHit).one(hit_id)
    remark = text.reason(note, ("note",))
    if row.reviewed_at is not None:
        raise State("the alert was reviewed already", state="reviewed")
    if row.actor_id is not None and row.actor_id == work.actor.principal_id:
        raise State("nobody reviews an alert about himself: ask another auditor", state="open")
    row.reviewed_by, row.reviewed_at, row.note = gate.account_id(work), work.now, remark
    work.flush()
    work.changed(row.id, before=1, after=2, old={}, new={"note": remark})
    return row


def strike(work: Work, batch: Batch) -> list[LogAlertHit]:
    """Raise the alerts of a batch, and remember it; none if somebody else has done that. For the system."""
    work.performs(Op.LOGALERT_HIT)
    if not alertmemory.keep_in(work, batch.learned, at=batch.at, beyond=batch.beyond):
        return []
    rows = named(work, [finding.rule_id for finding in batch.findings])
    made = [_hit(work, rows[finding.rule_id], finding) for finding in batch.findings]
    work.flush()
    return made


def _begin(work: Work, op: Op) -> None:
    work.performs(op)
    gate.require_duty(work, Duty.LOG_READ)


def _present(work: Work) -> Listing[LogAlert]:
    return gate.listed(work, LogAlert).where(LogAlert.removed_at.is_(None))


def _claim(work: Work, alert_id: UUID, *, expected_revision: int) -> LogAlert:
    row = _present(work).one(alert_id)
    if row.revision != expected_revision:
        raise editing.stale(row.revision)
    return row


def _revise(work: Work, row: LogAlert, old: Mapping[str, Canonical], **told: Canonical) -> LogAlert:
    row.revision += 1
    work.flush()
    new = {**_values(row), **told}
    work.changed(row.id, before=row.revision - 1, after=row.revision, old=old, new=new)
    return row


def _values(row: LogAlert) -> dict[str, Canonical]:
    removed = row.removed_at is not None
    return {"name": row.name, "kind": row.kind.value, "terms": orjson.loads(row.terms), "removed": removed}


def _written(terms: Terms) -> str:
    return canonical_bytes(alertterms.values(terms)).decode()


def _hit(work: Work, rule: LogAlert, finding: Finding) -> LogAlertHit:
    events = finding.event_ids
    if rule.kind is AlertKind.VOLUME and finding.actor_id is not None:
        events = following.largest(work, finding.actor_id, since=finding.first_at, until=finding.last_at)
    row = LogAlertHit(
        id=new_id(),
        alert_id=rule.id,
        alert_revision=rule.revision,
        subject=finding.subject,
        actor_id=finding.actor_id,
        first_at=finding.first_at,
        last_at=finding.last_at,
        found_at=work.now,
        message=alertmessages.message(rule.kind, finding, called=_called(work, finding)),
        figures=canonical_bytes(finding.figures).decode(),
        events=canonical_bytes([each.hex for each in events]).decode(),
    )
    work.add(row)
    told: dict[str, Canonical] = {"alert": rule.id.hex, "message": row.message, "subject": row.subject}
    work.changed(row.id, before=None, after=1, old={}, new=told)
    return row


def _called(work: Work, finding: Finding) -> str | None:
    """Return the words for the mark or class that a finding speaks of."""
    told = finding.figures
    mark, class_id = told.get(Known.MARK.value), told.get(Known.RECORD_CLASS.value)
    if isinstance(mark, str) and int(mark) in marks.all_marks(work):
        return security.classifications(work, [int(mark)])[int(mark)].marking
    if isinstance(class_id, str):
        found = schemes.named(work, [UUID(hex=class_id)])
        return next((row.code for row in found.values()), None)
    return None
