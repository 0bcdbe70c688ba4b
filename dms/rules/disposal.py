"""Disposal: what may become of a list, what an approval is bound to, and which part is kept as a sample.

Source: the records design, section 2, `disposal`, and section 3, rules 1 to 4; F50 to F54, F58.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from dms.base import canonical
from dms.base.canonical import Canonical
from dms.base.errors import Invalid

MAX_ITEMS = 10_000
"""Things on one list: more than that no person looks through."""

MAX_QUORUM = 5
MAX_WAITING_DAYS = 365


class DisposalAction(StrEnum):
    """What a list is for."""

    DESTROY = "destroy"
    WEED = "weed"
    """Copies with the same content as an earlier declared Document, which stays."""
    TRANSFER = "transfer"
    """Only the mark that another custodian has it: what is here goes by a list of its own."""
    RETAIN = "retain"
    """Judged worth keeping for good: no later list takes it, unless it is reviewed again."""
    REVIEW_AGAIN = "review_again"
    """Judged too early to decide: no list takes it before the day of the next review."""


class ItemOutcome(StrEnum):
    """What became of a line of a list."""

    PLANNED = "planned"
    DESTROYED = "destroyed"
    TRANSFERRED = "transferred"
    RETAINED = "retained"
    DEFERRED = "deferred"
    KEPT_AS_SAMPLE = "kept_as_sample"
    HELD = "held"
    EXCLUDED = "excluded"
    FAILED = "failed"


class Obstacle(StrEnum):
    """Why a thing cannot go now; each is a reason that a person can read and act upon."""

    HELD = "held"
    NOT_DUE = "not_due"
    NO_DAY = "no_day"
    """No day can be told: no rule, a rule to be reviewed, or a trigger that has not happened."""
    CONFLICT = "conflict"
    """A maximum comes before the minimum: a person decides first."""
    OTHER_ACTION = "other_action"
    """Its rule allows something else than this list is for."""
    NEEDS_APPRAISAL = "needs_appraisal"
    """Its rule asks for a review or a sample, and the list names no criteria."""
    STATE = "state"
    CHANGED = "changed"
    """It is not any more what was approved."""
    NOT_EMPTY = "not_empty"
    """Something in it is left."""
    NO_ORIGINAL = "no_original"
    """No earlier declared Document with the same content would stay."""
    SAMPLED = "sampled"
    """It was kept as part of a sample."""
    RETAINED = "retained"
    """It was judged worth keeping."""
    DEFERRED = "deferred"
    """The day of its next review has not come."""
    LISTED = "listed"
    """Another list that is not closed names it."""
    GONE = "gone"
    """Whoever executes the list may not dispose of it, or it is not there."""


DONE: dict[DisposalAction, ItemOutcome] = {
    DisposalAction.DESTROY: ItemOutcome.DESTROYED,
    DisposalAction.WEED: ItemOutcome.DESTROYED,
    DisposalAction.TRANSFER: ItemOutcome.TRANSFERRED,
    DisposalAction.RETAIN: ItemOutcome.RETAINED,
    DisposalAction.REVIEW_AGAIN: ItemOutcome.DEFERRED,
}
"""What has become of a line when its list has been carried out."""


DECISIONS: dict[ItemOutcome, Obstacle] = {
    ItemOutcome.KEPT_AS_SAMPLE: Obstacle.SAMPLED,
    ItemOutcome.RETAINED: Obstacle.RETAINED,
    ItemOutcome.DEFERRED: Obstacle.DEFERRED,
}
"""How a line ended that keeps its thing from later lists, and what those say of it."""

APPRAISALS = frozenset({DisposalAction.RETAIN, DisposalAction.REVIEW_AGAIN})
"""Actions by which nothing is lost; each is a judgement, and so names its criteria."""


class SampleMethod(StrEnum):
    """How the part is chosen that is kept (F58)."""

    SYSTEMATIC = "systematic"
    RANDOM_COUNT = "random_count"
    RANDOM_PERCENT = "random_percent"


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """A way to choose that gives the same part again: on each database, and in ten years."""

    method: SampleMethod
    number: int
    """Every how many-th; how many; or how many of a hundred, rounded up."""
    start: int = 1
    """Of a systematic one: which is the first, from 1."""

    def __post_init__(self) -> None:
        """Refuse a plan that chooses nothing or cannot be meant."""
        if self.number < 1 or (self.method is SampleMethod.RANDOM_PERCENT and self.number > 100):
            raise Invalid("write a number from 1, of a hundred at most 100", path=("plan", "number"))
        if self.method is SampleMethod.SYSTEMATIC and not 1 <= self.start <= self.number:
            raise Invalid("begin with one from the first to the number itself", path=("plan", "start"))


class Line(NamedTuple):
    """A thing on a list, as an approval is bound to it."""

    position: int
    kind: str
    subject: UUID
    revision: int
    outcome: ItemOutcome
    rule: str
    """Citation of the rule that allows it; empty without one."""
    due_on: date | None


class Terms(NamedTuple):
    """What a list says of itself, as an approval is bound to it."""

    number: int
    action: DisposalAction
    title: str
    authority: str
    criteria: str | None
    keeps_title: bool
    quorum: int
    waiting_days: int
    seed: str
    review_on: str | None
    """ISO 8601: the day of the next review, of a list that puts it off."""


class Gone(NamedTuple):
    """A content of a thing that is gone: its Version, the digest of its plain bytes, their number."""

    version: int
    sha256: str
    size_bytes: int


def sampled(ids: Sequence[UUID], plan: SamplingPlan, *, seed: str) -> tuple[UUID, ...]:
    """Return those of these things that are kept, in the order in which they came.

    Random is the order of SHA-256 of the seed and the id, so that nobody's choice and no library's
    generator decides. `ids` are in the order of their list.
    """
    if plan.method is SampleMethod.SYSTEMATIC:
        return tuple(ids[plan.start - 1 :: plan.number])
    count = plan.number
    if plan.method is SampleMethod.RANDOM_PERCENT:
        count = -(-len(ids) * plan.number // 100)
    drawn = set(sorted(ids, key=lambda each: hashlib.sha256(seed.encode() + each.bytes).digest())[:count])
    return tuple(each for each in ids if each in drawn)


def list_digest(terms: Terms, lines: Sequence[Line]) -> str:
    """Return SHA-256 (hex) of a list in its order: another line, order or word is another list."""
    told: list[Canonical] = [
        [
            line.position,
            line.kind,
            line.subject.hex,
            line.revision,
            line.outcome,
            line.rule,
            None if line.due_on is None else line.due_on.isoformat(),
        ]
        for line in lines
    ]
    return canonical.digest({"terms": list(terms), "lines": told})
