"""Worlds in which nearly everything bears on everything: drawn from a seed, decided in every way.

Groups in a tower of thirteen and in circles, trees deeper than ten, lines on every kind of node, and
periods that begin and end at the very instant at which is asked.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from dms.access import scopes
from dms.access.policy import Policy
from dms.models.users import EVERYONE_ID, PrincipalKind
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.security import Mark
from dms.stores.work import Work, session_of
from tests import factories
from tests.access import test_equality as equality
from tests.access.reference import Reference
from tests.factories import actor

GROUPS, DEPTH = 18, 13
AGGREGATIONS, CLASSES, DOCUMENTS = 24, 10, 48
USERS, ENTRIES = 5, 40
OFFSETS = (-1, 0, 1)


@dataclass(frozen=True)
class Dense:
    """What was built, and the instant around which its periods lie."""

    users: list[UUID]
    aggregations: list[UUID]
    documents: list[UUID]
    at: int

    @property
    def size(self) -> int:
        """How many decisions about one action it takes to look at it, at one instant."""
        return len(self.users) * (len(self.aggregations) + len(self.documents))


def build(work: Work, seed: int) -> Dense:
    """Write a world drawn from a seed."""
    dice = random.Random(seed)
    compartments = [factories.make_compartment(work) for _ in range(3)]
    for rank in (100, 200, 300):
        factories.make_level(work, rank)
    marks = [
        Mark(rank, frozenset(dice.sample(compartments, number)))
        for rank in (100, 200, 300)
        for number in (0, 0, 0, 2)
    ]
    users = [_user(work, dice, marks) for _ in range(USERS - 3)]
    whole = Mark(300, frozenset(compartments))
    users += [factories.make_user(work, rank=whole.rank, compartments=whole.compartments) for _ in range(3)]
    groups = _groups(work, dice, users)
    classes = _tree(dice, CLASSES, lambda parent: factories.make_class(work, parent))
    aggregations = _tree(
        dice,
        AGGREGATIONS,
        lambda parent: factories.make_aggregation(
            work,
            parent,
            mark=dice.choice(marks[:8]),
            record_class_id=dice.choice([None, *classes]),
        ),
    )
    documents = [
        factories.make_document(
            work,
            dice.choice(aggregations),
            record_class_id=dice.choice(classes),
            mark=dice.choice(marks),
        )
        for _ in range(DOCUMENTS)
    ]
    _entries(work, dice, [*users, *groups, EVERYONE_ID], (aggregations, classes, documents))
    return Dense(users, aggregations, documents, work.now)


def _user(work: Work, dice: random.Random, marks: Sequence[Mark]) -> UUID:
    user = factories.make_user(work, rank=None)
    since, until = _period(dice)
    if dice.random() < 0.9:
        mark = dice.choice(marks[4:])
        factories.make_clearance(work, user, mark, since=work.now + since, until=until and work.now + until)
    return user


def _groups(work: Work, dice: random.Random, users: Sequence[UUID]) -> list[UUID]:
    groups = [factories.make_principal(work, PrincipalKind.GROUP) for _ in range(GROUPS)]
    tower = set(itertools.pairwise([users[2], *groups[:DEPTH]]))
    pairs = set(tower)
    while len(pairs) < DEPTH + 20:
        member, group = dice.choice([*users, *groups]), dice.choice(groups)
        if member != group:
            pairs.add((member, group))
    for member, group in sorted(pairs):
        since, until = (-5, None) if (member, group) in tower else _period(dice)
        factories.make_link(work, member, group, since=work.now + since, until=until and work.now + until)
    return groups


def _tree(dice: random.Random, size: int, make) -> list[UUID]:
    """A shaft of half the nodes, and the others hung anywhere."""
    made: list[UUID] = []
    for number in range(size):
        parent = made[-1] if 0 < number <= size // 2 else dice.choice([None, *made])
        made.append(make(parent))
    return made


def _entries(work: Work, dice: random.Random, principals: Sequence[UUID], nodes) -> None:
    kinds = [
        *((NodeKind.AGGREGATION, node) for node in nodes[0]),
        *((NodeKind.CLASS, node) for node in nodes[1]),
        *((NodeKind.DOCUMENT, node) for node in nodes[2]),
    ]
    for _ in range(ENTRIES):
        kind, node = dice.choice(kinds)
        since, until = _period(dice)
        factories.make_entry(
            work,
            dice.choice(principals),
            node,
            dice.choice(list(Action)),
            effect=dice.choice([Effect.ALLOW, Effect.ALLOW, Effect.DENY]),
            kind=kind,
            since=work.now + since,
            until=until and work.now + until,
        )
    _certain(work, principals, nodes)


def _certain(work: Work, principals: Sequence[UUID], nodes) -> None:
    """Write lines that every world has, so that each tells what chance may leave out."""
    aggregations, classes, documents = nodes
    roof = scopes.roof(work)
    everyone, top, last = principals[-1], principals[USERS + DEPTH - 1], principals[USERS - 1]
    for who, action, effect, kind, chosen in (
        (everyone, Action.READ_CONTENT, Effect.ALLOW, NodeKind.AGGREGATION, aggregations[-4:]),
        (everyone, Action.READ_METADATA, Effect.ALLOW, NodeKind.CLASS, classes[-2:]),
        (top, Action.READ_CONTENT, Effect.ALLOW, NodeKind.DOCUMENT, documents[:4]),
        (top, Action.DISCOVER, Effect.DENY, NodeKind.DOCUMENT, documents[4:12]),
        (last, Action.READ_CONTENT, Effect.ALLOW, NodeKind.DOCUMENT, documents[12:20]),
        (last, Action.READ_METADATA, Effect.DENY, NodeKind.DOCUMENT, documents[20:32]),
        (last, Action.READ_CONTENT, Effect.ALLOW, NodeKind.CLASS, [roof.scheme_id]),
        (principals[1], Action.READ_CONTENT, Effect.DENY, NodeKind.REPOSITORY, [roof.repository_id]),
    ):
        for node in chosen:
            factories.make_entry(work, who, node, action, effect=effect, kind=kind)


def _period(dice: random.Random) -> tuple[int, int | None]:
    """Begin before, at or just after the instant; end just after it, later, or never.

    No end is at the instant itself: zero would read as never where it is added.
    """
    return dice.choice([(-5, None), (-5, None), (-1, None), (0, None), (1, None), (-5, 1), (-1, 1), (-1, 2)])


def differences(
    work: Work,
    dense: Dense,
    *,
    policy: Policy,
    at: int,
    actions: Iterable[Action] = Action,
    full: bool = True,
) -> Counter[str]:
    """Decide everything for everybody at an instant; count where the ways part from the reference."""
    objects = (dense.aggregations, dense.documents)
    truth = Reference(policy.files, session_of(work))
    found: Counter[str] = Counter()
    for user in dense.users:
        work.actor, work.now = actor(user), at
        for action in actions:
            work.memory = {"policy": policy}
            found += equality._differences(work, truth, action, objects, full=full)
    return found
