"""Preparing nodes as people ask for it, and what the server does by itself."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import func, select

from dms.access import accessnodes as nodes
from dms.access import recount, scopes
from dms.base.actor import system_actor
from dms.base.clock import DAY
from dms.base.errors import Denied, NotFound
from dms.base.ids import new_id
from dms.jobs.caretaking import Caretaker
from dms.models.scopes import AccessScopeChange, NodeState
from dms.rules.access import Action, Effect, NodeKind
from dms.services import accesslists, accessnodes
from dms.stores.work import session_of
from tests.factories import World, actor
from tests.recorded import last_of

AGGREGATION = NodeKind.AGGREGATION


@pytest.fixture
def officer(world):
    return world.officer()


@pytest.fixture
def folder(world):
    made = world.aggregation()
    for _ in range(3):
        world.document(made)
    return made


def asked(house, user, use_case, node_id, kind=AGGREGATION):
    return house.works.write(actor(user), lambda work: use_case(work, kind, node_id=node_id))


def test_officer_prepares_a_node_and_sees_that_it_is_ready(house, officer, folder):
    assert asked(house, officer, accessnodes.state, folder) is None

    assert asked(house, officer, accessnodes.prepare, folder) is NodeState.READY

    assert last_of(house, officer)["op"] == "access.node_prepare"
    assert asked(house, officer, accessnodes.state, folder) is NodeState.READY


def test_document_is_always_ready(house, world, officer, folder):
    document = world.document(folder)

    assert asked(house, officer, accessnodes.state, document, NodeKind.DOCUMENT) is NodeState.READY


@pytest.mark.parametrize("use_case", [accessnodes.prepare, accessnodes.state])
def test_who_may_not_manage_the_list_is_denied_and_nothing_begins(house, world, officer, folder, use_case):
    reader = world.user()
    world.entry(world.user(), world.aggregation(), Action.EDIT)
    world.entry(reader, folder, Action.READ_METADATA)
    inner = world.aggregation(folder)

    with pytest.raises(Denied):
        asked(house, reader, use_case, inner)

    assert last_of(house, reader)["outcome"] == "refused"
    assert asked(house, officer, accessnodes.state, inner) is None


@pytest.mark.parametrize("use_case", [accessnodes.prepare, accessnodes.state])
def test_hidden_node_is_as_absent(house, world, folder, use_case):
    stranger = world.user()

    for node_id in (folder, new_id()):
        with pytest.raises(NotFound):
            asked(house, stranger, use_case, node_id)


def test_caretaker_fills_folds_and_lets_go(fresh_house, monkeypatch):
    world = World(fresh_house)
    monkeypatch.setattr(nodes, "AT_ONCE", 2)
    monkeypatch.setattr(scopes, "FOLD_AT", 1)
    upper = world.aggregation()
    for _ in range(5):
        world.document(upper)
    world.build(lambda work: nodes.prepare(work, AGGREGATION, upper))
    caretaker = Caretaker(fresh_house.works, fresh_house.log)

    caretaker.look(is_sweep=False)

    assert world.build(lambda work: nodes.state(work, upper)) is NodeState.READY
    caretaker.look(is_sweep=False)
    changes = select(func.count()).select_from(AccessScopeChange)
    assert world.build(lambda work: session_of(work).execute(changes).scalar_one()) == 0
    assert faults(fresh_house) == []
    monkeypatch.setattr(nodes, "AT_ONCE", 100)
    monkeypatch.setattr(nodes, "KEPT_FOR", -DAY)
    caretaker.look(is_sweep=True)
    assert world.build(lambda work: nodes.state(work, upper)) is None
    assert faults(fresh_house) == []


def test_caretaker_runs_beside_the_server_until_it_is_stopped(fresh_house, monkeypatch):
    world = World(fresh_house)
    monkeypatch.setattr(nodes, "AT_ONCE", 2)
    monkeypatch.setattr("dms.jobs.caretaking.LOOKS_EVERY_S", 0.01)
    upper = world.aggregation()
    for _ in range(3):
        world.document(upper)
    world.build(lambda work: nodes.prepare(work, AGGREGATION, upper))
    caretaker = Caretaker(fresh_house.works, fresh_house.log)
    filled = threading.Event()

    caretaker.start()
    for _ in range(1_000):
        if world.build(lambda work: nodes.state(work, upper)) is NodeState.READY:
            filled.set()
            break
    caretaker.stop()

    assert filled.is_set()
    assert not caretaker._thread.is_alive()


def test_grant_begins_again_under_the_lock_that_a_first_entry_needs(house, world, officer, folder):
    draft = accesslists.EntryDraft(
        world.user(), AGGREGATION, folder, Action.EDIT, Effect.ALLOW, None, None, "first"
    )
    tries = []

    def body(work):
        tries.append(None if work.locks is None else sorted(work.locks))
        return accesslists.grant(work, draft)

    house.works.write(actor(officer), body, locks=("policy_head",))

    expected = [None] if house.database.is_sqlite else [["policy_head"], ["access_node", "policy_head"]]
    assert tries == expected


def faults(house):
    def body(work):
        return [
            *recount.nodes(work)[1],
            *recount.places(work, after=None, limit=1_000)[2],
            *recount.counters(work)[1],
        ]

    return house.works.read(system_actor("test"), body)
