"""Retention rules past the use cases: schedules with an edition in force, made in one line."""

from __future__ import annotations

from uuid import UUID

from dms.base.ids import new_id
from dms.models.schedules import RetentionRule, RetentionSchedule, RuleEntry, ScheduleEdition
from dms.rules import codes, tracks
from dms.rules.retention import Bound
from dms.rules.states import EditionState, RuleEntryState
from tests.duewordings import track


def schedule(world, code: str | None = None) -> UUID:
    """A schedule without editions."""
    made_id = new_id()
    code = code or f"S{made_id.hex}"

    def build(work):
        work.add(
            RetentionSchedule(
                id=made_id,
                code=code,
                code_key=codes.code_key(code),
                title=f"Schedule {code}",
                created_at=work.now,
            )
        )

    world.build(build)
    return made_id


def edition(world, schedule_id: UUID, *, number: int = 1, state=EditionState.IN_FORCE) -> UUID:
    """An edition of a schedule, in force unless told otherwise."""
    made_id = new_id()

    def build(work):
        work.add(
            ScheduleEdition(
                id=made_id,
                schedule_id=schedule_id,
                number=number,
                state=state,
                title=f"Edition {number}",
                digest="00" * 32,
                revision=1,
                created_at=work.now,
            )
        )

    world.build(build)
    return made_id


def rule(world, schedule_id: UUID, number: str = "1") -> UUID:
    """A lasting rule that nothing words yet."""
    made_id = new_id()
    world.build(lambda work: work.add(RetentionRule(id=made_id, schedule_id=schedule_id, number=number)))
    return made_id


def entry(world, edition_id: UUID, rule_id: UUID, *said, bound=Bound.MINIMUM, needs_review="", code="1"):
    """Word a rule in an edition by tracks or lines like `closed, P5Y destroy`; returns the entry's id."""
    made = tuple(track(each) if isinstance(each, str) else each for each in said)
    made_id = new_id()

    def build(work):
        work.add(
            RuleEntry(
                id=made_id,
                edition_id=edition_id,
                rule_id=rule_id,
                code=code,
                code_key=codes.code_key(code),
                title=f"About {code}",
                find_key=f"{code} about {code}".lower(),
                bound=bound,
                is_vital=False,
                has_personal_information=False,
                is_confidential=False,
                raw_text="{}",
                state=RuleEntryState.NEEDS_REVIEW if needs_review else RuleEntryState.PARSED,
                reasons=needs_review,
                tracks=tracks.written(made),
                periods=tracks.NONE,
            )
        )

    world.build(build)
    return made_id


def in_force(world, *said, number: str = "1", **worded) -> UUID:
    """A rule that an edition in force words; returns the rule."""
    schedule_id = schedule(world)
    rule_id = rule(world, schedule_id, number)
    entry(world, edition(world, schedule_id), rule_id, *said, **worded)
    return rule_id
