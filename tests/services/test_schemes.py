"""Record classes: made by who manages schemes, never twice, and recorded."""

from __future__ import annotations

import pytest

from dms.base.errors import Conflict, Duty, Invalid
from dms.base.ids import new_id
from dms.services import schemes


@pytest.fixture(scope="module")
def manager(world):
    return world.officer("scheme.manager", role="records_manager")


def test_manager_of_schemes_makes_classes_below_each_other(desk, manager):
    top = desk.do(manager, schemes.create_class, code="TOP", title="Top")
    made = desk.do(manager, schemes.create_class, code=" TOP-1 ", title="Below the top", parent_id=top.id)

    found = desk.see(manager, schemes.class_of, made.id)
    assert (found.code, found.title, found.parent_id) == ("TOP-1", "Below the top", top.id)
    assert found.scheme_id == top.scheme_id


def test_new_class_is_recorded(desk, manager):
    made = desk.do(manager, schemes.create_class, code="REC", title="Recorded")

    event = desk.event(manager)
    assert (event["op"], event["outcome"]) == ("recordclass.create", "committed")
    assert [change[0] for change in event["changed"]] == [made.id.hex]


def test_code_is_taken_once(desk, manager):
    desk.do(manager, schemes.create_class, code="ONCE", title="First")

    with pytest.raises(Conflict, match="^the code `ONCE` is taken$") as caught:
        desk.do(manager, schemes.create_class, code="ONCE", title="Second")

    assert caught.value.path == ("code",)


def test_parent_must_be_there(desk, manager):
    with pytest.raises(Invalid, match="^there is no such class: choose one of `recordClasses`$") as caught:
        desk.do(manager, schemes.create_class, code="LOST", title="Lost", parent_id=new_id())

    assert caught.value.path == ("parent",)


def test_nobody_else_makes_classes(desk, world):
    reader = world.user("scheme.reader")

    with pytest.raises(Duty, match=r"^this needs the duty `schemes\.manage`$"):
        desk.do(reader, schemes.create_class, code="NO", title="No")

    assert (desk.event(reader)["outcome"], desk.event(reader)["reason"]) == ("refused", "duty")
