"""Whoever sequences notices that the signer does not follow."""

from __future__ import annotations

import shutil

import pytest

from dms.access.log import sequencer
from dms.base.actor import system_actor
from dms.jobs.sequencing import SignerWatch
from dms.rules.accessevents import Op
from tests.logged import logged
from tests.signing import signed


class Hands:
    """A clock that stands where it is put."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def watch(fresh_house):
    signed(fresh_house)
    return SignerWatch(fresh_house.database, fresh_house.log_place, Hands())


def leave_event(house):
    house.works.read(system_actor("test"), lambda work: work.performs(Op.SERVER_READ))
    sequencer.drain(house.database)


def alarms(caplog):
    return [(each.message, each.seconds, each.events) for each in caplog.records if each.name == "dms.alarm"]


def after(watch, seconds):
    watch.clock.now += seconds
    watch.look()


def test_event_without_signature_raises_the_alarm_after_ten_seconds_until_it_is_signed(
    fresh_house, watch, caplog
):
    leave_event(fresh_house)
    after(watch, 1)
    after(watch, 1)

    after(watch, 9)
    early = alarms(caplog)
    after(watch, 0.5)
    late = alarms(caplog)
    signed(fresh_house)
    after(watch, 60)

    assert (early, late) == ([], [("signer_late", 10, 1)])
    assert alarms(caplog) == late


def test_signer_that_follows_slowly_but_follows_raises_none(fresh_house, watch, caplog):
    for _ in range(3):
        leave_event(fresh_house)
        after(watch, 8)
        signed(fresh_house)
        leave_event(fresh_house)
        after(watch, 8)

    assert alarms(caplog) == []


def test_log_that_nobody_begins_to_sign_raises_the_alarm(fresh_house, watch, caplog):
    shutil.rmtree(fresh_house.log_place.root)
    watch.look()

    after(watch, 11)

    assert alarms(caplog) == [("signer_late", 11, len(logged(fresh_house.database)))]
