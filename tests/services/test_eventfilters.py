"""Every filter of the access log finds the same events, whether they have their place or wait for it."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from dms.access import marks
from dms.access.log import searching, sequencer
from dms.access.log.eventfilters import EventFilter, Levels
from dms.base.actor import Source
from dms.base.clock import DAY
from dms.base.errors import Invalid
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.rules.accessevents import Disclosure, Op, Outcome
from dms.rules.eventselections import OPS, Selection
from dms.rules.security import Mark
from dms.services import accessevents
from dms.services.accessevents import Wanted
from tests.factories import actor
from tests.recorded import last_of


@pytest.fixture(scope="module")
def auditor(world):
    return world.officer("filtering-auditor", role="auditor", rank=200)


@pytest.fixture
def person(world):
    return world.user()


@pytest.fixture
def leave(house, person):
    """Leaves an event of the person and returns its id."""

    def left(*ops, released=(), refused=(), who=None):
        def body(work):
            for op in ops or (Op.DOCUMENT_READ,):
                work.performs(op)
            for object_id, options in released:
                work.releases(object_id, revision=1, **{"disclosure": Disclosure.METADATA, **options})
            for object_id, reason in refused:
                work.refuses(object_id, action="EDIT", reason=reason, exists=True)
            return work.notes.event_id

        return house.works.read(who or actor(person), body)

    return left


@pytest.fixture(params=["waiting", "sequenced", "both"])
def settle(house, request):
    """Gives events their place: none of them, all, or those that are there before the last."""

    def settled(*, is_last=True):
        if request.param == "sequenced" or (request.param == "both" and not is_last):
            sequencer.drain(house.database)

    return settled


@pytest.fixture
def ask(house, auditor, person):
    def asked(size=50, *, works=house.works, own=True, **narrowed):
        request = {key: narrowed.pop(key) for key in ("after", "backward", "want_total") if key in narrowed}
        wanted = EventFilter(**({"actor_id": person} if own else {}), **narrowed)
        return works.read(
            actor(auditor),
            lambda work: accessevents.page(
                work, PageRequest(size, **request), found=wanted, descending=False, wanted=Wanted()
            ),
        )

    return asked


def ids(page):
    return [view.logged.event_id for view in page.rows]


def test_object_is_found_by_whatever_the_event_says_of_it(ask, leave, settle, person):
    thing = new_id()
    shown = leave(released=[(new_id(), {}), (thing, {})])
    settle(is_last=False)
    refused = leave(refused=[(thing, "denied")])
    leave(released=[(new_id(), {})])
    settle()

    assert ids(ask(object_id=thing)) == ids(ask(object_id=thing, own=False)) == [shown, refused]
    assert ids(ask(object_id=thing, outcome=Outcome.REFUSED)) == [refused]
    assert ids(ask(object_id=thing, reason="denied")) == [refused]
    assert ids(ask(object_id=thing, disclosure=Disclosure.EXISTENCE)) == [shown]
    assert ids(ask(object_id=thing, disclosure=Disclosure.CONTENT)) == []


@pytest.mark.parametrize("way", list(itertools.product([False, True], repeat=2)), ids=str)
def test_pages_of_an_object_hold_every_event_once(ask, leave, settle, monkeypatch, way):
    backward, narrowed = way
    monkeypatch.setattr(searching, "POSTED", 2)
    monkeypatch.setattr(searching, "SLICE", 2)
    thing, made = new_id(), []
    for number in range(9):
        made.append(leave(released=[(thing, {}), (new_id(), {})], refused=[(None, "absent")]))
        if number == 5:
            settle(is_last=False)
    settle()
    seen, after = [], None

    while True:
        page = ask(
            4, object_id=thing, backward=backward, after=after, want_total=True, refusals_only=narrowed
        )
        seen = [*ids(page), *seen] if backward else [*seen, *ids(page)]
        assert (page.total, page.total_is_exact) == (9, True)
        if not (page.has_previous if backward else page.has_next):
            break
        after = page.positions[0 if backward else -1]

    assert seen == made


@pytest.fixture
def hurried(house, monkeypatch):
    """Works whose time is always up, so that a search looks through one small slice."""
    monkeypatch.setattr(searching, "POSTED", 2)
    monkeypatch.setattr(searching, "SLICE", 2)
    return replace(house.works, deadline_s=0.0)


@pytest.mark.parametrize("backward", [False, True])
def test_search_for_an_object_that_runs_out_of_time_goes_on(hurried, ask, leave, settle, backward):
    thing, made = new_id(), []
    for number in range(12):
        made.append(leave(released=[(thing, {})], refused=[(None, "absent")] if number in {1, 9} else []))
        if number == 7:
            settle(is_last=False)
    settle()
    seen, after = [], None

    while True:
        page = ask(50, works=hurried, object_id=thing, reason="absent", after=after, backward=backward)
        seen += ids(page)
        if page.reached is None:
            break
        after = page.reached

    assert sorted(seen) == [made[1], made[9]]


@pytest.fixture
def days(house, person, settle):
    """Returns the ids of events of six days, of which three hold what is looked for, first or besides."""
    start = house.works.clock() // DAY * DAY

    def leave_on(day, *ops):
        works = replace(house.works, clock=lambda: start + day * DAY)

        def body(work):
            for op in ops:
                work.performs(op)
            return work.notes.event_id

        return works.read(actor(person), body)

    found = []
    for day in range(6):
        leave_on(day, Op.DOCUMENT_LIST)
        if day in {1, 2, 4}:
            found.append(leave_on(day, Op.DOCUMENT_READ, Op.ROLE_LIST))
            found.append(leave_on(day, Op.ROLE_LIST))
        if day == 3:
            settle(is_last=False)
    settle()
    return found


@pytest.mark.parametrize("way", list(itertools.product([False, True], repeat=2)), ids=str)
def test_operation_is_found_on_whatever_day_it_was_done(house, ask, days, way):
    backward, is_hurried = way
    works = replace(house.works, deadline_s=0.0) if is_hurried else house.works
    seen, after = [], None

    while True:
        page = ask(2, works=works, op=Op.ROLE_LIST, backward=backward, after=after)
        seen = [*ids(page), *seen] if backward else [*seen, *ids(page)]
        if not (page.has_previous if backward else page.has_next):
            break
        after = page.reached or page.positions[0 if backward else -1]

    assert seen == days
    assert ask(1, op=Op.ROLE_LIST, want_total=True).total == 6
    assert ids(ask(op=Op.DOCUMENT_READ, selection=Selection.REFUSALS)) == []


def test_level_holds_for_itself_and_for_those_above(house, world, ask, leave, settle):
    for rank in (100, 200, 300):
        world.level(rank)
        world.build(lambda work, rank=rank: marks.intern(work, Mark(rank)))
    known = house.works.read(actor(world.user()), marks.all_marks)
    by_rank = {mark.rank: key for key, mark in known.items() if not mark.compartments}
    events = [leave(released=[(new_id(), {"security_id": by_rank[rank]})]) for rank in (100, 200, 300)]
    settle()

    levels = house.works.read(actor(world.user()), lambda work: accessevents.levels(work, "level200"))

    assert ids(ask(levels=levels)) == events[1:]
    assert ids(ask(levels=Levels("none", frozenset()))) == []


def test_level_that_is_not_there_is_refused(house, world):
    with pytest.raises(Invalid, match="^there is no security level `nonsense`$"):
        house.works.read(actor(world.user()), lambda work: accessevents.levels(work, "nonsense"))


def test_class_is_the_one_under_which_a_thing_was_filed_then(ask, leave, settle):
    one, other = new_id(), new_id()
    event = leave(released=[(new_id(), {"class_id": other}), (new_id(), {"class_id": one})])
    leave(released=[(new_id(), {"class_id": other})])
    leave(released=[(one, {})])
    settle()

    assert ids(ask(class_id=one)) == [event]


def test_address_is_that_of_the_detail_and_of_nothing_else_in_it(house, ask, leave, person, settle):
    near, far = (replace(actor(person), source=Source(address=each)) for each in ("10.0.0.1", "10.0.0.12"))
    event = leave(who=near)
    leave(who=far)

    def repeat(work):
        work.notes.detail["variables"] = {"address": "10.0.0.1"}

    house.works.read(far, repeat)
    settle()

    assert ids(ask(address="10.0.0.1")) == [event]


def test_bulk_reading_is_by_the_number_of_objects_shown(ask, leave, settle):
    few, many = ([(new_id(), {}) for _ in range(number)] for number in (99, 100))
    leave(released=few)
    event = leave(released=many)
    settle()

    assert ids(ask(selection=Selection.BULK_READING)) == ids(ask(min_objects=100)) == [event]
    assert len(ids(ask(min_objects=99))) == 2


def test_ready_made_selections_narrow_like_the_other_filters(ask, leave, settle):
    granted = leave(Op.SERVER_READ, Op.ACCESS_GRANT)
    refused = leave(Op.USER_CREATE, refused=[(None, "duty")])
    read = leave(Op.LOG_READ)
    leave(Op.USER_LIST)
    settle()

    assert ids(ask(selection=Selection.ADMINISTRATION)) == [granted, refused]
    assert ids(ask(selection=Selection.ADMINISTRATION, op=Op.ACCESS_GRANT)) == [granted]
    assert ids(ask(selection=Selection.LOG_ACCESS)) == [read]
    assert ids(ask(selection=Selection.REFUSALS)) == [refused]
    assert ids(ask(selection=Selection.REFUSALS, op=Op.ACCESS_GRANT)) == []


def test_selections_by_op_hold_what_offices_change_and_the_log_itself():
    administration = OPS[Selection.ADMINISTRATION]

    assert {Op.USER_CREATE, Op.CLEARANCE_GRANT, Op.ROLE_ASSIGN, Op.POLICY_APPLY, Op.ACCESSLIST_IMPORT} <= (
        administration
    )
    assert not {Op.USER_READ, Op.ACCESS_EXPLAIN, Op.DOCUMENT_UPDATE, Op.LOG_READ} & administration
    assert all(op.value.startswith(("log.", "logalert.")) for op in OPS[Selection.LOG_ACCESS])
    assert Op.LOG_READ in OPS[Selection.LOG_ACCESS]


def test_all_that_narrows_stands_in_the_event_of_the_reading(house, ask, auditor, person):
    ask(
        selection=Selection.LOG_ACCESS,
        disclosure=Disclosure.CONTENT,
        levels=Levels("secret", frozenset({3})),
        class_id=person,
        address="10.0.0.1",
        min_objects=2,
    )

    detail = house.works.read(
        actor(auditor),
        lambda work: accessevents.find(
            work, type(person)(last_of(house, auditor)["id"]), wanted=Wanted(detail=True)
        ),
    ).logged.detail
    assert detail["log_read"] == [
        {
            "filter": {
                "actor": person.hex,
                "address": "10.0.0.1",
                "class": person.hex,
                "disclosure": "content",
                "level": "secret",
                "min_objects": 2,
                "selection": "log_access",
            },
            "shown": 0,
        }
    ]
