"""Who would gain and lose which Documents by changes that nobody has written: counted, not carried out.

Lines, links, clearances and marks of before and after give each account two verdicts; what lies between them
is counted (`comparisons`). Accounts of equal standing cost as much as one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias
from uuid import UUID

from dms.access import affected, comparisons, futurenodes, marks, predicates
from dms.access.affected import Account, Overlay
from dms.access.comparisons import Effects, Ground, Side, Tally
from dms.access.predicates import Verdict
from dms.access.standing import Standing
from dms.base.canonical import Canonical, canonical_bytes
from dms.rules.access import Action, Line, NodeKind
from dms.rules.security import Mark
from dms.stores.work import Work

MAX_ACCOUNTS = 1_000
"""So many accounts are rehearsed, the first by name; beyond that the answer says how many there are."""

MAX_SAMPLES = 3
"""Documents that are shown of what one account gains, or loses."""

_SAMPLED = 20
"""Standings and actions, the first ones, of which samples are looked for."""

_SAMPLED_SCOPES = 10

_AT_ONCE = 50
"""Groups of equal accounts whose lines are read together."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What changes would do to whom."""

    effects: tuple[Effects, ...]
    n_accounts: int
    """How many accounts the changes reach."""
    n_rehearsed: int
    """Of how many of them the effects tell."""
    basis_sha256: str
    """Digest of what the effects rest on: whom the changes reach, and what differs for them. Documents that
    are registered meanwhile change nothing of it."""


_Group: TypeAlias = tuple[list[UUID], Account]
"""Accounts that are decided alike, and one of them."""


def rehearse(
    work: Work,
    overlay: Overlay,
    *,
    changed: Mapping[UUID, NodeKind],
    actions: Sequence[Action],
    sees_whole_numbers: bool,
) -> Rehearsal:
    """Tell what changes would do to the Documents that accounts see, by each action.

    `changed` are the nodes that granted and revoked entries name. Without `sees_whole_numbers` only what
    the actor himself may discover is counted. Cost: two verdicts for each standing that differs, the scopes
    between them, and a walk over what lies below nodes that are no access nodes yet.
    """
    reached = affected.affected(work, overlay, limit=MAX_ACCOUNTS)
    ground = comparisons.ground_of(work, overlay, changed=changed, sees_whole_numbers=sees_whole_numbers)
    basis = hashlib.sha256(canonical_bytes([account.id.hex for account in reached.accounts]))
    effects: list[Effects] = []
    for group, sides in _stood(ground, reached.accounts, actions):
        for action, before, after in sides:
            basis.update(canonical_bytes(_difference(group, action, before, after)))
            found = comparisons.compared(ground, tuple(group), action, before=before, after=after)
            if len(effects) < _SAMPLED:
                found = _with_samples(ground, found, before=before, after=after)
            effects.append(found)
        work.check_deadline()
    told = tuple(found for found in effects if not found.is_none)
    return Rehearsal(told, reached.total, len(reached.accounts), basis.hexdigest())


def _stood(
    ground: Ground, accounts: Iterable[Account], actions: Sequence[Action]
) -> Iterator[tuple[list[UUID], list[tuple[Action, Side, Side]]]]:
    """Yield the accounts of equal standing, and what they see by each action before and after."""
    groups = list(_groups(ground.work, ground.overlay, accounts))
    for start in range(0, len(groups), _AT_ONCE):
        some = groups[start : start + _AT_ONCE]
        principals = {each for _, account in some for each in account.principals}
        written = affected.lines_of(ground.work, principals, at=ground.overlay.at)
        named = {line.node_id for found in written.values() for line in found}
        ground.reach.learn(ground.work, named | {line.node_id for line in ground.overlay.granted})
        for group, account in some:
            yield group, _sides(ground, account, written, actions)


def _sides(
    ground: Ground,
    account: Account,
    written: Mapping[UUID, Sequence[Line]],
    actions: Iterable[Action],
) -> list[tuple[Action, Side, Side]]:
    before, after = _lines(written, ground.overlay, account)
    return [
        (
            action,
            comparisons.side_of(ground, account.before, before, action=action),
            comparisons.side_of(ground, account.after, after, action=action),
        )
        for action in actions
    ]


def _groups(work: Work, overlay: Overlay, accounts: Iterable[Account]) -> Iterable[_Group]:
    """Put accounts together that the same lines name and that are cleared alike, before and after."""
    found = list(accounts)
    principals = {each for account in found for each in account.principals}
    bearing = affected.bearers(work, principals, at=overlay.at) | {
        line.principal_id for line in overlay.granted
    }
    groups: dict[object, _Group] = {}
    for account in found:
        key = (_stands(account.before, bearing), _stands(account.after, bearing))
        groups.setdefault(key, ([], account))[0].append(account.id)
    return groups.values()


def _stands(standing: Standing, bearing: frozenset[UUID]) -> object:
    lines = frozenset(line.id for line in standing.role_lines)
    return standing.subject.principals & bearing, lines, standing.subject.clearance


def _lines(
    written: Mapping[UUID, Sequence[Line]], overlay: Overlay, account: Account
) -> tuple[list[Line], list[Line]]:
    """Return the live lines of an account before and after."""
    before, after = (
        [line for each in side.subject.principals for line in written.get(each, ())]
        for side in (account.before, account.after)
    )
    principals = account.after.subject.principals
    granted = [line for line in overlay.granted if line.principal_id in principals]
    kept = [line for line in after if line.id not in overlay.revoked]
    return [*before, *account.before.role_lines], [*kept, *granted, *account.after.role_lines]


def _difference(accounts: Sequence[UUID], action: Action, before: Side, after: Side) -> Canonical:
    one, other = before.verdict, after.verdict
    numbers = (one.allowed ^ other.allowed) | (one.denied ^ other.denied)
    return [
        [account.hex for account in accounts],
        action.value,
        [[number, *(number in side for side in _node_sets(one, other))] for number in sorted(numbers)],
        [_own_written(each) for each in (one, other)],
        [[side.verdict.everything, _mark_written(side.clearance)] for side in (before, after)],
        [
            [sorted(node.hex for node in each) for each in (side.allowed, side.denied)]
            for side in (before, after)
        ],
    ]


def _node_sets(one: Verdict, other: Verdict) -> tuple[frozenset[int], ...]:
    return one.allowed, one.denied, other.allowed, other.denied


def _own_written(found: Verdict) -> Canonical:
    return [sorted(each.hex for each in own) for own in (found.own_allowed, found.own_denied)]


def _mark_written(mark: Mark | None) -> Canonical:
    return None if mark is None else [mark.rank, marks.encode(mark.compartments)]


def _with_samples(ground: Ground, found: Effects, *, before: Side, after: Side) -> Effects:
    but = (
        {thing.id for thing in ground.marked}
        | comparisons.own_of(before.verdict)
        | comparisons.own_of(after.verdict)
    )
    return replace(
        found,
        gained_samples=_samples(ground, found.gained, but=but),
        lost_samples=_samples(ground, found.lost, but=but),
    )


def _samples(ground: Ground, tally: Tally, *, but: Collection[UUID]) -> tuple[UUID, ...]:
    """Return some Documents of a tally that the actor may discover, so far as the verdict tells.

    What an entry names, and what gets another mark, stands by itself: its scope says nothing about it.
    """
    found: list[UUID] = tally.things[:MAX_SAMPLES]
    told = [
        each
        for each in tally.cells
        if predicates.shows(ground.viewer, comparisons.triple_of(ground, each.scope_id))
    ]
    for cell in told[:_SAMPLED_SCOPES]:
        room = MAX_SAMPLES - len(found)
        if room:
            found += futurenodes.some(
                ground.work, ground.nodes, scope_id=cell.scope_id, near=cell.near, but=but, limit=room
            )
    return tuple(found)
