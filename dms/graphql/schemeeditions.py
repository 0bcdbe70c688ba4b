"""Editions of the classification scheme: drafted, approved by a second person, put in force."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.accessnodes import RESTRUCTURES
from dms.access.revisions import LOCK
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
from dms.models import schemes as models
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.services import holding, schemeeditions
from dms.services.editions import Heading
from dms.stores.work import Work

_NOW = "The edition as it is now."


@strawberry.type(
    description="A dated, approved wording of the classification scheme. Documents belong to lasting "
    "classes, so a new edition files nothing anew."
)
class SchemeEdition(Node):
    """An edition."""

    number: int = strawberry.field(description="1, 2, 3 and so on.")
    title: str = strawberry.field(description="Its name.")
    state: EditionState = strawberry.field(description="How far it has come.")
    scheme_id: strawberry.ID = strawberry.field(description="The scheme that it words.")
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
    created_by: Principal | None = strawberry.field(description="Who began it; null if the founding did.")
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
class SchemeEditionsFilter:
    """What narrows a list of editions."""

    state: EditionState | None = strawberry.field(default=None, description="Those in this state.")


@strawberry.input(description="A new edition: a draft with the classes in force.")
class SchemeEditionCreateInput(Creation):
    """What an edition begins with."""

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
class SchemeEditionUpdateInput:
    """What changes."""

    id: strawberry.ID = strawberry.field(description="The edition, a draft.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    title: strawberry.Maybe[str] = strawberry.field(description="The new name.")
    mandate: strawberry.Maybe[str | None] = strawberry.field(description="The new mandate.")
    effective_on: strawberry.Maybe[date | None] = strawberry.field(description="The new first day.")


@strawberry.input(description="A step of an edition.")
class SchemeEditionStepInput:
    """Which edition."""

    id: strawberry.ID = strawberry.field(description="The edition.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")


@strawberry.input(description="The submission of a draft.")
class SchemeEditionSubmitInput(SchemeEditionStepInput):
    """For a second person."""


@strawberry.input(description="The approval of an edition.")
class SchemeEditionApproveInput(SchemeEditionStepInput):
    """By somebody who neither wrote nor submitted it."""


@strawberry.input(description="The coming in force of an edition.")
class SchemeEditionActivateInput(SchemeEditionStepInput):
    """From its effective day on."""


@strawberry.input(description="The return of an edition to those who write it.")
class SchemeEditionReturnInput(SchemeEditionStepInput):
    """And why."""

    reason: str = strawberry.field(description="What is wanting.")


@strawberry.input(description="The end of an edition that nobody has approved.")
class SchemeEditionWithdrawInput(SchemeEditionStepInput):
    """And why."""

    reason: str = strawberry.field(description="Why it is given up.")


@strawberry.type(description="What came of beginning an edition.")
class SchemeEditionCreatePayload(Payload):
    """The edition, or why not."""

    scheme_edition: SchemeEdition | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of changing a draft.")
class SchemeEditionUpdatePayload(Payload):
    """The edition, or why not."""

    scheme_edition: SchemeEdition | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of submitting a draft.")
class SchemeEditionSubmitPayload(Payload):
    """The edition, or why not."""

    scheme_edition: SchemeEdition | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of returning an edition.")
class SchemeEditionReturnPayload(Payload):
    """The edition, or why not."""

    scheme_edition: SchemeEdition | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of approving an edition.")
class SchemeEditionApprovePayload(Payload):
    """The edition, or why not."""

    scheme_edition: SchemeEdition | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of putting an edition in force.")
class SchemeEditionActivatePayload(Payload):
    """The edition, or why not."""

    scheme_edition: SchemeEdition | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of giving an edition up.")
class SchemeEditionWithdrawPayload(Payload):
    """The edition, or why not."""

    scheme_edition: SchemeEdition | None = strawberry.field(default=None, description=_NOW)


def shown_editions(work: Work, rows: Iterable[models.SchemeEdition]) -> Mapping[UUID, SchemeEdition]:
    """Shape editions, by id."""
    found = list(rows)
    names = principals.named(
        work, [each for row in found for each in (row.created_by, row.submitted_by, row.approved_by)]
    )
    return {row.id: _shape(work, row, names) for row in found}


def _shape(work: Work, row: models.SchemeEdition, names: Mapping[UUID, Principal]) -> SchemeEdition:
    return SchemeEdition(
        id=shown_id(Kind.SCHEME_EDITION, row.id),
        number=row.number,
        title=row.title,
        state=row.state,
        scheme_id=shown_id(Kind.SCHEME, row.scheme_id),
        based_on_id=None if row.based_on_id is None else shown_id(Kind.SCHEME_EDITION, row.based_on_id),
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
        available_transitions=list(schemeeditions.transitions(work, row)),
    )


def shown_edition(work: Work, row: models.SchemeEdition) -> SchemeEdition:
    """Shape one edition."""
    return shown_editions(work, [row])[row.id]


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, SchemeEdition]:
    """Return editions by id, for `node`."""
    return shown_editions(info.work, schemeeditions.each(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(op=Op.SCHEME_LIST, needs=OPEN, description="The editions of the scheme, the newest first.")
    def scheme_editions(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[SchemeEditionsFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[SchemeEdition] | None:
        """List editions."""
        state = None if filter is None else filter.state
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=state,
            total_up_to=total_up_to,
        )
        found = schemeeditions.listed(info.work, page.request, state=state)
        return page.connection(found.among(shown_editions(info.work, found.rows)))

    @query_field(op=Op.SCHEME_LIST, needs=OPEN, description="One edition; null if there is none.")
    def scheme_edition(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The edition.")]
    ) -> SchemeEdition | None:
        """Read an edition."""
        row = schemeeditions.edition(info.work, asked_id(Kind.SCHEME_EDITION, id))
        return shown_edition(info.work, row)


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.SCHEMEEDITION_CREATE,
        needs=Duty.SCHEMES_MANAGE,
        creates=Made("scheme_edition", nodes),
        description="Begin an edition of the scheme, with the classes in force worded as they are.",
    )
    def scheme_edition_create(
        self, info: Info, input: Annotated[SchemeEditionCreateInput, INPUT]
    ) -> SchemeEditionCreatePayload | None:
        """Begin an edition."""
        heading = Heading(title=input.title, mandate=input.mandate, effective_on=input.effective_on)
        row = schemeeditions.create(info.work, heading)
        return SchemeEditionCreatePayload(scheme_edition=shown_edition(info.work, row))

    @mutation_field(
        op=Op.SCHEMEEDITION_UPDATE,
        needs=Duty.SCHEMES_MANAGE,
        description="Change what a draft says of itself.",
    )
    def scheme_edition_update(
        self, info: Info, input: Annotated[SchemeEditionUpdateInput, INPUT]
    ) -> SchemeEditionUpdatePayload | None:
        """Change a draft."""
        heading = Heading(
            title=given(input.title), mandate=given(input.mandate), effective_on=given(input.effective_on)
        )
        row = schemeeditions.update(
            info.work, _key(input.id), heading, expected_revision=input.expected_revision
        )
        return SchemeEditionUpdatePayload(scheme_edition=shown_edition(info.work, row))

    @mutation_field(
        op=Op.SCHEMEEDITION_SUBMIT,
        needs=Duty.SCHEMES_MANAGE,
        description="Put a draft before a second person; nobody edits it any more.",
    )
    def scheme_edition_submit(
        self, info: Info, input: Annotated[SchemeEditionSubmitInput, INPUT]
    ) -> SchemeEditionSubmitPayload | None:
        """Submit a draft."""
        row = schemeeditions.submit(info.work, _key(input.id), expected_revision=input.expected_revision)
        return SchemeEditionSubmitPayload(scheme_edition=shown_edition(info.work, row))

    @mutation_field(
        op=Op.SCHEMEEDITION_RETURN,
        needs=Action.APPROVE,
        description="Give an edition back for more work. Needs APPROVE on the Repository.",
    )
    def scheme_edition_return(
        self, info: Info, input: Annotated[SchemeEditionReturnInput, INPUT]
    ) -> SchemeEditionReturnPayload | None:
        """Return an edition."""
        row = schemeeditions.send_back(
            info.work, _key(input.id), expected_revision=input.expected_revision, reason=input.reason
        )
        return SchemeEditionReturnPayload(scheme_edition=shown_edition(info.work, row))

    @mutation_field(
        op=Op.SCHEMEEDITION_APPROVE,
        needs=Action.APPROVE,
        description="Approve an edition that names its mandate, as somebody who neither wrote nor submitted "
        "it. Needs APPROVE on the Repository.",
    )
    def scheme_edition_approve(
        self, info: Info, input: Annotated[SchemeEditionApproveInput, INPUT]
    ) -> SchemeEditionApprovePayload | None:
        """Approve an edition."""
        row = schemeeditions.approve(info.work, _key(input.id), expected_revision=input.expected_revision)
        return SchemeEditionApprovePayload(scheme_edition=shown_edition(info.work, row))

    @mutation_field(
        op=Op.SCHEMEEDITION_ACTIVATE,
        needs=Duty.SCHEMES_MANAGE,
        locks=(LOCK, RESTRUCTURES, holding.LOCK),
        description="Put an approved edition in force: codes, titles and places of classes change at once, "
        "and with the places who may see what.",
    )
    def scheme_edition_activate(
        self, info: Info, input: Annotated[SchemeEditionActivateInput, INPUT]
    ) -> SchemeEditionActivatePayload | None:
        """Put an edition in force."""
        row = schemeeditions.activate(info.work, _key(input.id), expected_revision=input.expected_revision)
        return SchemeEditionActivatePayload(scheme_edition=shown_edition(info.work, row))

    @mutation_field(
        op=Op.SCHEMEEDITION_WITHDRAW,
        needs=Duty.SCHEMES_MANAGE,
        description="Give up an edition that nobody has approved.",
    )
    def scheme_edition_withdraw(
        self, info: Info, input: Annotated[SchemeEditionWithdrawInput, INPUT]
    ) -> SchemeEditionWithdrawPayload | None:
        """Give an edition up."""
        row = schemeeditions.withdraw(
            info.work, _key(input.id), expected_revision=input.expected_revision, reason=input.reason
        )
        return SchemeEditionWithdrawPayload(scheme_edition=shown_edition(info.work, row))


def _key(text: str) -> UUID:
    return asked_id(Kind.SCHEME_EDITION, text)
