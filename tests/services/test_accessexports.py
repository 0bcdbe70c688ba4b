"""Access lists written out as CSV: what a file holds, and whose list it may be."""

from __future__ import annotations

import pytest

from dms.base import errors
from dms.base.clock import DAY, system_clock, to_iso
from dms.base.ids import Kind, global_id
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.accesssheets import Column
from dms.rules.periods import Validity
from dms.rules.security import Mark
from dms.services import accessexports, accesslists
from dms.services.accessexports import Wish


@pytest.fixture
def fonds(world):
    return world.aggregation()


def on(node, kind=NodeKind.AGGREGATION, **chosen):
    return Wish((kind, node), **chosen)


def export(desk, who, wish):
    return list(desk.see(who, accessexports.part, wish, after=None).records)


def test_export_of_a_node_holds_what_is_below_and_nothing_beside(desk, world, officer, fonds, user):
    inner = world.aggregation(fonds)
    document = world.document(inner)
    expected = [
        world.entry(user, fonds, Action.EDIT),
        world.entry(user, inner, Action.EDIT),
        world.entry_on_document(user, document, Action.EDIT),
    ]
    world.entry(user, world.aggregation(), Action.EDIT)

    lines = export(desk, officer, on(fonds))

    assert [line["entry_id"] for line in lines] == [global_id(Kind.ACCESS_ENTRY, each) for each in expected]
    assert [line["node_kind"] for line in lines] == ["aggregation", "aggregation", "document"]
    assert lines[2]["node_id"] == global_id(Kind.DOCUMENT, document)


def test_export_of_a_class_holds_what_is_classed_below(desk, world, officer, fonds, user):
    upper = world.record_class()
    lower = world.record_class(upper)
    document = world.document(fonds, record_class_id=lower)
    expected = [
        world.entry(user, lower, Action.EDIT, kind=NodeKind.CLASS),
        world.entry_on_document(user, document, Action.EDIT),
    ]

    lines = export(desk, officer, on(upper, NodeKind.CLASS))

    assert [line["entry_id"] for line in lines] == [global_id(Kind.ACCESS_ENTRY, each) for each in expected]


def test_export_says_where_each_entry_stands(desk, world, fonds, user):
    officer, now = world.officer("ending-officer"), system_clock()
    world.entry(user, fonds, Action.EDIT, until=now - DAY)
    world.entry(user, fonds, Action.FILE, since=now + DAY)
    ended = world.entry(user, fonds, Action.LEND)
    desk.do(officer, accesslists.revoke, entry_id=ended, reason="over, done")

    lines = export(desk, officer, on(fonds))

    assert [line["validity"] for line in lines] == ["expired", "future", "revoked"]
    assert lines[0]["valid_until"] == to_iso(now - DAY)
    assert (lines[2]["revoked_by"], lines[2]["revoke_reason"]) == ("ending-officer", "over, done")
    assert len(export(desk, officer, on(fonds, stands=Validity.EXPIRED))) == 1


def test_export_of_all_is_for_reviewers(desk, world, user):
    with pytest.raises(errors.Duty, match="^this needs the duty `access.review`$"):
        export(desk, user, Wish(None))


def test_export_of_a_node_is_for_who_manages_it(desk, world, fonds, user):
    manager, inner = world.user(), world.aggregation(fonds)
    managing = world.entry(manager, fonds, Action.MANAGE_ACCESS)
    world.entry(user, inner, Action.EDIT)
    hidden = world.aggregation(fonds, mark=Mark(300))
    world.entry(user, hidden, Action.EDIT)
    world.entry(user, fonds, Action.DISCOVER)

    lines = export(desk, manager, on(fonds))

    assert global_id(Kind.ACCESS_ENTRY, managing) == lines[0]["entry_id"]
    assert len(lines) == 3
    with pytest.raises(errors.Denied):
        export(desk, user, on(fonds))


def test_manager_exports_no_list_below_that_he_does_not_manage(desk, world, fonds, user):
    manager, inner = world.user(), world.aggregation(fonds)
    world.entry(manager, fonds, Action.MANAGE_ACCESS)
    world.entry(manager, inner, Action.MANAGE_ACCESS, effect=Effect.DENY)

    assert len(export(desk, manager, on(fonds))) == 1


def test_export_goes_on_where_a_part_ended(desk, world, officer, fonds, monkeypatch):
    folder = world.aggregation(fonds)
    made = world.at_once(lambda world: [world.entry(world.user(), folder, Action.EDIT) for _ in range(105)])
    monkeypatch.setattr(accessexports, "PART", 1)

    first = desk.see(officer, accessexports.part, on(fonds), after=None)
    second = desk.see(officer, accessexports.part, on(fonds), after=first.beyond)

    found = [line[Column.ENTRY_ID] for part in (first, second) for line in part.records]
    assert found == [global_id(Kind.ACCESS_ENTRY, each) for each in made]
    assert (len(first.records), second.beyond) == (100, None)
