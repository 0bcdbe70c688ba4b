"""Alerts about the access log: the saved rules, and the queue of what they raised."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import alertwords, paging, principals
from dms.graphql.alertwords import LogAlertTermsInput
from dms.graphql.context import INPUT, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.eventwords import Op
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.scalars import asked_id, shown_id, shown_instant
from dms.models import logalerts as models
from dms.rules.access import Duty
from dms.rules.alertterms import AlertClassification, AlertKind
from dms.services import logalerts
from dms.services.logalerts import HitFilter
from dms.stores.work import Work


@strawberry.type(description="A saved rule that raises alerts about the access log.")
class LogAlert(Node):
    """A rule; what its kind does not have is null."""

    name: str = strawberry.field(description="What it is called.")
    kind: AlertKind = strawberry.field(description="What it looks for.")
    factor: int | None = strawberry.field(description="VOLUME: how many times the usual of an hour.")
    floor: int | None = strawberry.field(
        description="VOLUME: up to so many objects in an hour nobody is told of."
    )
    classification: AlertClassification | None = strawberry.field(
        description="FIRST_ACCESS: by what things are classified."
    )
    weekdays: list[int] = strawberry.field(
        description="OUT_OF_HOURS: the days of work, 1 Monday to 7 Sunday."
    )
    opens_at: str | None = strawberry.field(description="OUT_OF_HOURS: when work begins, such as `08:00`.")
    closes_at: str | None = strawberry.field(description="OUT_OF_HOURS: when work ends.")
    time_zone: str | None = strawberry.field(
        description="OUT_OF_HOURS: where these times are told, such as `Europe/Paris`."
    )
    count: int | None = strawberry.field(description="DENIALS: so many refusals raise an alert.")
    minutes: int | None = strawberry.field(description="DENIALS: within so many minutes.")
    operations: list[Op] = strawberry.field(description="OPERATION: which ones raise an alert.")
    created_by: Principal = strawberry.field(description="Who saved it.")
    created_at: Instant = strawberry.field(description="When; it looks at no event before.")
    removed_at: Instant | None = strawberry.field(
        description="When it was removed; null while it is in force."
    )
    revision: int = strawberry.field(description="Raised by every change; name it when you change it.")


@strawberry.type(description="An alert about the access log, and what came of it.")
class LogAlertHit(Node):
    """An alert."""

    log_alert: LogAlert = strawberry.field(description="The rule that raised it, as it is now.")
    alert_revision: int = strawberry.field(description="The revision of the rule that raised it.")
    actor: Principal | None = strawberry.field(
        description="Whose doing it is about; null for those who had not logged in."
    )
    message: str = strawberry.field(description="Why it was raised, of the actor: with the figures.")
    figures: str = strawberry.field(description="The figures as JSON text.")
    first_at: Instant = strawberry.field(description="The instant from which on it was looked at.")
    last_at: Instant = strawberry.field(description="The instant of the event that raised it.")
    found_at: Instant = strawberry.field(description="When it was raised.")
    event_ids: list[strawberry.ID] = strawberry.field(
        description="The events that made it, at most 50; read them by `accessEvent`."
    )
    reviewed_by: Principal | None = strawberry.field(description="Who reviewed it; null while it waits.")
    reviewed_at: Instant | None = strawberry.field(description="When.")
    note: str | None = strawberry.field(description="What came of it, in the words of who reviewed it.")


@strawberry.input(description="Which alerts to list; what is left out does not narrow the list.")
class LogAlertHitFilter:
    """What narrows a list of alerts."""

    log_alert_id: strawberry.ID | None = strawberry.field(default=None, description="Those of this rule.")
    actor_id: strawberry.ID | None = strawberry.field(default=None, description="Those about this account.")
    is_reviewed: bool | None = strawberry.field(
        default=None, description="Those that were reviewed, or false for those that wait."
    )


@strawberry.input(description="A rule to save.")
class LogAlertCreateInput(Creation):
    """A name and terms."""

    name: str = strawberry.field(description="What to call it.")
    terms: LogAlertTermsInput = strawberry.field(description="What it looks for.")


@strawberry.input(description="A change of a rule; what is left out stays.")
class LogAlertUpdateInput:
    """What changes."""

    id: strawberry.ID = strawberry.field(description="The rule.")
    expected_revision: int = strawberry.field(description="The revision that you saw.")
    name: str | None = strawberry.field(default=None, description="What to call it.")
    terms: LogAlertTermsInput | None = strawberry.field(
        default=None, description="Other numbers for the same kind of rule."
    )


@strawberry.input(description="A rule that shall raise no more alerts.")
class LogAlertRemoveInput:
    """Which rule, and why."""

    id: strawberry.ID = strawberry.field(description="The rule.")
    expected_revision: int = strawberry.field(description="The revision that you saw.")
    reason: str = strawberry.field(description="Why; other auditors read it.")


@strawberry.input(description="What came of an alert.")
class LogAlertReviewInput:
    """Which alert, and what came of it."""

    id: strawberry.ID = strawberry.field(description="The alert; not one about yourself.")
    note: str = strawberry.field(description="What came of it; other auditors read it.")


@strawberry.type(description="What came of saving a rule.")
class LogAlertCreatePayload(Payload):
    """The rule, or why not."""

    log_alert: LogAlert | None = strawberry.field(default=None, description="The rule.")


@strawberry.type(description="What came of changing a rule.")
class LogAlertUpdatePayload(Payload):
    """The rule, or why not."""

    log_alert: LogAlert | None = strawberry.field(default=None, description="The rule.")


@strawberry.type(description="What came of removing a rule.")
class LogAlertRemovePayload(Payload):
    """The rule, or why not."""

    log_alert: LogAlert | None = strawberry.field(default=None, description="The rule, removed.")


@strawberry.type(description="What came of reviewing an alert.")
class LogAlertReviewPayload(Payload):
    """The alert, or why not."""

    log_alert_hit: LogAlertHit | None = strawberry.field(
        default=None, description="The alert as it is now, out of the queue."
    )


def _shown(work: Work, rows: Iterable[models.LogAlert]) -> dict[UUID, LogAlert]:
    found = list(rows)
    names = principals.named(work, [row.created_by for row in found])
    return {row.id: _shape(row, names[row.created_by]) for row in found}


def _shape(row: models.LogAlert, created_by: Principal) -> LogAlert:
    return LogAlert(
        id=shown_id(Kind.LOG_ALERT, row.id),
        name=row.name,
        kind=row.kind,
        **alertwords.shown(logalerts.terms_of(row)),
        created_by=created_by,
        created_at=Instant(row.created_at),
        removed_at=shown_instant(row.removed_at),
        revision=row.revision,
    )


def shown_hits(work: Work, rows: Iterable[models.LogAlertHit]) -> dict[UUID, LogAlertHit]:
    """Shape alerts, by id."""
    found = list(rows)
    alerts = _shown(work, logalerts.named(work, [row.alert_id for row in found]).values())
    names = principals.named(work, [each for row in found for each in (row.actor_id, row.reviewed_by)])
    return {
        row.id: LogAlertHit(
            id=shown_id(Kind.LOG_ALERT_HIT, row.id),
            log_alert=alerts[row.alert_id],
            alert_revision=row.alert_revision,
            actor=principals.one_of(names, row.actor_id),
            message=row.message,
            figures=row.figures,
            first_at=Instant(row.first_at),
            last_at=Instant(row.last_at),
            found_at=Instant(row.found_at),
            event_ids=[shown_id(Kind.ACCESS_EVENT, each) for each in logalerts.events_of(row)],
            reviewed_by=principals.one_of(names, row.reviewed_by),
            reviewed_at=shown_instant(row.reviewed_at),
            note=row.note,
        )
        for row in found
    }


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return rules by id, for `node`."""
    return _shown(info.work, logalerts.nodes(info.work, ids).values())


def hit_nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return alerts by id, for `node`."""
    return shown_hits(info.work, logalerts.hit_nodes(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.LOGALERT_LIST,
        needs=Duty.LOG_READ,
        description="The rules that raise alerts about the access log, the newest first.",
    )
    def log_alerts(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[LogAlert] | None:
        """List rules."""
        page = paging.asked(info, first=first, after=after, last=last, before=before)
        found = logalerts.page(info.work, page.request)
        shown = _shown(info.work, found.rows)
        return page.connection(found.among(shown))

    @query_field(
        op=Op.LOGALERT_HIT_LIST,
        needs=Duty.LOG_READ,
        description="Alerts about the access log, the newest first; those with `isReviewed: false` wait.",
    )
    def log_alert_hits(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[LogAlertHitFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[LogAlertHit] | None:
        """List alerts."""
        wanted = _asked(info.work, filter or LogAlertHitFilter())
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=wanted.values(),
            total_up_to=total_up_to,
        )
        found = logalerts.hits(info.work, page.request, wanted=wanted)
        shown = shown_hits(info.work, found.rows)
        return page.connection(found.among(shown))


def _asked(work: Work, asked: LogAlertHitFilter) -> HitFilter:
    return HitFilter(
        alert_id=None if asked.log_alert_id is None else asked_id(Kind.LOG_ALERT, asked.log_alert_id),
        actor_id=None if asked.actor_id is None else principals.asked_principal(work, asked.actor_id),
        is_reviewed=asked.is_reviewed,
    )


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.LOGALERT_CREATE,
        needs=Duty.LOG_READ,
        creates=Made("log_alert", nodes),
        description="Save a rule that raises alerts about the access log from now on.",
    )
    def log_alert_create(
        self, info: Info, input: Annotated[LogAlertCreateInput, INPUT]
    ) -> LogAlertCreatePayload | None:
        """Save a rule."""
        row = logalerts.create(info.work, name=input.name, terms=alertwords.asked(input.terms))
        return LogAlertCreatePayload(log_alert=_shown(info.work, [row])[row.id])

    @mutation_field(
        op=Op.LOGALERT_UPDATE,
        needs=Duty.LOG_READ,
        description="Change the name or the numbers of a rule; alerts that it raised stay as they are.",
    )
    def log_alert_update(
        self, info: Info, input: Annotated[LogAlertUpdateInput, INPUT]
    ) -> LogAlertUpdatePayload | None:
        """Change a rule."""
        row = logalerts.update(
            info.work,
            asked_id(Kind.LOG_ALERT, input.id),
            expected_revision=input.expected_revision,
            name=input.name,
            terms=None if input.terms is None else alertwords.asked(input.terms),
        )
        return LogAlertUpdatePayload(log_alert=_shown(info.work, [row])[row.id])

    @mutation_field(
        op=Op.LOGALERT_REMOVE,
        needs=Duty.LOG_READ,
        description="Let a rule raise no more alerts; those that it raised stay.",
    )
    def log_alert_remove(
        self, info: Info, input: Annotated[LogAlertRemoveInput, INPUT]
    ) -> LogAlertRemovePayload | None:
        """Remove a rule."""
        row = logalerts.remove(
            info.work,
            asked_id(Kind.LOG_ALERT, input.id),
            expected_revision=input.expected_revision,
            reason=input.reason,
        )
        return LogAlertRemovePayload(log_alert=_shown(info.work, [row])[row.id])

    @mutation_field(
        op=Op.LOGALERT_REVIEW,
        needs=Duty.LOG_READ,
        description="Say what came of an alert, which then leaves the queue.",
    )
    def log_alert_review(
        self, info: Info, input: Annotated[LogAlertReviewInput, INPUT]
    ) -> LogAlertReviewPayload | None:
        """Review an alert."""
        row = logalerts.review(info.work, asked_id(Kind.LOG_ALERT_HIT, input.id), note=input.note)
        return LogAlertReviewPayload(log_alert_hit=shown_hits(info.work, [row])[row.id])
