"""Rules bound to things and classes, through the door."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind, parse_global_id
from dms.graphql import paging, principals
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.retentionwords import TARGET_KINDS, BindingKind, LineState, Target
from dms.graphql.scalars import ABSENT, asked_id, shown_id, shown_instant
from dms.graphql.words import Action
from dms.models import retention as models
from dms.rules.accessevents import Op
from dms.services import assignments
from dms.services.assignments import AssignmentsWanted, NewAssignment
from dms.stores.work import Work

_NOW = "The line as it is now."


@strawberry.type(
    description="A line of the history of rules of a thing or class: a rule was bound to it, or is no "
    "longer. Lines are only added; of one that waits for a second person the decision is written later."
)
class RetentionAssignment(Node):
    """A line."""

    target_kind: Target = strawberry.field(description="What it is bound to.")
    target_id: strawberry.ID = strawberry.field(description="The Document, Aggregation or class.")
    rule_id: strawberry.ID = strawberry.field(description="The retention rule; schedules word it.")
    binding: BindingKind = strawberry.field(description="How it is bound.")
    ends_id: strawberry.ID | None = strawberry.field(description="The line that this one ends.")
    state: LineState = strawberry.field(description="Whether it counts.")
    shortens: bool = strawberry.field(
        description="It would have let something go sooner when it was written, or could have."
    )
    reason: str = strawberry.field(description="Why.")
    created_at: Instant = strawberry.field(description="When it was written.")
    created_by: Principal | None = strawberry.field(description="Who wrote it.")
    decided_by: Principal | None = strawberry.field(description="The second person.")
    decision: str | None = strawberry.field(description="What the second person remarked.")
    effective_at: Instant | None = strawberry.field(description="Since when it counts.")


@strawberry.input(description="Which lines to list; what is left out does not narrow the list.")
class RetentionAssignmentsFilter:
    """What narrows."""

    node_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those of this Document, Aggregation or class itself."
    )
    rule_id: strawberry.ID | None = strawberry.field(default=None, description="Those of this rule.")
    state: LineState | None = strawberry.field(default=None, description="Those in this state.")

    def asked(self) -> AssignmentsWanted:
        """Return it as the service takes it."""
        return AssignmentsWanted(
            target_id=None if self.node_id is None else target_of(self.node_id)[1],
            rule_id=None if self.rule_id is None else asked_id(Kind.RETENTION_RULE, self.rule_id),
            state=self.state,
        )


@strawberry.input(description="A rule to bind.")
class RetentionAssignInput(Creation):
    """A rule, and to what."""

    node_id: strawberry.ID = strawberry.field(
        description="The Document, Aggregation or class: needs DISPOSE on it."
    )
    rule_id: strawberry.ID = strawberry.field(description="The retention rule; schedules word it.")
    binding: BindingKind = strawberry.field(
        default=BindingKind.MANUAL, description="Beside what comes from above, or in its place."
    )
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.input(description="A line that shall count no more.")
class RetentionAssignmentEndInput:
    """Which one, and why."""

    id: strawberry.ID = strawberry.field(description="The line: needs DISPOSE on what it is bound to.")
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.input(description="Consent to a line that shortens.")
class RetentionAssignmentApproveInput:
    """Which one."""

    id: strawberry.ID = strawberry.field(description="The line, proposed by somebody else.")
    note: str | None = strawberry.field(default=None, description="A remark.")


@strawberry.input(description="Refusal of a line that shortens.")
class RetentionAssignmentRejectInput:
    """Which one, and why."""

    id: strawberry.ID = strawberry.field(description="The line, proposed by somebody else.")
    note: str = strawberry.field(description="Why.")


@strawberry.type(description="What came of binding a rule.")
class RetentionAssignPayload(Payload):
    """The line, or why not."""

    retention_assignment: RetentionAssignment | None = strawberry.field(
        default=None, description="The line: in effect, or proposed if it shortens."
    )


@strawberry.type(description="What came of ending a line.")
class RetentionAssignmentEndPayload(Payload):
    """The line, or why not."""

    retention_assignment: RetentionAssignment | None = strawberry.field(
        default=None, description="The line that ends the other: in effect, or proposed if it shortens."
    )


@strawberry.type(description="What came of consenting.")
class RetentionAssignmentApprovePayload(Payload):
    """The line, or why not."""

    retention_assignment: RetentionAssignment | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of refusing.")
class RetentionAssignmentRejectPayload(Payload):
    """The line, or why not."""

    retention_assignment: RetentionAssignment | None = strawberry.field(default=None, description=_NOW)


def target_of(text: str) -> tuple[Target, UUID]:
    """Read the id of what a rule can be bound to; one of nothing for any other text."""
    parsed = parse_global_id(text)
    for target, kind in TARGET_KINDS.items():
        if parsed is not None and parsed[0] is kind:
            return target, parsed[1]
    return Target.DOCUMENT, ABSENT


def shown_lines(work: Work, rows: Iterable[models.RetentionAssignment]) -> Mapping[UUID, RetentionAssignment]:
    """Shape lines, by id."""
    found = list(rows)
    names = principals.named(work, [each for row in found for each in (row.created_by, row.decided_by)])
    return {row.id: _shape(row, names) for row in found}


def _shape(row: models.RetentionAssignment, names: Mapping[UUID, Principal]) -> RetentionAssignment:
    return RetentionAssignment(
        id=shown_id(Kind.RETENTION_ASSIGNMENT, row.id),
        target_kind=row.target_kind,
        target_id=shown_id(TARGET_KINDS[row.target_kind], row.target_id),
        rule_id=shown_id(Kind.RETENTION_RULE, row.rule_id),
        binding=row.kind,
        ends_id=None if row.ends_id is None else shown_id(Kind.RETENTION_ASSIGNMENT, row.ends_id),
        state=row.state,
        shortens=row.shortens,
        reason=row.reason,
        created_at=Instant(row.created_at),
        created_by=principals.one_of(names, row.created_by),
        decided_by=principals.one_of(names, row.decided_by),
        decision=row.decision,
        effective_at=shown_instant(row.effective_at),
    )


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, RetentionAssignment]:
    """Return lines by id, for `node`."""
    return shown_lines(info.work, assignments.each(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.RETENTION_LIST,
        needs=OPEN,
        description="Rules bound to classes, and to things whose metadata you may read; the newest first.",
    )
    def retention_assignments(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[RetentionAssignmentsFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[RetentionAssignment] | None:
        """List lines."""
        wanted = AssignmentsWanted() if filter is None else filter.asked()
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=repr(wanted),
            total_up_to=total_up_to,
        )
        found = assignments.listed(info.work, page.request, wanted)
        return page.connection(found.among(shown_lines(info.work, found.rows)))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.RETENTION_ASSIGN,
        needs=Action.DISPOSE,
        creates=Made("retention_assignment", nodes),
        description="Bind a retention rule to a Document, an Aggregation or a class. It counts at once; what "
        "would let something go sooner waits for a second person, and is refused while a Hold stands on it.",
    )
    def retention_assign(
        self, info: Info, input: Annotated[RetentionAssignInput, INPUT]
    ) -> RetentionAssignPayload | None:
        """Bind a rule."""
        kind, target_id = target_of(input.node_id)
        rule_id = asked_id(Kind.RETENTION_RULE, input.rule_id)
        new = NewAssignment(kind, target_id, rule_id, input.binding, input.reason)
        row = assignments.assign(info.work, new)
        return RetentionAssignPayload(retention_assignment=shown_lines(info.work, [row])[row.id])

    @mutation_field(
        op=Op.RETENTION_END,
        needs=Action.DISPOSE,
        description="Bind a rule no longer, by a line that ends another. What would let something go sooner "
        "waits for a second person, and is refused while a Hold stands on it.",
    )
    def retention_assignment_end(
        self, info: Info, input: Annotated[RetentionAssignmentEndInput, INPUT]
    ) -> RetentionAssignmentEndPayload | None:
        """End a line."""
        row = assignments.end(info.work, _line(input.id), reason=input.reason)
        return RetentionAssignmentEndPayload(retention_assignment=shown_lines(info.work, [row])[row.id])

    @mutation_field(
        op=Op.RETENTION_APPROVE,
        needs=Action.APPROVE,
        description="Let a line count that shortens, as somebody else than who wrote it.",
    )
    def retention_assignment_approve(
        self, info: Info, input: Annotated[RetentionAssignmentApproveInput, INPUT]
    ) -> RetentionAssignmentApprovePayload | None:
        """Approve a line."""
        row = assignments.approve(info.work, _line(input.id), note=input.note)
        return RetentionAssignmentApprovePayload(retention_assignment=shown_lines(info.work, [row])[row.id])

    @mutation_field(
        op=Op.RETENTION_REJECT,
        needs=Action.APPROVE,
        description="Turn down a line that shortens, as somebody else than who wrote it.",
    )
    def retention_assignment_reject(
        self, info: Info, input: Annotated[RetentionAssignmentRejectInput, INPUT]
    ) -> RetentionAssignmentRejectPayload | None:
        """Reject a line."""
        row = assignments.reject(info.work, _line(input.id), note=input.note)
        return RetentionAssignmentRejectPayload(retention_assignment=shown_lines(info.work, [row])[row.id])


def _line(text: str) -> UUID:
    return asked_id(Kind.RETENTION_ASSIGNMENT, text)
