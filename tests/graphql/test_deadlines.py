"""An operation that has used up its time is stopped where it is: nothing leaves, nothing is kept."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from dms.base.actor import system_actor
from dms.base.errors import Deadline
from dms.base.ids import new_id
from dms.graphql.execution import open_endpoint
from dms.stores.work import session_of
from tests.graphql.conftest import Probe, probe_schema

LATE = "the operation took longer than it may: ask for less at a time"
LIMIT_S = 0.2
TWIN = "INSERT INTO compartment (id, code, name, status, revision) SELECT :id, :code, 'n', 'active', 1 FROM"
SLACK_S = 2.0
"""The machine that tests may be busy."""


@pytest.fixture(scope="module")
def hurried(house, world):
    works = replace(house.works, deadline_s=LIMIT_S)
    endpoint = open_endpoint(house.settings, works, probe_schema())
    yield Probe(house, endpoint, world.user())
    endpoint.close()


def timed(probe, question):
    started = time.monotonic()
    reply = probe.ask(question)
    return reply, time.monotonic() - started


@pytest.mark.parametrize("field", ["endless", "many"])
def test_runaway_reading_is_stopped_at_the_deadline_and_recorded(hurried, field):
    reply, took_s = timed(hurried, f"{{ echo {field} }}")

    assert (reply.status, reply.codes, reply.messages) == (503, ["DEADLINE"], [LATE])
    assert (reply.body["data"], reply.headers["retry-after"]) == (None, "1")
    assert LIMIT_S <= took_s < LIMIT_S + SLACK_S
    (event,) = hurried.events(reply)
    assert (event["outcome"], event["reason"]) == ("refused", "deadline")


@pytest.mark.parametrize("compiled", [True, False])
def test_long_shaping_is_stopped_at_the_deadline(house, world, compiled):
    works = replace(house.works, deadline_s=LIMIT_S)
    settings = replace(house.settings, graphql_compiled=compiled)
    probe = Probe(house, open_endpoint(settings, works, probe_schema()), world.user())

    answers = [timed(probe, "{ slowLines { number } echo }") for _ in range(3)]  # compiled when seen again
    probe.endpoint.close()

    for reply, took_s in answers:
        assert (reply.status, reply.codes, reply.messages) == (503, ["DEADLINE"], [LATE])
        assert LIMIT_S <= took_s < LIMIT_S + SLACK_S  # all of them take 4 s


def test_runaway_writing_is_stopped_at_the_deadline_and_keeps_nothing(hurried):
    reply, took_s = timed(
        hurried,
        'mutation { a: compartmentPut(input: {code: "late-a"}) { code }'
        ' b: compartmentEndless(input: {code: "late-b"}) { code }'
        ' c: compartmentPut(input: {code: "late-c"}) { code } }',
    )

    assert (reply.status, reply.codes, reply.messages) == (503, ["DEADLINE"], [LATE])
    assert reply.body["data"] is None
    assert took_s < LIMIT_S + SLACK_S
    assert hurried.codes("late-") == []
    (event,) = hurried.events(reply)
    assert (event["outcome"], event["reason"]) == ("refused", "deadline")


def test_connection_of_a_late_operation_serves_the_next_one(hurried):
    hurried.ask("{ endless }")
    hurried.ask('mutation { compartmentEndless(input: {code: "late-d"}) { code } }')

    reply = hurried.ask('mutation { compartmentPut(input: {code: "intime-a"}) { code } }')

    assert reply.data == {"compartmentPut": {"code": "intime-a"}}
    assert hurried.codes("intime-") == ["intime-a"]


def test_error_after_a_wait_in_a_savepoint_keeps_its_name(house):
    """What must run again is known by it: a statement about the deadline may not come between."""
    waits = "(SELECT 1)" if house.database.is_sqlite else "(SELECT pg_sleep(0.3))"

    def twice(work):
        for _ in range(2):
            twin = new_id().bytes if house.database.is_sqlite else new_id()
            with work.savepoint():
                session_of(work).execute(text(f"{TWIN} {waits} AS waited"), {"id": twin, "code": "twin"})

    with pytest.raises(IntegrityError):
        replace(house.works, deadline_s=1.0, stops_late=True).write(system_actor("twin"), twice)


def test_going_back_to_a_savepoint_does_not_move_the_deadline(house):
    if house.database.is_sqlite:
        pytest.skip("SQLite is stopped by the program itself")

    def endless(work):
        session = session_of(work)
        session.execute(text("SELECT 1"))
        with suppress(ZeroDivisionError), work.savepoint():
            session.execute(text("SELECT pg_sleep(0.8)"))
            session.execute(text("SELECT 1"))
            raise ZeroDivisionError
        session.execute(text("SELECT pg_sleep(5)"))

    started = time.monotonic()
    with pytest.raises(Deadline):
        replace(house.works, deadline_s=1.6, stops_late=True).read(system_actor("late"), endless)
    assert time.monotonic() - started < 2.3


def test_connection_without_a_transaction_of_its_own_has_no_deadline(hurried):
    """The recorder of events takes its connections so."""
    assert hurried.ask("{ echo }").status == 200
    time.sleep(LIMIT_S + 0.05)
    count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "

    connection = hurried.house.database.engine.raw_connection()
    cursor = connection.cursor()
    cursor.execute(count + "SELECT count(*) FROM n")
    found = cursor.fetchone()[0]
    connection.close()

    assert found == 20_000


def test_job_is_not_stopped_in_the_midst_of_a_statement(house):
    works = replace(house.works, deadline_s=0.0, stops_late=False)

    def body(work):
        count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) "
        return session_of(work).execute(text(count + "SELECT count(*) FROM n")).scalar_one()

    assert works.read(system_actor("job"), body) == 50_000
