"""Changes of security classifications: raised at once, lowered by two people."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.revisions import LOCK
from dms.access.scopes import PLACES
from dms.base.clock import Instant
from dms.base.ids import Kind, parse_global_id
from dms.graphql import enums, paging, principals
from dms.graphql.context import INPUT, Info, Payload, mutation_field, query_field
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.scalars import ABSENT, asked_id, shown_id, shown_instant
from dms.graphql.security import (
    MARKED_KINDS,
    SecurityClassification,
    SecurityClassificationInput,
    shown_classification,
)
from dms.graphql.words import Action, MarkedKind
from dms.models import security as models
from dms.rules.accessevents import Op
from dms.rules.states import ChangeState
from dms.services import security, securitychanges
from dms.services.security import Classification
from dms.stores.work import Work

enums.show(
    ChangeState,
    name="SecurityChangeState",
    description="How far a change of a security classification has come.",
    values={
        ChangeState.PROPOSED: "A lowering that waits for a second person.",
        ChangeState.IN_EFFECT: "The thing bears, or bore, the new classification.",
        ChangeState.REJECTED: "The second person turned it down.",
        ChangeState.EXPIRED: "Nobody decided it within seven days.",
    },
)


@strawberry.type(
    description="A change of the classification of a thing; all of a thing together are its history of marks."
)
class SecurityChange(Node):
    """A raise, a proposed or decided lowering, or the first mark."""

    kind: MarkedKind = strawberry.field(description="What bears the classification.")
    node_id: strawberry.ID = strawberry.field(description="The Document or Aggregation; `node` tells more.")
    old: SecurityClassification | None = strawberry.field(
        description="The classification before; none for the first one of a thing."
    )
    new: SecurityClassification = strawberry.field(description="The classification after.")
    state: ChangeState = strawberry.field(description="How far it has come.")
    reason: str = strawberry.field(description="Why it was asked for.")
    proposed_by: Principal | None = strawberry.field(description="Who asked for it.")
    proposed_at: Instant = strawberry.field(description="When it was asked for.")
    expires_at: Instant | None = strawberry.field(
        description="Up to and without this instant a second person may decide; only of lowerings."
    )
    decided_by: Principal | None = strawberry.field(
        description="Who decided it; of a raise, who asked for it."
    )
    decided_at: Instant | None = strawberry.field(description="When it was decided.")
    note: str | None = strawberry.field(description="What the second person remarked.")


@strawberry.input(description="Which changes to list; what is left out does not narrow the list.")
class SecurityChangeFilter:
    """What narrows a list of changes."""

    node_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those of this Document or Aggregation: its history of marks."
    )
    state: ChangeState | None = strawberry.field(default=None, description="Only those in this state now.")


@strawberry.input(description="The classification that a thing shall bear.")
class SecuritySetInput:
    """Which thing, which mark, and why."""

    id: strawberry.ID = strawberry.field(description="The Document or Aggregation.")
    expected_revision: int = strawberry.field(description="The revision of the thing that you have seen.")
    security_classification: SecurityClassificationInput = strawberry.field(
        description="The whole new classification: what is left out is dropped, which is a lowering."
    )
    reason: str = strawberry.field(description="Why; it stays in the history of marks.")


@strawberry.input(description="The classification that a Document shall bear.")
class DocumentSecuritySetInput(SecuritySetInput):
    """For a Document."""


@strawberry.input(description="The classification that an Aggregation shall bear.")
class AggregationSecuritySetInput(SecuritySetInput):
    """For an Aggregation."""


@strawberry.input(description="The consent of a second person to a lowering.")
class SecurityChangeApproveInput:
    """Which change, and a remark."""

    id: strawberry.ID = strawberry.field(description="The proposed change; not one of your own.")
    note: str | None = strawberry.field(default=None, description="A remark for the history of marks.")


@strawberry.input(description="The refusal of a lowering by a second person.")
class SecurityChangeRejectInput:
    """Which change, and why not."""

    id: strawberry.ID = strawberry.field(description="The proposed change; not one of your own.")
    note: str = strawberry.field(description="Why not; it stays in the history of marks.")


@strawberry.type(description="What came of setting a Document's classification.")
class DocumentSecuritySetPayload(Payload):
    """The change, or why not."""

    security_change: SecurityChange | None = strawberry.field(
        default=None, description="In effect if it raises; proposed if it lowers."
    )


@strawberry.type(description="What came of setting an Aggregation's classification.")
class AggregationSecuritySetPayload(Payload):
    """The change, or why not."""

    security_change: SecurityChange | None = strawberry.field(
        default=None, description="In effect if it raises; proposed if it lowers."
    )


@strawberry.type(description="What came of consenting to a lowering.")
class SecurityChangeApprovePayload(Payload):
    """The change, or why not."""

    security_change: SecurityChange | None = strawberry.field(
        default=None, description="The change, in effect."
    )


@strawberry.type(description="What came of turning a lowering down.")
class SecurityChangeRejectPayload(Payload):
    """The change, or why not."""

    security_change: SecurityChange | None = strawberry.field(
        default=None, description="The change, rejected."
    )


def shown_changes(work: Work, rows: Sequence[models.SecurityChange]) -> Mapping[UUID, SecurityChange]:
    """Shape changes of marks, by id."""
    names = principals.named(work, [each for row in rows for each in (row.proposed_by, row.decided_by)])
    ids = {each for row in rows for each in (row.from_id, row.to_id) if each is not None}
    found = security.classifications(work, ids)
    return {row.id: _shape(work, row, found=found, names=names) for row in rows}


def _shape(
    work: Work,
    row: models.SecurityChange,
    *,
    found: Mapping[int, Classification],
    names: Mapping[UUID, Principal],
) -> SecurityChange:
    return SecurityChange(
        id=shown_id(Kind.SECURITY_CHANGE, row.id),
        kind=row.object_kind,
        node_id=shown_id(MARKED_KINDS[row.object_kind], row.object_id),
        old=None if row.from_id is None else shown_classification(found[row.from_id]),
        new=shown_classification(found[row.to_id]),
        state=securitychanges.state_of(work, row),
        reason=row.reason,
        proposed_by=principals.one_of(names, row.proposed_by),
        proposed_at=Instant(row.proposed_at),
        expires_at=shown_instant(row.expires_at),
        decided_by=principals.one_of(names, row.decided_by),
        decided_at=shown_instant(row.decided_at),
        note=row.decision_note,
    )


def _set(work: Work, kind: MarkedKind, *, asked: SecuritySetInput) -> SecurityChange:
    row = securitychanges.set_mark(
        work,
        kind=kind,
        object_id=asked_id(MARKED_KINDS[kind], asked.id),
        asked=asked.security_classification.asked(),
        reason=asked.reason,
        expected_revision=asked.expected_revision,
    )
    return shown_changes(work, [row])[row.id]


def _asked_object(text: str) -> UUID:
    parsed = parse_global_id(text)
    return parsed[1] if parsed is not None and parsed[0] in MARKED_KINDS.values() else ABSENT


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return changes of marks by id, for `node`."""
    return shown_changes(info.work, list(securitychanges.nodes(info.work, ids).values()))


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.SECURITY_LIST,
        needs=Action.READ_METADATA,
        description="Changes of classifications, the newest first, of things whose metadata you may read.",
    )
    def security_changes(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[SecurityChangeFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[SecurityChange] | None:
        """List changes."""
        chosen = filter or SecurityChangeFilter()
        object_id = None if chosen.node_id is None else _asked_object(chosen.node_id)
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter={"object": object_id.hex if object_id else None, "state": chosen.state},
            total_up_to=total_up_to,
        )
        found = securitychanges.changes(info.work, page.request, object_id=object_id, state=chosen.state)
        shown = shown_changes(info.work, found.rows)
        return page.connection(found.among(shown))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.SECURITY_SET,
        needs=Action.MARK,
        locks=(PLACES,),
        description="Set the classification of a Document. Raising (MARK) acts at once; lowering "
        "(DOWNGRADE) is proposed for seven days. Never above your own clearance.",
    )
    def document_security_set(
        self, info: Info, input: Annotated[DocumentSecuritySetInput, INPUT]
    ) -> DocumentSecuritySetPayload | None:
        """Mark a Document."""
        change = _set(info.work, MarkedKind.DOCUMENT, asked=input)
        return DocumentSecuritySetPayload(security_change=change)

    @mutation_field(
        op=Op.SECURITY_SET,
        needs=Action.MARK,
        locks=(PLACES,),
        description="Set the classification of an Aggregation, as of a Document. What lies in it keeps "
        "its own.",
    )
    def aggregation_security_set(
        self, info: Info, input: Annotated[AggregationSecuritySetInput, INPUT]
    ) -> AggregationSecuritySetPayload | None:
        """Mark an Aggregation."""
        change = _set(info.work, MarkedKind.AGGREGATION, asked=input)
        return AggregationSecuritySetPayload(security_change=change)

    @mutation_field(
        op=Op.SECURITY_APPROVE,
        needs=Action.APPROVE,
        locks=(LOCK, PLACES),
        description="Put a proposed lowering into effect, as another person than its proposer.",
    )
    def security_change_approve(
        self, info: Info, input: Annotated[SecurityChangeApproveInput, INPUT]
    ) -> SecurityChangeApprovePayload | None:
        """Consent to a lowering."""
        row = securitychanges.approve(
            info.work, change_id=asked_id(Kind.SECURITY_CHANGE, input.id), note=input.note
        )
        return SecurityChangeApprovePayload(security_change=shown_changes(info.work, [row])[row.id])

    @mutation_field(
        op=Op.SECURITY_REJECT,
        needs=Action.APPROVE,
        description="Turn a proposed lowering down, as another person than its proposer.",
    )
    def security_change_reject(
        self, info: Info, input: Annotated[SecurityChangeRejectInput, INPUT]
    ) -> SecurityChangeRejectPayload | None:
        """Turn a lowering down."""
        row = securitychanges.reject(
            info.work, change_id=asked_id(Kind.SECURITY_CHANGE, input.id), note=input.note
        )
        return SecurityChangeRejectPayload(security_change=shown_changes(info.work, [row])[row.id])
