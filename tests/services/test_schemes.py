"""Record classes to choose from: those in force."""

from __future__ import annotations

import pytest

from dms.base.errors import Invalid, NotFound
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.rules.schemes import ClassStatus
from dms.services import schemes
from tests.services.schemes import Plan


@pytest.fixture(scope="module")
def plan(desk):
    return Plan(desk)


def test_class_that_is_not_there_cannot_be_chosen(desk, user):
    with pytest.raises(Invalid, match="^there is no such class: choose one of `recordClasses`$") as caught:
        desk.see(user, schemes.class_of, new_id())

    assert caught.value.path == ("recordClassId",)


def test_class_of_a_draft_is_neither_listed_nor_chosen(desk, plan, user):
    draft = plan.draft()
    proposed = draft.add("PRO").class_id

    with pytest.raises(Invalid, match="^there is no such class"):
        desk.see(user, schemes.class_of, proposed)
    with pytest.raises(NotFound):
        desk.see(user, schemes.find_class, code="PRO")
    assert "PRO" not in codes(desk, user)
    assert "PRO" in codes(desk, user, status=ClassStatus.PROPOSED)


def test_closed_class_is_found_by_its_id_but_cannot_be_chosen(desk, plan, user):
    gone = plan.in_force("GONE")
    plan.close("GONE")

    assert desk.see(user, schemes.find_class, class_id=gone).status is ClassStatus.CLOSED
    assert "GONE" not in codes(desk, user)
    with pytest.raises(Invalid, match="^the class `GONE` is closed: choose one that is active$"):
        desk.see(user, schemes.class_of, gone)


def codes(desk, user, **chosen):
    return [row.code for row in desk.see(user, schemes.classes, PageRequest(100), **chosen).rows]
