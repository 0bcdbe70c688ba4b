"""Explanations: why a decision falls as it does, at any instant, and what would change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from dms.access import asof, cases, gate
from dms.access.asof import Span, Thing
from dms.base.canonical import Canonical
from dms.models.users import Principal
from dms.rules import explanations, remedies
from dms.rules.access import Decision, Reason
from dms.rules.accessevents import Op
from dms.rules.explanations import Case, Defect
from dms.rules.remedies import Remedy, RemedyKind, Step
from dms.rules.security import Mark, dominates
from dms.services import questions
from dms.services.questions import Question, ShownLine
from dms.stores.work import Work

MAX_NEAR = 100
"""Lines that are near, as many as an answer shows."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The mandatory rule at the instant: a clearance held against a mark."""

    reaches: bool
    clearance: Mark | None
    security: Mark | None
    """None where the caller is not cleared for the mark that the thing bore."""
    is_shown: bool
    """Whether the caller may know other people's clearances; without that only the answer is told."""
    lacks_level: bool | None
    lacks_compartments: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class MatchingLine:
    """A line that matches, and whether the decision fell by it."""

    line: ShownLine
    decides: bool


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A line that would match but for its defects."""

    line: ShownLine
    defects: tuple[Defect, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with all that it rests on."""

    question: Question
    at: int
    existed: bool
    """False if the thing had not been made yet: then nobody could do anything with it."""
    decision: Decision
    comparison: Comparison | None
    lines: tuple[MatchingLine, ...]
    near: tuple[NearMiss, ...]
    near_total: int
    steps: tuple[Step, ...]
    changes_at: int | None
    principals: Mapping[UUID, Principal]
    """Everybody whom the answer names."""


def explain(work: Work, question: Question) -> Explanation:
    """Say why an account may or may not do something with a thing, now, then, or in the future.

    Needs `MANAGE_ACCESS` on the thing, now; auditors need it on none. What hangs on things that the
    caller may not know of is told without them. A past instant is decided by the entries, links,
    clearances, places, marks, trees and accounts of then, but by the policy files now in force.
    `NotFound` for a thing that is absent or hidden, and for an unknown principal.
    """
    work.performs(Op.ACCESS_EXPLAIN)
    span = asof.moment(work, question.at)
    thing = questions.thing(work, question.node_kind, node_id=question.node_id)
    account = questions.account(work, question.principal_id)
    spot = cases.spot_of(work, thing, span)
    if spot is None:
        found = _of_nothing(question, account, at=span.first)
    else:
        case = cases.case_of(work, account.id, spot, span)
        found = _explained(work, question, case, thing=thing, span=span)
    told = {**_summary(found.decision), "revision": span.high}
    questions.note(work, questions.written(question, at=span.first), told=told)
    return found


def _summary(decision: Decision) -> dict[str, Canonical]:
    return {
        "may": decision.may,
        "reason": decision.reason.value,
        "lines": questions.line_ids(decision.line_ids),
    }


def _of_nothing(question: Question, account: Principal, *, at: int) -> Explanation:
    return Explanation(
        question=question,
        at=at,
        existed=False,
        decision=Decision(False, (), Reason.NO_ENTRY),
        comparison=None,
        lines=(),
        near=(),
        near_total=0,
        steps=(),
        changes_at=None,
        principals={account.id: account},
    )


def _explained(work: Work, question: Question, case: Case, *, thing: Thing, span: Span) -> Explanation:
    action, at = question.action, span.first
    decision = cases.decide(work, case, action=action, at=at)
    sees_people = questions.sees_people(work, case.account_id)
    traced = explanations.matching(case, decision, at=at)
    near = explanations.near(case, action=action, at=at)
    if not sees_people:
        near = tuple(each for each in near if not each.is_about_people)
    ways = [*((each.line, each.way) for each in traced), *((each.line, each.way) for each in near[:MAX_NEAR])]
    shown = questions.shown_lines(work, ways, account_id=case.account_id, thing=thing, spot=case.spot)
    comparison = _compared(work, case, at=at, sees_people=sees_people)
    steps = remedies.steps(case, action=action, at=at)
    changes_at = explanations.changes_at(case, action=action, at=at)
    return Explanation(
        question=question,
        at=at,
        existed=True,
        decision=decision,
        comparison=comparison,
        lines=tuple(MatchingLine(line, each.decides) for line, each in zip(shown, traced, strict=False)),
        near=tuple(
            NearMiss(line, each.defects) for line, each in zip(shown[len(traced) :], near, strict=False)
        ),
        near_total=len(near),
        steps=tuple(_told(step, comparison) for step in steps),
        changes_at=changes_at if sees_people else None,
        principals=_named(work, case, shown, steps if sees_people else ()),
    )


def _compared(work: Work, case: Case, *, at: int, sees_people: bool) -> Comparison:
    held, mark = case.clearance(at), case.spot.security
    knows_mark = dominates(gate.standing(work).subject.clearance, mark)
    is_told = sees_people and knows_mark
    return Comparison(
        reaches=dominates(held, mark),
        clearance=held if sees_people else None,
        security=mark if knows_mark else None,
        is_shown=sees_people,
        lacks_level=(held is None or held.rank < mark.rank) if is_told else None,
        lacks_compartments=mark.compartments - (held.compartments if held else frozenset())
        if is_told
        else frozenset(),
    )


_OF_PEOPLE = {
    RemedyKind.CLEARANCE_BEGINS,
    RemedyKind.LINK_BEGINS,
    RemedyKind.RENEW_LINKS,
    RemedyKind.WITHDRAW_ROLES,
}
"""Remedies that tell who belongs to what, or who is cleared for what."""


def _told(step: Step, comparison: Comparison) -> Step:
    """Leave out of a step what the caller may not know of people, and of the mark."""
    kept = [each for each in step.any_of if comparison.is_shown or each.kind not in _OF_PEOPLE]
    return replace(step, any_of=tuple(_masked(each, comparison) for each in kept))


def _masked(remedy: Remedy, comparison: Comparison) -> Remedy:
    if remedy.mark is None:
        return remedy
    # The mark that is needed is joined with the clearance that is held: others learn the thing's only.
    is_whole = comparison.is_shown and comparison.security is not None
    return replace(remedy, mark=remedy.mark if is_whole else comparison.security)


def _named(
    work: Work, case: Case, lines: Sequence[ShownLine], steps: Sequence[Step]
) -> Mapping[UUID, Principal]:
    links = [link for step in steps for remedy in step.any_of for link in remedy.links]
    linked = {each for link in links for each in (link.member_id, link.group_id)}
    found = gate.vocabulary(work, Principal).many({case.account_id, *linked})
    return {**found, **{line.principal.id: line.principal for line in lines}}
