"""Every write of sequencer and signer made to fail once: nothing half done, and the next try goes on."""

from __future__ import annotations

import itertools
import os
from contextlib import contextmanager, suppress

from sqlalchemy import event

from dms.access.log import audit, sequencer
from dms.access.log.audit import Ground
from dms.access.log.continuity import Trust
from dms.access.log.findings import Verdict
from dms.base.actor import system_actor
from dms.base.clock import system_clock
from dms.jobs.signing import Signing
from dms.rules.accessevents import Op
from tests.logged import logged


class Failing:
    """Fails the n-th time it is passed."""

    def __init__(self, number):
        self.left = number
        self.has_failed = False

    def pass_by(self, *_):
        self.left -= 1
        if not self.left:
            self.has_failed = True
            raise OSError("this write was made to fail")


def leave_events(house, count):
    for _ in range(count):
        house.works.read(system_actor("test"), lambda work: work.performs(Op.SERVER_READ))


@contextmanager
def failing_statements(database, failing):
    def before(_connection, _cursor, statement, *_):
        if not statement.lstrip().upper().startswith(("SELECT", "BEGIN", "SET")):
            failing.pass_by()

    event.listen(database.engine, "before_cursor_execute", before)
    event.listen(database.engine, "commit", failing.pass_by)
    try:
        yield
    finally:
        event.remove(database.engine, "before_cursor_execute", before)
        event.remove(database.engine, "commit", failing.pass_by)


def assert_sound(house, size):
    found = audit.verify(
        Ground(
            house.database,
            house.log_place.shard(),
            Trust(house.log_place.known_keys()),
            now=system_clock(),
            threads=0,
            tell=lambda *_: None,
        )
    )
    assert [finding.message for finding in found.findings.kept] == []
    assert (found.verdict, found.size, found.signed_size) == (Verdict.SOUND, size, size)


def sequence_with_failure(house, failing):
    with failing_statements(house.database, failing), suppress(OSError):
        while sequencer.advance(house.database, limit=4) or sequencer.waits(house.database):
            continue  # events wait for older transactions of the cluster, whoever runs them


def test_sequencer_that_fails_at_any_write_leaves_nothing_half_done(fresh_house):
    for number in itertools.count(1):
        leave_events(fresh_house, 6)
        failing = Failing(number)
        sequence_with_failure(fresh_house, failing)
        if not failing.has_failed:
            break

    assert number > 4
    assert sequencer.drain(fresh_house.database)
    Signing(fresh_house.database, fresh_house.log_place).catch_up()
    assert_sound(fresh_house, len(logged(fresh_house.database)))


def test_signer_that_fails_at_any_write_goes_on_where_it_was(fresh_house, monkeypatch):
    place = fresh_house.log_place
    signing = Signing(fresh_house.database, place)
    usual = os.fsync
    leave_events(fresh_house, 240)  # so that a tile is filled on the way

    for number in itertools.count(1):
        leave_events(fresh_house, 3)
        assert sequencer.drain(fresh_house.database)
        failing = Failing(number)
        with monkeypatch.context() as changed:
            changed.setattr(os, "fsync", lambda file, failing=failing: (failing.pass_by(), usual(file)))
            with suppress(OSError):
                signing.catch_up()
        if not failing.has_failed:
            break

    signing.catch_up()
    assert number > 4
    assert_sound(fresh_house, len(logged(fresh_house.database)))
