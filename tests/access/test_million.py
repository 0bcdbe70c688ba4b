"""Many decisions in dense worlds, in every way: one world normally, a million decisions with `make deep`."""

from __future__ import annotations

import sys
from collections import Counter

import hypothesis
import pytest

from dms.models.users import EVERYONE_ID
from dms.rules.access import Action
from dms.stores.work import session_of
from tests import factories
from tests.access import dense, rebuilt
from tests.access.test_equality import _RolledBack
from tests.factories import actor

IS_DEEP = hypothesis.settings.default.max_examples >= 5000
DECISIONS = 500_000 if IS_DEEP else 1_000
"""So many on each database, at least."""

ACTIONS = tuple(Action) if IS_DEEP else (Action.DISCOVER, Action.READ_CONTENT, Action.EDIT)


def test_dense_worlds_are_decided_alike_in_every_way(house, capsys):
    differences: Counter[str] = Counter()
    decided = seed = 0

    while decided < DECISIONS:
        decided += _one_world(house, seed, differences)
        seed += 1

    if IS_DEEP:
        with capsys.disabled():
            told = f"{decided:,} decisions, {sum(differences.values())} differences"
            sys.stdout.write(f"\n{house.database.dialect}: {told}\n")
    assert differences == Counter()


def _one_world(house, seed, differences):
    counted = []

    def body(work):
        work.deadline_s += 3_600
        made = dense.build(work, seed)
        # One instant of each world: before, at or after the boundary of its periods.
        at = made.at + dense.OFFSETS[seed % 3]
        differences.update(dense.differences(work, made, policy=house.policy, at=at, actions=ACTIONS))
        differences["rebuilt"] += len(rebuilt.differences(session_of(work)))
        counted.append(made.size * len(ACTIONS))
        raise _RolledBack

    with pytest.raises(_RolledBack):
        house.works.write(actor(EVERYONE_ID), body, locks=factories.LOCKS)
    for way in [way for way, number in differences.items() if not number]:
        del differences[way]
    return counted[-1]
