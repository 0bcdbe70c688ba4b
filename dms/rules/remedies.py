"""What would change a decision: each remedy is tried on the case before it is told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from dms.rules import explanations
from dms.rules.access import Action, Effect, Line, Reason
from dms.rules.asof import FIRST, Dated
from dms.rules.explanations import Case, Defect, Near
from dms.rules.reaches import Figure, Link
from dms.rules.security import Mark, dominates, join

GRANTED = "granted"
"""Id of the line that stands for one which would have to be written."""


class RemedyKind(StrEnum):
    """What somebody would do, or what comes by itself at an instant."""

    ENABLE_ACCOUNT = "enable_account"
    RAISE_CLEARANCE = "raise_clearance"
    CLEARANCE_BEGINS = "clearance_begins"
    END_LINES = "end_lines"
    LINE_ENDS = "line_ends"
    GRANT_ALLOW = "grant_allow"
    GRANT_DENY = "grant_deny"
    LINE_BEGINS = "line_begins"
    RENEW_LINE = "renew_line"
    LINK_BEGINS = "link_begins"
    RENEW_LINKS = "renew_links"
    WITHDRAW_ROLES = "withdraw_roles"


@dataclass(frozen=True, slots=True)
class Remedy:
    """One change that would help; `at` is when it comes by itself."""

    kind: RemedyKind
    line_ids: tuple[UUID | str, ...] = ()
    links: tuple[Link, ...] = ()
    roles: tuple[str, ...] = ()
    mark: Mark | None = None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that stands in the way: any one of the remedies removes it."""

    obstacle: Reason
    any_of: tuple[Remedy, ...]


def steps(case: Case, *, action: Action, at: int) -> tuple[Step, ...]:
    """Return what would turn the answer: every step is needed, of each any one remedy.

    The first remedy of a step acts at once. Another helps, at the instant at which it comes by itself if
    it does, once the first remedies of all other steps are applied; what does not help is left out.
    """
    if explanations.decide(case, action=action, at=at).may:
        return (Step(Reason.ALLOWED, _taking(case, action=action, at=at)),)
    found: list[Step] = []
    trial = case
    for obstacle in _OBSTACLES:
        met = list(obstacle(trial, action, at))
        found.extend(met)
        for step in met:
            trial = apply(trial, step.any_of[0], action=action, at=at)
    return tuple(_tried(case, step, found, action=action, at=at) for step in found)


def apply(case: Case, remedy: Remedy, *, action: Action, at: int) -> Case:
    """Return the case as it would be after a remedy; one that comes by itself changes nothing."""
    match remedy.kind:
        case RemedyKind.ENABLE_ACCOUNT:
            return _with_figures(case, {case.account_id: Figure(case.account_id, (Dated(True, FIRST),))})
        case RemedyKind.WITHDRAW_ROLES:
            left = {key: each for key, each in case.around.figures.items() if each.role not in remedy.roles}
            return replace(case, around=replace(case.around, figures=left))
        case RemedyKind.RAISE_CLEARANCE if remedy.mark is not None:
            return replace(case, clearances=(Dated(remedy.mark, at),))
        case RemedyKind.END_LINES:
            return replace(case, lines=tuple(line for line in case.lines if line.id not in remedy.line_ids))
        case RemedyKind.RENEW_LINE:
            return replace(case, lines=tuple(_renewed(line, remedy.line_ids) for line in case.lines))
        case RemedyKind.RENEW_LINKS:
            return _with_links(case, remedy.links)
        case RemedyKind.GRANT_ALLOW | RemedyKind.GRANT_DENY:
            effect = Effect.ALLOW if remedy.kind is RemedyKind.GRANT_ALLOW else Effect.DENY
            line = Line(GRANTED, case.account_id, case.spot.thing_id, action, effect, at, None)
            return replace(case, lines=(*case.lines, line))
        case _:
            return case


def _tried(case: Case, step: Step, all_steps: Sequence[Step], *, action: Action, at: int) -> Step:
    others = [each.any_of[0] for each in all_steps if each is not step]
    prepared = case
    for first in others:
        prepared = apply(prepared, first, action=action, at=at)
    helping = [
        remedy
        for remedy in step.any_of
        if explanations.decide(
            apply(prepared, remedy, action=action, at=at),
            action=action,
            at=at if remedy.at is None else remedy.at,
        ).may
    ]
    return replace(step, any_of=tuple(helping))


def _taking(case: Case, *, action: Action, at: int) -> tuple[Remedy, ...]:
    """Return what would refuse an allowed action."""
    allows = explanations.decide(case, action=action, at=at).line_ids
    return (Remedy(RemedyKind.END_LINES, line_ids=allows), Remedy(RemedyKind.GRANT_DENY))


def _disabled(case: Case, action: Action, at: int) -> Iterator[Step]:  # noqa: ARG001  one shape for all
    if case.reach(at).disabled:
        yield Step(Reason.DISABLED, (Remedy(RemedyKind.ENABLE_ACCOUNT),))


def _uncleared(case: Case, action: Action, at: int) -> Iterator[Step]:  # noqa: ARG001  one shape for all
    held = case.clearance(at)
    if dominates(held, case.spot.security):
        return
    needed = join([case.spot.security, *([] if held is None else [held])])
    later = [
        Remedy(RemedyKind.CLEARANCE_BEGINS, mark=each.value, at=each.since)
        for each in case.clearances
        if each.since > at and dominates(each.value, case.spot.security)
    ]
    yield Step(Reason.CLEARANCE, (Remedy(RemedyKind.RAISE_CLEARANCE, mark=needed), *later))


def _denied(case: Case, action: Action, at: int) -> Iterator[Step]:
    decision = explanations.decide(case, action=action, at=at)
    for line in case.lines:
        if line.id not in decision.line_ids or line.effect is not Effect.DENY:
            continue
        remedies = [Remedy(RemedyKind.END_LINES, line_ids=(line.id,))]
        if line.valid_until is not None:
            remedies.append(Remedy(RemedyKind.LINE_ENDS, line_ids=(line.id,), at=line.valid_until))
        yield Step(Reason.DENIED, tuple(remedies))


def _unallowed(case: Case, action: Action, at: int) -> Iterator[Step]:
    decision = explanations.decide(case, action=action, at=at)
    if decision.may:
        return
    near = explanations.near(case, action=action, at=at)
    brought = [
        remedy
        for each in near
        if each.line.effect is Effect.ALLOW and (remedy := _bringing(case, each, at=at)) is not None
    ]
    yield Step(decision.reason, (Remedy(RemedyKind.GRANT_ALLOW), *dict.fromkeys(brought)))


_OBSTACLES = (_disabled, _uncleared, _denied, _unallowed)
"""What may stand in the way, each looked for after the ones before it are gone."""


def _bringing(case: Case, near: Near, *, at: int) -> Remedy | None:
    """Return what would let an allow that is near count; None where that takes more than one thing."""
    line, dead = near.line, tuple(link for link in near.way if not link.counts(at))
    defects = frozenset(near.defects)
    if defects == {Defect.NOT_YET}:
        return Remedy(RemedyKind.LINE_BEGINS, line_ids=(line.id,), at=line.valid_from)
    if defects == {Defect.EXPIRED}:
        return Remedy(RemedyKind.RENEW_LINE, line_ids=(line.id,))
    if defects in ({Defect.LINK_NOT_YET}, {Defect.LINK_NOT_YET, Defect.NOT_YET}):
        begins = max(line.valid_from, *(link.since for link in dead))
        return Remedy(RemedyKind.LINK_BEGINS, line_ids=(line.id,), links=dead, at=begins)
    if defects == {Defect.LINK_EXPIRED}:
        return Remedy(RemedyKind.RENEW_LINKS, line_ids=(line.id,), links=dead)
    if defects == {Defect.CONFLICTING_ROLES}:
        rivals = explanations.roles_in_way(case, line.principal_id, at=at)
        return Remedy(RemedyKind.WITHDRAW_ROLES, line_ids=(line.id,), roles=tuple(sorted(rivals)))
    return None


def _renewed(line: Line, line_ids: Collection[UUID | str]) -> Line:
    return replace(line, valid_until=None) if line.id in line_ids else line


def _with_figures(case: Case, figures: Mapping[UUID, Figure]) -> Case:
    return replace(case, around=replace(case.around, figures={**case.around.figures, **figures}))


def _with_links(case: Case, renewed: Collection[Link]) -> Case:
    links = {
        member: tuple(replace(link, until=None) if link in renewed else link for link in found)
        for member, found in case.around.links.items()
    }
    return replace(case, around=replace(case.around, links=links))
