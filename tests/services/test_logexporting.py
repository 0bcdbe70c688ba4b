"""The thread that writes exports: one after the other, on after a crash, and nothing without the duty."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from dms.access.log.eventfilters import EventFilter
from dms.base import errors
from dms.base.actor import system_actor
from dms.base.clock import DAY, MINUTE, Instant, monotonic_s
from dms.jobs import logexporting
from dms.jobs.logexporting import LogExporting
from dms.models.logexports import ExportState, LogExport
from dms.rules.accessevents import Op
from dms.rules.logexports import ExportFormat
from dms.services import logexports, users
from dms.services.logexports import Asked
from dms.stores.exportjobs import file_of, folder_of
from tests.desk import Desk
from tests.factories import World
from tests.recorded import events_of
from tests.signing import signed


@pytest.fixture(scope="module")
def auditor(world):
    return world.officer(role="auditor")


@pytest.fixture
def exporting(house):
    return thread_of(house)


def thread_of(house):
    return LogExporting(house.works, house.log_place, house.settings)


def ask(desk, user, format=ExportFormat.JSONL, **filtered):
    return desk.do(user, logexports.request, Asked(format, EventFilter(**filtered))).id


def record(house, count):
    for _ in range(count):
        house.works.read(system_actor("test"), lambda work: work.performs(Op.SERVER_READ))


def row(desk, export_id):
    """The row as it is, read past the gate."""
    with Session(desk.house.database.engine) as session:
        return session.get(LogExport, export_id)


def test_export_becomes_a_file_with_the_digest_of_its_row(house, desk, auditor, exporting):
    size = signed(house)
    export_id = ask(desk, auditor)

    assert exporting.look()
    assert not exporting.look()

    found = row(desk, export_id)
    raw = file_of(house.settings.home, export_id).read_bytes()
    assert (found.state, found.events, found.next_index) == (ExportState.DONE, size, size)
    assert (found.sha256, found.size_bytes) == (hashlib.sha256(raw).hexdigest(), len(raw))
    assert [each.name for each in folder_of(house.settings.home).glob(f"{export_id.hex}*")] == [export_id.hex]
    assert file_of(house.settings.home, export_id).stat().st_mode & 0o77 == 0
    closing = events_of(house, auditor)[-1]
    assert (closing["op"], closing["outcome"], closing["bytes"]) == (Op.LOG_EXPORT, "committed", len(raw))


def test_export_goes_on_after_a_crash_where_its_last_slice_ended(
    house, desk, auditor, exporting, monkeypatch
):
    monkeypatch.setattr(logexports, "PART", 3)
    record(house, 12)
    size = signed(house)
    export_id = ask(desk, auditor)
    torn, whole = [], logexporting.exportjobs.advance

    def crash(*arguments, **options):
        if len(torn) == 3:
            raise KeyboardInterrupt
        torn.append(None)
        return whole(*arguments, **options)

    with monkeypatch.context() as crashing:
        crashing.setattr(logexporting.exportjobs, "advance", crash)
        with pytest.raises(KeyboardInterrupt):
            exporting.look()
    assert (row(desk, export_id).next_index, row(desk, export_id).events) == (9, 9)
    assert not thread_of(house).look(), "another process holds it"
    logexporting.exportjobs.let_go(house.database, export_id)

    assert thread_of(house).look()

    lines = [json.loads(line) for line in file_of(house.settings.home, export_id).read_bytes().splitlines()]
    assert [line["index"] for line in lines[1:-1]] == list(range(size))
    assert row(desk, export_id).state is ExportState.DONE


def test_export_is_taken_over_when_its_lease_has_lapsed(desk, house, auditor):
    signed(house)
    export_id = ask(desk, auditor, since=1, until=2)
    assert logexporting.exportjobs.claim(house.database, house.works.clock).id == export_id
    later = house.works.clock() + 2 * MINUTE

    assert logexporting.exportjobs.claim(house.database, house.works.clock) is None
    taken = logexporting.exportjobs.claim(house.database, lambda: Instant(later))

    assert taken.id == export_id
    logexporting.exportjobs.let_go(house.database, export_id)
    thread_of(house).look()


def test_cancelled_export_ends_before_its_next_slice(house, desk, auditor, exporting, monkeypatch):
    monkeypatch.setattr(logexports, "PART", 3)
    record(house, 12)
    signed(house)
    export_id = ask(desk, auditor)
    steps = []

    def counting(*arguments, **options):
        steps.append(None)
        if len(steps) == 2:
            desk.do(auditor, logexports.cancel, export_id)
        return whole(*arguments, **options)

    whole = logexporting.exportjobs.advance
    monkeypatch.setattr(logexporting.exportjobs, "advance", counting)

    exporting.look()

    assert (row(desk, export_id).state, len(steps)) == (ExportState.CANCELLED, 2)
    assert not list(folder_of(house.settings.home).glob(f"{export_id.hex}*"))
    with pytest.raises(errors.State, match="the export has ended already"):
        desk.do(auditor, logexports.cancel, export_id)


def test_export_of_an_account_that_was_disabled_fails_and_leaves_no_file(house, desk, world, exporting):
    signed(house)
    former = world.officer(role="auditor")
    export_id = ask(desk, former)
    world.build(lambda work: users.disable(work, former, expected_revision=1, reason="left"))

    exporting.look()

    found = row(desk, export_id)
    assert (found.state, found.problem) == (ExportState.FAILED, "log in first")
    assert not list(folder_of(house.settings.home).glob(f"{export_id.hex}*"))


def test_no_room_on_the_disk_ends_an_export_with_its_reason(house, desk, auditor):
    signed(house)
    export_id = ask(desk, auditor)

    LogExporting(house.works, house.log_place, replace(house.settings, disk_reserve_bytes=1 << 60)).look()

    assert row(desk, export_id).problem == ("the disk has no room for the export: narrow it, or make room")


def test_removed_detail_withdraws_what_may_hold_it_done_or_half_done(
    house, desk, auditor, exporting, monkeypatch
):
    record(house, 12)
    signed(house)
    logexporting.withdraw(house.works, house.settings.home)
    done = ask(desk, auditor)
    exporting.look()
    monkeypatch.setattr(logexports, "PART", 3)
    half, waiting = ask(desk, auditor), ask(desk, auditor)
    withdrawn = []

    def removing(*arguments, **options):
        if not withdrawn:
            withdrawn.append(logexporting.withdraw(house.works, house.settings.home))
        return whole(*arguments, **options)

    whole = logexporting.exportjobs.advance
    monkeypatch.setattr(logexporting.exportjobs, "advance", removing)

    exporting.look()

    assert withdrawn == [2]
    assert [row(desk, each).state for each in (done, half, waiting)] == [
        ExportState.EXPIRED,
        ExportState.FAILED,
        ExportState.WAITING,
    ]
    assert row(desk, half).problem == "a detail was removed from the access log meanwhile: ask again"
    assert not [each for key in (done, half) for each in folder_of(house.settings.home).glob(f"{key.hex}*")]
    with pytest.raises(errors.NotFound):
        desk.see(auditor, logexports.fetch, done)
    desk.do(auditor, logexports.cancel, waiting)


def test_file_is_removed_a_week_after_it_was_finished(house, desk, auditor, exporting, monkeypatch):
    signed(house)
    export_id = ask(desk, auditor, format=ExportFormat.CSV)
    exporting.look()
    stray = folder_of(house.settings.home) / "0123.spool"
    stray.touch()

    exporting.sweep()
    assert file_of(house.settings.home, export_id).exists()
    assert not stray.exists()
    monkeypatch.setattr(logexporting, "KEPT", -DAY)
    exporting.sweep()

    assert row(desk, export_id).state is ExportState.EXPIRED
    assert not file_of(house.settings.home, export_id).exists()


def test_nobody_has_more_than_five_exports_under_way(fresh_house):
    world = World(fresh_house)
    desk, eager = Desk(fresh_house, world), world.officer(role="auditor")
    for _ in range(5):
        ask(desk, eager)

    with pytest.raises(errors.State, match="5 of your exports wait or run already"):
        ask(desk, eager)


def test_nobody_fetches_or_cancels_the_export_of_another(house, desk, world, auditor, exporting):
    signed(house)
    export_id = ask(desk, auditor)
    exporting.look()
    other = world.officer(role="auditor")

    with pytest.raises(errors.NotFound):
        desk.see(other, logexports.fetch, export_id)
    with pytest.raises(errors.NotFound):
        desk.do(other, logexports.cancel, export_id)

    assert desk.see(other, logexports.find, export_id).id == export_id
    assert desk.see(auditor, logexports.fetch, export_id).state is ExportState.DONE


def finished(desk, export_id):
    """Wait until a thread has ended an export."""
    until = monotonic_s() + 30
    while row(desk, export_id).state in {ExportState.WAITING, ExportState.RUNNING} and monotonic_s() < until:
        threading.Event().wait(0.01)
    return row(desk, export_id).state


def test_thread_writes_what_is_asked_for_until_it_is_stopped(house, desk, auditor, exporting, monkeypatch):
    monkeypatch.setattr(logexporting, "LOOKS_EVERY_S", 0.01)
    signed(house)
    exporting.start()

    first = finished(desk, ask(desk, auditor, format=ExportFormat.CSV))
    exporting.stop()
    second = ask(desk, auditor, format=ExportFormat.CSV)

    assert (first, row(desk, second).state) == (ExportState.DONE, ExportState.WAITING)
    assert thread_of(house).look()


def test_server_that_stops_leaves_the_export_to_the_next_start(house, desk, auditor, exporting, monkeypatch):
    monkeypatch.setattr(logexports, "PART", 3)
    record(house, 12)
    signed(house)
    export_id = ask(desk, auditor, format=ExportFormat.OCSF)

    exporting.stop()
    exporting.look()

    left = row(desk, export_id)
    assert (left.state, left.lease_until, left.events) == (ExportState.RUNNING, None, 3)
    assert thread_of(house).look()
    assert row(desk, export_id).state is ExportState.DONE


def test_export_waits_while_the_log_cannot_be_read_and_the_thread_goes_on(
    house, desk, auditor, exporting, caplog
):
    signed(house)
    export_id = ask(desk, auditor, format=ExportFormat.CSV)
    checkpoint = house.log_place.shard().root / "checkpoint"
    aside = checkpoint.rename(checkpoint.with_name("aside"))

    with caplog.at_level(logging.WARNING, logger="dms.exports"):
        exporting.look()
    aside.rename(checkpoint)

    assert [(each.message, each.code) for each in caplog.records] == [("export_put_off", "UNAVAILABLE")]
    assert row(desk, export_id).state is ExportState.RUNNING
    logexporting.exportjobs.let_go(house.database, export_id)
    assert thread_of(house).look()
    assert row(desk, export_id).state is ExportState.DONE


@pytest.mark.parametrize(
    ("error", "told"),
    [(errors.Busy("busy"), "exports_put_off"), (ZeroDivisionError("ours"), "exports_failed")],
    ids=["expected", "unexpected"],
)
def test_thread_survives_what_fails_in_it(exporting, monkeypatch, caplog, error, told):
    monkeypatch.setattr(logexporting, "LOOKS_EVERY_S", 0.01)
    failed = threading.Event()

    def fail():
        failed.set()
        raise error

    monkeypatch.setattr(exporting, "look", fail)
    with caplog.at_level(logging.WARNING, logger="dms.exports"):
        exporting.start()
        assert failed.wait(10)
        exporting.stop()

    assert {each.message for each in caplog.records} == {told}
