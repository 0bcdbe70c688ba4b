"""Statistics are what the events say, wherever the sequencer stands."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import replace

import pytest

from dms.access.log import sequencer, statistics
from dms.access.log.statistics import Counting, Dimension
from dms.base.clock import DAY
from dms.base.errors import Deadline, Duty, Invalid, Limit
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.rules.accessevents import Disclosure, Op, Outcome
from dms.services import logstatistics
from tests.factories import actor
from tests.logged import logged
from tests.recorded import last_of

FIRST_DAY = 21_000
NOBODY = "0" * 32


@pytest.fixture(scope="module")
def auditor(world):
    return world.officer("counting-auditor", role="auditor", rank=200)


@pytest.fixture(scope="module")
def scene(house, world):
    """What two people did on three days with things of two classes; half of it is rolled up."""
    people, classes = [world.user(), world.user()], [world.record_class(), world.record_class()]
    draw, ticks = random.Random(7), itertools.count()
    works = replace(house.works, clock=lambda: FIRST_DAY * DAY + next(ticks) * (DAY // 30))
    for number in range(80):
        if number == 45:
            sequencer.drain(house.database)
        leave(works, draw.choice(people), classes, draw)
    return people, classes


def leave(works, person, classes, draw):
    def body(work):
        for op in draw.sample((Op.DOCUMENT_LIST, Op.DOCUMENT_READ, Op.ROLE_LIST), draw.randint(1, 2)):
            work.performs(op)
        for class_id in draw.choices((*classes, None), k=draw.randint(0, 3)):
            work.releases(new_id(), revision=1, disclosure=draw.choice(list(Disclosure)), class_id=class_id)
        if draw.random() < 0.2:
            work.refuses(new_id(), action="EDIT", reason="denied", exists=True)

    works.read(actor(person), body)


def told(house, by, means, *, by_class):
    """What the bodies say: events and objects by key."""
    events, objects = Counter(), Counter()
    for event in logged(house.database):
        fields = event.fields
        day = fields["at"] // DAY
        lines = [line for marks in fields["released"].values() for each in marks.values() for line in each]
        shown = Counter(fields["classes"][line[2]] for line in lines if len(line) > 2)
        counted = shown if by_class else {NOBODY: len(lines) + len(fields["changed"])}
        for class_id, number in counted.items():
            kind = {
                Dimension.ACTOR: fields["actor"] or NOBODY,
                Dimension.CLASS: class_id,
                Dimension.OP: fields["op"],
                Dimension.OUTCOME: fields["outcome"],
                Dimension.DAY: day,
            }
            if means(kind):
                key = tuple(kind[each] for each in by)
                events[key] += 1
                objects[key] += number
    return {key: (events[key], objects[key]) for key in events}


def found_by(house, asked):
    lines = house.works.read(actor(None), lambda work: statistics.lines(work, asked))
    return {tuple(getattr(each, "hex", each) for each in line.key): tuple(line.counted) for line in lines}


GROUPS = [group for size in range(4) for group in itertools.combinations(Dimension, size)] + [
    tuple(Dimension)
]


@pytest.mark.parametrize("by", GROUPS, ids=lambda by: "-".join(by) or "total")
def test_counts_are_what_the_events_say(house, scene, by):
    expected = told(house, by, lambda kind: True, by_class=Dimension.CLASS in by)

    assert found_by(house, Counting(by)) == expected


def test_each_filter_narrows(house, scene, monkeypatch):
    monkeypatch.setattr(statistics, "DAYS", 1)
    people, classes = scene
    by = (Dimension.OP, Dimension.DAY)
    for narrowed, means, by_class in (
        ({"actor_id": people[0]}, lambda kind: kind[Dimension.ACTOR] == people[0].hex, False),
        ({"op": Op.DOCUMENT_READ}, lambda kind: kind[Dimension.OP] == "document.read", False),
        ({"outcome": Outcome.REFUSED}, lambda kind: kind[Dimension.OUTCOME] == "refused", False),
        ({"class_id": classes[1]}, lambda kind: kind[Dimension.CLASS] == classes[1].hex, True),
        ({"since": FIRST_DAY + 1}, lambda kind: kind[Dimension.DAY] >= FIRST_DAY + 1, False),
        ({"until": FIRST_DAY + 1}, lambda kind: kind[Dimension.DAY] < FIRST_DAY + 1, False),
    ):
        expected = told(house, by, means, by_class=by_class)

        assert expected
        assert found_by(house, Counting(by, **narrowed)) == expected, narrowed


@pytest.mark.parametrize("backward", [False, True])
def test_pages_together_hold_every_line_once(house, scene, auditor, backward):
    asked = Counting((Dimension.ACTOR, Dimension.DAY), since=FIRST_DAY, until=FIRST_DAY + 3)
    expected = found_by(house, asked)
    rows, after = [], None

    while True:
        request = PageRequest(2, backward=backward, after=after, want_total=True)
        page = house.works.read(
            actor(auditor), lambda work, request=request: logstatistics.page(work, request, asked=asked)
        )
        rows = [*page.rows, *rows] if backward else [*rows, *page.rows]
        if not (page.has_previous if backward else page.has_next):
            break
        after = page.positions[0 if backward else -1]

    assert [(row.actor.id.hex, row.day) for row in rows] == sorted(expected)
    assert {(row.actor.id.hex, row.day): (row.events, row.objects) for row in rows} == expected
    assert page.total == len(expected)
    assert {(row.record_class, row.op, row.outcome) for row in rows} == {(None, None, None)}


def test_classes_show_by_name(house, scene, auditor):
    _, classes = scene
    asked = Counting((Dimension.CLASS, Dimension.OUTCOME))

    page = house.works.read(
        actor(auditor), lambda work: logstatistics.page(work, PageRequest(50), asked=asked)
    )

    assert {row.record_class.id for row in page.rows} == set(classes)


def test_too_many_lines_are_refused(house, scene, monkeypatch):
    monkeypatch.setattr(statistics, "MAX_LINES", 2)

    with pytest.raises(Limit, match="^there are more than 2 lines: ask for a shorter period, or by less$"):
        found_by(house, Counting((Dimension.DAY,)))


def test_counting_ends_with_the_time_of_the_operation(house, scene):
    with pytest.raises(Deadline):
        replace(house.works, deadline_s=0.0).read(
            actor(None), lambda work: statistics.lines(work, Counting(()))
        )


def test_period_that_ends_before_it_begins_is_refused(house, auditor):
    with pytest.raises(Invalid, match="^the period ends before it begins$"):
        house.works.read(
            actor(auditor),
            lambda work: logstatistics.page(work, PageRequest(5), asked=Counting((), since=3, until=3)),
        )


def test_asking_is_an_event_and_needs_the_duty(house, world, auditor):
    asked = Counting((Dimension.DAY,), since=1, op=Op.LOG_READ)
    ask = lambda work: logstatistics.page(work, PageRequest(5), asked=asked)  # noqa: E731
    person = world.user()

    house.works.read(actor(auditor), ask)
    with pytest.raises(Duty):
        house.works.read(actor(person), ask)

    assert (last_of(house, auditor)["op"], last_of(house, auditor)["aggregate"]) == ("log.read", 1)
    assert last_of(house, person)["outcome"] == "refused"
