"""What was written into the access log and the access lists stays, whatever SQL is sent.

The log's own statements go past the guard of SQLite's connections here: the triggers alone must hold.
"""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dms.access.log import sequencer
from dms.rules.access import Action
from dms.stores.engine import WRITE
from tests.factories import FOREVER

LOG = ["access_event", "access_event_detail", "access_leaf"]


@pytest.fixture
def send(house):
    """Sends one statement in a transaction of its own and returns how many rows it hit."""

    def sent(statement: str, *before: str, **values) -> int:
        engine = house.database.keeper.execution_options(**{WRITE: True})
        with engine.begin() as connection:
            for line in before:
                connection.execute(text(line))
            return connection.execute(text(statement), values).rowcount

    return sent


@pytest.fixture(scope="module", autouse=True)
def sequenced(house):
    """Leaves over the first events."""
    sequencer.drain(house.database)


@pytest.fixture
def rows(house):
    """Returns all rows of a table, as the driver gives them."""

    def read(table: str) -> list[tuple]:
        with house.database.engine.connect() as connection:
            return connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2, 3")).fetchall()

    return read


@pytest.fixture
def entry(house, world):
    """An open access entry, as its table knows it."""
    made = world.entry(world.user(), world.aggregation(), Action.READ_METADATA, until=FOREVER)
    return made.bytes if house.database.is_sqlite else made


@pytest.mark.parametrize("table", LOG)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET event_id = event_id",
        "DELETE FROM {}",
        "DELETE FROM {} WHERE event_id = (SELECT min(event_id::text)::uuid FROM {})",
    ],
)
def test_event_is_neither_changed_nor_deleted(send, rows, house, table, statement):
    if house.database.is_sqlite:
        statement = statement.replace("min(event_id::text)::uuid", "min(event_id)")
    before = rows(table)

    with pytest.raises(DBAPIError, match=f"{table} is append-only"):
        send(statement.format(table, table))

    assert before
    assert rows(table) == before


@pytest.mark.parametrize("table", LOG)
def test_replacing_an_event_of_the_same_id_is_refused(send, rows, house, table):
    if not house.database.is_sqlite:
        pytest.skip("only SQLite has INSERT OR REPLACE")
    before = rows(table)

    with pytest.raises(DBAPIError, match=f"{table} is append-only"):
        send(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")

    assert rows(table) == before


@pytest.mark.parametrize("table", [*LOG, "access_entry"])
def test_table_is_not_truncated_in_replica_mode_either(send, rows, house, table):
    if house.database.is_sqlite:
        pytest.skip("SQLite has no TRUNCATE")
    before = rows(table)

    for mode in ("origin", "replica"):
        with pytest.raises(DBAPIError, match=f"{table} is append-only"):
            send(f"TRUNCATE {table} CASCADE", f"SET LOCAL session_replication_role = {mode}")

    assert rows(table) == before


def test_row_triggers_do_not_sleep_in_replica_mode(send, house):
    if house.database.is_sqlite:
        pytest.skip("SQLite has no replica mode")

    with pytest.raises(DBAPIError, match="access_event is append-only"):
        send("DELETE FROM access_event", "SET LOCAL session_replication_role = replica")


def test_nothing_of_a_month_is_changed_or_emptied_directly_either(send, rows, house):
    if house.database.is_sqlite:
        pytest.skip("SQLite has no partitions")
    before = rows("access_event")
    with house.database.engine.connect() as connection:
        places = connection.execute(text("SELECT tableoid::regclass::text FROM access_event")).scalars()
        place = next(place for place in places if place.endswith(tuple("0123456789")))

    for statement in ("TRUNCATE {}", "DELETE FROM {}", "UPDATE {} SET n = n"):
        with pytest.raises(DBAPIError, match="access_event is append-only"):
            send(statement.format(place), "SET LOCAL session_replication_role = replica")

    assert rows("access_event") == before


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ("UPDATE access_log_head SET size = size - 1", "only grows"),
        ("UPDATE access_log_head SET minimum_index = minimum_index - 1", "only grows"),
        ("UPDATE access_log_head SET minimum_index = size + 1", "only grows"),
        ("UPDATE access_log_head SET id = 2", "only grows"),
        ("DELETE FROM access_log_head", "is append-only|only grows"),
    ],
)
def test_head_of_the_log_never_goes_back(send, rows, change, refused):
    before = rows("access_log_head")

    with pytest.raises(DBAPIError, match=f"access_log_head ({refused})"):
        send(change)

    assert rows("access_log_head") == before


def test_entry_is_revoked_once(send, entry):
    revoke = "UPDATE access_entry SET revision_to = 9, revoked_at = 1, revoke_reason = 'r' WHERE id = :id"

    assert send(revoke, id=entry) == 1
    with pytest.raises(DBAPIError, match="access_entry is append-only"):
        send(revoke, id=entry)
    with pytest.raises(DBAPIError, match="access_entry is append-only"):
        send("UPDATE access_entry SET revision_to = NULL WHERE id = :id", id=entry)


@pytest.mark.parametrize(
    "change",
    [
        "effect = 'deny'",
        "action = 'EXPORT'",
        "valid_until = 5",
        "reason = 'another'",
        "revoke_reason = 'half'",
        "revision_to = 9, action = 'EXPORT'",
        "revision_to = 9, valid_from = 1",
        "revision_to = 9, granted_at = granted_at + 1",
    ],
)
def test_nothing_else_of_an_entry_changes(send, rows, entry, change):
    before = rows("access_entry")

    with pytest.raises(DBAPIError, match="access_entry is append-only"):
        send(f"UPDATE access_entry SET {change} WHERE id = :id", id=entry)

    assert rows("access_entry") == before


def test_revoking_may_change_no_column_but_its_own(house):
    if not house.database.is_sqlite:
        pytest.skip("on PostgreSQL the trigger compares whole rows")
    with house.database.engine.connect() as connection:
        columns = {row[1] for row in connection.execute(text("PRAGMA table_info(access_entry)"))}
        trigger = connection.execute(
            text("SELECT sql FROM sqlite_master WHERE name = 'tr_access_entry_update'")
        ).scalar_one()

    kept = {column for column in columns if f"NEW.{column} IS OLD.{column}" in trigger}

    assert columns - kept == {"revoked_by", "revoked_at", "revoke_reason", "revision_to"}


def test_entry_is_never_deleted(send, rows, entry):
    before = rows("access_entry")

    with pytest.raises(DBAPIError, match="access_entry is append-only"):
        send("DELETE FROM access_entry WHERE id = :id", id=entry)

    assert rows("access_entry") == before
