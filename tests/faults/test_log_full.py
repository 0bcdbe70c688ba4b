"""A full disk and a clock that is set: no answer without its event, and the stop itself is on record."""

from __future__ import annotations

import logging
import os
import subprocess
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest

from dms.access.log.reserve import Reserve
from dms.base.actor import system_actor
from dms.base.clock import SECOND, SteadyClock
from dms.base.errors import NotRecorded
from dms.web.health import log_is_writable
from tests.faults.log_works import BODIES, change, look, opened
from tests.logged import logged

SMALL = 24 * 1024 * 1024
RESERVE = 2 * 1024 * 1024


@pytest.fixture
def disk(tmp_path):
    """A file system of a few megabytes, all for this test."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("nobody here may mount a small file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def moved(installation, disk):
    """An installation whose database lies on the small disk."""
    with installation("sqlite") as settings:
        (disk / "dms.sqlite3").write_bytes(settings.sqlite_path.read_bytes())
        yield replace(settings, home=disk)


def fill(disk):
    """Use up all that is left."""
    room = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(room.f_bavail * room.f_frsize))


def ask_until_refused(ask):
    """Ask until the pages that SQLite has already are used up."""
    for _ in range(200):
        ask()


def until(is_so, patience_s=5.0):
    end = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def ops(works):
    return [one.columns["op"] for one in logged(works.database)]


@pytest.mark.parametrize("kind", ["read", "write"])
def test_full_disk_halts_all_answers_records_the_stop_and_goes_on_with_room(installation, disk, caplog, kind):
    caplog.set_level(logging.WARNING, "dms.alarm")
    with (
        moved(installation, disk) as settings,
        opened(settings, reserve=Reserve(disk / "log.reserve", RESERVE)) as works,
    ):
        works.closing.hold_reserve()
        works.write(system_actor("before"), change)
        fill(disk)

        with pytest.raises(NotRecorded):
            ask_until_refused(partial(getattr(works, kind), system_actor("r"), BODIES[kind]))
        given = len(logged(works.database))

        for later, body in BODIES.items():
            with pytest.raises(NotRecorded, match="^the access log has no room on the disk: nothing is answ"):
                getattr(works, later)(system_actor("r"), body)
        with pytest.raises(Exception, match="the access log cannot be written"):
            log_is_writable(works.closing)
        until(lambda: ops(works)[-1] == "log.halt")
        assert given <= len(logged(works.database)) <= given + 1
        assert "access_log_halted" in caplog.messages
        assert not (disk / "log.reserve").exists()

        works.closing.look_again()
        assert works.closing.is_halted
        (disk / "filler").unlink()
        works.closing.look_again()

        assert works.read(system_actor("r"), look) == "answer"
        assert ops(works)[-2:] == ["log.resume", "document.read"]
        assert (disk / "log.reserve").exists()
        assert caplog.messages[-1] == "access_log_resumed"


def test_reserve_takes_its_room_only_where_there_is_plenty(tmp_path, disk):
    reserve = Reserve(disk / "log.reserve", SMALL // 2)

    assert not reserve.make()
    assert list(disk.iterdir()) == []
    assert Reserve(disk / "log.reserve", SMALL // 8).make()
    assert (disk / "log.reserve").stat().st_size == SMALL // 8


class Times:
    """A wall clock and the steady one beside it."""

    def __init__(self):
        self.wall_s, self.boot_s = 1_000_000.0, 50.0

    def pass_by(self, seconds, *, wall=None):
        self.boot_s += seconds
        self.wall_s += seconds if wall is None else wall

    def clock(self):
        return SteadyClock(
            limit_s=5, settle_s=60, wall=lambda: int(self.wall_s * SECOND), steady_s=lambda: self.boot_s
        )


@pytest.mark.parametrize("jump", [3_600, -3_600, 6, -6])
def test_clock_that_was_set_is_believed_when_it_has_gone_steadily_for_a_minute(jump, caplog):
    times = Times()
    clock = times.clock()

    times.pass_by(10, wall=10 + jump)
    for _ in range(4):
        with pytest.raises(NotRecorded, match="^the clock of the server was set: nothing is answered until"):
            clock()
        times.pass_by(14)
    times.pass_by(10)

    assert clock() == int(times.wall_s * SECOND)
    assert caplog.messages == ["clock_jumped", "clock_believed"]
    times.pass_by(86_400)
    assert clock() == int(times.wall_s * SECOND)


def test_clock_that_is_set_back_right_is_believed_at_once():
    times = Times()
    clock = times.clock()

    times.pass_by(1, wall=100)
    with pytest.raises(NotRecorded):
        clock()
    times.pass_by(1, wall=-98)

    assert clock() == int(times.wall_s * SECOND)


def test_clock_that_jumps_again_and_again_is_never_believed():
    times = Times()
    clock = times.clock()

    for _ in range(10):
        times.pass_by(59, wall=120)
        with pytest.raises(NotRecorded):
            clock()


def test_clock_may_drift_by_less_than_the_limit():
    times = Times()
    clock = times.clock()

    times.pass_by(1_000, wall=1_004)

    assert clock() == int(times.wall_s * SECOND)


def test_operation_under_a_clock_that_was_set_is_refused_and_leaves_nothing(installation):
    times = Times()
    with installation("sqlite") as settings, opened(settings) as usual:
        works = replace(usual, clock=times.clock())
        times.pass_by(1, wall=600)

        with pytest.raises(NotRecorded):
            works.write(system_actor("r"), change)

        assert logged(works.database) == []
