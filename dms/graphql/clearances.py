"""Clearances: what an account may see at most, and until when."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.revisions import LOCK
from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import paging, principals
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.scalars import asked_id, shown_id, shown_instant
from dms.graphql.security import Compartment, SecurityLevel, shown_compartment, shown_level
from dms.graphql.words import Validity
from dms.models import security as models
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.services import clearances, security, validity
from dms.services.security import AskedMark, Classification
from dms.stores.work import Work


@strawberry.type(description="The highest classification that an account reaches during a period.")
class Clearance(Node):
    """A clearance with who gave it and why."""

    user: Principal = strawberry.field(description="The person or service account that holds it.")
    level: SecurityLevel = strawberry.field(description="It reaches things of this level and of lower ones.")
    compartments: list[Compartment] = strawberry.field(
        description="It reaches things whose compartments are all among these."
    )
    valid_from: Instant = strawberry.field(description="From this instant on.")
    valid_until: Instant | None = strawberry.field(
        description="Up to and without this instant; without one it holds until it is revoked."
    )
    validity: Validity = strawberry.field(description="Where it stands now.")
    reason: str = strawberry.field(description="Why it was given.")
    granted_by: Principal | None = strawberry.field(description="The officer who gave it.")


@strawberry.input(description="Which clearances to list; what is left out does not narrow the list.")
class ClearanceFilter:
    """What narrows a list of clearances."""

    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those of this person or service account."
    )
    validity: Validity | None = strawberry.field(default=None, description="Only those that stand so now.")


@strawberry.input(description="A new clearance.")
class ClearanceGrantInput(Creation):
    """Who gets what, from when until when, and why."""

    user_id: strawberry.ID = strawberry.field(
        description="The person or service account; not yourself. Groups hold no clearance."
    )
    level: str = strawberry.field(description="The code of the highest level, such as `confidential`.")
    compartments: list[str] = strawberry.field(
        default_factory=list, description="The codes of all compartments; none if left out."
    )
    valid_from: Instant | None = strawberry.field(
        default=None, description="From when on; from now on if left out."
    )
    valid_until: Instant | None = strawberry.field(
        default=None, description="Up to and without this instant; until revoked if left out."
    )
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.input(description="The end of a clearance.")
class ClearanceRevokeInput:
    """Which clearance, and why."""

    id: strawberry.ID = strawberry.field(description="The clearance; not one of your own.")
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.type(description="What came of giving a clearance.")
class ClearanceGrantPayload(Payload):
    """The clearance, or why not."""

    clearance: Clearance | None = strawberry.field(default=None, description="The new clearance.")


@strawberry.type(description="What came of ending a clearance.")
class ClearanceRevokePayload(Payload):
    """The clearance, or why not."""

    clearance: Clearance | None = strawberry.field(default=None, description="The clearance, revoked.")


def shown_clearances(work: Work, rows: Sequence[models.Clearance]) -> Mapping[UUID, Clearance]:
    """Shape clearances, by id."""
    names = principals.named(work, [each for row in rows for each in (row.user_id, row.granted_by)])
    described = security.describe(work, {clearances.mark_of(row) for row in rows})
    return {
        row.id: _shape(row, described[clearances.mark_of(row)], names=names, now=work.now) for row in rows
    }


def _shape(
    row: models.Clearance, found: Classification, *, names: Mapping[UUID, Principal], now: int
) -> Clearance:
    return Clearance(
        id=shown_id(Kind.CLEARANCE, row.id),
        user=names[row.user_id],
        level=shown_level(found.level),
        compartments=[shown_compartment(each) for each in found.compartments],
        valid_from=Instant(row.valid_from),
        valid_until=shown_instant(row.valid_until),
        validity=validity.of(row, now=now),
        reason=row.reason,
        granted_by=principals.one_of(names, row.granted_by),
    )


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return clearances by id, for `node`."""
    return shown_clearances(info.work, list(clearances.nodes(info.work, ids).values()))


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.CLEARANCE_LIST,
        needs=OPEN,
        description="Clearances, the newest first: your own; of everybody for officers and auditors.",
    )
    def clearances(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[ClearanceFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[Clearance] | None:
        """List clearances."""
        chosen = filter or ClearanceFilter()
        user_id = None if chosen.user_id is None else principals.asked_principal(info.work, chosen.user_id)
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter={"user": user_id.hex if user_id else None, "validity": chosen.validity},
            total_up_to=total_up_to,
        )
        found = clearances.clearances(info.work, page.request, user_id=user_id, stands=chosen.validity)
        shown = shown_clearances(info.work, found.rows)
        return page.connection(found.among(shown))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.CLEARANCE_GRANT,
        needs=Duty.CLEARANCES_MANAGE,
        locks=(LOCK,),
        creates=Made("clearance", nodes),
        description="Give a clearance to another person or a service account, which acts at once.",
    )
    def clearance_grant(
        self, info: Info, input: Annotated[ClearanceGrantInput, INPUT]
    ) -> ClearanceGrantPayload | None:
        """Give a clearance."""
        row = clearances.grant(
            info.work,
            user_id=principals.asked_principal(info.work, input.user_id),
            asked=AskedMark(input.level, tuple(input.compartments)),
            valid_from=input.valid_from,
            valid_until=input.valid_until,
            reason=input.reason,
        )
        return ClearanceGrantPayload(clearance=shown_clearances(info.work, [row])[row.id])

    @mutation_field(
        op=Op.CLEARANCE_REVOKE,
        needs=Duty.CLEARANCES_MANAGE,
        locks=(LOCK,),
        description="End another's clearance; the next operation of its holder is decided without it.",
    )
    def clearance_revoke(
        self, info: Info, input: Annotated[ClearanceRevokeInput, INPUT]
    ) -> ClearanceRevokePayload | None:
        """End a clearance."""
        row = clearances.revoke(
            info.work, clearance_id=asked_id(Kind.CLEARANCE, input.id), reason=input.reason
        )
        return ClearanceRevokePayload(clearance=shown_clearances(info.work, [row])[row.id])
