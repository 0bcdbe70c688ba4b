"""Retention schedules: bodies of rules, of which several may be in force."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import paging
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node, given
from dms.graphql.paging import TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.scalars import asked_id, shown_id
from dms.models import schedules as models
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.services import schedules
from dms.services.schedules import ScheduleWords

_NOW = "The schedule as it is now."


@strawberry.type(description="A body of retention rules that somebody lays down; its rules last.")
class RetentionSchedule(Node):
    """A schedule."""

    code: str = strawberry.field(description="Its short name; no other schedule has it.")
    title: str = strawberry.field(description="Its name as people know it.")
    jurisdiction: str | None = strawberry.field(description="Where, and for whom, it holds.")
    source: str | None = strawberry.field(description="Where its text was taken from.")
    created_at: Instant = strawberry.field(description="When it was made.")
    revision: int = strawberry.field(description="Raised by every change; name it in yours.")


@strawberry.input(description="A new schedule; its rules come with an edition.")
class RetentionScheduleCreateInput(Creation):
    """What a schedule begins with."""

    code: str = strawberry.field(description="Its short name; no other schedule has it.")
    title: str = strawberry.field(description="Its name, one line.")
    jurisdiction: str | None = strawberry.field(default=None, description="Where, and for whom, it holds.")
    source: str | None = strawberry.field(default=None, description="Where its text was taken from.")


@strawberry.input(
    description="What a schedule says of itself. What is left out stays, null empties what may be."
)
class RetentionScheduleUpdateInput:
    """What changes."""

    id: strawberry.ID = strawberry.field(description="The schedule.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    title: strawberry.Maybe[str] = strawberry.field(description="The new name.")
    jurisdiction: strawberry.Maybe[str | None] = strawberry.field(description="Where, and for whom.")
    source: strawberry.Maybe[str | None] = strawberry.field(description="Where its text was taken from.")


@strawberry.type(description="What came of making a schedule.")
class RetentionScheduleCreatePayload(Payload):
    """The schedule, or why not."""

    retention_schedule: RetentionSchedule | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of changing a schedule.")
class RetentionScheduleUpdatePayload(Payload):
    """The schedule, or why not."""

    retention_schedule: RetentionSchedule | None = strawberry.field(default=None, description=_NOW)


def shown_schedule(row: models.RetentionSchedule) -> RetentionSchedule:
    """Shape a schedule."""
    return RetentionSchedule(
        id=shown_id(Kind.RETENTION_SCHEDULE, row.id),
        code=row.code,
        title=row.title,
        jurisdiction=row.jurisdiction,
        source=row.source,
        created_at=Instant(row.created_at),
        revision=row.revision,
    )


def _shown(rows: Iterable[models.RetentionSchedule]) -> Mapping[UUID, RetentionSchedule]:
    return {row.id: shown_schedule(row) for row in rows}


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, RetentionSchedule]:
    """Return schedules by id, for `node`."""
    return _shown(schedules.each(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(op=Op.SCHEDULE_LIST, needs=OPEN, description="The retention schedules by code.")
    def retention_schedules(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[RetentionSchedule] | None:
        """List schedules."""
        page = paging.asked(
            info, first=first, after=after, last=last, before=before, order="code", total_up_to=total_up_to
        )
        return page.connection(schedules.listed(info.work, page.request).map(shown_schedule))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.SCHEDULE_CREATE,
        needs=Duty.SCHEDULES_MANAGE,
        creates=Made("retention_schedule", nodes),
        description="Make a schedule, which has no edition yet.",
    )
    def retention_schedule_create(
        self, info: Info, input: Annotated[RetentionScheduleCreateInput, INPUT]
    ) -> RetentionScheduleCreatePayload | None:
        """Make a schedule."""
        words = ScheduleWords(title=input.title, jurisdiction=input.jurisdiction, source=input.source)
        row = schedules.create(info.work, input.code, words)
        return RetentionScheduleCreatePayload(retention_schedule=shown_schedule(row))

    @mutation_field(
        op=Op.SCHEDULE_UPDATE,
        needs=Duty.SCHEDULES_MANAGE,
        description="Change what a schedule says of itself; its rules are worded in editions.",
    )
    def retention_schedule_update(
        self, info: Info, input: Annotated[RetentionScheduleUpdateInput, INPUT]
    ) -> RetentionScheduleUpdatePayload | None:
        """Change a schedule."""
        words = ScheduleWords(
            title=given(input.title), jurisdiction=given(input.jurisdiction), source=given(input.source)
        )
        row = schedules.update(
            info.work,
            asked_id(Kind.RETENTION_SCHEDULE, input.id),
            words,
            expected_revision=input.expected_revision,
        )
        return RetentionScheduleUpdatePayload(retention_schedule=shown_schedule(row))
