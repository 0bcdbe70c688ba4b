"""Facts that start periods, through the door."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import paging, principals
from dms.graphql.assignments import target_of
from dms.graphql.context import INPUT, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.retentionwords import TARGET_KINDS, Target
from dms.graphql.scalars import Edtf, asked_id, shown_edtf, shown_id
from dms.graphql.words import Action
from dms.models import retention as models
from dms.rules.accessevents import Op
from dms.services import triggerevents
from dms.services.triggerevents import NewTriggerEvent
from dms.stores.work import Work


@strawberry.type(
    description="A fact of a Document or Aggregation from which a period counts, or that what was recorded "
    "of it did not happen. Lines are only added; of one trigger the last line counts."
)
class TriggerEvent(Node):
    """A line."""

    target_kind: Target = strawberry.field(description="What it is a fact of.")
    target_id: strawberry.ID = strawberry.field(description="The Document or Aggregation.")
    trigger: str = strawberry.field(
        description="What happened: a trigger of the rules, or `custom:` and a code of your own."
    )
    dates: Edtf | None = strawberry.field(description="When, as it was recorded.")
    first_day: date | None = strawberry.field(description="The first day on which it can have happened.")
    last_day: date | None = strawberry.field(description="The last day: from it the period counts.")
    is_revocation: bool = strawberry.field(
        description="All that was recorded of the trigger before has fallen."
    )
    evidence_id: strawberry.ID | None = strawberry.field(
        description="The Document that proves it; null also if you may not know of that."
    )
    note: str | None = strawberry.field(description="A remark, or the reason of the revocation.")
    recorded_at: Instant = strawberry.field(description="When it was recorded.")
    recorded_by: Principal | None = strawberry.field(description="Who recorded it.")


@strawberry.input(description="Which facts to list; what is left out does not narrow the list.")
class TriggerEventsFilter:
    """What narrows."""

    node_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those of this Document or Aggregation itself."
    )


@strawberry.input(description="A fact to record.")
class TriggerEventRecordInput(Creation):
    """Of what, what, and when."""

    node_id: strawberry.ID = strawberry.field(
        description="The Document or Aggregation: needs EDIT on it. Of an Aggregation it counts for all in "
        "it of which the same trigger is not recorded nearer."
    )
    trigger: str = strawberry.field(
        description="What happened: `superseded`, `last_action`, `expired`, `asset_gone`, `value_ended`, "
        "`received`, `created`, `dated`, or `custom:` and a code of your own. Closing and registration the "
        "server records itself."
    )
    dates: Edtf = strawberry.field(
        description="When, today at the latest. What is known roughly counts as its last possible day."
    )
    evidence_id: strawberry.ID | None = strawberry.field(
        default=None, description="A Document that proves it, which you may read."
    )
    note: str | None = strawberry.field(default=None, description="A remark.")


@strawberry.input(description="That a recorded fact did not happen.")
class TriggerEventRevokeInput:
    """Which one, and why."""

    id: strawberry.ID = strawberry.field(description="The fact: needs EDIT on what it is a fact of.")
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.type(description="What came of recording a fact.")
class TriggerEventRecordPayload(Payload):
    """The fact, or why not."""

    trigger_event: TriggerEvent | None = strawberry.field(default=None, description="The fact.")


@strawberry.type(description="What came of revoking a fact.")
class TriggerEventRevokePayload(Payload):
    """The revocation, or why not."""

    trigger_event: TriggerEvent | None = strawberry.field(
        default=None, description="The line that revokes all that was recorded of the trigger."
    )


def shown_events(work: Work, rows: Collection[models.TriggerEvent]) -> Mapping[UUID, TriggerEvent]:
    """Shape facts, by id."""
    names = principals.named(work, [row.recorded_by for row in rows])
    known = triggerevents.evidence(work, rows)
    return {row.id: _shape(row, names, known) for row in rows}


def _shape(
    row: models.TriggerEvent, names: Mapping[UUID, Principal], known: Collection[UUID]
) -> TriggerEvent:
    evidence = row.evidence_id if row.evidence_id in known else None
    return TriggerEvent(
        id=shown_id(Kind.TRIGGER_EVENT, row.id),
        target_kind=row.target_kind,
        target_id=shown_id(TARGET_KINDS[row.target_kind], row.target_id),
        trigger=row.trigger,
        dates=shown_edtf(row.dates),
        first_day=row.first_day,
        last_day=row.last_day,
        is_revocation=row.is_revocation,
        evidence_id=None if evidence is None else shown_id(Kind.DOCUMENT, evidence),
        note=row.note,
        recorded_at=Instant(row.recorded_at),
        recorded_by=principals.one_of(names, row.recorded_by),
    )


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, TriggerEvent]:
    """Return facts by id, for `node`."""
    return shown_events(info.work, triggerevents.each(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.TRIGGEREVENT_LIST,
        needs=Action.READ_METADATA,
        description="Facts of things whose metadata you may read, the newest line first.",
    )
    def trigger_events(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[TriggerEventsFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[TriggerEvent] | None:
        """List facts."""
        target = None if filter is None or filter.node_id is None else target_of(filter.node_id)[1]
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=None if target is None else target.hex,
            total_up_to=total_up_to,
        )
        found = triggerevents.listed(info.work, page.request, target_id=target)
        return page.connection(found.among(shown_events(info.work, found.rows)))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.TRIGGEREVENT_RECORD,
        needs=Action.EDIT,
        creates=Made("trigger_event", nodes),
        description="Record a fact from which a period counts.",
    )
    def trigger_event_record(
        self, info: Info, input: Annotated[TriggerEventRecordInput, INPUT]
    ) -> TriggerEventRecordPayload | None:
        """Record a fact."""
        kind, target_id = target_of(input.node_id)
        new = NewTriggerEvent(
            kind=kind,
            target_id=target_id,
            trigger=input.trigger,
            dates=input.dates,
            evidence_id=None if input.evidence_id is None else asked_id(Kind.DOCUMENT, input.evidence_id),
            note=input.note,
        )
        row = triggerevents.record(info.work, new)
        return TriggerEventRecordPayload(trigger_event=shown_events(info.work, [row])[row.id])

    @mutation_field(
        op=Op.TRIGGEREVENT_REVOKE,
        needs=Action.EDIT,
        description="Record that what is recorded of a trigger of a thing did not happen.",
    )
    def trigger_event_revoke(
        self, info: Info, input: Annotated[TriggerEventRevokeInput, INPUT]
    ) -> TriggerEventRevokePayload | None:
        """Revoke a fact."""
        row = triggerevents.revoke(info.work, asked_id(Kind.TRIGGER_EVENT, input.id), reason=input.reason)
        return TriggerEventRevokePayload(trigger_event=shown_events(info.work, [row])[row.id])
