"""Nobody changes the access log: partitions, triggers and roles of PostgreSQL, the guard of SQLite."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from dms.stores.engine import WRITE


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
