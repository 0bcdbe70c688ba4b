"""Saved searches: everybody's own, found anew each time, and unknown to everybody else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from dms.base import errors
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.documents import Medium
from dms.rules.access import Action, Effect
from dms.rules.query import Notice
from dms.rules.searchlimits import Condition, HitOrder, MediaKind, Span
from dms.services import documents, savedqueries, search
from dms.services.documents import NewDocument
from dms.services.search import Asked, Wanted
from tests.recorded import last_of

PAGE = PageRequest(20, want_total=True, total_up_to=1_000)

words = (f"s{number}vq" for number in count())
"""Words that no other test uses."""


NUL = "holds a control character (U+0000): remove it"
MANY = Condition("language", tuple(map(str, range(51))))
LONG = Condition("language", ("f" * 8_000,))


def save(desk, user, asked, name="Letters"):
    return desk.do(user, savedqueries.save, asked, name=name)


def names(desk, user):
    return [row.name for row in desk.see(user, savedqueries.page, PAGE).rows]


def found(desk, user, saved_id):
    """What a saved search finds now, and how many it says there are."""

    def body(work):
        page = search.page(work, savedqueries.begin(work, saved_id), PAGE, wanted=Wanted())
        return [hit.id for hit in page.rows], page.total

    return desk.see(user, body)


def add(desk, clerk, folder, title):
    new = NewDocument(aggregation_id=folder, title=title, medium=Medium.PHYSICAL)
    return desk.do(clerk, documents.register, new)


@pytest.fixture
def folder(world, clerk):
    """A file in which the clerk may do what a clerk does."""
    made = world.aggregation()
    for action in (Action.FILE, Action.EDIT, Action.READ_CONTENT):
        world.entry(clerk, made, action)
    return made


def test_saved_search_finds_what_its_owner_may_read_when_it_runs(desk, world, clerk, folder):
    word = next(words)
    first = add(desk, clerk, folder, f"Letter {word}")
    saved = save(desk, clerk, Asked(word, order=HitOrder.OLDEST))
    second = add(desk, clerk, folder, f"Reply {word}")

    before = found(desk, clerk, saved.id)
    world.entry(clerk, folder, Action.DISCOVER, effect=Effect.DENY)

    assert before == ([first, second], 2)
    assert found(desk, clerk, saved.id) == ([], 0)


def test_conditions_are_kept_as_they_were_given(desk, world, clerk, folder):
    conditions = (
        Condition("kind", ("document",)),
        Condition("aggregation", (folder, world.aggregation(folder))),
        Condition("below", (folder,)),
        Condition("recordClass", (world.record_class(),)),
        Condition("mediaType", (MediaKind("application/pdf"),)),
        Condition("language", ("fr", "zh")),
        Condition("date", (Span("1890-01-01", None),)),
    )

    saved = save(desk, clerk, Asked("", conditions, HitOrder.LATEST_DATE))

    begun = desk.see(clerk, savedqueries.begin, saved.id)
    assert begun.asked == Asked("", conditions, HitOrder.LATEST_DATE)


def test_saved_searches_are_listed_newest_first_to_their_owner_alone(desk, world, clerk):
    other = world.user()
    for name in ("One", "Two"):
        save(desk, clerk, Asked("letter"), name=name)
    save(desk, other, Asked("letter"), name="One")

    assert names(desk, clerk) == ["Two", "One"]
    assert names(desk, other) == ["One"]
    assert desk.see(clerk, savedqueries.page, PAGE).total == 2


@pytest.mark.parametrize("use", ["begin", "remove", "nodes"])
def test_that_of_somebody_else_is_absent(desk, world, clerk, use):
    saved = save(desk, world.user(), Asked("letter"))
    answers = []

    for key in (saved.id, new_id()):
        if use == "nodes":
            answers.append(desk.see(clerk, savedqueries.nodes, [key]))
            continue
        run = desk.do if use == "remove" else desk.see
        with pytest.raises(errors.NotFound) as caught:
            run(clerk, getattr(savedqueries, use), key)
        answers.append(str(caught.value))

    assert answers[0] == answers[1]


def test_removed_search_is_gone_and_its_name_is_free(desk, clerk):
    saved = save(desk, clerk, Asked("letter"))

    desk.do(clerk, savedqueries.remove, saved.id)

    event = last_of(desk.house, clerk)
    assert (event["op"], event["changed"][0][0]) == ("savedquery.remove", saved.id.hex)
    assert names(desk, clerk) == []
    with pytest.raises(errors.NotFound):
        desk.do(clerk, savedqueries.remove, saved.id)
    assert save(desk, clerk, Asked("letter")).id != saved.id


def test_name_that_one_has_is_refused(desk, clerk):
    save(desk, clerk, Asked("letter"), name="Letters")

    with pytest.raises(errors.Conflict) as caught:
        save(desk, clerk, Asked("reply"), name=" Letters ")

    assert str(caught.value) == "you have a saved search `Letters`: remove it first, or choose another name"
    assert names(desk, clerk) == ["Letters"]


def test_one_of_many_who_take_a_name_at_once_gets_it(desk, clerk):
    def attempt(_):
        try:
            return save(desk, clerk, Asked("letter")).name
        except errors.Conflict:
            return None

    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(attempt, range(4)))

    assert sorted(taken, key=str) == ["Letters", None, None, None]
    assert names(desk, clerk) == ["Letters"]


@pytest.mark.parametrize(
    ("name", "asked", "refusal"),
    [
        ("", Asked("letter"), ("name", "must not be empty")),
        (" \u2003", Asked("letter"), ("name", "must not be empty")),
        ("n" * 101, Asked("letter"), ("name", "must be at most 100 characters, not 101")),
        ("a\x00b", Asked("letter"), ("name", NUL)),
        ("Letters", Asked(""), ("query", "say what to search for: words, a filter, or both")),
        ("Letters", Asked("a\x00b"), ("query", NUL)),
        ("Letters", Asked("OR " * 10_000), ("query", "must be at most 1000 characters, not 29999")),
        ("Letters", Asked("", (MANY,)), ("filter", "a filter may hold 50 values at most")),
        ("Letters", Asked("", (LONG,)), ("filter", "a filter may be 8000 characters long when saved")),
    ],
)
def test_what_cannot_be_kept_is_refused_at_its_place(desk, clerk, name, asked, refusal):
    with pytest.raises(errors.Invalid) as caught:
        save(desk, clerk, asked, name=name)

    assert (*caught.value.path, str(caught.value)) == refusal
    assert names(desk, clerk) == []


def test_odd_query_is_kept_and_its_oddities_are_told_when_it_runs(desk, clerk):
    saved = save(desk, clerk, Asked('"letter OR -'))

    assert desk.see(clerk, savedqueries.begin, saved.id).notices == (Notice.OPEN_QUOTE,)


def test_nobody_keeps_more_than_the_limit(desk, clerk, monkeypatch):
    monkeypatch.setattr(savedqueries, "MAX_KEPT", 2)
    for name in ("One", "Two"):
        save(desk, clerk, Asked("letter"), name=name)

    with pytest.raises(errors.Conflict, match="you have 2 saved searches: remove one first"):
        save(desk, clerk, Asked("letter"), name="Three")

    assert names(desk, clerk) == ["Two", "One"]


def test_place_that_the_owner_may_no_longer_know_of_finds_nothing(desk, world, clerk, folder):
    add(desk, clerk, folder, "Letter")
    saved = save(desk, clerk, Asked("", (Condition("below", (folder,)),)))
    world.entry(clerk, folder, Action.DISCOVER, effect=Effect.DENY)

    assert found(desk, clerk, saved.id) == ([], 0)


def test_place_that_nobody_told_one_of_is_refused_as_one_that_never_was(desk, world, clerk):
    for place in (world.aggregation(), new_id()):
        with pytest.raises(errors.NotFound, match="^not found$"):
            save(desk, clerk, Asked("letter", (Condition("aggregation", (place,)),)))

    assert names(desk, clerk) == []


def test_running_is_recorded_as_a_search_with_the_saved_one(desk, clerk):
    saved = save(desk, clerk, Asked("letter"))

    desk.see(clerk, savedqueries.begin, saved.id)

    event = last_of(desk.house, clerk)
    assert event["op"] == "search.run"
    assert saved.id.hex in str(event["released"])
