"""Changes of marks as they are listed: the history of each thing, and what waits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dms.access import marks
from dms.base.paging import PageRequest
from dms.models.documents import Medium
from dms.rules.access import Action
from dms.rules.security import Mark
from dms.rules.states import ChangeState
from dms.services import documents, securitychanges
from dms.services.documents import NewDocument
from tests.factories import actor
from tests.recorded import last_of
from tests.services.marking import HIGH, LOW, approve, changes, set_mark


@pytest.fixture(scope="module")
def fonds(world):
    world.level(200)
    return world.aggregation()


@pytest.fixture(scope="module")
def archivist(world, fonds):
    return world.holder(fonds, Action.MARK, Action.DOWNGRADE, rank=200)


@pytest.fixture(scope="module")
def approver(world, fonds):
    return world.holder(fonds, Action.APPROVE, Action.DOWNGRADE, rank=200)


@pytest.fixture(scope="module")
def reader(world, fonds):
    return world.holder(fonds, Action.READ_METADATA, rank=200)


@pytest.fixture
def secret(world, fonds):
    return world.document(fonds, mark=Mark(200))


def test_changes_are_listed_by_the_state_that_they_have_now(house, archivist, secret):
    change = set_mark(house, archivist, secret, LOW)
    later = replace(house.works, clock=lambda: change.expires_at)

    def listed(works, which):
        return works.read(
            actor(archivist),
            lambda work: [
                row.id
                for row in securitychanges.changes(work, PageRequest(100), object_id=secret, state=which).rows
            ],
        )

    assert listed(house.works, ChangeState.PROPOSED) == [change.id]
    assert listed(house.works, ChangeState.EXPIRED) == []
    assert listed(later, ChangeState.PROPOSED) == []
    assert listed(later, ChangeState.EXPIRED) == [change.id]


def test_history_of_marks_holds_the_first_one_the_raises_and_the_lowerings(
    house, world, fonds, archivist, approver
):
    world.entry(archivist, fonds, Action.FILE)
    new = NewDocument(aggregation_id=fonds, title="Plan", medium=Medium.PHYSICAL, mark=LOW)
    document = house.works.write(actor(archivist), lambda work: documents.register(work, new))
    set_mark(house, archivist, document, HIGH)
    lowering = set_mark(house, archivist, document, LOW, revision=2)
    approve(house, approver, lowering.id)

    def body(work):
        rows = securitychanges.changes(work, PageRequest(10), object_id=document, state=None).rows
        return [
            (row.from_id and marks.mark_of(work, row.from_id).rank, marks.mark_of(work, row.to_id).rank)
            for row in rows
        ]

    assert house.works.read(actor(approver), body) == [(200, 100), (100, 200), (None, 100)]


def test_changes_show_only_for_things_that_one_may_read(house, world, archivist, reader, secret):
    change = set_mark(house, archivist, secret, LOW)
    stranger, discoverer = world.user(rank=200), world.user(rank=200)
    world.entry_on_document(discoverer, secret, Action.DISCOVER)

    assert changes(house, reader, object_id=secret) == [(change.id, ChangeState.PROPOSED)]
    assert changes(house, stranger, object_id=secret) == []
    assert changes(house, discoverer, object_id=secret) == []
    assert changes(house, stranger) == []


def test_listing_changes_pages_and_counts_only_what_shows(house, world, archivist):
    fonds, other = world.aggregation(), world.aggregation()
    lister = world.holder(fonds, Action.READ_METADATA, rank=200)
    for place in (fonds, other):
        for action in (Action.MARK, Action.DOWNGRADE):
            world.entry(archivist, place, action)
    made = [set_mark(house, archivist, world.document(fonds), HIGH).id for _ in range(5)]
    for _ in range(3):
        set_mark(house, archivist, world.document(other), HIGH)

    def body(work):
        first = securitychanges.changes(work, PageRequest(2, want_total=True))
        rest = securitychanges.changes(work, PageRequest(10, after=first.positions[-1]))
        return [row.id for row in (*first.rows, *rest.rows)], first.total, first.has_next, rest.has_next

    assert house.works.read(actor(lister), body) == (made[::-1], 5, True, False)
    assert last_of(house, lister)["withheld"] == 0


def test_list_of_changes_records_the_objects_that_it_shows(house, archivist, reader, secret):
    change = set_mark(house, archivist, secret, LOW)

    changes(house, reader, object_id=secret)

    released = last_of(house, reader)["released"]["metadata"]
    ids = {item[0] for group in released.values() for item in group}
    assert ids == {secret.hex, change.id.hex}
