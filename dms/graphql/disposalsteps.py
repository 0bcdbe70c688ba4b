"""The steps of a list of disposal: proposed, approved by others, started by a person."""

from __future__ import annotations

from typing import Annotated

import strawberry

from dms.graphql.context import INPUT, Info, Payload, mutation_field
from dms.graphql.disposalbatches import NOW, DisposalBatch, key_of, shown_batch
from dms.graphql.words import Action
from dms.rules.accessevents import Op
from dms.services import disposalbatches, disposalruns
from dms.stores import disposals


@strawberry.input(description="A step of a list.")
class DisposalBatchStepInput:
    """Which list."""

    id: strawberry.ID = strawberry.field(description="The list.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")


@strawberry.input(description="A step of a list, with its reason.")
class DisposalBatchReasonInput(DisposalBatchStepInput):
    """And why."""

    reason: str = strawberry.field(description="Why, in up to 1,000 characters.")


@strawberry.input(description="The proposal of a list.")
class DisposalBatchProposeInput(DisposalBatchStepInput):
    """For others to approve."""


@strawberry.input(description="The return of a list to those who put it together.")
class DisposalBatchReturnInput(DisposalBatchReasonInput):
    """And why."""


@strawberry.input(description="The approval of a list, by somebody who neither wrote nor proposed it.")
class DisposalBatchApproveInput(DisposalBatchStepInput):
    """Bound to what was seen."""

    digest: str = strawberry.field(description="The digest of the list that you have looked through.")
    note: str | None = strawberry.field(default=None, description="A remark, in up to 1,000 characters.")


@strawberry.input(description="The end of a list that nobody has started.")
class DisposalBatchCancelInput(DisposalBatchReasonInput):
    """And why."""


@strawberry.input(description="The start of an approved list.")
class DisposalBatchExecuteInput(DisposalBatchStepInput):
    """By a person."""


@strawberry.input(description="Another try of what failed on a list.")
class DisposalBatchRetryInput(DisposalBatchStepInput):
    """By a person."""


@strawberry.input(description="The end of a list of which something failed for good.")
class DisposalBatchSettleInput(DisposalBatchReasonInput):
    """And why."""


@strawberry.type(description="What came of proposing a list.")
class DisposalBatchProposePayload(Payload):
    """The list, or why not."""

    disposal_batch: DisposalBatch | None = strawberry.field(default=None, description=NOW)


@strawberry.type(description="What came of returning a list.")
class DisposalBatchReturnPayload(Payload):
    """The list, or why not."""

    disposal_batch: DisposalBatch | None = strawberry.field(default=None, description=NOW)


@strawberry.type(description="What came of approving a list.")
class DisposalBatchApprovePayload(Payload):
    """The list, or why not."""

    disposal_batch: DisposalBatch | None = strawberry.field(default=None, description=NOW)


@strawberry.type(description="What came of giving a list up.")
class DisposalBatchCancelPayload(Payload):
    """The list, or why not."""

    disposal_batch: DisposalBatch | None = strawberry.field(default=None, description=NOW)


@strawberry.type(description="What came of starting a list.")
class DisposalBatchExecutePayload(Payload):
    """The list, or why not."""

    disposal_batch: DisposalBatch | None = strawberry.field(default=None, description=NOW)


@strawberry.type(description="What came of trying a list again.")
class DisposalBatchRetryPayload(Payload):
    """The list, or why not."""

    disposal_batch: DisposalBatch | None = strawberry.field(default=None, description=NOW)


@strawberry.type(description="What came of leaving out what failed.")
class DisposalBatchSettlePayload(Payload):
    """The list, or why not."""

    disposal_batch: DisposalBatch | None = strawberry.field(default=None, description=NOW)


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.DISPOSALBATCH_PROPOSE,
        needs=Action.DISPOSE,
        description="Put a draft before those who approve; it is bound to its digest from then on.",
    )
    def disposal_batch_propose(
        self, info: Info, input: Annotated[DisposalBatchProposeInput, INPUT]
    ) -> DisposalBatchProposePayload | None:
        """Propose a list."""
        row = disposalbatches.propose(info.work, key_of(input.id), expected_revision=input.expected_revision)
        return DisposalBatchProposePayload(disposal_batch=shown_batch(info.work, row))

    @mutation_field(
        op=Op.DISPOSALBATCH_RETURN,
        needs=Action.APPROVE,
        description="Give a list back for more work; its approvals count no more.",
    )
    def disposal_batch_return(
        self, info: Info, input: Annotated[DisposalBatchReturnInput, INPUT]
    ) -> DisposalBatchReturnPayload | None:
        """Return a list."""
        row = disposalbatches.send_back(
            info.work, key_of(input.id), expected_revision=input.expected_revision, reason=input.reason
        )
        return DisposalBatchReturnPayload(disposal_batch=shown_batch(info.work, row))

    @mutation_field(
        op=Op.DISPOSALBATCH_APPROVE,
        needs=Action.APPROVE,
        description="Approve a list as you have seen it; the last approval that it asks for sets it free.",
    )
    def disposal_batch_approve(
        self, info: Info, input: Annotated[DisposalBatchApproveInput, INPUT]
    ) -> DisposalBatchApprovePayload | None:
        """Approve a list."""
        row = disposalbatches.approve(
            info.work,
            key_of(input.id),
            expected_revision=input.expected_revision,
            digest=input.digest,
            note=input.note,
        )
        return DisposalBatchApprovePayload(disposal_batch=shown_batch(info.work, row))

    @mutation_field(
        op=Op.DISPOSALBATCH_CANCEL,
        needs=Action.DISPOSE,
        description="Give up a list that nobody has started.",
    )
    def disposal_batch_cancel(
        self, info: Info, input: Annotated[DisposalBatchCancelInput, INPUT]
    ) -> DisposalBatchCancelPayload | None:
        """Give a list up."""
        row = disposalbatches.cancel(
            info.work, key_of(input.id), expected_revision=input.expected_revision, reason=input.reason
        )
        return DisposalBatchCancelPayload(disposal_batch=shown_batch(info.work, row))

    @mutation_field(
        op=Op.DISPOSALBATCH_EXECUTE,
        needs=Action.DISPOSE,
        description="Start an approved list once its waiting is over: a job carries it out in your name, and "
        "certifies it.",
    )
    def disposal_batch_execute(
        self, info: Info, input: Annotated[DisposalBatchExecuteInput, INPUT]
    ) -> DisposalBatchExecutePayload | None:
        """Start a list."""
        row = disposalbatches.execute(info.work, key_of(input.id), expected_revision=input.expected_revision)
        return DisposalBatchExecutePayload(disposal_batch=shown_batch(info.work, row))

    @mutation_field(
        op=Op.DISPOSALBATCH_RETRY,
        needs=Action.DISPOSE,
        description="Try again what failed on a list.",
    )
    def disposal_batch_retry(
        self, info: Info, input: Annotated[DisposalBatchRetryInput, INPUT]
    ) -> DisposalBatchRetryPayload | None:
        """Try again."""
        row = disposalbatches.retry(info.work, key_of(input.id), expected_revision=input.expected_revision)
        return DisposalBatchRetryPayload(disposal_batch=shown_batch(info.work, row))

    @mutation_field(
        op=Op.DISPOSALBATCH_SETTLE,
        needs=Action.DISPOSE,
        locks=(disposals.CERTIFICATES,),
        description="Leave out what failed on a list, so that what has gone is certified.",
    )
    def disposal_batch_settle(
        self, info: Info, input: Annotated[DisposalBatchSettleInput, INPUT]
    ) -> DisposalBatchSettlePayload | None:
        """Settle a list."""
        row = disposalruns.settle(
            info.work, key_of(input.id), expected_revision=input.expected_revision, reason=input.reason
        )
        return DisposalBatchSettlePayload(disposal_batch=shown_batch(info.work, row))
