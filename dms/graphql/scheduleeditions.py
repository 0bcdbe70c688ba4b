"""Editions of retention schedules: drafted, approved by a second person, put in force."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import paging, principals
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.editionwords import EditionState
from dms.graphql.nodes import Node, given
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.scalars import asked_id, shown_id, shown_instant
from dms.graphql.words import Action
from dms.models import schedules as models
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.services import scheduleeditions
from dms.services.editions import Heading
from dms.stores.work import Work

_NOW = "The edition as it is now."


@strawberry.type(
    description="A dated, approved wording of a retention schedule. What follows for things rests on lasting "
    "rules, so a new edition assigns nothing anew."
)
class ScheduleEdition(Node):
    """An edition."""

    number: int = strawberry.field(description="1, 2, 3 and so on.")
    title: str = strawberry.field(description="Its name.")
    state: EditionState = strawberry.field(description="How far it has come.")
    schedule_id: strawberry.ID = strawberry.field(description="The schedule that it words.")
    based_on_id: strawberry.ID | None = strawberry.field(
        description="The edition that was in force when it was begun; none for the first."
    )
    mandate: str | None = strawberry.field(
        description="The law, order or decision behind it; without one it is not approved."
    )
    effective_on: date | None = strawberry.field(
        description="The first day, in UTC, on which it can be put in force."
    )
    revision: int = strawberry.field(description="Raised by every change; name it in yours.")
    created_at: Instant = strawberry.field(description="When it was begun.")
    created_by: Principal | None = strawberry.field(description="Who began it; null if the system did.")
    submitted_at: Instant | None = strawberry.field(description="When it was put before a second person.")
    submitted_by: Principal | None = strawberry.field(description="Who did that.")
    approved_at: Instant | None = strawberry.field(description="When it was approved.")
    approved_by: Principal | None = strawberry.field(description="Who approved it.")
    activated_at: Instant | None = strawberry.field(description="When it was put in force.")
    ended_at: Instant | None = strawberry.field(
        description="When the next edition took its place, or it was withdrawn."
    )
    available_transitions: list[str] = strawberry.field(
        description="What its state permits and your office allows."
    )


@strawberry.input(description="Which editions to list; what is left out does not narrow the list.")
class ScheduleEditionsFilter:
    """What narrows a list of editions."""

    schedule_id: strawberry.ID | None = strawberry.field(default=None, description="Those of this schedule.")
    state: EditionState | None = strawberry.field(default=None, description="Those in this state.")


@strawberry.input(description="A new edition: a draft with the rules in force.")
class ScheduleEditionCreateInput(Creation):
    """What an edition begins with."""

    schedule_id: strawberry.ID = strawberry.field(description="The schedule that it words.")
    title: str = strawberry.field(description="Its name, one line.")
    mandate: str | None = strawberry.field(
        default=None, description="The law, order or decision behind it; it can follow later."
    )
    effective_on: date | None = strawberry.field(
        default=None, description="The first day, in UTC, on which it can be put in force; any if left out."
    )


@strawberry.input(
    description="What a draft says of itself. What is left out stays, null empties what may be."
)
class ScheduleEditionUpdateInput:
    """What changes."""

    id: strawberry.ID = strawberry.field(description="The edition, a draft.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    title: strawberry.Maybe[str] = strawberry.field(description="The new name.")
    mandate: strawberry.Maybe[str | None] = strawberry.field(description="The new mandate.")
    effective_on: strawberry.Maybe[date | None] = strawberry.field(description="The new first day.")


@strawberry.input(description="A step of an edition.")
class ScheduleEditionStepInput:
    """Which edition."""

    id: strawberry.ID = strawberry.field(description="The edition.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")


@strawberry.input(description="The submission of a draft.")
class ScheduleEditionSubmitInput(ScheduleEditionStepInput):
    """For a second person."""


@strawberry.input(description="The approval of an edition.")
class ScheduleEditionApproveInput(ScheduleEditionStepInput):
    """By somebody who neither wrote nor submitted it."""


@strawberry.input(description="The coming in force of an edition.")
class ScheduleEditionActivateInput(ScheduleEditionStepInput):
    """From its effective day on."""


@strawberry.input(description="The return of an edition to those who write it.")
class ScheduleEditionReturnInput(ScheduleEditionStepInput):
    """And why."""

    reason: str = strawberry.field(description="What is wanting.")


@strawberry.input(description="The end of an edition that nobody has approved.")
class ScheduleEditionWithdrawInput(ScheduleEditionStepInput):
    """And why."""

    reason: str = strawberry.field(description="Why it is given up.")


@strawberry.type(description="What came of beginning an edition.")
class ScheduleEditionCreatePayload(Payload):
    """The edition, or why not."""

    schedule_edition: ScheduleEdition | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of changing a draft.")
class ScheduleEditionUpdatePayload(Payload):
    """The edition, or why not."""

    schedule_edition: ScheduleEdition | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of submitting a draft.")
class ScheduleEditionSubmitPayload(Payload):
    """The edition, or why not."""

    schedule_edition: ScheduleEdition | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of returning an edition.")
class ScheduleEditionReturnPayload(Payload):
    """The edition, or why not."""

    schedule_edition: ScheduleEdition | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of approving an edition.")
class ScheduleEditionApprovePayload(Payload):
    """The edition, or why not."""

    schedule_edition: ScheduleEdition | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of putting an edition in force.")
class ScheduleEditionActivatePayload(Payload):
    """The edition, or why not."""

    schedule_edition: ScheduleEdition | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of giving an edition up.")
class ScheduleEditionWithdrawPayload(Payload):
    """The edition, or why not."""

    schedule_edition: ScheduleEdition | None = strawberry.field(default=None, description=_NOW)


def shown_editions(work: Work, rows: Iterable[models.ScheduleEdition]) -> Mapping[UUID, ScheduleEdition]:
    """Shape editions, by id."""
    found = list(rows)
    names = principals.named(
        work, [each for row in found for each in (row.created_by, row.submitted_by, row.approved_by)]
    )
    return {row.id: _shape(work, row, names) for row in found}


def _shape(work: Work, row: models.ScheduleEdition, names: Mapping[UUID, Principal]) -> ScheduleEdition:
    return ScheduleEdition(
        id=shown_id(Kind.SCHEDULE_EDITION, row.id),
        number=row.number,
        title=row.title,
        state=row.state,
        schedule_id=shown_id(Kind.RETENTION_SCHEDULE, row.schedule_id),
        based_on_id=None if row.based_on_id is None else shown_id(Kind.SCHEDULE_EDITION, row.based_on_id),
        mandate=row.mandate,
        effective_on=row.effective_on,
        revision=row.revision,
        created_at=Instant(row.created_at),
        created_by=principals.one_of(names, row.created_by),
        submitted_at=shown_instant(row.submitted_at),
        submitted_by=principals.one_of(names, row.submitted_by),
        approved_at=shown_instant(row.approved_at),
        approved_by=principals.one_of(names, row.approved_by),
        activated_at=shown_instant(row.activated_at),
        ended_at=shown_instant(row.ended_at),
        available_transitions=list(scheduleeditions.transitions(work, row)),
    )


def shown_edition(work: Work, row: models.ScheduleEdition) -> ScheduleEdition:
    """Shape one edition."""
    return shown_editions(work, [row])[row.id]


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, ScheduleEdition]:
    """Return editions by id, for `node`."""
    return shown_editions(info.work, scheduleeditions.each(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.SCHEDULE_LIST,
        needs=OPEN,
        description="The editions of all schedules or of one, the last begun first.",
    )
    def schedule_editions(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[ScheduleEditionsFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[ScheduleEdition] | None:
        """List editions."""
        chosen = filter or ScheduleEditionsFilter()
        schedule_id = (
            None if chosen.schedule_id is None else asked_id(Kind.RETENTION_SCHEDULE, chosen.schedule_id)
        )
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=[schedule_id.hex if schedule_id else None, chosen.state],
            total_up_to=total_up_to,
        )
        found = scheduleeditions.listed(info.work, page.request, schedule_id=schedule_id, state=chosen.state)
        return page.connection(found.among(shown_editions(info.work, found.rows)))

    @query_field(op=Op.SCHEDULE_LIST, needs=OPEN, description="One edition; null if there is none.")
    def schedule_edition(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The edition.")]
    ) -> ScheduleEdition | None:
        """Read an edition."""
        row = scheduleeditions.edition(info.work, asked_id(Kind.SCHEDULE_EDITION, id))
        return shown_edition(info.work, row)


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.SCHEDULEEDITION_CREATE,
        needs=Duty.SCHEDULES_MANAGE,
        creates=Made("schedule_edition", nodes),
        description="Begin an edition of a schedule, with the rules in force worded and read as they are.",
    )
    def schedule_edition_create(
        self, info: Info, input: Annotated[ScheduleEditionCreateInput, INPUT]
    ) -> ScheduleEditionCreatePayload | None:
        """Begin an edition."""
        heading = Heading(title=input.title, mandate=input.mandate, effective_on=input.effective_on)
        schedule_id = asked_id(Kind.RETENTION_SCHEDULE, input.schedule_id)
        row = scheduleeditions.create(info.work, schedule_id, heading)
        return ScheduleEditionCreatePayload(schedule_edition=shown_edition(info.work, row))

    @mutation_field(
        op=Op.SCHEDULEEDITION_UPDATE,
        needs=Duty.SCHEDULES_MANAGE,
        description="Change what a draft says of itself.",
    )
    def schedule_edition_update(
        self, info: Info, input: Annotated[ScheduleEditionUpdateInput, INPUT]
    ) -> ScheduleEditionUpdatePayload | None:
        """Change a draft."""
        heading = Heading(
            title=given(input.title), mandate=given(input.mandate), effective_on=given(input.effective_on)
        )
        row = scheduleeditions.update(
            info.work, _key(input.id), heading, expected_revision=input.expected_revision
        )
        return ScheduleEditionUpdatePayload(schedule_edition=shown_edition(info.work, row))

    @mutation_field(
        op=Op.SCHEDULEEDITION_SUBMIT,
        needs=Duty.SCHEDULES_MANAGE,
        description="Put a draft before a second person; nobody edits it any more.",
    )
    def schedule_edition_submit(
        self, info: Info, input: Annotated[ScheduleEditionSubmitInput, INPUT]
    ) -> ScheduleEditionSubmitPayload | None:
        """Submit a draft."""
        row = scheduleeditions.submit(info.work, _key(input.id), expected_revision=input.expected_revision)
        return ScheduleEditionSubmitPayload(schedule_edition=shown_edition(info.work, row))

    @mutation_field(
        op=Op.SCHEDULEEDITION_RETURN,
        needs=Action.APPROVE,
        description="Give an edition back for more work. Needs APPROVE on the Repository.",
    )
    def schedule_edition_return(
        self, info: Info, input: Annotated[ScheduleEditionReturnInput, INPUT]
    ) -> ScheduleEditionReturnPayload | None:
        """Return an edition."""
        row = scheduleeditions.send_back(
            info.work, _key(input.id), expected_revision=input.expected_revision, reason=input.reason
        )
        return ScheduleEditionReturnPayload(schedule_edition=shown_edition(info.work, row))

    @mutation_field(
        op=Op.SCHEDULEEDITION_APPROVE,
        needs=Action.APPROVE,
        description="Approve an edition that names its mandate, as somebody who neither wrote, imported nor "
        "submitted it. Needs APPROVE on the Repository.",
    )
    def schedule_edition_approve(
        self, info: Info, input: Annotated[ScheduleEditionApproveInput, INPUT]
    ) -> ScheduleEditionApprovePayload | None:
        """Approve an edition."""
        row = scheduleeditions.approve(info.work, _key(input.id), expected_revision=input.expected_revision)
        return ScheduleEditionApprovePayload(schedule_edition=shown_edition(info.work, row))

    @mutation_field(
        op=Op.SCHEDULEEDITION_ACTIVATE,
        needs=Duty.SCHEDULES_MANAGE,
        description="Put an approved edition in force: what follows for everything that rests on rules which "
        "now say something else is computed anew.",
    )
    def schedule_edition_activate(
        self, info: Info, input: Annotated[ScheduleEditionActivateInput, INPUT]
    ) -> ScheduleEditionActivatePayload | None:
        """Put an edition in force."""
        row = scheduleeditions.activate(info.work, _key(input.id), expected_revision=input.expected_revision)
        return ScheduleEditionActivatePayload(schedule_edition=shown_edition(info.work, row))

    @mutation_field(
        op=Op.SCHEDULEEDITION_WITHDRAW,
        needs=Duty.SCHEDULES_MANAGE,
        description="Give up an edition that never was in force.",
    )
    def schedule_edition_withdraw(
        self, info: Info, input: Annotated[ScheduleEditionWithdrawInput, INPUT]
    ) -> ScheduleEditionWithdrawPayload | None:
        """Give an edition up."""
        row = scheduleeditions.withdraw(
            info.work, _key(input.id), expected_revision=input.expected_revision, reason=input.reason
        )
        return ScheduleEditionWithdrawPayload(schedule_edition=shown_edition(info.work, row))


def _key(text: str) -> UUID:
    return asked_id(Kind.SCHEDULE_EDITION, text)
