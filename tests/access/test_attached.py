"""Rows that show through the object they name, and nodes that anybody must be left to manage."""

from __future__ import annotations

import logging

import pytest

from dms.access import gate, nodes
from dms.base.actor import system_actor
from dms.base.clock import DAY, system_clock
from dms.base.errors import NotFound
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.accesslists import AccessEntry, EntryKind
from dms.models.users import EVERYONE_ID, Principal, PrincipalKind, PrincipalStatus
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.security import Mark
from dms.stores import facts
from dms.stores.work import session_of
from tests.factories import World, actor
from tests.recorded import last_of


def attached(work, action=Action.READ_METADATA):
    return gate.attached(work, AccessEntry, owner=AccessEntry.node_id, action=action)


def page(house, who, principal, size=10, **request):
    def body(work):
        found = (
            attached(work)
            .where(AccessEntry.principal_id == principal)
            .page(PageRequest(size, want_total=True, **request))
        )
        return [row.id for row in found.rows], found.total, found.has_next, found.positions

    return house.works.read(actor(who), body)


@pytest.fixture
def somebody(world):
    """A principal whose entries the tests list; he asks for nothing himself."""
    return world.principal(PrincipalKind.GROUP)


def test_rows_show_with_their_document_or_aggregation_only(house, world, somebody):
    reader, shown, hidden = world.user(), world.aggregation(), world.aggregation()
    world.entry(reader, shown, Action.READ_METADATA)
    document = world.document(shown)
    visible = [
        world.entry(somebody, shown, Action.EDIT),
        world.entry_on_document(somebody, document, Action.EDIT),
    ]
    world.entry(somebody, hidden, Action.EDIT)
    world.entry_on_document(somebody, world.document(shown, mark=Mark(200)), Action.EDIT)

    ids, total, has_next, _ = page(house, reader, somebody)

    assert (ids, total, has_next) == (visible, 2, False)


def test_pages_are_full_and_join_without_gap(house, world, somebody):
    reader, shown, hidden = world.user(), world.aggregation(), world.aggregation()
    world.entry(reader, shown, Action.READ_METADATA)
    made = []
    for action in (Action.EDIT, Action.FILE, Action.LEND):
        made.append(world.entry(somebody, shown, action))
        world.entry(somebody, hidden, action)

    first, _, more, positions = page(house, reader, somebody, 2)
    rest, _, end, _ = page(house, reader, somebody, 2, after=positions[-1])

    assert (first + rest, more, end) == (made, True, False)


def test_event_names_the_objects_of_the_page_and_no_other(house, world, somebody):
    reader, one, other = world.user(), world.aggregation(), world.aggregation()
    for place in (one, other):
        world.entry(reader, place, Action.READ_METADATA)
        world.entry(somebody, place, Action.EDIT)

    (entry,), *_ = page(house, reader, somebody, 1)

    event = last_of(house, reader)
    released = {
        item[0] for groups in event["released"].values() for group in groups.values() for item in group
    }
    assert released == {entry.hex, one.hex}
    assert event["withheld"] == 0


def test_single_row_of_a_hidden_object_is_absent(house, world, somebody):
    stranger, place = world.user(), world.aggregation()
    entry = world.entry(somebody, place, Action.EDIT)

    for asked in (entry, new_id()):
        with pytest.raises(NotFound, match="^not found$"):
            house.works.read(actor(stranger), lambda work, asked=asked: attached(work).one(asked))
    assert last_of(house, stranger)["outcome"] == "refused"


def test_open_node_needs_no_decision(house, world, somebody):
    stranger, place = world.user(), world.aggregation()
    entry = world.entry(somebody, place, Action.EDIT)

    def body(work):
        reading = gate.attached(
            work,
            AccessEntry,
            owner=AccessEntry.node_id,
            action=Action.DISCOVER,
            open_nodes=frozenset({place}),
        )
        return reading.one(entry).id

    assert house.works.read(actor(stranger), body) == entry


def pages(house, who, groups, size, **request):
    """The first page of the entries of each of these people: ids, total, whether there is more."""

    def body(work):
        asked = PageRequest(size, want_total=True, **request)
        found = attached(work).pages(AccessEntry.principal_id, groups, request=asked)
        return {
            key: ([row.id for row in each.rows], each.total, each.has_next) for key, each in found.items()
        }

    return house.works.read(actor(who), body)


def test_first_pages_of_several_groups_are_what_each_would_be_alone(house, world):
    reader, shown, hidden = world.user(), world.aggregation(), world.aggregation()
    world.entry(reader, shown, Action.READ_METADATA)
    many, one, none = (world.principal(PrincipalKind.GROUP) for _ in range(3))
    made = [world.entry(many, shown, action) for action in (Action.EDIT, Action.FILE, Action.LEND)]
    (only,) = [world.entry(one, shown, Action.EDIT)]
    for group in (many, one, none):
        world.entry(group, hidden, Action.EDIT)

    found = pages(house, reader, [many, one, none], 2)

    assert found == {many: (made[:2], 3, True), one: ([only], 1, False), none: ([], 0, False)}
    assert found[many] == page(house, reader, many, 2)[:3]
    assert pages(house, reader, [many], 2, backward=True)[many][0] == made[1:]
    assert pages(house, reader, [], 2) == {}


def smuggle(work, reader, place):
    """Write a line past `revisions.advance`: SQL knows of it, the lines in hand do not."""
    work.add(
        AccessEntry(
            id=new_id(),
            principal_id=reader,
            node_kind=NodeKind.AGGREGATION,
            node_id=place,
            action=Action.READ_METADATA,
            effect=Effect.ALLOW,
            valid_from=0,
            reason="smuggled",
            granted_at=work.now,
            kind=EntryKind.ORDINARY,
            revision_from=1,
        )
    )


def test_row_of_one_group_that_casbin_refuses_is_withheld_and_raises_an_alarm(house, world, caplog):
    reader, place, shown = world.user(), world.aggregation(), world.aggregation()
    world.entry(reader, shown, Action.READ_METADATA)
    group, other = (world.principal(PrincipalKind.GROUP) for _ in range(2))
    hidden = world.entry(group, place, Action.EDIT)
    kept = [world.entry(each, shown, Action.EDIT) for each in (group, other)]

    def body(work):
        with pytest.raises(NotFound):
            attached(work).one(hidden)  # the operation has read the list of the place by now
        smuggle(work, reader, place)
        found = attached(work).pages(AccessEntry.principal_id, [group, other], request=PageRequest(1))
        return [[row.id for row in found[key].rows] for key in (group, other)]

    with caplog.at_level(logging.ERROR, logger="dms.alarm"):
        found = house.works.write(actor(reader), body)

    assert found == [[kept[0]], [kept[1]]]
    assert [record.message for record in caplog.records] == ["rows_withheld"]
    assert last_of(house, reader)["withheld"] == 1


def test_row_that_casbin_refuses_is_withheld_and_raises_an_alarm(house, world, somebody, caplog):
    reader, place = world.user(), world.aggregation()
    entry = world.entry(somebody, place, Action.EDIT)

    def body(work):
        with pytest.raises(NotFound):
            attached(work).one(entry)  # the operation has read the list of the place by now
        smuggle(work, reader, place)
        return attached(work).where(AccessEntry.principal_id == somebody).page(PageRequest(5)).rows

    with caplog.at_level(logging.ERROR, logger="dms.alarm"):
        rows = house.works.write(actor(reader), body)

    assert rows == []
    assert [record.message for record in caplog.records] == ["rows_withheld"]
    assert last_of(house, reader)["withheld"] == 1


def has_manager(house, place, *, at=0):
    def body(work):
        node = nodes.planned(
            work, NodeKind.AGGREGATION, place, aggregation_id=place, class_id=None, mark=Mark(100)
        )
        return nodes.has_manager(work, node, at=at)

    return house.works.read(system_actor("test"), body)


@pytest.fixture
def lone(fresh_house):
    """An installation without officers, and a node in it."""
    world = World(fresh_house)
    return fresh_house, world, world.aggregation()


def test_node_without_any_manager_is_found_out(lone):
    house, world, place = lone
    world.user()

    assert not has_manager(house, place)


def test_manager_through_nested_groups_counts(lone):
    house, world, place = lone
    user, inner, outer = (
        world.user(),
        world.principal(PrincipalKind.GROUP),
        world.principal(PrincipalKind.GROUP),
    )
    world.link(user, inner)
    world.link(inner, outer)
    world.entry(outer, place, Action.MANAGE_ACCESS)

    assert has_manager(house, place)


def test_everyone_may_be_the_manager(lone):
    house, world, place = lone
    world.user()
    world.entry(EVERYONE_ID, place, Action.MANAGE_ACCESS)

    assert has_manager(house, place)


def test_manager_whose_clearance_does_not_reach_the_node_does_not_count(lone):
    house, world, place = lone
    world.entry(world.user(rank=None), place, Action.MANAGE_ACCESS)

    assert not has_manager(house, place)


def test_disabled_manager_does_not_count(lone):
    house, world, place = lone
    user = world.user()
    world.entry(user, place, Action.MANAGE_ACCESS)

    def disable(work):
        session_of(work).get(Principal, user).status = PrincipalStatus.DISABLED

    house.works.write(system_actor("test"), disable)

    assert not has_manager(house, place)


def test_manager_whose_entry_ends_before_the_instant_does_not_count(lone):
    house, world, place = lone
    now = system_clock()
    world.entry(world.user(), place, Action.MANAGE_ACCESS, until=now + DAY)

    assert has_manager(house, place, at=now)
    assert not has_manager(house, place, at=now + DAY)


def test_scheme_and_repository_are_nodes_that_every_account_knows(house, world):
    user = world.user()

    def body(work):
        found = [
            nodes.find(work, NodeKind.CLASS, node_id=facts.scheme_id(work)),
            nodes.find(work, NodeKind.REPOSITORY, node_id=facts.repository_id(work)),
        ]
        return [nodes.decide(work, node, action=Action.MANAGE_ACCESS).may for node in found]

    assert house.works.read(actor(user), body) == [False, False]
