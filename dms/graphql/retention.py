"""What follows for things: the outcome with its explanation, and the due list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.ids import Kind
from dms.graphql import paging
from dms.graphql.context import INPUT, Info, Payload, mutation_field, query_field
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.retentionwords import (
    TARGET_KINDS,
    LifecyclePhase,
    Reason,
    RetentionAction,
    RetentionState,
    Target,
    TrackMedium,
)
from dms.graphql.scalars import asked_id, shown_id
from dms.graphql.words import Action
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.retention import RetentionOutcome as Kept
from dms.models.schedules import RuleEntry
from dms.rules import duesentences
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.calendars import FiscalYear
from dms.rules.duedays import MediumOutcome
from dms.services import duelists, retention
from dms.services.duelists import DueWanted
from dms.stores.outcomes import Computed
from dms.stores.work import Work


@strawberry.type(description="A fact from which a period may count.")
class RetentionFact:
    """A trigger that happened, or was revoked."""

    trigger: str = strawberry.field(
        description="What happened: `closed`, `dated`, `registered` and so on, or `custom:` and a code."
    )
    first_day: date | None = strawberry.field(description="The first day on which it can have happened.")
    last_day: date | None = strawberry.field(
        description="The last day on which it can have happened: from it the period counts."
    )
    is_revocation: bool = strawberry.field(
        description="What was recorded of the trigger before it has fallen."
    )


@strawberry.type(description="What follows for one medium of a thing.")
class MediumRetention:
    """One medium."""

    medium: TrackMedium = strawberry.field(description="Which medium.")
    state: RetentionState = strawberry.field(description="What follows today.")
    due_on: date | None = strawberry.field(description="The first day on which the action is allowed.")
    action: RetentionAction | None = strawberry.field(description="What is allowed then.")


@strawberry.type(
    description="What follows for a thing from the rules that bear on it, computed anew for this answer. "
    "Holds are no part of it: they forbid the act and move no day."
)
class RetentionOutcome:
    """An outcome."""

    state: RetentionState = strawberry.field(description="What follows today.")
    due_on: date | None = strawberry.field(
        description="The first day on which the action is allowed; null where no day can be told."
    )
    action: RetentionAction | None = strawberry.field(description="What is, or will be, allowed.")
    detail: str = strawberry.field(description="To whom, how, or what then, as the rule says it.")
    waits_for: list[str] = strawberry.field(description="The triggers that are missing, while it waits.")
    reason: Reason | None = strawberry.field(description="Why no day can be told.")
    phase: int | None = strawberry.field(description="In which phase of the rule it is, from 1.")
    lifecycle_phase: LifecyclePhase | None = strawberry.field(
        description="Where it should lie now by the rule."
    )
    phase_ends_on: date | None = strawberry.field(
        description="The first day of the next phase, or of the action."
    )
    latest_on: date | None = strawberry.field(
        description="The first day on which a maximum rule allows it no longer."
    )
    in_conflict: bool = strawberry.field(
        description="A maximum rule comes before the minimum: a person must decide which is wrong."
    )
    rule_id: strawberry.ID | None = strawberry.field(description="The rule that decides.")
    rule_code: str | None = strawberry.field(description="What its schedule calls it.")
    rule_title: str | None = strawberry.field(description="What the rule is about.")
    citations: list[str] = strawberry.field(description="The authorities that the rule cites.")
    media: list[MediumRetention] = strawberry.field(
        description="By medium; the whole follows the one that stays longest."
    )
    facts: list[RetentionFact] = strawberry.field(
        description="What is known of it, in the order of recording; none where no rule bears on it."
    )
    explanation: list[str] = strawberry.field(
        description="Every step that led to this, a sentence for each, in English."
    )


@strawberry.type(description="A thing on the due list.")
class DueItem:
    """A Document or Aggregation with what follows for it."""

    kind: Target = strawberry.field(description="What it is.")
    node_id: strawberry.ID = strawberry.field(description="The Document or Aggregation.")
    reference_code: str | None = strawberry.field(description="By what it is cited; none if it has none.")
    title: str | None = strawberry.field(description="What it is called.")
    record_class_id: strawberry.ID | None = strawberry.field(description="The class whose rules bear on it.")
    days_overdue: int | None = strawberry.field(
        description="How many days ago its day was; null unless it is due."
    )
    is_current: bool = strawberry.field(
        description="Whether what put it on the list still holds. False just after rules, classes or places "
        "changed, until all they bear on is computed anew; the outcome shown is the new one."
    )
    outcome: RetentionOutcome = strawberry.field(description="What follows for it.")


@strawberry.type(description="How many things have their day in one year.")
class DueYear:
    """One year and action."""

    year: int = strawberry.field(description="A calendar year, also of the past.")
    action: RetentionAction = strawberry.field(description="What is allowed then.")
    things: int = strawberry.field(description="How many Documents and Aggregations that you may read.")


@strawberry.type(description="What falls due by year, and how days are counted.")
class DueForecast:
    """The figures of a chart."""

    today: date = strawberry.field(description="The civil day in the zone of the Repository.")
    zone: str = strawberry.field(description="The time zone whose days count, such as `Europe/Rome`.")
    fiscal_year_begin: str = strawberry.field(
        description="The day on which the fiscal year begins, as month and day: `07-01`."
    )
    is_current: bool = strawberry.field(
        description="False while outcomes are still computed anew after a change of rules, classes or places."
    )
    years: list[DueYear] = strawberry.field(
        description="How many of the things that `dueItems` would list have their day in each year."
    )


@strawberry.input(description="How the Repository counts days.")
class RetentionCalendarSetInput:
    """Fiscal year and zone."""

    fiscal_month: int = strawberry.field(description="The month in which the fiscal year begins, 1 to 12.")
    fiscal_day: int = strawberry.field(description="The day of that month; every year must have it.")
    zone: str = strawberry.field(description="A time zone by its name, such as `Europe/Rome` or `UTC`.")


@strawberry.type(description="What came of setting how days are counted.")
class RetentionCalendarSetPayload(Payload):
    """The calendar, or why not."""

    zone: str | None = strawberry.field(default=None, description="The zone whose civil days count now.")
    fiscal_year_begin: str | None = strawberry.field(
        default=None, description="The day on which the fiscal year begins now, as month and day: `07-01`."
    )


@strawberry.input(description="Which things to list; what is left out does not narrow the list.")
class DueFilter:
    """What narrows a due list; the conditions are joined with and."""

    state: RetentionState | None = strawberry.field(default=None, description="Those in this state today.")
    due_from: date | None = strawberry.field(default=None, description="Due on this day or later.")
    due_until: date | None = strawberry.field(default=None, description="Due on this day or earlier.")
    action: RetentionAction | None = strawberry.field(
        default=None, description="Those for which this is, or will be, allowed."
    )
    kind: Target | None = strawberry.field(default=None, description="Documents, or Aggregations.")
    record_class_id: strawberry.ID | None = strawberry.field(
        default=None, description="In this class or below it."
    )
    rule_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those for which this rule decides."
    )
    without_rule: bool = strawberry.field(default=False, description="Only those on which no rule bears.")
    in_conflict: bool = strawberry.field(
        default=False, description="Only those of which a maximum comes before the minimum."
    )

    def asked(self) -> DueWanted:
        """Return it as the service takes it."""
        return DueWanted(
            state=self.state,
            due_from=self.due_from,
            due_until=self.due_until,
            action=self.action,
            kind=self.kind,
            record_class_id=_key(Kind.RECORD_CLASS, self.record_class_id),
            rule_id=_key(Kind.RETENTION_RULE, self.rule_id),
            without_rule=self.without_rule,
            in_conflict=self.in_conflict,
        )


Filter = Annotated[DueFilter | None, NARROWS]


def shown_outcomes(work: Work, found: Mapping[UUID, Computed]) -> Mapping[UUID, RetentionOutcome]:
    """Shape outcomes, by the id of their thing."""
    cited = duelists.citations(work, list(found.values()))
    return {thing: shown_outcome(each, cited) for thing, each in found.items()}


def shown_outcome(each: Computed, cited: Mapping[tuple[UUID, UUID], RuleEntry]) -> RetentionOutcome:
    """Shape one outcome; `cited` has the wordings of rules, by edition and rule."""
    whole, decisive = each.outcome, each.outcome.decisive
    rule = decisive.rule
    entry = None if rule is None else cited.get((rule.edition_id, rule.rule_id))
    return RetentionOutcome(
        state=whole.state,
        due_on=whole.due_on,
        action=decisive.action,
        detail=decisive.detail,
        waits_for=list(decisive.standing.waits_for),
        reason=decisive.standing.reason,
        phase=None if decisive.phase is None else decisive.phase + 1,
        lifecycle_phase=decisive.lifecycle_phase,
        phase_ends_on=decisive.phase_ends_on,
        latest_on=decisive.latest_on,
        in_conflict=whole.conflict is not None,
        rule_id=None if rule is None else shown_id(Kind.RETENTION_RULE, rule.rule_id),
        rule_code=None if rule is None else rule.code,
        rule_title=None if entry is None else entry.title,
        citations=[] if entry is None or not entry.citations else entry.citations.splitlines(),
        media=[_medium(medium) for medium in whole.media],
        facts=[
            RetentionFact(
                trigger=event.trigger,
                first_day=event.first_day,
                last_day=event.last_day,
                is_revocation=event.is_revocation,
            )
            for event in each.gathered.thing.events
        ],
        explanation=list(duesentences.sentences(whole.explanation)),
    )


def _medium(medium: MediumOutcome) -> MediumRetention:
    return MediumRetention(
        medium=medium.medium,
        state=medium.state,
        due_on=medium.standing.due_on,
        action=medium.action,
    )


def _shown_items(work: Work, due: duelists.Due) -> Mapping[UUID, DueItem]:
    things = duelists.named(work, due.page.rows)
    shown = shown_outcomes(work, due.computed)
    return {
        row.id: _item(row, things.get(row.id), shown[row.id], today=due.today)
        for row in due.page.rows
        if row.id in shown
    }


def _item(
    row: Kept, thing: Document | Aggregation | None, outcome: RetentionOutcome, *, today: date
) -> DueItem:
    is_due = outcome.state is RetentionState.DUE and outcome.due_on is not None
    return DueItem(
        kind=row.kind,
        node_id=shown_id(TARGET_KINDS[row.kind], row.id),
        reference_code=None if thing is None else thing.reference_code,
        title=None if thing is None else thing.title,
        record_class_id=None if row.class_id is None else shown_id(Kind.RECORD_CLASS, row.class_id),
        days_overdue=(today - outcome.due_on).days if is_due and outcome.due_on else None,
        is_current=(row.due_on, row.action) == (outcome.due_on, outcome.action),
        outcome=outcome,
    )


def _key(kind: Kind, text: str | None) -> UUID | None:
    return None if text is None else asked_id(kind, text)


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.RETENTION_DUE,
        needs=Action.READ_METADATA,
        description="Documents and Aggregations by their due day, as far as you may read their metadata; "
        "those without a day come first. Nothing on the list happens by itself.",
    )
    def due_items(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Filter = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[DueItem] | None:
        """List what is due."""
        wanted = DueWanted() if filter is None else filter.asked()
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=repr(wanted),
            total_up_to=total_up_to,
        )
        found = duelists.due(info.work, page.request, wanted)
        return page.connection(found.page.among(_shown_items(info.work, found)))

    @query_field(
        op=Op.RETENTION_DUE,
        needs=Action.READ_METADATA,
        description="What falls due by year, as far as you may read it: the figures of a chart.",
    )
    def due_forecast(self, info: Info, filter: Filter = None) -> DueForecast | None:
        """Count what is due by year."""
        found = duelists.forecast(info.work, DueWanted() if filter is None else filter.asked())
        return DueForecast(
            today=found.days.today,
            zone=found.days.zone,
            fiscal_year_begin=_written(found.days.fiscal_year),
            is_current=found.is_current,
            years=[DueYear(year=row.year, action=row.action, things=row.things) for row in found.years],
        )


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.RETENTION_CALENDAR,
        needs=Duty.SCHEDULES_MANAGE,
        description="Say when the fiscal year begins and whose civil days count. It moves days, so only "
        "before any rule is bound to anything.",
    )
    def retention_calendar_set(
        self, info: Info, input: Annotated[RetentionCalendarSetInput, INPUT]
    ) -> RetentionCalendarSetPayload | None:
        """Set the calendar."""
        days = retention.set_calendar(
            info.work, fiscal_month=input.fiscal_month, fiscal_day=input.fiscal_day, zone=input.zone
        )
        return RetentionCalendarSetPayload(zone=days.zone, fiscal_year_begin=_written(days.fiscal_year))


def _written(begins: FiscalYear) -> str:
    return f"{begins.begin_month:02}-{begins.begin_day:02}"
