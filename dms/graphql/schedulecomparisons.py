"""How two editions of retention schedules differ."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

import strawberry

from dms.base.ids import Kind
from dms.graphql import enums
from dms.graphql.context import OPEN, Info, query_field
from dms.graphql.scalars import asked_id, shown_id
from dms.graphql.trackshapes import RetentionTrack, shown_tracks
from dms.rules.accessevents import Op
from dms.rules.ruleentries import RuleComparison, RuleDifference, Wording
from dms.rules.states import RuleEntryState
from dms.services import scheduleeditions

MOST_COMPARED = 1_000
"""So many rules a comparison shows; its counts are of all."""

enums.show(
    RuleDifference,
    description="What became of a rule from one edition to another.",
    values={
        RuleDifference.ADDED: "It is new.",
        RuleDifference.REMOVED: "It is gone.",
        RuleDifference.RECODED: "It has another code.",
        RuleDifference.RETITLED: "It has another title.",
        RuleDifference.REWORDED: "Its text, description or citations differ.",
        RuleDifference.REBOUND: "Whether it binds from below or above, or one of its marks, differs.",
        RuleDifference.REREAD: "It is understood otherwise.",
    },
)


@strawberry.type(description="What a rule says in an edition, for a comparison.")
class RuleWording:
    """A wording."""

    code: str = strawberry.field(description="As the source calls it.")
    title: str = strawberry.field(description="What it is about.")
    raw_text: str = strawberry.field(description="The whole row of the source.")
    state: RuleEntryState = strawberry.field(description="How far it is understood.")
    tracks: list[RetentionTrack] = strawberry.field(description="How it is understood.")


@strawberry.type(description="A rule that differs between two editions.")
class ScheduleRuleComparison:
    """One difference."""

    rule_id: strawberry.ID = strawberry.field(description="Which of the lasting ones differs.")
    differences: list[RuleDifference] = strawberry.field(description="In what they differ.")
    before: RuleWording | None = strawberry.field(description="What the first says; none if nothing.")
    after: RuleWording | None = strawberry.field(description="What the second says; none if nothing.")


@strawberry.type(description="How often two editions differ in one way.")
class RuleDifferenceCount:
    """A count."""

    difference: RuleDifference = strawberry.field(description="The way.")
    rules: int = strawberry.field(description="How many rules.")


@strawberry.type(description="How two editions of schedules differ.")
class ScheduleComparison:
    """A comparison."""

    total_count: int = strawberry.field(description="How many rules differ.")
    counts: list[RuleDifferenceCount] = strawberry.field(
        description="In which ways; ways without any are absent."
    )
    rules: list[ScheduleRuleComparison] = strawberry.field(
        description=f"The rules by code, {MOST_COMPARED} at most."
    )


def _compared(rows: Collection[RuleComparison]) -> ScheduleComparison:
    told = [difference for row in rows for difference in row.differences]
    return ScheduleComparison(
        total_count=len(rows),
        counts=[
            RuleDifferenceCount(difference=each, rules=told.count(each))
            for each in RuleDifference
            if each in told
        ],
        rules=[
            ScheduleRuleComparison(
                rule_id=shown_id(Kind.RETENTION_RULE, row.rule_id),
                differences=list(row.differences),
                before=_worded(row.before),
                after=_worded(row.after),
            )
            for row in list(rows)[:MOST_COMPARED]
        ],
    )


def _worded(row: Wording | None) -> RuleWording | None:
    if row is None:
        return None
    return RuleWording(
        code=row.code,
        title=row.title,
        raw_text=row.raw_text,
        state=row.state,
        tracks=shown_tracks(row.tracks),
    )


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.SCHEDULE_LIST,
        needs=OPEN,
        description="How two editions differ: what a draft would change, before it is approved.",
    )
    def schedule_edition_compare(
        self,
        info: Info,
        before: Annotated[strawberry.ID, strawberry.argument(description="The first edition.")],
        after: Annotated[strawberry.ID, strawberry.argument(description="The second edition.")],
    ) -> ScheduleComparison | None:
        """Compare editions."""
        keys = [asked_id(Kind.SCHEDULE_EDITION, each) for each in (before, after)]
        return _compared(scheduleeditions.compare(info.work, *keys))
