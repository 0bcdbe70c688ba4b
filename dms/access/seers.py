"""Who may do something with a thing: at an instant, or through a stretch of time.

Candidates are the accounts below the principals that an allow names, over links; each is decided by Casbin,
accounts with equal lines and an equal clearance together. Cost: the lines on the thing's nodes, the links
below the principals that they name, and one small computation per account and instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from dms.access import asof, cases
from dms.access.asof import Span, Thing, Trees
from dms.access.standing import policy_of
from dms.base.errors import Invalid
from dms.models.users import EVERYONE_ID
from dms.rules import reaches
from dms.rules.access import Action, Decision, Effect, Line, Reason, bears, live
from dms.rules.asof import Dated, boundaries, held
from dms.rules.explanations import Case, Spot
from dms.rules.reaches import Society
from dms.rules.security import Mark
from dms.stores.work import Work

MAX_CUTS = 1_000
"""Instants of change in one period: more are refused, so that an answer is whole or none."""

LineIds = tuple[UUID | str, ...]


@dataclass(slots=True)
class Audience:
    """Everybody who might, and everything that such decisions rest on."""

    action: Action
    around: Society
    accounts: Sequence[UUID]
    clearances: Mapping[UUID, tuple[Dated[Mark], ...]]
    lines: Mapping[UUID, Sequence[Line]]
    """By the principal that they name."""
    spots: Sequence[Dated[Spot]]
    decided: dict[tuple[object, ...], Decision] = field(default_factory=dict)

    def cuts(self, span: Span) -> list[int]:
        """Return the first instant of a span and all others at which some decision may change."""
        found = boundaries(self.spots)
        for rows in self.clearances.values():
            found |= boundaries(rows)
        for figure in self.around.figures.values():
            found |= boundaries(figure.active)
        for lines in self.lines.values():
            found |= _ends((line.valid_from, line.valid_until) for line in lines)
        for links in self.around.links.values():
            found |= _ends((link.since, link.until) for link in links)
        return [span.first, *sorted(each for each in found if span.first < each <= span.last)]


def at(work: Work, thing: Thing, span: Span, *, action: Action) -> dict[UUID, LineIds]:
    """Return every account that may at the instant of a span, with the lines that it rests on."""
    audience = _audience(work, thing, span, action)
    return _who(work, audience, at=span.first)


def through(
    work: Work, thing: Thing, span: Span, *, action: Action
) -> dict[UUID, tuple[Dated[LineIds], ...]]:
    """Return every account that might at some instant of a span, with the periods and their lines.

    A period without an end lasts to the end of the span. `Invalid` if more than 1,000 changes lie in it.
    """
    audience = _audience(work, thing, span, action)
    cuts = audience.cuts(span)
    if len(cuts) > MAX_CUTS:
        message = f"more than {MAX_CUTS:,} changes lie in this period: ask for a shorter one"
        raise Invalid(message, path=("until",))
    told: dict[UUID, list[Dated[LineIds]]] = {}
    open_since: dict[UUID, tuple[int, LineIds]] = {}
    for instant in cuts:
        now = _who(work, audience, at=instant)
        for account in [each for each, (_, lines) in open_since.items() if now.get(each) != lines]:
            since, lines = open_since.pop(account)
            told.setdefault(account, []).append(Dated(lines, since, instant))
        for account, lines in now.items():
            open_since.setdefault(account, (instant, lines))
    for account, (since, lines) in open_since.items():
        told.setdefault(account, []).append(Dated(lines, since))
    return {account: tuple(rows) for account, rows in told.items()}


def _audience(work: Work, thing: Thing, span: Span, action: Action) -> Audience:
    spots = asof.spots(work, [thing], Trees(span))[thing.id]
    nodes = frozenset[UUID]().union(*(spot.value.nodes for spot in spots))
    lines = cases.bearing(asof.lines(work, nodes, span), action)
    around = asof.society_below(
        work, {line.principal_id for line in lines} | _roles(work, lines, action), span
    )
    lines += cases.bearing(asof.role_lines(work, around), action)
    allowed = {line.principal_id for line in lines if line.effect is Effect.ALLOW}
    if EVERYONE_ID in allowed:
        everybody = asof.figures(work, asof.accounts(work), span)
        around = Society({**around.figures, **everybody}, around.links, around.everyone, around.exclusive)
    accounts = sorted(figure.id for figure in around.figures.values() if figure.is_account)
    by_principal: dict[UUID, list[Line]] = {}
    for line in lines:
        by_principal.setdefault(line.principal_id, []).append(line)
    return Audience(action, around, accounts, asof.clearances(work, accounts, span), by_principal, spots)


def _roles(work: Work, lines: Iterable[Line], action: Action) -> set[UUID]:
    """Return the roles that bear on the decision: by a line, by the policy files, or beside such a role."""
    files, ids = policy_of(work).files, asof.roles(work)
    named = {line.principal_id for line in lines}
    bearing = {name for name, each in ids.items() if each in named}
    bearing |= {
        name
        for name, role in files.roles.items()
        if any(bears(each, Effect.ALLOW, action) for each in role.actions)
    }
    rivals = {name for pair in files.exclusive if pair & bearing for name in pair}
    return {ids[name] for name in bearing | rivals if name in ids}


def _who(work: Work, audience: Audience, *, at: int) -> dict[UUID, LineIds]:
    spot = held(audience.spots, at)
    found: dict[UUID, LineIds] = {}
    if spot is None:
        return found
    for account in audience.accounts:
        decision = _decision(work, audience, account, spot, at=at)
        if decision.may:
            found[account] = decision.line_ids
    work.check_deadline()
    return found


def _decision(work: Work, audience: Audience, account: UUID, spot: Spot, *, at: int) -> Decision:
    """Decide for an account, or take over the decision for one with the same lines and clearance.

    INVARIANT (same-lines): a decision sees of the principals only which lines name one of them.
    """
    reach = reaches.reach(audience.around, account, at=at)
    if reach.disabled:
        return Decision(False, (), Reason.DISABLED)
    mine = [
        line
        for principal in reach.principals
        for line in audience.lines.get(principal, ())
        if line.node_id in spot.nodes and live(line.valid_from, line.valid_until, at)
    ]
    clearances = audience.clearances.get(account, ())
    key = (frozenset(line.id for line in mine), held(clearances, at), spot.security)
    known = audience.decided.get(key)
    if known is None:
        ordered = tuple(sorted(mine, key=lambda line: str(line.id)))
        case = Case(account, audience.around, clearances, ordered, spot)
        known = audience.decided[key] = cases.decide(work, case, action=audience.action, at=at)
    return known


def _ends(periods: Iterable[tuple[int, int | None]]) -> set[int]:
    return {instant for period in periods for instant in period if instant is not None}
