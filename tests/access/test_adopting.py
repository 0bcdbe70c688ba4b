"""A log that was restored into another PostgreSQL cluster goes on in the next epoch."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from dms.access.log import adopting, sequencer
from dms.base.actor import system_actor
from dms.rules.accessevents import Op
from dms.stores.engine import WRITE
from tests.logged import logged

FAR = 2**40


def leave_event(house):
    house.works.read(system_actor("test"), lambda work: work.performs(Op.SERVER_READ))


def columns(house, query):
    with house.database.engine.connect() as connection:
        return connection.execute(text(query)).all()


@pytest.fixture
def restored(fresh_house):
    """An installation whose events come from a cluster that had given out far more transaction ids."""
    if fresh_house.database.is_sqlite:
        pytest.skip("only PostgreSQL orders by transaction ids")
    leave_event(fresh_house)
    sequencer.drain(fresh_house.database)
    with fresh_house.database.engine.execution_options(**{WRITE: True}).begin() as connection:
        connection.execute(text(f"ALTER TABLE access_event ALTER COLUMN xid SET DEFAULT '{FAR}'"))
    leave_event(fresh_house)
    with fresh_house.database.engine.execution_options(**{WRITE: True}).begin() as connection:
        connection.execute(text("ALTER TABLE access_event ALTER COLUMN xid SET DEFAULT pg_current_xact_id()"))
    return fresh_house


def test_events_of_another_cluster_show_and_wait(restored):
    assert adopting.is_displaced(restored.database)
    assert sequencer.advance(restored.database) == 0


def test_adopted_log_places_what_was_left_and_goes_on_behind_it(restored):
    before = sequencer.reached(restored.database).size

    assert adopting.adopt(restored.database) == 1
    assert not adopting.is_displaced(restored.database)
    leave_event(restored)
    sequencer.drain(restored.database)

    order = columns(
        restored,
        "SELECT e.epoch, e.xid::text::bigint FROM access_leaf l JOIN access_event e USING (event_id)"
        " ORDER BY l.leaf_index",
    )
    assert order[before] == (1, FAR)
    assert order[before + 1][0] == 2
    assert len(order) == len(logged(restored.database)) == before + 2


def test_installation_at_home_has_nothing_to_adopt(fresh_house):
    leave_event(fresh_house)
    sequencer.drain(fresh_house.database)

    assert not adopting.is_displaced(fresh_house.database)
