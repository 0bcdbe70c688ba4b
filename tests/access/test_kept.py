"""What is decided once is decided anew after any change, at any boundary, and on an older snapshot."""

from __future__ import annotations

import threading

import pytest

from dms.access import gate
from dms.access.kept import KEPT, Kept
from dms.base.clock import HOUR
from dms.base.paging import PageRequest
from dms.models.documents import Document
from dms.models.users import PrincipalKind
from dms.rules.access import Action, Effect, NodeKind
from dms.services import accesslists, clearances, memberships
from dms.services.accesslists import EntryDraft
from tests.factories import World, actor
from tests.statements import counted, forget_decisions

LIST = Action.READ_METADATA


@pytest.fixture
def desk(fresh_house):
    """A house of its own, a reader in a group that may read a folder, a Document in it, and an officer."""
    world = World(fresh_house)
    reader, officer = world.user(), world.officer()
    group = world.principal(PrincipalKind.GROUP)
    world.link(reader, group)
    folder = world.aggregation()
    entry = world.entry(group, folder, LIST)
    return fresh_house, world, reader, officer, group, folder, entry, world.document(folder)


def seen(house, user, *, later=0):
    """Ids of the list, and how many statements it took; `later` moves the clock of this reading."""

    def body(work):
        work.now += later
        return [row.id for row in gate.visible(work, Document, LIST).scan()]

    with counted(house) as statements:
        found = house.works.read(actor(user), body)
    return found, len(statements)


def test_warm_list_reads_one_revision_and_the_rows(desk):
    house, _, reader, *_, document = desk
    cold = seen(house, reader)

    warm = seen(house, reader)

    assert cold[0] == warm[0] == [document]
    assert warm[1] < cold[1]
    with counted(house) as statements:
        house.works.read(actor(reader), lambda work: list(gate.visible(work, Document, LIST).scan()))
    assert sum("policy_head" in statement for statement in statements) == 1
    assert [s for s in statements if "access_entry" in s or "principal" in s or "clearance" in s] == []


def test_switched_off_nothing_is_kept(desk):
    house, _, reader, *_ = desk
    house.works.equipment.pop(KEPT)

    assert seen(house, reader) == seen(house, reader)


def test_room_that_is_full_is_left_behind(desk):
    house, _, reader, *_, document = desk
    house.works.equipment[KEPT] = Kept(3)

    for _ in range(5):
        assert seen(house, reader)[0] == [document]

    assert house.works.equipment[KEPT]._memory.weight <= 3


@pytest.mark.parametrize("change", ["entry", "link", "clearance", "deny"])
def test_next_reading_after_a_change_is_decided_by_it(desk, change):
    house, _, reader, officer, group, folder, entry, document = desk
    assert seen(house, reader)[0] == [document]

    def body(work):
        match change:
            case "entry":
                accesslists.revoke(work, entry_id=entry, reason="over")
            case "link":
                memberships.member_remove(work, group_id=group, member_id=reader, reason="over")
            case "clearance":
                held = clearances.clearances(work, PageRequest(10), user_id=reader).rows[0]
                clearances.revoke(work, clearance_id=held.id, reason="over")
            case "deny":
                what = (NodeKind.AGGREGATION, folder, Action.DISCOVER, Effect.DENY)
                accesslists.grant(work, EntryDraft(reader, *what, None, None, "over"))

    house.works.write(actor(officer), body)

    assert seen(house, reader)[0] == []


def test_line_ends_and_begins_at_its_instant_without_any_change(desk):
    house, world, *_ = desk
    reader, folder = world.user(), world.aggregation()
    document = world.document(folder)
    now = house.works.clock()
    world.entry(reader, folder, LIST, since=now + HOUR, until=now + 2 * HOUR)

    found = [len(seen(house, reader, later=hours * HOUR)[0]) for hours in (0, 1, 1, 2, 0, 1)]

    assert found == [0, 1, 1, 0, 0, 1]
    assert document in seen(house, reader, later=HOUR)[0]


def test_reading_on_an_older_snapshot_keeps_its_own_answer_to_itself(desk):
    house, _, reader, officer, *_, entry, document = desk
    seen(house, reader)
    began, revoked = threading.Event(), threading.Event()
    answers = {}

    def old(work):
        assert len(list(gate.visible(work, Document, LIST).scan())) == 1
        began.set()
        assert revoked.wait(10)
        work.memory.pop("slices:memory")
        answers["old"] = [row.id for row in gate.visible(work, Document, LIST).scan()]

    thread = threading.Thread(target=lambda: house.works.read(actor(reader), old))
    thread.start()
    assert began.wait(10)
    house.works.write(actor(officer), lambda work: accesslists.revoke(work, entry_id=entry, reason="over"))
    answers["new"] = seen(house, reader)[0]
    revoked.set()
    thread.join()

    assert answers == {"new": [], "old": [document]}
    assert seen(house, reader)[0] == []


def test_writing_operation_leaves_nothing_behind(desk):
    house, _, reader, *_ = desk
    forget_decisions(house)

    house.works.write(actor(reader), lambda work: list(gate.visible(work, Document, LIST).scan()))

    assert house.works.equipment[KEPT]._memory is None
