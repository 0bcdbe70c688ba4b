"""Worlds in which nearly everything bears on everything: drawn from a seed, decided in every way.

Groups in a tower of thirteen and in circles, trees deeper than ten, lines on every kind of node, and
periods that begin and end at the very instant at which is asked.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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
USERS, ENTRIES = 6, 40
OFFSETS = (-1, 0, 1)

# Users by number, whose lines are certain.
SHUT, PLAIN, BELOW, LEAVING, TOWER, OPEN = range(USERS)


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
    users = _users(work, dice, marks, compartments)
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


def _users(
    work: Work, dice: random.Random, marks: Sequence[Mark], compartments: Sequence[UUID]
) -> list[UUID]:
    """One that is drawn, two that reach some of the marks, and three that reach all."""
    some, whole = Mark(200, frozenset(compartments[:1])), Mark(300, frozenset(compartments))
    held = [dice.choice(marks[4:]), some, some, whole, whole, whole]
    users = [factories.make_user(work, rank=None) for _ in held]
    for number, (user, mark) in enumerate(zip(users, held, strict=True)):
        factories.make_clearance(work, user, mark, **({} if number else _period(work, dice)))
    return users


def _groups(work: Work, dice: random.Random, users: Sequence[UUID]) -> list[UUID]:
    groups = [factories.make_principal(work, PrincipalKind.GROUP) for _ in range(GROUPS)]
    members = [*users, *groups]
    tower = itertools.pairwise([TOWER, *range(USERS, USERS + DEPTH)])
    certain = {pair: {"since": 0} for pair in tower}
    certain[LEAVING, USERS + GROUPS - 2] = {"until": work.now - 5}
    certain[LEAVING, USERS + GROUPS - 1] = {"until": work.now}
    pairs = set(certain)
    while len(pairs) < DEPTH + 20:
        member, group = dice.randrange(USERS + GROUPS), USERS + dice.randrange(GROUPS)
        if member != group:
            pairs.add((member, group))
    # By number and not by id: what a seed draws must not depend on ids, which are new each time.
    for member, group in sorted(pairs):
        period = certain.get((member, group)) or _period(work, dice)
        factories.make_link(work, members[member], members[group], **period)
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
        factories.make_entry(
            work,
            dice.choice(principals),
            node,
            dice.choice(list(Action)),
            effect=dice.choice([Effect.ALLOW, Effect.ALLOW, Effect.DENY]),
            kind=kind,
            **_period(work, dice),
        )
    _certain(work, principals, nodes)


def _certain(work: Work, principals: Sequence[UUID], nodes) -> None:
    """Write lines that every world has, so that each tells what chance may leave out."""
    aggregations, classes, documents = nodes
    roof = scopes.roof(work)
    left, leaving, everyone = principals[-3:]
    top = principals[USERS + DEPTH - 1]
    for who, action, effect, kind, chosen in (
        (everyone, Action.READ_CONTENT, Effect.ALLOW, NodeKind.AGGREGATION, aggregations[-1:]),
        (everyone, Action.READ_METADATA, Effect.ALLOW, NodeKind.CLASS, classes[-1:]),
        (principals[SHUT], Action.READ_CONTENT, Effect.DENY, NodeKind.REPOSITORY, [roof.repository_id]),
        (principals[BELOW], Action.READ_CONTENT, Effect.ALLOW, NodeKind.AGGREGATION, aggregations[:1]),
        (principals[BELOW], Action.READ_METADATA, Effect.DENY, NodeKind.CLASS, classes[-3:]),
        (left, Action.READ_CONTENT, Effect.ALLOW, NodeKind.DOCUMENT, documents[32:40]),
        (leaving, Action.READ_CONTENT, Effect.ALLOW, NodeKind.DOCUMENT, documents[40:]),
        (top, Action.READ_CONTENT, Effect.ALLOW, NodeKind.DOCUMENT, documents[:12]),
        (top, Action.DISCOVER, Effect.DENY, NodeKind.DOCUMENT, documents[12:20]),
        (principals[PLAIN], Action.READ_CONTENT, Effect.ALLOW, NodeKind.DOCUMENT, documents[:20]),
        (principals[OPEN], Action.READ_METADATA, Effect.DENY, NodeKind.DOCUMENT, documents[20:32]),
        (principals[OPEN], Action.READ_CONTENT, Effect.ALLOW, NodeKind.CLASS, [roof.scheme_id]),
    ):
        for node in chosen:
            factories.make_entry(work, who, node, action, effect=effect, kind=kind)
    for documents_, until in ((documents[20:26], -1), (documents[26:32], 0)):
        for node in documents_:
            factories.make_entry(
                work,
                principals[PLAIN],
                node,
                Action.READ_CONTENT,
                kind=NodeKind.DOCUMENT,
                until=work.now + until,
            )


def _period(work: Work, dice: random.Random) -> dict[str, int | None]:
    """Begin before, at or just after the instant; end at it, just after it, later, or never."""
    since, until = dice.choice(
        [(-5, None), (-5, None), (-1, None), (0, None), (1, None), (-5, 0), (-5, 1), (-1, 1), (-1, 2)]
    )
    return {"since": work.now + since, "until": None if until is None else work.now + until}


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
    found: Counter[str] = Counter()
    for each in parted(work, dense, policy=policy, at=at, actions=actions, full=full):
        found += each
    return found


def parted(
    work: Work, dense: Dense, *, policy: Policy, at: int, actions: Iterable[Action], full: bool
) -> Iterator[Counter[str]]:
    """The same for one account and action after the other, so that the first difference can be the last."""
    objects = (dense.aggregations, dense.documents)
    truth = Reference(policy.files, session_of(work))
    for user in dense.users:
        work.actor, work.now = actor(user), at
        for action in actions:
            work.memory = {"policy": policy}
            yield equality._differences(work, truth, action, objects, full=full)
