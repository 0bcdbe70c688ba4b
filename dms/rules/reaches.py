"""Who belongs to what, by dated links of any depth: the ways from an account to its principals."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from dms.rules.access import conflicting, live
from dms.rules.asof import Dated, held


@dataclass(frozen=True, slots=True)
class Link:
    """A membership or an assignment of a role, with the period in which it counts."""

    id: UUID
    member_id: UUID
    group_id: UUID
    since: int
    until: int | None

    def counts(self, at: int) -> bool:
        """Tell whether the link counts at an instant."""
        return live(self.since, self.until, at)


Way: TypeAlias = tuple[Link, ...]
"""The links from an account to one of its principals, in this order; none to itself."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A principal: what it is called if it is a role, and when it counted."""

    id: UUID
    active: tuple[Dated[bool], ...]
    role: str | None = None
    is_account: bool = False
    """It is a person or a program, which may act."""

    def counts(self, at: int) -> bool:
        """Tell whether the principal counts at an instant: it is there, and not disabled."""
        is_active: bool | None = held(self.active, at)
        return bool(is_active)


@dataclass(frozen=True, slots=True)
class Society:
    """Principals and the links between them, by member."""

    figures: Mapping[UUID, Figure]
    links: Mapping[UUID, tuple[Link, ...]]
    everyone: UUID
    """The principal that every account has without any link."""
    exclusive: frozenset[frozenset[str]]
    """Names of roles that never meet in one account."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What an account is at one instant."""

    ways: Mapping[UUID, Way] = field(default_factory=dict)
    """The shortest way to each principal that is reached, to roles that do not count too."""
    clashing: frozenset[str] = frozenset()
    uncounted: frozenset[UUID] = frozenset()
    """The clashing roles themselves."""

    @property
    def disabled(self) -> bool:
        """Tell whether the account does not count at all."""
        return not self.ways

    @property
    def principals(self) -> frozenset[UUID]:
        """Return the principals that count."""
        return frozenset(self.ways) - self.uncounted


def society(
    figures: Iterable[Figure],
    links: Iterable[Link],
    *,
    everyone: UUID,
    exclusive: Iterable[frozenset[str]],
) -> Society:
    """Put principals and links together."""
    by_member: dict[UUID, list[Link]] = {}
    for link in sorted(links, key=lambda link: (link.group_id, link.since, link.id)):
        by_member.setdefault(link.member_id, []).append(link)
    return Society(
        {figure.id: figure for figure in figures},
        {member: tuple(found) for member, found in by_member.items()},
        everyone,
        frozenset(exclusive),
    )


def reach(around: Society, account_id: UUID, *, at: int) -> Reach:
    """Return all that an account belongs to at an instant; circles end where they began."""
    start = around.figures.get(account_id)
    if start is None or not start.counts(at):
        return Reach()
    ways: dict[UUID, Way] = {account_id: ()}
    waiting = deque([account_id])
    while waiting:
        member = waiting.popleft()
        for link in around.links.get(member, ()):
            group = around.figures.get(link.group_id)
            if link.group_id in ways or group is None or not (link.counts(at) and group.counts(at)):
                continue
            ways[link.group_id] = (*ways[member], link)
            waiting.append(link.group_id)
    roles = {around.figures[each].role: each for each in ways if around.figures[each].role}
    clashing = conflicting(frozenset(name for name in roles if name), around.exclusive)
    ways.setdefault(around.everyone, ())
    return Reach(ways, clashing, frozenset(roles[name] for name in clashing))


def detours(around: Society, account_id: UUID, *, at: int) -> Mapping[UUID, Way]:
    """Return the ways over links whose period has not begun or is over, with as few of these as can be.

    Principals that are reached without any such link are among them.
    """
    found: dict[UUID, Way] = {}
    order = itertools.count()
    waiting: list[tuple[int, int, int, UUID, Way]] = [(0, 0, next(order), account_id, ())]
    while waiting:
        dead, length, _, member, way = heapq.heappop(waiting)
        if member in found:
            continue
        found[member] = way
        for link in around.links.get(member, ()):
            group = around.figures.get(link.group_id)
            if link.group_id in found or group is None or not group.counts(at):
                continue
            dead_now = dead + (not link.counts(at))
            heapq.heappush(waiting, (dead_now, length + 1, next(order), link.group_id, (*way, link)))
    found.setdefault(around.everyone, ())
    return found
