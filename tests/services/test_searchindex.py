"""Texts are found by their words soon after they were filed, by who may read the content."""

from __future__ import annotations

import pytest

from dms.base import errors
from dms.base.actor import system_actor
from dms.base.paging import PageRequest
from dms.jobs.holding import Ground
from dms.jobs.working import Working
from dms.models.documents import Document
from dms.rules.access import Action
from dms.rules.layouts import Field
from dms.services import search, searchindex, versions
from dms.services.search import Asked, Wanted
from dms.services.versions import NamedUpload
from dms.stores import fulltext, reindexing
from tests.recorded import last_of


@pytest.fixture(scope="module")
def room(world):
    """An Aggregation with somebody who may work in it."""
    node, clerk = world.aggregation(), world.user()
    for action in (Action.READ_CONTENT, Action.EDIT, Action.FILE):
        world.entry(clerk, node, action)
    return node, clerk


@pytest.fixture(scope="module")
def work(house):
    """Do all jobs that wait."""
    working = Working(Ground(house.works, house.vault, house.settings))

    def done():
        while working.look():
            pass

    yield done
    working.stop()


@pytest.fixture
def put(desk, world, room):
    """File a text as the next Version of a Document; returns Document and Version."""

    def filed(text, document=None):
        node, clerk = room
        document = document or world.document(node)
        world.build(lambda work: reindexing.refresh(work, limit=1_000))
        upload = NamedUpload(desk.upload(clerk, text.encode()), "letter.txt")
        revision = desk.look(Document, document).revision
        return document, desk.do(clerk, versions.add, document, expected_revision=revision, upload=upload)

    return filed


def hits(desk, user, text):
    def body(work):
        begun = search.begin(work, Asked(text))
        return search.page(work, begun, PageRequest(50), wanted=Wanted(snippets=True)).rows

    return desk.see(user, body)


def test_text_is_found_once_its_job_is_done_with_a_part_around_the_word(desk, house, room, put, work):
    _, clerk = room
    document, _ = put("Dear Sir, the quicksilver has arrived. " * 3)
    assert hits(desk, clerk, "quicksilver") == []

    work()

    (hit,) = hits(desk, clerk, "quicksilver")
    (part,) = hit.snippets
    assert hit.id == document
    assert part.field is Field.BODY
    assert [part.text[each.start : each.end] for each in part.ranges] == ["quicksilver"] * 3
    assert "content" in last_of(house, clerk)["released"]


def test_part_of_a_text_is_shown_to_nobody_who_may_not_read_the_content(desk, world, room, put, work):
    node, _ = room
    put("verdigris in a bottle")
    work()
    reader = world.holder(node, Action.READ_METADATA)

    assert hits(desk, reader, "verdigris") == []


def test_text_that_was_not_indexed_is_caught_up_with(desk, world, room, put, work):
    _, clerk = room
    document, _ = put("orpiment in a jar")
    work()
    world.build(lambda work: fulltext.remove(work, [document]))
    world.build(lambda work: reindexing.refresh(work, limit=1_000))
    assert hits(desk, clerk, "orpiment") == []

    queued = desk.house.works.write(system_actor("test"), searchindex.catch_up)
    work()

    assert queued >= 1
    assert [hit.id for hit in hits(desk, clerk, "orpiment")] == [document]


def test_text_is_read_again_after_the_index_was_made_anew(desk, world, room, put, work):
    _, clerk = room
    document, version = put("cerussite in a crate")
    work()
    as_before = fulltext.analysed("cerussites as an older analyser had it")
    world.build(lambda work: searchindex.index_text(work, version, text=as_before))

    world.build(reindexing.begin_anew)
    while world.build(lambda work: reindexing.refresh(work, limit=1_000)):
        pass

    assert [hit.id for hit in hits(desk, clerk, "older cerussites")] == [document]

    desk.house.works.write(system_actor("test"), searchindex.catch_up)
    work()

    assert hits(desk, clerk, "older cerussites") == []
    (hit,) = hits(desk, clerk, "cerussite crate")
    assert (hit.id, len(hit.snippets)) == (document, 1)


def test_text_of_a_former_version_is_not_indexed_by_a_late_job(desk, world, room, put, work):
    document, first = put("realgar in a box")
    put("gypsum in a box", document)

    indexed = world.build(
        lambda work: searchindex.index_text(work, first, text=fulltext.analysed("realgar in a box"))
    )
    work()

    assert not indexed
    assert hits(desk, room[1], "realgar") == []
    assert [hit.id for hit in hits(desk, room[1], "gypsum")] == [document]


def test_hit_stands_without_a_part_where_its_bytes_are_gone(desk, house, room, put, work):
    document, _ = put("litharge in a sack")
    work()
    house.works.equipment["vault"], kept = None, house.works.equipment["vault"]

    found = hits(desk, room[1], "litharge")
    house.works.equipment["vault"] = kept

    assert [(hit.id, hit.snippets) for hit in found] == [(document, ())]


def test_looking_for_parts_of_texts_ends_at_the_deadline(desk, room, put, work):
    put("massicot in a pot")
    work()

    def body(work):
        begun = search.begin(work, Asked("massicot"))
        work.deadline_s = 0.0
        return search.page(work, begun, PageRequest(50), wanted=Wanted(snippets=True))

    with pytest.raises(errors.Deadline):
        desk.see(room[1], body)


def test_nobody_but_the_system_indexes_texts(desk, room, put):
    _, version = put("minium in a tub")

    for use_case in (
        lambda work: searchindex.index_text(work, version, text=fulltext.analysed("x")),
        searchindex.catch_up,
    ):
        with pytest.raises(errors.Forbidden, match="only the system indexes texts"):
            desk.do(room[1], use_case)
