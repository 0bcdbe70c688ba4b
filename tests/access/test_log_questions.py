"""Who saw, and what somebody saw: as the events say, wherever the sequencer stands and however one pages."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest
from sqlalchemy import select

from dms.access.log import questions, sequencer
from dms.access.log.questions import Asked
from dms.base.actor import system_actor
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models import accessevents
from dms.rules.accessevents import Disclosure, Op
from dms.stores import migrations
from tests.factories import World, actor
from tests.logged import logged

OPS = (Op.DOCUMENT_READ, Op.DOCUMENT_LIST, Op.CONTENT_DOWNLOAD)
START = 1_900_000_000_000_000


@pytest.fixture(scope="module")
def scene(house, world):
    """Three people who saw six objects, often at one instant; the first half of it has postings."""
    people, things = [world.user() for _ in range(3)], [new_id() for _ in range(6)]
    draw = random.Random(4)
    ticks = itertools.count()
    works = replace(house.works, clock=lambda: START + next(ticks) // 6)
    for number in range(80):
        if number == 50:
            sequencer.drain(house.database)
        leave(works, draw.choice(people), draw.sample(things, draw.randint(0, 3)), draw)
    return people, things


def leave(works, person, things, draw):
    def body(work):
        work.performs(draw.choice(OPS))
        for thing in things:
            match draw.randint(0, 5):
                case 0:
                    work.changed(thing, before=1, after=2, old={}, new={})
                case 1:
                    work.refuses(thing, action="EDIT", reason="denied", exists=True)
                case level:
                    work.releases(thing, revision=1, disclosure=Disclosure(level - 1))

    works.write(actor(person), body)


def told(house, asked):
    """What the bodies say: (actor, object) with first, last, count, widest, ops."""
    found = {}
    for event in logged(house.database):
        fields = event.fields
        if not (asked.since or 0) <= fields["at"] < (asked.until or 2**62) or fields["actor"] is None:
            continue
        for name, by_mark in fields["released"].items():
            level = Disclosure[name.upper()]
            for line in itertools.chain.from_iterable(by_mark.values()):
                if level >= asked.least:
                    found.setdefault((fields["actor"], line[0]), []).append(
                        (fields["at"], level, fields["op"])
                    )
    return {
        key: (
            min(at for at, _, _ in rows),
            max(at for at, _, _ in rows),
            len(rows),
            max(level for _, level, _ in rows),
            {op for _, _, op in rows},
        )
        for key, rows in found.items()
    }


def paged(house, ask, size, *, backward=False, **options):
    """All rows, page after page; how many pages."""
    rows, after, pages = [], None, 0
    works = replace(house.works, **options)
    while True:
        request = PageRequest(size, backward=backward, after=after, want_total=True)
        page = works.read(system_actor("test"), lambda work, request=request: ask(work, request))
        rows = [*page.rows, *rows] if backward else [*rows, *page.rows]
        pages += 1
        assert len(page.rows) <= size
        if not (page.has_previous if backward else page.has_next):
            return rows, page, pages
        after = page.reached or page.positions[0 if backward else -1]


def as_told(row):
    return (row.first_at, row.last_at, row.count, row.disclosure)


PERIODS = [(None, None), (3, 9), (9, 12), (None, 7), (8, None)]
WAYS = list(itertools.product(PERIODS, (Disclosure.EXISTENCE, Disclosure.RESTRICTED), (False, True)))


def asked_of(way):
    (since, until), least, _ = way
    return Asked(least, *(None if each is None else START + 10 * each for each in (since, until)))


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_who_saw_is_what_the_events_say(house, scene, way):
    _, things = scene
    asked = asked_of(way)
    expected = told(house, asked)
    for thing in things:
        rows, last, _ = paged(
            house,
            lambda work, request, thing=thing: questions.who_saw(work, thing, asked, request),
            2,
            backward=way[2],
        )

        mine = {who: found[:4] for (who, what), found in expected.items() if what == thing.hex}
        assert {row.key.hex: as_told(row) for row in rows} == mine
        assert rows == sorted(rows, key=lambda row: (row.first_at, row.key))
        assert last.total == len(mine)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_somebody_saw_is_what_the_events_say(house, scene, way, monkeypatch):
    monkeypatch.setattr(questions, "SLICE", 3)
    people, _ = scene
    asked = asked_of(way)
    expected = told(house, asked)
    for person in people:
        rows, last, _ = paged(
            house,
            lambda work, request, person=person: questions.what_saw(work, person, asked, request),
            2,
            backward=way[2],
        )

        mine = {what: found[:4] for (who, what), found in expected.items() if who == person.hex}
        assert {row.key.hex: as_told(row) for row in rows} == mine
        assert rows == sorted(rows, key=lambda row: (row.first_at, row.key))
        assert (last.total, last.total_is_exact) == (len(mine), True)


@pytest.mark.parametrize("backward", [False, True])
def test_question_that_runs_out_of_time_goes_on_where_it_stopped(house, scene, backward, monkeypatch):
    monkeypatch.setattr(questions, "SLICE", 3)
    people, _ = scene
    asked = Asked()

    rows, last, pages = paged(
        house,
        lambda work, request: questions.what_saw(work, people[0], asked, request),
        50,
        backward=backward,
        deadline_s=0.0,
    )

    mine = {what for who, what in told(house, asked) if who == people[0].hex}
    assert {row.key.hex for row in rows} == mine
    assert len(rows) == len(mine)
    assert pages > 2
    assert (last.total, last.total_is_exact) == (0, False)


def test_operations_are_those_of_the_events(house, scene):
    people, things = scene
    asked = Asked(Disclosure.METADATA, START + 20, START + 110)
    expected = {key: found[4] for key, found in told(house, asked).items()}

    by_person = house.works.read(
        system_actor("test"), lambda work: questions.ops_of_object(work, things[0], people, asked=asked)
    )
    by_thing = house.works.read(
        system_actor("test"), lambda work: questions.ops_of_actor(work, people[0], things, asked=asked)
    )

    assert {who.hex: ops for who, ops in by_person.items()} == {
        who: ops for (who, what), ops in expected.items() if what == things[0].hex
    }
    assert {what.hex: ops for what, ops in by_thing.items()} == {
        what: ops for (who, what), ops in expected.items() if who == people[0].hex
    }


def test_who_acted_without_an_account_is_nobody(house):
    thing = new_id()
    house.works.read(
        system_actor("test"), lambda work: work.releases(thing, revision=1, disclosure=Disclosure.CONTENT)
    )

    rows, _, _ = paged(house, lambda work, request: questions.who_saw(work, thing, Asked(), request), 5)

    assert [(row.key.int, row.disclosure) for row in rows] == [(0, Disclosure.CONTENT)]


def test_place_of_a_person_stays_whatever_is_seen_later(house, world):
    thing = new_id()
    people = [world.user() for _ in range(3)]
    for person in people:
        leave_sight(house, person, thing)

    def ask(size, after):
        request = PageRequest(size, after=after)
        return house.works.read(
            system_actor("test"), lambda work: questions.who_saw(work, thing, Asked(), request)
        )

    first = ask(1, None)

    leave_sight(house, people[0], thing)

    assert [row.key for row in ask(2, first.positions[0]).rows] == people[1:]


def leave_sight(house, person, thing):
    house.works.read(
        actor(person), lambda work: work.releases(thing, revision=1, disclosure=Disclosure.EXISTENCE)
    )


def test_migration_derives_postings_and_roll_ups_from_the_events(fresh_house):
    person, things = World(fresh_house).user(), [new_id() for _ in range(3)]
    for _ in range(3):
        leave(fresh_house.works, person, things, random.Random(2))
    sequencer.drain(fresh_house.database)
    before = derived_rows(fresh_house)
    fresh_house.database.dispose()

    migrations.downgrade(fresh_house.settings, revision="0005")
    migrations.upgrade(fresh_house.settings)

    assert derived_rows(fresh_house) == before
    assert all(before)


def derived_rows(house):
    tables = accessevents.tables(house.database.dialect)
    with house.database.engine.connect() as connection:
        return [set(map(tuple, connection.execute(select(each)))) for each in (tables.seen, tables.daily)]
