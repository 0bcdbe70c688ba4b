"""The access log when disk, lock or server fail: no answer without its event, nothing in doubt told."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from dms.access.log import recorder
from dms.base.actor import system_actor
from dms.base.errors import Busy, NotRecorded
from dms.base.ids import new_id
from dms.rules.accessevents import Disclosure
from dms.stores.work import session_of
from tests.faults.log_works import BODIES, change, changes, look, opened, outcomes, refuse_over_claims
from tests.logged import logged

DESCRIPTORS = Path("/proc/self/fd")

needs_descriptors = pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="needs /proc")


@pytest.fixture
def sqlite(installation):
    with installation("sqlite") as settings:
        yield settings


# SQLite: the disk


def put_log_on(database, device: str, *, flags: int = os.O_RDWR) -> None:
    """Let every open connection write its write-ahead log to a device instead."""
    with database.engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).all()
    opened_device = os.open(device, flags)
    for entry in list(DESCRIPTORS.iterdir()):
        with suppress(FileNotFoundError):
            if str(entry.readlink()) == f"{database.engine.url.database}-wal":
                os.dup2(opened_device, int(entry.name))
    os.close(opened_device)


@needs_descriptors
@pytest.mark.parametrize("kind", ["read", "write"])
def test_failed_flush_ends_all_answers(sqlite, kind):
    with opened(sqlite) as works:
        works.read(system_actor("before"), look)
        works.write(system_actor("before"), change)
        put_log_on(works.database, "/dev/null")  # takes bytes, refuses to flush them

        with pytest.raises(NotRecorded):
            getattr(works, kind)(system_actor("r"), BODIES[kind])

        assert works.closing.is_broken
        for later, body in BODIES.items():
            with pytest.raises(NotRecorded, match="^the access log cannot be written: the server is stopp"):
                getattr(works, later)(system_actor("r"), body)

    with opened(sqlite) as works:
        assert outcomes(works.database) == []
        assert changes(works.database) == 1


@needs_descriptors
def test_change_whose_flush_failed_tells_to_look_first(sqlite):
    with opened(sqlite) as works:
        works.write(system_actor("before"), change)
        put_log_on(works.database, "/dev/null")  # takes bytes, refuses to flush them

        with pytest.raises(NotRecorded, match="^nobody knows whether this was kept: look before you repeat"):
            works.write(system_actor("r"), change)


@needs_descriptors
def test_events_that_waited_behind_a_failed_flush_are_not_tried(sqlite):
    with opened(sqlite) as works:
        works.read(system_actor("before"), look)
        put_log_on(works.database, "/dev/null")
        asking = [threading.Thread(target=_expect, args=(NotRecorded, works.read, system_actor("r"), look))]
        asking += [threading.Thread(target=_expect, args=(NotRecorded, works.read, system_actor("r"), look))]
        with works.database.writer_lock:
            for thread in asking:  # the first is taken and waits for the lock, the second waits in line
                thread.start()
                time.sleep(0.2)
        for thread in asking:
            thread.join()

        assert works.closing.is_broken

    with opened(sqlite) as works:
        assert outcomes(works.database) == []


@needs_descriptors
def test_event_that_cannot_be_put_beside_its_change_for_a_broken_disk_ends_all_answers(sqlite):
    def change_and_lose_the_disk(work):
        change(work)
        work.flush()
        for _ in range(1_400):
            work.releases(new_id(), revision=1, disclosure=Disclosure.METADATA)
        # Few pages fit into memory, so that the event itself must be written before the COMMIT.
        session_of(work).connection().exec_driver_sql("PRAGMA cache_size = 1")
        put_log_on(works.database, "/dev/null", flags=os.O_RDONLY)

    with opened(sqlite) as works:
        works.write(system_actor("before"), change)

        with pytest.raises(NotRecorded):
            works.write(system_actor("r"), change_and_lose_the_disk)

        assert works.closing.is_broken

    with opened(sqlite) as works:
        assert outcomes(works.database) == []
        assert changes(works.database) == 1


# SQLite: the wait


def test_over_claim_that_cannot_be_recorded_leaves_an_alarm(sqlite, caplog):
    with opened(sqlite, patience_s=0.1) as works:
        refuse_over_claims(works.database)

        with works.database.writer_lock, pytest.raises(NotRecorded):
            works.read(system_actor("r"), look)
        works.closing.close()

        assert outcomes(works.database) == [("released", None)]
        assert caplog.messages == ["event_late", "over_claim_not_recorded"]


def test_what_waits_when_the_log_closes_is_written_first(sqlite):
    with opened(sqlite) as works:
        answers = []

        def ask():
            answers.append(works.read(system_actor("r"), look))

        threads = [threading.Thread(target=target) for target in (ask, ask, works.closing.close)]
        with works.database.writer_lock:
            for thread in threads:
                thread.start()
                time.sleep(0.2)
        for thread in threads:
            thread.join()

        assert answers == ["answer", "answer"]
        assert outcomes(works.database) == [("released", None)] * 2


def test_end_of_the_line_ends_the_batch_before_it(sqlite):
    with opened(sqlite) as works:
        line = works.closing._recorder
        for waiting in ("first", "second", None, "too late"):
            line._queue.put(waiting)

        assert line._take() == (["first", "second"], True)


def test_log_that_is_far_behind_takes_no_more(sqlite, monkeypatch):
    monkeypatch.setattr(recorder, "MAX_WAITING", 0)

    with (
        opened(sqlite) as works,
        pytest.raises(NotRecorded, match="^the access log is far behind: try"),
    ):
        works.read(system_actor("r"), look)


def test_late_event_is_followed_by_an_over_claim(sqlite):
    with opened(sqlite, patience_s=0.1) as works:
        with works.database.writer_lock, pytest.raises(NotRecorded, match="in time: try again later$"):
            works.read(system_actor("r"), look)
        works.closing.close()

        late, over = logged(works.database)
        assert late.fields["outcome"] == "released"
        assert (over.fields["outcome"], over.fields["reason"]) == ("over_claimed", "late")
        assert over.fields["refused"] == [[late.id.hex, "answer", "late", True]]
        assert (over.fields["op"], over.fields["request"]) == ("document.read", "r")
        assert over.fields["released"] == {}
        assert over.fields["n"] == late.fields["n"] + 1


def test_late_event_in_parts_is_over_claimed_part_by_part(sqlite):
    def look_at_many(work):
        for _ in range(1_501):
            work.releases(new_id(), revision=1, disclosure=Disclosure.METADATA)

    with opened(sqlite, patience_s=0.1) as works:
        with works.database.writer_lock, pytest.raises(NotRecorded):
            works.read(system_actor("r"), look_at_many)
        works.closing.close()

        *parts, over = logged(works.database)
        assert [line[0] for line in over.fields["refused"]] == [part.id.hex for part in parts]
        assert len(parts) == 2


def test_every_answer_that_was_given_up_is_over_claimed_and_no_other(sqlite):
    given, refused = [], []

    def ask():
        for _ in range(60):
            request = new_id().hex
            try:
                works.read(system_actor(request), look)
                given.append(request)
            except NotRecorded:
                refused.append(request)

    with opened(sqlite, patience_s=0.002) as works:  # as long as a commit takes: both ends meet
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        works.closing.close()
        found = logged(works.database)

    released = {one.fields["request"]: one.id for one in found if one.fields["outcome"] == "released"}
    over = {one.fields["request"]: one for one in found if one.fields["outcome"] == "over_claimed"}
    assert set(given) <= released.keys()
    assert over.keys() == set(refused)
    assert len(found) == len(released) + len(over)
    assert all(one.fields["refused"][0][0] == released[request].hex for request, one in over.items())


def test_mutation_that_waits_too_long_for_the_lock_changes_nothing(sqlite):
    with opened(sqlite) as works:
        hurried = replace(works, deadline_s=0.1)
        with works.database.writer_lock:
            asking = threading.Thread(target=_expect, args=(Busy, hurried.write, system_actor("r"), change))
            asking.start()
            time.sleep(0.5)
        asking.join()

        assert changes(works.database) == 0
        assert outcomes(works.database) == [("failed", "BUSY")]


def _expect(kind, function, *arguments):
    with pytest.raises(kind):
        function(*arguments)


@needs_descriptors
def test_full_disk_refuses_the_answer_but_breaks_nothing(sqlite):
    with opened(sqlite) as works:
        works.read(system_actor("before"), look)
        put_log_on(works.database, "/dev/full")

        with pytest.raises(NotRecorded):
            works.read(system_actor("r"), look)
        assert not works.closing.is_broken

    with opened(sqlite) as works:
        assert outcomes(works.database) == []
        assert works.read(system_actor("r"), look) == "answer"
