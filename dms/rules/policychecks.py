"""What is wrong with the lines of a policy as a whole: circles, conflicts, empty offices, idle lines.

Nothing here changes a decision; reading survives a circle, and a conflict costs its holder both roles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias
from uuid import UUID

from dms.rules import accessfindings
from dms.rules.access import Duty, Effect, NodeKind, conflicting, live
from dms.rules.accessfindings import Said
from dms.rules.periods import Period
from dms.rules.policylines import EntryLine, LinkLine, PrincipalLine, node_id_of

MUST_BE_HELD = (Duty.USERS_MANAGE, Duty.CLEARANCES_MANAGE)
"""Duties that somebody must always hold, or nobody could give them again (R31)."""

_ACCOUNTS = ("user", "service")


Above: TypeAlias = Mapping[UUID, frozenset[UUID]]


class Severity(StrEnum):
    """How bad a finding is; a fault alone makes the policy wrong."""

    FAULT = "fault"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found: a stable code, the id of what it speaks of, and what to know and do."""

    severity: Severity
    code: str
    subject: str
    message: str


@dataclass(frozen=True)
class Policy:
    """All lines there are, at one instant."""

    now: int
    principals: Mapping[UUID, PrincipalLine]
    links: Sequence[LinkLine]
    entries: Sequence[EntryLine]
    duties: Mapping[str, frozenset[Duty]]
    """The roles of `roles.toml`, with their duties."""
    exclusive: frozenset[frozenset[str]]
    everyone_id: UUID
    scheme_id: UUID

    @cached_property
    def links_left(self) -> Sequence[LinkLine]:
        """The memberships that are not over."""
        return [link for link in self.links if link.period.until is None or link.period.until > self.now]

    @cached_property
    def by_id(self) -> Mapping[UUID, EntryLine]:
        """The entries by their ids."""
        return {entry.id: entry for entry in self.entries}

    @cached_property
    def by_node(self) -> Mapping[UUID, Mapping[UUID, Sequence[Said]]]:
        """What the entries say, by node and then by principal."""
        found: dict[UUID, dict[UUID, list[Said]]] = defaultdict(lambda: defaultdict(list))
        for entry in self.entries:
            found[entry.node_id][entry.principal_id].append(_as_said(entry))
        return found

    @cached_property
    def active_groups(self) -> Mapping[UUID, Sequence[tuple[UUID, Period]]]:
        """The same of those that are active."""
        return {
            member: [(group, period) for group, period in groups if self.principals[group].is_active]
            for member, groups in self.groups.items()
        }

    @cached_property
    def groups(self) -> Mapping[UUID, Sequence[tuple[UUID, Period]]]:
        """What each principal is in now or will be, with the period of each membership."""
        found: dict[UUID, list[tuple[UUID, Period]]] = defaultdict(list)
        for link in self.links_left:
            found[link.member_id].append((link.group_id, link.period))
        return found

    def reached(self, principal_id: UUID, *, is_now: bool) -> frozenset[UUID]:
        """Return a principal with all that it is in: now through what is active, or now and later."""
        found, waiting = {principal_id}, [principal_id]
        while waiting:
            for group, period in self.groups.get(waiting.pop(), ()):
                counts = not is_now or (
                    live(period.since, period.until, self.now) and self.principals[group].is_active
                )
                if counts and group not in found:
                    found.add(group)
                    waiting.append(group)
        return frozenset(found)

    @cached_property
    def _widened(self) -> dict[tuple[UUID, Period], frozenset[UUID]]:
        return {}

    def widened(self, principal_id: UUID, during: Period) -> frozenset[UUID]:
        """Return everyone, and a principal with all that it is in for the whole of a period."""
        key = principal_id, during
        if key not in self._widened:
            self._widened[key] = accessfindings.widened(
                principal_id, during, groups=self.active_groups, everyone=self.everyone_id
            )
        return self._widened[key]

    def roles(self, principals: Iterable[UUID]) -> frozenset[str]:
        """Return the names of the roles among some principals."""
        lines = (self.principals[each] for each in principals)
        return frozenset(line.name for line in lines if line.kind == "role")

    def named(self, principal_id: UUID) -> str:
        """Return how people call a principal."""
        line = self.principals[principal_id]
        return f"{line.kind} `{line.name}`"


_Why: TypeAlias = tuple[Severity, str, str]


def examine(policy: Policy, *, above: Above) -> list[Finding]:
    """Return all findings, the worst first.

    `above` has the nodes of entries that there are, each with all that stands above whatever it reaches.
    """
    found = [
        *_circles(policy),
        *_conflicts(policy),
        *_offices(policy),
        *_roles(policy),
        *_links(policy),
        *_entries(policy, above),
    ]
    order = list(Severity)
    return sorted(found, key=lambda each: (order.index(each.severity), each.code, each.subject))


def is_sound(findings: Iterable[Finding]) -> bool:
    """Tell whether nothing is wrong; warnings and notes are no fault."""
    return all(finding.severity is not Severity.FAULT for finding in findings)


def _circles(policy: Policy) -> Iterator[Finding]:
    ways: dict[UUID, set[UUID]] = defaultdict(set)
    for link in policy.links_left:
        ways[link.member_id].add(link.group_id)
    while ways := _on_ways_round(ways):
        line = [min(ways)]
        while (following := min(ways[line[-1]])) not in line:
            line.append(following)
        circle = line[line.index(following) :]
        names = " > ".join(policy.named(each) for each in [*circle, circle[0]])
        yield Finding(
            Severity.FAULT,
            "link_circle",
            policy.principals[circle[0]].global_id,
            f"groups lie in each other: {names}; end one of these memberships",
        )
        ways = {member: groups - set(circle) for member, groups in ways.items() if member not in circle}


def _on_ways_round(ways: Mapping[UUID, set[UUID]]) -> dict[UUID, set[UUID]]:
    """Return what is left after taking away, again and again, whatever leads nowhere."""
    left = {member: set(groups) for member, groups in ways.items()}
    members: dict[UUID, list[UUID]] = defaultdict(list)
    for member, groups in left.items():
        for group in groups:
            members[group].append(member)
    ended = [each for each in {*left, *members} if not left.get(each)]
    while ended:
        group = ended.pop()
        for member in members[group]:
            left[member].discard(group)
            if not left[member]:
                ended.append(member)
    return {member: groups for member, groups in left.items() if groups}


def _conflicts(policy: Policy) -> Iterator[Finding]:
    for line in policy.principals.values():
        if line.kind == "role":
            continue
        for is_now, severity, when in (
            (True, Severity.FAULT, "none of them counts now; withdraw one"),
            (False, Severity.WARNING, "their periods may meet; withdraw one"),
        ):
            roles = policy.roles(policy.reached(line.id, is_now=is_now))
            clashing = conflicting(roles, policy.exclusive)
            if clashing:
                names = ", ".join(f"`{name}`" for name in sorted(clashing))
                message = f"{policy.named(line.id)} has roles that exclude each other, {names}: {when}"
                yield Finding(severity, "roles_conflict", line.global_id, message)
                break


def _offices(policy: Policy) -> Iterator[Finding]:
    held: dict[Duty, list[str]] = {duty: [] for duty in MUST_BE_HELD}
    for line in policy.principals.values():
        if line.kind != "user" or not line.is_active:
            continue
        roles = policy.roles(policy.reached(line.id, is_now=True))
        counted = roles - conflicting(roles, policy.exclusive)
        duties = frozenset[Duty]().union(*(policy.duties.get(role, frozenset()) for role in counted))
        for duty in duties.intersection(held):
            held[duty].append(line.name)
    for duty, names in held.items():
        if not names:
            message = (
                f"nobody holds the duty `{duty}`, so nobody can give it: see `dms policy show` for its role"
            )
            yield Finding(Severity.FAULT, "duty_unheld", duty.value, message)
        elif len(names) == 1:
            message = f"`{names[0]}` alone holds the duty `{duty}`: who acts for himself needs a second one"
            yield Finding(Severity.NOTE, "duty_held_once", duty.value, message)


def _roles(policy: Policy) -> Iterator[Finding]:
    held = {link.group_id for link in policy.links_left} | {entry.principal_id for entry in policy.entries}
    for line in policy.principals.values():
        if line.kind == "role" and line.name not in policy.duties and line.id in held:
            message = f"roles.toml no longer defines the role `{line.name}`, but lines name it: end them"
            yield Finding(Severity.WARNING, "role_undefined", line.global_id, message)


def _links(policy: Policy) -> Iterator[Finding]:
    left = {link.id for link in policy.links_left}
    for link in policy.links:
        if link.id not in left:
            member, group = policy.named(link.member_id), policy.named(link.group_id)
            subject = policy.principals[link.member_id].global_id
            yield Finding(
                Severity.NOTE,
                "link_expired",
                subject,
                f"{member} is in {group} no longer: end the membership",
            )


def _entries(policy: Policy, above: Above) -> Iterator[Finding]:
    reachable = _reachable(policy)
    for entry in policy.entries:
        found = _of_entry(policy, entry, above, reachable)
        if found is not None:
            severity, code, message = found
            yield Finding(severity, code, entry.global_id, f"{_said(policy, entry)}: {message}")


def _of_entry(policy: Policy, entry: EntryLine, above: Above, reachable: frozenset[UUID]) -> _Why | None:
    """Return why a line can never match, or need not: the first reason that there is."""
    who = policy.principals[entry.principal_id]
    if entry.node_id not in above:
        return Severity.FAULT, "node_gone", "there is no such thing; revoke it, and run `dms check`"
    if entry.period.until is not None and entry.period.until <= policy.now:
        return Severity.NOTE, "entry_expired", "its period is over; revoke it"
    if not who.is_active:
        return Severity.WARNING, "principal_disabled", f"the {who.kind} is disabled; revoke it"
    if who.id not in reachable:
        return Severity.NOTE, "principal_empty", f"nobody with an account belongs to the {who.kind}"
    return _outdone(policy, entry, above[entry.node_id])


def _outdone(policy: Policy, entry: EntryLine, nodes: frozenset[UUID]) -> _Why | None:
    during = accessfindings.remaining(entry.period, now=policy.now)
    wider = policy.widened(entry.principal_id, during)
    near = [other for node in nodes for other in _on(policy, node, wider)]
    for effect in (Effect.DENY, Effect.ALLOW):
        by = accessfindings.shadow(
            _as_said(entry), near, now=policy.now, principals=wider, nodes=nodes, effect=effect
        )
        if by is not None:
            return _outdone_by(policy, entry, policy.by_id[by.id])
    return None


def _on(policy: Policy, node: UUID, principals: frozenset[UUID]) -> Iterator[Said]:
    """Yield what is said on a node to these principals, by whichever of the two is shorter."""
    said = policy.by_node.get(node, {})
    shorter = said.keys() if len(said) < len(principals) else principals
    for principal in shorter:
        if principal in principals and principal in said:
            yield from said[principal]


def _outdone_by(policy: Policy, entry: EntryLine, by: EntryLine) -> _Why:
    line = f"line {by.global_id} ({_said(policy, by)})"
    if entry.effect is Effect.DENY:
        return Severity.NOTE, "deny_repeated", f"{line} refuses as much; revoke one of the two"
    if by.effect is Effect.DENY:
        return Severity.WARNING, "allow_denied", f"{line} refuses it; revoke it, or place the deny lower"
    return Severity.NOTE, "allow_repeated", f"{line} gives as much; revoke one of the two"


def _reachable(policy: Policy) -> frozenset[UUID]:
    """Return everything that some active account is in, or will be."""
    found = {policy.everyone_id}
    for line in policy.principals.values():
        if line.kind in _ACCOUNTS and line.is_active:
            found |= policy.reached(line.id, is_now=False)
    return frozenset(found)


def _as_said(entry: EntryLine) -> Said:
    return Said(entry.id, entry.principal_id, entry.node_id, entry.action, entry.effect, entry.period)


def _said(policy: Policy, entry: EntryLine) -> str:
    place = (
        "the Repository"
        if entry.node_kind is NodeKind.REPOSITORY
        else f"{entry.node_kind} {node_id_of(entry.node_kind, entry.node_id, scheme_id=policy.scheme_id)}"
    )
    return f"{entry.effect} {entry.action} to {policy.named(entry.principal_id)} on {place}"
