"""Statistics of the access log: how much was done by whom, with what, on which day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.log.statistics import Counting, Dimension
from dms.base.ids import Kind
from dms.graphql import enums, paging, principals, schemes
from dms.graphql.context import Info, query_field
from dms.graphql.eventwords import Op, Outcome
from dms.graphql.paging import NARROWS, After, Before, Connection, First, Last
from dms.graphql.principals import Principal
from dms.graphql.scalars import BigInt, asked_id
from dms.graphql.schemes import RecordClass
from dms.rules.access import Duty
from dms.services import logstatistics
from dms.services.logstatistics import Statistic
from dms.stores.work import Work

_EPOCH = date(1970, 1, 1)
_OPS = {op.value: op for op in Op}

enums.show(
    Dimension,
    name="AccessStatisticsBy",
    description="By what events are counted.",
    values={
        Dimension.ACTOR: "By who acted.",
        Dimension.CLASS: "By the class under which things were filed when they were shown. An event with "
        "things of two classes counts under both, one that showed nothing with a class under none.",
        Dimension.OP: "By what the operation did first.",
        Dimension.OUTCOME: "By how it ended.",
        Dimension.DAY: "By day, UTC.",
    },
)


@strawberry.input(description="What is counted; all that is given must hold.")
class AccessStatisticsFilter:
    """What narrows the statistics."""

    actor_id: strawberry.ID | None = strawberry.field(default=None, description="What this account did.")
    class_id: strawberry.ID | None = strawberry.field(
        default=None, description="What showed things of this class, and only those things of it."
    )
    op: Op | None = strawberry.field(default=None, description="What did this first.")
    outcome: Outcome | None = strawberry.field(default=None, description="What ended so.")


@strawberry.type(description="A line of statistics; what was not counted by is null.")
class AccessStatistic:
    """Counts of what has the same actor, class, op, outcome and day, as far as these were asked for."""

    actor: Principal | None = strawberry.field(
        description="Who acted, under the names of today; null also for the system and for who had not "
        "logged in."
    )
    record_class: RecordClass | None = strawberry.field(
        description="The class of the things that were read, if lines are grouped so."
    )
    op: Op | None = strawberry.field(description="What was done first.")
    outcome: Outcome | None = strawberry.field(description="How it ended.")
    day: date | None = strawberry.field(description="The day, UTC.")
    events: BigInt = strawberry.field(description="How many events.")
    objects: BigInt = strawberry.field(
        description="How many objects they showed or changed; one that several events name counts for each."
    )


def _shown(line: Statistic, names: Mapping[UUID, Principal]) -> AccessStatistic:
    return AccessStatistic(
        actor=None if line.actor is None else names[line.actor.id],
        record_class=None if line.record_class is None else schemes.shown_class(line.record_class),
        op=None if line.op is None else _OPS.get(line.op),
        outcome=None if line.outcome is None else Outcome(line.outcome),
        day=None if line.day is None else _EPOCH + timedelta(days=line.day),
        events=BigInt(line.events),
        objects=BigInt(line.objects),
    )


def _counting(
    work: Work,
    group_by: list[Dimension],
    filter: AccessStatisticsFilter,
    *,
    since: date | None,
    until: date | None,
) -> Counting:
    actor = None if filter.actor_id is None else principals.asked_principal(work, filter.actor_id)
    return Counting(
        by=tuple(dict.fromkeys(group_by)),
        since=None if since is None else (since - _EPOCH).days,
        until=None if until is None else (until - _EPOCH).days,
        actor_id=actor,
        class_id=None if filter.class_id is None else asked_id(Kind.RECORD_CLASS, filter.class_id),
        op=filter.op,
        outcome=filter.outcome,
    )


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.LOG_READ,
        needs=Duty.LOG_READ,
        description="How many events there are, and how many objects they name, in the order of what they "
        "are counted by: exact, and up to the present moment. More than 50,000 lines are refused: ask for a "
        "shorter period, or by less. Your question is an event too.",
    )
    def access_statistics(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        group_by: Annotated[
            list[Dimension],
            strawberry.argument(description="By what is counted; nothing for one total."),
        ],
        since: Annotated[
            date | None, strawberry.argument(description="The first day, UTC; open if left out.")
        ] = None,
        until: Annotated[
            date | None,
            strawberry.argument(description="The first day that is no longer covered; open if left out."),
        ] = None,
        filter: Annotated[AccessStatisticsFilter | None, NARROWS] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[AccessStatistic] | None:
        """Count events."""
        asked = _counting(info.work, group_by, filter or AccessStatisticsFilter(), since=since, until=until)
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=logstatistics.written(asked),
        )
        found = logstatistics.page(info.work, page.request, asked=asked)
        names = principals.shown(info.work, [line.actor for line in found.rows])
        return page.connection(found.map(lambda line: _shown(line, names)))
