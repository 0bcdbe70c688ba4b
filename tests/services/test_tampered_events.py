"""Tampering with the access log is flagged where an auditor reads it."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import text

from dms.access.log.eventfilters import EventFilter
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.rules.accessevents import Outcome
from dms.services import accessevents
from dms.services.accessevents import Wanted
from dms.stores.engine import WRITE
from tests.factories import World, actor

EVERYTHING = Wanted(things=True, markings=True, detail=True)


@pytest.fixture
def tampered(fresh_house, caplog):
    """Changes a row past the triggers, and returns the event as an auditor then finds it."""
    world = World(fresh_house)
    auditor = world.officer("eve", role="auditor", rank=200)
    caplog.set_level(logging.ERROR, logger="dms.alarm")

    def changed(change: str, *, table="access_event"):
        thing = new_id()

        def make(work):
            work.changed(thing, before=1, after=2, old={}, new={"a": 1})
            return work.notes.event_id

        event = fresh_house.works.write(actor(auditor), make)
        key = event.bytes if fresh_house.database.is_sqlite else event
        with fresh_house.database.keeper.execution_options(**{WRITE: True}).begin() as connection:
            for line in _past_triggers(fresh_house, table):
                connection.execute(text(line))
            connection.execute(text(f"{change} WHERE event_id = :id"), {"id": key})
        asking = actor(auditor)
        view = fresh_house.works.read(asking, lambda work: accessevents.find(work, event, wanted=EVERYTHING))
        by_object = fresh_house.works.read(
            asking,
            lambda work: accessevents.page(
                work,
                PageRequest(5),
                found=EventFilter(object_id=thing),
                descending=True,
                wanted=Wanted(),
            ),
        )
        return view, [each.logged.event_id for each in by_object.rows]

    return changed


def _past_triggers(house, table):
    if house.database.is_sqlite:
        return [f"DROP TRIGGER tr_{table}_update", f"DROP TRIGGER tr_{table}_delete"]
    return [f"ALTER TABLE {table} DISABLE TRIGGER USER"]


def bytes_sql(house, value: str) -> str:
    return f"x'{value.encode().hex()}'" if house.database.is_sqlite else f"'\\x{value.encode().hex()}'::bytea"


@pytest.mark.parametrize("body", ['{"v":1}', "not json", "[]", '{"released":3}'])
def test_changed_body_is_flagged_with_an_alarm(tampered, fresh_house, caplog, body):
    view, _ = tampered(f"UPDATE access_event SET body = {bytes_sql(fresh_house, body)}")

    assert view.logged.fault.code == "event_body"
    assert (view.logged.body, view.detail) == (None, None)
    assert "event_damaged" in caplog.messages


def test_changed_column_is_flagged_although_the_body_is_whole(tampered, fresh_house, caplog):
    view, by_object = tampered("UPDATE access_event SET outcome = 'released', n_objects = 7")

    assert view.logged.fault.code == "event_columns"
    assert view.logged.body.head.outcome is Outcome.COMMITTED
    assert by_object == [view.logged.event_id]
    assert "event_damaged" in caplog.messages


def test_changed_detail_is_flagged_and_not_shown(tampered, fresh_house):
    change = f"UPDATE access_event_detail SET detail = {bytes_sql(fresh_house, '{}')}"
    view, _ = tampered(change, table="access_event_detail")

    assert (view.logged.fault.code, view.detail) == ("event_detail", None)


def test_redacted_detail_is_no_fault(tampered):
    view, _ = tampered("DELETE FROM access_event_detail", table="access_event_detail")

    assert (view.logged.fault, view.detail) == (None, None)
