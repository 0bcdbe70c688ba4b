"""The access log when the line to PostgreSQL or the server fails: nothing in doubt is told as kept."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text

from dms.base.actor import system_actor
from dms.base.errors import NotRecorded
from dms.stores.engine import WRITE
from tests.faults.log_works import ALARMS, BODIES, change, changes, look, opened, outcomes, refuse_over_claims
from tests.logged import logged


@pytest.fixture
def postgresql(installation):
    with installation("postgresql") as settings:
        yield settings


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
