"""Access nodes come and go without changing any decision, in one piece or in many."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from dms.access import accessnodes, gate, recount, scopes
from dms.base.actor import system_actor
from dms.base.clock import DAY
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.scopes import AccessNode, AccessScope, AccessScopeChange, NodeState
from dms.rules.access import Action, NodeKind
from dms.services import accesslists
from dms.services import accessnodes as caring
from dms.stores.work import session_of
from tests.factories import World, actor


@pytest.fixture
def place(fresh_house):
    """A house of its own, a reader of one folder, and below that folder another with five Documents."""
    world = World(fresh_house)
    return fresh_house, world, *world.at_once(_folders)


def _folders(world):
    reader = world.user()
    upper = world.aggregation()
    world.entry(reader, upper, Action.READ_METADATA)
    lower = world.aggregation(upper)
    documents = [world.document(lower) for _ in range(5)]
    return reader, upper, lower, documents


def faults(house):
    def body(work):
        return [
            *recount.nodes(work)[1],
            *recount.places(work, after=None, limit=1_000)[2],
            *recount.counters(work)[1],
        ]

    return house.works.read(system_actor("test"), body)


def seen(house, user, model=Document):
    def body(work):
        reading = gate.visible(work, model, Action.READ_METADATA)
        return {row.id for row in reading.scan()}, reading.count()

    found, count = house.works.read(actor(user), body)
    assert count == len(found)
    return found


def test_node_is_ready_at_once_with_few_things_below(place):
    house, world, reader, _, lower, documents = place

    state = world.build(lambda work: accessnodes.prepare(work, NodeKind.AGGREGATION, lower))

    assert state is NodeState.READY
    assert seen(house, reader) == set(documents)
    assert faults(house) == []


def test_many_things_move_in_pieces_and_nothing_shows_otherwise_meanwhile(place, monkeypatch):
    house, world, reader, _, lower, documents = place
    monkeypatch.setattr(accessnodes, "AT_ONCE", 2)

    states = [world.build(lambda work: accessnodes.prepare(work, NodeKind.AGGREGATION, lower))]
    while states[-1] is NodeState.FILLING:
        states.append(world.build(lambda work: accessnodes.fill(work, lower, limit=2)))
        assert seen(house, reader) == set(documents)
        assert faults(house) == []

    assert len(states) == 4


def test_entry_on_a_node_that_is_not_ready_is_refused_and_nothing_is_written(place, monkeypatch):
    house, world, _, _, lower, _ = place
    officer = world.officer()
    monkeypatch.setattr(accessnodes, "AT_ONCE", 2)
    draft = accesslists.EntryDraft(
        principal_id=world.user(),
        node_kind=NodeKind.AGGREGATION,
        node_id=lower,
        action=Action.EDIT,
        effect="allow",
        valid_from=None,
        valid_until=None,
        reason="a first entry",
    )

    with pytest.raises(accesslists.State, match="accessNodePrepare"):
        house.works.write(actor(officer), lambda work: accesslists.grant(work, draft))

    assert world.build(lambda work: accessnodes.state(work, lower)) is None


def test_document_registered_below_a_node_that_is_being_filled_is_in_its_scope(place, monkeypatch):
    house, world, reader, _, lower, documents = place
    monkeypatch.setattr(accessnodes, "AT_ONCE", 2)
    world.build(lambda work: accessnodes.prepare(work, NodeKind.AGGREGATION, lower))

    late = world.document(lower)

    assert seen(house, reader) == {*documents, late}
    assert world.build(lambda work: len(accessnodes.waiting(work, lower, limit=100))) == 6
    assert faults(house) == []


def test_caretaker_fills_what_waits_and_goes_on_after_being_stopped(place, monkeypatch):
    house, world, _, _, lower, _ = place
    monkeypatch.setattr(accessnodes, "AT_ONCE", 2)
    monkeypatch.setattr(caring, "PIECE", 2)
    world.build(lambda work: accessnodes.prepare(work, NodeKind.AGGREGATION, lower))
    stops = iter([False, False, True])

    caring.fill(house.works, system_actor("test"), is_stopped=lambda: next(stops))
    half = world.build(lambda work: accessnodes.state(work, lower))
    caring.fill(house.works, system_actor("test"), is_stopped=lambda: False)

    assert half is NodeState.FILLING
    assert world.build(lambda work: accessnodes.state(work, lower)) is NodeState.READY


def test_class_becomes_a_node_with_documents_and_aggregations_of_the_classes_below(place):
    house, world, reader, _, lower, documents = place
    upper_class = world.record_class()
    inner_class = world.record_class(upper_class)
    classed = world.document(lower, record_class_id=inner_class)
    folder = world.aggregation(record_class_id=inner_class)

    world.entry(reader, upper_class, Action.READ_METADATA, kind=NodeKind.CLASS)

    assert seen(house, reader) == {*documents, classed}
    assert folder in seen(house, reader, Aggregation)
    assert faults(house) == []


def test_rearranged_node_takes_what_is_below_out_of_the_old_chain(place):
    house, world, reader, upper, lower, documents = place
    inner = world.aggregation(lower)
    world.entry(world.user(), inner, Action.EDIT)
    deep = world.document(inner)
    elsewhere = world.aggregation()

    def move(work, parent):
        row = session_of(work).get(Aggregation, lower)
        accessnodes.prepare(work, NodeKind.AGGREGATION, lower)
        row.parent_id = parent
        accessnodes.rearranged(work, row)

    world.build(lambda work: move(work, elsewhere))
    assert seen(house, reader) == set()
    assert faults(house) == []
    world.build(lambda work: move(work, upper))
    assert seen(house, reader) == {*documents, deep}
    assert faults(house) == []


def test_idle_node_is_let_go_after_thirty_days_and_nothing_shows_otherwise(place):
    house, world, reader, upper, lower, documents = place
    world.build(lambda work: accessnodes.prepare(work, NodeKind.AGGREGATION, lower))
    below = world.aggregation(lower)
    world.entry(reader, below, Action.EDIT)

    def later(work):
        work.now += 31 * DAY
        return accessnodes.idle(work), [accessnodes.merge(work, node) for node in (lower, upper)]

    idle, merged = world.build(later)

    assert (idle, merged) == ([lower], [True, False])
    assert seen(house, reader) == set(documents)
    assert faults(house) == []
    assert world.build(lambda work: accessnodes.state(work, lower)) is None


def test_number_of_a_scope_that_went_with_its_node_is_never_used_again(place):
    house, world, reader, _, lower, documents = place
    world.build(lambda work: accessnodes.prepare(work, NodeKind.AGGREGATION, lower))
    before = world.build(scope_numbers)

    def merge(work):
        work.now += 31 * DAY
        return accessnodes.merge(work, lower)

    assert world.build(merge)
    gone = before - world.build(scope_numbers)
    other = world.aggregation()
    world.entry(reader, other, Action.READ_METADATA)
    late = world.document(other)

    assert gone
    assert world.build(scope_numbers).isdisjoint(gone)
    assert seen(house, reader) == {*documents, late}


def test_node_whose_last_entry_went_lately_stays(place):
    house, world, _, _, lower, _ = place
    officer = world.officer()
    entry = world.entry(world.user(), lower, Action.EDIT)
    house.works.write(actor(officer), lambda work: accesslists.revoke(work, entry_id=entry, reason="over"))

    def later(work, days):
        work.now += days * DAY
        return lower in accessnodes.idle(work)

    assert [world.build(lambda work, at=days: later(work, at)) for days in (29, 31)] == [False, True]


def test_folding_leaves_every_count_as_it_was(place):
    house, world, reader, _, _, documents = place

    folded = scopes.fold(house.database)

    assert folded > 0
    assert world.build(lambda work: list(session_of(work).execute(select(AccessScopeChange)))) == []
    assert seen(house, reader) == set(documents)
    assert faults(house) == []
    assert scopes.fold(house.database) == 0


def test_recount_finds_each_kind_of_damage(place):
    house, world, _, upper, lower, documents = place
    assert faults(house) == []
    world.entry_on_document(world.user(), documents[0], Action.EDIT)
    scopes.fold(house.database)

    def damage(work):
        session = session_of(work)
        session.execute(update(Document).where(Document.id == documents[0]).values(has_own_entries=False))
        other = world_scope(work, upper)
        session.execute(update(Document).where(Document.id == documents[1]).values(scope_id=other))
        session.execute(update(AccessNode).where(AccessNode.node_id == upper).values(state="filling"))
        top = scopes.roof(work).repository_node
        session.execute(update(Aggregation).where(Aggregation.id == lower).values(access_node_id=top))

    world.build(damage)

    assert {fault.code for fault in faults(house)} == {
        "access_node_nearest",
        "entry_without_node",
        "own_entries",
        "scope_counter",
        "scope_misplaced",
    }


def test_below_a_node_being_filled_only_the_scope_of_the_one_that_it_takes_over_from_agrees(
    place, monkeypatch
):
    house, world, _, upper, lower, documents = place
    monkeypatch.setattr(accessnodes, "AT_ONCE", 2)
    world.build(lambda work: accessnodes.prepare(work, NodeKind.AGGREGATION, lower))
    assert faults(house) == []

    def misplace(work):
        other = world_scope(work, upper)
        session_of(work).execute(update(Document).where(Document.id == documents[0]).values(scope_id=other))

    world.build(misplace)

    assert [fault.subject for fault in faults(house) if fault.code == "scope_misplaced"] == [
        f"document:{documents[0]}"
    ]


def scope_numbers(work):
    return set(session_of(work).execute(select(AccessScope.id)).scalars())


def world_scope(work, upper):
    """A scope that nothing below `upper` is in."""
    roof = scopes.roof(work)
    security_id = session_of(work).get(Aggregation, upper).security_id
    triple = scopes.Triple(roof.repository_node, roof.scheme_node, security_id)
    return scopes.intern(work, [triple])[triple]
