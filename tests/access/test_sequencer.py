"""The sequencer gives every committed event one dense place, whoever does it and whenever it is killed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from dms.access.log import sequencer
from dms.models import accessevents
from dms.rules.access import Action
from dms.rules.tree import Frontier
from tests.factories import World, actor


@pytest.fixture
def place(fresh_house):
    world = World(fresh_house)
    return fresh_house, world, world.reader() if hasattr(world, "reader") else world.user()


def tables(house):
    return accessevents.tables(house.database.dialect)


def rows(house, table, *order):
    with house.database.engine.connect() as connection:
        return connection.execute(select(table).order_by(*order)).all()


def drain(house, limit=7):
    taken = []
    while sequencer.waits(house.database):
        if number := sequencer.advance(house.database, limit=limit):
            taken.append(number)
    return taken


def read_much(house, user, count):
    from dms.access import gate
    from dms.models.documents import Document

    for _ in range(count):
        house.works.read(actor(user), lambda work: gate.visible(work, Document, Action.DISCOVER).count())


def test_each_event_gets_one_place_and_the_tree_is_that_of_its_leaves(place):
    house, _, user = place
    read_much(house, user, 20)

    taken = drain(house)

    events = {row.event_id: row.leaf_hash for row in rows(house, tables(house).event)}
    leaves = rows(house, tables(house).leaf, tables(house).leaf.c.leaf_index)
    assert sum(taken) == len(events) == len(leaves)
    assert [row.leaf_index for row in leaves] == list(range(len(leaves)))
    assert {row.event_id: row.leaf_hash for row in leaves} == events
    expected = Frontier().extended(bytes.fromhex(row.leaf_hash) for row in leaves)
    found = sequencer.reached(house.database)
    assert (found.size, found.root) == (expected.size, expected.root)
    assert sequencer.advance(house.database) == 0


def test_several_at_once_leave_no_gap_and_take_nothing_twice(place):
    house, _, user = place
    stop = threading.Event()

    def sequence():
        while not stop.is_set():
            sequencer.advance(house.database, limit=3)

    with ThreadPoolExecutor(4) as threads:
        sequencing = [threads.submit(sequence) for _ in range(2)]
        reading = [threads.submit(read_much, house, user, 25) for _ in range(2)]
        for each in reading:
            each.result()
        stop.set()
        for each in sequencing:
            each.result()
    drain(house)

    leaves = rows(house, tables(house).leaf, tables(house).leaf.c.leaf_index)
    assert [row.leaf_index for row in leaves] == list(range(len(leaves)))
    assert {row.event_id for row in leaves} == {row.event_id for row in rows(house, tables(house).event)}
