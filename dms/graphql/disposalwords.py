"""Closed sets of disposal."""

from __future__ import annotations

from dms.graphql import enums
from dms.rules.disposal import DisposalAction, ItemOutcome, Obstacle, SampleMethod
from dms.rules.states import BatchState

__all__ = ["BatchState", "DisposalAction", "ItemOutcome", "Obstacle", "SampleMethod"]

enums.show(
    DisposalAction,
    description="What a list of disposal is for.",
    values={
        DisposalAction.DESTROY: "To destroy: stubs stay.",
        DisposalAction.WEED: "To destroy copies of which an earlier declared Document has the same content.",
        DisposalAction.TRANSFER: "To mark that another custodian has it; what is here stays until a list of "
        "its own destroys it.",
        DisposalAction.RETAIN: "To keep for good what was judged worth it: no later list takes it.",
        DisposalAction.REVIEW_AGAIN: "To put a decision off: no list takes it before the day of the next "
        "review.",
    },
)
enums.show(
    BatchState,
    name="DisposalBatchState",
    description="How far a list of disposal has come.",
    values={
        BatchState.DRAFT: "It is being put together.",
        BatchState.PROPOSED: "It waits for approvals.",
        BatchState.APPROVED: "It can be started once its waiting is over.",
        BatchState.EXECUTING: "A job carries it out.",
        BatchState.EXECUTED: "It was carried out, and certified.",
        BatchState.PARTLY_FAILED: "Something on it could not be done: try again, or leave it out.",
        BatchState.CANCELLED: "It was given up.",
    },
)
enums.show(
    ItemOutcome,
    name="DisposalOutcome",
    description="What became of a thing on a list of disposal.",
    values={
        ItemOutcome.PLANNED: "Nothing yet.",
        ItemOutcome.DESTROYED: "It is a stub.",
        ItemOutcome.TRANSFERRED: "It is marked as transferred.",
        ItemOutcome.RETAINED: "It stays for good.",
        ItemOutcome.DEFERRED: "It stays until the next review.",
        ItemOutcome.KEPT_AS_SAMPLE: "It stays, as part of a sample.",
        ItemOutcome.HELD: "It stayed: a Hold stood over it.",
        ItemOutcome.EXCLUDED: "It stayed, for another reason.",
        ItemOutcome.FAILED: "It stayed, and can be tried again.",
    },
)
enums.show(
    Obstacle,
    name="DisposalObstacle",
    description="Why a thing cannot be disposed of.",
    values={
        Obstacle.HELD: "A Hold stands over it.",
        Obstacle.NOT_DUE: "Its day has not come.",
        Obstacle.NO_DAY: "No day can be told: no rule, a rule that waits for review, or a trigger that has "
        "not happened.",
        Obstacle.CONFLICT: "Its rules contradict each other: a person decides first.",
        Obstacle.OTHER_ACTION: "Its rule allows something else than the list is for.",
        Obstacle.NEEDS_APPRAISAL: "Its rule asks for a review or a sample: name the criteria of the list.",
        Obstacle.STATE: "Its state does not permit it: discard a draft, close an open Aggregation first.",
        Obstacle.CHANGED: "It was changed since the list was approved.",
        Obstacle.NOT_EMPTY: "Something in it is left.",
        Obstacle.NO_ORIGINAL: "You see no earlier declared Document with the same content that would stay.",
        Obstacle.SAMPLED: "It was kept as part of a sample.",
        Obstacle.RETAINED: "It was judged worth keeping.",
        Obstacle.DEFERRED: "The day of its next review has not come.",
        Obstacle.LISTED: "Another list that is not closed names it.",
        Obstacle.GONE: "It is not there for who carries out the list.",
    },
)
enums.show(
    SampleMethod,
    description="How a sample is chosen.",
    values={
        SampleMethod.SYSTEMATIC: "Every so many-th, from a first one on.",
        SampleMethod.RANDOM_COUNT: "So many, drawn by the seed of the list.",
        SampleMethod.RANDOM_PERCENT: "So many of a hundred, drawn by the seed of the list.",
    },
)
