"""Kill -9 at any step of an upload: what was acknowledged is there, nothing is there by half."""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import replace

import pytest

from dms.access import tokens
from dms.base.actor import system_actor
from dms.base.clock import HOUR, Instant
from dms.jobs.sweeping import Broom
from dms.models.users import TokenKind
from tests.examples import IS_DEEP
from tests.factories import World
from tests.faults.uploading import Sender, judge, live
from tests.web.transfers import listening, transfers

ROUNDS = 1_000 if IS_DEEP else 6
JUDGED_EVERY = 25
SEED = random.randrange(1 << 32)


@pytest.fixture
def sender(fresh_house):
    owner = World(fresh_house).user()
    issued = fresh_house.works.write(
        system_actor("test"),
        lambda work: tokens.issue(
            work, owner, kind=TokenKind.SESSION, idle_s=36_000, absolute_s=36_000, note="test"
        ),
    )
    made = Sender({"Authorization": f"Bearer {issued.token}"}, random.Random(SEED))
    made.owner = owner
    return made


def test_killed_server_loses_nothing_acknowledged_and_shows_nothing_by_half(fresh_house, sender):
    wrong = Counter()

    for number in range(ROUNDS):
        live(fresh_house, sender)
        if number % JUDGED_EVERY == 0:
            wrong += judge(fresh_house, sender, sender.owner)

    wrong += judge(fresh_house, sender, sender.owner)
    with transfers(fresh_house) as desk, listening(desk.app) as sender.port:
        sender.finish()
        left = (len(desk.staged()), len(desk.stored()))
        wrong += judge(fresh_house, sender, sender.owner)
        swept = _sweep(fresh_house)
        rest = (desk.staged(), len(desk.stored()))
    kept = sum(each.is_whole for each in sender.sent)
    sys.stdout.write(
        f"seed {SEED}, {ROUNDS} rounds, {dict(sender.told)}; of {len(sender.sent)} uploads {kept} whole; "
        f"staged and stored before the sweep {left}, after it {rest}; {swept}\n"
    )
    assert (dict(wrong), sender.told["offset neither acknowledged nor sent"]) == ({}, 0)
    assert (rest, sender.told["requests without an answer"]) == (([], kept), ROUNDS)


def _sweep(house):
    later = replace(house.works, clock=lambda: Instant(house.works.clock() + HOUR))
    actor = system_actor("sweep")
    broom = Broom(later, house.vault, actor, grace_s=0, is_rehearsal=False, is_stopped=lambda: False)
    return broom.sweep(lambda *_: None)
