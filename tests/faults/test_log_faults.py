"""The access log when disk, lock or server fail: no answer without its event, nothing in doubt told."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text

from dms.access.log import open_log, recorder
from dms.base.actor import system_actor
from dms.base.clock import system_clock
from dms.base.errors import Busy, NotRecorded
from dms.base.ids import new_id
from dms.models.users import LoginThrottle
from dms.rules.accessevents import Disclosure, Op
from dms.stores.engine import WRITE, open_database
from dms.stores.work import Works, session_of
from tests.logged import logged

SHOWN = new_id()
ALARMS = {"commit_in_doubt", "event_not_recorded", "over_claim_not_recorded"}
DESCRIPTORS = Path("/proc/self/fd")

needs_descriptors = pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="needs /proc")


@contextmanager
def opened(settings, **options):
    database = open_database(settings)
    log = open_log(database, **options)
    yield Works(database, closing=log, clock=system_clock)
    log.close()
    database.dispose()


def change(work) -> None:
    work.performs(Op.USER_CREATE)
    row = LoginThrottle(key_sha256=new_id().hex * 2, failures=0, free_at=0, touched_at=0)
    work.add(row)
    work.changed(new_id(), before=None, after=1, old={}, new={"key": row.key_sha256})


def look(work) -> str:
    work.performs(Op.DOCUMENT_READ)
    work.releases(SHOWN, revision=1, disclosure=Disclosure.METADATA)
    return "answer"


BODIES = {"read": look, "write": change}


def outcomes(database) -> list[tuple[str, str | None]]:
    return [
        (one.fields["outcome"], one.fields["reason"])
        for one in logged(database)
        if one.fields["request"] == "r"
    ]


def changes(database) -> int:
    with database.engine.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM login_throttle")).scalar_one()


@pytest.fixture
def sqlite(installation):
    with installation("sqlite") as settings:
        yield settings


@pytest.fixture
def postgresql(installation):
    with installation("postgresql") as settings:
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


def refuse_over_claims(database) -> None:
    """Let the database refuse every event of that outcome."""
    refuse = (
        "BEGIN SELECT RAISE(ABORT, 'refused'); END"
        if database.is_sqlite
        else "EXECUTE FUNCTION refuse_change()"
    )
    trigger = "CREATE TRIGGER refuse BEFORE INSERT ON access_event FOR EACH ROW"
    with database.engine.execution_options(**{WRITE: True}).begin() as connection:
        connection.execute(text(f"{trigger} WHEN (NEW.outcome = 'over_claimed') {refuse}"))


# PostgreSQL: the line


class Line:
    """A line to the server that can be cut around the next COMMIT."""

    def __init__(self, folder: Path, url: str) -> None:
        self._server = conninfo_to_dict(url)
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(folder / ".s.PGSQL.5432"))
        self._door.listen()
        self.cut = ""  # "before" or "after" the server gets the next COMMIT
        self.is_down = False  # no new line is let through
        name = self._server["dbname"]
        self.url = f"postgresql://{self._server.get('user', '')}@/{name}?host={folder}&port=5432"
        if "password" in self._server:
            self.url += f"&password={self._server['password']}"
        self._ends = [self._door]
        self._threads = []
        self._run(self._accept)

    def close(self) -> None:
        for end in list(self._ends):
            hang_up(end)
        for thread in list(self._threads):
            thread.join()
        for end in self._ends:
            end.close()

    def _run(self, target, *arguments) -> None:
        self._threads.append(threading.Thread(target=target, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            if self.is_down:
                client.close()
                continue
            server, is_cut = self._connect(), threading.Event()
            self._ends += [client, server]
            for carry in (self._ask, self._answer):
                self._run(carry, client, server, is_cut)

    def _connect(self) -> socket.socket:
        host, port = self._server.get("host", "localhost"), self._server.get("port", "5432")
        if not host.startswith("/"):
            return socket.create_connection((host, int(port)))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    def _ask(self, client, server, is_cut) -> None:
        with suppress(OSError):
            while data := client.recv(65_536):
                if self.cut and b"COMMIT" in data:
                    how, self.cut = self.cut, ""
                    is_cut.set()
                    if how == "before":
                        break
                server.sendall(data)
        hang_up(server)

    def _answer(self, client, server, is_cut) -> None:
        with suppress(OSError):
            while data := server.recv(65_536):
                if is_cut.is_set():
                    break  # it has answered the COMMIT; nobody will know
                client.sendall(data)
        hang_up(client)
        hang_up(server)


def hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def line(postgresql):
    # A short path: the address of a local socket has 107 bytes at most.
    from dataclasses import replace

    folder = Path(tempfile.mkdtemp(prefix="dms-line-"))
    made = Line(folder, postgresql.database_url)
    yield made, replace(postgresql, database_url=made.url)
    made.close()
    shutil.rmtree(folder)


@pytest.mark.parametrize("kind", ["read", "write"])
def test_answer_lost_after_the_commit_is_over_claimed(line, kind):
    wire, settings = line
    with opened(settings) as works:

        def body(work):
            wire.cut = "after"
            return BODIES[kind](work)

        with pytest.raises(NotRecorded, match="^nobody knows whether this was kept: look before you repeat"):
            getattr(works, kind)(system_actor("r"), body)

        event, over = logged(works.database)
        assert event.fields["outcome"] == {"read": "released", "write": "committed"}[kind]
        assert (over.fields["outcome"], over.fields["reason"]) == ("over_claimed", "doubt")
        assert over.fields["refused"] == [[event.id.hex, "answer", "doubt", True]]
        assert changes(works.database) == {"read": 0, "write": 1}[kind]
        assert not works.closing.is_broken


def test_doubt_that_cannot_be_settled_stays_an_alarm(line, postgresql, caplog):
    wire, settings = line
    with opened(settings) as works:

        def body(work):
            wire.cut, wire.is_down = "after", True
            return look(work)

        with pytest.raises(NotRecorded):
            works.read(system_actor("r"), body)

    with opened(postgresql) as works:
        assert outcomes(works.database) == [("released", None)]
    assert [m for m in caplog.messages if m in ALARMS] == ["commit_in_doubt", "event_not_recorded"]


def test_over_claim_of_a_doubt_that_cannot_be_recorded_stays_an_alarm(line, postgresql, caplog):
    wire, settings = line
    with opened(settings) as works:
        refuse_over_claims(works.database)

        def body(work):
            wire.cut = "after"
            return look(work)

        with pytest.raises(NotRecorded):
            works.read(system_actor("r"), body)

        assert outcomes(works.database) == [("released", None)]
    assert [m for m in caplog.messages if m in ALARMS] == ["commit_in_doubt", "over_claim_not_recorded"]


def test_event_in_the_way_of_others_is_written_with_the_next_try(postgresql):
    function = (
        "CREATE FUNCTION meet_another() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('tries') = 1 THEN"
        " RAISE EXCEPTION 'met another' USING ERRCODE = 'serialization_failure'; END IF;"
        " RETURN NEW; END $$"
    )
    trigger = "CREATE TRIGGER meet BEFORE INSERT ON access_event FOR EACH ROW EXECUTE FUNCTION meet_another()"
    with opened(postgresql) as works:
        with works.database.engine.begin() as connection:
            for statement in ("CREATE SEQUENCE tries", function, trigger):
                connection.execute(text(statement))

        assert works.read(system_actor("r"), look) == "answer"

        assert outcomes(works.database) == [("released", None)]


@pytest.mark.parametrize("kind", ["read", "write"])
def test_commit_that_never_arrived_is_recorded_as_failed(line, kind):
    wire, settings = line
    with opened(settings) as works:

        def body(work):
            wire.cut = "before"
            return BODIES[kind](work)

        with pytest.raises(NotRecorded):
            getattr(works, kind)(system_actor("r"), body)

        assert outcomes(works.database) == [("failed", "NOT_RECORDED")]
        assert changes(works.database) == 0


def test_session_that_the_server_ends_leaves_no_answer(postgresql):
    with opened(postgresql) as works:

        def body(work):
            change(work)
            work.flush()
            with works.database.engine.execution_options(**{WRITE: True}).connect() as other:
                others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                mine = " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                other.execute(text(others + mine)).all()
            time.sleep(0.2)

        with pytest.raises(NotRecorded):
            works.write(system_actor("r"), body)

        assert outcomes(works.database) == []
        assert changes(works.database) == 0
        works.write(system_actor("r"), change)
        assert outcomes(works.database) == [("committed", None)]
