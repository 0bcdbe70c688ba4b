"""Frozen lists: what was found once stays in its order, and shows as far as it may be read now."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from uuid import UUID

import pytest
from sqlalchemy import delete, select

from dms.base import errors
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.search import SubjectKind
from dms.models.searchlists import SearchList, SearchListLine
from dms.rules.access import Action, Effect
from dms.rules.savedqueries import read
from dms.rules.searchlimits import Condition, HitOrder
from dms.services import accessevents, aggregationviews, documents, documentviews, searchlists
from dms.services.documents import DocumentChanges
from dms.services.search import Asked, Wanted
from dms.services.searchlists import Wording
from dms.stores import fulltext
from dms.stores.work import session_of
from tests.factories import make_document
from tests.recorded import last_of

words = (f"l{number}zq" for number in count())
"""Words that no other test uses."""

WANTED = Wanted(documentviews.Wanted(metadata=True), aggregationviews.Wanted(metadata=True))
NUL = "holds a control character (U+0000): remove it"
LONG = Condition("language", ("f" * 8_000,))
STALE = "it was changed since you read it: read it again, then change what you see"


def freeze(desk, user, asked, title="Letters", **said):
    return desk.do(user, searchlists.freeze, asked, title=title, **said)


def oldest(word):
    return Asked(word, order=HitOrder.OLDEST)


def lines(desk, user, frozen, size=20, **options):
    request = PageRequest(size, want_total=True, total_up_to=1_000, **options)
    return desk.see(user, searchlists.lines, [frozen.id], request, wanted=WANTED)[frozen.id]


def subjects(page):
    return [line.row.subject for line in page.rows]


def kept(desk, user):
    """The titles of somebody's lists, and how many there are."""
    page = desk.see(user, searchlists.page, PageRequest(20, want_total=True, total_up_to=1_000))
    return [row.title for row in page.rows], page.total


def add(desk, folder, *titles):
    """Documents that can be found by their titles, registered one after the other."""

    def body(work):
        made = [make_document(work, folder, title=title) for title in titles]
        fulltext.enter(work, [session_of(work).get(Document, key) for key in made])
        return made

    return desk.world.build(body)


def stored(house):
    """All lines of all lists, as the database holds them."""
    with house.database.engine.connect() as connection:
        return connection.execute(select(SearchListLine.__table__)).all()


@pytest.fixture
def folder(world, clerk):
    """A file that the clerk may read and change."""
    made = world.aggregation()
    for action in (Action.EDIT, Action.READ_CONTENT):
        world.entry(clerk, made, action)
    return made


@dataclass(frozen=True)
class Five:
    """A list of five Documents, of which the second and the fourth were closed to its owner since."""

    owner: UUID
    frozen: SearchList
    shown: list[UUID]


@pytest.fixture(scope="module")
def five(desk, world):
    folder, word = world.aggregation(), next(words)
    owner = world.holder(folder, Action.READ_CONTENT)
    made = add(desk, folder, *[f"Letter {word}"] * 5)
    frozen = freeze(desk, owner, oldest(word))
    for document in (made[1], made[3]):
        world.entry_on_document(owner, document, Action.DISCOVER, effect=Effect.DENY)
    return Five(owner, frozen, made[::2])


def test_list_keeps_what_was_found_in_its_order_with_person_and_search(desk, clerk, folder):
    word = next(words)
    made = add(desk, folder, *[f"Letter {word}"] * 3)
    conditions = (Condition("kind", ("document",)), Condition("below", (folder,)))

    frozen = freeze(
        desk, clerk, Asked(word, conditions, HitOrder.OLDEST), requester="E. Whitcombe", note=" For a book "
    )
    add(desk, folder, f"Later {word}")

    page = lines(desk, clerk, frozen)
    assert (subjects(page), page.total, page.has_next) == (made, 3, False)
    assert (frozen.title, frozen.requester, frozen.note) == ("Letters", "E. Whitcombe", "For a book")
    assert (frozen.owner_id, frozen.query, frozen.hit_order) == (clerk, word, HitOrder.OLDEST)
    assert read(frozen.conditions) == conditions


def test_line_shows_the_thing_as_it_is_now_and_what_it_was_when_found(desk, clerk, folder):
    word = next(words)
    (document,) = add(desk, folder, f"Letter {word}")
    frozen = freeze(desk, clerk, Asked(word))
    desk.do(clerk, documents.update, document, expected_revision=1, changes=DocumentChanges(title="Reply"))

    (line,) = lines(desk, clerk, frozen).rows

    assert (line.row.kind, line.row.found_revision, line.row.found_version) == (SubjectKind.DOCUMENT, 1, None)
    assert (line.document.described.title, line.document.revision, line.aggregation) == ("Reply", 2, None)


def test_aggregation_is_a_line_too(desk, world, clerk):
    word = next(words)
    made = world.aggregation(title=word)
    world.entry(clerk, made, Action.READ_METADATA)
    world.build(lambda work: fulltext.enter(work, [session_of(work).get(Aggregation, made)]))

    (line,) = lines(desk, clerk, freeze(desk, clerk, Asked(word))).rows

    assert (line.row.kind, line.aggregation.id, line.document) == (SubjectKind.AGGREGATION, made, None)


def test_what_is_closed_later_leaves_pages_and_totals(desk, five):
    page = lines(desk, five.owner, five.frozen)

    assert (subjects(page), page.total, page.has_next, page.has_previous) == (five.shown, 3, False, False)


@pytest.mark.parametrize("backward", [False, True])
def test_pages_go_on_across_lines_that_are_hidden(desk, five, backward):
    found, request = [], {}

    for rest in (True, True, False):
        page = lines(desk, five.owner, five.frozen, size=1, backward=backward, **request)
        more, before = (page.has_previous, page.has_next) if backward else (page.has_next, page.has_previous)
        assert (more, before, page.total) == (rest, bool(found), 3)
        found += subjects(page)
        request = {"after": page.positions[0]}

    assert found == (five.shown[::-1] if backward else five.shown)


def test_lines_of_several_lists_come_together(desk, five):
    shelf, word = desk.look(Document, five.shown[0]).aggregation_id, next(words)
    document = add(desk, shelf, word)
    other, empty = (freeze(desk, five.owner, Asked(each)) for each in (word, next(words)))

    request = PageRequest(2, want_total=True, total_up_to=2)
    asked = [five.frozen.id, other.id, empty.id]
    pages = desk.see(five.owner, searchlists.lines, asked, request, wanted=WANTED)

    assert {key: (subjects(page), page.total, page.total_is_exact) for key, page in pages.items()} == {
        five.frozen.id: (five.shown[:2], 2, False),
        other.id: (document, 1, True),
        empty.id: ([], 0, True),
    }


def test_erased_document_leaves_no_line_and_no_word(desk, house, world, clerk, folder):
    word = next(words)
    gone, stays = add(desk, folder, f"Burnt {word}", f"Letter {word}")
    frozen = freeze(desk, clerk, oldest(word))

    def erase(work):
        fulltext.remove(work, [gone])
        session_of(work).execute(delete(Document).where(Document.id == gone))

    world.build(erase)

    page = lines(desk, clerk, frozen)
    assert (subjects(page), page.total) == ([stays], 1)
    assert {type(value).__name__ for row in stored(house) for value in row} <= {
        "UUID",
        "int",
        "SubjectKind",
        "NoneType",
    }


def test_lines_of_what_the_metadata_may_no_longer_be_read_of_are_gone(desk, world, clerk, folder):
    word = next(words)
    add(desk, folder, word)
    frozen = freeze(desk, clerk, Asked(word))

    world.entry(clerk, folder, Action.READ_METADATA, effect=Effect.DENY)

    assert subjects(lines(desk, clerk, frozen)) == []


def test_that_nothing_was_found_can_be_frozen(desk, clerk):
    frozen = freeze(desk, clerk, Asked(next(words)))

    page = lines(desk, clerk, frozen)
    assert (subjects(page), page.total) == ([], 0)


def test_all_that_is_found_is_frozen_page_by_page(desk, clerk, folder, monkeypatch):
    monkeypatch.setattr(searchlists, "MAX_PAGE", 2)
    word = next(words)
    made = add(desk, folder, *[word] * 5)

    assert subjects(lines(desk, clerk, freeze(desk, clerk, Asked(word)))) == made[::-1]


def test_more_than_a_list_holds_is_refused_with_what_to_do(desk, house, clerk, folder, monkeypatch):
    monkeypatch.setattr(searchlists, "MAX_LINES", 2)
    word = next(words)
    before = len(stored(house))
    add(desk, folder, word, word)
    freeze(desk, clerk, Asked(word), title="Two")
    add(desk, folder, word)

    with pytest.raises(errors.Invalid) as caught:
        freeze(desk, clerk, Asked(word), title="Three")

    assert (str(caught.value), caught.value.path) == (
        "more than 2 things were found: narrow the search, or freeze it in parts",
        ("query",),
    )
    assert (kept(desk, clerk), len(stored(house))) == ((["Two"], 1), before + 2)


def test_nobody_keeps_more_lists_than_the_limit(desk, clerk, monkeypatch):
    monkeypatch.setattr(searchlists, "MAX_LISTS", 1)
    first = freeze(desk, clerk, Asked("letter"))

    with pytest.raises(errors.Conflict, match="^you have 1 frozen lists: remove one first$"):
        freeze(desk, clerk, Asked("letter"))

    desk.do(clerk, searchlists.remove, first.id, expected_revision=1)
    assert freeze(desk, clerk, Asked("letter")).id != first.id


@pytest.mark.parametrize(
    ("asked", "said", "refusal"),
    [
        (Asked("letter"), {"title": ""}, ("title", "must not be empty")),
        (Asked("letter"), {"title": "t" * 1_001}, ("title", "must be at most 1000 characters, not 1001")),
        (Asked("letter"), {"title": "a\x00b"}, ("title", NUL)),
        (Asked("letter"), {"requester": " "}, ("requester", "must not be empty")),
        (Asked("letter"), {"note": "n" * 10_001}, ("note", "must be at most 10000 characters, not 10001")),
        (Asked(""), {}, ("query", "say what to search for: words, a filter, or both")),
        (Asked("-tariff"), {}, ("query", "say what to search for: excluding is not enough")),
        (Asked("a\x00b"), {}, ("query", NUL)),
        (Asked("OR " * 10_000), {}, ("query", "must be at most 1000 characters, not 29999")),
        (Asked("", (LONG,)), {}, ("filter", "a filter may be 8000 characters long when saved")),
    ],
)
def test_what_cannot_be_frozen_is_refused_at_its_place(desk, clerk, asked, said, refusal):
    with pytest.raises(errors.Invalid) as caught:
        freeze(desk, clerk, asked, **said)

    assert (*caught.value.path, str(caught.value)) == refusal
    assert kept(desk, clerk) == ([], 0)


def test_place_that_nobody_told_one_of_is_refused_as_one_that_never_was(desk, world, clerk):
    for place in (world.aggregation(), new_id()):
        with pytest.raises(errors.NotFound, match="^not found$"):
            freeze(desk, clerk, Asked("letter", (Condition("below", (place,)),)))

    assert kept(desk, clerk) == ([], 0)


def test_lists_are_their_owners_alone_whatever_office_others_hold(desk, world, clerk, officer):
    frozen = freeze(desk, clerk, Asked("letter"))
    auditor = world.officer(role="auditor")

    for other in (world.user(), officer, auditor):
        for key in (frozen.id, new_id()):
            assert desk.see(other, searchlists.nodes, [key]) == {}
            for use, said in ((searchlists.remove, {}), (searchlists.update, {"wording": Wording("Mine")})):
                with pytest.raises(errors.NotFound, match="^not found$"):
                    desk.do(other, use, key, expected_revision=1, **said)
        assert kept(desk, other) == ([], 0)

    assert kept(desk, clerk) == (["Letters"], 1)


def test_rewording_keeps_the_lines_and_writes_only_what_differs(desk, clerk, folder):
    word = next(words)
    shown = add(desk, folder, word)
    frozen = freeze(desk, clerk, Asked(word))

    made = desk.do(
        clerk, searchlists.update, frozen.id, expected_revision=1, wording=Wording("Replies", note="sent")
    )
    again = desk.do(clerk, searchlists.update, frozen.id, expected_revision=2, wording=Wording("Replies"))

    assert (made.title, made.requester, made.note, made.revision) == ("Replies", None, "sent", 2)
    assert again.revision == 2
    assert subjects(lines(desk, clerk, made)) == shown


@pytest.mark.parametrize("use", ["update", "remove"])
def test_stale_revision_is_a_conflict_and_nothing_is_lost(desk, clerk, use):
    frozen = freeze(desk, clerk, Asked("letter"))
    said = {"wording": Wording("Replies")} if use == "update" else {}

    with pytest.raises(errors.Conflict) as caught:
        desk.do(clerk, getattr(searchlists, use), frozen.id, expected_revision=2, **said)

    assert (str(caught.value), caught.value.current_revision) == (STALE, 1)
    assert kept(desk, clerk) == (["Letters"], 1)


def test_one_of_many_who_reword_at_once_succeeds(desk, clerk):
    frozen = freeze(desk, clerk, Asked("letter"))

    def attempt(number):
        wording = Wording(f"Title {number}")
        try:
            return desk.do(clerk, searchlists.update, frozen.id, expected_revision=1, wording=wording).title
        except errors.Conflict:
            return None

    with ThreadPoolExecutor(4) as threads:
        (title,) = filter(None, threads.map(attempt, range(4)))

    assert kept(desk, clerk) == ([title], 1)


def test_removed_list_is_gone_with_its_lines(desk, house, clerk, folder):
    word = next(words)
    add(desk, folder, word)
    frozen = freeze(desk, clerk, Asked(word))

    desk.do(clerk, searchlists.remove, frozen.id, expected_revision=1)

    event = last_of(desk.house, clerk)
    assert (event["op"], event["changed"][0][:3]) == ("searchlist.remove", [frozen.id.hex, 1, None])
    assert kept(desk, clerk) == ([], 0)
    assert frozen.id not in {row.list_id for row in stored(house)}


def test_event_names_what_was_found_and_the_list(desk, house, clerk, folder):
    word = next(words)
    (made,) = add(desk, folder, word)

    frozen = freeze(desk, clerk, Asked(word))

    event = last_of(house, clerk)
    assert (event["op"], event["also"], event["outcome"]) == (
        "searchlist.freeze",
        ["search.run"],
        "committed",
    )
    [[line]] = event["released"]["metadata"].values()
    assert line[:2] == [made.hex, 1]
    assert event["changed"][0][:3] == [frozen.id.hex, None, 1]
    assert event["at"] == frozen.frozen_at


def test_auditor_reads_what_was_kept_and_the_words_only_with_all_that_was_found(
    desk, house, world, clerk, folder
):
    auditor = world.officer(role="auditor")
    word = next(words)
    add(desk, folder, word)
    frozen = freeze(desk, clerk, Asked(word), requester="E. Whitcombe")
    event = UUID(last_of(house, clerk)["id"])

    def detail():
        view = desk.see(auditor, accessevents.find, event, wanted=accessevents.Wanted(detail=True))
        return view.detail

    before = detail()
    world.entry(auditor, folder, Action.READ_METADATA)
    after = detail()

    assert json.loads(before.text)["changes"] == [
        [
            frozen.id.hex,
            {},
            {
                "conditions": "[]",
                "lines": 1,
                "note": None,
                "order": "relevance",
                "requester": "E. Whitcombe",
                "title": "Letters",
            },
        ]
    ]
    assert (before.withheld, word in before.text) == (("search",), False)
    assert (after.withheld, word in after.text) == ((), True)
