"""What every way of recording promises: no event, no answer, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from dms.access.log import open_log
from dms.base.actor import system_actor
from dms.base.clock import system_clock
from dms.base.errors import Invalid, NotRecorded
from dms.base.ids import new_id
from dms.models.users import LoginThrottle
from dms.rules.accessevents import Disclosure, Op
from dms.stores.engine import WRITE, Database, open_database
from dms.stores.work import Works, session_of
from tests.logged import logged

THREADS = 32
EACH = 10


@contextmanager
def opened(settings, **options):
    """Works with a log of their own, as a process would open them."""
    database = open_database(settings)
    log = open_log(database, **options)
    yield Works(database, closing=log, clock=system_clock)
    log.close()
    database.dispose()


@pytest.fixture
def works(settings):
    with opened(settings) as made:
        yield made


@pytest.fixture
def fresh_works(fresh_settings):
    with opened(fresh_settings) as made:
        yield made


@pytest.fixture
def request_id():
    return new_id().hex


def throttle() -> LoginThrottle:
    """A row that needs no other."""
    return LoginThrottle(key_sha256=new_id().hex * 2, failures=0, free_at=0, touched_at=0)


def change(work) -> None:
    """Write a row and say so."""
    work.performs(Op.USER_CREATE)
    row = throttle()
    work.add(row)
    work.changed(new_id(), before=None, after=1, old={}, new={"key": row.key_sha256})


def look(work) -> str:
    """Read, and release one object."""
    work.performs(Op.DOCUMENT_READ)
    work.releases(new_id(), revision=1, disclosure=Disclosure.METADATA)
    return "answer"


def rows_in(database: Database, table: str) -> int:
    with database.engine.connect() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def alter(database: Database, *statements: str) -> None:
    with database.keeper.execution_options(**{WRITE: True}).begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


@pytest.mark.parametrize("kind", ["read", "write"])
def test_event_is_there_for_others_before_the_answer_is(works, settings, request_id, kind):
    elsewhere = open_database(settings)

    answer = getattr(works, kind)(system_actor(request_id), look)
    found = logged(elsewhere, request=request_id)

    elsewhere.dispose()
    assert answer == "answer"
    assert [one.fields["op"] for one in found] == ["document.read"]


def test_change_and_its_event_are_one_commit(works, request_id):
    before = rows_in(works.database, "login_throttle")

    works.write(system_actor(request_id), change)

    [found] = logged(works.database, request=request_id)
    assert found.fields["outcome"] == "committed"
    assert rows_in(works.database, "login_throttle") == before + 1


def test_operation_that_touches_nothing_leaves_an_event_too(works, request_id):
    works.read(system_actor(request_id), lambda _: None)

    [found] = logged(works.database, request=request_id)
    assert (found.fields["op"], found.fields["released"]) == ("server.read", {})


def test_thirty_two_threads_get_one_event_for_each_answer(works, request_id):
    answers = []

    def ask():
        answers.extend(works.read(system_actor(request_id), look) for _ in range(EACH))

    together(ask)

    found = logged(works.database, request=request_id)
    assert answers == ["answer"] * (THREADS * EACH)
    assert len({one.id for one in found}) == THREADS * EACH
    assert sorted(one.fields["n"] for one in found) == list(range(1, THREADS * EACH + 1))


def test_readings_that_wait_together_share_a_commit(settings, engine_kind, request_id):
    if engine_kind != "sqlite":
        pytest.skip("PostgreSQL groups commits itself")
    commits = []
    with opened(settings) as works:
        event.listen(works.database.engine, "connect", lambda c, _: c.set_trace_callback(commits.append))

        together(lambda: [works.read(system_actor(request_id), look) for _ in range(EACH)])

    assert len(logged(works.database, request=request_id)) == THREADS * EACH
    assert commits.count("BEGIN IMMEDIATE") < THREADS * EACH / 2


def test_events_of_one_thread_lie_in_the_order_of_their_answers(works, request_id):
    for _ in range(5):
        works.write(system_actor(request_id), change)
        works.read(system_actor(request_id), look)

    found = [one.fields["n"] for one in logged(works.database, request=request_id)]
    assert found == sorted(found)
    assert len(found) == 10


@pytest.mark.parametrize("kind", ["read", "write"])
def test_event_that_cannot_be_inserted_leaves_no_answer_and_no_data(fresh_works, kind):
    works = fresh_works
    before = rows_in(works.database, "login_throttle")
    alter(works.database, "ALTER TABLE access_event RENAME TO elsewhere")

    with pytest.raises(NotRecorded, match="^the access event could not be recorded$"):
        getattr(works, kind)(system_actor("r"), change if kind == "write" else look)
    alter(works.database, "ALTER TABLE elsewhere RENAME TO access_event")

    assert rows_in(works.database, "login_throttle") == before
    assert logged(works.database, request="r") == []


def test_failure_that_cannot_be_recorded_is_no_answer_either(fresh_works):
    works = fresh_works
    alter(works.database, "ALTER TABLE access_event RENAME TO elsewhere")

    def refuse(_):
        raise Invalid("no")

    with pytest.raises(NotRecorded):
        works.write(system_actor("r"), refuse)


def test_recording_goes_on_when_the_fault_is_gone(fresh_works):
    works = fresh_works
    alter(works.database, "ALTER TABLE access_event RENAME TO elsewhere")
    with pytest.raises(NotRecorded):
        works.read(system_actor("r"), look)
    alter(works.database, "ALTER TABLE elsewhere RENAME TO access_event")

    works.read(system_actor("r"), look)

    [found] = logged(works.database, request="r")
    assert found.fields["n"] == 2


def test_failed_commit_leaves_no_answer_and_no_data(fresh_works):
    works = fresh_works
    before = rows_in(works.database, "login_throttle")

    def change_what_no_commit_takes(work):
        change(work)
        _break_commit(work)

    with pytest.raises(DBAPIError):
        works.write(system_actor("r"), change_what_no_commit_takes)

    [found] = logged(works.database, request="r")
    assert (found.fields["outcome"], found.fields["reason"]) == ("failed", "INTERNAL")
    assert (found.fields["changed"], found.detail.get("changes")) == ([], None)
    assert rows_in(works.database, "login_throttle") == before


def test_failed_operation_uses_the_number_that_its_first_try_took(fresh_works):
    works = fresh_works

    def change_what_no_commit_takes(work):
        _break_commit(work)

    with pytest.raises(DBAPIError):
        works.write(system_actor("r"), change_what_no_commit_takes)
    works.read(system_actor("r"), look)

    assert [one.fields["n"] for one in logged(works.database, request="r")] == [1, 2]


def test_closed_log_answers_nothing(settings):
    with opened(settings) as works:
        works.read(system_actor("r"), look)
        works.closing.close()

        if works.database.is_sqlite:
            with pytest.raises(NotRecorded, match="^the access log is closed: the server is stopping$"):
                works.read(system_actor("r"), look)


def together(body) -> None:
    """Run `body` in many threads that begin at once; an error of any is raised here."""
    gate = threading.Barrier(THREADS)
    errors = []

    def run():
        gate.wait()
        try:
            body()
        except Exception as error:  # noqa: BLE001  raised again below
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def _break_commit(work) -> None:
    """Leave a reference to nothing, which only the COMMIT looks at."""
    connection = session_of(work).connection()
    if connection.dialect.name == "sqlite":
        statements = [
            "PRAGMA defer_foreign_keys = ON",
            "INSERT INTO account (principal_id) VALUES (x'00')",
        ]
    else:
        statements = [
            "CREATE TEMPORARY TABLE mother (id int PRIMARY KEY)",
            "CREATE TEMPORARY TABLE child (id int REFERENCES mother DEFERRABLE INITIALLY DEFERRED)",
            "INSERT INTO child VALUES (1)",
        ]
    for statement in statements:
        connection.exec_driver_sql(statement)
