"""State tables (`records.md` section 2): which transition leads where, and the answer to the rest."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from dms.base.errors import State

S = TypeVar("S", bound=StrEnum)


class DocumentState(StrEnum):
    """Life of a Document; a declared one is frozen."""

    DRAFT = "draft"
    DECLARED = "declared"
    TRANSFERRED = "transferred"
    DESTROYED = "destroyed"


class AggregationState(StrEnum):
    """Life of an Aggregation."""

    OPEN = "open"
    CLOSED = "closed"
    TRANSFERRED = "transferred"
    DESTROYED = "destroyed"


class EditionState(StrEnum):
    """Life of a dated wording of a scheme or schedule; one of them is in force."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    IN_FORCE = "in_force"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


class RuleEntryState(StrEnum):
    """How far the wording of a retention rule is understood; only a parsed one yields a due day."""

    NEEDS_REVIEW = "needs_review"
    PROPOSED = "proposed"
    PARSED = "parsed"


class HoldState(StrEnum):
    """Life of a Hold; a lifted one is never placed again."""

    ACTIVE = "active"
    LIFTED = "lifted"


class ConceptState(StrEnum):
    """Life of a concept of a thesaurus; search knows the approved ones."""

    CANDIDATE = "candidate"
    APPROVED = "approved"
    DEPRECATED = "deprecated"


class BatchState(StrEnum):
    """Life of a list of things to be disposed of together."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    APPROVED = "approved"
    EXECUTING = "executing"
    EXECUTED = "executed"
    PARTLY_FAILED = "partly_failed"
    CANCELLED = "cancelled"


class ChangeState(StrEnum):
    """Life of a proposed lowering of a mark."""

    PROPOSED = "proposed"
    IN_EFFECT = "in_effect"
    REJECTED = "rejected"
    EXPIRED = "expired"


DOCUMENT: Mapping[DocumentState, Mapping[str, DocumentState]] = {
    DocumentState.DRAFT: {
        "update": DocumentState.DRAFT,
        "versionAdd": DocumentState.DRAFT,
        "declare": DocumentState.DECLARED,
        "refile": DocumentState.DRAFT,
        "classAssign": DocumentState.DRAFT,
        "securitySet": DocumentState.DRAFT,
        "discard": DocumentState.DESTROYED,
    },
    DocumentState.DECLARED: {
        "refile": DocumentState.DECLARED,
        "classAssign": DocumentState.DECLARED,
        "securitySet": DocumentState.DECLARED,
        "transfer": DocumentState.TRANSFERRED,
        "destroy": DocumentState.DESTROYED,
    },
    DocumentState.TRANSFERRED: {"destroy": DocumentState.DESTROYED},
    DocumentState.DESTROYED: {},
}

AGGREGATION: Mapping[AggregationState, Mapping[str, AggregationState]] = {
    AggregationState.OPEN: {
        "update": AggregationState.OPEN,
        "file": AggregationState.OPEN,
        "rearrange": AggregationState.OPEN,
        "close": AggregationState.CLOSED,
        "classAssign": AggregationState.OPEN,
        "securitySet": AggregationState.OPEN,
    },
    AggregationState.CLOSED: {
        "reopen": AggregationState.OPEN,
        "classAssign": AggregationState.CLOSED,
        "securitySet": AggregationState.CLOSED,
        "transfer": AggregationState.TRANSFERRED,
        "destroy": AggregationState.DESTROYED,
    },
    AggregationState.TRANSFERRED: {"destroy": AggregationState.DESTROYED},
    AggregationState.DESTROYED: {},
}

EDITION: Mapping[EditionState, Mapping[str, EditionState]] = {
    EditionState.DRAFT: {
        "update": EditionState.DRAFT,
        "submit": EditionState.IN_REVIEW,
        "withdraw": EditionState.WITHDRAWN,
    },
    EditionState.IN_REVIEW: {
        "return": EditionState.DRAFT,
        "approve": EditionState.APPROVED,
        "withdraw": EditionState.WITHDRAWN,
    },
    EditionState.APPROVED: {
        "activate": EditionState.IN_FORCE,
        "return": EditionState.DRAFT,
        "withdraw": EditionState.WITHDRAWN,
    },
    EditionState.IN_FORCE: {},
    EditionState.SUPERSEDED: {},
    EditionState.WITHDRAWN: {},
}
"""What is in force is superseded by the activation of the next one."""

RULE_ENTRY: Mapping[RuleEntryState, Mapping[str, RuleEntryState]] = {
    RuleEntryState.NEEDS_REVIEW: {"resolve": RuleEntryState.PROPOSED},
    RuleEntryState.PROPOSED: {
        "approve": RuleEntryState.PARSED,
        "return": RuleEntryState.NEEDS_REVIEW,
    },
    RuleEntryState.PARSED: {"flag": RuleEntryState.NEEDS_REVIEW},
}
"""All of these read the same text, so they need no new edition."""
BATCH: Mapping[BatchState, Mapping[str, BatchState]] = {
    BatchState.DRAFT: {
        "update": BatchState.DRAFT,
        "add": BatchState.DRAFT,
        "remove": BatchState.DRAFT,
        "sample": BatchState.DRAFT,
        "propose": BatchState.PROPOSED,
        "cancel": BatchState.CANCELLED,
    },
    BatchState.PROPOSED: {
        "return": BatchState.DRAFT,
        "approve": BatchState.PROPOSED,
        "cancel": BatchState.CANCELLED,
    },
    BatchState.APPROVED: {
        "execute": BatchState.EXECUTING,
        "return": BatchState.DRAFT,
        "cancel": BatchState.CANCELLED,
    },
    BatchState.EXECUTING: {"execute": BatchState.EXECUTING},
    BatchState.PARTLY_FAILED: {"retry": BatchState.EXECUTING, "settle": BatchState.EXECUTED},
    BatchState.EXECUTED: {},
    BatchState.CANCELLED: {},
}
"""The last approval that is asked for makes a batch `approved`; its job ends the execution, and somebody else
executes it once more if that job has ended before."""

CONCEPT: Mapping[ConceptState, Mapping[str, ConceptState]] = {
    ConceptState.CANDIDATE: {
        "update": ConceptState.CANDIDATE,
        "approve": ConceptState.APPROVED,
        "merge": ConceptState.DEPRECATED,
        "deprecate": ConceptState.DEPRECATED,
    },
    ConceptState.APPROVED: {
        "update": ConceptState.CANDIDATE,
        "merge": ConceptState.DEPRECATED,
        "deprecate": ConceptState.DEPRECATED,
    },
    ConceptState.DEPRECATED: {},
}
"""An approval is of what was said then: who says something else makes a candidate of it again."""


HOLD: Mapping[HoldState, Mapping[str, HoldState]] = {
    HoldState.ACTIVE: {
        "acknowledge": HoldState.ACTIVE,
        "cover": HoldState.ACTIVE,
        "notify": HoldState.ACTIVE,
        "review": HoldState.ACTIVE,
        "proposeLift": HoldState.ACTIVE,
        "rejectLift": HoldState.ACTIVE,
        "lift": HoldState.LIFTED,
    },
    HoldState.LIFTED: {},
}


def available(table: Mapping[S, Mapping[str, S]], state: S) -> tuple[str, ...]:
    """Return the transitions that the state permits, in alphabetical order."""
    return tuple(sorted(table[state]))


def after(table: Mapping[S, Mapping[str, S]], state: S, *, event: str) -> S:
    """Return the state after the event; `errors.State` if the state does not permit it."""
    following = table[state].get(event)
    if following is None:
        raise State(
            f"a thing in state `{state}` does not permit `{event}`",
            state=str(state),
            available=available(table, state),
        )
    return following
