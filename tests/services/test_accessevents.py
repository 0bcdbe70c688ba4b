"""Auditors read the access log: filters, pages, what they may see of it, and tampering."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from dms.access import marks
from dms.access.log import searching
from dms.access.log.eventfilters import EventFilter
from dms.base import errors
from dms.base.actor import Actor, ActorKind, system_actor
from dms.base.errors import Invalid, NotFound
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.rules.access import Action
from dms.rules.accessevents import Disclosure, Op, Outcome
from dms.rules.security import Mark
from dms.services import accessevents
from dms.services.accessevents import Wanted
from tests.factories import actor, at_once
from tests.logged import logged
from tests.recorded import last_of

NOTHING = Wanted()
EVERYTHING = Wanted(things=True, markings=True, detail=True)


@pytest.fixture(scope="module")
def auditor(world):
    return world.officer("audrey", role="auditor", rank=200)


@pytest.fixture
def person(world):
    return world.user()


@pytest.fixture
def ask(house, auditor):
    """Asks for events as the auditor and returns the page."""

    def asked(size=50, *, works=house.works, **options):
        chosen = {"found": EventFilter(), "descending": False, "wanted": NOTHING, **options}
        request = {key: chosen.pop(key) for key in ("after", "backward", "want_total") if key in chosen}
        return works.read(
            actor(auditor), lambda work: accessevents.page(work, PageRequest(size, **request), **chosen)
        )

    return asked


@pytest.fixture
def find(house, auditor):
    def found(event_id, wanted=EVERYTHING):
        return house.works.read(actor(auditor), lambda work: accessevents.find(work, event_id, wanted=wanted))

    return found


@pytest.fixture
def leave(house, person):
    """Leaves an event of the person and returns its id."""

    def left(*ops, released=(), changed=(), refused=(), **detail):
        def body(work):
            for op in ops:
                work.performs(op)
            for object_id in released:
                work.releases(object_id, revision=1, disclosure=Disclosure.METADATA)
            for object_id, old, new in changed:
                work.changed(object_id, before=1, after=2, old=old, new=new)
            for object_id, reason in refused:
                work.refuses(object_id, action="EDIT", reason=reason, exists=True)
            work.notes.detail.update(detail)
            return work.notes.event_id

        return house.works.write(actor(person), body)

    return left


def ids(page):
    return [view.logged.event_id for view in page.rows]


def test_log_shows_only_to_who_holds_the_duty(house, person):
    with pytest.raises(errors.Duty) as refusal:
        house.works.read(
            actor(person),
            lambda work: accessevents.page(
                work, PageRequest(5), found=EventFilter(), descending=True, wanted=NOTHING
            ),
        )

    assert refusal.value.duty == "log.read"
    assert last_of(house, person)["outcome"] == "refused"
    assert last_of(house, person)["op"] == "log.read"


def test_one_event_shows_only_to_who_holds_the_duty(house, person, leave):
    event = leave(Op.VIEWER_READ)

    with pytest.raises(errors.Duty):
        house.works.read(actor(person), lambda work: accessevents.find(work, event, wanted=NOTHING))


def test_newest_and_oldest_first(ask, leave, person):
    made = [leave(Op.VIEWER_READ) for _ in range(3)]
    mine = EventFilter(actor_id=person)

    assert ids(ask(found=mine)) == made
    assert ids(ask(found=mine, descending=True)) == made[::-1]


WAYS = list(itertools.product([False, True], repeat=3))


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_pages_together_hold_every_event_once(ask, leave, person, way):
    descending, backward, narrowed = way
    thing = new_id()
    made = [leave(Op.VIEWER_READ, released=[new_id(), thing]) for _ in range(7)]
    found = EventFilter(actor_id=person, object_id=thing if narrowed else None)
    seen, after, sizes = [], None, []

    while True:
        page = ask(3, found=found, descending=descending, backward=backward, after=after)
        sizes.append(len(page.rows))
        seen = [*ids(page), *seen] if backward else [*seen, *ids(page)]
        if not (page.has_previous if backward else page.has_next):
            break
        after = page.positions[0 if backward else -1]

    assert seen == (made[::-1] if descending else made)
    assert sizes == [3, 3, 1]


def test_event_is_found_by_any_object_that_it_names(ask, leave):
    first, released, changed, refused = (new_id() for _ in range(4))
    event = leave(
        Op.DOCUMENT_UPDATE,
        released=[first, released],
        changed=[(first, {}, {}), (changed, {}, {})],
        refused=[(None, "denied"), (refused, "denied")],
    )

    for thing in (first, released, changed, refused):
        assert ids(ask(found=EventFilter(object_id=thing))) == [event]
    assert ids(ask(found=EventFilter(object_id=new_id()))) == []


def test_who_acted_and_which_lines_decided_are_no_objects(house, ask, person):
    lines = {new_id().hex, new_id().hex}
    session = new_id()

    def body(work):
        work.notes.deciding |= lines
        return work.notes.event_id

    event = house.works.read(Actor(ActorKind.USER, person, session, "r"), body)

    assert ids(ask(found=EventFilter(actor_id=person))) == [event]
    for other in (person.hex, session.hex, *lines, event.hex):
        assert ids(ask(found=EventFilter(object_id=type(event)(other), actor_id=person))) == []


def test_event_is_found_by_everything_that_was_done(ask, leave, person):
    event = leave(Op.VIEWER_READ, Op.DOCUMENT_READ)
    leave(Op.VIEWER_READ)

    assert ids(ask(found=EventFilter(op=Op.DOCUMENT_READ, actor_id=person))) == [event]
    assert len(ids(ask(found=EventFilter(op=Op.VIEWER_READ, actor_id=person)))) == 2


def test_action_of_a_refusal_is_not_what_was_done(house, ask, person):
    def body(work):
        work.performs(Op.VIEWER_READ)
        work.refuses(None, action=Op.GROUP_LIST, reason="duty", exists=True)

    house.works.read(actor(person), body)

    assert ids(ask(found=EventFilter(op=Op.GROUP_LIST, actor_id=person))) == []


def test_event_is_found_by_outcome(ask, leave, person):
    released = leave(Op.VIEWER_READ, released=[new_id()])
    committed = leave(Op.USER_UPDATE, changed=[(new_id(), {}, {})])
    refused = leave(Op.USER_READ, refused=[(None, "absent")])

    for outcome, event in {
        Outcome.RELEASED: released,
        Outcome.COMMITTED: committed,
        Outcome.REFUSED: refused,
    }.items():
        assert ids(ask(found=EventFilter(outcome=outcome, actor_id=person))) == [event]


def test_event_is_found_by_the_reason_of_any_refusal(ask, leave, person):
    whole = leave(Op.USER_READ, refused=[(None, "clearance")])
    beside = leave(Op.USER_READ, released=[new_id()], refused=[(None, "absent"), (None, "clearance")])
    leave(Op.USER_READ, refused=[(None, "absent")])

    assert ids(ask(found=EventFilter(reason="clearance", actor_id=person))) == [whole, beside]
    assert ids(ask(found=EventFilter(reason='clear"', actor_id=person))) == []


def test_refusals_beside_a_release_are_refusals_too(ask, leave, person):
    whole = leave(Op.USER_READ, refused=[(None, "clearance")])
    beside = leave(Op.USER_READ, released=[new_id()], refused=[(None, "clearance")])
    leave(Op.USER_READ, released=[new_id()])

    assert ids(ask(found=EventFilter(refusals_only=True, actor_id=person))) == [whole, beside]


def test_period_is_half_open(ask, leave, find):
    events = [leave(Op.VIEWER_READ) for _ in range(3)]
    first, second, third = (find(event).logged.at for event in events)

    found = ids(ask(found=EventFilter(since=first, until=third)))

    assert (events[0] in found, events[1] in found, events[2] in found) == (True, True, False)
    assert first <= second <= third


def test_period_that_ends_before_it_begins_is_refused(ask):
    with pytest.raises(Invalid, match="^the period ends before it begins$") as refusal:
        ask(found=EventFilter(since=5, until=5))

    assert refusal.value.path == ("filter", "until")


def test_total_is_exact_with_and_without_reading_bodies(ask, leave, person):
    thing = new_id()
    for number in range(5):
        leave(Op.VIEWER_READ, released=[thing] if number % 2 else [])

    plain = ask(1, found=EventFilter(actor_id=person), want_total=True)
    narrowed = ask(1, found=EventFilter(actor_id=person, object_id=thing), want_total=True)

    assert (plain.total, plain.total_is_exact) == (5, True)
    assert (narrowed.total, narrowed.total_is_exact) == (2, True)
    assert ask(1, found=EventFilter(actor_id=person)).total is None


@pytest.fixture
def hurried(house, monkeypatch):
    """Works whose time is always up, so that a search looks through one slice of four events."""
    monkeypatch.setattr(searching, "SLICE", 4)
    return replace(house.works, deadline_s=0.0)


def test_total_is_exact_over_many_slices(ask, leave, person, monkeypatch):
    monkeypatch.setattr(searching, "SLICE", 2)
    thing = new_id()
    for _ in range(5):
        leave(Op.VIEWER_READ, released=[thing])

    page = ask(1, found=EventFilter(actor_id=person, object_id=thing), want_total=True)

    assert (page.total, page.total_is_exact, page.has_next) == (5, True, True)


@pytest.mark.parametrize("backward", [False, True])
def test_search_that_runs_out_of_time_goes_on_where_it_stopped(hurried, ask, leave, person, backward):
    thing = new_id()
    made = [leave(Op.VIEWER_READ, released=[thing] if number in {1, 9} else []) for number in range(12)]
    found = EventFilter(actor_id=person, object_id=thing)
    seen, after, pages = [], None, 0

    while True:
        page = ask(2, works=hurried, found=found, after=after, backward=backward)
        seen += ids(page)
        pages += 1
        if not (page.has_previous if backward else page.has_next):
            break
        after = page.reached

    assert sorted(seen) == [made[1], made[9]]
    assert pages == 4
    assert page.reached is None


def test_count_that_runs_out_of_time_says_so(hurried, ask, leave, person):
    leave(Op.VIEWER_READ)

    page = ask(1, works=hurried, found=EventFilter(actor_id=person, refusals_only=True), want_total=True)

    assert (page.total, page.total_is_exact) == (0, False)


def test_reading_the_log_is_an_event_with_filter_and_number(house, ask, auditor, leave, person):
    thing = new_id()
    leave(Op.VIEWER_READ, released=[thing])

    ask(found=EventFilter(actor_id=person, object_id=thing, op=Op.VIEWER_READ, since=1))

    own = [one for one in logged(house.database) if one.columns["actor_id"] == auditor][-1]
    assert (own.fields["op"], own.fields["outcome"], own.fields["released"]) == ("log.read", "released", {})
    assert own.detail["log_read"] == [
        {
            "filter": {"actor": person.hex, "object": thing.hex, "op": "viewer.read", "since": 1},
            "shown": 1,
        }
    ]


def test_event_that_is_not_there_is_not_found_and_the_asking_is_recorded(house, find, auditor):
    asked = new_id()

    with pytest.raises(NotFound):
        find(asked)

    assert last_of(house, auditor)["refused"] == [[asked.hex, "log.read", "absent", False]]


def test_name_of_who_acted_is_the_one_it_has_now(house, find, leave, person, auditor):
    event = leave(Op.VIEWER_READ)

    view = find(event)

    assert view.actor.id == person
    assert view.logged.body.head.actor_id == person
    assert last_of(house, auditor)["released"] == {}


def test_system_has_no_name(house, find):
    def body(work):
        return work.notes.event_id

    assert find(house.works.read(system_actor("r"), body)).actor is None


@pytest.fixture
@at_once
def papers(world, auditor):
    """A Document that the auditor may read, and two that he may not: by list, and by mark."""
    shown, closed = world.aggregation(), world.aggregation()
    world.entry(auditor, shown, Action.READ_METADATA)
    return (
        world.document(shown, title="Open"),
        world.document(closed, title="Closed"),
        world.document(shown, title="Secret", mark=Mark(300)),
    )


def test_title_shows_only_of_what_the_auditor_may_read_himself(house, find, leave, papers, auditor):
    open_paper, closed, secret = papers
    event = leave(Op.DOCUMENT_LIST, released=papers)

    view = find(event)

    assert {thing.title for thing in view.things.values()} == {"Open"}
    assert [line.object_id for line in view.released] == [open_paper, closed, secret]
    assert "Closed" not in repr(view)
    assert "Secret" not in repr(view)
    [[released]] = last_of(house, auditor)["released"]["metadata"].values()
    assert released[0] == open_paper.hex


def test_marks_show_of_everything(house, find, papers, person):
    def body(work):
        for paper, security_id in zip(papers, (1, 1, marked), strict=True):
            work.releases(paper, revision=1, disclosure=Disclosure.METADATA, security_id=security_id)
        return work.notes.event_id

    marked = house.works.write(system_actor("r"), lambda work: marks.intern(work, Mark(300)))
    view = find(house.works.read(actor(person), body))

    assert view.markings[marked] == "L300"


def test_nothing_is_looked_up_that_is_not_wanted(house, find, leave, papers, auditor):
    view = find(leave(Op.DOCUMENT_LIST, released=papers), NOTHING)

    assert (view.things, view.markings, view.detail) == ({}, {}, None)
    assert last_of(house, auditor)["released"] == {}


def test_list_shows_the_first_objects_and_the_event_alone_all(ask, find, leave, person):
    things = [new_id() for _ in range(30)]
    event = leave(Op.DOCUMENT_LIST, released=things)

    [listed] = ask(found=EventFilter(actor_id=person)).rows

    assert [line.object_id for line in listed.released] == things[:20]
    assert [line.object_id for line in find(event).released] == things
    assert len(listed.logged.body.share.released) == 30


def test_old_and_new_values_show_only_of_what_the_auditor_may_read(find, leave, papers):
    open_paper, closed, _ = papers
    changes = [(paper, {"title": "old"}, {"title": "new"}) for paper in (open_paper, closed)]
    event = leave(Op.DOCUMENT_UPDATE, changed=changes)

    detail = find(event).detail

    assert json.loads(detail.text)["changes"] == [
        [open_paper.hex, {"title": "old"}, {"title": "new"}],
        [closed.hex, ["title"], ["title"]],
    ]
    assert detail.withheld == (f"changes.{closed.hex}",)


def test_variables_show_only_if_all_that_the_event_names_does(find, leave, papers):
    open_paper, closed, _ = papers
    variables = {"title": "Closed"}

    open_only = find(leave(Op.DOCUMENT_LIST, released=[open_paper], variables=variables)).detail
    both = find(leave(Op.DOCUMENT_LIST, released=[open_paper, closed], variables=variables)).detail

    assert json.loads(open_only.text)["variables"] == variables
    assert "variables" not in json.loads(both.text)
    assert both.withheld == ("variables",)


def test_variables_of_what_came_to_nothing_show_only_if_it_was_about_no_things(house, find, leave, person):
    variables = {"title": "x"}
    plain = find(leave(Op.USER_LIST, variables=variables)).detail
    about_papers = find(leave(Op.USER_LIST, Op.DOCUMENT_LIST, variables=variables)).detail

    assert plain.withheld == ()
    assert about_papers.withheld == ("variables",)


def test_failed_operation_keeps_its_variables_to_itself(house, find, papers, person):
    open_paper, _, _ = papers
    events = []

    def body(work):
        work.performs(Op.DOCUMENT_REGISTER)
        work.refuses(open_paper, action="EDIT", reason="denied", exists=True)
        work.notes.detail["variables"] = {"title": "x"}
        work.notes.failure = "INTERNAL"
        events.append(work.notes.event_id)

    house.works.read(actor(person), body)

    assert find(events[0]).detail.withheld == ("variables",)


def test_address_of_a_hidden_reading_shows(find, leave, papers):
    _, closed, _ = papers

    detail = find(leave(Op.DOCUMENT_READ, released=[closed])).detail

    assert json.loads(detail.text) == {"address": None, "operator": None, "user_agent": None}


def test_untouched_event_shows_no_fault(find, leave):
    assert find(leave(Op.VIEWER_READ)).logged.fault is None
