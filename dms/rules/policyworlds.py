"""The world of a policy test as the reference decides it: out of the file, without any database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from dms.rules.access import Action, Effect, Line, Subject, Target, conflicting, live
from dms.rules.policytests import EVERYONE, REPOSITORY, ROLE_PREFIX, SCHEME, Classified, PolicyTest
from dms.rules.security import Mark


@dataclass(frozen=True, slots=True)
class Roles:
    """What `roles.toml` says: the actions of each role, and which exclude each other."""

    actions: Mapping[str, frozenset[Action]]
    exclusive: frozenset[frozenset[str]]


@dataclass(frozen=True, slots=True)
class Ids:
    """What the names of a file are called in the tables."""

    principals: Mapping[str, UUID]
    nodes: Mapping[str, UUID]
    compartments: Mapping[str, UUID]
    entries: Mapping[str, UUID]


def subject(test: PolicyTest, ids: Ids, who: str, *, at: int, roles: Roles) -> Subject:
    """Return who asks: everything he belongs to at an instant, at any depth."""
    account = test.accounts[who]
    if account.is_disabled:
        return Subject(frozenset(), None)
    reached = _reached(test, who, at)
    held = frozenset(name.removeprefix(ROLE_PREFIX) for name in reached if name in test.roles)
    clashing = {ROLE_PREFIX + role for role in conflicting(held, roles.exclusive)}
    live_marks = [each.mark for each in account.clearances if live(each.period.since, each.period.until, at)]
    return Subject(
        frozenset(ids.principals[name] for name in reached - clashing),
        mark_of(test, ids, live_marks[0]) if live_marks else None,
    )


def target(test: PolicyTest, ids: Ids, name: str) -> Target:
    """Return a Document or an Aggregation with everything above it in both trees."""
    document = test.documents.get(name)
    folder = test.folders[name if document is None else document.folder]
    thing = document or folder
    names = {name, REPOSITORY, SCHEME}
    above: str | None = name if document is None else document.folder
    while above is not None:
        names.add(above)
        above = test.folders[above].parent
    above = thing.record_class
    while above is not None:
        names.add(above)
        above = test.classes[above]
    return Target(frozenset(ids.nodes[each] for each in names), mark_of(test, ids, thing.mark))


def lines(test: PolicyTest, ids: Ids, *, roles: Roles) -> tuple[Line, ...]:
    """Return all lines there are: the entries of the file, and the actions of every role."""
    entries = [
        Line(
            ids.entries[name],
            ids.principals[entry.principal],
            ids.nodes[entry.node],
            entry.action,
            entry.effect,
            entry.period.since,
            entry.period.until,
        )
        for name, entry in test.entries.items()
    ]
    of_roles = [
        Line(
            f"{ROLE_PREFIX}{role}:{action}",
            ids.principals[ROLE_PREFIX + role],
            ids.nodes[REPOSITORY],
            action,
            Effect.ALLOW,
            0,
            None,
        )
        for role, actions in sorted(roles.actions.items())
        for action in sorted(actions)
    ]
    return (*entries, *of_roles)


def mark_of(test: PolicyTest, ids: Ids, told: Classified) -> Mark:
    """Return a mark as the tables have it."""
    return Mark(test.levels[told.level], frozenset(ids.compartments[name] for name in told.compartments))


def _reached(test: PolicyTest, who: str, at: int) -> frozenset[str]:
    reached, waiting = {EVERYONE}, [who]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        waiting += [
            link.group
            for link in test.memberships
            if link.member == name and live(link.period.since, link.period.until, at)
        ]
    return frozenset(reached)
