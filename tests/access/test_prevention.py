"""Nobody changes the access log: partitions, triggers and roles of PostgreSQL, the guard of SQLite."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, ProgrammingError

from dms.access import gate
from dms.access.log import adopting, partitions, prevention, redaction, sequencer, signer
from dms.access.log.eventfilters import EventFilter
from dms.app import create_app
from dms.base.clock import from_iso
from dms.base.paging import PageRequest
from dms.house import open_house
from dms.jobs.caretaking import Caretaker
from dms.models.documents import Document
from dms.rules.access import Action
from dms.services import accessevents, logretention
from dms.services.accessevents import Wanted
from dms.stores.engine import WRITE, open_database
from tests.conftest import opened_house
from tests.factories import World, actor


@pytest.fixture(scope="module")
def sqlite_house(engine_kind, house):
    if engine_kind != "sqlite":
        pytest.skip("guards the embedded database")
    return house


@pytest.fixture(scope="module")
def postgres_house(engine_kind, house):
    if engine_kind != "postgresql":
        pytest.skip("partitions are PostgreSQL's")
    return house


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE access_event SET n = n",
        "DELETE FROM access_event",
        "DELETE FROM access_event_detail",
        "UPDATE access_event_detail SET salt = x''",
        "DELETE FROM access_leaf",
        "UPDATE access_leaf SET leaf_index = 7",
        "UPDATE sqlite_sequence SET seq = 0",
        "DELETE FROM sqlite_sequence",
        "INSERT INTO sqlite_sequence VALUES ('access_event', 9)",
        "DROP TRIGGER tr_access_event_delete",
        "DROP TABLE access_event",
        "DROP INDEX ix_access_event_at",
        "ALTER TABLE access_event RENAME TO elsewhere",
        "ALTER TABLE access_event ADD COLUMN more",
        "CREATE TABLE mine (a)",
        "CREATE VIEW mine AS SELECT 1",
        "CREATE TRIGGER mine BEFORE INSERT ON access_event BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TEMP TRIGGER mine BEFORE INSERT ON main.access_event BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TEMP TABLE access_event (seq)",
        "CREATE TEMP VIEW access_event AS SELECT 1",
        "ATTACH ':memory:' AS other",
        "PRAGMA recursive_triggers = OFF",
        "PRAGMA synchronous = OFF",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA secure_delete = OFF",
        "PRAGMA foreign_keys = OFF",
        "PRAGMA ignore_check_constraints = ON",
        "PRAGMA writable_schema = ON",
        "PRAGMA trusted_schema = ON",
        "PRAGMA optimize",
        "SELECT load_extension('mine')",
    ],
)
def test_guarded_connection_refuses(sqlite_house, statement):
    engine = sqlite_house.database.engine.execution_options(**{WRITE: True})

    with engine.connect() as connection, pytest.raises(DatabaseError, match="not authorized"):
        connection.execute(text(statement))


def test_guarded_connection_does_not_vacuum(sqlite_house):
    connection = sqlite_house.database.engine.raw_connection()

    with pytest.raises(Exception, match="authorization denied"):
        connection.execute("VACUUM")
    connection.close()


def test_guard_lets_through_what_operations_ask(sqlite_house):
    with sqlite_house.database.engine.connect() as connection:
        counting = "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 3)"
        asked = connection.execute(text(f"{counting} SELECT sum(v) FROM n")).scalar_one()
        listed = connection.execute(text("SELECT value FROM json_each('[1]')")).scalar_one()

    assert (asked, listed) == (6, 1)


TRIGGERS = """
SELECT c.relname, c.relkind::text, t.tgname, t.tgenabled::text, t.tgtype::integer
FROM pg_class c LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
AND (c.relname LIKE 'access\\_event%' OR c.relname IN ('access_leaf', 'access_log_head'))
"""
ROW, DELETE, UPDATE, TRUNCATE = 1, 8, 16, 32


def guards(house) -> dict[str, set[str]]:
    """What the triggers of each table of the log refuse whatever the session says."""
    found: dict[str, set[str]] = {}
    with house.database.engine.connect() as connection:
        for table, _, _, enabled, kind in connection.execute(text(TRIGGERS)):
            refused = found.setdefault(table, set())
            if enabled == "A":
                refused |= {"update", "delete"} if kind & ROW and kind & UPDATE and kind & DELETE else set()
                refused |= {"truncate"} if kind & TRUNCATE else set()
    return found


def test_every_table_of_the_log_and_every_month_refuses_all_changes_always(postgres_house):
    found = guards(postgres_house)

    assert len([table for table in found if table.startswith("access_event_")]) >= 2 * (1 + 4 + 1) + 1
    assert {table: each for table, each in found.items() if each != {"update", "delete", "truncate"}} == {}


PLACES = """
SELECT tableoid::regclass::text, lasting, to_char(to_timestamp(at / 1e6) AT TIME ZONE 'UTC', 'YYYYMM')
FROM access_event
"""


def test_events_lie_in_the_month_of_their_instant(postgres_house):
    with postgres_house.database.engine.connect() as connection:
        rows = connection.execute(text(PLACES)).all()

    assert rows
    for table, lasting, month in rows:
        assert table == f"access_event_{'lasting' if lasting else 'passing'}_{month}"


ROLES = tuple(prevention.ROLES)


class Separated:
    """An installation whose parts work under roles of their own."""

    def __init__(self, settings, house):
        self.owner = house
        self.prefix = "r" + urlsplit(settings.database_url).path.rpartition("/")[2][-30:]
        with psycopg.connect(settings.database_url) as connection:
            connection.execute("\n".join(prevention.statements(self.prefix)))
        self.settings = replace(
            settings,
            database_url=self.url("application"),
            log_reader_url=self.url("auditor"),
            log_keeper_url=self.url("retention"),
        )

    def url(self, role):
        parts = urlsplit(self.owner.settings.database_url)
        place = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{self.prefix}_{role}@{place}"))

    def database(self, role):
        return open_database(replace(self.owner.settings, database_url=self.url(role)))

    def forget(self):
        with self.owner.database.engine.begin() as connection:
            for role in ROLES:
                connection.exec_driver_sql(f"DROP OWNED BY {self.prefix}_{role}")
                connection.exec_driver_sql(f"DROP ROLE {self.prefix}_{role}")


@pytest.fixture(scope="module")
def separated(settings, postgres_house):
    made = Separated(settings, postgres_house)
    yield made
    made.forget()


@pytest.fixture(scope="module")
def as_role(separated):
    """Sends a statement under a role."""
    with ExitStack() as stack:
        opened = {role: separated.database(role) for role in ROLES}
        for database in opened.values():
            stack.callback(database.dispose)

        def sent(role, statement):
            engine = opened[role].engine.execution_options(isolation_level="READ COMMITTED")
            with engine.begin() as connection:
                connection.execute(text(statement))

        yield sent


FORBIDDEN = (
    "UPDATE {} SET event_id = event_id",
    "DELETE FROM {}",
    "TRUNCATE {}",
    "DROP TABLE {}",
    "ALTER TABLE {} DISABLE TRIGGER USER",
)
HEAD = ("DELETE FROM access_log_head", "TRUNCATE access_log_head", "DROP TABLE access_log_head")
REMOVING = (
    "SELECT access_log_mend()",
    "SELECT access_log_redact(gen_random_uuid())",
    "SELECT access_log_drop_month(gen_random_uuid())",
    "SELECT access_log_prune_details(gen_random_uuid(), gen_random_uuid(), 1)",
    "DROP FUNCTION access_log_redact(uuid)",
    "CREATE TEMPORARY TABLE access_event (a integer)",
    "CREATE TABLE mine (a integer)",
    "SET session_replication_role = replica",
)
NOT_FOR = {
    "application": (
        "SELECT * FROM access_event",
        "SELECT * FROM access_event_detail",
        "SELECT * FROM access_seen",
        "INSERT INTO access_leaf SELECT",
        "UPDATE access_log_head SET size = size + 1",
    ),
    "auditor": ("INSERT INTO access_event SELECT", "SELECT * FROM document", "SELECT * FROM blob_key"),
    "signer": (
        "SELECT * FROM access_event_detail",
        "SELECT * FROM document",
        "INSERT INTO access_event SELECT",
    ),
    "sequencer": ("SELECT * FROM access_event_detail", "SELECT * FROM document"),
    "retention": ("SELECT * FROM access_event", "SELECT * FROM log_pruning"),
}


@pytest.mark.parametrize("role", ROLES)
def test_role_cannot_do_more_than_it_must(as_role, role):
    tables = ("access_event", "access_event_detail", "access_leaf", "access_event_passing_other")
    refused = [each.format(table) for table in tables for each in FORBIDDEN]
    removing = [each for each in REMOVING if role != "retention" or "redact(gen" not in each]
    if role == "retention":
        removing = [each for each in removing if "drop_month" not in each and "prune_details" not in each]

    for statement in (*refused, *HEAD, *removing, *NOT_FOR[role]):
        with pytest.raises(ProgrammingError, match="permission denied|must be owner|permission to"):
            as_role(role, statement)


def test_retention_removes_nothing_that_nobody_has_approved(as_role):
    for statement in REMOVING[1:4]:
        with pytest.raises(DatabaseError, match="nobody has ordered this|there is no such approved pruning"):
            as_role("retention", statement)


def test_server_sequencer_signer_and_auditor_work_under_their_roles(separated):
    with ExitStack() as stack:
        house = open_house(separated.settings)
        stack.callback(house.close)
        world = World(house)
        auditor = world.officer(role="auditor")
        reader = world.user()
        house.works.read(actor(reader), lambda work: gate.visible(work, Document, Action.DISCOVER).count())
        sequencing, signing = separated.database("sequencer"), separated.database("signer")
        stack.callback(sequencing.dispose)
        stack.callback(signing.dispose)

        sequencer.drain(sequencing)
        while signer.sign(signing, house.log_place.shard(), house.log_place.signers()):
            pass
        asked = partial(
            accessevents.page,
            request=PageRequest(5),
            found=EventFilter(actor_id=reader),
            descending=True,
            wanted=Wanted(detail=True),
        )
        shown = house.works.read(actor(auditor), asked)

        assert [each.actor.id for each in shown.rows] == [reader]
        assert prevention.excess(house.database) == []
        assert partitions.prepare(house.database) == 0


def test_whole_server_stands_under_the_role_of_the_application(separated, caplog):
    house = open_house(replace(separated.settings, log_apart=True))
    app = create_app(house)

    async def serve():
        async with app.router.lifespan_context(app):
            Caretaker(house.works, house.log).look(is_sweep=True)
            client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1")
            async with client:
                return (await client.get("/readyz")).json()["checks"]

    checks = asyncio.run(serve())

    assert set(checks.values()) == {"ok"}
    assert not adopting.is_displaced(house.database)
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_custodians_redact_under_their_role(separated):
    house = open_house(separated.settings)
    world = World(house)
    custodian = world.officer(role="log_custodian")
    event = house.works.read(actor(custodian), lambda work: work.notes.event_id)

    house.works.write(
        actor(custodian), lambda work: logretention.order_redaction(work, event_id=event, reason="asked")
    )

    assert redaction.carry_out(house.database, event)
    house.close()


def test_role_that_may_do_everything_is_told(postgres_house):
    found = prevention.excess(postgres_house.database)

    assert {"delete access_event", "select access_event", "truncate access_leaf"} <= set(found)
    assert "insert access_event" not in found


def test_embedded_database_has_no_roles(sqlite_house):
    assert prevention.excess(sqlite_house.database) == []
    assert partitions.prepare(sqlite_house.database) == 0


def test_event_without_a_month_raises_an_alarm_and_mending_gives_it_one(fresh_settings, caplog):
    if fresh_settings.is_sqlite:
        pytest.skip("partitions are PostgreSQL's")
    with opened_house(fresh_settings, clock=lambda: from_iso("2031-05-05T00:00:00Z")) as house:
        partitions.prepare(house.database)
        told = [record.tables for record in caplog.records if record.message == "log_month_missing"]
        caplog.clear()

        moved = partitions.mend(house.database)
        partitions.prepare(house.database)

        with house.database.engine.connect() as connection:
            places = set(connection.execute(text(PLACES)).scalars())
        assert told == [["access_event_lasting_other"]]
        assert moved == 1
        assert places == {"access_event_lasting_203105"}
        assert [record for record in caplog.records if record.message == "log_month_missing"] == []
        assert {frozenset(each) for each in guards(house).values()} == {
            frozenset({"update", "delete", "truncate"})
        }
